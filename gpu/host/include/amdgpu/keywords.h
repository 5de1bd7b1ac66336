// HIP's function and variable qualifiers, and the macros by which a source can tell where it is compiled.
#ifndef AMDGPU_HD_KEYWORDS_H_
#define AMDGPU_HD_KEYWORDS_H_

// clang itself defines __HIP__, __HIPCC__ and __HIP_DEVICE_COMPILE__.
#define __HIPCC_RTC__ 1
#define __HIP_PLATFORM_AMD__ 1
#define __HIP_PLATFORM_HCC__ 1
#define HIP_VERSION_MAJOR 5
#define HIP_VERSION_MINOR 2
#define HIP_VERSION_PATCH 0
#define HIP_VERSION 50200000

// Compiled for the CPU as a device.
#define __AMDGPU_HOST_DEVICE__ 1

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __host__ __attribute__((host))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __managed__ __attribute__((device))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))
#define __hip_noinline__ __noinline__

// The launch's dynamic shared memory under a name of its own.
#define HIP_DYNAMIC_SHARED(type, variable) extern __shared__ type variable[];
#define HIP_DYNAMIC_SHARED_ATTRIBUTE
#define HIP_KERNEL_NAME(...) __VA_ARGS__
#define HIP_SYMBOL(x) x

// What the runtime's own headers define their functions and member functions with.
#define __HD_INLINE static __device__ inline __attribute__((always_inline))
#define __HD_MEMBER __host__ __device__ inline __attribute__((always_inline))

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef long long longlong;
typedef unsigned long long ulonglong;

#endif  // AMDGPU_HD_KEYWORDS_H_
