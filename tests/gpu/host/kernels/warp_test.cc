// Warps: shuffles, votes, and code that relies on a warp in lockstep.

#include "tests/gpu/host/kernels/kernel_runner.h"

namespace amdgpu::host {
namespace {

const std::vector<Shape> kWarps = {
    {{3}, {32}}, {{3}, {64}}, {{3}, {256}}, {{2}, {1024}}, {{3}, {16, 8}}};

TEST_F(KernelTest, ShuffleReduction) {
  const char* source = R"(
    extern "C" __global__ void sums(const float* in, float* down, float* butterfly) {
      const unsigned t = threadIdx.y * blockDim.x + threadIdx.x;
      const unsigned i = blockIdx.x * blockDim.x * blockDim.y + t;
      float a = in[i], b = in[i];
      for (int offset = warpSize / 2; offset > 0; offset /= 2) {
        a += __shfl_down(a, offset);
        b += __shfl_xor(b, offset);
      }
      if (t % warpSize == 0) down[i / warpSize] = a;
      butterfly[i] = b;
    })";
  ForShapes(source, kWarps, [&](const Shape& shape) {
    const std::uint32_t n = static_cast<std::uint32_t>(shape.grid.x * shape.block.Volume());
    float* in = Allocate<float>(n);
    float* down = Allocate<float>(n / 32);
    float* butterfly = Allocate<float>(n);
    for (std::uint32_t i = 0; i < n; ++i) in[i] = static_cast<float>(i % 13);
    Run("sums", shape, static_cast<const float*>(in), down, butterfly);
    for (std::uint32_t warp = 0; warp < n / 32; ++warp) {
      float sum = 0;
      for (int lane = 0; lane < 32; ++lane) sum += in[warp * 32 + lane];
      ASSERT_EQ(down[warp], sum);
      for (int lane = 0; lane < 32; ++lane) ASSERT_EQ(butterfly[warp * 32 + lane], sum);
    }
  });
}

TEST_F(KernelTest, ShufflesWithWidthAndSource) {
  const char* source = R"(
    extern "C" __global__ void shuffles(int* out) {
      const int lane = threadIdx.x % warpSize;
      const int value = 100 + threadIdx.x;
      int* mine = out + threadIdx.x * 6;
      mine[0] = __shfl(value, 5);
      mine[1] = __shfl(value, lane + 1, 8);
      mine[2] = __shfl_up(value, 3);
      mine[3] = __shfl_down(value, 2, 16);
      mine[4] = __shfl_xor(value, 4, 8);
      const double wide = __shfl((double)value + 0.5, 31 - lane);
      mine[5] = (int)(wide * 2);
    })";
  ForShapes(source, {{{1}, {32}}, {{1}, {128}}}, [&](const Shape& shape) {
    int* out = Allocate<int>(6 * shape.block.x);
    Run("shuffles", shape, out);
    for (int t = 0; t < static_cast<int>(shape.block.x); ++t) {
      const int warp = t / 32 * 32;
      const int lane = t % 32;
      const int* mine = out + 6 * t;
      ASSERT_EQ(mine[0], 100 + warp + 5);
      ASSERT_EQ(mine[1], 100 + warp + lane / 8 * 8 + (lane + 1) % 8) << lane;
      ASSERT_EQ(mine[2], 100 + warp + (lane >= 3 ? lane - 3 : lane)) << lane;
      ASSERT_EQ(mine[3], 100 + warp + (lane % 16 + 2 < 16 ? lane + 2 : lane)) << lane;
      ASSERT_EQ(mine[4], 100 + warp + (lane ^ 4)) << lane;
      ASSERT_EQ(mine[5], 2 * (100 + warp + 31 - lane) + 1) << lane;
    }
  });
}

TEST_F(KernelTest, Votes) {
  const char* source = R"(
    extern "C" __global__ void votes(const int* in, unsigned long long* ballots, int* flags) {
      const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
      ballots[i] = __ballot(in[i] % 3 == 0);
      flags[i] = (__any(in[i] == 40) ? 1 : 0) + (__all(in[i] >= 32) ? 2 : 0);
    })";
  ForShapes(source, {{{2}, {32}}, {{2}, {96}}}, [&](const Shape& shape) {
    const std::uint32_t n = shape.grid.x * shape.block.x;
    int* in = Allocate<int>(n);
    auto* ballots = Allocate<unsigned long long>(n);
    int* flags = Allocate<int>(n);
    for (std::uint32_t i = 0; i < n; ++i) in[i] = static_cast<int>(i);
    Run("votes", shape, static_cast<const int*>(in), ballots, flags);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t warp = i / 32 * 32;
      unsigned long long ballot = 0;
      for (std::uint32_t lane = 0; lane < 32; ++lane) {
        if ((warp + lane) % 3 == 0) ballot |= 1ull << lane;
      }
      ASSERT_EQ(ballots[i], ballot);
      ASSERT_EQ(flags[i], (warp == 32 ? 1 : 0) + (warp >= 32 ? 2 : 0)) << i;
    }
  });
}

TEST_F(KernelTest, VolatileLockstepReduction) {
  const char* source = R"(
    extern "C" __global__ void reduce(const int* in, int* out) {
      __shared__ int part[256];
      const unsigned t = threadIdx.x;
      part[t] = in[blockIdx.x * blockDim.x + t];
      __syncthreads();
      for (unsigned s = blockDim.x / 2; s > 32; s >>= 1) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
      }
      if (t < 32) {
        volatile int* p = part;
        p[t] += p[t + 32];
        p[t] += p[t + 16];
        p[t] += p[t + 8];
        p[t] += p[t + 4];
        p[t] += p[t + 2];
        p[t] += p[t + 1];
      }
      if (t == 0) out[blockIdx.x] = part[0];
    })";
  ForShapes(source, {{{9}, {64}}, {{9}, {128}}, {{9}, {256}}}, [&](const Shape& shape) {
    const std::uint32_t b = shape.block.x;
    int* in = Allocate<int>(9 * b);
    int* out = Allocate<int>(9);
    for (std::uint32_t i = 0; i < 9 * b; ++i) in[i] = static_cast<int>(i * 3 % 23);
    Run("reduce", shape, static_cast<const int*>(in), out);
    for (std::uint32_t block = 0; block < 9; ++block) {
      int sum = 0;
      for (std::uint32_t t = 0; t < b; ++t) sum += in[block * b + t];
      ASSERT_EQ(out[block], sum);
    }
  });
}

}  // namespace
}  // namespace amdgpu::host
