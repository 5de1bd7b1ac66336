#include "gpu/host/driver/compiler_builtins.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace amdgpu::host {

BFloat16Bits TruncateToBFloat16(float value) {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) {
    bits |= 0x00400000;  // quiet, and never an infinity after the cut
  } else {
    bits += 0x7fff + ((bits >> 16) & 1);
  }
  return std::bit_cast<BFloat16Bits>(static_cast<std::uint16_t>(bits >> 16));
}

BFloat16Bits TruncateDoubleToBFloat16(double value) {
  // To float, rounded to odd: then the second rounding is as exact as one from the double.
  float narrow = static_cast<float>(value);
  if (std::isfinite(narrow) && static_cast<double>(narrow) != value) {
    std::uint32_t bits = std::bit_cast<std::uint32_t>(narrow);
    if (std::fabs(static_cast<double>(narrow)) > std::fabs(value)) bits -= 1;  // towards zero
    narrow = std::bit_cast<float>(bits | 1);
  }
  return TruncateToBFloat16(narrow);
}

}  // namespace amdgpu::host
