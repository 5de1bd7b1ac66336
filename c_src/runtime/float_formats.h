// The 16-bit floating point formats, as bits.

#ifndef AMDGPU_C_SRC_RUNTIME_FLOAT_FORMATS_H_
#define AMDGPU_C_SRC_RUNTIME_FLOAT_FORMATS_H_

#include <bit>
#include <cmath>
#include <cstdint>

namespace amdgpu {

// IEEE binary16, rounded to nearest even. Too large becomes infinite.
inline std::uint16_t ToHalf(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  if (std::isnan(value)) return sign | 0x7e00u;
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.0f) return sign | 0x7c00u;  // rounds above the largest, 65504
  if (magnitude < 0x1p-14f) {
    // Subnormal: a multiple of 2^-24.
    return sign | static_cast<std::uint16_t>(std::lrintf(magnitude * 0x1p24f));
  }
  // Drop 13 bits of the mantissa, to nearest even, and move the exponent's bias from 127 to 15.
  const std::uint32_t rounded = (bits & 0x7fffffffu) + 0xfffu + ((bits >> 13) & 1u);
  return sign | static_cast<std::uint16_t>((rounded >> 13) - ((127u - 15u) << 10));
}

// bfloat16, rounded to nearest even.
inline std::uint16_t ToBfloat16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_FLOAT_FORMATS_H_
