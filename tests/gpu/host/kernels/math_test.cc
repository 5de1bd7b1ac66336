// The math functions, beside this machine's libm in a wider type, and 16-bit floating point.

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "tests/gpu/host/kernels/kernel_runner.h"

namespace amdgpu::host {
namespace {

// A function of one argument, where it is tried, and its reference.
struct Unary {
  const char* name;
  double low;
  double high;
  std::function<long double(long double)> reference;
  double max_ulp = 4;
};

const Unary kUnary[] = {
    {"sin", -100, 100, [](long double x) { return sinl(x); }},
    {"cos", -100, 100, [](long double x) { return cosl(x); }},
    {"tan", -1.5, 1.5, [](long double x) { return tanl(x); }},
    {"asin", -1, 1, [](long double x) { return asinl(x); }},
    {"acos", -1, 1, [](long double x) { return acosl(x); }},
    {"atan", -50, 50, [](long double x) { return atanl(x); }},
    {"sinh", -10, 10, [](long double x) { return sinhl(x); }},
    {"cosh", -10, 10, [](long double x) { return coshl(x); }},
    {"tanh", -5, 5, [](long double x) { return tanhl(x); }},
    {"asinh", -100, 100, [](long double x) { return asinhl(x); }},
    {"acosh", 1, 100, [](long double x) { return acoshl(x); }},
    {"atanh", -0.99, 0.99, [](long double x) { return atanhl(x); }},
    {"exp", -80, 80, [](long double x) { return expl(x); }},
    {"exp2", -100, 100, [](long double x) { return exp2l(x); }},
    {"exp10", -30, 30, [](long double x) { return exp10l(x); }},
    {"expm1", -10, 10, [](long double x) { return expm1l(x); }},
    {"log", 1e-6, 1e6, [](long double x) { return logl(x); }},
    {"log2", 1e-6, 1e6, [](long double x) { return log2l(x); }},
    {"log10", 1e-6, 1e6, [](long double x) { return log10l(x); }},
    {"log1p", -0.9, 100, [](long double x) { return log1pl(x); }},
    {"sqrt", 0, 1e6, [](long double x) { return sqrtl(x); }, 0.5},
    {"rsqrt", 1e-3, 1e6, [](long double x) { return 1 / sqrtl(x); }},
    {"cbrt", -1e6, 1e6, [](long double x) { return cbrtl(x); }},
    {"erf", -3, 3, [](long double x) { return erfl(x); }},
    {"erfc", -3, 3, [](long double x) { return erfcl(x); }},
    {"tgamma", 0.5, 15, [](long double x) { return tgammal(x); }, 10},
    {"floor", -1e4, 1e4, [](long double x) { return floorl(x); }, 0},
    {"ceil", -1e4, 1e4, [](long double x) { return ceill(x); }, 0},
    {"trunc", -1e4, 1e4, [](long double x) { return truncl(x); }, 0},
    {"round", -1e4, 1e4, [](long double x) { return roundl(x); }, 0},
    {"rint", -1e4, 1e4, [](long double x) { return rintl(x); }, 0},
    {"fabs", -1e4, 1e4, [](long double x) { return fabsl(x); }, 0},
};

// Distance of `got` from the exact value, in units in the last place of T.
template <typename T>
double Ulps(T got, long double exact) {
  const T nearest = static_cast<T>(exact);
  if (got == nearest) return 0;
  if (!std::isfinite(got) || !std::isfinite(nearest))
    return std::numeric_limits<double>::infinity();
  int exponent = 0;
  std::frexp(nearest, &exponent);
  const long double unit = std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(fabsl(static_cast<long double>(got) - exact) / unit);
}

class MathTest : public KernelTest {
 protected:
  // Runs every function of kUnary on T, whose functions end in `suffix`.
  template <typename T>
  void TryAll(const std::string& type, const std::string& suffix) {
    std::string source;
    for (const Unary& function : kUnary) {
      source += "extern \"C\" __global__ void k_" + std::string(function.name) + "(const " + type +
                "* in, " + type + "* out) { const int i = blockIdx.x * blockDim.x + threadIdx.x;" +
                " out[i] = " + function.name + suffix + "(in[i]); }\n";
    }
    Load(source);
    constexpr int kCount = 4096;
    std::mt19937 random(11);
    for (const Unary& function : kUnary) {
      T* in = Allocate<T>(kCount);
      T* out = Allocate<T>(kCount);
      std::uniform_real_distribution<double> values(function.low, function.high);
      for (int i = 0; i < kCount; ++i) in[i] = static_cast<T>(values(random));
      Run(std::string("k_") + function.name, {{kCount / 128}, {128}}, static_cast<const T*>(in),
          out);
      double worst = 0;
      T where = 0;
      for (int i = 0; i < kCount; ++i) {
        const double ulps = Ulps(out[i], function.reference(in[i]));
        if (ulps > worst) {
          worst = ulps;
          where = in[i];
        }
      }
      EXPECT_LE(worst, function.max_ulp + 0.5) << function.name << suffix << " of " << where;
      FreeAll();
    }
  }
};

TEST_F(MathTest, FloatFunctions) { TryAll<float>("float", "f"); }

TEST_F(MathTest, DoubleFunctions) { TryAll<double>("double", ""); }

TEST_F(MathTest, FunctionsOfTwoArguments) {
  Load(R"(
    extern "C" __global__ void two(const float* a, const float* b, float* out) {
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      float* o = out + 8 * i;
      o[0] = powf(a[i], b[i]);
      o[1] = atan2f(b[i], a[i]);
      o[2] = hypotf(a[i], b[i]);
      o[3] = fmodf(a[i], b[i]);
      o[4] = fminf(a[i], b[i]);
      o[5] = fmaxf(a[i], b[i]);
      o[6] = copysignf(a[i], b[i]);
      o[7] = fmaf(a[i], b[i], 1.0f);
    })");
  constexpr int kCount = 1024;
  float* a = Allocate<float>(kCount);
  float* b = Allocate<float>(kCount);
  float* out = Allocate<float>(8 * kCount);
  std::mt19937 random(5);
  std::uniform_real_distribution<float> values(0.01f, 20.0f);
  for (int i = 0; i < kCount; ++i) {
    a[i] = values(random);
    b[i] = values(random) - 10;
  }
  Run("two", {{8}, {128}}, static_cast<const float*>(a), static_cast<const float*>(b), out);
  for (int i = 0; i < kCount; ++i) {
    const float* o = out + 8 * i;
    ASSERT_LE(Ulps(o[0], powl(a[i], b[i])), 4.5) << a[i] << " " << b[i];
    ASSERT_LE(Ulps(o[1], atan2l(b[i], a[i])), 4.5);
    ASSERT_LE(Ulps(o[2], hypotl(a[i], b[i])), 4.5);
    ASSERT_EQ(o[3], std::fmod(a[i], b[i]));
    ASSERT_EQ(o[4], std::min(a[i], b[i]));
    ASSERT_EQ(o[5], std::max(a[i], b[i]));
    ASSERT_EQ(o[6], std::copysign(a[i], b[i]));
    ASSERT_EQ(o[7], std::fma(a[i], b[i], 1.0f));
  }
}

TEST_F(MathTest, NotFinite) {
  Load(R"(
    extern "C" __global__ void classify(const float* in, int* out) {
      const float x = in[threadIdx.x];
      out[threadIdx.x] = (isnan(x) ? 1 : 0) + (isinf(x) ? 2 : 0) + (isfinite(x) ? 4 : 0) + (signbit(x) ? 8 : 0);
    })");
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> in = {0.0f, -0.0f, 1, -infinity, infinity, std::nanf("")};
  int* out = Allocate<int>(in.size());
  Run("classify", {{1}, {6}}, static_cast<const float*>(Upload(in)), out);
  const std::vector<int> expected = {4, 12, 4, 10, 2, 1};
  for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ(out[i] & (i == 5 ? 7 : 15), expected[i]);
}

TEST_F(MathTest, Halves) {
  Load(R"(
    extern "C" __global__ void halves(const float* in, unsigned short* bits, float* back, float* sums) {
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      const __half h = __float2half(in[i]);
      bits[i] = __half_as_ushort(h);
      back[i] = __half2float(h);
      sums[i] = __half2float(__hadd(h, __float2half(1.0f)));
    })");
  constexpr int kCount = 2048;
  float* in = Allocate<float>(kCount);
  auto* bits = Allocate<unsigned short>(kCount);
  float* back = Allocate<float>(kCount);
  float* sums = Allocate<float>(kCount);
  std::mt19937 random(3);
  std::normal_distribution<float> values(0, 300);
  for (int i = 0; i < kCount; ++i) in[i] = i < 8 ? std::ldexp(1.3f, -12 - i) : values(random);
  Run("halves", {{kCount / 64}, {64}}, static_cast<const float*>(in), bits, back, sums);
  for (int i = 0; i < kCount; ++i) {
    const _Float16 expected = static_cast<_Float16>(in[i]);
    ASSERT_EQ(bits[i], std::bit_cast<unsigned short>(expected)) << in[i];
    ASSERT_EQ(back[i], static_cast<float>(expected));
    ASSERT_EQ(sums[i], static_cast<float>(static_cast<_Float16>(static_cast<float>(expected) + 1)));
  }
}

}  // namespace
}  // namespace amdgpu::host
