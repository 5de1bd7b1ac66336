// Conversions to bfloat16, beside exact arithmetic.

#include "gpu/host/driver/compiler_builtins.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace amdgpu::host {
namespace {

std::uint16_t Bits(BFloat16Bits value) { return std::bit_cast<std::uint16_t>(value); }

double ValueOf(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// The nearest bfloat16 to a finite `value`, ties to even, by looking at both neighbours.
std::uint16_t Nearest(double value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  std::uint16_t low = 0;
  std::uint16_t high = 0x7f80;  // infinity
  while (high - low > 1) {
    const std::uint16_t middle = static_cast<std::uint16_t>((low + high) / 2);
    (ValueOf(middle) <= magnitude ? low : high) = middle;
  }
  // Infinity rounds as if it were the next power of two.
  const double above = high == 0x7f80 ? std::ldexp(1.0, 128) : ValueOf(high);
  const double down = magnitude - ValueOf(low);
  const double up = above - magnitude;
  const bool take_low = down < up || (down == up && low % 2 == 0);
  return static_cast<std::uint16_t>(sign | (take_low ? low : high));
}

TEST(BFloat16Test, FloatsRoundToNearestEven) {
  std::mt19937 random(1);
  for (int i = 0; i < 300000; ++i) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(Bits(TruncateToBFloat16(value)), Nearest(value)) << value;
  }
}

TEST(BFloat16Test, DoublesRoundOnce) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 300000; ++i) {
    // Near the halfway points, where rounding twice goes wrong.
    const auto bits = static_cast<std::uint16_t>(random() % 0x7f80);
    const double low = ValueOf(bits);
    const double half = low + (ValueOf(static_cast<std::uint16_t>(bits + 1)) - low) / 2;
    if (!std::isfinite(half)) continue;
    const double nudge = std::ldexp(static_cast<double>(random() % 3) - 1.0, -40);
    const double value = half * (1 + nudge) * (random() % 2 == 0 ? 1 : -1);
    ASSERT_EQ(Bits(TruncateDoubleToBFloat16(value)), Nearest(value)) << value;
  }
}

TEST(BFloat16Test, InfinitiesAndNansStayWhatTheyAre) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Bits(TruncateToBFloat16(infinity)), 0x7f80);
  EXPECT_EQ(Bits(TruncateToBFloat16(-infinity)), 0xff80);
  EXPECT_EQ(Bits(TruncateDoubleToBFloat16(-1e300)), 0xff80);
  // A NaN whose payload lies only in the bits that are cut.
  const std::uint16_t nan = Bits(TruncateToBFloat16(std::bit_cast<float>(0x7f800001u)));
  EXPECT_EQ(nan & 0x7f80, 0x7f80);
  EXPECT_NE(nan & 0x007f, 0);
  EXPECT_TRUE(std::isnan(
      ValueOf(Bits(TruncateDoubleToBFloat16(std::numeric_limits<double>::quiet_NaN())))));
}

}  // namespace
}  // namespace amdgpu::host
