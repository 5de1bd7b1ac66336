// How workers come and go: refused builds, missing executables, clients that vanish.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "c_src/base/build_id.h"
#include "c_src/base/message_socket.h"
#include "c_src/base/spawn.h"
#include "c_src/runtime/segment.h"
#include "proto/worker.pb.h"
#include "tests/c_src/runtime/device_fixture.h"

namespace amdgpu::testing {
namespace {

constexpr std::uint64_t kForever = 3'600'000'000'000;

// Gone, or a zombie that nobody has collected.
bool Ended(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string stat;
  if (!std::getline(file, stat)) return true;
  const std::size_t name_end = stat.rfind(") ");
  return name_end == std::string::npos || stat[name_end + 2] == 'Z';
}

bool EndsSoon(pid_t pid) {
  for (int i = 0; i < 2000 && !Ended(pid); ++i) absl::SleepFor(absl::Milliseconds(5));
  return Ended(pid);
}

// Total CPU time of a process, in clock ticks.
std::uint64_t CpuTicks(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string stat;
  std::getline(file, stat);
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(stat.rfind(") ") + 2), ' ');
  return std::strtoull(fields[11].c_str(), nullptr, 10) +
         std::strtoull(fields[12].c_str(), nullptr, 10);
}

// Context switches of all threads of a process.
std::uint64_t ContextSwitches(pid_t pid) {
  std::uint64_t total = 0;
  const std::string command =
      absl::StrCat("cat /proc/", pid, "/task/*/status | grep ctxt_switches");
  std::FILE* pipe = popen(command.c_str(), "r");
  char line[256];
  while (std::fgets(line, sizeof(line), pipe) != nullptr) {
    total += std::strtoull(std::strchr(line, ':') + 1, nullptr, 10);
  }
  pclose(pipe);
  return total;
}

// A worker started by hand, to say the wrong things to.
struct ByHand {
  ByHand() {
    auto ends = *CreateSocketPair();
    segment = std::make_unique<Segment>(*Segment::Create());
    arena = *CreateSharedMemory("arena", 1 << 20);
    SpawnOptions options;
    options.path = AMDGPU_FAKE_WORKER;
    options.arguments = {"--kind=host"};
    options.fds = {ends.second.get(), segment->fd(), arena.get()};
    child = *Spawn(options);
    control = std::move(ends.first);
  }
  ~ByHand() {
    kill(child.pid, SIGKILL);
    waitpid(child.pid, nullptr, 0);
  }
  proto::WorkerReply Hello(std::uint32_t version, const std::string& build) {
    proto::WorkerRequest request;
    request.mutable_hello()->set_protocol_version(version);
    request.mutable_hello()->set_build_id(build);
    EXPECT_TRUE(SendMessage(control.get(), request).ok());
    proto::WorkerReply reply;
    EXPECT_TRUE(ReceiveMessage(control.get(), &reply).ok());
    return reply;
  }

  std::unique_ptr<Segment> segment;
  UniqueFd arena;
  UniqueFd control;
  ChildProcess child;
};

TEST(WorkerLife, AnotherBuildIsRefusedClearly) {
  ByHand worker;
  const proto::WorkerReply reply = worker.Hello(protocol::kVersion, "0123");
  EXPECT_EQ(reply.code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(absl::StrContains(reply.message(), "0123")) << reply.message();
  EXPECT_TRUE(absl::StrContains(reply.message(), std::string(BuildId()))) << reply.message();
  EXPECT_TRUE(EndsSoon(worker.child.pid));
}

TEST(WorkerLife, AnotherProtocolIsRefusedClearly) {
  ByHand worker;
  const proto::WorkerReply reply = worker.Hello(protocol::kVersion + 1, std::string(BuildId()));
  EXPECT_EQ(reply.code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(absl::StrContains(reply.message(), "protocol version")) << reply.message();
}

TEST(WorkerLife, ASegmentOfAnotherBuildIsRefused) {
  ByHand worker;
  worker.segment->header().build_id[0] ^= 1;
  const proto::WorkerReply reply = worker.Hello(protocol::kVersion, std::string(BuildId()));
  EXPECT_EQ(reply.code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
}

TEST(WorkerLife, EndsWithTheControlSocket) {
  ByHand worker;
  ASSERT_EQ(worker.Hello(protocol::kVersion, std::string(BuildId())).code(), 0);
  worker.control.reset();
  EXPECT_TRUE(EndsSoon(worker.child.pid));
}

TEST(WorkerLife, HasNoDescriptorsBesideItsOwn) {
  const int stray = open("/dev/null", O_RDONLY);  // not close-on-exec
  ByHand worker;
  ASSERT_EQ(worker.Hello(protocol::kVersion, std::string(BuildId())).code(), 0);
  const std::string command =
      absl::StrCat("ls -l /proc/", worker.child.pid,
                   "/fd | grep -v -e '-> /proc/' -e '-> /sys/' | grep -c -- '->'");
  std::FILE* pipe = popen(command.c_str(), "r");
  int count = 0;
  ASSERT_EQ(std::fscanf(pipe, "%d", &count), 1);
  pclose(pipe);
  close(stray);
  // 0-2, control, segment, arena, and its own timer; besides what the sampler reads.
  EXPECT_EQ(count, 7);
}

TEST(WorkerLife, RubbishInTheRingEndsIt) {
  ByHand worker;
  ASSERT_EQ(worker.Hello(protocol::kVersion, std::string(BuildId())).code(), 0);
  protocol::SegmentHeader& header = worker.segment->header();
  header.command.head.store(12345);
  Segment::Bell(header.command).Ring();
  EXPECT_TRUE(EndsSoon(worker.child.pid));
}

TEST_F(DeviceTest, AMissingWorkerIsAnError) {
  DeviceOptions options = Defaults({});
  options.worker_path = "/nonexistent/amdgpu_worker";
  const absl::Status status = Device::Open(options, compiler_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
}

TEST_F(DeviceTest, AnExecutableThatIsNoWorkerIsAnError) {
  DeviceOptions options = Defaults({});
  options.worker_path = "/bin/true";
  const absl::Status status = Device::Open(options, compiler_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "/bin/true")) << status;
}

TEST_F(DeviceTest, ADeviceThatIsNotThereIsAnError) {
  DeviceOptions options = Defaults({});
  options.kind = "abacus";
  const absl::Status status = Device::Open(options, compiler_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "abacus")) << status;
}

TEST_F(DeviceTest, AWorkerThatLoopsEndsWithItsDevice) {
  const pid_t pid = device_->Stats().worker_pid;
  const absl::StatusOr<JobRef> job = Launch("spin", {kForever});
  ASSERT_TRUE(job.ok());
  device_.reset();
  EXPECT_TRUE(EndsSoon(pid));
}

TEST_F(DeviceTest, AnIdleWorkerNeverWakes) {
#ifdef AMDGPU_SANITIZED
  GTEST_SKIP() << "skipped: a sanitizer has a thread of its own that wakes";
#endif
  ASSERT_TRUE(Run("empty", {}).ok());
  const pid_t pid = device_->Stats().worker_pid;
  absl::SleepFor(absl::Milliseconds(200));
  const std::uint64_t ticks = CpuTicks(pid);
  const std::uint64_t worker_switches = ContextSwitches(pid);
  absl::SleepFor(absl::Seconds(2));
  EXPECT_EQ(CpuTicks(pid), ticks);
  EXPECT_EQ(ContextSwitches(pid), worker_switches);
}

// A client in a process of its own, killed: its worker must not stay behind, even while it loops.
TEST(WorkerLife, EndsWithAKilledClient) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const std::string path = "/proc/self/exe";
  char executable[4096] = {};
  ASSERT_GT(readlink(path.c_str(), executable, sizeof(executable) - 1), 0);
  SpawnOptions options;
  options.path = executable;
  options.arguments = {"--gtest_also_run_disabled_tests",
                       "--gtest_filter=DeviceTest.DISABLED_ClientThatIsKilled"};
  options.fds = {pipe_ends[1]};
  const absl::StatusOr<ChildProcess> client = Spawn(options);
  ASSERT_TRUE(client.ok()) << client.status();
  close(pipe_ends[1]);
  pid_t worker = 0;
  ASSERT_EQ(read(pipe_ends[0], &worker, sizeof(worker)), static_cast<ssize_t>(sizeof(worker)));
  close(pipe_ends[0]);
  EXPECT_FALSE(Ended(worker));
  kill(client->pid, SIGKILL);
  waitpid(client->pid, nullptr, 0);
  EXPECT_TRUE(EndsSoon(worker));
}

// Run by the test above in its own process: descriptor 3 is a pipe to it.
TEST_F(DeviceTest, DISABLED_ClientThatIsKilled) {
  const absl::StatusOr<JobRef> job = Launch("spin", {kForever});
  ASSERT_TRUE(job.ok());
  const pid_t worker = device_->Stats().worker_pid;
  ASSERT_EQ(write(3, &worker, sizeof(worker)), static_cast<ssize_t>(sizeof(worker)));
  pause();
}

}  // namespace
}  // namespace amdgpu::testing
