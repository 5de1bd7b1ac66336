// AMD's device math library (ocml) on this machine's libm: the functions that clang's HIP math headers
// call, as clang builtins. The compiler turns them into instructions, vector math or libm calls.
#ifndef AMDGPU_HD_OCML_H_
#define AMDGPU_HD_OCML_H_

#define __HD_OCML extern "C" __device__ inline __attribute__((always_inline))

// The float and the double form of a function of one or two arguments that is a builtin; or (BOTH) of
// a body that is the same for both.
#define __HD_OCML1(name, builtin)                                                    \
  __HD_OCML float __ocml_##name##_f32(float x) { return __builtin_##builtin##f(x); } \
  __HD_OCML double __ocml_##name##_f64(double x) { return __builtin_##builtin(x); }
#define __HD_OCML2(name, builtin)                                                                \
  __HD_OCML float __ocml_##name##_f32(float x, float y) { return __builtin_##builtin##f(x, y); } \
  __HD_OCML double __ocml_##name##_f64(double x, double y) { return __builtin_##builtin(x, y); }
#define __HD_OCML1_INT(name, expression)                                     \
  __HD_OCML int __ocml_##name##_f32(float x) { return (int)(expression); }   \
  __HD_OCML int __ocml_##name##_f64(double x) { return (int)(expression); }
#define __HD_OCML_BOTH(...) __HD_OCML_FORM(float, f32, __VA_ARGS__) __HD_OCML_FORM(double, f64, __VA_ARGS__)
#define __HD_OCML_FORM(T, suffix, name, parameters, ...) \
  __HD_OCML_FORM_(T, suffix, name, parameters, __VA_ARGS__)
#define __HD_OCML_FORM_(T, suffix, name, parameters, ...) \
  __HD_OCML T __ocml_##name##_##suffix parameters(T) { __VA_ARGS__ }
#define __HD_X(T) (T x)
#define __HD_XY(T) (T x, T y)
#define __HD_XYZ(T) (T x, T y, T z)
#define __HD_XYZW(T) (T x, T y, T z, T w)
#define __HD_XN(T) (T x, int n)
#define __HD_X_PRIVATE(T) (T x, __attribute__((address_space(5))) T* out)
#define __HD_X_PRIVATE_INT(T) (T x, __attribute__((address_space(5))) int* out)
#define __HD_XY_PRIVATE_INT(T) (T x, T y, __attribute__((address_space(5))) int* out)

// The builtin of the form's own type, for use in __HD_OCML_BOTH.
template <class T>
struct __hd_libm;
#define __HD_LIBM(T, s)                                                                             \
  template <>                                                                                       \
  struct __hd_libm<T> {                                                                             \
    __HD_INLINE_MEMBER T sin(T x) { return __builtin_sin##s(x); }                                   \
    __HD_INLINE_MEMBER T cos(T x) { return __builtin_cos##s(x); }                                   \
    __HD_INLINE_MEMBER T exp(T x) { return __builtin_exp##s(x); }                                   \
    __HD_INLINE_MEMBER T log(T x) { return __builtin_log##s(x); }                                   \
    __HD_INLINE_MEMBER T erf(T x) { return __builtin_erf##s(x); }                                   \
    __HD_INLINE_MEMBER T erfc(T x) { return __builtin_erfc##s(x); }                                 \
    __HD_INLINE_MEMBER T sqrt(T x) { return __builtin_sqrt##s(x); }                                 \
    __HD_INLINE_MEMBER T cbrt(T x) { return __builtin_cbrt##s(x); }                                 \
    __HD_INLINE_MEMBER T hypot(T x, T y) { return __builtin_hypot##s(x, y); }                       \
    __HD_INLINE_MEMBER T pow(T x, T y) { return __builtin_pow##s(x, y); }                           \
    __HD_INLINE_MEMBER T trunc(T x) { return __builtin_trunc##s(x); }                               \
    __HD_INLINE_MEMBER T round(T x) { return __builtin_rint##s(x); }                                \
    __HD_INLINE_MEMBER T copysign(T x, T y) { return __builtin_copysign##s(x, y); }                 \
    __HD_INLINE_MEMBER T abs(T x) { return __builtin_fabs##s(x); }                                  \
    __HD_INLINE_MEMBER T frexp(T x, int* e) { return __builtin_frexp##s(x, e); }                    \
    __HD_INLINE_MEMBER T remquo(T x, T y, int* q) { return __builtin_remquo##s(x, y, q); }          \
  };
#define __HD_INLINE_MEMBER static __device__ inline __attribute__((always_inline))
__HD_LIBM(float, f)
__HD_LIBM(double, )

#include "amdgpu/special_functions.h"

__HD_OCML1(acos, acos)
__HD_OCML1(acosh, acosh)
__HD_OCML1(asin, asin)
__HD_OCML1(asinh, asinh)
__HD_OCML1(atan, atan)
__HD_OCML1(atanh, atanh)
__HD_OCML1(cbrt, cbrt)
__HD_OCML1(ceil, ceil)
__HD_OCML1(cos, cos)
__HD_OCML1(cosh, cosh)
__HD_OCML1(erf, erf)
__HD_OCML1(erfc, erfc)
__HD_OCML1(exp, exp)
__HD_OCML1(exp10, exp10)
__HD_OCML1(exp2, exp2)
__HD_OCML1(expm1, expm1)
__HD_OCML1(fabs, fabs)
__HD_OCML1(floor, floor)
__HD_OCML1(lgamma, lgamma)
__HD_OCML1(log, log)
__HD_OCML1(log10, log10)
__HD_OCML1(log1p, log1p)
__HD_OCML1(log2, log2)
__HD_OCML1(logb, logb)
__HD_OCML1(nearbyint, nearbyint)
__HD_OCML1(rint, rint)
__HD_OCML1(round, round)
__HD_OCML1(sin, sin)
__HD_OCML1(sinh, sinh)
__HD_OCML1(sqrt, sqrt)
__HD_OCML1(sqrt_rte, sqrt)
__HD_OCML1(tan, tan)
__HD_OCML1(tanh, tanh)
__HD_OCML1(tgamma, tgamma)
__HD_OCML1(trunc, trunc)
__HD_OCML2(atan2, atan2)
__HD_OCML2(copysign, copysign)
__HD_OCML2(fdim, fdim)
__HD_OCML2(fmax, fmax)
__HD_OCML2(fmin, fmin)
__HD_OCML2(fmod, fmod)
__HD_OCML2(hypot, hypot)
__HD_OCML2(nextafter, nextafter)
__HD_OCML2(pow, pow)
__HD_OCML2(remainder, remainder)
// libm's Bessel functions have no builtin: called by their symbols.
#define __HD_OCML_BESSEL(name)                                                                 \
  extern "C" __device__ __attribute__((const)) float __hd_libm_##name##f(float) __asm__(#name "f"); \
  extern "C" __device__ __attribute__((const)) double __hd_libm_##name(double) __asm__(#name);  \
  __HD_OCML float __ocml_##name##_f32(float x) { return __hd_libm_##name##f(x); }               \
  __HD_OCML double __ocml_##name##_f64(double x) { return __hd_libm_##name(x); }
__HD_OCML_BESSEL(j0)
__HD_OCML_BESSEL(j1)
__HD_OCML_BESSEL(y0)
__HD_OCML_BESSEL(y1)
#undef __HD_OCML_BESSEL

__HD_OCML1_INT(ilogb, __builtin_ilogb(x))
__HD_OCML1_INT(isfinite, __builtin_isfinite(x))
__HD_OCML1_INT(isinf, __builtin_isinf(x))
__HD_OCML1_INT(isnan, __builtin_isnan(x))
__HD_OCML1_INT(signbit, __builtin_signbit(x))

// The fast forms of a GPU; here the ordinary ones are as fast.
__HD_OCML float __ocml_native_cos_f32(float x) { return __builtin_cosf(x); }
__HD_OCML float __ocml_native_exp_f32(float x) { return __builtin_expf(x); }
__HD_OCML float __ocml_native_exp10_f32(float x) { return __builtin_exp10f(x); }
__HD_OCML float __ocml_native_log_f32(float x) { return __builtin_logf(x); }
__HD_OCML float __ocml_native_log10_f32(float x) { return __builtin_log10f(x); }
__HD_OCML float __ocml_native_log2_f32(float x) { return __builtin_log2f(x); }
__HD_OCML float __ocml_native_sin_f32(float x) { return __builtin_sinf(x); }
__HD_OCML float __ocml_native_sqrt_f32(float x) { return __builtin_sqrtf(x); }

__HD_OCML float __ocml_fma_f32(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
__HD_OCML double __ocml_fma_f64(double x, double y, double z) { return __builtin_fma(x, y, z); }
__HD_OCML float __ocml_fma_rte_f32(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
__HD_OCML double __ocml_fma_rte_f64(double x, double y, double z) { return __builtin_fma(x, y, z); }
__HD_OCML float __ocml_ldexp_f32(float x, int n) { return __builtin_ldexpf(x, n); }
__HD_OCML double __ocml_ldexp_f64(double x, int n) { return __builtin_ldexp(x, n); }
__HD_OCML float __ocml_scalbn_f32(float x, int n) { return __builtin_ldexpf(x, n); }
__HD_OCML double __ocml_scalbn_f64(double x, int n) { return __builtin_ldexp(x, n); }
__HD_OCML float __ocml_scalb_f32(float x, float y) { return x * __builtin_exp2f(y); }
__HD_OCML double __ocml_scalb_f64(double x, double y) { return x * __builtin_exp2(y); }

#define __HD_PI 3.14159265358979323846
// sin and cos of pi times x, exact at multiples of one half.
__HD_OCML_BOTH(sinpi, __HD_X, return __hd_special<decltype(x)>::sinpi(x);)
__HD_OCML_BOTH(cospi, __HD_X, return __hd_special<decltype(x)>::cospi(x);)
__HD_OCML_BOTH(sincos, __HD_X_PRIVATE, *out = __hd_libm<decltype(x)>::cos(x);
               return __hd_libm<decltype(x)>::sin(x);)
__HD_OCML_BOTH(sincospi, __HD_X_PRIVATE, *out = __hd_special<decltype(x)>::cospi(x);
               return __hd_special<decltype(x)>::sinpi(x);)
__HD_OCML_BOTH(modf, __HD_X_PRIVATE, decltype(x) whole = __hd_libm<decltype(x)>::trunc(x);
               *out = whole; return __hd_libm<decltype(x)>::copysign(
                   __builtin_isinf(x) ? (decltype(x))0 : x - whole, x);)
__HD_OCML_BOTH(frexp, __HD_X_PRIVATE_INT, int e; decltype(x) m = __hd_libm<decltype(x)>::frexp(x, &e);
               *out = e; return m;)
__HD_OCML_BOTH(remquo, __HD_XY_PRIVATE_INT, int q;
               decltype(x) r = __hd_libm<decltype(x)>::remquo(x, y, &q); *out = q; return r;)
__HD_OCML_BOTH(rsqrt, __HD_X, return 1 / __hd_libm<decltype(x)>::sqrt(x);)
__HD_OCML_BOTH(rcbrt, __HD_X, return 1 / __hd_libm<decltype(x)>::cbrt(x);)
__HD_OCML_BOTH(rhypot, __HD_XY, return 1 / __hd_libm<decltype(x)>::hypot(x, y);)
__HD_OCML_BOTH(len3, __HD_XYZ, return __hd_libm<decltype(x)>::sqrt(x * x + y * y + z * z);)
__HD_OCML_BOTH(len4, __HD_XYZW, return __hd_libm<decltype(x)>::sqrt(x * x + y * y + z * z + w * w);)
__HD_OCML_BOTH(rlen3, __HD_XYZ, return 1 / __hd_libm<decltype(x)>::sqrt(x * x + y * y + z * z);)
__HD_OCML_BOTH(rlen4, __HD_XYZW,
               return 1 / __hd_libm<decltype(x)>::sqrt(x * x + y * y + z * z + w * w);)
__HD_OCML_BOTH(pown, __HD_XN, return __hd_libm<decltype(x)>::pow(x, (decltype(x))n);)
__HD_OCML_BOTH(ncdf, __HD_X, return (decltype(x))0.5 * __hd_libm<decltype(x)>::erfc(
                   -x * (decltype(x))0.70710678118654752440);)
__HD_OCML_BOTH(ncdfinv, __HD_X, return (decltype(x))-1.41421356237309504880 *
                   __hd_special<decltype(x)>::erfcinv(2 * x);)
__HD_OCML_BOTH(erfinv, __HD_X, return __hd_special<decltype(x)>::erfinv(x);)
__HD_OCML_BOTH(erfcinv, __HD_X, return __hd_special<decltype(x)>::erfcinv(x);)
__HD_OCML_BOTH(erfcx, __HD_X, return __hd_special<decltype(x)>::erfcx(x);)
__HD_OCML_BOTH(i0, __HD_X, return __hd_special<decltype(x)>::bessel_i(x, 0);)
__HD_OCML_BOTH(i1, __HD_X, return __hd_special<decltype(x)>::bessel_i(x, 1);)

// Round-to-nearest arithmetic, by name.
__HD_OCML_BOTH(add_rte, __HD_XY, return x + y;)
__HD_OCML_BOTH(sub_rte, __HD_XY, return x - y;)
__HD_OCML_BOTH(mul_rte, __HD_XY, return x * y;)
__HD_OCML_BOTH(div_rte, __HD_XY, return x / y;)

#undef __HD_OCML
#undef __HD_OCML1
#undef __HD_OCML2
#undef __HD_OCML1_INT
#undef __HD_OCML_BOTH
#undef __HD_OCML_FORM
#undef __HD_OCML_FORM_
#undef __HD_X
#undef __HD_XY
#undef __HD_XYZ
#undef __HD_XYZW
#undef __HD_XN
#undef __HD_X_PRIVATE
#undef __HD_X_PRIVATE_INT
#undef __HD_XY_PRIVATE_INT
#undef __HD_LIBM
#undef __HD_INLINE_MEMBER
#undef __HD_PI

#endif  // AMDGPU_HD_OCML_H_
