#include "c_src/runtime/worker_process.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/build_id.h"
#include "c_src/base/clock.h"
#include "c_src/base/message_socket.h"
#include "c_src/runtime/protocol.h"

namespace amdgpu {
namespace {

// A worker that takes longer than this to answer is broken.
constexpr std::uint64_t kAnswerNs = 60'000'000'000;

// What a worker inherits of our environment: variables with these names,
constexpr const char* kInherited[] = {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                                      "TSAN_OPTIONS",    "LSAN_OPTIONS", "HOME",
                                      "AMDGPU_LANDLOCK"};
// and those with these beginnings, which tell the vendors' runtimes what to see and do.
constexpr absl::string_view kInheritedPrefixes[] = {"AMD_",    "HIP_",     "HSA_",    "ROCM_",
                                                    "ROCR_",   "GPU_",     "CUDA_",   "NV_",
                                                    "NVIDIA_", "ROCBLAS_", "CUBLAS_", "TENSILE_"};

bool IsInherited(absl::string_view variable) {
  const absl::string_view name = variable.substr(0, variable.find('='));
  for (const absl::string_view inherited : kInherited) {
    if (name == inherited) return true;
  }
  for (const absl::string_view prefix : kInheritedPrefixes) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> WorkerEnvironment() {
  std::vector<std::string> environment = {"LC_ALL=C.UTF-8"};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (IsInherited(*variable)) environment.emplace_back(*variable);
  }
  return environment;
}

WorkerProcess::WorkerProcess(ChildProcess child, UniqueFd control)
    : child_(std::move(child)), control_(std::move(control)) {}

WorkerProcess::~WorkerProcess() { End(nullptr); }

absl::StatusOr<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(const WorkerStart& start) {
  absl::StatusOr<std::pair<UniqueFd, UniqueFd>> ends = CreateSocketPair();
  if (!ends.ok()) return ends.status();
  SpawnOptions spawn;
  spawn.path = start.path;
  spawn.arguments = {absl::StrCat("--kind=", start.kind), absl::StrCat("--index=", start.index),
                     absl::StrCat("--threads=", start.threads)};
  spawn.environment = WorkerEnvironment();
  spawn.fds = {ends->second.get(), start.segment_fd};
  if (start.arena_fd >= 0) spawn.fds.push_back(start.arena_fd);
  absl::StatusOr<ChildProcess> child = Spawn(spawn);
  if (!child.ok()) return child.status();
  ends->second.reset();
  auto worker = absl::WrapUnique(new WorkerProcess(*std::move(child), std::move(ends->first)));

  proto::WorkerRequest request;
  request.mutable_hello()->set_protocol_version(protocol::kVersion);
  request.mutable_hello()->set_build_id(std::string(BuildId()));
  absl::StatusOr<proto::WorkerReply> reply = worker->Call(std::move(request));
  if (absl::IsUnavailable(reply.status())) {
    return absl::UnavailableError(
        absl::StrCat("the worker ", start.path, " ", worker->End(nullptr), " before it was ready"));
  }
  if (!reply.ok()) return reply.status();
  const proto::HelloReply& hello = reply->hello();
  if (hello.protocol_version() != protocol::kVersion || hello.build_id() != BuildId()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the worker ", start.path, " is of build ", hello.build_id(), " (protocol ",
                     hello.protocol_version(), "), this runtime of build ", std::string(BuildId()),
                     " (protocol ", protocol::kVersion, "): rebuild both"));
  }
  worker->properties_ = hello.properties();
  return worker;
}

absl::StatusOr<proto::WorkerReply> WorkerProcess::Call(proto::WorkerRequest request) {
  const std::uint64_t id = next_id_++;
  request.set_id(id);
  absl::Status status = SendMessage(control_.get(), request);
  proto::WorkerReply reply;
  if (status.ok()) status = ReceiveMessage(control_.get(), &reply, NowNs() + kAnswerNs);
  if (status.ok() && reply.id() != id) {
    status = absl::DataLossError("an answer to another question");
  }
  if (!status.ok()) {
    // Whatever went wrong, this worker is of no more use.
    kill(child_.pid, SIGKILL);
    return absl::UnavailableError(status.message());
  }
  if (reply.code() != 0) {
    return absl::Status(static_cast<absl::StatusCode>(reply.code()), reply.message());
  }
  return reply;
}

std::string WorkerProcess::End(int* signal) {
  if (signal != nullptr) *signal = 0;
  if (child_.pid == 0) return "has ended";
  control_.reset();
  kill(child_.pid, SIGKILL);
  int wait_status = 0;
  pid_t reaped;
  do {
    reaped = waitpid(child_.pid, &wait_status, 0);
  } while (reaped < 0 && errno == EINTR);
  const bool known = reaped == child_.pid;
  child_.pid = 0;
  if (!known) {
    // A BEAM has its children reaped by the kernel, which tells nobody how they ended. Of any other
    // signal the worker would have told itself.
    return "ended without a word: it was killed, maybe for want of memory, or it exited";
  }
  if (signal != nullptr && WIFSIGNALED(wait_status)) *signal = WTERMSIG(wait_status);
  return DescribeExit(wait_status);
}

}  // namespace amdgpu
