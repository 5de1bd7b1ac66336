// What the kernels of this folder share: element types and functions that mean the same to hipRTC,
// to NVRTC and to the host device's compiler. The build puts this text in the place of `#include
// "common.h"`, so that what is installed includes nothing.

typedef long long index_t;

// Half precision: storage and arithmetic of clang's own type, storage alone under NVRTC, which has
// none.
#if defined(__CUDACC_RTC__)
struct half_t {
  unsigned short bits;
};
__device__ inline float half_to_float(half_t x) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(x.bits));
  return result;
}
__device__ inline half_t float_to_half(float x) {
  half_t result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
  return result;
}
#else
typedef _Float16 half_t;
__device__ inline float half_to_float(half_t x) { return (float)x; }
__device__ inline half_t float_to_half(float x) { return (half_t)x; }
#endif

// bfloat16: the upper half of a float.
struct bf16_t {
  unsigned short bits;
};
__device__ inline float bf16_to_float(bf16_t x) { return __uint_as_float((unsigned)x.bits << 16); }
__device__ inline bf16_t float_to_bf16(float x) {
  const unsigned bits = __float_as_uint(x);
  bf16_t result;
  // A NaN stays one; all else is rounded to nearest even.
  result.bits = x != x ? (unsigned short)((bits >> 16) | 0x40u)
                       : (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  return result;
}

// How an element is computed with (Compute) and added up (Sum).
template <typename T>
struct Element {
  typedef T Compute;
  typedef T Sum;
  static __device__ inline T load(T x) { return x; }
  static __device__ inline T store(T x) { return x; }
};
#define AMDGPU_INTEGER_ELEMENT(type, sum)                          \
  template <>                                                      \
  struct Element<type> {                                           \
    typedef type Compute;                                          \
    typedef sum Sum;                                               \
    static __device__ inline type load(type x) { return x; }       \
    static __device__ inline type store(sum x) { return (type)x; } \
  };
AMDGPU_INTEGER_ELEMENT(signed char, long long)
AMDGPU_INTEGER_ELEMENT(unsigned char, unsigned long long)
AMDGPU_INTEGER_ELEMENT(short, long long)
AMDGPU_INTEGER_ELEMENT(unsigned short, unsigned long long)
AMDGPU_INTEGER_ELEMENT(int, long long)
AMDGPU_INTEGER_ELEMENT(unsigned, unsigned long long)
template <>
struct Element<half_t> {
  typedef float Compute;
  typedef float Sum;
  static __device__ inline float load(half_t x) { return half_to_float(x); }
  static __device__ inline half_t store(float x) { return float_to_half(x); }
};
template <>
struct Element<bf16_t> {
  typedef float Compute;
  typedef float Sum;
  static __device__ inline float load(bf16_t x) { return bf16_to_float(x); }
  static __device__ inline bf16_t store(float x) { return float_to_bf16(x); }
};

// The math functions, with one name for float and double.
#define AMDGPU_FUNCTION(name)                                      \
  __device__ inline float f_##name(float x) { return name##f(x); } \
  __device__ inline double f_##name(double x) { return name(x); }
AMDGPU_FUNCTION(exp)
AMDGPU_FUNCTION(expm1)
AMDGPU_FUNCTION(log)
AMDGPU_FUNCTION(log1p)
AMDGPU_FUNCTION(log2)
AMDGPU_FUNCTION(sqrt)
AMDGPU_FUNCTION(sin)
AMDGPU_FUNCTION(cos)
AMDGPU_FUNCTION(tanh)
AMDGPU_FUNCTION(erf)
AMDGPU_FUNCTION(floor)
AMDGPU_FUNCTION(ceil)
AMDGPU_FUNCTION(fabs)
__device__ inline float f_pow(float x, float y) { return powf(x, y); }
__device__ inline double f_pow(double x, double y) { return pow(x, y); }

template <typename T>
__device__ inline bool is_nan(T x) {
  return x != x;
}
// The larger and the smaller; a NaN is passed on.
template <typename T>
__device__ inline T larger(T x, T y) {
  return x > y || is_nan(x) ? x : y;
}
template <typename T>
__device__ inline T smaller(T x, T y) {
  return x < y || is_nan(x) ? x : y;
}
// Integers divide without a trap: by zero gives zero, and the least by -1 itself.
template <typename T>
__device__ inline T divide_integers(T x, T y) {
  if (y == 0) return 0;
  if ((T)-1 < 0 && y == (T)-1) return (T)(0 - (unsigned long long)x);
  return x / y;
}
