// Children start with what they are given and nothing else.

#include "c_src/base/spawn.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace amdgpu {
namespace {

// What `script` writes to its descriptor 3.
std::string OutputOf(const std::string& script, int* wait_status = nullptr) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  SpawnOptions options;
  options.path = "/bin/sh";
  options.arguments = {"-c", script};
  options.environment = {"GIVEN=1"};
  options.fds = {ends[1]};
  const absl::StatusOr<ChildProcess> child = Spawn(options);
  EXPECT_TRUE(child.ok()) << child.status();
  close(ends[1]);
  std::string output;
  char buffer[4096];
  ssize_t bytes;
  while ((bytes = read(ends[0], buffer, sizeof(buffer))) > 0) output.append(buffer, bytes);
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child->pid, &status, 0), child->pid);
  if (wait_status != nullptr) *wait_status = status;
  return output;
}

TEST(Spawn, ExactlyTheGivenDescriptors) {
  const int stray = open("/dev/null", O_RDONLY);
  // The shell's own `ls` sees 0 to 3 and the directory it reads.
  EXPECT_EQ(OutputOf("ls /proc/self/fd | wc -w >&3"), "5\n");
  EXPECT_EQ(OutputOf("readlink /proc/self/fd/0 >&3"), "/dev/null\n");
  close(stray);
}

TEST(Spawn, OnlyTheGivenEnvironment) {
  setenv("SECRET", "1", 1);
  EXPECT_EQ(OutputOf("echo $GIVEN$SECRET >&3"), "1\n");
}

TEST(Spawn, SignalsAreAsAtTheBeginning) {
  const auto before = signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, old;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &old);
  const std::string output = OutputOf("grep -E 'Sig(Blk|Ign)' /proc/self/status >&3");
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  signal(SIGPIPE, before);
  // Signals 32 and 33 are the C library's own and not for us to reset.
  EXPECT_THAT(output, ::testing::MatchesRegex("SigBlk:\t0000000000000000\n"
                                              "SigIgn:\t0000000[01][08]0000000\n"));
}

TEST(Spawn, EndsAreToldInWords) {
  int status;
  OutputOf("exit 3", &status);
  EXPECT_EQ(DescribeExit(status), "exited with code 3");
  OutputOf("kill -9 $$", &status);
  EXPECT_EQ(DescribeExit(status), "was killed by SIGKILL");
  EXPECT_EQ(SignalName(SIGSEGV), "SIGSEGV");
  EXPECT_EQ(SignalName(200), "signal 200");
}

TEST(Spawn, ThePidfdTellsTheEnd) {
  SpawnOptions options;
  options.path = "/bin/sleep";
  options.arguments = {"1000"};
  const absl::StatusOr<ChildProcess> child = Spawn(options);
  ASSERT_TRUE(child.ok());
  ASSERT_TRUE(child->pidfd.valid());
  pollfd entry{child->pidfd.get(), POLLIN, 0};
  EXPECT_EQ(poll(&entry, 1, 0), 0);
  kill(child->pid, SIGKILL);
  EXPECT_EQ(poll(&entry, 1, 10'000), 1);
  waitpid(child->pid, nullptr, 0);
}

TEST(Spawn, NoSuchExecutable) {
  SpawnOptions options;
  options.path = "/nonexistent";
  EXPECT_EQ(Spawn(options).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace amdgpu
