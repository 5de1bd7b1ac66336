// The main path: open, allocate, compile, launch, await, read back, close. End to end through the
// public interface, with a real worker process over the fake driver.

#include <sys/types.h>

#include "tests/c_src/runtime/device_fixture.h"

namespace amdgpu::testing {
namespace {

TEST_F(DeviceTest, RunsAKernelAndReadsBack) {
  const BufferRef data = NewInts(1000);
  Fill(data, 41);
  ASSERT_TRUE(Run("add_one", {data, std::int64_t{1000}}).ok());
  EXPECT_EQ(Read(data), std::vector<std::int32_t>(1000, 42));
  const DeviceStats stats = device_->Stats();
  EXPECT_EQ(stats.launches, 1u);
  EXPECT_EQ(stats.in_flight, 0u);
  EXPECT_GT(stats.worker_pid, 0);
}

TEST_F(DeviceTest, LaunchesHaveTimesInOrder) {
  const absl::StatusOr<JobRef> job = Launch("spin", {std::uint64_t{2'000'000}});
  ASSERT_TRUE(job.ok());
  ASSERT_TRUE(Await(*job).ok());
  const LaunchInfo info = (*job)->info();
  EXPECT_LE(info.queued_ns, info.started_ns);
  EXPECT_GE(info.ended_ns - info.started_ns, 2'000'000u);
}

}  // namespace
}  // namespace amdgpu::testing
