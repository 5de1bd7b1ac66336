// Shared memory and barriers: in loops, in functions, after divergent returns.

#include <numeric>

#include "tests/gpu/host/kernels/kernel_runner.h"

namespace amdgpu::host {
namespace {

TEST_F(KernelTest, ReductionInDynamicSharedMemory) {
  const char* source = R"(
    extern "C" __global__ void reduce(const float* in, float* out, unsigned n) {
      extern __shared__ float part[];
      const unsigned t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
      part[t] = i < n ? in[i] : 0.0f;
      __syncthreads();
      for (unsigned s = blockDim.x / 2; s > 0; s >>= 1) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
      }
      if (t == 0) out[blockIdx.x] = part[0];
    })";
  std::vector<Shape> shapes;
  for (const std::uint32_t b : {1u, 2u, 32u, 64u, 256u, 1024u})
    shapes.push_back({{13}, {b}, 4 * b});
  ForShapes(source, shapes, [&](const Shape& shape) {
    const std::uint32_t b = shape.block.x;
    const std::uint32_t n = 13 * b - b / 3;
    float* in = Allocate<float>(13 * b);
    float* out = Allocate<float>(13);
    for (std::uint32_t i = 0; i < 13 * b; ++i) in[i] = static_cast<float>(i % 17);
    Run("reduce", shape, static_cast<const float*>(in), out, n);
    for (std::uint32_t block = 0; block < 13; ++block) {
      float sum = 0;
      for (std::uint32_t i = block * b; i < std::min(n, block * b + b); ++i) sum += in[i];
      ASSERT_EQ(out[block], sum) << block;
    }
  });
}

TEST_F(KernelTest, ScanWithTwoBuffers) {
  const char* source = R"(
    extern "C" __global__ void scan(const int* in, int* out) {
      __shared__ int buffer[2][1024];
      const int t = threadIdx.x, n = blockDim.x;
      int from = 0;
      buffer[0][t] = in[blockIdx.x * n + t];
      __syncthreads();
      for (int distance = 1; distance < n; distance *= 2) {
        int value = buffer[from][t];
        if (t >= distance) value += buffer[from][t - distance];
        buffer[1 - from][t] = value;
        from = 1 - from;
        __syncthreads();
      }
      out[blockIdx.x * n + t] = buffer[from][t];
    })";
  std::vector<Shape> shapes;
  for (const std::uint32_t b : {1u, 3u, 32u, 65u, 100u, 512u, 1024u}) shapes.push_back({{6}, {b}});
  ForShapes(source, shapes, [&](const Shape& shape) {
    const std::uint32_t b = shape.block.x;
    int* in = Allocate<int>(6 * b);
    int* out = Allocate<int>(6 * b);
    for (std::uint32_t i = 0; i < 6 * b; ++i) in[i] = static_cast<int>(i * 7 % 11) - 5;
    Run("scan", shape, static_cast<const int*>(in), out);
    for (std::uint32_t block = 0; block < 6; ++block) {
      int sum = 0;
      for (std::uint32_t t = 0; t < b; ++t) {
        sum += in[block * b + t];
        ASSERT_EQ(out[block * b + t], sum) << t;
      }
    }
  });
}

TEST_F(KernelTest, ReturnBeforeABarrier) {
  // Threads that have returned do not hold up the rest.
  const char* source = R"(
    extern "C" __global__ void shift(const int* in, int* out, int n) {
      __shared__ int tile[256];
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i >= n) return;
      tile[threadIdx.x] = in[i];
      __syncthreads();
      const int last = min((int)blockDim.x, n - (int)(blockIdx.x * blockDim.x)) - 1;
      out[i] = tile[last - threadIdx.x];
    })";
  ForShapes(source, {{{7}, {32}}, {{7}, {96}}, {{7}, {256}}}, [&](const Shape& shape) {
    const int b = static_cast<int>(shape.block.x);
    const int n = 6 * b + b / 2 + 1;
    int* in = Allocate<int>(7 * b);
    int* out = Allocate<int>(7 * b);
    std::iota(in, in + 7 * b, 100);
    Run("shift", shape, static_cast<const int*>(in), out, n);
    for (int i = 0; i < 7 * b; ++i) {
      const int begin = i / b * b;
      const int last = std::min(begin + b, n) - 1;
      ASSERT_EQ(out[i], i < n ? in[last - (i - begin)] : 0) << i;
    }
  });
}

TEST_F(KernelTest, TransposeThroughATile) {
  const char* source = R"(
    #define TILE 32
    extern "C" __global__ void transpose(const float* in, float* out, int w, int h) {
      __shared__ float tile[TILE][TILE + 1];
      int x = blockIdx.x * TILE + threadIdx.x, y = blockIdx.y * TILE + threadIdx.y;
      for (int j = 0; j < TILE; j += blockDim.y)
        if (x < w && y + j < h) tile[threadIdx.y + j][threadIdx.x] = in[(y + j) * w + x];
      __syncthreads();
      x = blockIdx.y * TILE + threadIdx.x;
      y = blockIdx.x * TILE + threadIdx.y;
      for (int j = 0; j < TILE; j += blockDim.y)
        if (x < h && y + j < w) out[(y + j) * h + x] = tile[threadIdx.x][threadIdx.y + j];
    })";
  ForShapes(source, {{{4, 3}, {32, 8}}, {{4, 3}, {32, 32}}}, [&](const Shape& shape) {
    const int w = 117;
    const int h = 70;
    float* in = Allocate<float>(w * h);
    float* out = Allocate<float>(w * h);
    std::iota(in, in + w * h, 0.0f);
    Run("transpose", shape, static_cast<const float*>(in), out, w, h);
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) ASSERT_EQ(out[x * h + y], in[y * w + x]);
    }
  });
}

TEST_F(KernelTest, TiledMatrixProduct) {
  const char* source = R"(
    template <int kTile>
    __device__ void multiply(const float* a, const float* b, float* c, int n) {
      __shared__ float ta[kTile][kTile];
      __shared__ float tb[kTile][kTile];
      const int row = blockIdx.y * kTile + threadIdx.y, column = blockIdx.x * kTile + threadIdx.x;
      float sum = 0;
      for (int k = 0; k < n; k += kTile) {
        ta[threadIdx.y][threadIdx.x] = a[row * n + k + threadIdx.x];
        tb[threadIdx.y][threadIdx.x] = b[(k + threadIdx.y) * n + column];
        __syncthreads();
        for (int i = 0; i < kTile; ++i) sum += ta[threadIdx.y][i] * tb[i][threadIdx.x];
        __syncthreads();
      }
      c[row * n + column] = sum;
    }
    extern "C" __global__ void product(const float* a, const float* b, float* c, int n) {
      multiply<16>(a, b, c, n);
    })";
  ForShapes(source, {{{4, 4}, {16, 16}}}, [&](const Shape& shape) {
    const int n = 64;
    float* a = Allocate<float>(n * n);
    float* b = Allocate<float>(n * n);
    float* c = Allocate<float>(n * n);
    for (int i = 0; i < n * n; ++i) {
      a[i] = static_cast<float>(i % 7 - 3);
      b[i] = static_cast<float>(i % 5 - 2);
    }
    Run("product", shape, static_cast<const float*>(a), static_cast<const float*>(b), c, n);
    for (int row = 0; row < n; ++row) {
      for (int column = 0; column < n; ++column) {
        float sum = 0;
        for (int k = 0; k < n; ++k) sum += a[row * n + k] * b[k * n + column];
        ASSERT_EQ(c[row * n + column], sum);
      }
    }
  });
}

TEST_F(KernelTest, LoopUntilNothingChanges) {
  // The trip count is decided through shared memory, and differs from block to block. Odd-even
  // sort.
  const char* source = R"(
    extern "C" __global__ void sort(int* data) {
      __shared__ int tile[128];
      __shared__ int changed;
      const int t = threadIdx.x, n = blockDim.x;
      tile[t] = data[blockIdx.x * n + t];
      __syncthreads();
      do {
        __syncthreads();
        if (t == 0) changed = 0;
        __syncthreads();
        for (int odd = 0; odd < 2; ++odd) {
          const int i = 2 * t + odd;
          if (i + 1 < n && tile[i] > tile[i + 1]) {
            const int swap = tile[i];
            tile[i] = tile[i + 1];
            tile[i + 1] = swap;
            changed = 1;
          }
          __syncthreads();
        }
      } while (changed);
      data[blockIdx.x * n + t] = tile[t];
    })";
  ForShapes(source, {{{5}, {2}}, {{5}, {33}}, {{5}, {128}}}, [&](const Shape& shape) {
    const std::uint32_t b = shape.block.x;
    int* data = Allocate<int>(5 * b);
    for (std::uint32_t i = 0; i < 5 * b; ++i) data[i] = static_cast<int>(i * 7919 % 101);
    std::vector<int> expected(data, data + 5 * b);
    for (int block = 0; block < 5; ++block) {
      std::sort(expected.begin() + block * b, expected.begin() + (block + 1) * b);
    }
    Run("sort", shape, data);
    for (std::uint32_t i = 0; i < 5 * b; ++i) ASSERT_EQ(data[i], expected[i]) << i;
  });
}

TEST_F(KernelTest, BarrierInAFunction) {
  const char* source = R"(
    __device__ __noinline__ int mix(int a, int b) { return a * 31 + b; }
    __device__ int exchange(int* tile, int value) {
      tile[threadIdx.x] = value;
      __syncthreads();
      const int other = tile[(threadIdx.x + 1) % blockDim.x];
      __syncthreads();
      return mix(value, other);
    }
    extern "C" __global__ void rounds(int* out, int count) {
      __shared__ int tile[256];
      int value = threadIdx.x + blockIdx.x;
      for (int i = 0; i < count; ++i) value = exchange(tile, value);
      out[blockIdx.x * blockDim.x + threadIdx.x] = value;
    })";
  ForShapes(source, {{{3}, {5}}, {{3}, {64}}, {{3}, {256}}}, [&](const Shape& shape) {
    const std::uint32_t b = shape.block.x;
    int* out = Allocate<int>(3 * b);
    Run("rounds", shape, out, 4);
    for (std::uint32_t block = 0; block < 3; ++block) {
      std::vector<std::uint32_t> value(b);
      for (std::uint32_t t = 0; t < b; ++t) value[t] = t + block;
      for (int round = 0; round < 4; ++round) {
        const std::vector<std::uint32_t> before = value;
        for (std::uint32_t t = 0; t < b; ++t) value[t] = before[t] * 31 + before[(t + 1) % b];
      }
      for (std::uint32_t t = 0; t < b; ++t) {
        ASSERT_EQ(static_cast<std::uint32_t>(out[block * b + t]), value[t]) << t;
      }
    }
  });
}

TEST_F(KernelTest, BarriersThatCount) {
  const char* source = R"(
    extern "C" __global__ void votes(const int* in, int* out) {
      const int value = in[threadIdx.x];
      const int count = __syncthreads_count(value > 0);
      const int any = __syncthreads_or(value > 5);
      const int all = __syncthreads_and(value > -5);
      out[threadIdx.x] = count * 100 + (any != 0) * 10 + (all != 0);
    })";
  ForShapes(source, {{{1}, {20}}, {{1}, {64}}, {{1}, {130}}}, [&](const Shape& shape) {
    const int b = static_cast<int>(shape.block.x);
    int* in = Allocate<int>(b);
    int* out = Allocate<int>(b);
    int count = 0;
    for (int i = 0; i < b; ++i) {
      in[i] = i % 10 - 4;
      count += in[i] > 0;
    }
    Run("votes", shape, static_cast<const int*>(in), out);
    for (int i = 0; i < b; ++i) ASSERT_EQ(out[i], count * 100 + 1) << i;
  });
}

}  // namespace
}  // namespace amdgpu::host
