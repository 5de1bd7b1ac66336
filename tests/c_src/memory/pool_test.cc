// What is the pool's own: caches, waiting, what it says of itself, many threads.

#include "c_src/memory/pool.h"

#include <atomic>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "c_src/memory/thread_safe_adaptor.h"
#include "gtest/gtest.h"

namespace amdgpu {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

class PoolTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(pool_.AddRegion({.offset = 0, .bytes = 64 * kMiB}).ok()); }

  StreamClocks clocks_;
  Pool pool_{&clocks_};
};

TEST_F(PoolTest, CachesSmallBlocksOnly) {
  for (const auto& [bytes, cached] :
       {std::pair{kMiB, kMiB}, std::pair{kMiB + 1, std::uint64_t{0}}}) {
    const absl::StatusOr<Allocation> block = pool_.Allocate({.bytes = bytes});
    ASSERT_TRUE(block.ok());
    ASSERT_TRUE(pool_.Deallocate(block->handle, {}).ok());
    EXPECT_EQ(pool_.Stats().cached, cached);
    EXPECT_EQ(pool_.FreeRegions().size(), 1u);  // empties the cache
  }
}

TEST_F(PoolTest, ACacheIsBounded) {
  std::vector<BlockHandle> blocks;
  for (int i = 0; i < 64; ++i) blocks.push_back(pool_.Allocate({.bytes = kMiB})->handle);
  EXPECT_FALSE(pool_.Allocate({.bytes = 1}).ok());
  for (const BlockHandle block : blocks) ASSERT_TRUE(pool_.Deallocate(block, {}).ok());
  EXPECT_LE(pool_.Stats().cached, 8 * kMiB);
  // And given back when memory is short.
  EXPECT_TRUE(pool_.Allocate({.bytes = 64 * kMiB, .stream = 9}).ok());
  EXPECT_EQ(pool_.Stats().cached, 0u);
}

TEST_F(PoolTest, SaysHowMuchItNeeds) {
  const absl::Status status = pool_.Allocate({.bytes = 100 * kMiB + 1}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(NeededBytes(status).has_value());
  EXPECT_EQ(*NeededBytes(status), 100 * kMiB + 256);
  EXPECT_FALSE(NeededBytes(absl::UnavailableError("something else")).has_value());
  EXPECT_FALSE(NeededBytes(absl::OkStatus()).has_value());
  // A region of that size is enough, wherever it lies.
  ASSERT_TRUE(pool_.AddRegion({.offset = 1 << 30, .bytes = *NeededBytes(status), .arena = 7}).ok());
  EXPECT_TRUE(pool_.Allocate({.bytes = 100 * kMiB + 1}).ok());
}

TEST_F(PoolTest, AFullFloorBinIsSearchedToItsEndBeforeGrowing) {
  // Twelve holes of one bin, all but the first freed too small.
  std::vector<BlockHandle> holes;
  std::vector<BlockHandle> walls;
  for (int i = 0; i < 12; ++i) {
    const std::uint64_t granules = i == 0 ? 8400 : 8200;
    holes.push_back(pool_.Allocate({.bytes = granules * 256})->handle);
    walls.push_back(pool_.Allocate({.bytes = 2 * kMiB})->handle);
  }
  const std::uint64_t rest = pool_.Stats().largest_free;
  ASSERT_GT(rest, 0u);
  ASSERT_TRUE(pool_.Allocate({.bytes = rest}).ok());
  for (const BlockHandle hole : holes) ASSERT_TRUE(pool_.Deallocate(hole, {}).ok());
  EXPECT_TRUE(pool_.Allocate({.bytes = 8400 * 256}).ok());
}

TEST_F(PoolTest, FragmentationIsOneMinusTheLargestShare) {
  EXPECT_DOUBLE_EQ(pool_.Stats().fragmentation_ratio, 0.0);
  std::vector<BlockHandle> blocks;
  for (int i = 0; i < 32; ++i) blocks.push_back(pool_.Allocate({.bytes = 2 * kMiB})->handle);
  EXPECT_DOUBLE_EQ(pool_.Stats().fragmentation_ratio, 0.0);  // nothing free
  for (int i = 0; i < 32; i += 2) ASSERT_TRUE(pool_.Deallocate(blocks[i], {}).ok());
  EXPECT_DOUBLE_EQ(pool_.Stats().fragmentation_ratio, 1 - 1.0 / 16);
  EXPECT_EQ(pool_.Stats().largest_free, 2 * kMiB);
}

TEST_F(PoolTest, CountsWhatWasRequested) {
  const BlockHandle block = pool_.Allocate({.bytes = 1000})->handle;
  const BlockHandle big = pool_.Allocate({.bytes = 3 * kMiB - 1})->handle;
  EXPECT_EQ(pool_.Stats().requested, 1000 + 3 * kMiB - 1);
  EXPECT_EQ(pool_.Stats().used, 1024 + 3 * kMiB);
  ASSERT_TRUE(pool_.Deallocate(block, {}).ok());
  ASSERT_TRUE(pool_.Deallocate(big, {}).ok());
  EXPECT_EQ(pool_.Stats().requested, 0u);
}

TEST_F(PoolTest, TellsTheFencesThatHoldMemoryBack) {
  EXPECT_TRUE(pool_.PendingFences().empty());
  const auto free = [&](std::vector<Fence> fences) {
    const BlockHandle block = pool_.Allocate({.bytes = 2 * kMiB, .idle = true})->handle;
    ASSERT_TRUE(pool_.Allocate({.bytes = 2 * kMiB, .idle = true}).ok());  // keeps them apart
    ASSERT_TRUE(pool_.Deallocate(block, fences).ok());
  };
  free({{1, 10}});
  free({{1, 20}});
  free({{2, 5}, {3, 6}});
  EXPECT_EQ(pool_.PendingFences(), (std::vector<Fence>{{1, 10}, {2, 5}, {3, 6}}));
  clocks_[2].completed = 5;
  EXPECT_EQ(pool_.PendingFences(), (std::vector<Fence>{{1, 10}, {3, 6}}));
}

// The device lags behind: one stream lives from what it freed itself, and needs no more memory.
TEST_F(PoolTest, AStreamThatIsFarAheadNeedsNoMoreMemory) {
  Ticket ticket = 0;
  for (int i = 0; i < 1000; ++i) {
    const absl::StatusOr<Allocation> block =
        pool_.Allocate({.bytes = (40 + i % 20) * kMiB, .stream = 1});
    ASSERT_TRUE(block.ok()) << i;
    const Fence fence{1, ++ticket};
    ASSERT_TRUE(pool_.Deallocate(block->handle, {&fence, 1}).ok());
  }
}

// Threads with streams of their own and shared ones, checking that no block is in two hands.
TEST(PoolThreadsTest, NoBlockIsInTwoHands) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 20000;
  constexpr std::uint64_t kHeap = 16 * kMiB;
  StreamClocks clocks;
  Pool alone(&clocks);
  ThreadSafeAdaptor pool(&alone);
  ASSERT_TRUE(pool.AddRegion({.offset = 0, .bytes = kHeap}).ok());
  std::vector<std::atomic<int>> holder(kHeap / kGranuleBytes);
  std::vector<std::atomic<Ticket>> tickets(3);
  std::atomic<bool> stop{false};

  const auto work = [&](int self) {
    std::mt19937_64 random(self);
    std::vector<LiveBlock> live;
    const auto mark = [&](const LiveBlock& block, int from, int to) {
      for (std::uint64_t at = block.offset; at < block.offset + block.bytes; at += kGranuleBytes) {
        int expected = from;
        ASSERT_TRUE(holder[at / kGranuleBytes].compare_exchange_strong(expected, to));
      }
    };
    const auto free_one = [&] {
      std::swap(live[random() % live.size()], live.back());
      const LiveBlock block = live.back();
      live.pop_back();
      mark(block, self, 0);
      std::vector<Fence> fences;
      for (std::uint64_t n = random() % 3; n > 0; --n) {
        const auto stream = static_cast<StreamId>(random() % 3);
        fences.push_back({stream, tickets[stream].fetch_add(1) + 1});
      }
      ASSERT_TRUE(pool.Deallocate(block.handle, fences).ok());
      EXPECT_FALSE(pool.Deallocate(block.handle, fences).ok());
    };
    for (int step = 0; step < kSteps && !testing::Test::HasFatalFailure(); ++step) {
      const auto stream = static_cast<StreamId>(random() % 3);
      const std::uint64_t bytes = random() % (1 << (8 + random() % 13));
      const absl::StatusOr<Allocation> block =
          pool.Allocate({.bytes = bytes, .stream = stream, .owner = static_cast<OwnerId>(self)});
      if (block.ok()) {
        live.push_back({block->handle, block->offset, block->bytes, bytes, 0, stream});
        mark(live.back(), 0, self);
      }
      if (live.size() > 20 || (!block.ok() && !live.empty())) free_one();
      if (step % 8 == 0) {
        const auto done = static_cast<StreamId>(random() % 3);
        std::atomic<Ticket>& completed = clocks[done].completed;
        Ticket before = completed.load();
        const Ticket now = tickets[done].load();
        while (before < now && !completed.compare_exchange_weak(before, now)) {
        }
      }
    }
    while (!live.empty()) free_one();
  };
  std::thread reporter([&] {
    while (!stop) {
      const PoolStats stats = pool.Stats();
      EXPECT_LE(stats.used, stats.reserved);
      std::set<std::uint64_t> offsets;
      pool.ForEachLive(
          [&](const LiveBlock& block) { EXPECT_TRUE(offsets.insert(block.offset).second); });
      pool.FindAddress(kHeap / 2);
      pool.FreeRegions();
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> threads;
  for (int i = 1; i <= kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  stop = true;
  reporter.join();
  EXPECT_EQ(pool.Stats().live_blocks, 0u);
  for (StreamId stream = 0; stream < 3; ++stream) clocks[stream].completed = tickets[stream].load();
  EXPECT_EQ(pool.FreeRegions().size(), 1u);
  EXPECT_EQ(pool.Stats().largest_free, kHeap);
}

// Two threads free the same block: one wins.
TEST(PoolThreadsTest, OnlyOneOfTwoFreesSucceeds) {
  StreamClocks clocks;
  Pool alone(&clocks);
  ThreadSafeAdaptor pool(&alone);
  ASSERT_TRUE(pool.AddRegion({.offset = 0, .bytes = 16 * kMiB}).ok());
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t bytes = round % 2 == 0 ? 4096 : 4 * kMiB;
    const BlockHandle block = pool.Allocate({.bytes = bytes})->handle;
    std::atomic<int> freed{0};
    std::vector<std::thread> threads;
    for (StreamId i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        const Fence fence{i, 1};
        if (pool.Deallocate(block, {&fence, 1}).ok()) ++freed;
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(freed, 1);
    clocks[0].completed = clocks[1].completed = 1;
  }
}

}  // namespace
}  // namespace amdgpu
