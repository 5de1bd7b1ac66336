// What the passes make of a kernel, seen in the IR: vectorised thread loops, one core or two, and
// errors.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/gpu/host/passes/device_compiler.h"
#include "tests/gpu/host/passes/kernel_jit.h"

namespace amdgpu::hostcc {
namespace {

// The text of one function of the module.
std::string functionText(const std::string& ir, const std::string& name) {
  std::size_t start = ir.find(" @" + name + "(");
  while (start != std::string::npos && ir.rfind("define", start) <= ir.rfind('\n', start)) {
    start = ir.find(" @" + name + "(", start + 1);
  }
  if (start == std::string::npos) return "";
  return ir.substr(start, ir.find("\n}", start) - start);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The vector type that fills `bits`, as IR writes it.
constexpr char kWideFloats[] = "x float>";

constexpr char kVadd[] = R"(
extern "C" __global__ void vadd(const float* a, const float* b, float* c, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) c[i] = a[i] + b[i];
})";

TEST(StructureTest, ThreadLoopIsVectorisedWithoutMask) {
  HostPassOptions options;
  options.block_shape = {256, 1, 1};
  KernelJit jit(kVadd, options);
  ASSERT_EQ(jit.errors(), "");
  const std::string core = functionText(jit.ir(), "vadd.core");
  EXPECT_TRUE(contains(core, kWideFloats)) << core;
  EXPECT_FALSE(contains(core, "llvm.masked")) << "full blocks need no mask";
  EXPECT_TRUE(contains(core, "@vadd.general")) << "the last block checks each thread";
}

// Written as `x >= 1 && ...` or turned into `x < 1` by LLVM: blocks inside run unmasked.
TEST(StructureTest, LowerEndsAreDecidedPerBlockToo) {
  HostPassOptions options;
  options.block_shape = {64, 1, 1};
  KernelJit jit(R"(
extern "C" __global__ void k(const float* in, float* out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float sum = in[i];
  if (i < 1) sum = 0;
  out[i] = sum + 1;
})",
                options);
  ASSERT_EQ(jit.errors(), "");
  const std::string core = functionText(jit.ir(), "k.core");
  EXPECT_TRUE(contains(core, kWideFloats)) << core;
  EXPECT_FALSE(contains(core, "llvm.masked")) << core;
  std::vector<float> in(200, 1), out(200, 0);
  jit.run("k", {4}, {64}, Arguments(in.data(), out.data(), 190));
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(std::count(out.begin(), out.end(), 2.0f), 189);
  EXPECT_EQ(out[190], 0);
}

TEST(StructureTest, GenericCodeHasOneCore) {
  KernelJit jit(kVadd);
  ASSERT_EQ(jit.errors(), "");
  EXPECT_TRUE(contains(functionText(jit.ir(), "vadd.core"), kWideFloats));
  EXPECT_EQ(functionText(jit.ir(), "vadd.general"), "") << "it is wanted soon";
}

TEST(StructureTest, FixedShapeLeavesNoLoopOverRows) {
  HostPassOptions options;
  options.block_shape = {256, 1, 1};
  KernelJit jit(kVadd, options);
  ASSERT_EQ(jit.errors(), "");
  const std::string core = functionText(jit.ir(), "vadd.core");
  EXPECT_TRUE(contains(core, kWideFloats));
  EXPECT_FALSE(contains(core, "row.next"));
  EXPECT_FALSE(contains(core, "plane.next"));
}

TEST(StructureTest, KernelWithoutBoundsCheckHasOneCore) {
  KernelJit jit(R"(
extern "C" __global__ void k(float* a) { a[blockIdx.x * blockDim.x + threadIdx.x] = 1; })");
  ASSERT_EQ(jit.errors(), "");
  EXPECT_EQ(functionText(jit.ir(), "k.general"), "");
  EXPECT_NE(functionText(jit.ir(), "__hdk_k"), "");
}

TEST(StructureTest, DivergentLoopIsVectorisedUnderAMask) {
  KernelJit jit(R"(
extern "C" __global__ void k(const float* in, float* out, int limit) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  float x = in[i], z = 0;
  int steps = 0;
  while (steps < limit && z * z < 4) { z = z * z + x; ++steps; }
  out[i] = z + steps;
})");
  ASSERT_EQ(jit.errors(), "");
  EXPECT_TRUE(contains(functionText(jit.ir(), "k.core"), "x float>"));
  EXPECT_TRUE(contains(functionText(jit.ir(), "k.core"), "x i1>"));
}

TEST(StructureTest, VectorMathIsCalledAtFullWidth) {
  KernelJit jit(R"(
extern "C" __global__ void k(float* a) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  a[i] = expf(a[i]);
})");
  ASSERT_EQ(jit.errors(), "");
  EXPECT_TRUE(contains(jit.ir(), "@_ZGVeN16v_expf")) << functionText(jit.ir(), "k.core");
}

TEST(StructureTest, NarrowTargetsGetNarrowVectors) {
  HostPassOptions options;
  options.vector_bits = 256;
  KernelJit jit(kVadd, options);
  ASSERT_EQ(jit.errors(), "");
  EXPECT_TRUE(contains(functionText(jit.ir(), "vadd.core"), "<8 x float>"));
  EXPECT_FALSE(contains(functionText(jit.ir(), "vadd.core"), "<16 x float>"));
}

TEST(StructureTest, SharedAtomicsNeedNoLock) {
  KernelJit jit(R"(
extern "C" __global__ void k(unsigned* out) {
  __shared__ unsigned count;
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  atomicAdd(&count, threadIdx.x);
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(out, count);
})");
  ASSERT_EQ(jit.errors(), "");
  const std::string core = functionText(jit.ir(), "k.core");
  std::size_t atomics = 0;
  for (std::size_t at = core.find("atomicrmw"); at != std::string::npos;
       at = core.find("atomicrmw", at + 1)) {
    ++atomics;
    EXPECT_TRUE(contains(core.substr(at, 40), "ptr %out")) << core.substr(at, 40);
  }
  EXPECT_GE(atomics, 1u) << "global memory is shared with other blocks";
}

TEST(StructureTest, DeviceVariablesAreReachedThroughTheGot) {
  KernelJit jit(R"(
static __device__ int hidden = 3;
__constant__ int table[2] = {1, 2};
extern "C" __global__ void k(int* out) { out[threadIdx.x] = hidden + table[threadIdx.x & 1]; })");
  ASSERT_EQ(jit.errors(), "");
  EXPECT_TRUE(contains(jit.ir(), "externally_initialized global i32 3")) << jit.ir();
  EXPECT_TRUE(contains(jit.ir(), "externally_initialized global [2 x i32]"));
  EXPECT_FALSE(contains(jit.ir(), "hidden = dso_local"));
}

TEST(StructureTest, LargeLaunchesStreamTheirOutput) {
  HostPassOptions options;
  options.vector_bits = nativeVectorBits();
  options.block_shape = {256, 1, 1};
  KernelJit jit(kVadd, options);
  ASSERT_EQ(jit.errors(), "");
  EXPECT_TRUE(contains(functionText(jit.ir(), "vadd.core"), "!nontemporal"));
  constexpr int kSize = (1 << 23) + 1000;
  std::vector<float> a(kSize, 1), b(kSize, 2), c(kSize + 64);
  for (int shift : {0, 1}) {  // one of them is not aligned
    std::fill(c.begin(), c.end(), 0.0f);
    jit.run("vadd", {kSize / 256 + 1}, {256},
            Arguments(a.data(), b.data(), c.data() + shift, kSize));
    EXPECT_EQ(std::count(c.begin(), c.end(), 3.0f), kSize);
    EXPECT_EQ(c[kSize + shift], 0);
  }
}

TEST(StructureTest, OutputThatIsReadDoesNotStream) {
  HostPassOptions options;
  options.vector_bits = nativeVectorBits();
  KernelJit jit(R"(
extern "C" __global__ void k(const float* x, float* y) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = 2 * x[i] + y[i];
})",
                options);
  ASSERT_EQ(jit.errors(), "");
  EXPECT_FALSE(contains(jit.ir(), "!nontemporal"));
}

TEST(StructureTest, InputsThatStreamArePrefetched) {
  HostPassOptions options;
  options.vector_bits = nativeVectorBits();
  options.block_shape = {256, 1, 1};
  KernelJit jit(kVadd, options);
  ASSERT_EQ(jit.errors(), "");
  EXPECT_TRUE(contains(functionText(jit.ir(), "vadd.core"), "@llvm.prefetch")) << jit.ir();
}

TEST(StructureTest, InputsThatAreReadTwiceOrAnywhereAreNotPrefetched) {
  HostPassOptions options;
  options.vector_bits = nativeVectorBits();
  options.block_shape = {256, 1, 1};
  KernelJit jit(R"(
extern "C" __global__ void twice(const float* x, float* y) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[i] + x[i + 1];
}
extern "C" __global__ void anywhere(const float* x, const int* at, float* y) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[3 * i];
}
extern "C" __global__ void in_a_loop(const float* x, float* y, int n) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  float sum = 0;
  for (int k = 0; k < n; ++k) sum += x[i + 256 * k];
  y[i] = sum;
})",
                options);
  ASSERT_EQ(jit.errors(), "");
  EXPECT_FALSE(contains(jit.ir(), "@llvm.prefetch")) << jit.ir();
}

TEST(ErrorsTest, RecursionThatUsesTheThreadIndex) {
  KernelJit jit(R"(
__device__ __noinline__ int walk(int n) { return n < 2 ? threadIdx.x : walk(n - 1) + walk(n - 2); }
extern "C" __global__ void k(int* out, int n) { out[threadIdx.x] = walk(n); })");
  EXPECT_TRUE(contains(jit.errors(), "recursive or called through a pointer")) << jit.errors();
}

TEST(ErrorsTest, BarrierBehindAFunctionPointer) {
  KernelJit jit(R"(
__device__ __noinline__ void wait_a(int* p) { __syncthreads(); p[threadIdx.x] = 1; }
__device__ __noinline__ void wait_b(int* p) { p[threadIdx.x] = 2; }
__device__ void (*table[2])(int*) = {wait_a, wait_b};
extern "C" __global__ void k(int* out, int n) { table[n](out); })");
  EXPECT_TRUE(contains(jit.errors(), "recursive or called through a pointer")) << jit.errors();
}

TEST(ErrorsTest, PrivateArrayOfVariableLength) {
  KernelJit jit(R"(
extern "C" __global__ void k(int* out, int n) {
  int* values = static_cast<int*>(__builtin_alloca(n * 4));
  for (int i = 0; i < n; ++i) values[i] = out[i];
  out[threadIdx.x] = values[n - 1 - threadIdx.x];
})");
  EXPECT_TRUE(contains(jit.errors(), "private array of variable length")) << jit.errors();
}

TEST(ErrorsTest, RecursionWithoutThreadIndexIsFine) {
  KernelJit jit(R"(
__device__ __noinline__ int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
extern "C" __global__ void k(int* out) { out[threadIdx.x] = fibonacci(threadIdx.x); })");
  ASSERT_EQ(jit.errors(), "");
  int out[10] = {};
  jit.run("k", {1}, {10}, Arguments(&out[0]));
  EXPECT_EQ(out[9], 34);
}

}  // namespace
}  // namespace amdgpu::hostcc
