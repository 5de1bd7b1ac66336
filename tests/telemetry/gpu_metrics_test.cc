// The gpu_metrics blob, every version of it, from bytes laid out here by hand.

#include "telemetry/sources/gpu_metrics.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "tests/telemetry/readings.h"

namespace amdgpu::telemetry {
namespace {

struct Version {
  int format;
  int content;
  std::size_t size;
};
constexpr Version kVersions[] = {{1, 0, 80},  {1, 1, 96},  {1, 2, 104}, {1, 3, 120},
                                 {1, 4, 288}, {1, 5, 360}, {2, 0, 120}, {2, 1, 120},
                                 {2, 2, 128}, {2, 3, 152}, {2, 4, 168}, {3, 0, 264}};

// All ones but for the header: a device that knows nothing.
std::string Blob(const Version& version) {
  std::string blob(version.size, '\xff');
  blob[0] = static_cast<char>(version.size & 0xff);
  blob[1] = static_cast<char>(version.size >> 8);
  blob[2] = static_cast<char>(version.format);
  blob[3] = static_cast<char>(version.content);
  return blob;
}
template <typename T>
void Put(std::string& blob, std::size_t offset, T value) {
  std::memcpy(blob.data() + offset, &value, sizeof(value));
}

std::map<std::pair<proto::Metric, std::string>, Reading> Parse(const std::string& blob) {
  std::map<std::pair<proto::Metric, std::string>, Reading> values;
  const auto metrics = ParseGpuMetrics(blob);
  EXPECT_TRUE(metrics.has_value());
  if (!metrics.has_value()) return values;
  for (const GpuMetric& metric : *metrics) {
    const bool fresh = values.insert({{metric.metric, metric.label}, metric.reading}).second;
    EXPECT_TRUE(fresh) << proto::Metric_Name(metric.metric) << " " << metric.label << " twice";
  }
  return values;
}

TEST(GpuMetrics, WhatADeviceDoesNotKnowIsAbsentInEveryVersion) {
  for (const Version& version : kVersions) {
    for (const auto& [name, reading] : Parse(Blob(version))) {
      EXPECT_EQ(reading.absence, proto::ABSENCE_UNSUPPORTED)
          << version.format << "." << version.content << " " << proto::Metric_Name(name.first)
          << " " << name.second;
    }
  }
}

TEST(GpuMetrics, V1_0) {
  std::string blob = Blob({1, 0, 80});
  Put<std::uint16_t>(blob, 16, 45);    // edge
  Put<std::uint16_t>(blob, 28, 87);    // gfx activity
  Put<std::uint16_t>(blob, 34, 150);   // socket power
  Put<std::uint16_t>(blob, 54, 1800);  // current gfxclk
  Put<std::uint32_t>(blob, 68, 4);     // throttled
  Put<std::uint16_t>(blob, 72, 1400);  // fan
  Put<std::uint8_t>(blob, 74, 16);
  Put<std::uint8_t>(blob, 75, 160);
  auto values = Parse(blob);
  ExpectValue(values[{proto::METRIC_TEMPERATURE_CELSIUS, "edge"}], 45);
  ExpectValue(values[{proto::METRIC_UTILIZATION_RATIO, ""}], 0.87);
  ExpectValue(values[{proto::METRIC_POWER_WATTS, ""}], 150);
  ExpectValue(values[{proto::METRIC_CLOCK_HERTZ, "graphics"}], 1.8e9);
  ExpectValue(values[{proto::METRIC_FAN_RPM, ""}], 1400);
  ExpectValue(values[{proto::METRIC_PCIE_LINK_WIDTH_LANES, ""}], 16);
  ExpectValue(values[{proto::METRIC_PCIE_LINK_TRANSFERS_PER_SECOND, ""}], 16e9);
  ExpectValue(values[{proto::METRIC_THROTTLE_ACTIVE, "any"}], 1);
}

TEST(GpuMetrics, V1_3) {
  std::string blob = Blob({1, 3, 120});
  Put<std::uint16_t>(blob, 6, 71);          // hotspot
  Put<std::uint16_t>(blob, 18, 40);         // umc activity
  Put<std::uint64_t>(blob, 24, 65536 * 5);  // energy
  Put<std::uint16_t>(blob, 58, 1000);       // current uclk
  Put<std::uint32_t>(blob, 68, 0);
  Put<std::uint16_t>(blob, 106, 850);             // gfx voltage
  Put<std::uint64_t>(blob, 112, 1ull << 36 | 1);  // hotspot, and power
  auto values = Parse(blob);
  ExpectValue(values[{proto::METRIC_TEMPERATURE_CELSIUS, "junction"}], 71);
  ExpectValue(values[{proto::METRIC_MEMORY_BUSY_RATIO, ""}], 0.4);
  ExpectValue(values[{proto::METRIC_ENERGY_JOULES_TOTAL, ""}], 5);
  ExpectValue(values[{proto::METRIC_CLOCK_HERTZ, "memory"}], 1e9);
  ExpectValue(values[{proto::METRIC_VOLTAGE_VOLTS, "graphics"}], 0.85);
  ExpectValue(values[{proto::METRIC_THROTTLE_ACTIVE, "any"}], 0);
  ExpectValue(values[{proto::METRIC_THROTTLE_ACTIVE, "temperature"}], 1);
  ExpectValue(values[{proto::METRIC_THROTTLE_ACTIVE, "power"}], 1);
  ExpectValue(values[{proto::METRIC_THROTTLE_ACTIVE, "current"}], 0);
}

TEST(GpuMetrics, V1_4AndV1_5) {
  std::string blob = Blob({1, 4, 288});
  Put<std::uint16_t>(blob, 4, 55);
  Put<std::uint16_t>(blob, 10, 700);
  Put<std::uint64_t>(blob, 88, 3);
  Put<std::uint16_t>(blob, 240, 2100);
  auto values = Parse(blob);
  ExpectValue(values[{proto::METRIC_TEMPERATURE_CELSIUS, "junction"}], 55);
  ExpectValue(values[{proto::METRIC_POWER_WATTS, ""}], 700);
  ExpectValue(values[{proto::METRIC_PCIE_REPLAYS_TOTAL, ""}], 3);
  ExpectValue(values[{proto::METRIC_CLOCK_HERTZ, "graphics"}], 2.1e9);
  blob = Blob({1, 5, 360});
  Put<std::uint16_t>(blob, 12, 100);
  Put<std::uint64_t>(blob, 88, 65536);
  Put<std::uint16_t>(blob, 352, 1300);
  values = Parse(blob);
  ExpectValue(values[{proto::METRIC_UTILIZATION_RATIO, ""}], 1);
  ExpectValue(values[{proto::METRIC_ENERGY_JOULES_TOTAL, ""}], 1);
  ExpectValue(values[{proto::METRIC_CLOCK_HERTZ, "memory"}], 1.3e9);
}

TEST(GpuMetrics, ProcessorsCountInHundredthsAndThousandths) {
  std::string blob = Blob({2, 2, 128});
  Put<std::uint16_t>(blob, 4, 4550);
  Put<std::uint16_t>(blob, 28, 6250);  // hundredths of percents
  Put<std::uint16_t>(blob, 40, 15'500);
  Put<std::uint64_t>(blob, 120, 1ull << 20);
  auto values = Parse(blob);
  ExpectValue(values[{proto::METRIC_TEMPERATURE_CELSIUS, "edge"}], 45.5);
  ExpectValue(values[{proto::METRIC_UTILIZATION_RATIO, ""}], 0.625);
  ExpectValue(values[{proto::METRIC_POWER_WATTS, ""}], 15.5);
  ExpectValue(values[{proto::METRIC_THROTTLE_ACTIVE, "current"}], 1);
  blob = Blob({3, 0, 264});
  Put<std::uint16_t>(blob, 42, 33);  // percents
  Put<std::uint32_t>(blob, 112, 54'000);
  Put<std::uint16_t>(blob, 174, 2900);
  values = Parse(blob);
  ExpectValue(values[{proto::METRIC_UTILIZATION_RATIO, ""}], 0.33);
  ExpectValue(values[{proto::METRIC_POWER_WATTS, ""}], 54);
  ExpectValue(values[{proto::METRIC_CLOCK_HERTZ, "graphics"}], 2.9e9);
}

TEST(GpuMetrics, ImpossibleValuesAreNonsense) {
  std::string blob = Blob({1, 1, 96});
  Put<std::uint16_t>(blob, 4, 5000);     // degrees
  Put<std::uint16_t>(blob, 16, 300);     // percent
  Put<std::uint16_t>(blob, 54, 60'000);  // MHz
  auto values = Parse(blob);
  ExpectAbsent(values[{proto::METRIC_TEMPERATURE_CELSIUS, "edge"}], proto::ABSENCE_NONSENSE);
  ExpectAbsent(values[{proto::METRIC_UTILIZATION_RATIO, ""}], proto::ABSENCE_NONSENSE);
  ExpectAbsent(values[{proto::METRIC_CLOCK_HERTZ, "graphics"}], proto::ABSENCE_NONSENSE);
}

TEST(GpuMetrics, WhatIsNoWholeStructureIsNothing) {
  EXPECT_FALSE(ParseGpuMetrics("").has_value());
  EXPECT_FALSE(ParseGpuMetrics("abc").has_value());
  for (const Version& version : kVersions) {
    const std::string blob = Blob(version);
    for (std::size_t bytes = 0; bytes < blob.size(); ++bytes) {
      EXPECT_FALSE(ParseGpuMetrics(blob.substr(0, bytes)).has_value());
    }
    // More than it says is padding.
    EXPECT_TRUE(ParseGpuMetrics(blob + "rest").has_value());
    std::string lies = blob;
    lies[0] = static_cast<char>(lies[0] + 1);
    EXPECT_FALSE(ParseGpuMetrics(lies).has_value());
  }
  EXPECT_FALSE(ParseGpuMetrics(Blob({1, 8, 288})).has_value());
  EXPECT_FALSE(ParseGpuMetrics(Blob({9, 0, 120})).has_value());
}

}  // namespace
}  // namespace amdgpu::telemetry
