#include "c_src/runtime/probe.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/message_socket.h"
#include "c_src/base/spawn.h"
#include "c_src/runtime/worker_process.h"

namespace amdgpu {
namespace {

// Vendors' runtimes take up to a few seconds to start on machines with many devices.
constexpr std::uint64_t kPatienceNs = 20'000'000'000;

absl::Status Ask(const std::string& worker_path, const std::string& kind,
                 proto::ProbeReply* reply) {
  absl::StatusOr<std::pair<UniqueFd, UniqueFd>> ends = CreateSocketPair();
  if (!ends.ok()) return ends.status();
  SpawnOptions spawn;
  spawn.path = worker_path;
  spawn.arguments = {absl::StrCat("--probe=", kind)};
  spawn.environment = WorkerEnvironment();
  spawn.fds = {ends->second.get()};
  const absl::StatusOr<ChildProcess> child = Spawn(spawn);
  if (!child.ok()) return child.status();
  ends->second.reset();
  const absl::Status received = ReceiveMessage(ends->first.get(), reply, NowNs() + kPatienceNs);
  if (absl::IsDeadlineExceeded(received)) kill(child->pid, SIGKILL);
  int wait_status = 0;
  pid_t reaped;
  do {
    reaped = waitpid(child->pid, &wait_status, 0);
  } while (reaped < 0 && errno == EINTR);
  if (received.ok()) return received;
  if (absl::IsDeadlineExceeded(received)) {
    return absl::DeadlineExceededError(absl::StrCat("the vendor's runtime did not answer within ",
                                                    kPatienceNs / 1'000'000'000, " seconds"));
  }
  return absl::AbortedError(
      absl::StrCat("the process that asked the vendor's runtime ",
                   reaped == child->pid ? DescribeExit(wait_status) : "ended"));
}

}  // namespace

proto::ProbeReply ProbeDevices(const std::string& worker_path, const std::string& kind) {
  proto::ProbeReply reply;
  const absl::Status status = Ask(worker_path, kind, &reply);
  reply.set_kind(kind);
  if (!status.ok()) reply.set_problem(std::string(status.message()));
  return reply;
}

}  // namespace amdgpu
