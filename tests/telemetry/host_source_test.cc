// The host's values, from a tree of the test's own and from the machine.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "telemetry/sources/host.h"
#include "tests/telemetry/fake_tree.h"
#include "tests/telemetry/readings.h"

namespace amdgpu::telemetry {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

class HostSourceTest : public ::testing::Test {
 protected:
  HostSourceTest() {
    tree_.Write("proc/stat",
                "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 50 0 50 400 0 0 0 0 0 0\n"
                "cpu1 50 0 50 400 0 0 0 0 0 0\nintr 1 2 3\n");
    tree_.Write("proc/meminfo",
                "MemTotal:       1000 kB\nMemFree:         100 kB\n"
                "MemAvailable:    400 kB\nSwapTotal:       50 kB\nSwapFree:  20 kB\n");
    tree_.Write("proc/loadavg", "1.25 0.50 0.25 1/100 4242\n");
    tree_.Write("proc/cpuinfo",
                "processor\t: 0\ncpu MHz\t\t: 2000.000\n\nprocessor\t: 1\n"
                "cpu MHz\t\t: 3000.000\n");
    tree_.Write("sys/class/powercap/intel-rapl:0/name", "package-0\n");
    tree_.Write("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "100000000\n");
    tree_.Write("sys/class/powercap/intel-rapl:0/energy_uj", "90000000\n");
    tree_.Write("sys/class/hwmon/hwmon0/name", "coretemp\n");
    tree_.Write("sys/class/hwmon/hwmon0/temp1_label", "Package id 0\n");
    tree_.Write("sys/class/hwmon/hwmon0/temp1_input", "45000\n");
    tree_.Write("sys/class/hwmon/hwmon0/fan1_input", "1200\n");
    AddHostProbes(tree_.root(), &probes_);
  }

  Readings Read(std::uint64_t now_ns) const { return Readings(probes_, now_ns); }

  FakeTree tree_;
  Probes probes_;
};

TEST_F(HostSourceTest, ReadsWhatIsThere) {
  const Readings values = Read(kSecond);
  ExpectValue(values.At(proto::METRIC_MEMORY_TOTAL_BYTES), 1000 * 1024);
  ExpectValue(values.At(proto::METRIC_MEMORY_USED_BYTES), 600 * 1024);
  ExpectValue(values.At(proto::METRIC_HOST_MEMORY_AVAILABLE_BYTES), 400 * 1024);
  ExpectValue(values.At(proto::METRIC_HOST_SWAP_USED_BYTES), 30 * 1024);
  ExpectValue(values.At(proto::METRIC_HOST_LOAD, "1m"), 1.25);
  ExpectValue(values.At(proto::METRIC_CLOCK_HERTZ, "core1"), 3e9);
  ExpectValue(values.At(proto::METRIC_CLOCK_HERTZ, "cores"), 2.5e9);
  ExpectValue(values.At(proto::METRIC_TEMPERATURE_CELSIUS, "coretemp Package id 0"), 45);
  ExpectValue(values.At(proto::METRIC_FAN_RPM, "coretemp fan1"), 1200);
}

TEST_F(HostSourceTest, RatesNeedTwoReadings) {
  const Readings first = Read(kSecond);
  ExpectAbsent(first.At(proto::METRIC_UTILIZATION_RATIO), proto::ABSENCE_PENDING);
  ExpectAbsent(first.At(proto::METRIC_POWER_WATTS, "package-0"), proto::ABSENCE_PENDING);
  tree_.Write("proc/stat",
              "cpu  150 0 125 825 0 0 0 0 0 0\ncpu0 100 0 50 400 0 0 0 0 0 0\n"
              "cpu1 50 0 75 425 0 0 0 0 0 0\nintr 1 2 3\n");
  tree_.Write("sys/class/powercap/intel-rapl:0/energy_uj", "98000000\n");
  const Readings second = Read(2 * kSecond);
  ExpectValue(second.At(proto::METRIC_UTILIZATION_RATIO), 0.75);
  ExpectValue(second.At(proto::METRIC_UTILIZATION_RATIO, "core0"), 1);
  ExpectValue(second.At(proto::METRIC_UTILIZATION_RATIO, "core1"), 0.5);
  ExpectValue(second.At(proto::METRIC_POWER_WATTS, "package-0"), 8);
  // The counter begins again at 100 J.
  tree_.Write("sys/class/powercap/intel-rapl:0/energy_uj", "4000000\n");
  const Readings third = Read(4 * kSecond);
  ExpectValue(third.At(proto::METRIC_POWER_WATTS, "package-0"), 3);
  ExpectValue(third.At(proto::METRIC_ENERGY_JOULES_TOTAL, "package-0"), 14);
  // No time has passed for the cores.
  ExpectAbsent(third.At(proto::METRIC_UTILIZATION_RATIO), proto::ABSENCE_PENDING);
}

TEST_F(HostSourceTest, NonsenseIsAbsentAndNotZero) {
  tree_.Write("proc/stat", "what is this\n");
  tree_.Write("proc/meminfo", "MemTotal: many kB\n");
  tree_.Write("proc/loadavg", "\n");
  tree_.Write("sys/class/hwmon/hwmon0/temp1_input", "-999999999\n");
  tree_.Write("sys/class/powercap/intel-rapl:0/energy_uj", "lots\n");
  const Readings values = Read(kSecond);
  ExpectAbsent(values.At(proto::METRIC_UTILIZATION_RATIO), proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_MEMORY_TOTAL_BYTES), proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_HOST_LOAD, "1m"), proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_TEMPERATURE_CELSIUS, "coretemp Package id 0"),
               proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_POWER_WATTS, "package-0"), proto::ABSENCE_NONSENSE);
}

TEST(HostSource, AnEmptyMachineSaysWhatIsMissing) {
  const FakeTree tree;
  Probes probes;
  AddHostProbes(tree.root(), &probes);
  const Readings values(probes, kSecond);
  ExpectAbsent(values.At(proto::METRIC_UTILIZATION_RATIO), proto::ABSENCE_MISSING);
  ExpectAbsent(values.At(proto::METRIC_MEMORY_USED_BYTES), proto::ABSENCE_MISSING);
  ExpectAbsent(values.At(proto::METRIC_TEMPERATURE_CELSIUS), proto::ABSENCE_MISSING);
  ExpectAbsent(values.At(proto::METRIC_POWER_WATTS), proto::ABSENCE_MISSING);
}

TEST(HostSource, WhatIsForRootIsForbiddenToOthers) {
  if (geteuid() == 0) GTEST_SKIP() << "skipped: root may read everything";
  FakeTree tree;
  tree.Write("proc/loadavg", "1 1 1\n");
  chmod((tree.root() + "/proc/loadavg").c_str(), 0);
  Probes probes;
  AddHostProbes(tree.root(), &probes);
  ExpectAbsent(Readings(probes, kSecond).At(proto::METRIC_HOST_LOAD, "1m"),
               proto::ABSENCE_FORBIDDEN);
}

TEST(HostSource, ThisMachineHasMemoryAndCores) {
  Probes probes;
  AddHostProbes("", &probes);
  const Readings values(probes, kSecond);
  const Reading total = values.At(proto::METRIC_MEMORY_TOTAL_BYTES);
  EXPECT_EQ(total.absence, proto::ABSENCE_NONE);
  EXPECT_EQ(total.value, static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                             static_cast<double>(sysconf(_SC_PAGESIZE)));
  EXPECT_TRUE(values.Has(proto::METRIC_UTILIZATION_RATIO, "core0"));
}

}  // namespace
}  // namespace amdgpu::telemetry
