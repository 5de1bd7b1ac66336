// Kernels as people write them: patterns that combine barriers, divergence, atomics and warps.

#include <cmath>
#include <numeric>

#include "tests/gpu/host/kernels/kernel_runner.h"

namespace amdgpu::host {
namespace {

TEST_F(KernelTest, LastBlockReduction) {
  const char* source = R"(
    __device__ unsigned finished;
    extern "C" __global__ void total(const int* in, int* partial, int* out, unsigned n) {
      __shared__ int part[256];
      __shared__ bool last;
      const unsigned t = threadIdx.x;
      int sum = 0;
      for (unsigned i = blockIdx.x * blockDim.x + t; i < n; i += gridDim.x * blockDim.x) sum += in[i];
      part[t] = sum;
      __syncthreads();
      for (unsigned s = blockDim.x / 2; s > 0; s /= 2) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
      }
      if (t == 0) {
        partial[blockIdx.x] = part[0];
        __threadfence();
        last = atomicInc(&finished, gridDim.x - 1) == gridDim.x - 1;
      }
      __syncthreads();
      if (last && t == 0) {
        int all = 0;
        for (unsigned b = 0; b < gridDim.x; ++b) all += ((volatile int*)partial)[b];
        *out = all;
      }
    })";
  ForShapes(source, {{{20}, {32}}, {{20}, {256}}}, [&](const Shape& shape) {
    const unsigned n = 100'001;
    int* in = Allocate<int>(n);
    int* partial = Allocate<int>(shape.grid.x);
    int* out = Allocate<int>(1);
    for (unsigned i = 0; i < n; ++i) in[i] = static_cast<int>(i % 100) - 30;
    for (int repeat = 0; repeat < 3; ++repeat) {
      *out = 0;
      Run("total", shape, static_cast<const int*>(in), partial, out, n);
      ASSERT_EQ(*out, std::accumulate(in, in + n, 0));
    }
  });
}

TEST_F(KernelTest, BitonicSort) {
  const char* source = R"(
    extern "C" __global__ void sort(unsigned* data) {
      extern __shared__ unsigned tile[];
      const unsigned t = threadIdx.x;
      tile[t] = data[blockIdx.x * blockDim.x + t];
      __syncthreads();
      for (unsigned k = 2; k <= blockDim.x; k *= 2) {
        for (unsigned j = k / 2; j > 0; j /= 2) {
          const unsigned other = t ^ j;
          if (other > t) {
            const bool up = (t & k) == 0;
            const unsigned a = tile[t], b = tile[other];
            if ((a > b) == up) {
              tile[t] = b;
              tile[other] = a;
            }
          }
          __syncthreads();
        }
      }
      data[blockIdx.x * blockDim.x + t] = tile[t];
    })";
  std::vector<Shape> shapes;
  for (const std::uint32_t b : {2u, 32u, 256u, 1024u}) shapes.push_back({{3}, {b}, 4 * b});
  ForShapes(source, shapes, [&](const Shape& shape) {
    const std::uint32_t b = shape.block.x;
    auto* data = Allocate<unsigned>(3 * b);
    for (std::uint32_t i = 0; i < 3 * b; ++i) data[i] = i * 2654435761u;
    std::vector<unsigned> expected(data, data + 3 * b);
    for (int block = 0; block < 3; ++block) {
      std::sort(expected.begin() + block * b, expected.begin() + (block + 1) * b);
    }
    Run("sort", shape, data);
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), data));
  });
}

TEST_F(KernelTest, StencilWithHaloInTwoDimensions) {
  const char* source = R"(
    __constant__ float weights[3] = {0.25f, 0.5f, 0.25f};
    extern "C" __global__ void blur(const float* __restrict__ in, float* __restrict__ out, int w, int h) {
      extern __shared__ float tile[];
      const int tw = blockDim.x + 2;
      const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
      const int count = tw * (blockDim.y + 2);
      for (int i = threadIdx.y * blockDim.x + threadIdx.x; i < count; i += blockDim.x * blockDim.y) {
        const int sx = min(max((int)(blockIdx.x * blockDim.x) + i % tw - 1, 0), w - 1);
        const int sy = min(max((int)(blockIdx.y * blockDim.y) + i / tw - 1, 0), h - 1);
        tile[i] = in[sy * w + sx];
      }
      __syncthreads();
      if (x >= w || y >= h) return;
      float sum = 0;
      for (int dy = 0; dy < 3; ++dy)
        for (int dx = 0; dx < 3; ++dx)
          sum += weights[dy] * weights[dx] * tile[(threadIdx.y + dy) * tw + threadIdx.x + dx];
      out[y * w + x] = sum;
    })";
  std::vector<Shape> shapes;
  for (const gpu::Dim3 block : {gpu::Dim3{16, 16}, gpu::Dim3{32, 4}, gpu::Dim3{7, 5}}) {
    shapes.push_back({{(67 + block.x - 1) / block.x, (45 + block.y - 1) / block.y},
                      block,
                      4 * (block.x + 2) * (block.y + 2)});
  }
  ForShapes(source, shapes, [&](const Shape& shape) {
    const int w = 67;
    const int h = 45;
    float* in = Allocate<float>(w * h);
    float* out = Allocate<float>(w * h);
    for (int i = 0; i < w * h; ++i) in[i] = static_cast<float>(i * 37 % 256);
    Run("blur", shape, static_cast<const float*>(in), out, w, h);
    const float weights[3] = {0.25f, 0.5f, 0.25f};
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) {
        float sum = 0;
        for (int dy = 0; dy < 3; ++dy) {
          for (int dx = 0; dx < 3; ++dx) {
            const int sx = std::clamp(x + dx - 1, 0, w - 1);
            const int sy = std::clamp(y + dy - 1, 0, h - 1);
            sum += weights[dy] * weights[dx] * in[sy * w + sx];
          }
        }
        ASSERT_NEAR(out[y * w + x], sum, 1e-3) << x << " " << y;
      }
    }
  });
}

TEST_F(KernelTest, WarpPerRowOfASparseMatrix) {
  const char* source = R"(
    extern "C" __global__ void multiply(const int* starts, const int* columns, const float* values,
                                        const float* x, float* y, int rows) {
      const int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
      if (row >= rows) return;
      float sum = 0;
      for (int i = starts[row] + lane; i < starts[row + 1]; i += 32) sum += values[i] * x[columns[i]];
      for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down(sum, offset);
      if (lane == 0) y[row] = sum;
    })";
  ForShapes(source, {{{101}, {32}}, {{26}, {128}}}, [&](const Shape& shape) {
    const int rows = 101;
    std::vector<int> starts = {0};
    std::vector<int> columns;
    std::vector<float> values;
    for (int row = 0; row < rows; ++row) {
      for (int i = 0; i < row * 3 % 97; ++i) {
        columns.push_back((row * 7 + i * 13) % rows);
        values.push_back(static_cast<float>(i % 5 - 2));
      }
      starts.push_back(static_cast<int>(columns.size()));
    }
    std::vector<float> x(rows);
    std::iota(x.begin(), x.end(), 1.0f);
    float* y = Allocate<float>(rows);
    Run("multiply", shape, static_cast<const int*>(Upload(starts)),
        static_cast<const int*>(Upload(columns)), static_cast<const float*>(Upload(values)),
        static_cast<const float*>(Upload(x)), y, rows);
    for (int row = 0; row < rows; ++row) {
      float sum = 0;
      for (int i = starts[row]; i < starts[row + 1]; ++i) sum += values[i] * x[columns[i]];
      ASSERT_EQ(y[row], sum) << row;
    }
  });
}

TEST_F(KernelTest, WarpScanThenBlockScan) {
  const char* source = R"(
    __device__ int warp_scan(int value) {
      const int lane = threadIdx.x % 32;
      for (int d = 1; d < 32; d *= 2) {
        const int other = __shfl_up(value, d);
        if (lane >= d) value += other;
      }
      return value;
    }
    extern "C" __global__ void scan(const int* in, int* out) {
      __shared__ int sums[32];
      const int i = blockIdx.x * blockDim.x + threadIdx.x, warp = threadIdx.x / 32;
      int value = warp_scan(in[i]);
      if (threadIdx.x % 32 == 31) sums[warp] = value;
      __syncthreads();
      if (warp == 0) {
        int total = threadIdx.x < blockDim.x / 32 ? sums[threadIdx.x] : 0;
        total = warp_scan(total);
        sums[threadIdx.x] = total;
      }
      __syncthreads();
      if (warp > 0) value += sums[warp - 1];
      out[i] = value;
    })";
  ForShapes(source, {{{4}, {32}}, {{4}, {256}}, {{2}, {1024}}}, [&](const Shape& shape) {
    const int b = static_cast<int>(shape.block.x);
    const int n = static_cast<int>(shape.grid.x) * b;
    int* in = Allocate<int>(n);
    int* out = Allocate<int>(n);
    for (int i = 0; i < n; ++i) in[i] = i % 9 - 3;
    Run("scan", shape, static_cast<const int*>(in), out);
    for (int i = 0, sum = 0; i < n; ++i) {
      sum = (i % b == 0 ? 0 : sum) + in[i];
      ASSERT_EQ(out[i], sum) << i;
    }
  });
}

TEST_F(KernelTest, TiledBodiesWithBreaksAndPrivateState) {
  const char* source = R"(
    struct Body { float x, y, mass; };
    __device__ void pull(const Body& a, const Body& b, float* force) {
      const float dx = b.x - a.x, dy = b.y - a.y;
      const float d2 = dx * dx + dy * dy + 1.0f;
      force[0] += dx * b.mass / d2;
      force[1] += dy * b.mass / d2;
    }
    extern "C" __global__ void forces(const Body* bodies, float2* out, int n, float limit) {
      __shared__ Body tile[64];
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      const Body me = i < n ? bodies[i] : Body{0, 0, 0};
      float force[2] = {0, 0};
      int used = 0;
      for (int base = 0; base < n; base += blockDim.x) {
        if (base + (int)threadIdx.x < n) tile[threadIdx.x] = bodies[base + threadIdx.x];
        __syncthreads();
        const int count = min((int)blockDim.x, n - base);
        for (int j = 0; j < count; ++j) {
          if (base + j == i) continue;
          if (force[0] > limit) break;
          pull(me, tile[j], force);
          ++used;
        }
        __syncthreads();
      }
      if (i < n) out[i] = make_float2(force[0], force[1] + used);
    })";
  struct Body {
    float x, y, mass;
  };
  struct alignas(8) Float2 {
    float x, y;
  };
  ForShapes(source, {{{13}, {16}}, {{7}, {33}}, {{4}, {64}}}, [&](const Shape& shape) {
    const int n = 200;
    const float limit = 3;
    auto* bodies = Allocate<Body>(n);
    auto* out = Allocate<Float2>(n);
    for (int i = 0; i < n; ++i) {
      bodies[i] = {static_cast<float>(i * 37 % 101), static_cast<float>(i * 53 % 97),
                   static_cast<float>(1 + i % 3)};
    }
    Run("forces", shape, static_cast<const Body*>(bodies), out, n, limit);
    const int b = static_cast<int>(shape.block.x);
    for (int i = 0; i < n; ++i) {
      float force[2] = {0, 0};
      int used = 0;
      for (int base = 0; base < n; base += b) {
        for (int j = base; j < std::min(base + b, n); ++j) {
          if (j == i) continue;
          if (force[0] > limit) break;
          const float dx = bodies[j].x - bodies[i].x;
          const float dy = bodies[j].y - bodies[i].y;
          const float d2 = dx * dx + dy * dy + 1;
          force[0] += dx * bodies[j].mass / d2;
          force[1] += dy * bodies[j].mass / d2;
          ++used;
        }
      }
      ASSERT_NEAR(out[i].x, force[0], 1e-3f) << i;
      ASSERT_NEAR(out[i].y, force[1] + static_cast<float>(used), 1e-2f) << i;
    }
  });
}

TEST_F(KernelTest, BarriersUnderConditionsOfTheBlock) {
  const char* source = R"(
    extern "C" __global__ void maybe(int* out, int mode) {
      __shared__ int tile[128];
      const int t = threadIdx.x, n = blockDim.x;
      int value = t;
      for (int round = 0; round < 6; ++round) {
        if (blockIdx.x % 2 == 0) {
          tile[t] = value;
          __syncthreads();
          switch ((round + mode) % 3) {
            case 0: value = tile[(t + 1) % n]; break;
            case 1: value += tile[n - 1 - t]; break;
            default:
              __syncthreads();
              if (t % 2) value -= 1;
          }
          __syncthreads();
        } else {
          if (round == 3) break;
          value *= 3;
        }
      }
      out[blockIdx.x * n + t] = value;
    })";
  ForShapes(source, {{{4}, {3}}, {{4}, {32}}, {{4}, {77}}, {{4}, {128}}}, [&](const Shape& shape) {
    const int n = static_cast<int>(shape.block.x);
    int* out = Allocate<int>(4 * n);
    for (const int mode : {0, 1, 2}) {
      Run("maybe", shape, out, mode);
      std::vector<int> value(n);
      std::iota(value.begin(), value.end(), 0);
      for (int round = 0; round < 6; ++round) {
        const std::vector<int> tile = value;
        for (int t = 0; t < n; ++t) {
          switch ((round + mode) % 3) {
            case 0:
              value[t] = tile[(t + 1) % n];
              break;
            case 1:
              value[t] += tile[n - 1 - t];
              break;
            default:
              value[t] -= t % 2;
          }
        }
      }
      for (int t = 0; t < n; ++t) {
        ASSERT_EQ(out[t], value[t]) << t;
        ASSERT_EQ(out[n + t], 27 * t) << t;
        ASSERT_EQ(out[2 * n + t], value[t]) << t;
      }
    }
  });
}

TEST_F(KernelTest, BreadthFirstSearch) {
  const char* source = R"(
    extern "C" __global__ void step(const int* starts, const int* targets, int* depth, int level,
                                    int* next, int nodes) {
      const int node = blockIdx.x * blockDim.x + threadIdx.x;
      if (node >= nodes || depth[node] != level) return;
      for (int i = starts[node]; i < starts[node + 1]; ++i)
        if (atomicCAS(&depth[targets[i]], -1, level + 1) == -1) atomicAdd(next, 1);
    })";
  ForShapes(source, {{{16}, {64}}, {{4}, {256}}}, [&](const Shape& shape) {
    const int nodes = 1000;
    std::vector<int> starts = {0};
    std::vector<int> targets;
    for (int node = 0; node < nodes; ++node) {
      for (int i = 0; i < node % 4; ++i) targets.push_back((node * 17 + i * 331 + 1) % nodes);
      targets.push_back((node + 1) % nodes);
      starts.push_back(static_cast<int>(targets.size()));
    }
    std::vector<int> expected(nodes, -1);
    expected[0] = 0;
    std::vector<int> queue = {0};
    for (std::size_t head = 0; head < queue.size(); ++head) {
      for (int i = starts[queue[head]]; i < starts[queue[head] + 1]; ++i) {
        if (expected[targets[i]] != -1) continue;
        expected[targets[i]] = expected[queue[head]] + 1;
        queue.push_back(targets[i]);
      }
    }
    int* depth = Allocate<int>(nodes);
    int* next = Allocate<int>(1);
    const int* device_starts = Upload(starts);
    const int* device_targets = Upload(targets);
    std::fill_n(depth, nodes, -1);
    depth[0] = 0;
    int level = 0;
    do {
      *next = 0;
      Run("step", shape, device_starts, device_targets, depth, level++, next, nodes);
    } while (*next > 0);
    for (int node = 0; node < nodes; ++node) ASSERT_EQ(depth[node], expected[node]) << node;
  });
}

}  // namespace
}  // namespace amdgpu::host
