// Put before every source for NVRTC: HIP's names in terms of CUDA's, and what a source has on the host
// device without an include.
#ifndef AMDGPU_GPU_NVIDIA_PRELUDE_H_
#define AMDGPU_GPU_NVIDIA_PRELUDE_H_

#define __HIPCC_RTC__ 1
#define __HIP_PLATFORM_NVIDIA__ 1
#define __HIP_DEVICE_COMPILE__ 1
#define HIP_KERNEL_NAME(...) __VA_ARGS__
#define HIP_DYNAMIC_SHARED(type, variable) extern __shared__ type variable[];
#define HIP_SYMBOL(x) x

typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;
typedef long intptr_t;
typedef unsigned long uintptr_t;
typedef long ptrdiff_t;
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;

#define INT32_MAX 0x7fffffff
#define UINT32_MAX 0xffffffffu
#define INT_MAX 0x7fffffff
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX 0xffffffffu
#define FLT_MAX 3.402823466e+38f
#define FLT_MIN 1.175494351e-38f
#define FLT_EPSILON 1.192092896e-07f
#define DBL_MAX 1.7976931348623158e+308
#define DBL_MIN 2.2250738585072014e-308
#define DBL_EPSILON 2.2204460492503131e-016
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

// Of clang, for <limits>.
#define __FLT_MANT_DIG__ 24
#define __FLT_DIG__ 6
#define __FLT_MIN__ FLT_MIN
#define __FLT_MAX__ FLT_MAX
#define __FLT_EPSILON__ FLT_EPSILON
#define __FLT_DENORM_MIN__ 1.401298464e-45f
#define __DBL_MANT_DIG__ 53
#define __DBL_DIG__ 15
#define __DBL_MIN__ DBL_MIN
#define __DBL_MAX__ DBL_MAX
#define __DBL_EPSILON__ DBL_EPSILON
#define __DBL_DENORM_MIN__ 4.9406564584124654e-324
#define __builtin_inff() __builtin_bit_cast(float, 0x7f800000)
#define __builtin_nanf(text) __builtin_bit_cast(float, 0x7fffffff)
#define __builtin_inf() __builtin_bit_cast(double, 0x7ff0000000000000ll)
#define __builtin_nan(text) __builtin_bit_cast(double, 0x7fffffffffffffffll)

#define hipThreadIdx_x threadIdx.x
#define hipThreadIdx_y threadIdx.y
#define hipThreadIdx_z threadIdx.z
#define hipBlockIdx_x blockIdx.x
#define hipBlockIdx_y blockIdx.y
#define hipBlockIdx_z blockIdx.z
#define hipBlockDim_x blockDim.x
#define hipBlockDim_y blockDim.y
#define hipBlockDim_z blockDim.z
#define hipGridDim_x gridDim.x
#define hipGridDim_y gridDim.y
#define hipGridDim_z gridDim.z

#define __builtin_trap() __trap()
__device__ __forceinline__ void abort() { __trap(); }

// Warp operations without a mask: of all lanes, as HIP's. Votes are of 64 bits there.
__device__ __forceinline__ unsigned __lane_id() {
  unsigned lane;
  asm("mov.u32 %0, %%laneid;" : "=r"(lane));
  return lane;
}
// Macros: NVRTC declares functions of these names that no GPU of today has.
#define __ballot(predicate) ((unsigned long long)__ballot_sync(0xffffffffu, (predicate)))
#define __any(predicate) __any_sync(0xffffffffu, (predicate))
#define __all(predicate) __all_sync(0xffffffffu, (predicate))
template <class T>
__device__ __forceinline__ T __shfl(T value, int source, int width = warpSize) {
  return __shfl_sync(0xffffffffu, value, source, width);
}
template <class T>
__device__ __forceinline__ T __shfl_up(T value, unsigned delta, int width = warpSize) {
  return __shfl_up_sync(0xffffffffu, value, delta, width);
}
template <class T>
__device__ __forceinline__ T __shfl_down(T value, unsigned delta, int width = warpSize) {
  return __shfl_down_sync(0xffffffffu, value, delta, width);
}
template <class T>
__device__ __forceinline__ T __shfl_xor(T value, int mask, int width = warpSize) {
  return __shfl_xor_sync(0xffffffffu, value, mask, width);
}

__device__ __forceinline__ float unsafeAtomicAdd(float* address, float value) {
  return atomicAdd(address, value);
}
__device__ __forceinline__ double unsafeAtomicAdd(double* address, double value) {
  return atomicAdd(address, value);
}

#endif  // AMDGPU_GPU_NVIDIA_PRELUDE_H_
