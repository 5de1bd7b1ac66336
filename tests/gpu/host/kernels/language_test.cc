// What HIP C++ offers on the device: templates, structs, vector types, constants, functions,
// printing.

#include <gmock/gmock.h>

#include "tests/gpu/host/kernels/kernel_runner.h"

namespace amdgpu::host {
namespace {

const std::vector<Shape> kFew = {{{4}, {1}}, {{4}, {48}}, {{4}, {256}}, {{2}, {1024}}};

TEST_F(KernelTest, TemplatesByNameExpression) {
  Load(R"(
         template <typename T, int kBy>
         __global__ void scale(T* data, int n) {
           const int i = blockIdx.x * blockDim.x + threadIdx.x;
           if (i < n) data[i] *= kBy;
         })",
       {"scale<float, 3>", "scale<long long, 1 + 1>"});
  float* floats = Allocate<float>(100);
  auto* longs = Allocate<long long>(100);
  for (int i = 0; i < 100; ++i) {
    floats[i] = 0.5f * static_cast<float>(i);
    longs[i] = (1ll << 40) + i;
  }
  Run("scale<float, 3>", {{2}, {64}}, floats, 100);
  Run("scale<long long, 1 + 1>", {{2}, {64}}, longs, 99);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(floats[i], 1.5f * static_cast<float>(i));
    ASSERT_EQ(longs[i], i < 99 ? (1ll << 41) + 2 * i : (1ll << 40) + i);
  }
}

TEST_F(KernelTest, StructsByValue) {
  struct Inner {
    double d;
    char c;
  };
  struct Params {
    float scale;
    Inner inner;
    short values[5];
  };
  const char* source = R"(
    struct Inner { double d; char c; };
    struct Params { float scale; Inner inner; short values[5]; };
    extern "C" __global__ void use(char first, Params p, double* out, Params q) {
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      out[i] = first + p.scale * p.inner.d + p.inner.c + p.values[i % 5] - q.values[(i + 1) % 5];
    })";
  ForShapes(source, kFew, [&](const Shape& shape) {
    const int n = static_cast<int>(shape.grid.x * shape.block.x);
    const Params p = {2.0f, {1.25, 'a'}, {1, -2, 3, -4, 5}};
    const Params q = {0.0f, {0, 0}, {100, 200, 300, 400, 500}};
    double* out = Allocate<double>(n);
    Run("use", shape, 'x', p, out, q);
    for (int i = 0; i < n; ++i) {
      ASSERT_EQ(out[i], 'x' + 2.5 + 'a' + p.values[i % 5] - q.values[(i + 1) % 5]) << i;
    }
  });
}

TEST_F(KernelTest, VectorTypes) {
  struct alignas(16) Float4 {
    float x, y, z, w;
  };
  struct alignas(8) Int2 {
    int x, y;
  };
  const char* source = R"(
    extern "C" __global__ void vectors(const float4* in, float4* out, int2 bias, float4 weight, uchar4* bytes) {
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      float4 v = in[i];
      v.x += weight.x;
      const float4 w = make_float4(v.y * weight.y, v.x, v.w + bias.y, v.z + bias.x);
      out[i] = w + v;
      bytes[i] = make_uchar4(i, i >> 8, 3, 4);
    })";
  ForShapes(source, kFew, [&](const Shape& shape) {
    const int n = static_cast<int>(shape.grid.x * shape.block.x);
    auto* in = Allocate<Float4>(n);
    auto* out = Allocate<Float4>(n);
    auto* bytes = Allocate<unsigned char>(4 * n);
    for (int i = 0; i < n; ++i) {
      const float f = static_cast<float>(i);
      in[i] = {f, f + 1, f + 2, f + 3};
    }
    Run("vectors", shape, static_cast<const Float4*>(in), out, Int2{7, 9}, Float4{0.5f, 2, 0, 0},
        bytes);
    for (int i = 0; i < n; ++i) {
      const float f = static_cast<float>(i);
      ASSERT_EQ(out[i].x, (f + 1) * 2 + f + 0.5f);
      ASSERT_EQ(out[i].y, f + 0.5f + f + 1);
      ASSERT_EQ(out[i].z, f + 3 + 9 + f + 2);
      ASSERT_EQ(out[i].w, f + 2 + 7 + f + 3);
      ASSERT_EQ(bytes[4 * i], i & 255);
      ASSERT_EQ(bytes[4 * i + 1], i >> 8);
      ASSERT_EQ(bytes[4 * i + 3], 4);
    }
  });
}

TEST_F(KernelTest, ConstantsAndDeviceVariables) {
  Load(R"(
    __constant__ float coefficients[3] = {1, 2, 3};
    __device__ int total;
    __device__ int table[2][2] = {{1, 2}, {3, 4}};
    extern "C" __global__ void polynomial(const float* in, float* out) {
      const int i = threadIdx.x;
      out[i] = (coefficients[2] * in[i] + coefficients[1]) * in[i] + coefficients[0] + table[i % 2][1];
      atomicAdd(&total, 1);
    })");
  float* in = Allocate<float>(64);
  float* out = Allocate<float>(64);
  for (int i = 0; i < 64; ++i) in[i] = static_cast<float>(i);
  const auto check = [&](float a, float b, float c) {
    Run("polynomial", {{1}, {64}}, static_cast<const float*>(in), out);
    for (int i = 0; i < 64; ++i) {
      ASSERT_EQ(out[i], (c * in[i] + b) * in[i] + a + static_cast<float>(i % 2 == 0 ? 2 : 4));
    }
  };
  check(1, 2, 3);
  const absl::StatusOr<gpu::Global> coefficients = driver().FindGlobal(module(), "coefficients");
  ASSERT_TRUE(coefficients.ok()) << coefficients.status();
  ASSERT_EQ(coefficients->bytes, 12u);
  const float values[3] = {5, 6, 7};
  ASSERT_TRUE(driver().CopyIn(0, 1000, coefficients->address, values, sizeof(values)).ok());
  sink_.WaitFor(1000);
  check(5, 6, 7);
  const absl::StatusOr<gpu::Global> total = driver().FindGlobal(module(), "total");
  ASSERT_TRUE(total.ok()) << total.status();
  EXPECT_EQ(*reinterpret_cast<const int*>(total->address), 128);
}

TEST_F(KernelTest, PrivateArraysAndFunctions) {
  const char* source = R"(
    __device__ __noinline__ void fill(int* array, int n, int seed) {
      for (int i = 0; i < n; ++i) array[i] = (seed * 17 + i * 31) % 101;
    }
    __device__ __noinline__ void insertion_sort(int* array, int n) {
      for (int i = 1; i < n; ++i) {
        const int value = array[i];
        int j = i - 1;
        for (; j >= 0 && array[j] > value; --j) array[j + 1] = array[j];
        array[j + 1] = value;
      }
    }
    __device__ int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
    struct Adder {
      int amount;
      __device__ int operator()(int x) const { return x + amount; }
    };
    template <typename F> __device__ int apply(F f, int x) { return f(x); }
    extern "C" __global__ void median(int* out) {
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      int array[15];
      fill(array, 15, i);
      insertion_sort(array, 15);
      const int local = array[7];
      out[i] = apply(Adder{1000}, local) + apply([=](int x) { return x * local; }, 2) + fibonacci(i % 8);
    })";
  ForShapes(source, kFew, [&](const Shape& shape) {
    const int n = static_cast<int>(shape.grid.x * shape.block.x);
    int* out = Allocate<int>(n);
    Run("median", shape, out);
    const int fibonacci[] = {0, 1, 1, 2, 3, 5, 8, 13};
    for (int i = 0; i < n; ++i) {
      std::vector<int> array(15);
      for (int j = 0; j < 15; ++j) array[j] = (i * 17 + j * 31) % 101;
      std::sort(array.begin(), array.end());
      ASSERT_EQ(out[i], array[7] + 1000 + 2 * array[7] + fibonacci[i % 8]) << i;
    }
  });
}

TEST_F(KernelTest, IntegersAndBits) {
  const char* source = R"(
    extern "C" __global__ void bits(const unsigned* in, unsigned* out) {
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      const unsigned x = in[i];
      unsigned* o = out + 8 * i;
      o[0] = __popc(x);
      o[1] = __clz(x);
      o[2] = __ffs(x);
      o[3] = __brev(x);
      o[4] = __umulhi(x, 0xdeadbeefu);
      o[5] = __popcll(((unsigned long long)x << 32) | x);
      o[6] = (unsigned)((int)x / 7) + (unsigned)((int)x % 7);
      o[7] = (unsigned)(((unsigned long long)x * x) >> 20);
    })";
  ForShapes(source, kFew, [&](const Shape& shape) {
    const int n = static_cast<int>(shape.grid.x * shape.block.x);
    auto* in = Allocate<unsigned>(n);
    auto* out = Allocate<unsigned>(8 * n);
    for (int i = 0; i < n; ++i) in[i] = static_cast<unsigned>(i) * 2654435761u;
    Run("bits", shape, static_cast<const unsigned*>(in), out);
    for (int i = 0; i < n; ++i) {
      const unsigned x = in[i];
      const unsigned* o = out + 8 * i;
      unsigned reversed = 0;
      for (int b = 0; b < 32; ++b) reversed |= ((x >> b) & 1) << (31 - b);
      ASSERT_EQ(o[0], static_cast<unsigned>(__builtin_popcount(x)));
      ASSERT_EQ(o[1], x == 0 ? 32u : static_cast<unsigned>(__builtin_clz(x)));
      ASSERT_EQ(o[2], static_cast<unsigned>(__builtin_ffs(static_cast<int>(x))));
      ASSERT_EQ(o[3], reversed);
      ASSERT_EQ(o[4], static_cast<unsigned>((std::uint64_t{x} * 0xdeadbeefu) >> 32));
      ASSERT_EQ(o[5], 2u * static_cast<unsigned>(__builtin_popcount(x)));
      ASSERT_EQ(o[6], static_cast<unsigned>(static_cast<int>(x) / 7) +
                          static_cast<unsigned>(static_cast<int>(x) % 7));
      ASSERT_EQ(o[7], static_cast<unsigned>((std::uint64_t{x} * x) >> 20));
    }
  });
}

TEST_F(KernelTest, PrintingFromEveryKindOfArgument) {
  Load(R"(
    extern "C" __global__ void say(int n, const char* unused) {
      if (threadIdx.x == 3) printf("%d %u %5.2f %s %c %llx%%\n", n, threadIdx.x, 1.5f, "text", 'c', 0x123456789abull);
      if (threadIdx.x == 4) printf("plain line\n");
      if (threadIdx.x == 5) printf("x");
    })");
  const gpu::Ticket ticket = Run("say", {{1}, {32}}, -5, static_cast<const char*>(nullptr));
  const std::string text = sink_.printed(ticket);
  EXPECT_THAT(text, testing::HasSubstr("-5 3  1.50 text c 123456789ab%\n"));
  EXPECT_THAT(text, testing::HasSubstr("plain line\n"));
  EXPECT_EQ(text.size(), std::string("-5 3  1.50 text c 123456789ab%\nplain line\nx").size());
}

TEST_F(KernelTest, AssertsThatHold) {
  Load(R"(
    extern "C" __global__ void check(int* out) {
      assert(blockDim.x == 32);
      out[threadIdx.x] = 1;
    })");
  int* out = Allocate<int>(32);
  Run("check", {{1}, {32}}, out);
  EXPECT_EQ(out[31], 1);
}

class KernelDeathTest : public KernelTest {};

TEST_F(KernelDeathTest, AssertsThatDoNotHoldEndTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Load(R"(extern "C" __global__ void check(int n) { assert(n > 0); })");
        Run("check", {{1}, {1}}, 0);
      },
      "");
}

}  // namespace
}  // namespace amdgpu::host
