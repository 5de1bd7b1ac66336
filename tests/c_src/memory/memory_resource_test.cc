// The suite that every memory resource passes: the pool alone, and the adaptors over it in every
// order.

#include "c_src/memory/memory_resource.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "c_src/memory/limit_adaptor.h"
#include "c_src/memory/log_adaptor.h"
#include "c_src/memory/out_of_memory.h"
#include "c_src/memory/pool.h"
#include "c_src/memory/statistics_adaptor.h"
#include "c_src/memory/thread_safe_adaptor.h"
#include "gtest/gtest.h"
#include "tests/c_src/memory/reference_model.h"

namespace amdgpu {
namespace {

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;

// Adaptors from the bottom up, a letter each: s(tatistics), l(imit), L(og, switched on), o(ut of
// memory ladder), t(hread-safe); u is a pool without caches.
class MemoryResourceTest : public testing::TestWithParam<std::string> {
 protected:
  MemoryResourceTest() : clocks_(std::make_unique<StreamClocks>()), model_(clocks_.get()) {
    const bool cached = GetParam().find('u') == std::string::npos;
    stack_.push_back(
        std::make_unique<Pool>(clocks_.get(), PoolOptions{.cache_bytes = cached ? 8 * kMiB : 0}));
    for (const char letter : GetParam()) {
      MemoryResource* const below = stack_.back().get();
      if (letter == 's') stack_.push_back(std::make_unique<StatisticsAdaptor>(below));
      if (letter == 'l') stack_.push_back(std::make_unique<LimitAdaptor>(below, 0));
      if (letter == 't')
        stack_.push_back(std::make_unique<ThreadSafeAdaptor<MemoryResource>>(below));
      if (letter == 'o') stack_.push_back(std::make_unique<LadderAdaptor>(below, nullptr));
      if (letter == 'L') {
        auto log = std::make_unique<LogAdaptor>(below, clocks_.get());
        EXPECT_TRUE(log->Start([this](const LogRecord&) { ++logged_; }).ok());
        stack_.push_back(std::move(log));
      }
    }
  }

  MemoryResource& resource() { return *stack_.back(); }

  void AddRegion(const Region& region) {
    ASSERT_TRUE(resource().AddRegion(region).ok());
    model_.AddRegion(region);
  }

  // Allocates and checks; an empty handle if memory is short.
  Allocation Allocate(const AllocationRequest& request) {
    const absl::StatusOr<Allocation> allocation = resource().Allocate(request);
    if (!allocation.ok()) {
      EXPECT_TRUE(NeededBytes(allocation.status()).has_value() ||
                  allocation.status().code() == absl::StatusCode::kResourceExhausted)
          << allocation.status();
      return {};
    }
    EXPECT_EQ(model_.Allocate(request, *allocation), "");
    return *allocation;
  }

  void Deallocate(BlockHandle handle, const std::vector<Fence>& fences = {}) {
    const absl::StatusOr<LiveBlock> block = resource().Deallocate(handle, fences);
    ASSERT_TRUE(block.ok()) << block.status();
    EXPECT_EQ(model_.Deallocate(*block, fences), "");
  }

  void CheckTotals() {
    const PoolStats stats = resource().Stats();
    EXPECT_EQ(stats.used, model_.live_bytes());
    EXPECT_EQ(stats.live_blocks, model_.live().size());
    EXPECT_EQ(stats.free, stats.reserved - stats.used);
    EXPECT_LE(stats.largest_free, stats.free);
    EXPECT_LE(stats.cached + stats.fenced, stats.free);
    std::size_t live = 0;
    resource().ForEachLive([&](const LiveBlock& block) {
      const auto known = model_.live().find(block.offset);
      ASSERT_NE(known, model_.live().end());
      EXPECT_EQ(known->second.handle, block.handle);
      EXPECT_EQ(known->second.owner, block.owner);
      EXPECT_EQ(known->second.requested, block.requested);
      ++live;
    });
    EXPECT_EQ(live, model_.live().size());
  }

  std::unique_ptr<StreamClocks> clocks_;
  std::vector<std::unique_ptr<MemoryResource>> stack_;
  ReferenceModel model_;
  int logged_ = 0;
};

TEST_P(MemoryResourceTest, GivesWhatWasAskedAndTakesItBack) {
  AddRegion({.offset = 0, .bytes = 16 * kMiB});
  const Allocation block = Allocate({.bytes = 1000, .stream = 3, .owner = 7});
  EXPECT_EQ(block.bytes, 1024u);
  EXPECT_TRUE(block.pending.none());
  CheckTotals();
  const absl::StatusOr<LiveBlock> freed = resource().Deallocate(block.handle, {});
  ASSERT_TRUE(freed.ok());
  EXPECT_EQ(freed->offset, block.offset);
  EXPECT_EQ(freed->requested, 1000u);
  EXPECT_EQ(freed->owner, 7u);
  EXPECT_EQ(freed->stream, 3u);
  EXPECT_EQ(resource().Stats().used, 0u);
}

TEST_P(MemoryResourceTest, ZeroBytesAreABlockToo) {
  AddRegion({.offset = 0, .bytes = kMiB});
  const Allocation first = Allocate({.bytes = 0});
  const Allocation second = Allocate({.bytes = 0});
  EXPECT_NE(first.offset, second.offset);
  Deallocate(first.handle);
  Deallocate(second.handle);
}

TEST_P(MemoryResourceTest, HasNothingBeforeTheFirstRegion) {
  EXPECT_EQ(Allocate({.bytes = 1}).handle, BlockHandle{});
  EXPECT_EQ(resource().Stats().reserved, 0u);
  EXPECT_EQ(resource().Stats().fragmentation_ratio, 0.0);
  EXPECT_FALSE(resource().FindAddress(0).has_value());
}

TEST_P(MemoryResourceTest, RefusesASecondFree) {
  AddRegion({.offset = 0, .bytes = 4 * kMiB});
  for (const std::uint64_t bytes : {4 * kKiB, 2 * kMiB}) {
    const BlockHandle handle = Allocate({.bytes = bytes}).handle;
    Deallocate(handle);
    EXPECT_EQ(resource().Deallocate(handle, {}).status().code(),
              absl::StatusCode::kFailedPrecondition);
    // The same memory under a new handle: the old one stays stale.
    const Allocation again = Allocate({.bytes = bytes});
    EXPECT_NE(again.handle, handle);
    EXPECT_EQ(resource().Deallocate(handle, {}).status().code(),
              absl::StatusCode::kFailedPrecondition);
    Deallocate(again.handle);
  }
  CheckTotals();
}

TEST_P(MemoryResourceTest, GivesABlockToAnotherOwner) {
  AddRegion({.offset = 0, .bytes = 4 * kMiB});
  for (const std::uint64_t bytes : {4 * kKiB, 2 * kMiB}) {
    const BlockHandle handle = resource().Allocate({.bytes = bytes, .owner = 7})->handle;
    const absl::StatusOr<LiveBlock> before = resource().Reassign(handle, 8);
    ASSERT_TRUE(before.ok());
    EXPECT_EQ(before->owner, 7u);
    const absl::StatusOr<LiveBlock> freed = resource().Deallocate(handle, {});
    ASSERT_TRUE(freed.ok());
    EXPECT_EQ(freed->owner, 8u);
    EXPECT_EQ(resource().Reassign(handle, 9).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

TEST_P(MemoryResourceTest, RefusesHandlesThatItNeverGave) {
  AddRegion({.offset = 0, .bytes = 4 * kMiB});
  const Allocation block = Allocate({.bytes = 100});
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    BlockHandle handle{i % 2 == 0 ? random() : random() % 64};
    if (handle == block.handle) continue;
    EXPECT_EQ(resource().Deallocate(handle, {}).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(resource().Deallocate(BlockHandle{}, {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  Deallocate(block.handle);
}

TEST_P(MemoryResourceTest, RefusesStreamsAndSizesOutOfRange) {
  AddRegion({.offset = 0, .bytes = kMiB});
  EXPECT_EQ(resource().Allocate({.bytes = 1, .stream = kMaxStreams}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(resource().Allocate({.bytes = kMaxOffset + 1}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(resource().Allocate({.bytes = ~std::uint64_t{0}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const Allocation block = Allocate({.bytes = 1});
  const Fence beyond{kMaxStreams, 1};
  EXPECT_EQ(resource().Deallocate(block.handle, {&beyond, 1}).status().code(),
            absl::StatusCode::kInvalidArgument);
  Deallocate(block.handle);  // still live
}

TEST_P(MemoryResourceTest, AddsRegionsThatDoNotOverlap) {
  AddRegion({.offset = 4 * kMiB, .bytes = 4 * kMiB});
  for (const Region& bad :
       {Region{0, 0}, Region{100, kMiB}, Region{0, 100}, Region{4 * kMiB, kMiB},
        Region{5 * kMiB, kMiB}, Region{3 * kMiB, 2 * kMiB}, Region{0, 64 * kMiB},
        Region{7 * kMiB, 2 * kMiB}, Region{kMaxOffset, kMiB}, Region{~std::uint64_t{255}, 512}}) {
    EXPECT_EQ(resource().AddRegion(bad).code(), absl::StatusCode::kInvalidArgument)
        << bad.offset << " " << bad.bytes;
  }
  AddRegion({.offset = 0, .bytes = 4 * kMiB});
  AddRegion({.offset = kMaxOffset - kMiB, .bytes = kMiB});
  const std::vector<Region> expected = {
      {0, 4 * kMiB}, {4 * kMiB, 4 * kMiB}, {kMaxOffset - kMiB, kMiB}};
  EXPECT_EQ(resource().Regions(), expected);
  EXPECT_EQ(resource().Stats().pool_count, 3u);
  EXPECT_EQ(resource().Stats().reserved, 9 * kMiB);
}

TEST_P(MemoryResourceTest, BlocksSpanRegionsOfOneArenaOnly) {
  AddRegion({.offset = 0, .bytes = 4 * kMiB, .arena = 1});
  AddRegion({.offset = 4 * kMiB, .bytes = 4 * kMiB, .arena = 2});
  AddRegion({.offset = 16 * kMiB, .bytes = 4 * kMiB, .arena = 2});
  EXPECT_EQ(Allocate({.bytes = 5 * kMiB}).handle, BlockHandle{});
  AddRegion({.offset = 8 * kMiB, .bytes = 4 * kMiB, .arena = 2});
  const Allocation block = Allocate({.bytes = 8 * kMiB});
  EXPECT_EQ(block.offset, 4 * kMiB);
  // The gap closes from both sides.
  AddRegion({.offset = 12 * kMiB, .bytes = 4 * kMiB, .arena = 2});
  const Allocation other = Allocate({.bytes = 8 * kMiB});
  EXPECT_EQ(other.offset, 12 * kMiB);
  Deallocate(block.handle);
  Deallocate(other.handle);
  EXPECT_EQ(resource().Stats().largest_free, 16 * kMiB);
}

TEST_P(MemoryResourceTest, RemovesOnlyRegionsThatAreFree) {
  for (std::uint64_t i = 0; i < 3; ++i) AddRegion({.offset = i * kMiB, .bytes = kMiB});
  const Allocation low = Allocate({.bytes = 512 * kKiB});
  const Allocation across = Allocate({.bytes = kMiB});
  EXPECT_EQ(resource().RemoveRegion(0).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(resource().RemoveRegion(kMiB).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(resource().RemoveRegion(512 * kKiB).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(resource().RemoveRegion(17).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(resource().FreeRegions(), (std::vector<Region>{{2 * kMiB, kMiB}}));
  Deallocate(across.handle);
  EXPECT_EQ(resource().FreeRegions(), (std::vector<Region>{{kMiB, kMiB}, {2 * kMiB, kMiB}}));
  // The middle goes: what is left on both sides no longer touches.
  ASSERT_TRUE(resource().RemoveRegion(kMiB).ok());
  model_.RemoveRegion(kMiB);
  EXPECT_EQ(Allocate({.bytes = kMiB + 1}).handle, BlockHandle{});
  const Allocation high = Allocate({.bytes = kMiB});
  EXPECT_EQ(high.offset, 2 * kMiB);
  // And comes back.
  AddRegion({.offset = kMiB, .bytes = kMiB});
  const Allocation middle = Allocate({.bytes = kMiB + 512 * kKiB});
  EXPECT_EQ(middle.offset, 512 * kKiB);
  for (const Allocation& block : {low, high, middle}) Deallocate(block.handle);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(resource().RemoveRegion(i * kMiB).ok());
  EXPECT_EQ(resource().Stats().reserved, 0u);
}

TEST_P(MemoryResourceTest, CachedMemoryDoesNotKeepARegion) {
  AddRegion({.offset = 0, .bytes = kMiB});
  Deallocate(Allocate({.bytes = 4 * kKiB}).handle);
  EXPECT_EQ(resource().FreeRegions().size(), 1u);
  EXPECT_TRUE(resource().RemoveRegion(0).ok());
}

TEST_P(MemoryResourceTest, WorkInFlightKeepsARegion) {
  AddRegion({.offset = 0, .bytes = 8 * kMiB});
  for (const std::uint64_t bytes : {4 * kKiB, 2 * kMiB}) {
    const Ticket ticket = bytes;
    Deallocate(Allocate({.bytes = bytes}).handle, {{0, ticket}});
    EXPECT_TRUE(resource().FreeRegions().empty());
    EXPECT_EQ(resource().RemoveRegion(0).code(), absl::StatusCode::kFailedPrecondition);
    (*clocks_)[0].completed = ticket;
    EXPECT_EQ(resource().FreeRegions().size(), 1u);
  }
  EXPECT_TRUE(resource().RemoveRegion(0).ok());
}

TEST_P(MemoryResourceTest, FindsTheBlockNextToAnAddress) {
  AddRegion({.offset = kMiB, .bytes = 8 * kMiB});
  const Allocation block = Allocate({.bytes = 4 * kKiB, .owner = 5});
  const Allocation far = Allocate({.bytes = 4 * kMiB});
  Deallocate(Allocate({.bytes = 64 * kKiB}).handle);
  const auto distance = [&](std::uint64_t offset) {
    const std::optional<FoundBlock> found = resource().FindAddress(offset);
    return found.has_value() && found->block.owner == 5 ? found->distance : -999999;
  };
  EXPECT_EQ(distance(block.offset), 0);
  EXPECT_EQ(distance(block.offset + 4095), 4095);
  EXPECT_EQ(distance(block.offset - 8), -8);
  EXPECT_EQ(resource().FindAddress(far.offset)->block.handle, far.handle);
  EXPECT_EQ(resource().FindAddress(far.offset + 4 * kMiB)->block.handle, far.handle);
  EXPECT_EQ(resource().FindAddress(far.offset + 4 * kMiB)->distance,
            static_cast<std::int64_t>(4 * kMiB));
  Deallocate(block.handle);
  Deallocate(far.handle);
}

TEST_P(MemoryResourceTest, AStreamReusesItsMemoryAtOnceAndOthersAfterTheFence) {
  for (const std::uint64_t bytes : {64 * kKiB, 4 * kMiB}) {
    const std::uint64_t offset = bytes * 16;
    AddRegion({.offset = offset, .bytes = bytes});
    const Ticket ticket = bytes;
    const Allocation first = Allocate({.bytes = bytes, .stream = 1});
    Deallocate(first.handle, {{1, ticket}});
    EXPECT_EQ(Allocate({.bytes = bytes, .stream = 2}).handle, BlockHandle{});
    EXPECT_EQ(Allocate({.bytes = bytes, .stream = 1, .idle = true}).handle, BlockHandle{});
    const Allocation second = Allocate({.bytes = bytes, .stream = 1});
    EXPECT_EQ(second.pending, (Fence{1, ticket}));
    Deallocate(second.handle, {{1, ticket + 1}});
    (*clocks_)[1].completed = ticket;
    EXPECT_EQ(Allocate({.bytes = bytes, .stream = 2}).handle, BlockHandle{});
    (*clocks_)[1].completed = ticket + 1;
    const Allocation third = Allocate({.bytes = bytes, .stream = 2, .idle = true});
    EXPECT_EQ(third.offset, offset);
    EXPECT_TRUE(third.pending.none());
    Deallocate(third.handle);
    ASSERT_TRUE(resource().RemoveRegion(offset).ok());
    model_.RemoveRegion(offset);
  }
}

TEST_P(MemoryResourceTest, WorkFromBeforeAnAllocationOutlivesIt) {
  for (const std::uint64_t bytes : {64 * kKiB, 4 * kMiB}) {
    AddRegion({.offset = 0, .bytes = bytes});
    const Ticket ticket = bytes;
    Deallocate(Allocate({.bytes = bytes, .stream = 1}).handle, {{1, ticket}});
    // Not used at all, or by another stream only: stream 1 still uses it.
    Deallocate(Allocate({.bytes = bytes, .stream = 1}).handle);
    EXPECT_EQ(Allocate({.bytes = bytes, .stream = 2}).handle, BlockHandle{});
    Deallocate(Allocate({.bytes = bytes, .stream = 1}).handle, {{2, ticket}});
    EXPECT_EQ(Allocate({.bytes = bytes, .stream = 2}).handle, BlockHandle{});
    (*clocks_)[1].completed = ticket;
    const Allocation block = Allocate({.bytes = bytes, .stream = 2});
    EXPECT_EQ(block.pending, (Fence{2, ticket}));
    (*clocks_)[2].completed = ticket;
    Deallocate(block.handle);
    ASSERT_TRUE(resource().RemoveRegion(0).ok());
    model_.RemoveRegion(0);
  }
}

TEST_P(MemoryResourceTest, ABlockOfSeveralStreamsWaitsForAllButOne) {
  for (const std::uint64_t bytes : {64 * kKiB, 4 * kMiB}) {
    AddRegion({.offset = 0, .bytes = bytes});
    const Ticket t = bytes;
    const Allocation first = Allocate({.bytes = bytes, .stream = 1});
    Deallocate(first.handle, {{1, t}, {2, t + 5}, {3, t + 9}, {2, t + 3}});
    EXPECT_GE(resource().Stats().fenced, bytes);
    for (StreamId stream = 1; stream <= 3; ++stream) {
      EXPECT_EQ(Allocate({.bytes = bytes, .stream = stream}).handle, BlockHandle{});
    }
    (*clocks_)[1].completed = t;
    (*clocks_)[3].completed = t + 9;
    EXPECT_EQ(Allocate({.bytes = bytes, .stream = 1}).handle, BlockHandle{});
    const Allocation second = Allocate({.bytes = bytes, .stream = 2});
    EXPECT_EQ(second.pending, (Fence{2, t + 5}));
    Deallocate(second.handle, {{2, t + 6}});
    (*clocks_)[2].completed = t + 6;
    ASSERT_TRUE(resource().RemoveRegion(0).ok());
    model_.RemoveRegion(0);
  }
}

// Random streams, sizes, fences, completions, regions, wrong frees: the model finds no fault.
TEST_P(MemoryResourceTest, AgreesWithTheReferenceModel) {
  std::mt19937_64 random(42);
  const auto upto = [&](std::uint64_t n) { return random() % n; };
  constexpr StreamId kStreams = 4;
  constexpr std::uint64_t kRegionBytes = 4 * kMiB;
  std::vector<Allocation> live;
  std::vector<BlockHandle> stale;
  std::vector<std::uint64_t> regions;
  std::vector<Ticket> submitted(kStreams, 0);
  for (int step = 0; step < 20000; ++step) {
    const std::uint64_t dice = upto(100);
    if (dice < 45) {
      const std::uint64_t bytes = upto(std::uint64_t{1} << (6 + upto(17)));
      const Allocation block = Allocate({.bytes = bytes,
                                         .stream = static_cast<StreamId>(upto(kStreams)),
                                         .owner = upto(5),
                                         .idle = upto(8) == 0});
      if (block.handle != BlockHandle{}) live.push_back(block);
    } else if (dice < 85 && !live.empty()) {
      std::swap(live[upto(live.size())], live.back());
      const Allocation block = live.back();
      live.pop_back();
      std::vector<Fence> fences;
      for (std::uint64_t uses = upto(3); uses > 0; --uses) {
        const auto stream = static_cast<StreamId>(upto(kStreams));
        fences.push_back({stream, ++submitted[stream]});
      }
      Deallocate(block.handle, fences);
      stale.push_back(block.handle);
    } else if (dice < 94) {
      const auto stream = static_cast<StreamId>(upto(kStreams));
      std::atomic<Ticket>& completed = (*clocks_)[stream].completed;
      completed = completed + upto(submitted[stream] - completed + 1);
    } else if (dice < 96) {
      const std::uint64_t place = upto(24);
      const Region region{place * kRegionBytes, kRegionBytes,
                          static_cast<std::uint32_t>(place / 8)};
      if (resource().AddRegion(region).ok()) model_.AddRegion(region);
    } else if (dice < 97) {
      const std::vector<Region> free = resource().FreeRegions();
      if (!free.empty()) {
        const std::uint64_t offset = free[upto(free.size())].offset;
        ASSERT_TRUE(resource().RemoveRegion(offset).ok());
        model_.RemoveRegion(offset);
      }
    } else if (!stale.empty()) {
      EXPECT_FALSE(resource().Deallocate(stale[upto(stale.size())], {}).ok());
    }
    if (step % 500 == 0) CheckTotals();
    if (HasFailure()) FAIL() << "at step " << step;
  }
  for (const Allocation& block : live) Deallocate(block.handle);
  for (StreamId stream = 0; stream < kStreams; ++stream) {
    (*clocks_)[stream].completed = submitted[stream];
  }
  // Everything comes together again.
  EXPECT_EQ(resource().FreeRegions(), resource().Regions());
  CheckTotals();
  EXPECT_EQ(resource().Stats().fenced, 0u);
  EXPECT_EQ(resource().Stats().cached, 0u);
}

std::vector<std::string> Stacks() {
  std::vector<std::string> stacks = {"p", "u", "s", "l", "L", "o"};
  std::string all = "Llos";
  do stacks.push_back(all);
  while (std::next_permutation(all.begin(), all.end()));
  return stacks;
}

INSTANTIATE_TEST_SUITE_P(Stacks, MemoryResourceTest, testing::ValuesIn(Stacks()),
                         [](const testing::TestParamInfo<std::string>& info) {
                           return info.param;
                         });

}  // namespace
}  // namespace amdgpu
