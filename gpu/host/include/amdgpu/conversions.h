// Conversions with a named rounding: rn to nearest even, rz towards zero, ru up, rd down.
#ifndef AMDGPU_HD_CONVERSIONS_H_
#define AMDGPU_HD_CONVERSIONS_H_

#define __HD_TO_INTEGER(from, name, to)                                                 \
  __HD_INLINE to __##from##2##name##_rn(from x) { return (to)__builtin_rint(x); }       \
  __HD_INLINE to __##from##2##name##_rz(from x) { return (to)__builtin_trunc(x); }      \
  __HD_INLINE to __##from##2##name##_ru(from x) { return (to)__builtin_ceil(x); }       \
  __HD_INLINE to __##from##2##name##_rd(from x) { return (to)__builtin_floor(x); }
__HD_TO_INTEGER(float, int, int)
__HD_TO_INTEGER(float, uint, unsigned)
__HD_TO_INTEGER(float, ll, long long)
__HD_TO_INTEGER(float, ull, unsigned long long)
__HD_TO_INTEGER(double, int, int)
__HD_TO_INTEGER(double, uint, unsigned)
__HD_TO_INTEGER(double, ll, long long)
__HD_TO_INTEGER(double, ull, unsigned long long)
#undef __HD_TO_INTEGER

__HD_INLINE float __int2float_rn(int x) { return (float)x; }
__HD_INLINE float __uint2float_rn(unsigned x) { return (float)x; }
__HD_INLINE float __ll2float_rn(long long x) { return (float)x; }
__HD_INLINE float __ull2float_rn(unsigned long long x) { return (float)x; }
__HD_INLINE double __int2double_rn(int x) { return (double)x; }
__HD_INLINE double __uint2double_rn(unsigned x) { return (double)x; }
__HD_INLINE double __ll2double_rn(long long x) { return (double)x; }
__HD_INLINE double __ull2double_rn(unsigned long long x) { return (double)x; }
__HD_INLINE float __double2float_rn(double x) { return (float)x; }

#endif  // AMDGPU_HD_CONVERSIONS_H_
