#include "gpu/vendor/properties.h"

#include <string.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gpu/vendor/arch.h"
#include "gpu/vendor/errors.h"

namespace amdgpu::vendor {
namespace {

// A kernel of HIP sees no more than this many threads in each dimension of its grid.
constexpr std::uint64_t kHipMaxGridThreads = std::uint64_t{1} << 32;

std::uint32_t Attribute(const VendorApi& api, int attribute, int device) {
  int value = 0;
  if (attribute < 0 || api.DeviceGetAttribute(&value, attribute, device) != kSuccess) return 0;
  return static_cast<std::uint32_t>(std::max(value, 0));
}

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Of the kernel's driver: "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue ...";
// AMD's own packages have a version, the kernel's driver has the kernel's.
std::string KernelDriverVersion(const VendorApi& api) {
  if (absl::string_view(api.kind) == "cuda") {
    const std::string text = ReadFile("/proc/driver/nvidia/version");
    const std::vector<std::string> words =
        absl::StrSplit(text.substr(0, text.find('\n')), ' ', absl::SkipEmpty());
    for (const std::string& word : words) {
      if (absl::ascii_isdigit(word[0]) && word.find('.') != std::string::npos) return word;
    }
    return "";
  }
  std::string version = ReadFile("/sys/module/amdgpu/version");
  if (version.empty()) version = "Linux " + ReadFile("/proc/sys/kernel/osrelease");
  absl::StripAsciiWhitespace(&version);
  return version;
}

// HIP gives 16 characters, CUDA 16 bytes.
std::string UuidText(const Uuid& uuid) {
  const std::string bytes(reinterpret_cast<const char*>(uuid.bytes), sizeof(uuid.bytes));
  if (std::all_of(bytes.begin(), bytes.end(), [](char c) { return absl::ascii_isxdigit(c); })) {
    return absl::StrCat("GPU-", bytes);
  }
  const std::string hex = absl::BytesToHexString(bytes);
  return absl::StrCat("GPU-", hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

}  // namespace

absl::StatusOr<gpu::Properties> DescribeDevice(const VendorApi& api, std::uint32_t index,
                                               int device) {
  gpu::Properties properties;
  properties.set_kind(api.kind);
  properties.set_index(index);
  char text[256] = "";
  absl::Status status =
      ToStatus(api, api.DeviceGetName(text, sizeof(text), device), "asking for the device's name");
  if (!status.ok()) return status;
  properties.set_name(std::string(text, strnlen(text, sizeof(text))));
  properties.set_arch(api.Arch(api, device));
  if (properties.name().empty()) properties.set_name(properties.arch());
  if (properties.arch().empty()) {
    return absl::InternalError("the vendor's runtime does not tell the device's architecture");
  }
  std::size_t bytes = 0;
  status = ToStatus(api, api.DeviceTotalMem(&bytes, device), "asking for the device's memory");
  if (!status.ok()) return status;
  properties.set_memory_bytes(bytes);

  const DeviceAttributes& a = api.attribute;
  const auto get = [&](int attribute) { return Attribute(api, attribute, device); };
  properties.set_compute_units(get(a.multiprocessors));
  properties.set_warp_size(get(a.warp_size));
  properties.set_max_threads_per_block(get(a.max_threads_per_block));
  for (const int attribute : {a.max_block_x, a.max_block_y, a.max_block_z}) {
    properties.add_max_block(get(attribute));
  }
  for (const int attribute : {a.max_grid_x, a.max_grid_y, a.max_grid_z}) {
    properties.add_max_grid(get(attribute));
  }
  if (absl::string_view(api.kind) == "hip") properties.set_max_grid_threads(kHipMaxGridThreads);
  properties.set_max_shared_bytes(std::max(get(a.shared_per_block), get(a.shared_per_block_optin)));
  properties.set_shared_bytes_per_unit(get(a.shared_per_multiprocessor));
  properties.set_registers_per_block(get(a.registers_per_block));
  properties.set_registers_per_unit(get(a.registers_per_multiprocessor));
  properties.set_threads_per_unit(get(a.threads_per_multiprocessor));
  properties.set_clock_khz(get(a.clock_khz));
  properties.set_memory_clock_khz(get(a.memory_clock_khz));
  properties.set_memory_bus_bits(get(a.memory_bus_bits));
  properties.set_l2_bytes(get(a.l2_bytes));
  properties.set_ecc(get(a.ecc) != 0);
  properties.set_integrated(get(a.integrated) != 0);
  for (std::string& instruction : MatrixInstructions(properties.arch())) {
    properties.add_matrix_instructions(std::move(instruction));
  }
  if (api.DeviceGetPCIBusId(text, sizeof(text), device) == kSuccess) {
    properties.set_pci_address(
        absl::AsciiStrToLower(std::string(text, strnlen(text, sizeof(text)))));
  }
  Uuid uuid = {};
  if (api.DeviceGetUuid != nullptr && api.DeviceGetUuid(&uuid, device) == kSuccess) {
    properties.set_uuid(UuidText(uuid));
  }
  properties.set_driver_version(KernelDriverVersion(api));
  int version = 0;
  const auto get_version =
      api.RuntimeGetVersion != nullptr ? api.RuntimeGetVersion : api.DriverGetVersion;
  if (get_version(&version) == kSuccess) properties.set_runtime_version(api.VersionText(version));
  return properties;
}

}  // namespace amdgpu::vendor
