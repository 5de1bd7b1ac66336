// The least that a kernel needs to be compiled for the host device, for tests of the passes. What
// users get are the headers of gpu/host/include; these tests must not depend on them.

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline __attribute__((always_inline))

extern "C" {
__device__ __attribute__((const)) unsigned __hd_tid(int);
__device__ __attribute__((const)) unsigned __hd_bid(int);
__device__ __attribute__((const)) unsigned __hd_bdim(int);
__device__ __attribute__((const)) unsigned __hd_gdim(int);
__device__ __attribute__((const)) unsigned __hd_flat();
__device__ __attribute__((const)) void* __hd_xchg();
__device__ __attribute__((convergent)) void __hd_barrier();
__device__ __attribute__((convergent)) void __hd_wbarrier();
__device__ void abort();
__device__ float sinf(float) __attribute__((const));
__device__ float expf(float) __attribute__((const));
__device__ float logf(float) __attribute__((const));
__device__ float erfcf(float) __attribute__((const));
}

#define HD_COORDINATE(name, intrinsic)                                                        \
  struct name##_t {                                                                           \
    __declspec(property(get = get_x)) unsigned x;                                             \
    __declspec(property(get = get_y)) unsigned y;                                             \
    __declspec(property(get = get_z)) unsigned z;                                             \
    __device__ __attribute__((always_inline)) unsigned get_x() const { return intrinsic(0); } \
    __device__ __attribute__((always_inline)) unsigned get_y() const { return intrinsic(1); } \
    __device__ __attribute__((always_inline)) unsigned get_z() const { return intrinsic(2); } \
  };                                                                                          \
  extern const __device__ __attribute__((weak)) name##_t name;
HD_COORDINATE(threadIdx, __hd_tid)
HD_COORDINATE(blockIdx, __hd_bid)
HD_COORDINATE(blockDim, __hd_bdim)
HD_COORDINATE(gridDim, __hd_gdim)

__device__ __attribute__((always_inline)) inline float sqrtf(float x) { return __builtin_sqrtf(x); }
__device__ __attribute__((always_inline)) inline void __syncthreads() { __hd_barrier(); }
__device__ __attribute__((always_inline)) inline void __syncwarp() { __hd_wbarrier(); }

template <class T>
__device__ __attribute__((always_inline)) inline T atomicAdd(T* address, T value) {
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
template <class T>
__device__ __attribute__((always_inline)) inline T atomicCAS(T* address, T expected, T value) {
  __atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}

template <class T>
__device__ __attribute__((always_inline)) inline T shuffle(T value, unsigned source_lane) {
  auto* words = static_cast<unsigned long*>(__hd_xchg());
  const unsigned flat = __hd_flat();
  *reinterpret_cast<T*>(words + flat) = value;
  __hd_wbarrier();
  T result = *reinterpret_cast<T*>(words + ((flat & ~31u) | (source_lane & 31u)));
  __hd_wbarrier();
  return result;
}
template <class T>
__device__ __attribute__((always_inline)) inline T __shfl_down(T value, unsigned delta) {
  const unsigned lane = __hd_flat() & 31u;
  return shuffle(value, lane + delta < 32 ? lane + delta : lane);
}
template <class T>
__device__ __attribute__((always_inline)) inline T __shfl_xor(T value, unsigned mask) {
  return shuffle(value, (__hd_flat() & 31u) ^ mask);
}
