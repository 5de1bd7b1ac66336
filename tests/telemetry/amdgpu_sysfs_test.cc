// An AMD GPU in a tree of the test's own.

#include "telemetry/sources/amdgpu_sysfs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/telemetry/fake_tree.h"
#include "tests/telemetry/readings.h"

namespace amdgpu::telemetry {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr char kDevice[] = "devices/pci0000:00/0000:03:00.0/";

class AmdgpuSysfsTest : public ::testing::Test {
 protected:
  AmdgpuSysfsTest() {
    tree_.Link("class/drm/card0", tree_.root() + "/" + kDevice + "drm/card0");
    tree_.Link(std::string(kDevice) + "drm/card0/device", tree_.root() + "/" + kDevice);
    Write("vendor", "0x1002\n");
    Write("power/runtime_status", "active\n");
    Write("gpu_busy_percent", "42\n");
    Write("mem_busy_percent", "7\n");
    Write("mem_info_vram_used", "1000\n");
    Write("mem_info_vram_total", "4000\n");
    Write("mem_info_gtt_used", "1\n");
    Write("mem_info_gtt_total", "2\n");
    Write("pp_dpm_sclk", "0: 300Mhz \n1: 1700Mhz *\n2: 2000Mhz \n");
    Write("pp_dpm_mclk", "S: 100Mhz *\n0: 900Mhz \n");
    Write("current_link_speed", "16.0 GT/s PCIe\n");
    Write("current_link_width", "16\n");
    Write("pcie_replay_count", "2\n");
    Write("pcie_bw", "100 50 256\n");
    Write("ras/umc_err_count", "ue: 1\nce: 22\nde: 3\n");
    Write("hwmon/hwmon3/name", "amdgpu\n");
    Write("hwmon/hwmon3/temp1_label", "edge\n");
    Write("hwmon/hwmon3/temp1_input", "51000\n");
    Write("hwmon/hwmon3/temp3_label", "mem\n");
    Write("hwmon/hwmon3/temp3_input", "60000\n");
    Write("hwmon/hwmon3/power1_average", "123000000\n");
    Write("hwmon/hwmon3/power1_input", "999000000\n");
    Write("hwmon/hwmon3/fan1_input", "1500\n");
    std::string blob(96, '\xff');
    blob[0] = 96;
    blob[1] = 0;
    blob[2] = blob[3] = 1;
    blob[22] = 120;
    blob[23] = 0;
    Write("gpu_metrics", blob);
    WriteNode(0, "0", "location_id 768\n");  // the processor's
    WriteNode(1, "1111", "location_id 768\ndomain 1\n");
    WriteNode(2, "4242", "cu_per_simd_array 4\nlocation_id 768\ndomain 0\n");
    tree_.Write(Kfd("proc/") + std::to_string(getpid()) + "/vram_1111", "1\n");
    tree_.Write(Kfd("proc/") + std::to_string(getpid()) + "/vram_4242", "8192\n");
  }

  void Write(const std::string& file, std::string_view contents) {
    tree_.Write(kDevice + file, contents);
  }
  // Of the compute driver, which numbers devices in its own way.
  static std::string Kfd(const std::string& path) { return "class/kfd/kfd/" + path; }
  void WriteNode(int number, std::string_view id, std::string_view properties) {
    const std::string node = Kfd("topology/nodes/") + std::to_string(number);
    tree_.Write(node + "/gpu_id", std::string(id) + "\n");
    tree_.Write(node + "/properties", properties);
  }
  Readings Read() {
    if (probes_.empty()) {
      EXPECT_TRUE(AddAmdgpuProbes(tree_.root(), "0000:03:00.0", &probes_));
    }
    return Readings(probes_, kSecond);
  }

  FakeTree tree_;
  Probes probes_;
};

TEST_F(AmdgpuSysfsTest, ReadsWhatTheDriverShows) {
  const Readings values = Read();
  ExpectValue(values.At(proto::METRIC_UTILIZATION_RATIO), 0.42);
  ExpectValue(values.At(proto::METRIC_MEMORY_BUSY_RATIO), 0.07);
  ExpectValue(values.At(proto::METRIC_MEMORY_USED_BYTES), 1000);
  ExpectValue(values.At(proto::METRIC_MEMORY_TOTAL_BYTES), 4000);
  ExpectValue(values.At(proto::METRIC_GTT_TOTAL_BYTES), 2);
  ExpectValue(values.At(proto::METRIC_CLOCK_HERTZ, "graphics"), 1.7e9);
  ExpectValue(values.At(proto::METRIC_CLOCK_HERTZ, "memory"), 1e8);
  ExpectValue(values.At(proto::METRIC_PCIE_LINK_TRANSFERS_PER_SECOND), 16e9);
  ExpectValue(values.At(proto::METRIC_PCIE_LINK_WIDTH_LANES), 16);
  ExpectValue(values.At(proto::METRIC_PCIE_REPLAYS_TOTAL), 2);
  ExpectValue(values.At(proto::METRIC_PCIE_RX_BYTES_PER_SECOND), 25600);
  ExpectValue(values.At(proto::METRIC_PCIE_TX_BYTES_PER_SECOND), 12800);
  ExpectValue(values.At(proto::METRIC_ERRORS_TOTAL, "umc.uncorrected"), 1);
  ExpectValue(values.At(proto::METRIC_ERRORS_TOTAL, "umc.corrected"), 22);
  ExpectValue(values.At(proto::METRIC_TEMPERATURE_CELSIUS, "edge"), 51);
  ExpectValue(values.At(proto::METRIC_TEMPERATURE_CELSIUS, "memory"), 60);
  ExpectValue(values.At(proto::METRIC_POWER_WATTS, "power1"), 123);
  ExpectValue(values.At(proto::METRIC_FAN_RPM, "fan1"), 1500);
  ExpectValue(values.At(proto::METRIC_POWER_WATTS, "metrics"), 120);
  ExpectValue(values.At(proto::METRIC_PROCESS_MEMORY_BYTES, std::to_string(getpid())), 8192);
  ExpectAbsent(values.At(proto::METRIC_ENERGY_JOULES_TOTAL), proto::ABSENCE_UNSUPPORTED);
}

TEST_F(AmdgpuSysfsTest, ASleepingDeviceIsNotAsked) {
  Read();
  Write("power/runtime_status", "suspended\n");
  const Readings values = Read();
  for (const proto::Metric metric :
       {proto::METRIC_UTILIZATION_RATIO, proto::METRIC_MEMORY_USED_BYTES,
        proto::METRIC_PCIE_LINK_WIDTH_LANES}) {
    ExpectAbsent(values.At(metric), proto::ABSENCE_SLEEPING);
  }
  ExpectAbsent(values.At(proto::METRIC_CLOCK_HERTZ, "graphics"), proto::ABSENCE_SLEEPING);
  ExpectAbsent(values.At(proto::METRIC_TEMPERATURE_CELSIUS, "edge"), proto::ABSENCE_SLEEPING);
  ExpectAbsent(values.At(proto::METRIC_THROTTLE_ACTIVE, "any"), proto::ABSENCE_SLEEPING);
  Write("power/runtime_status", "active\n");
  ExpectValue(Read().At(proto::METRIC_UTILIZATION_RATIO), 0.42);
}

TEST_F(AmdgpuSysfsTest, NonsenseAndMissingFilesAreAbsentWithTheReason) {
  tree_.Remove(std::string(kDevice) + "mem_busy_percent");
  tree_.Remove(Kfd("topology"));
  Read();
  Write("gpu_busy_percent", "4200\n");
  Write("mem_info_vram_used", "-1\n");
  Write("pp_dpm_sclk", "0: 300Mhz\n");
  Write("current_link_speed", "Unknown\n");
  Write("ras/umc_err_count", "query failed\n");
  Write("gpu_metrics", "short");
  const Readings values = Read();
  ExpectAbsent(values.At(proto::METRIC_MEMORY_BUSY_RATIO), proto::ABSENCE_MISSING);
  ExpectAbsent(values.At(proto::METRIC_UTILIZATION_RATIO), proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_MEMORY_USED_BYTES), proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_CLOCK_HERTZ, "graphics"), proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_PCIE_LINK_TRANSFERS_PER_SECOND), proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_ERRORS_TOTAL, "umc.corrected"), proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_POWER_WATTS, "metrics"), proto::ABSENCE_NONSENSE);
  ExpectAbsent(values.At(proto::METRIC_PROCESS_MEMORY_BYTES, std::to_string(getpid())),
               proto::ABSENCE_MISSING);
}

TEST_F(AmdgpuSysfsTest, TheDeviceIsTheOneAskedFor) {
  EXPECT_FALSE(AddAmdgpuProbes(tree_.root(), "0000:04:00.0", &probes_));
  EXPECT_TRUE(probes_.empty());
  EXPECT_TRUE(AddAmdgpuProbes(tree_.root(), "", &probes_));
  const FakeTree empty;
  Probes none;
  EXPECT_FALSE(AddAmdgpuProbes(empty.root(), "", &none));
  Write("vendor", "0x10de\n");
  EXPECT_FALSE(AddAmdgpuProbes(tree_.root(), "", &none));
}

}  // namespace
}  // namespace amdgpu::telemetry
