// Two-level segregated fit by itself: fit, coalescing, fenced sets, chains of regions.

#include "c_src/memory/tlsf.h"

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <vector>

#include "c_src/memory/bins.h"
#include "gtest/gtest.h"

namespace amdgpu {
namespace {

constexpr int kAll = std::numeric_limits<int>::max();

TEST(BinsTest, FindsTheBestOfTheFirstBlocksOfABin) {
  NodeTable nodes;
  Bins bins;
  // One bin: sizes 1024 to 1055.
  const auto insert = [&](std::uint32_t granules) {
    const NodeIndex index = nodes.Make();
    nodes[index].granules = granules;
    nodes[index].offset = index * 10000;
    bins.Insert(nodes, index);
    return index;
  };
  EXPECT_EQ(bins.Find(nodes, 1), kNoNode);
  const NodeIndex far = insert(1055);
  for (int i = 0; i < 2; ++i) insert(1024);
  const NodeIndex fit = insert(1040);
  EXPECT_EQ(bins.Find(nodes, 1030), fit);
  EXPECT_EQ(bins.Find(nodes, 1055), far);
  insert(1024);  // now `far` is the fifth
  EXPECT_EQ(bins.Find(nodes, 1055), kNoNode);
  EXPECT_EQ(bins.Find(nodes, 1055, Bins::kScanAll), far);
  bins.Remove(nodes, far);
  EXPECT_EQ(bins.Find(nodes, 1055, Bins::kScanAll), kNoNode);
  EXPECT_EQ(bins.Largest(nodes), 1040u);
}

// Against a sorted list: whatever fits is found, from a bin that is right, for sizes of all scales.
TEST(BinsTest, AgreesWithASortedList) {
  std::mt19937_64 random(5);
  NodeTable nodes;
  Bins bins;
  std::multimap<std::uint32_t, NodeIndex> model;
  for (int step = 0; step < 50000; ++step) {
    const std::uint32_t granules = 1 + random() % ((std::uint64_t{1} << (1 + random() % 32)) - 1);
    if (random() % 2 == 0 || model.empty()) {
      const NodeIndex index = nodes.Make();
      nodes[index].granules = granules;
      nodes[index].offset = 0;
      bins.Insert(nodes, index);
      model.emplace(granules, index);
    } else {
      auto victim = model.lower_bound(granules);
      if (victim == model.end()) --victim;
      bins.Remove(nodes, victim->second);
      nodes.Drop(victim->second);
      model.erase(victim);
    }
    const std::uint32_t wanted = 1 + random() % ((std::uint64_t{1} << (1 + random() % 32)) - 1);
    const NodeIndex found = bins.Find(nodes, wanted, Bins::kScanAll);
    const auto fitting = model.lower_bound(wanted);
    ASSERT_EQ(found == kNoNode, fitting == model.end());
    if (found != kNoNode) {
      ASSERT_GE(nodes[found].granules, wanted);
      // Not much worse than the best: at most the next bins, which hold what there is.
      ASSERT_LE(nodes[found].granules, fitting->first * (1 + 1.0 / 32) + 1);
    }
    const std::uint32_t largest = model.empty() ? 0 : std::prev(model.end())->first;
    ASSERT_LE(bins.Largest(nodes), largest);
    ASSERT_GE(bins.Largest(nodes), largest - largest / 32);
  }
}

class TlsfTest : public testing::Test {
 protected:
  NodeIndex Allocate(std::uint32_t granules, StreamId stream = 0) {
    return tlsf_.Allocate({.granules = granules, .stream = stream}).node;
  }

  NodeTable nodes_;
  Tlsf tlsf_{&nodes_};
  StreamClocks clocks_;
};

TEST_F(TlsfTest, NeighboursBecomeOneInEveryOrderOfFreeing) {
  ASSERT_TRUE(tlsf_.AddRegion(0, 100, 0).ok());
  std::vector<int> order = {0, 1, 2, 3};
  do {
    std::vector<NodeIndex> blocks;
    for (int i = 0; i < 4; ++i) blocks.push_back(Allocate(25));
    EXPECT_EQ(Allocate(1), kNoNode);
    for (const int i : order) tlsf_.Free(blocks[i], {});
    EXPECT_EQ(tlsf_.largest_free(), 100u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(TlsfTest, BlocksOfDifferentFencesStayApartUntilTheyPass) {
  ASSERT_TRUE(tlsf_.AddRegion(0, 100, 0).ok());
  const NodeIndex a = Allocate(25), b = Allocate(25), c = Allocate(25), d = Allocate(25);
  tlsf_.Free(a, {1, 10});
  tlsf_.Free(b, {1, 20});
  tlsf_.Free(c, {2, 5});
  tlsf_.Free(d, {});
  EXPECT_EQ(tlsf_.fenced(), 75u);
  EXPECT_EQ(tlsf_.largest_free(), 50u);
  // Of stream 1 they are one block, with the later ticket.
  const Tlsf::Taken taken = tlsf_.Allocate({.granules = 50, .stream = 1});
  ASSERT_NE(taken.node, kNoNode);
  EXPECT_EQ(taken.ticket, 20u);
  tlsf_.Free(taken.node, {1, 30});

  clocks_[2].completed = 5;
  tlsf_.Drain(clocks_, kAll);
  EXPECT_EQ(tlsf_.largest_free(), 50u);
  clocks_[1].completed = 29;
  tlsf_.Drain(clocks_, kAll);
  EXPECT_EQ(tlsf_.PendingFences(), (std::vector<Fence>{{1, 30}}));
  EXPECT_EQ(tlsf_.largest_free(), 50u);
  clocks_[1].completed = 30;
  tlsf_.Drain(clocks_, kAll);
  EXPECT_EQ(tlsf_.largest_free(), 100u);
  EXPECT_EQ(tlsf_.fenced(), 0u);
  EXPECT_TRUE(tlsf_.PendingFences().empty());
}

TEST_F(TlsfTest, TheRestOfAFencedBlockKeepsItsFence) {
  ASSERT_TRUE(tlsf_.AddRegion(0, 100, 0).ok());
  tlsf_.Free(Allocate(100), {3, 7});
  EXPECT_EQ(tlsf_.Allocate({.granules = 10, .stream = 3}).ticket, 7u);
  EXPECT_EQ(Allocate(10, /*stream=*/4), kNoNode);
  EXPECT_EQ(tlsf_.Allocate({.granules = 10, .stream = 3, .idle = true}).node, kNoNode);
  EXPECT_EQ(tlsf_.fenced(), 90u);
}

TEST_F(TlsfTest, AStreamJoinsWhatOnlyItMayHaveWithWhatEveryoneMay) {
  ASSERT_TRUE(tlsf_.AddRegion(0, 100, 0).ok());
  const NodeIndex a = Allocate(30), b = Allocate(30);
  tlsf_.Free(a, {1, 10});  // [0, 30) of stream 1; [60, 100) of all
  EXPECT_EQ(tlsf_.Allocate({.granules = 60, .stream = 1, .thorough = true}).node, kNoNode);
  tlsf_.Free(b, {1, 11});  // [0, 60) of stream 1
  EXPECT_EQ(tlsf_.Allocate({.granules = 90, .stream = 2, .thorough = true}).node, kNoNode);
  EXPECT_EQ(Allocate(90, 1), kNoNode);  // costs more than it is worth, unless memory is short
  const Tlsf::Taken taken = tlsf_.Allocate({.granules = 90, .stream = 1, .thorough = true});
  ASSERT_NE(taken.node, kNoNode);
  EXPECT_EQ(nodes_[taken.node].offset, 0u);
  EXPECT_EQ(taken.ticket, 11u);
  EXPECT_EQ(tlsf_.largest_free(), 10u);
  tlsf_.Free(taken.node, {});
  clocks_[1].completed = 11;
  tlsf_.Drain(clocks_, kAll);
  EXPECT_EQ(tlsf_.largest_free(), 100u);
}

TEST_F(TlsfTest, DrainIsBoundedByItsBudget) {
  ASSERT_TRUE(tlsf_.AddRegion(0, 100, 0).ok());
  std::vector<NodeIndex> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(Allocate(10));
  for (int i = 0; i < 10; i += 2) tlsf_.Free(blocks[i], {1, static_cast<Ticket>(i + 1)});
  clocks_[1].completed = 100;
  tlsf_.Drain(clocks_, 2);
  EXPECT_EQ(tlsf_.fenced(), 30u);
  tlsf_.Drain(clocks_, 2);
  tlsf_.Drain(clocks_, 2);
  EXPECT_EQ(tlsf_.fenced(), 0u);
}

TEST_F(TlsfTest, ChainsJoinAndPartInEveryOrder) {
  constexpr std::uint32_t kRegions = 5;
  constexpr std::uint32_t kGranules = 64;
  std::vector<std::uint32_t> order(kRegions);
  for (std::uint32_t i = 0; i < kRegions; ++i) order[i] = i;
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::uint32_t i : order) {
      ASSERT_TRUE(tlsf_.AddRegion(1000 + i * kGranules, kGranules, 0).ok());
    }
    ASSERT_EQ(tlsf_.largest_free(), kRegions * kGranules);
    const NodeIndex whole = Allocate(kRegions * kGranules);
    ASSERT_NE(whole, kNoNode);
    EXPECT_EQ(nodes_[whole].offset, 1000u);
    tlsf_.Free(whole, {});
    std::shuffle(order.begin(), order.end(), random);
    std::vector<bool> there(kRegions, true);
    for (const std::uint32_t i : order) {
      ASSERT_TRUE(tlsf_.RemoveRegion(1000 + i * kGranules).ok());
      there[i] = false;
      std::uint32_t run = 0, longest = 0;
      for (const bool here : there) longest = std::max(longest, run = here ? run + 1 : 0);
      EXPECT_EQ(tlsf_.largest_free(), longest * kGranules);
    }
    EXPECT_EQ(tlsf_.reserved(), 0u);
  }
  // Nothing was lost on the way: block, two sentinels per chain at most at once.
  EXPECT_LE(nodes_.size(), 4 * kRegions);
}

}  // namespace
}  // namespace amdgpu
