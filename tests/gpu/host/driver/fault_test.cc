// A fault in a kernel ends the process, and a handler on the thread can tell what it was doing.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "gpu/host/driver/kernel_thread.h"
#include "gpu/host/driver/running_launch.h"
#include "tests/gpu/host/driver/host_under_test.h"

namespace amdgpu::host {
namespace {

// What the worker's handler does, reduced to a line.
void Report(int signal, siginfo_t* info, void*) {
  const RunningLaunch* launch = CurrentLaunch();
  const KernelThreadResources* thread = KernelThread::Current();
  const auto address = reinterpret_cast<std::uint64_t>(info->si_addr);
  const bool overflow =
      thread != nullptr && thread->guard_begin <= address && address < thread->guard_end;
  char line[1024];
  const int length = snprintf(
      line, sizeof(line), "fault signal=%d ticket=%lu blocks=%u-%u overflow=%d message=%s\n",
      signal, launch == nullptr ? 0 : launch->ticket, launch == nullptr ? 0 : launch->first_block,
      launch == nullptr ? 0 : launch->last_block, overflow ? 1 : 0,
      launch == nullptr ? "" : launch->message);
  (void)!write(STDERR_FILENO, line, static_cast<std::size_t>(length));
  _exit(42);
}

void InstallHandlers() {
  struct sigaction action = {};
  action.sa_sigaction = &Report;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
    sigaction(signal, &action, nullptr);
  }
}

// Launches `kernel` as ticket 77 in a process of its own, with `offset` from the slab's start as
// its argument, and waits for it.
void RunFaulty(const std::string& kernel, std::int64_t offset, bool absolute) {
  InstallHandlers();
  gpu::RecordingSink sink;
  HostUnderTest host(sink, 2);
  const gpu::DeviceAddress slab = *host.driver().Reserve(1 << 20, 0);
  const std::string object =
      PointerKernels("fault_kernels", {"write_to", "read_from", "overflow_stack", "divide", "trap",
                                       "abort_now", "fail_assert"})
          .SerializeAsString();
  const gpu::Module module =
      *host.driver().Load({reinterpret_cast<const std::byte*>(object.data()), object.size()}, 0);
  const gpu::DeviceAddress argument = absolute ? static_cast<gpu::DeviceAddress>(offset)
                                               : slab + static_cast<std::uint64_t>(offset);
  for (const gpu::Function& function : module.functions) {
    if (function.info.name() != kernel) continue;
    (void)host.driver().Launch(
        0, 77,
        {.function = function.handle,
         .grid = {1},
         .block = {1},
         .dynamic_shared_bytes = 0,
         .args = {reinterpret_cast<const std::byte*>(&argument), sizeof(argument)}});
  }
  (void)host.driver().Synchronize(0);
  fprintf(stderr, "printed=%s", sink.printed(77).c_str());
  _exit(0);
}

const auto kFaulted = testing::ExitedWithCode(42);
const auto kFine = testing::ExitedWithCode(0);

class FaultDeathTest : public testing::Test {
 protected:
  FaultDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(FaultDeathTest, NullDereference) {
  EXPECT_EXIT(RunFaulty("write_to", 0, true), kFaulted,
              "signal=11 ticket=77 blocks=0-1 overflow=0");
  EXPECT_EXIT(RunFaulty("read_from", 8, true), kFaulted, "signal=11 ticket=77");
}

TEST_F(FaultDeathTest, TheEndOfASlab) {
  EXPECT_EXIT(RunFaulty("write_to", (1 << 20) - 4, false), kFine, "");
  EXPECT_EXIT(RunFaulty("write_to", 1 << 20, false), kFaulted, "signal=11 ticket=77");
  EXPECT_EXIT(RunFaulty("write_to", -4, false), kFaulted, "signal=11 ticket=77");
  EXPECT_EXIT(RunFaulty("read_from", 1 << 20, false), kFine, "");
  EXPECT_EXIT(RunFaulty("read_from", (1 << 20) + 8192, false), kFaulted, "signal=11 ticket=77");
}

TEST_F(FaultDeathTest, StackOverflow) {
  EXPECT_EXIT(RunFaulty("overflow_stack", 0, false), kFaulted,
              "signal=11 ticket=77 blocks=0-1 overflow=1");
}

TEST_F(FaultDeathTest, DivisionByZero) {
  EXPECT_EXIT(RunFaulty("divide", 0, false), kFaulted, "signal=8 ticket=77");
}

TEST_F(FaultDeathTest, Trap) {
  EXPECT_EXIT(RunFaulty("trap", 0, false), kFaulted, "signal=4 ticket=77");
}

TEST_F(FaultDeathTest, Abort) {
  EXPECT_EXIT(RunFaulty("abort_now", 0, false), kFaulted, "signal=6 ticket=77");
}

TEST_F(FaultDeathTest, FailedAssertSaysWhich) {
  EXPECT_EXIT(RunFaulty("fail_assert", 0, false), kFaulted,
              "signal=6 ticket=77 .*message=kernel.hip:12: fail_assert: assertion `n > 0` failed");
}

}  // namespace
}  // namespace amdgpu::host
