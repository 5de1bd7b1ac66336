// How AMD's management libraries number a PCI address.

#ifndef AMDGPU_TELEMETRY_SOURCES_AMD_PCI_ID_H_
#define AMDGPU_TELEMETRY_SOURCES_AMD_PCI_ID_H_

#include <cstdint>
#include <cstdio>
#include <string>

namespace amdgpu::telemetry {

// Newer libraries have a partition's number in the bits between.
inline constexpr std::uint64_t kAmdPciIdBits = 0xffffffff0000ffff;

// The number of "0000:03:00.0". False if that is no address.
inline bool ParseAmdPciId(const std::string& address, std::uint64_t* id) {
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
  unsigned function = 0;
  if (std::sscanf(address.c_str(), "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4) {
    return false;
  }
  *id = std::uint64_t{domain} << 32 | (bus & 0xff) << 8 | (device & 0x1f) << 3 | (function & 7);
  return true;
}

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_AMD_PCI_ID_H_
