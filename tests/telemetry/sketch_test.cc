// Quantiles from log-linear buckets: within 1 % of the truth, and the same however they were
// merged.

#include "telemetry/sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

namespace amdgpu::telemetry {
namespace {

TEST(Sketch, EveryValueIsWithinOnePercentOfItsBucketsMiddle) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    const std::uint32_t bucket = Sketch::BucketOf(value);
    ASSERT_LT(bucket, Sketch::kBuckets);
    const double error =
        std::abs(static_cast<double>(Sketch::MiddleOf(bucket)) - static_cast<double>(value));
    ASSERT_LE(error, 0.008 * static_cast<double>(value)) << value;
  }
  EXPECT_LT(Sketch::BucketOf(std::numeric_limits<std::uint64_t>::max()), Sketch::kBuckets);
}

TEST(Sketch, BucketsAscendWithValues) {
  std::uint32_t before = 0;
  for (std::uint64_t value = 0; value < 100'000; ++value) {
    const std::uint32_t bucket = Sketch::BucketOf(value);
    ASSERT_GE(bucket, before);
    ASSERT_LE(bucket, before + 1);
    before = bucket;
  }
}

TEST(Sketch, QuantilesAreThoseOfTheSortedValues) {
  std::mt19937_64 random(2);
  std::lognormal_distribution<double> times(11, 2);  // around 60 us
  std::vector<double> values;
  Sketch sketch;
  for (int i = 0; i < 100'000; ++i) {
    const auto value = static_cast<std::uint64_t>(times(random));
    values.push_back(static_cast<double>(value));
    sketch.Add(value);
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double truth = values[static_cast<std::size_t>(std::ceil(share * 100'000)) - 1];
    EXPECT_NEAR(static_cast<double>(sketch.Quantile(share)), truth, 0.01 * truth) << share;
  }
  EXPECT_EQ(Sketch().Quantile(0.5), 0u);
}

TEST(Sketch, MergedSketchesAreTheSketchOfAll) {
  std::mt19937_64 random(3);
  Sketch all;
  Sketch parts[3];
  for (int i = 0; i < 30'000; ++i) {
    const std::uint64_t value = random() % 10'000'000;
    all.Add(value);
    parts[i % 3].Add(value);
  }
  Sketch merged;
  for (const Sketch& part : parts) {
    proto::Sketch wire;
    part.Encode(&wire);
    merged.Merge(wire);
  }
  EXPECT_EQ(merged.count(), all.count());
  proto::Sketch a;
  proto::Sketch b;
  all.Encode(&a);
  merged.Encode(&b);
  EXPECT_EQ(a.SerializeAsString(), b.SerializeAsString());
}

TEST(Sketch, WhatIsNoSketchDoesNoHarm) {
  proto::Sketch wire;
  wire.add_bucket(std::numeric_limits<std::uint32_t>::max());
  wire.add_count(5);
  wire.add_bucket(7);
  wire.add_count(2);
  wire.add_bucket(8);  // without a count
  Sketch sketch;
  sketch.Merge(wire);
  EXPECT_EQ(sketch.count(), 2u);
}

}  // namespace
}  // namespace amdgpu::telemetry
