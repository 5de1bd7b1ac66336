// Launches told together: nothing is lost, nothing comes twice, and whoever reads the ring knows as
// much as if each had been told.

#include "telemetry/launch_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "telemetry/sketch.h"

namespace amdgpu::telemetry {
namespace {

constexpr std::size_t kSlots = 4096;

class LaunchRunsTest : public ::testing::Test {
 protected:
  // A launch of a kernel that took `ns`.
  LaunchRecord Launch(std::uint32_t kernel, std::uint64_t ns) {
    LaunchRecord launch;
    launch.ticket = ++ticket_;
    launch.queued_ns = 1000 * ticket_;
    launch.started_ns = launch.queued_ns + 10;
    launch.header = MakeHeader<LaunchRecord>(RecordKind::kLaunch, launch.started_ns + ns);
    launch.key.kernel = kernel;
    launch.key.bytes = 100 * kernel;
    return launch;
  }
  // More than are told one by one.
  void Flood() {
    for (int i = 0; i < kMostToldOfTick; ++i) runs_.Tell(Launch(1, 1));
    Read();
    single_.clear();
  }
  // What has come into the ring since.
  void Read() {
    AnyRecord record{};
    while (reader_.Next(&record, WordsOfRecord) == RingReader::Result::kRecord) {
      if (record.header.kind == RecordKind::kLaunch) {
        single_.push_back(record.As<LaunchRecord>());
      } else {
        ASSERT_EQ(record.header.kind, RecordKind::kLaunchRun);
        run_.push_back(record.As<LaunchRunRecord>());
      }
    }
  }

  std::unique_ptr<void, void (*)(void*)> memory_{
      std::memset(std::aligned_alloc(64, RingBytes(kSlots)), 0, RingBytes(kSlots)), std::free};
  OpenRuns open_{};
  LaunchRuns runs_{open_, SharedRingWriter(memory_.get(), kSlots)};
  RingReader reader_{memory_.get(), kSlots};
  std::uint64_t ticket_ = 0;
  std::vector<LaunchRecord> single_;
  std::vector<LaunchRunRecord> run_;
};

TEST_F(LaunchRunsTest, UpToTheLimitEachIsToldAtOnce) {
  for (int i = 0; i < kMostToldOfTick; ++i) {
    EXPECT_TRUE(runs_.Tell(Launch(1, 5)).has_value());
    Read();
    ASSERT_EQ(single_.size(), static_cast<std::size_t>(i) + 1);
  }
  EXPECT_EQ(single_.back().ticket, ticket_);
  EXPECT_EQ(single_.back().busy_ns(), 5u);
  EXPECT_TRUE(run_.empty());
  // And again in the next tick.
  runs_.EndTick();
  runs_.Tell(Launch(1, 5));
  Read();
  EXPECT_EQ(single_.size(), static_cast<std::size_t>(kMostToldOfTick) + 1);
}

TEST_F(LaunchRunsTest, ARunHasTheTimesOfAll) {
  Flood();
  std::uint64_t busy = 0;
  std::multiset<std::uint32_t> buckets;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::uint64_t ns = i * i * 37;
    busy += ns;
    buckets.insert(Sketch::BucketOf(ns));
    runs_.Tell(Launch(7, ns));
  }
  // Three that are full; the rest comes at the tick.
  Read();
  EXPECT_EQ(run_.size(), 3u);
  runs_.EndTick();
  Read();
  ASSERT_EQ(run_.size(), 4u);
  std::uint64_t count = 0;
  std::uint64_t wait = 0;
  for (const LaunchRunRecord& run : run_) {
    EXPECT_EQ(run.key.kernel, 7u);
    EXPECT_EQ(run.key.bytes, 700u);
    count += run.count();
    wait += run.wait_ns;
    busy -= run.busy_ns;
    for (std::size_t i = 0; i < run.count(); ++i) {
      const auto found = buckets.find(run.bucket[i]);
      ASSERT_NE(found, buckets.end());
      buckets.erase(found);
    }
  }
  EXPECT_EQ(count, 200u);
  EXPECT_EQ(wait, 200u * 10);
  EXPECT_EQ(busy, 0u);
  EXPECT_TRUE(buckets.empty());
  EXPECT_EQ(run_.back().last_ticket(), ticket_);
  EXPECT_TRUE(single_.empty());
}

TEST_F(LaunchRunsTest, WhatDiffersIsNotToldTogether) {
  Flood();
  std::vector<LaunchKey> keys(8);
  keys[1].owner = 1;
  keys[2].flops = 1;
  keys[3].kernel = 3;
  keys[4].label = 1;
  keys[5].stream = 1;
  keys[6].block[2] = 2;
  keys[7].dynamic_shared_bytes = 16;
  constexpr int kRounds = 50;
  for (int round = 0; round < kRounds; ++round) {
    for (const LaunchKey& key : keys) {
      LaunchRecord launch = Launch(0, 9);
      launch.key = key;
      runs_.Tell(launch);
    }
  }
  runs_.EndTick();
  Read();
  std::vector<int> counts(keys.size());
  for (const LaunchRunRecord& run : run_) {
    const auto key = std::find(keys.begin(), keys.end(), run.key);
    ASSERT_NE(key, keys.end());
    counts[static_cast<std::size_t>(key - keys.begin())] += static_cast<int>(run.count());
  }
  EXPECT_EQ(counts, std::vector<int>(keys.size(), kRounds));
}

TEST_F(LaunchRunsTest, KernelsThatTakeTurnsAreInRunsOfTheirOwn) {
  Flood();
  for (int i = 0; i < 60; ++i) {
    for (std::uint32_t kernel = 1; kernel <= 4; ++kernel) runs_.Tell(Launch(kernel, 9));
  }
  runs_.EndTick();
  Read();
  EXPECT_EQ(run_.size(), 4u);
}

TEST_F(LaunchRunsTest, WhatFailedIsToldByItself) {
  Flood();
  runs_.Tell(Launch(1, 9));
  LaunchRecord failed = Launch(1, 9);
  failed.key.status = 13;
  EXPECT_TRUE(runs_.Tell(failed).has_value());
  Read();
  ASSERT_EQ(single_.size(), 1u);
  EXPECT_EQ(single_[0].ticket, failed.ticket);
}

TEST_F(LaunchRunsTest, InAFloodFewerAreToldOneByOne) {
  const auto tick = [this](int launches) {
    single_.clear();
    run_.clear();
    for (int i = 0; i < launches; ++i) runs_.Tell(Launch(1, 9));
    runs_.EndTick();
    Read();
    std::size_t all = single_.size();
    for (const LaunchRunRecord& run : run_) all += run.count();
    EXPECT_EQ(all, static_cast<std::size_t>(launches));
    return single_.size();
  };
  EXPECT_EQ(tick(2 * kMostToldOfTick), static_cast<std::size_t>(kMostToldOfTick));
  EXPECT_EQ(tick(5000), static_cast<std::size_t>(kMostToldOfTick));
  EXPECT_EQ(tick(5000), static_cast<std::size_t>(kMostToldInFlood));
  EXPECT_EQ(tick(100), static_cast<std::size_t>(kMostToldInFlood));
  EXPECT_EQ(tick(100), 100u);
}

TEST_F(LaunchRunsTest, OfAWorkerThatDiedItsClientTells) {
  Flood();
  for (int i = 0; i < 10; ++i) runs_.Tell(Launch(1, 9));
  for (int i = 0; i < 20; ++i) runs_.Tell(Launch(2, 9));
  Read();
  EXPECT_TRUE(run_.empty());
  LaunchRuns(open_, SharedRingWriter(memory_.get(), kSlots)).EndTick();
  LaunchRuns(open_, SharedRingWriter(memory_.get(), kSlots)).EndTick();
  Read();
  std::map<std::uint32_t, int> counts;
  for (const LaunchRunRecord& run : run_) counts[run.key.kernel] += static_cast<int>(run.count());
  EXPECT_EQ(counts, (std::map<std::uint32_t, int>{{1, 10}, {2, 20}}));
}

}  // namespace
}  // namespace amdgpu::telemetry
