// Kernels compiled and run in each mode, for several block shapes, generic and specialised, against
// plain loops.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "tests/gpu/host/passes/kernel_jit.h"

namespace amdgpu::hostcc {
namespace {

std::vector<float> ramp(std::size_t size) {
  std::vector<float> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<float>((i * 7919) % 101) - 50;
  return values;
}

// Nothing can be run if this failed.
#define COMPILE(source) ASSERT_NO_FATAL_FAILURE(compile(source))

// The block shape, and whether the code is specialised on it.
struct Shape {
  Dim block;
  bool fixed;
};

class KernelsTest : public testing::TestWithParam<Shape> {
 protected:
  std::uint32_t threads() const {
    const Dim& block = GetParam().block;
    return block.x * block.y * block.z;
  }
  HostPassOptions options() const {
    HostPassOptions options;
    const Dim& block = GetParam().block;
    if (GetParam().fixed) options.block_shape = {block.x, block.y, block.z};
    return options;
  }
  void compile(const std::string& source) {
    jit_ = std::make_unique<KernelJit>(kFlatIndex + source, options());
    ASSERT_EQ(jit_->errors(), "");
    EXPECT_EQ(jit_->ir().find("@__hd_"), std::string::npos) << "an intrinsic is left";
  }
  void run(const std::string& kernel, std::uint32_t blocks, const Arguments& arguments,
           std::size_t dynamic_shared_bytes = 0) {
    jit_->run(kernel, {blocks}, GetParam().block, arguments, dynamic_shared_bytes);
  }

  static constexpr char kFlatIndex[] = R"(
__device__ unsigned flat() {
  return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
}
__device__ unsigned size() { return blockDim.x * blockDim.y * blockDim.z; }
#line 1 "kernel.hip"
)";
  std::unique_ptr<KernelJit> jit_;
};

TEST_P(KernelsTest, GuardedElementwise) {
  COMPILE(R"(
extern "C" __global__ void k(const float* a, const float* b, float* c, int n) {
  int i = blockIdx.x * size() + flat();
  if (i < n) c[i] = a[i] + 2 * b[i];
})");
  const int n = threads() * 5 - 3;
  auto a = ramp(n + 100), b = ramp(n + 100);
  std::vector<float> c(n + 100, -1);
  run("k", 6, Arguments(a.data(), b.data(), c.data(), n));
  for (int i = 0; i < n; ++i) ASSERT_EQ(c[i], a[i] + 2 * b[i]) << i;
  for (int i = n; i < n + 100; ++i) ASSERT_EQ(c[i], -1) << i;
}

TEST_P(KernelsTest, CoordinatesOfThreeDimensions) {
  COMPILE(R"(
extern "C" __global__ void k(int* out, int width, int height, int depth) {
  int x = blockIdx.x * blockDim.x + threadIdx.x;
  int y = blockIdx.y * blockDim.y + threadIdx.y;
  int z = blockIdx.z * blockDim.z + threadIdx.z;
  if (x >= width || y >= height || z >= depth) return;
  out[(z * height + y) * width + x] = x + 1000 * y + 1000000 * z + gridDim.y;
})");
  const Dim block = GetParam().block;
  const int width = block.x * 3 - 1, height = block.y * 2, depth = block.z * 2;
  std::vector<int> out(width * height * depth, -1);
  jit_->run("k", {3, 2, 2}, block, Arguments(out.data(), width, height, depth));
  for (int z = 0; z < depth; ++z)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        ASSERT_EQ(out[(z * height + y) * width + x], x + 1000 * y + 1000000 * z + 2);
}

TEST_P(KernelsTest, SharedMemoryReversal) {
  COMPILE(R"(
extern "C" __global__ void k(int* data) {
  __shared__ int tile[1024];
  extern __shared__ int dynamic[];
  int t = flat(), n = size();
  tile[t] = data[blockIdx.x * n + t];
  dynamic[t] = t;
  __syncthreads();
  int other = n - 1 - t;
  data[blockIdx.x * n + t] = tile[other] + 1000 * dynamic[other];
})");
  const int n = threads();
  std::vector<int> data(4 * n), expected(4 * n);
  std::iota(data.begin(), data.end(), 0);
  for (int b = 0; b < 4; ++b)
    for (int t = 0; t < n; ++t) expected[b * n + t] = b * n + (n - 1 - t) + 1000 * (n - 1 - t);
  run("k", 4, Arguments(data.data()), 4 * n);
  EXPECT_EQ(data, expected);
  EXPECT_EQ(jit_->facts("k").static_shared_bytes, 4096u);
  EXPECT_TRUE(jit_->facts("k").uses_dynamic_shared);
  EXPECT_TRUE(jit_->facts("k").uses_block_barriers);
  EXPECT_FALSE(jit_->facts("k").uses_warp_operations);
}

TEST_P(KernelsTest, TreeReductionInUniformLoop) {
  COMPILE(R"(
extern "C" __global__ void k(const float* x, float* out, int n) {
  __shared__ float s[1024];
  unsigned t = flat(), i = blockIdx.x * size() + t;
  s[t] = i < n ? x[i] : 0.f;
  __syncthreads();
  for (unsigned live = size(); live > 1; live = (live + 1) / 2) {
    unsigned half = (live + 1) / 2;
    if (t + half < live) s[t] += s[t + half];
    __syncthreads();
  }
  if (t == 0) out[blockIdx.x] = s[0];
})");
  const int n = threads() * 4 - 1;
  auto x = ramp(threads() * 4);
  std::vector<float> out(4), expected(4, 0.f);
  for (int i = 0; i < n; ++i) expected[i / threads()] += x[i];
  run("k", 4, Arguments(x.data(), out.data(), n));
  EXPECT_EQ(out, expected);  // integers: exact in any order
}

TEST_P(KernelsTest, GridStrideLoop) {
  COMPILE(R"(
extern "C" __global__ void k(const float* x, float* out, int n) {
  float sum = 0;
  for (unsigned i = blockIdx.x * size() + flat(); i < n; i += size() * gridDim.x) sum += x[i];
  out[blockIdx.x * size() + flat()] = sum;
})");
  const int n = threads() * 11 + 3, stride = threads() * 3;
  auto x = ramp(n);
  std::vector<float> out(stride), expected(stride, 0.f);
  for (int i = 0; i < n; ++i) expected[i % stride] += x[i];
  run("k", 3, Arguments(x.data(), out.data(), n));
  EXPECT_EQ(out, expected);
}

TEST_P(KernelsTest, HistogramWithAtomics) {
  COMPILE(R"(
extern "C" __global__ void k(const unsigned char* in, unsigned* bins, int n) {
  __shared__ unsigned s[16];
  for (unsigned b = flat(); b < 16; b += size()) s[b] = 0;
  __syncthreads();
  for (unsigned i = blockIdx.x * size() + flat(); i < n; i += size() * gridDim.x) atomicAdd(&s[in[i] & 15], 1u);
  __syncthreads();
  for (unsigned b = flat(); b < 16; b += size()) atomicAdd(&bins[b], s[b]);
})");
  const int n = threads() * 9 + 5;
  std::vector<unsigned char> in(n);
  std::vector<unsigned> bins(16), expected(16);
  for (int i = 0; i < n; ++i) {
    in[i] = i * i + i / 7;
    ++expected[in[i] & 15];
  }
  run("k", 2, Arguments(in.data(), bins.data(), n));
  EXPECT_EQ(bins, expected);
}

TEST_P(KernelsTest, EarlyReturnBeforeBarrier) {
  COMPILE(R"(
extern "C" __global__ void k(int* out) {
  __shared__ int count;
  unsigned t = flat();
  if (t == 0) count = 0;
  __syncthreads();
  if (t % 3 == 1) return;
  atomicAdd(&count, 1);
  __syncthreads();
  out[blockIdx.x * size() + t] = count;
})");
  const int n = threads();
  int staying = 0;
  for (int t = 0; t < n; ++t) staying += t % 3 != 1;
  std::vector<int> out(2 * n, -1);
  run("k", 2, Arguments(out.data()));
  for (int i = 0; i < 2 * n; ++i) ASSERT_EQ(out[i], i % n % 3 == 1 ? -1 : staying) << i;
}

TEST_P(KernelsTest, BarrierUnderDivergentBranch) {
  COMPILE(R"(
extern "C" __global__ void k(int* out) {
  __shared__ int s[1024];
  unsigned t = flat(), n = size();
  int value = t * 3;
  if (t & 1) {
    s[t] = value;
    __syncthreads();
    value += s[n > 1 ? 1 : 0];
  } else {
    s[t] = -value;
    __syncthreads();
    value += s[0];
  }
  __syncthreads();
  s[t] = value;
  __syncthreads();
  out[t] = s[n - 1 - t];
})");
  const int n = threads();
  std::vector<int> out(n), value(n);
  for (int t = 0; t < n; ++t) value[t] = t * 3 + (t & 1 ? 3 : 0);
  run("k", 1, Arguments(out.data()));
  for (int t = 0; t < n; ++t) ASSERT_EQ(out[t], value[n - 1 - t]) << t;
}

TEST_P(KernelsTest, BarrierInLoopWithDivergentTripCount) {
  COMPILE(R"(
extern "C" __global__ void k(int* out) {
  __shared__ int s[1024];
  unsigned t = flat();
  s[t] = t;
  int sum = 0;
  for (unsigned i = 0; i < t % 4; ++i) {
    __syncthreads();
    sum += s[i % size()];
  }
  out[t] = sum;
})");
  const int n = threads();
  std::vector<int> out(n);
  run("k", 1, Arguments(out.data()));
  for (int t = 0; t < n; ++t) {
    int sum = 0;
    for (int i = 0; i < t % 4; ++i) sum += i % n;
    ASSERT_EQ(out[t], sum) << t;
  }
}

TEST_P(KernelsTest, PrivateArraysAndPointersLiveAcrossBarriers) {
  COMPILE(R"(
extern "C" __global__ void k(const int* in, int* out) {
  __shared__ int s[1024];
  unsigned t = flat(), n = size();
  int values[17];
  for (int i = 0; i < 17; ++i) values[(i * 5 + in[t]) % 17] = i + t;
  int* pointer = &values[in[t] % 17];
  s[t] = *pointer;
  __syncthreads();
  *pointer += s[(t + 1) % n];
  bool flag = in[(t + 3) % n] & 1;
  __syncthreads();
  int sum = 0;
  for (int i = 0; i < 17; ++i) sum += values[i] * (i + 1);
  out[blockIdx.x * n + t] = flag ? sum : -sum;
})");
  const int n = threads();
  std::vector<int> in(n), out(2 * n), first(n), expected(n);
  for (int t = 0; t < n; ++t) in[t] = (t * 31) % 23;
  std::vector<std::vector<int>> values(n, std::vector<int>(17));
  for (int t = 0; t < n; ++t) {
    for (int i = 0; i < 17; ++i) values[t][(i * 5 + in[t]) % 17] = i + t;
    first[t] = values[t][in[t] % 17];
  }
  for (int t = 0; t < n; ++t) {
    values[t][in[t] % 17] += first[(t + 1) % n];
    int sum = 0;
    for (int i = 0; i < 17; ++i) sum += values[t][i] * (i + 1);
    expected[t] = in[(t + 3) % n] & 1 ? sum : -sum;
  }
  run("k", 2, Arguments(in.data(), out.data()));
  for (int i = 0; i < 2 * n; ++i) ASSERT_EQ(out[i], expected[i % n]) << i;
}

TEST_P(KernelsTest, WarpShuffleReduction) {
  COMPILE(R"(
extern "C" __global__ void k(const int* in, int* out) {
  unsigned t = flat();
  int value = in[t];
  for (int mask = 16; mask > 0; mask /= 2) value += __shfl_xor(value, mask);
  out[t] = value;
})");
  const int n = threads();
  std::vector<int> in(n), out(n);
  for (int t = 0; t < n; ++t) in[t] = t * t % 37;
  run("k", 1, Arguments(in.data(), out.data()));
  for (int t = 0; t + 31 - t % 32 < n; ++t) {  // whole warps
    const int first = t - t % 32;
    ASSERT_EQ(out[t], std::accumulate(in.begin() + first, in.begin() + first + 32, 0)) << t;
  }
  EXPECT_TRUE(jit_->facts("k").uses_warp_operations);
}

TEST_P(KernelsTest, WarpShuffleInDivergentBranchWithBlockBarrier) {
  COMPILE(R"(
extern "C" __global__ void k(int* out) {
  __shared__ int s[1024];
  unsigned t = flat(), lane = t & 31;
  int value = t;
  if (lane < 8) value = shuffle(value * 10, lane ^ 1);
  s[t] = value;
  __syncthreads();
  out[t] = s[(t + 1) % size()];
})");
  const int n = threads();
  if (n % 32 != 0) GTEST_SKIP() << "a partner may be missing";
  std::vector<int> out(n), value(n);
  for (int t = 0; t < n; ++t) value[t] = t % 32 < 8 ? (t ^ 1) * 10 : t;
  run("k", 1, Arguments(out.data()));
  for (int t = 0; t < n; ++t) ASSERT_EQ(out[t], value[(t + 1) % n]) << t;
}

TEST_P(KernelsTest, LockstepThroughVolatileSharedMemory) {
  COMPILE(R"(
extern "C" __global__ void k(const int* in, int* out) {
  __shared__ int s[1024 + 32];
  unsigned t = flat();
  s[t] = in[t];
  if (t < 32) s[size() + t] = 0;
  __syncthreads();
  if (t < 32) {
    volatile int* v = s;
    v[t] += v[t + 16];
    v[t] += v[t + 8];
    v[t] += v[t + 4];
    v[t] += v[t + 2];
    v[t] += v[t + 1];
  }
  __syncthreads();
  if (t == 0) out[0] = s[0];
})");
  const int n = threads();
  if (n < 64) GTEST_SKIP() << "reads past the first warp";
  std::vector<int> in(n), out(1);
  for (int t = 0; t < n; ++t) in[t] = t * 3 + 1;
  run("k", 1, Arguments(in.data(), out.data()));
  EXPECT_EQ(out[0], std::accumulate(in.begin(), in.begin() + 32, 0));
}

TEST_P(KernelsTest, DivergentLoop) {
  COMPILE(R"(
extern "C" __global__ void k(const unsigned* in, int* out, int n) {
  unsigned i = blockIdx.x * size() + flat();
  if (i >= n) return;
  unsigned value = in[i];
  int steps = 0;
  while (value != 1) {
    value = value & 1 ? 3 * value + 1 : value / 2;
    ++steps;
  }
  out[i] = steps;
})");
  const int n = threads() * 2 - 1;
  std::vector<unsigned> in(n);
  std::vector<int> out(n + 1, -1);
  for (int i = 0; i < n; ++i) in[i] = i % 97 + 1;
  run("k", 2, Arguments(in.data(), out.data(), n));
  for (int i = 0; i < n; ++i) {
    int steps = 0;
    for (unsigned value = in[i]; value != 1; ++steps) value = value & 1 ? 3 * value + 1 : value / 2;
    ASSERT_EQ(out[i], steps) << i;
  }
  EXPECT_EQ(out[n], -1);
}

TEST_P(KernelsTest, FloatAtomicsAndCompareAndSwapLoops) {
  COMPILE(R"(
extern "C" __global__ void k(float* sum, int* maximum) {
  __shared__ float s;
  __shared__ int m;
  unsigned t = flat();
  if (t == 0) { s = 0; m = -1; }
  __syncthreads();
  atomicAdd(&s, 1.5f);
  int value = (t * 37) % 101, old = m;
  while (old < value) {
    int seen = atomicCAS(&m, old, value);
    if (seen == old) break;
    old = seen;
  }
  __syncthreads();
  if (t == 0) { atomicAdd(sum, s); maximum[blockIdx.x] = m; }
})");
  const int n = threads();
  float sum = 0;
  std::vector<int> maximum(3);
  int expected = 0;
  for (int t = 0; t < n; ++t) expected = std::max(expected, t * 37 % 101);
  run("k", 3, Arguments(&sum, maximum.data()));
  EXPECT_EQ(sum, 3 * 1.5f * n);
  EXPECT_EQ(maximum, std::vector<int>(3, expected));
}

TEST_P(KernelsTest, AggregatesByValue) {
  COMPILE(R"(
struct alignas(16) Four { float v[4]; };
struct Odd { char c; double d; short s; };
extern "C" __global__ void k(char first, Four four, Odd odd, float* out) {
  unsigned t = flat();
  four.v[t % 4] += 1;
  out[t] = first + four.v[t % 4] + odd.c + odd.d + odd.s;
})");
  struct alignas(16) Four {
    float v[4];
  } four = {{10, 20, 30, 40}};
  struct Odd {
    char c;
    double d;
    short s;
  } odd = {1, 0.5, 7};
  const int n = threads();
  std::vector<float> out(n);
  run("k", 1, Arguments(static_cast<char>(3), four, odd, out.data()));
  for (int t = 0; t < n; ++t) ASSERT_EQ(out[t], 3 + four.v[t % 4] + 1 + 1 + 0.5 + 7) << t;
}

TEST_P(KernelsTest, NoinlineDeviceFunctionWithBarrier) {
  COMPILE(R"(
__shared__ int s[1024];
__device__ __noinline__ int exchange(int value) {
  s[threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)] = value;
  __syncthreads();
  int result = s[(flat() + 1) % size()];
  __syncthreads();
  return result;
}
extern "C" __global__ void k(int* out) {
  out[flat()] = exchange(exchange(flat()));
})");
  const int n = threads();
  std::vector<int> out(n);
  run("k", 1, Arguments(out.data()));
  for (int t = 0; t < n; ++t) ASSERT_EQ(out[t], (t + 2) % n) << t;
}

TEST_P(KernelsTest, DeviceVariablesStayExternal) {
  COMPILE(R"(
__device__ int counter = 5;
static __device__ int hidden = 6;
__constant__ int table[4];
extern "C" __global__ void k(int* out) {
  out[flat()] = table[flat() % 4] + counter + hidden;
})");
  const int table[4] = {1, 2, 3, 4};
  std::memcpy(jit_->symbol("table"), table, sizeof(table));
  *static_cast<int*>(jit_->symbol("counter")) = 100;
  const int n = threads();
  std::vector<int> out(n);
  run("k", 1, Arguments(out.data()));
  for (int t = 0; t < n; ++t) ASSERT_EQ(out[t], table[t % 4] + 106) << t;
}

TEST_P(KernelsTest, LargePrivateArrayWithoutBarriers) {
  COMPILE(R"(
extern "C" __global__ void k(const int* in, int* out) {
  int values[1000];
  unsigned t = flat();
  for (int i = 0; i < 1000; ++i) values[i] = -1;
  for (int i = 0; i < 10; ++i) values[(in[t] * (i + 1)) % 1000] = i + t;
  int sum = 0;
  for (int i = 0; i < 1000; ++i) sum += values[(i * 7 + in[t]) % 1000] * (i % 5);
  out[t] = sum;
})");
  const int n = threads();
  std::vector<int> in(n), out(n);
  for (int t = 0; t < n; ++t) in[t] = t * 13 % 991;
  run("k", 1, Arguments(in.data(), out.data()));
  for (int t = 0; t < n; ++t) {
    std::vector<int> values(1000, -1);
    for (int i = 0; i < 10; ++i) values[(in[t] * (i + 1)) % 1000] = i + t;
    int sum = 0;
    for (int i = 0; i < 1000; ++i) sum += values[(i * 7 + in[t]) % 1000] * (i % 5);
    ASSERT_EQ(out[t], sum) << t;
  }
}

// Each thread has its own bound, and the start is the thread's index alone.
TEST_P(KernelsTest, BlockStrideLoopAndNestedLoops) {
  COMPILE(R"(
extern "C" __global__ void k(const int* in, int* out, int n) {
  __shared__ int s[4096];
  for (int i = flat(); i < n; i += size()) s[i] = in[i] * 2;
  __syncthreads();
  int sum = 0;
  for (int i = flat(); i < n; i += size()) {
    for (int j = 0; j < in[i] % 5; ++j) sum += s[(i + j) % n];
  }
  out[blockIdx.x * size() + flat()] = sum;
})");
  const int count = threads(), n = 3001;
  std::vector<int> in(n), out(2 * count), expected(count);
  for (int i = 0; i < n; ++i) in[i] = i * 31 % 103;
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < in[i] % 5; ++j) expected[i % count] += in[(i + j) % n] * 2;
  }
  run("k", 2, Arguments(in.data(), out.data(), n));
  for (int t = 0; t < 2 * count; ++t) ASSERT_EQ(out[t], expected[t % count]) << t;
}

// Near the end of the index type the last thread's next index wraps before its neighbours' do.
TEST_P(KernelsTest, StridedLoopNearTheEndOfItsIndexType) {
  COMPILE(R"(
extern "C" __global__ void k(unsigned* count, unsigned n, unsigned step) {
  unsigned mine = 0;
  for (unsigned i = blockIdx.x * size() + flat(); i < n; i += step) {
    ++mine;
    if (i > 0xffffffffu - step) break;
  }
  count[blockIdx.x * size() + flat()] = mine;
})");
  const unsigned count = threads(), n = 0xfffffff0u, step = 0x20000000u;
  std::vector<unsigned> out(count);
  run("k", 1, Arguments(out.data(), n, step));
  for (unsigned t = 0; t < count; ++t) ASSERT_EQ(out[t], 8u) << t;
}

TEST_P(KernelsTest, EmptyKernel) {
  COMPILE(R"(extern "C" __global__ void k() {})");
  run("k", 5, Arguments());
}

TEST_P(KernelsTest, VectorMath) {
  COMPILE(R"(
extern "C" __global__ void k(const float* in, float* out) {
  unsigned t = flat();
  out[t] = sinf(in[t]) + expf(in[t] * 0.125f);
})");
  const int n = threads();
  auto in = ramp(n);
  std::vector<float> out(n);
  run("k", 1, Arguments(in.data(), out.data()));
  for (int t = 0; t < n; ++t) {
    const float expected = std::sin(in[t]) + std::exp(in[t] * 0.125f);
    ASSERT_NEAR(out[t], expected, 1e-5 * std::max(1.f, std::fabs(expected))) << t;
  }
}

TEST_P(KernelsTest, UniformLoopWithPerThreadLoads) {
  COMPILE(R"(
extern "C" __global__ void k(const float* a, const float* b, float* c, int n) {
  unsigned t = flat();
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += a[i] * b[i * size() + t];
  c[t] = sum;
})");
  const int n = threads(), rows = 13;
  auto a = ramp(rows), b = ramp(rows * n);
  std::vector<float> c(n), expected(n, 0.f);
  for (int i = 0; i < rows; ++i)
    for (int t = 0; t < n; ++t) expected[t] += a[i] * b[i * n + t];
  run("k", 1, Arguments(a.data(), b.data(), c.data(), rows));
  EXPECT_EQ(c, expected);
}

INSTANTIATE_TEST_SUITE_P(Shapes, KernelsTest,
                         testing::Values(Shape{{256}, false}, Shape{{256}, true},
                                         Shape{{1024}, false}, Shape{{16, 16}, false},
                                         Shape{{16, 16}, true}, Shape{{33, 3, 2}, false},
                                         Shape{{33, 3, 2}, true}, Shape{{1}, false},
                                         Shape{{1}, true}, Shape{{7}, false}, Shape{{64, 2}, true},
                                         Shape{{4, 4, 8}, false}, Shape{{4, 4, 8}, true}),
                         [](const auto& info) {
                           const Dim& block = info.param.block;
                           return std::to_string(block.x) + "x" + std::to_string(block.y) + "x" +
                                  std::to_string(block.z) + (info.param.fixed ? "_fixed" : "_any");
                         });

}  // namespace
}  // namespace amdgpu::hostcc
