// What the host driver does beyond the contract: where small work runs, that streams do not starve
// each other, that it sleeps when idle, and what it refuses.

#include "gpu/host/driver/host_driver.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>

#include "gpu/host/driver/kernel_thread.h"
#include "tests/gpu/host/driver/host_under_test.h"

namespace amdgpu::host {
namespace {

absl::Span<const std::byte> Bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

class HostDriverTest : public testing::Test {
 protected:
  static constexpr unsigned kThreads = 2;

  HostDriverTest() : host_(sink_, kThreads) {
    module_ = *driver().Load(Bytes(host_.ContractKernels()), 0);
    memory_ = *driver().Reserve(1 << 20, 0);
  }

  gpu::Driver& driver() { return host_.driver(); }

  gpu::Ticket Launch(gpu::StreamId stream, const std::string& name, gpu::Dim3 grid, gpu::Dim3 block,
                     const std::string& args = "") {
    const gpu::Ticket ticket = ++ticket_;
    for (const gpu::Function& function : module_.functions) {
      if (function.info.name() != name) continue;
      const absl::Status status = driver().Launch(stream, ticket,
                                                  {.function = function.handle,
                                                   .grid = grid,
                                                   .block = block,
                                                   .dynamic_shared_bytes = 0,
                                                   .args = Bytes(args)});
      EXPECT_TRUE(status.ok()) << status;
    }
    return ticket;
  }

  static std::string Pointers(std::initializer_list<gpu::DeviceAddress> addresses) {
    std::string args;
    for (const gpu::DeviceAddress address : addresses) {
      args.append(reinterpret_cast<const char*>(&address), sizeof(address));
    }
    return args;
  }

  volatile std::uint32_t* Word(std::uint64_t offset) {
    return reinterpret_cast<volatile std::uint32_t*>(memory_ + offset);
  }
  void Set(std::uint64_t offset, std::uint32_t value) {
    __atomic_store_n(const_cast<std::uint32_t*>(Word(offset)), value, __ATOMIC_RELEASE);
  }

  gpu::RecordingSink sink_;
  HostUnderTest host_;
  gpu::Module module_;
  gpu::DeviceAddress memory_ = 0;
  gpu::Ticket ticket_ = 0;
};

TEST_F(HostDriverTest, SmallWorkCompletesWithinTheCallOnAKernelThread) {
  const auto thread = KernelThread::Start("test", [&] {
    // Nothing is known of a kernel at first.
    sink_.WaitFor(Launch(0, "empty", {1}, {1}));
    ASSERT_TRUE(driver().Synchronize(0).ok());
    // One that the machine held up makes the next ones look long.
    int within = 0;
    for (int i = 0; i < 100; ++i) {
      const gpu::Ticket ticket = Launch(0, "empty", {1}, {1});
      within += sink_.Completed(ticket) ? 1 : 0;
      sink_.WaitFor(ticket);
    }
    EXPECT_GE(within, 50);
  });
  ASSERT_TRUE(thread.ok()) << thread.status();
}

TEST_F(HostDriverTest, KernelsNeverRunOnAnOrdinaryThread) {
  // Its stack may be small and has no guard that a handler knows.
  EXPECT_EQ(KernelThread::Current(), nullptr);
  for (int i = 0; i < 100; ++i) {
    const gpu::Ticket ticket = Launch(0, "empty", {1}, {1});
    EXPECT_EQ(sink_.WaitFor(ticket).status, absl::StatusCode::kOk);
  }
}

TEST_F(HostDriverTest, ALongKernelDoesNotStarveOtherStreams) {
  // As many endless blocks as cores, in a stream; then in a second one.
  Set(0, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  ASSERT_TRUE(driver().CreateStream(2).ok());
  const gpu::Ticket first =
      Launch(1, "spin_until", {kThreads}, {1}, Pointers({memory_, memory_ + 64}));
  const gpu::Ticket second = Launch(2, "spin_until", {1}, {1}, Pointers({memory_, memory_ + 128}));
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(sink_.WaitFor(Launch(0, "empty", {100}, {32})).status, absl::StatusCode::kOk);
  }
  EXPECT_FALSE(sink_.Completed(first));
  EXPECT_FALSE(sink_.Completed(second));
  Set(0, 1);
  sink_.WaitFor(first);
  sink_.WaitFor(second);
}

TEST_F(HostDriverTest, IdleCostsNothing) {
  for (int i = 0; i < 1000; ++i) Launch(0, "empty", {64}, {64});
  ASSERT_TRUE(driver().Synchronize(0).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  rusage before;
  rusage after;
  getrusage(RUSAGE_SELF, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  getrusage(RUSAGE_SELF, &after);
  const auto micros = [](const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; };
  EXPECT_LT(micros(after.ru_utime) - micros(before.ru_utime), 1000);
  EXPECT_LT(micros(after.ru_stime) - micros(before.ru_stime), 1000);
}

TEST_F(HostDriverTest, CopiesOutsideDeviceMemoryAreRefused) {
  char here[16] = {};
  const gpu::DeviceAddress end = memory_ + (1 << 20);
  const auto refused = [](const absl::Status& status) {
    return status.code() == absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused(driver().CopyIn(0, 1, 0, here, 16)));
  EXPECT_TRUE(refused(driver().CopyIn(0, 1, end - 15, here, 16)));
  EXPECT_TRUE(refused(driver().CopyOut(0, 1, here, memory_ - 1, 16)));
  EXPECT_TRUE(refused(driver().Copy(0, 1, memory_, end, 1)));
  EXPECT_TRUE(refused(driver().Copy(0, 1, memory_, memory_ + 1, 1 << 20)));
  EXPECT_TRUE(refused(driver().Fill(0, 1, memory_, 0, 1, std::uint64_t{1} << 60)));
  const gpu::Global table = *driver().FindGlobal(module_.handle, "table");
  EXPECT_TRUE(refused(driver().CopyIn(0, 1, table.address, here, 17)));
  EXPECT_TRUE(sink_.completions().empty());
}

TEST_F(HostDriverTest, SpecialisedCodeRunsOnlyItsShape) {
  proto::HostCodeObject object = ContractKernels();
  object.set_block_x(64);
  object.set_block_y(1);
  object.set_block_z(1);
  const absl::StatusOr<gpu::Module> variant =
      driver().Load(Bytes(object.SerializeAsString()), module_.handle);
  ASSERT_TRUE(variant.ok()) << variant.status();
  module_ = *variant;
  sink_.WaitFor(Launch(0, "bump", {1}, {64}));
  const absl::Status status = driver().Launch(0, 99,
                                              {.function = module_.functions.front().handle,
                                               .grid = {1},
                                               .block = {32},
                                               .dynamic_shared_bytes = 0,
                                               .args = {}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HostDriverTest, LaunchBoundsHold) {
  proto::HostCodeObject object = ContractKernels();
  object.mutable_kernels(0)->set_max_threads_per_block(128);
  module_ = *driver().Load(Bytes(object.SerializeAsString()), 0);
  sink_.WaitFor(Launch(0, "empty", {1}, {128}));
  const absl::Status status = driver().Launch(0, 99,
                                              {.function = module_.functions.front().handle,
                                               .grid = {1},
                                               .block = {129},
                                               .dynamic_shared_bytes = 0,
                                               .args = {}});
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("launch bounds"));
}

TEST_F(HostDriverTest, AModuleInUseIsNotUnloaded) {
  Set(0, 0);
  const gpu::Ticket ticket = Launch(0, "spin_until", {1}, {1}, Pointers({memory_, memory_ + 64}));
  EXPECT_EQ(driver().Unload(module_.handle).code(), absl::StatusCode::kFailedPrecondition);
  Set(0, 1);
  sink_.WaitFor(ticket);
  EXPECT_TRUE(driver().Unload(module_.handle).ok());
}

TEST_F(HostDriverTest, DroppedPrintsAreCounted) {
  const gpu::Ticket ticket = Launch(0, "print", {300000}, {1}, std::string(4, '\1'));
  sink_.WaitFor(ticket);
  EXPECT_THAT(sink_.printed(ticket), testing::HasSubstr(" more prints were dropped]\n"));
}

}  // namespace
}  // namespace amdgpu::host
