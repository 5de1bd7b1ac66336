// NVML and amdsmi over stand-ins for their libraries, and rocm_smi: the real library on a card that
// does not exist.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "telemetry/sources/amdsmi.h"
#include "telemetry/sources/nvml.h"
#include "telemetry/sources/rocm_smi.h"
#include "tests/telemetry/fake_tree.h"
#include "tests/telemetry/readings.h"

namespace amdgpu::telemetry {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(Nvml, ReadsWhatTheLibrarySays) {
  Probes probes;
  ASSERT_TRUE(AddNvmlProbes({"/no/such/library.so", FAKE_NVML}, "0000:65:00.0", &probes));
  const Readings values(probes, kSecond);
  ExpectValue(values.At(proto::METRIC_UTILIZATION_RATIO), 0.63);
  ExpectAbsent(values.At(proto::METRIC_MEMORY_BUSY_RATIO), proto::ABSENCE_NONSENSE);
  ExpectValue(values.At(proto::METRIC_MEMORY_USED_BYTES), 400);
  ExpectValue(values.At(proto::METRIC_MEMORY_TOTAL_BYTES), 1000);
  ExpectValue(values.At(proto::METRIC_POWER_WATTS), 250.5);
  ExpectValue(values.At(proto::METRIC_ENERGY_JOULES_TOTAL), 7);
  ExpectValue(values.At(proto::METRIC_TEMPERATURE_CELSIUS, "edge"), 48);
  ExpectValue(values.At(proto::METRIC_CLOCK_HERTZ, "graphics"), 1e9);
  ExpectValue(values.At(proto::METRIC_CLOCK_HERTZ, "memory"), 1.002e9);
  ExpectAbsent(values.At(proto::METRIC_FAN_RATIO), proto::ABSENCE_UNSUPPORTED);
  ExpectAbsent(values.At(proto::METRIC_POWER_LIMIT_WATTS), proto::ABSENCE_FORBIDDEN);
  ExpectValue(values.At(proto::METRIC_THROTTLE_ACTIVE, "temperature"), 1);
  ExpectValue(values.At(proto::METRIC_THROTTLE_ACTIVE, "power"), 0);
  ExpectValue(values.At(proto::METRIC_ERRORS_TOTAL, "memory.corrected"), 5);
  ExpectValue(values.At(proto::METRIC_ERRORS_TOTAL, "memory.uncorrected"), 1);
  ExpectValue(values.At(proto::METRIC_PCIE_LINK_TRANSFERS_PER_SECOND), 32e9);
  ExpectValue(values.At(proto::METRIC_PCIE_TX_BYTES_PER_SECOND), 20e3);
  ExpectValue(values.At(proto::METRIC_PCIE_RX_BYTES_PER_SECOND), 10e3);
  ExpectValue(values.At(proto::METRIC_PROCESS_MEMORY_BYTES, std::to_string(getpid())), 123);
  // Functions that the library does not have.
  ExpectAbsent(values.At(proto::METRIC_PCIE_LINK_WIDTH_LANES), proto::ABSENCE_MISSING);
  ExpectAbsent(values.At(proto::METRIC_ENCODER_RATIO), proto::ABSENCE_MISSING);
}

TEST(Nvml, WithoutLibraryOrDeviceThereIsNothing) {
  Probes probes;
  EXPECT_FALSE(AddNvmlProbes({"/no/such/library.so"}, "", &probes));
  EXPECT_FALSE(AddNvmlProbes({FAKE_NVML}, "0000:66:00.0", &probes));
  setenv("FAKE_NVML_FAILS", "1", 1);
  EXPECT_FALSE(AddNvmlProbes({FAKE_NVML}, "", &probes));
  unsetenv("FAKE_NVML_FAILS");
  EXPECT_TRUE(probes.empty());
  EXPECT_TRUE(AddNvmlProbes({FAKE_NVML}, "", &probes));
}

TEST(AmdSmi, ReadsWhatTheLibrarySays) {
  Probes probes;
  ASSERT_TRUE(AddAmdSmiProbes({"/no/such/library.so", FAKE_AMDSMI}, "0000:03:00.0", &probes));
  const Readings values(probes, kSecond);
  ExpectValue(values.At(proto::METRIC_UTILIZATION_RATIO), 0.71);
  ExpectValue(values.At(proto::METRIC_MEMORY_BUSY_RATIO), 0.23);
  ExpectValue(values.At(proto::METRIC_MEMORY_USED_BYTES), 400);
  ExpectValue(values.At(proto::METRIC_MEMORY_TOTAL_BYTES), 1000);
  ExpectAbsent(values.At(proto::METRIC_GTT_USED_BYTES), proto::ABSENCE_FORBIDDEN);
  ExpectValue(values.At(proto::METRIC_GTT_TOTAL_BYTES), 4000);
  ExpectValue(values.At(proto::METRIC_TEMPERATURE_CELSIUS, "edge"), 50);
  ExpectValue(values.At(proto::METRIC_TEMPERATURE_CELSIUS, "junction"), 51);
  ExpectAbsent(values.At(proto::METRIC_TEMPERATURE_CELSIUS, "memory"), proto::ABSENCE_UNSUPPORTED);
  // A function that the library does not have.
  ExpectAbsent(values.At(proto::METRIC_FAN_RPM), proto::ABSENCE_MISSING);
}

TEST(AmdSmi, FindsTheDeviceByItsAddress) {
  Probes probes;
  ASSERT_TRUE(AddAmdSmiProbes({FAKE_AMDSMI}, "0001:65:00.1", &probes));
  const Readings values(probes, kSecond);
  ExpectAbsent(values.At(proto::METRIC_UTILIZATION_RATIO), proto::ABSENCE_UNSUPPORTED);
  ExpectAbsent(values.At(proto::METRIC_MEMORY_BUSY_RATIO), proto::ABSENCE_NONSENSE);
  Probes none;
  EXPECT_FALSE(AddAmdSmiProbes({"/no/such/library.so"}, "", &none));
  EXPECT_FALSE(AddAmdSmiProbes({FAKE_AMDSMI}, "0000:66:00.0", &none));
  EXPECT_FALSE(AddAmdSmiProbes({FAKE_AMDSMI}, "no address", &none));
  setenv("FAKE_AMDSMI_FAILS", "1", 1);
  EXPECT_FALSE(AddAmdSmiProbes({FAKE_AMDSMI}, "", &none));
  unsetenv("FAKE_AMDSMI_FAILS");
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(AddAmdSmiProbes({FAKE_AMDSMI}, "", &none));
}

// What the child says of the card in the tree; see ReadsARealLibrary. Run by hand it reads the
// machine's own.
TEST(RocmSmiChild, DISABLED_PrintsTheCard) {
  Probes probes;
  if (!AddRocmSmiProbes({"librocm_smi64.so.1", "librocm_smi64.so.5"}, "0000:03:00.0", &probes)) {
    std::printf("NOTHING\n");
    return;
  }
  for (const auto& probe : probes) {
    std::vector<Reading> readings(probe->series().size());
    probe->Read(kSecond, absl::MakeSpan(readings));
    for (std::size_t i = 0; i < readings.size(); ++i) {
      std::printf("%s[%s]=", proto::Metric_Name(probe->series()[i].metric).c_str(),
                  probe->series()[i].label.c_str());
      if (readings[i].absence == proto::ABSENCE_NONE) {
        std::printf("%g\n", readings[i].value);
      } else {
        std::printf("%s\n", proto::Absence_Name(readings[i].absence).c_str());
      }
    }
  }
}

// The real library, on a tree in place of /sys/class that is seen by a child in namespaces of its
// own.
TEST(RocmSmi, ReadsARealLibrary) {
  if (std::system("unshare -rm true 2>/dev/null") != 0) {
    GTEST_SKIP() << "skipped: this machine lets nobody make namespaces";
  }
  Probes none;
  FakeTree tree;
  const std::string device = "devices/pci0000:00/0000:03:00.0/";
  tree.Write(device + "vendor", "0x1002\n");
  tree.Write(device + "vbios_version", "113-TEST\n");
  tree.Write(device + "gpu_busy_percent", "42\n");
  tree.Write(device + "mem_busy_percent", "7\n");
  tree.Write(device + "mem_info_vram_used", "1000\n");
  tree.Write(device + "mem_info_vram_total", "4000\n");
  tree.Write(device + "hwmon/hwmon1/name", "amdgpu\n");
  tree.Write(device + "hwmon/hwmon1/in0_label", "vddgfx\n");
  tree.Write(device + "hwmon/hwmon1/temp1_label", "edge\n");
  tree.Write(device + "hwmon/hwmon1/temp1_input", "51000\n");
  tree.Write(device + "hwmon/hwmon1/power1_average", "123000000\n");
  // On these the library would end the process, were it asked for them.
  tree.Write(device + "ras/umc_err_count", "ue: 0\nce: 0\nde: 0\n");
  tree.Write(device + "pp_dpm_sclk", "S: 100Mhz *\n0: 500Mhz\n");
  tree.Link(device + "drm/card0/device", "/sys/class/" + device);
  tree.Link("drm/card0", "/sys/class/" + device + "drm/card0");
  const std::string node = "kfd/kfd/topology/nodes/1/";
  tree.Write(node + "gpu_id", "4242\n");
  tree.Write(node + "name", "test\n");
  tree.Write(node + "io_links/0/properties", "type 2\n");
  tree.Write(node + "properties",
             "simd_arrays_per_engine 1\narray_count 1\ncu_per_simd_array 4\nlocation_id 768\n"
             "domain 0\nhive_id 0\nunique_id 1\n");
  std::array<char, 4096> self{};
  ASSERT_GT(readlink("/proc/self/exe", self.data(), self.size() - 1), 0);
  const std::string command =
      "unshare -rm sh -c 'mount -t tmpfs none /sys/class && cp -a " + tree.root() +
      "/. /sys/class/ && mount -t tmpfs none /dev/shm && exec " + std::string(self.data()) +
      " --gtest_also_run_disabled_tests --gtest_filter=RocmSmiChild.*' 2>&1";
  std::FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  std::array<char, 4096> text{};
  while (std::fgets(text.data(), text.size(), pipe) != nullptr) output += text.data();
  const int status = pclose(pipe);
  if (output.find("NOTHING") != std::string::npos) {
    GTEST_SKIP() << "skipped: no librocm_smi64 here (Debian: librocm-smi-dev)";
  }
  EXPECT_EQ(status, 0) << output;
  for (const char* line :
       {"METRIC_UTILIZATION_RATIO[]=0.42\n", "METRIC_MEMORY_BUSY_RATIO[]=0.07\n",
        "METRIC_MEMORY_USED_BYTES[]=1000\n", "METRIC_MEMORY_TOTAL_BYTES[]=4000\n",
        "METRIC_TEMPERATURE_CELSIUS[edge]=51\n", "METRIC_POWER_WATTS[]=123\n"}) {
    EXPECT_NE(output.find(line), std::string::npos) << line << output;
  }
  // No such sensor, and no zero for it.
  EXPECT_NE(output.find("METRIC_FAN_RPM[]=ABSENCE"), std::string::npos) << output;
}

}  // namespace
}  // namespace amdgpu::telemetry
