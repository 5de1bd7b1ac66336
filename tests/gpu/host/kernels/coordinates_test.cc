// Coordinates, guards and grid-stride loops over many block shapes.

#include "tests/gpu/host/kernels/kernel_runner.h"

namespace amdgpu::host {
namespace {

const std::vector<Shape> kLines = {{{37}, {1}},   {{37}, {31}},  {{37}, {32}},
                                   {{37}, {33}},  {{37}, {64}},  {{11}, {100}},
                                   {{11}, {256}}, {{5}, {1000}}, {{5}, {1024}}};

const std::vector<Shape> kBoxes = {{{5, 3, 2}, {8, 8, 1}},  {{5, 3, 2}, {16, 16, 1}},
                                   {{5, 3, 2}, {33, 5, 1}}, {{5, 3, 2}, {4, 4, 4}},
                                   {{5, 3, 2}, {7, 3, 5}},  {{5, 3, 2}, {1, 1, 64}},
                                   {{5, 3, 2}, {1, 32, 4}}, {{2, 1, 7}, {32, 32, 1}}};

TEST_F(KernelTest, GuardedElementwise) {
  const char* source = R"(
    extern "C" __global__ void add(const float* a, const float* b, float* out, unsigned n) {
      const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i < n) out[i] = a[i] + 2 * b[i];
    })";
  ForShapes(source, kLines, [&](const Shape& shape) {
    const std::uint32_t threads = shape.grid.x * shape.block.x;
    for (const std::uint32_t n : {0u, 1u, threads / 2 + 1, threads - 1, threads}) {
      float* a = Allocate<float>(threads);
      float* b = Allocate<float>(threads);
      float* out = Allocate<float>(threads);
      for (std::uint32_t i = 0; i < threads; ++i) {
        a[i] = static_cast<float>(i);
        b[i] = static_cast<float>(3 * i + 1);
        out[i] = -1;
      }
      Run("add", shape, static_cast<const float*>(a), static_cast<const float*>(b), out, n);
      for (std::uint32_t i = 0; i < threads; ++i) {
        ASSERT_EQ(out[i], i < n ? a[i] + 2 * b[i] : -1) << i;
      }
    }
  });
}

TEST_F(KernelTest, EveryCoordinateInThreeDimensions) {
  const char* source = R"(
    extern "C" __global__ void where(unsigned* out) {
      const unsigned x = blockIdx.x * blockDim.x + threadIdx.x;
      const unsigned y = blockIdx.y * blockDim.y + threadIdx.y;
      const unsigned z = blockIdx.z * blockDim.z + threadIdx.z;
      const unsigned w = gridDim.x * blockDim.x, h = gridDim.y * blockDim.y;
      out[(z * h + y) * w + x] = x * 1000000u + y * 1000u + z;
    })";
  ForShapes(source, kBoxes, [&](const Shape& shape) {
    const std::uint32_t w = shape.grid.x * shape.block.x;
    const std::uint32_t h = shape.grid.y * shape.block.y;
    const std::uint32_t d = shape.grid.z * shape.block.z;
    auto* out = Allocate<std::uint32_t>(w * h * d);
    Run("where", shape, out);
    for (std::uint32_t z = 0; z < d; ++z) {
      for (std::uint32_t y = 0; y < h; ++y) {
        for (std::uint32_t x = 0; x < w; ++x) {
          ASSERT_EQ(out[(z * h + y) * w + x], x * 1000000u + y * 1000u + z);
        }
      }
    }
  });
}

TEST_F(KernelTest, GridStrideLoop) {
  const char* source = R"(
    extern "C" __global__ void scale(float* data, float by, int n) {
      for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x)
        data[i] = data[i] * by + 1.0f;
    })";
  ForShapes(source, kLines, [&](const Shape& shape) {
    const int n = 54321;
    float* data = Allocate<float>(n);
    for (int i = 0; i < n; ++i) data[i] = static_cast<float>(i % 1000);
    Run("scale", shape, data, 2.0f, n);
    for (int i = 0; i < n; ++i) ASSERT_EQ(data[i], static_cast<float>(i % 1000) * 2 + 1) << i;
  });
}

TEST_F(KernelTest, DivergentLoopsAndExits) {
  const char* source = R"(
    extern "C" __global__ void collatz(const unsigned* start, unsigned* steps, unsigned n) {
      const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i >= n) return;
      unsigned long long value = start[i];
      unsigned count = 0;
      while (value != 1) {
        value = value % 2 == 0 ? value / 2 : 3 * value + 1;
        if (++count == 200) break;
      }
      switch (count % 3) {
        case 0: steps[i] = count; break;
        case 1: steps[i] = count + 1000;  // falls through
        default: steps[i] += 5; break;
      }
    })";
  ForShapes(source, kLines, [&](const Shape& shape) {
    const std::uint32_t threads = shape.grid.x * shape.block.x;
    auto* start = Allocate<std::uint32_t>(threads);
    auto* steps = Allocate<std::uint32_t>(threads);
    for (std::uint32_t i = 0; i < threads; ++i) start[i] = i + 1;
    Run("collatz", shape, static_cast<const std::uint32_t*>(start), steps, threads - threads / 5);
    for (std::uint32_t i = 0; i < threads; ++i) {
      std::uint64_t value = i + 1;
      std::uint32_t count = 0;
      while (value != 1) {
        value = value % 2 == 0 ? value / 2 : 3 * value + 1;
        if (++count == 200) break;
      }
      std::uint32_t expected = count % 3 == 0 ? count : count % 3 == 1 ? count + 1005 : 5;
      if (i >= threads - threads / 5) expected = 0;
      ASSERT_EQ(steps[i], expected) << i;
    }
  });
}

}  // namespace
}  // namespace amdgpu::host
