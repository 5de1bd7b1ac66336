// Atomic operations on global and shared memory.

#include "tests/gpu/host/kernels/kernel_runner.h"

namespace amdgpu::host {
namespace {

TEST_F(KernelTest, HistogramInSharedMemory) {
  const char* source = R"(
    extern "C" __global__ void histogram(const unsigned char* in, unsigned* bins, unsigned n) {
      __shared__ unsigned local[256];
      for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) local[i] = 0;
      __syncthreads();
      for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x)
        atomicAdd(&local[in[i]], 1u);
      __syncthreads();
      for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&bins[i], local[i]);
    })";
  ForShapes(source, {{{16}, {64}}, {{16}, {100}}, {{16}, {256}}, {{16}, {1024}}},
            [&](const Shape& shape) {
              const unsigned n = 1'000'003;
              auto* in = Allocate<unsigned char>(n);
              auto* bins = Allocate<unsigned>(256);
              std::vector<unsigned> expected(256);
              for (unsigned i = 0; i < n; ++i) {
                in[i] = static_cast<unsigned char>(i * i / 7);
                ++expected[in[i]];
              }
              Run("histogram", shape, static_cast<const unsigned char*>(in), bins, n);
              for (int i = 0; i < 256; ++i) ASSERT_EQ(bins[i], expected[i]) << i;
            });
}

TEST_F(KernelTest, EveryAtomicOperation) {
  const char* source = R"(
    extern "C" __global__ void all(int* i, unsigned* u, unsigned long long* l, float* f, double* d) {
      const int n = gridDim.x * blockDim.x, id = blockIdx.x * blockDim.x + threadIdx.x;
      atomicAdd(&i[0], id);
      atomicSub(&i[1], id);
      atomicMin(&i[2], id - 100);
      atomicMax(&i[3], id - 100);
      atomicAnd(&u[0], ~(1u << (id % 32)));
      atomicOr(&u[1], 1u << (id % 32));
      atomicXor(&u[2], id);
      atomicInc(&u[3], 9u);
      atomicDec(&u[4], 9u);
      atomicExch(&u[5], 77u);
      unsigned old = u[6], seen;
      do {
        seen = old;
        old = atomicCAS(&u[6], seen, seen + 2);
      } while (old != seen);
      atomicAdd(&l[0], 1ull << 33);
      atomicMax(&l[1], (unsigned long long)id << 32);
      atomicAdd(&f[0], 0.5f);
      atomicAdd(&d[0], 0.25);
      (void)n;
    })";
  ForShapes(source, {{{10}, {7}}, {{10}, {128}}}, [&](const Shape& shape) {
    const int n = static_cast<int>(shape.grid.x * shape.block.x);
    int* i = Allocate<int>(4);
    auto* u = Allocate<unsigned>(7);
    auto* l = Allocate<unsigned long long>(2);
    float* f = Allocate<float>(1);
    double* d = Allocate<double>(1);
    u[0] = ~0u;
    Run("all", shape, i, u, l, f, d);
    unsigned bits = 0;
    unsigned parity = 0;
    for (int id = 0; id < n; ++id) {
      bits |= 1u << (id % 32);
      parity ^= static_cast<unsigned>(id);
    }
    EXPECT_EQ(i[0], n * (n - 1) / 2);
    EXPECT_EQ(i[1], -n * (n - 1) / 2);
    EXPECT_EQ(i[2], -100);
    EXPECT_EQ(i[3], std::max(0, n - 101));
    EXPECT_EQ(u[0], ~bits);
    EXPECT_EQ(u[1], bits);
    EXPECT_EQ(u[2], parity);
    EXPECT_EQ(u[3], static_cast<unsigned>(n % 10));
    EXPECT_EQ(u[4], static_cast<unsigned>((10 - n % 10) % 10));
    EXPECT_EQ(u[5], 77u);
    EXPECT_EQ(u[6], static_cast<unsigned>(2 * n));
    EXPECT_EQ(l[0], static_cast<unsigned long long>(n) << 33);
    EXPECT_EQ(l[1], static_cast<unsigned long long>(n - 1) << 32);
    EXPECT_EQ(f[0], 0.5f * static_cast<float>(n));
    EXPECT_EQ(d[0], 0.25 * n);
  });
}

TEST_F(KernelTest, AtomicsReturnTheOldValue) {
  const char* source = R"(
    extern "C" __global__ void tickets(unsigned* next, unsigned* taken) {
      taken[atomicAdd(next, 1u)] += 1;
    })";
  ForShapes(source, {{{50}, {33}}, {{50}, {256}}}, [&](const Shape& shape) {
    const std::uint32_t n = shape.grid.x * shape.block.x;
    auto* next = Allocate<unsigned>(1);
    auto* taken = Allocate<unsigned>(n);
    Run("tickets", shape, next, taken);
    EXPECT_EQ(*next, n);
    for (std::uint32_t i = 0; i < n; ++i) ASSERT_EQ(taken[i], 1u);
  });
}

}  // namespace
}  // namespace amdgpu::host
