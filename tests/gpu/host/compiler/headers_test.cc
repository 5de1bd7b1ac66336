// Unit: every feature of the device headers compiles, in the forms that HIP sources use.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gpu/host/compiler/in_process.h"

namespace amdgpu::hostcc {
namespace {

TEST(Headers, Coordinates) {
  EXPECT_TRUE(KernelCompiles(R"(
    u[0] = threadIdx.x + threadIdx.y + threadIdx.z + blockIdx.x + blockIdx.y + blockIdx.z +
           blockDim.x + blockDim.y + blockDim.z + gridDim.x + gridDim.y + gridDim.z;
    dim3 whole = gridDim;
    uint3 self = threadIdx;
    u[1] = whole.x + self.y + hipThreadIdx_x + hipBlockDim_z;
    static_assert(warpSize == 32, "");
    int lanes[warpSize];
    lanes[self.x] = 1;
    i[0] = lanes[self.y];)"));
}

TEST(Headers, SharedMemory) {
  EXPECT_TRUE(KernelCompiles(R"(
    __shared__ float tile[32][33];
    __shared__ int count;
    extern __shared__ double dynamic[];
    HIP_DYNAMIC_SHARED(double, also);
    if (threadIdx.x == 0) count = 0;
    tile[threadIdx.y][threadIdx.x] = f[threadIdx.x];
    __syncthreads();
    atomicAdd(&count, 1);
    dynamic[threadIdx.x] = tile[threadIdx.x][threadIdx.y] + also[0];
    __syncthreads();
    d[0] = dynamic[0] + count;)"));
}

TEST(Headers, SharedMemoryInTemplatesAndMethods) {
  EXPECT_TRUE(KernelCompiles("f[0] = reverse<float, 64>(f); f[1] = Box<8>().sum(f);", R"(
    template <class T, int n> __device__ T reverse(const T* in) {
      __shared__ T tile[n];
      tile[threadIdx.x] = in[threadIdx.x];
      __syncthreads();
      return tile[n - 1 - threadIdx.x];
    }
    template <int n> struct Box {
      __device__ float sum(const float* in) {
        __shared__ float tile[n];
        tile[threadIdx.x % n] = in[threadIdx.x];
        __syncthreads();
        return tile[0];
      }
    };)"));
}

TEST(Headers, BarriersAndFences) {
  EXPECT_TRUE(KernelCompiles(R"(
    __syncthreads();
    i[0] = __syncthreads_count(i[1]) + __syncthreads_and(i[2]) + __syncthreads_or(i[3]);
    __syncwarp();
    __syncwarp(0xffffffff);
    __threadfence();
    __threadfence_block();
    __threadfence_system();)"));
}

TEST(Headers, IntegerAtomics) {
  for (const char* type :
       {"int", "unsigned", "long long", "unsigned long long", "long", "unsigned long"}) {
    EXPECT_TRUE(KernelCompiles(std::string("typedef ") + type + R"( T;
      T* p = (T*)ull;
      T v = p[1];
      p[2] = atomicAdd(p, v) + atomicSub(p, v) + atomicExch(p, v) + atomicMin(p, v) +
             atomicMax(p, v) + atomicAnd(p, v) + atomicOr(p, v) + atomicXor(p, v) +
             atomicCAS(p, v, v + 1);
      p[3] = atomicAdd_system(p, v) + atomicAdd_block(p, v) + atomicCAS_system(p, v, v);)"))
        << type;
  }
  EXPECT_TRUE(KernelCompiles("u[0] = atomicInc(u + 1, 7u) + atomicDec(u + 2, 7u);"));
}

TEST(Headers, FloatingAtomics) {
  EXPECT_TRUE(KernelCompiles(R"(
    f[0] = atomicAdd(f + 1, 1.0f) + atomicSub(f, 1.0f) + atomicMin(f, 1.0f) + atomicMax(f, 1.0f) +
           atomicExch(f, 1.0f) + unsafeAtomicAdd(f, 2.0f) + atomicAdd_block(f, 3.0f);
    d[0] = atomicAdd(d + 1, 1.0) + atomicMin(d, 1.0) + atomicMax(d, 1.0) + atomicExch(d, 2.0);)"));
}

TEST(Headers, Warps) {
  EXPECT_TRUE(KernelCompiles(R"(
    f[0] = __shfl(f[1], 3) + __shfl_up(f[1], 1) + __shfl_down(f[1], 1, 16) + __shfl_xor(f[1], 4);
    d[0] = __shfl_sync(~0u, d[1], 3) + __shfl_up_sync(~0u, d[1], 1) +
           __shfl_down_sync(~0ull, d[1], 1) + __shfl_xor_sync(~0u, d[1], 1, 8);
    ll[0] = __shfl(ll[1], 0);
    short s = (short)i[1];
    i[0] = __shfl(s, 2) + __shfl((unsigned char)i[2], 2);
    f[2] = (float)__shfl(__half(f[1]), 2);
    ull[0] = __ballot(i[1] > 0) + __activemask() + __ballot_sync(0xffff, i[1]);
    i[3] = __any(i[1]) + __all(i[1]) + __any_sync(~0u, i[1]) + __all_sync(~0u, i[1]);)"));
}

TEST(Headers, AShuffleOfALargeTypeIsRefused) {
  const proto::CompileReply reply = Compile(
      "struct Big { double a, b; };\n"
      "extern \"C\" __global__ void k(Big* p) { p[0] = __shfl(p[1], 0); }");
  EXPECT_EQ(reply.outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_THAT(Text(reply), testing::HasSubstr("at most 8 bytes"));
}

TEST(Headers, IntegerIntrinsics) {
  EXPECT_TRUE(KernelCompiles(R"(
    i[0] = __popc(u[0]) + __popcll(ull[0]) + __clz(i[1]) + __clzll(ll[0]) + __ffs(i[1]) +
           __ffsll(ll[0]) + __mul24(i[1], i[2]) + __mulhi(i[1], i[2]) + __hadd(i[1], i[2]) +
           __rhadd(i[1], i[2]);
    u[0] = __brev(u[1]) + __funnelshift_l(u[1], u[2], 3) + __funnelshift_r(u[1], u[2], 3) +
           __funnelshift_lc(u[1], u[2], 40) + __umul24(u[1], u[2]) + __umulhi(u[1], u[2]) +
           __byte_perm(u[1], u[2], 0x5410) + __usad(u[1], u[2], 1u) + __sad(1, 2, 3u);
    ull[0] = __brevll(ull[1]) + __umul64hi(ull[1], ull[2]);
    ll[0] = __mul64hi(ll[1], ll[2]) + __double_as_longlong(d[0]);
    f[0] = __int_as_float(i[1]) + __uint_as_float(u[1]) + __ldg(f + 3);
    u[3] = __float_as_uint(f[1]) + __float_as_int(f[2]);
    d[1] = __hiloint2double(1, 2) + __longlong_as_double(ll[1]);)"));
}

TEST(Headers, MathFunctions) {
  // One per line of HIP's table, float and double.
  for (const char* call :
       {"acos",       "acosh", "asin",  "asinh",  "atan",  "atanh",   "cbrt",      "ceil",
        "cos",        "cosh",  "cospi", "erf",    "erfc",  "erfcinv", "erfcx",     "erfinv",
        "exp",        "exp10", "exp2",  "expm1",  "fabs",  "floor",   "j0",        "j1",
        "lgamma",     "log",   "log10", "log1p",  "log2",  "logb",    "nearbyint", "normcdf",
        "normcdfinv", "rcbrt", "rint",  "round",  "rsqrt", "sin",     "sinh",      "sinpi",
        "sqrt",       "tan",   "tanh",  "tgamma", "trunc", "y0",      "y1"}) {
    const std::string name = call;
    EXPECT_TRUE(KernelCompiles("f[0] = " + name + "f(f[1]); d[0] = " + name + "(d[1]);")) << name;
  }
  for (const char* call : {"atan2", "copysign", "fdim", "fmax", "fmin", "fmod", "hypot",
                           "nextafter", "pow", "remainder", "rhypot"}) {
    const std::string name = call;
    EXPECT_TRUE(
        KernelCompiles("f[0] = " + name + "f(f[1], f[2]); d[0] = " + name + "(d[1], d[2]);"))
        << name;
  }
  EXPECT_TRUE(KernelCompiles(R"(
    float s, c; double sd, cd; int e; float whole;
    sincosf(f[0], &s, &c); sincos(d[0], &sd, &cd); sincospif(f[0], &s, &c);
    f[1] = s + c + frexpf(f[2], &e) + ldexpf(f[2], 3) + modff(f[2], &whole) + whole + e;
    d[1] = sd + cd + fma(d[0], d[1], d[2]) + norm3d(d[0], d[1], d[2]) + rnorm4d(d[0], d[1], 1, 2);
    f[2] = remquof(f[3], f[4], &e) + scalbnf(f[1], 3) + powif(f[1], 3) + cyl_bessel_i0f(f[1]) +
           norm3df(f[0], f[1], f[2]) + fdividef(f[1], f[2]) + jnf(2, f[0]);
    i[0] = ilogbf(f[0]) + isnan(f[1]) + isinf(d[1]) + isfinite(f[2]) + signbit(d[2]) +
           (int)lrintf(f[1]) + (int)llround(d[1]);)"));
  EXPECT_TRUE(KernelCompiles(R"(
    f[0] = __expf(f[1]) + __logf(f[1]) + __sinf(f[1]) + __cosf(f[1]) + __powf(f[1], f[2]) +
           __fdividef(f[1], f[2]) + __saturatef(f[1]) + __fmaf_rn(f[1], f[2], f[3]) +
           __fadd_rn(f[1], f[2]) + __fmul_rn(f[1], f[2]) + __frcp_rn(f[1]) + __fsqrt_rn(f[1]) +
           __log2f(f[1]) + __log10f(f[1]) + __exp10f(f[1]) + __tanf(f[1]) + __frsqrt_rn(f[1]);
    d[0] = __dadd_rn(d[1], d[2]) + __fma_rn(d[1], d[2], d[3]) + __dsqrt_rn(d[1]);
    i[0] = min(i[1], 3) + max(i[1], i[2]) + abs(i[3]) + __float2int_rn(f[1]) +
           __double2int_rz(d[1]);
    u[0] = min(u[1], 3u) + max(u[1], u[2]) + __float2uint_rd(f[1]);
    ll[0] = min(ll[1], ll[2]) + llabs(ll[1]);
    f[4] = min(f[1], f[2]) + max(f[1], 2.0f) + abs(f[1]) + sin(f[1]) + pow(f[1], 2) + sqrt(f[1]) +
           __int2float_rn(i[1]) + __double2float_rn(d[1]);)"));
}

TEST(Headers, VectorTypes) {
  EXPECT_TRUE(KernelCompiles(R"(
    float4 a = make_float4(1, 2, 3, 4), b = a * 2.0f + a, c = 3.0f - b / a;
    a += b; a *= 2.0f; b = -c;
    float3 t = make_float3(f[0], f[1], f[2]);
    float2 p{f[0], f[1]};
    int2 q(i[0], i[1]);
    q = (q << make_int2(1, 1)) | (q & 3) ^ ~q;
    ++q;
    uchar4 px = make_uchar4(i[0], 2, 3, 255);
    double2 w = ((double2*)d)[threadIdx.x];
    const float4 zero = {};
    f[0] = a.x + b.y + c.z + t.z + p.y + (a == b) + (a != c) + zero.w;
    i[0] = q.x + px.w + longlong2(1, 2).y + short4(1, 2, 3, 4).w + make_ushort3(1, 2, 3).z;
    d[0] = w.x + ulonglong4(1, 2, 3, 4).w + make_char2(1, 2).x;
    ((float4*)f)[1] = a;)"));
}

TEST(Headers, VectorTypesHaveHipsLayout) {
  EXPECT_TRUE(KernelCompiles("", R"(
    #define CHECK(type, size, alignment) \
      static_assert(sizeof(type) == size && alignof(type) == alignment, #type)
    CHECK(char2, 2, 2); CHECK(char3, 3, 1); CHECK(uchar4, 4, 4); CHECK(short3, 6, 2);
    CHECK(int2, 8, 8); CHECK(uint3, 12, 4); CHECK(int4, 16, 16); CHECK(float2, 8, 8);
    CHECK(float3, 12, 4); CHECK(float4, 16, 16); CHECK(double2, 16, 16); CHECK(double3, 24, 8);
    CHECK(double4, 32, 32); CHECK(longlong2, 16, 16); CHECK(float1, 4, 4);)"));
}

TEST(Headers, Half) {
  EXPECT_TRUE(KernelCompiles(R"(
    __half a = __float2half(f[0]), b = f[1], c = 2;
    a = a + b * c - a / b;
    a += b;
    __half2 p = __floats2half2_rn(f[0], f[1]);
    p = __hfma2(p, p, __half2half2(a)) + make_half2(a, b);
    f[0] = __half2float(a) + (float)b + __low2float(p) + __high2float(p) + (float)hsqrt(a) +
           (float)__hmax(a, b);
    i[0] = (a < b) + __hgt(a, b) + __hisnan(a) + __half_as_short(a);
    _Float16 raw = (_Float16)f[2];
    raw = raw * raw;
    f[3] = raw;
    __hip_bfloat16 h = __float2bfloat16(f[1]);
    h = h + h * h;
    f[4] = h;)",
                             "#include <hip/hip_fp16.h>\n#include <hip/hip_bf16.h>\n"));
}

TEST(Headers, DeviceAndConstantVariables) {
  const proto::HostCodeObject code = CodeOf(Compile(R"(
    __constant__ float weights[16];
    __device__ int counter = 3;
    namespace deep { static __device__ double hidden; }
    __managed__ int managed;
    extern "C" __global__ void k(float* f) {
      static __device__ int calls;
      f[threadIdx.x] = weights[threadIdx.x] + atomicAdd(&counter, 1) + deep::hidden + managed +
                       atomicAdd(&calls, 1);
    })"));
  std::map<std::string, std::uint64_t> sizes;
  for (const proto::GlobalInfo& global : code.globals()) sizes[global.name()] = global.size();
  EXPECT_EQ(sizes["weights"], 64u);
  EXPECT_EQ(sizes["counter"], 4u);
  EXPECT_EQ(sizes["deep::hidden"], 8u);
  EXPECT_EQ(sizes["managed"], 4u);
}

TEST(Headers, PrintingAndEnding) {
  EXPECT_TRUE(KernelCompiles(R"(
    printf("%d %f\n", i[0], f[0]);
    assert(i[0] < 3);
    if (i[1] == 7) abort();
    if (i[1] == 8) __builtin_trap();
    if (i[1] == 9) __trap();
    ll[0] = clock64() + wall_clock64() + clock();)"));
}

TEST(Headers, AttributesAndQualifiers) {
  EXPECT_TRUE(IsClean(Compile(R"(
    __device__ __forceinline__ int one() { return 1; }
    __device__ __noinline__ int two(int x) { return x + 2; }
    __host__ __device__ inline int both(int x) { return x; }
    constexpr int three() { return 3; }
    struct __align__(16) Aligned { float a; };
    __global__ void __launch_bounds__(256, 2) k(float* __restrict__ a, const Aligned* b) {
      auto add = [=](int x) { return x + one() + two(1) + both(1) + three(); };
      a[threadIdx.x] = b->a + add(threadIdx.x);
    })")));
}

TEST(Headers, MacrosTellWhereASourceIsCompiled) {
  EXPECT_TRUE(KernelCompiles("", R"(
    #if !defined(__HIP__) || !defined(__HIPCC__) || !defined(__HIP_DEVICE_COMPILE__) || \
        !defined(__HIPCC_RTC__) || !defined(__HIP_PLATFORM_AMD__) || __AMDGPU_HOST_DEVICE__ != 1
    #error a macro is missing
    #endif)"));
}

TEST(Headers, VirtualFunctionsAndRecursionWork) {
  EXPECT_TRUE(KernelCompiles("Square s; Shape* p = &s; f[0] = p->area(f[1]) + fact(i[0]);", R"(
    struct Shape { __device__ virtual float area(float x) const = 0; };
    struct Square : Shape { __device__ float area(float x) const override { return x * x; } };
    __device__ int fact(int n) { return n < 2 ? 1 : n * fact(n - 1); })"));
}

TEST(Headers, EveryStandardCompilesThePrelude) {
  for (const char* standard : {"c++11", "c++14", "c++17", "c++20"}) {
    proto::CompileRequest request =
        RequestFor("extern \"C\" __global__ void k(float4* p) { p[0] = p[1] + sinf(p[2].x); }");
    request.set_std(standard);
    EXPECT_TRUE(IsClean(Compile(request))) << standard;
  }
}

}  // namespace
}  // namespace amdgpu::hostcc
