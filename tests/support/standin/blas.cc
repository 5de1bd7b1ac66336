#include "tests/support/standin/blas.h"

#include <algorithm>
#include <cstring>

#include "gpu/vendor/errors.h"

namespace standin {
namespace {

using amdgpu::vendor::Address;
using amdgpu::vendor::Result;

// 16-bit floats as numbers.
struct F16 {
  _Float16 value;
  explicit operator double() const { return static_cast<double>(value); }
  static F16 From(double number) { return {static_cast<_Float16>(number)}; }
};
struct Bf16 {
  std::uint16_t bits;
  explicit operator double() const {
    const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
    float number;
    std::memcpy(&number, &wide, sizeof(number));
    return number;
  }
  static Bf16 From(double number) {
    const float narrow = static_cast<float>(number);
    std::uint32_t bits;
    std::memcpy(&bits, &narrow, sizeof(bits));
    return {static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
  }
};
template <typename T>
struct Plain {
  T value;
  explicit operator double() const { return value; }
  static Plain From(double number) { return {static_cast<T>(number)}; }
};

struct Factors {
  double alpha;
  double beta;
};

template <typename T>
Result Run(const Gemm& g, const Factors& factors) {
  const auto* a = reinterpret_cast<const T*>(g.a);
  const auto* b = reinterpret_cast<const T*>(g.b);
  auto* c = reinterpret_cast<T*>(g.c);
  const auto there = [&](Address address, std::int64_t rows, std::int64_t columns,
                         std::int64_t line, std::int64_t stride) {
    const std::int64_t elements = (g.batch - 1) * stride + (columns - 1) * line + rows;
    return standin_is_device_memory(address, static_cast<std::size_t>(elements) * sizeof(T));
  };
  if (!there(g.a, g.transpose_a ? g.k : g.m, g.transpose_a ? g.m : g.k, g.line_a, g.stride_a) ||
      !there(g.b, g.transpose_b ? g.n : g.k, g.transpose_b ? g.k : g.n, g.line_b, g.stride_b) ||
      !there(g.c, g.m, g.n, g.line_c, g.stride_c)) {
    return amdgpu::vendor::kIllegalAddress;
  }
  for (std::int64_t i = 0; i < g.batch; ++i, a += g.stride_a, b += g.stride_b, c += g.stride_c) {
    for (std::int64_t column = 0; column < g.n; ++column) {
      for (std::int64_t row = 0; row < g.m; ++row) {
        double sum = 0;
        for (std::int64_t l = 0; l < g.k; ++l) {
          const T& left = g.transpose_a ? a[row * g.line_a + l] : a[l * g.line_a + row];
          const T& right = g.transpose_b ? b[l * g.line_b + column] : b[column * g.line_b + l];
          sum += static_cast<double>(left) * static_cast<double>(right);
        }
        T& place = c[column * g.line_c + row];
        const double before = factors.beta == 0 ? 0 : factors.beta * static_cast<double>(place);
        place = T::From(factors.alpha * sum + before);
      }
    }
  }
  return amdgpu::vendor::kSuccess;
}

}  // namespace

bool RunGemm(const BlasHandle& handle, Type type, const Gemm& g) {
  if (g.m < 0 || g.n < 0 || g.k < 0 || g.batch < 0 ||
      g.line_a < std::max(1, g.transpose_a ? g.k : g.m) ||
      g.line_b < std::max(1, g.transpose_b ? g.n : g.k) || g.line_c < std::max(1, g.m)) {
    return false;
  }
  // Read now, as pointers to the CPU's memory are.
  const auto number = [type](const void* factor) {
    return type == Type::kF64 ? *static_cast<const double*>(factor)
                              : static_cast<double>(*static_cast<const float*>(factor));
  };
  const Factors factors = {number(g.alpha), number(g.beta)};
  const std::function<Result()> work = [g, type, factors]() -> Result {
    switch (type) {
      case Type::kF16:
        return Run<F16>(g, factors);
      case Type::kBf16:
        return Run<Bf16>(g, factors);
      case Type::kF32:
        return Run<Plain<float>>(g, factors);
      default:
        return Run<Plain<double>>(g, factors);
    }
  };
  standin_enqueue(handle.stream, &work);
  return true;
}

}  // namespace standin
