// Statistics and limits: the figures, and who is refused.

#include <thread>
#include <vector>

#include "c_src/base/error.h"
#include "c_src/memory/limit_adaptor.h"
#include "c_src/memory/pool.h"
#include "c_src/memory/statistics_adaptor.h"
#include "c_src/memory/thread_safe_adaptor.h"
#include "gtest/gtest.h"

namespace amdgpu {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

class AdaptorsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(pool_.AddRegion({.offset = 0, .bytes = 64 * kMiB}).ok()); }

  StreamClocks clocks_;
  Pool pool_{&clocks_};
};

using StatisticsAdaptorTest = AdaptorsTest;

TEST_F(StatisticsAdaptorTest, CountsLivePeakAndTotal) {
  StatisticsAdaptor statistics(&pool_);
  const BlockHandle a = statistics.Allocate({.bytes = 100, .owner = 1})->handle;
  const BlockHandle b = statistics.Allocate({.bytes = 2 * kMiB, .owner = 2})->handle;
  ASSERT_TRUE(statistics.Deallocate(b, {}).ok());
  EXPECT_FALSE(statistics.Deallocate(b, {}).ok());
  EXPECT_FALSE(statistics.Allocate({.bytes = 100 * kMiB}).ok());
  const MemoryUsage usage = statistics.Usage();
  EXPECT_EQ(usage.bytes, 256u);
  EXPECT_EQ(usage.requested, 100u);
  EXPECT_EQ(usage.blocks, 1u);
  EXPECT_EQ(usage.peak_bytes, 256 + 2 * kMiB);
  EXPECT_EQ(usage.total_bytes, 256 + 2 * kMiB);
  EXPECT_EQ(usage.total_blocks, 2u);
  EXPECT_EQ(usage.failures, 1u);
  statistics.ResetPeak();
  EXPECT_EQ(statistics.Usage().peak_bytes, 256u);
  ASSERT_TRUE(statistics.Deallocate(a, {}).ok());
  EXPECT_EQ(statistics.Usage().bytes, 0u);
}

TEST_F(StatisticsAdaptorTest, SortsOwnersAndForgetsThem) {
  StatisticsAdaptor statistics(&pool_);
  std::vector<BlockHandle> blocks;
  for (const OwnerId owner : {7, 3, 5, 3}) {
    blocks.push_back(statistics.Allocate({.bytes = kMiB, .owner = owner})->handle);
  }
  std::vector<OwnerUsage> owners = statistics.ByOwner();
  ASSERT_EQ(owners.size(), 3u);
  EXPECT_EQ(owners[0].owner, 3u);
  EXPECT_EQ(owners[0].bytes, 2 * kMiB);
  EXPECT_EQ(owners[0].blocks, 2u);
  EXPECT_EQ(owners[1].owner, 5u);
  EXPECT_EQ(owners[2].owner, 7u);
  for (const BlockHandle block : blocks) ASSERT_TRUE(statistics.Deallocate(block, {}).ok());
  EXPECT_TRUE(statistics.ByOwner().empty());
  // Its peak starts anew.
  ASSERT_TRUE(statistics.Allocate({.bytes = 256, .owner = 3}).ok());
  EXPECT_EQ(statistics.ByOwner()[0].peak_bytes, 256u);
}

TEST_F(StatisticsAdaptorTest, AgreesWithThePoolUnderManyThreads) {
  StatisticsAdaptor statistics(&pool_);
  ThreadSafeAdaptor top(&statistics);
  std::vector<std::thread> threads;
  for (StreamId self = 0; self < 4; ++self) {
    threads.emplace_back([&, self] {
      std::vector<BlockHandle> live;
      for (int i = 0; i < 5000; ++i) {
        const OwnerId owner = i % 50;
        const absl::StatusOr<Allocation> block = top.Allocate(
            {.bytes = static_cast<std::uint64_t>(i % 4000), .stream = self, .owner = owner});
        if (block.ok()) live.push_back(block->handle);
        if (live.size() > 10) {
          ASSERT_TRUE(top.Deallocate(live.back(), {}).ok());
          live.pop_back();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const MemoryUsage usage = statistics.Usage();
  const PoolStats stats = pool_.Stats();
  EXPECT_EQ(usage.bytes, stats.used);
  EXPECT_EQ(usage.requested, stats.requested);
  EXPECT_EQ(usage.blocks, stats.live_blocks);
  EXPECT_GE(usage.peak_bytes, usage.bytes);
}

TEST_F(StatisticsAdaptorTest, ABlockMovesToItsNewOwner) {
  StatisticsAdaptor statistics(&pool_);
  const BlockHandle block = statistics.Allocate({.bytes = kMiB, .owner = 1})->handle;
  ASSERT_TRUE(statistics.Reassign(block, 2).ok());
  ASSERT_EQ(statistics.ByOwner().size(), 1u);
  EXPECT_EQ(statistics.ByOwner()[0].owner, 2u);
  EXPECT_EQ(statistics.ByOwner()[0].peak_bytes, kMiB);
  EXPECT_EQ(statistics.Usage().total_blocks, 1u);
  ASSERT_TRUE(statistics.Deallocate(block, {}).ok());
  EXPECT_TRUE(statistics.ByOwner().empty());
  EXPECT_EQ(statistics.Reassign(block, 3).status().code(), absl::StatusCode::kFailedPrecondition);
}

class LimitAdaptorTest : public AdaptorsTest {
 protected:
  // Whose limit refused, "" if none did.
  static std::string LimitedBy(const absl::StatusOr<Allocation>& allocation) {
    if (allocation.ok()) return "";
    EXPECT_EQ(allocation.status().code(), absl::StatusCode::kResourceExhausted);
    const auto detail = GetErrorDetail(allocation.status());
    return detail.has_value() ? detail->out_of_memory().limited_by() : "no detail";
  }
};

TEST_F(LimitAdaptorTest, TheDevicesLimitIsForAll) {
  LimitAdaptor limits(&pool_, 4 * kMiB);
  const BlockHandle block = limits.Allocate({.bytes = 3 * kMiB, .owner = 1})->handle;
  const absl::StatusOr<Allocation> refused = limits.Allocate({.bytes = 2 * kMiB, .owner = 2});
  EXPECT_EQ(LimitedBy(refused), "device");
  EXPECT_EQ(GetErrorDetail(refused.status())->out_of_memory().limit(), 4 * kMiB);
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = kMiB, .owner = 2})), "");  // to the brim
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 1, .owner = 2})), "device");
  ASSERT_TRUE(limits.Deallocate(block, {}).ok());
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 2 * kMiB, .owner = 2})), "");
  limits.SetDeviceLimit(0);
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 32 * kMiB, .owner = 2})), "");
}

TEST_F(LimitAdaptorTest, EachOwnerHasItsOwn) {
  LimitAdaptor limits(&pool_, 0);
  limits.SetDefaultOwnerLimit(2 * kMiB);
  limits.SetOwnerLimit(1, 4 * kMiB);
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 3 * kMiB, .owner = 1})), "");
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 3 * kMiB, .owner = 2})), "owner");
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 2 * kMiB, .owner = 2})), "");
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 2 * kMiB, .owner = 1})), "owner");
  limits.SetOwnerLimit(1, 0);  // the default again, which is exceeded already
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 1, .owner = 1})), "owner");
}

TEST_F(LimitAdaptorTest, AGiftCountsForWhoGetsIt) {
  LimitAdaptor limits(&pool_, 0);
  limits.SetDefaultOwnerLimit(2 * kMiB);
  const BlockHandle gift = limits.Allocate({.bytes = 2 * kMiB, .owner = 1})->handle;
  const BlockHandle other = limits.Allocate({.bytes = kMiB, .owner = 2})->handle;
  const absl::StatusOr<LiveBlock> refused = limits.Reassign(gift, 2);
  EXPECT_EQ(GetErrorDetail(refused.status())->out_of_memory().limited_by(), "owner");
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 1, .owner = 1})), "owner");  // still the giver's

  ASSERT_TRUE(limits.Deallocate(other, {}).ok());
  ASSERT_TRUE(limits.Reassign(gift, 2).ok());
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 1, .owner = 2})), "owner");
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 2 * kMiB, .owner = 1})), "");
  ASSERT_TRUE(limits.Reassign(gift, 2).ok());  // to whom it belongs: nothing changes
  ASSERT_TRUE(limits.Deallocate(gift, {}).ok());
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 2 * kMiB, .owner = 2})), "");
}

TEST_F(LimitAdaptorTest, WhatFailsBelowCostsNothing) {
  LimitAdaptor limits(&pool_, 1 << 30);
  limits.SetOwnerLimit(1, 100 * kMiB);
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(NeededBytes(limits.Allocate({.bytes = 90 * kMiB, .owner = 1}).status()));
  }
  EXPECT_FALSE(limits.Deallocate({.value = 12345}, {}).ok());
  ASSERT_TRUE(pool_.AddRegion({.offset = 1 << 30, .bytes = 100 * kMiB}).ok());
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 100 * kMiB, .owner = 1})), "");
}

TEST_F(LimitAdaptorTest, IsNeverExceededByManyThreads) {
  LimitAdaptor limits(&pool_, 8 * kMiB);
  limits.SetDefaultOwnerLimit(3 * kMiB);
  ThreadSafeAdaptor top(&limits);
  std::vector<std::thread> threads;
  for (StreamId self = 0; self < 4; ++self) {
    threads.emplace_back([&, self] {
      for (int i = 0; i < 2000; ++i) {
        const absl::StatusOr<Allocation> a =
            top.Allocate({.bytes = 2 * kMiB, .stream = self, .owner = self});
        const absl::StatusOr<Allocation> b =
            top.Allocate({.bytes = 2 * kMiB, .stream = self, .owner = self});
        EXPECT_LE(top.Stats().used, 8 * kMiB);
        EXPECT_FALSE(a.ok() && b.ok());
        if (a.ok()) {
          ASSERT_TRUE(top.Deallocate(a->handle, {}).ok());
        }
        if (b.ok()) {
          ASSERT_TRUE(top.Deallocate(b->handle, {}).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(LimitedBy(limits.Allocate({.bytes = 3 * kMiB})), "");
}

}  // namespace
}  // namespace amdgpu
