// Unit: the headers that a source may include, and that they hold what they say.

#include "gtest/gtest.h"
#include "tests/gpu/host/compiler/in_process.h"

namespace amdgpu::hostcc {
namespace {

TEST(StandardHeaders, CanBeIncluded) {
  for (const char* header : {"hip/hip_runtime.h",
                             "hip/hip_runtime_api.h",
                             "hip/hip_fp16.h",
                             "hip/hip_bf16.h",
                             "hip/hip_bfloat16.h",
                             "hip/hip_vector_types.h",
                             "hip/hip_math_constants.h",
                             "hip/math_functions.h",
                             "hip/device_functions.h",
                             "hip/hip_common.h",
                             "hip/hip_version.h",
                             "cstdint",
                             "cstddef",
                             "cmath",
                             "climits",
                             "cfloat",
                             "cassert",
                             "cstdio",
                             "cstdlib",
                             "cstring",
                             "type_traits",
                             "limits",
                             "utility",
                             "algorithm",
                             "array",
                             "stdint.h",
                             "stddef.h",
                             "math.h",
                             "limits.h",
                             "float.h",
                             "assert.h",
                             "stdio.h",
                             "stdlib.h",
                             "string.h",
                             "stdbool.h"}) {
    const std::string name = header;
    for (const char* standard : {"c++11", "c++17", "c++20"}) {
      proto::CompileRequest request = RequestFor("#include <" + name + ">\n#include \"" + name +
                                                 "\"\nextern \"C\" __global__ void k() {}");
      request.set_std(standard);
      EXPECT_TRUE(IsClean(Compile(request))) << name << " " << standard;
    }
  }
}

TEST(StandardHeaders, HoldWhatKernelsUse) {
  EXPECT_TRUE(KernelCompiles(R"(
    static_assert(std::is_same<std::uint32_t, unsigned>::value, "");
    static_assert(std::is_same_v<std::decay_t<const int&>, int>, "");
    static_assert(std::is_floating_point_v<double> && !std::is_integral_v<float>, "");
    static_assert(std::numeric_limits<int>::max() == INT_MAX, "");
    static_assert(std::numeric_limits<int>::min() == INT_MIN, "");
    static_assert(std::numeric_limits<unsigned char>::max() == 255, "");
    static_assert(std::numeric_limits<long long>::lowest() == LLONG_MIN, "");
    static_assert(std::numeric_limits<float>::max() == FLT_MAX, "");
    static_assert(std::conditional_t<true, char, int>(1) == 1, "");
    float a = f[0], b = f[1];
    std::swap(a, b);
    std::array<float, 4> four = {{a, b, 1, 2}};
    f[0] = std::max(a, b) + std::min(a, 2.0f) + std::sqrt(a) + std::sin(b) + four[2] +
           std::numeric_limits<float>::infinity() + (float)M_PI + INFINITY;
    d[0] = std::pow(d[1], 2.0) + std::fma(d[0], d[1], d[2]);
    memcpy(u, i, 16);
    std::memset(i, 0, sizeof(int) * 4);
    std::size_t n = 3;
    i[n] = std::abs(i[1]) + (int)std::clamp(f[2], 0.0f, 1.0f);)",
                             R"(
    #include <algorithm>
    #include <array>
    #include <cfloat>
    #include <climits>
    #include <cmath>
    #include <cstddef>
    #include <cstdint>
    #include <cstring>
    #include <limits>
    #include <type_traits>)"));
}

}  // namespace
}  // namespace amdgpu::hostcc
