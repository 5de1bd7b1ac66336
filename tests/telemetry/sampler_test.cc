// The sampler: rates, deadlines, slow probes, what it writes into the ring.

#include "telemetry/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "c_src/base/clock.h"
#include "c_src/base/futex.h"
#include "telemetry/record.h"

namespace amdgpu::telemetry {
namespace {

constexpr std::size_t kSlots = 4096;
constexpr std::uint64_t kMs = 1'000'000;

// Counts its readings, and takes as long as it is told.
class CountingProbe final : public Probe {
 public:
  CountingProbe(std::string name, Group group, std::atomic<int>* readings, int takes_us = 0)
      : Probe("test", std::move(name), group,
              {{proto::METRIC_POWER_WATTS, "a", -1}, {proto::METRIC_POWER_WATTS, "b", -1}}),
        readings_(readings),
        takes_us_(takes_us) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    if (takes_us_ != 0) std::this_thread::sleep_for(std::chrono::microseconds(takes_us_));
    readings[0] = Reading::Of(++*readings_);
    readings[1] = Reading::Absent(proto::ABSENCE_FORBIDDEN);
  }

 private:
  std::atomic<int>* const readings_;
  const int takes_us_;
};

class SamplerTest : public ::testing::Test {
 protected:
  SamplerTest() : memory_(std::aligned_alloc(64, RingBytes(kSlots)), std::free) {
    std::memset(memory_.get(), 0, RingBytes(kSlots));
  }

  void Start(Probes probes) {
    sampler_ = std::make_unique<Sampler>(SharedRingWriter(memory_.get(), kSlots), control_,
                                         std::move(probes), [this] { ++ended_ticks_; });
    sampler_->Start();
  }
  void SetPeriod(std::uint64_t ns) {
    control_.period_ns = ns;
    control_.changed.fetch_add(1);
    FutexWake(control_.changed, 100);
  }
  std::vector<AnyRecord> Records(RecordKind kind) {
    RingReader reader(memory_.get(), kSlots);
    reader.Rewind();
    std::vector<AnyRecord> records;
    AnyRecord record{};
    while (reader.Next(&record, WordsOfRecord) == RingReader::Result::kRecord) {
      if (record.header.kind == kind) records.push_back(record);
    }
    return records;
  }

  std::unique_ptr<void, void (*)(void*)> memory_;
  SamplerControl control_{};
  std::atomic<std::uint64_t> ended_ticks_{0};
  std::unique_ptr<Sampler> sampler_;
};

TEST_F(SamplerTest, DoesNothingUntilItIsTurnedOnAndStopsWhenTurnedOff) {
  std::atomic<int> readings{0};
  Probes probes;
  probes.push_back(std::make_unique<CountingProbe>("fast", Group::kFast, &readings));
  Start(std::move(probes));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(readings, 0);
  SetPeriod(2 * kMs);
  while (readings < 3) std::this_thread::yield();
  SetPeriod(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const int then = readings;
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(readings, then);
}

TEST_F(SamplerTest, TicksAreDueAtMultiplesOfThePeriodAndNeverBunched) {
  constexpr std::uint64_t kPeriod = 3 * kMs;
  std::atomic<int> readings{0};
  Probes probes;
  // Longer than a period, until it is moved to a slower group.
  probes.push_back(std::make_unique<CountingProbe>("fast", Group::kFast, &readings, 4'000));
  Start(std::move(probes));
  SetPeriod(kPeriod);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  sampler_.reset();
  const std::vector<AnyRecord> ticks = Records(RecordKind::kSampler);
  ASSERT_GT(ticks.size(), 10u);
  EXPECT_EQ(ended_ticks_, ticks.size());
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    const auto& tick = ticks[i].As<SamplerRecord>();
    EXPECT_EQ(tick.due_ns % kPeriod, 0u);
    EXPECT_GE(tick.header.time_ns, tick.due_ns);
    if (i == 0) continue;
    const auto& before = ticks[i - 1].As<SamplerRecord>();
    const std::uint64_t periods = (tick.due_ns - before.due_ns) / kPeriod;
    ASSERT_GE(periods, 1u);
    // What was missed between two ticks is counted, and nothing else.
    EXPECT_EQ(tick.skipped - before.skipped, periods - 1);
    EXPECT_EQ(tick.ticks, before.ticks + 1);
  }
  EXPECT_GT(ticks.back().As<SamplerRecord>().skipped, 0u);
}

TEST_F(SamplerTest, SaysWhatEveryValueIsAndWhenItWasRead) {
  std::atomic<int> readings{0};
  Probes probes;
  probes.push_back(std::make_unique<CountingProbe>("slow", Group::kSlow, &readings));
  Start(std::move(probes));
  const std::uint64_t start = NowNs();
  SetPeriod(5 * kMs);
  while (Records(RecordKind::kSample).empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const std::uint64_t end = NowNs();
  const std::vector<AnyRecord> series = Records(RecordKind::kSeries);
  ASSERT_GE(series.size(), 2u);
  EXPECT_EQ(series[0].As<SeriesRecord>().label.view(), "a");
  EXPECT_EQ(series[1].As<SeriesRecord>().label.view(), "b");
  EXPECT_EQ(series[1].As<SeriesRecord>().series, 1);
  EXPECT_EQ(series[0].As<SeriesRecord>().source.view(), "test");
  const std::vector<AnyRecord> samples = Records(RecordKind::kSample);
  const auto& sample = samples[0].As<SampleRecord>();
  EXPECT_EQ(sample.count, 2);
  EXPECT_EQ(sample.value[0], 1);
  EXPECT_EQ(sample.absence[0], proto::ABSENCE_NONE);
  EXPECT_EQ(sample.absence[1], proto::ABSENCE_FORBIDDEN);
  EXPECT_GE(sample.header.time_ns, start);
  EXPECT_LE(sample.header.time_ns, end);
}

TEST_F(SamplerTest, ASlowProbeIsMovedAndTheFastOnesGoOn) {
  std::atomic<int> slow_readings{0};
  std::atomic<int> fast_readings{0};
  Probes probes;
  // Too slow for the fast group, and then for the medium one.
  probes.push_back(std::make_unique<CountingProbe>("blocks", Group::kFast, &slow_readings, 6'000));
  probes.push_back(std::make_unique<CountingProbe>("quick", Group::kFast, &fast_readings));
  Start(std::move(probes));
  SetPeriod(10 * kMs);
  const std::uint64_t deadline = NowNs() + 20'000 * kMs;
  std::uint16_t moved = 0;
  while (moved < 2 && NowNs() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    for (const AnyRecord& record : Records(RecordKind::kProbe)) {
      const auto& probe = record.As<ProbeRecord>();
      if (probe.name.view() == "blocks") {
        moved = std::max(moved, probe.slowed);
        EXPECT_GE(probe.cost_ns, 5'000'000u);
      }
      if (probe.name.view() == "quick") {
        EXPECT_EQ(probe.slowed, 0);
      }
    }
  }
  EXPECT_EQ(moved, 2);
  // Once a second now, while the other one goes on at its rate.
  const int before = fast_readings;
  const int slow_before = slow_readings;
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_GT(fast_readings - before, 10);
  EXPECT_LE(slow_readings - slow_before, 1);
}

TEST_F(SamplerTest, ALateReaderLearnsTheSeriesWithinASecond) {
  std::atomic<int> readings{0};
  Probes probes;
  probes.push_back(std::make_unique<CountingProbe>("rare", Group::kRare, &readings));
  Start(std::move(probes));
  SetPeriod(5 * kMs);
  while (readings == 0) std::this_thread::yield();
  RingReader reader(memory_.get(), kSlots);
  bool series = false;
  bool sample = false;
  const std::uint64_t deadline = NowNs() + 10'000 * kMs;
  AnyRecord record{};
  while ((!series || !sample) && NowNs() < deadline) {
    if (reader.Next(&record, WordsOfRecord) != RingReader::Result::kRecord) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    series |= record.header.kind == RecordKind::kSeries;
    sample |= record.header.kind == RecordKind::kSample;
  }
  EXPECT_TRUE(series);
  EXPECT_TRUE(sample);
  // Not because it was read so often: its time is every ten seconds.
  EXPECT_LE(readings, 2);
}

TEST(RecentPercentiles, AreOfTheLastValues) {
  RecentPercentiles recent;
  EXPECT_EQ(recent.At(0.5), 0u);
  for (std::uint64_t i = 0; i < 1000; ++i) recent.Add(1'000'000);
  for (std::uint64_t i = 1; i <= 256; ++i) recent.Add(i);
  EXPECT_EQ(recent.At(0.5), 129u);
  EXPECT_EQ(recent.At(0.99), 254u);
  EXPECT_EQ(recent.At(1), 256u);
}

}  // namespace
}  // namespace amdgpu::telemetry
