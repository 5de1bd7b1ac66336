#include "gpu/host/driver/properties.h"

#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "gpu/host/abi.h"
#include "gpu/host/driver/kernel_thread.h"
#include "gpu/host/driver/launch.h"

namespace amdgpu::host {
namespace {

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The level of the x86-64 psABI that this CPU reaches.
const char* Architecture() {
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi2");
  const bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (v3 && v4) return "x86_64-v4";
  return v3 ? "x86_64-v3" : "x86_64-v2";
}

std::string OsRelease() {
  utsname name;
  return uname(&name) == 0 ? name.release : "";
}

}  // namespace

unsigned UsableCores() {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&cores)));
}

gpu::Properties DescribeHost(unsigned cores, std::uint64_t memory_bytes) {
  gpu::Properties properties;
  properties.set_kind("host");
  const std::string model = ModelName(ReadFile("/proc/cpuinfo"));
  properties.set_name(model.empty() ? "CPU" : model);
  properties.set_arch(Architecture());
  properties.set_compute_units(cores);
  properties.set_warp_size(kWarpSize);
  properties.set_max_threads_per_block(kMaxThreadsPerBlock);
  for (int dimension = 0; dimension < 3; ++dimension) {
    properties.add_max_block(kMaxThreadsPerBlock);
    properties.add_max_grid(static_cast<std::uint32_t>(kMaxGridThreads - 1));
  }
  properties.set_max_shared_bytes(kMaxSharedBytes);
  properties.set_memory_bytes(memory_bytes);
  properties.set_host_visible(true);
  properties.set_shape_specialised(true);
  const std::string khz = ReadFile("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq");
  properties.set_clock_khz(static_cast<std::uint32_t>(std::strtoul(khz.c_str(), nullptr, 10)));
  properties.set_driver_version("Linux " + OsRelease());
  properties.set_runtime_version("host ABI " + std::to_string(kAbiVersion));
  properties.set_max_grid_threads(kMaxGridThreads);
  return properties;
}

std::string ModelName(const std::string& cpuinfo) {
  const std::size_t key = cpuinfo.find("model name");
  if (key == std::string::npos) return "";
  const std::size_t line_end = std::min(cpuinfo.find('\n', key), cpuinfo.size());
  const std::size_t colon = cpuinfo.find(": ", key);
  if (colon == std::string::npos || colon > line_end) return "";
  return cpuinfo.substr(colon + 2, line_end - colon - 2);
}

}  // namespace amdgpu::host
