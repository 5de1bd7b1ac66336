// The math functions, with HIP's names: clang's own HIP headers over ocml.h.
#ifndef AMDGPU_HD_MATH_H_
#define AMDGPU_HD_MATH_H_

// The instructions of an AMD GPU that those headers use.
#define __builtin_amdgcn_rcpf(x) (1.0f / (x))
#define __builtin_amdgcn_rsqf(x) (1.0f / __builtin_sqrtf(x))
#define __builtin_amdgcn_exp2f(x) __builtin_exp2f(x)
#define __builtin_amdgcn_logf(x) __builtin_log2f(x)
#define __builtin_amdgcn_ldexpf(x, n) __builtin_ldexpf(x, n)
#define __builtin_amdgcn_ldexp(x, n) __builtin_ldexp(x, n)

// Names of the C library that they use, as clang's own wrapper lends them.
#pragma push_macro("CHAR_BIT")
#pragma push_macro("INT_MAX")
#define CHAR_BIT __CHAR_BIT__
#define INT_MAX __INT_MAX__

// clang-format off: in this order.
#include <__clang_hip_libdevice_declares.h>
#include "amdgpu/ocml.h"
#include <__clang_hip_math.h>
#include <__clang_hip_cmath.h>
// clang-format on

#pragma pop_macro("CHAR_BIT")
#pragma pop_macro("INT_MAX")

// min and max of integers of one or two types, as HIP has them.
#define __HD_MIN_MAX(type)                                       \
  __HD_INLINE type min(type x, type y) { return x < y ? x : y; } \
  __HD_INLINE type max(type x, type y) { return x > y ? x : y; }
__HD_MIN_MAX(unsigned)
__HD_MIN_MAX(long)
__HD_MIN_MAX(unsigned long)
__HD_MIN_MAX(long long)
__HD_MIN_MAX(unsigned long long)
#undef __HD_MIN_MAX
__HD_INLINE unsigned min(unsigned x, int y) { return min(x, (unsigned)y); }
__HD_INLINE unsigned min(int x, unsigned y) { return min((unsigned)x, y); }
__HD_INLINE unsigned max(unsigned x, int y) { return max(x, (unsigned)y); }
__HD_INLINE unsigned max(int x, unsigned y) { return max((unsigned)x, y); }

#endif  // AMDGPU_HD_MATH_H_
