// 16-bit floating point: __half and __half2, a subset of hip_fp16.h. `_Float16` itself may be used too.
#ifndef AMDGPU_HD_HALF_H_
#define AMDGPU_HD_HALF_H_

struct __half_raw {
  unsigned short x;
};

struct __half {
  _Float16 data;

  __half() = default;
  __HD_MEMBER __half(_Float16 x) : data(x) {}
  __HD_MEMBER __half(float x) : data((_Float16)x) {}
  __HD_MEMBER __half(double x) : data((_Float16)x) {}
  __HD_MEMBER __half(int x) : data((_Float16)x) {}
  __HD_MEMBER __half(unsigned x) : data((_Float16)x) {}
  __HD_MEMBER __half(__half_raw x) : data(__builtin_bit_cast(_Float16, x.x)) {}
  __HD_MEMBER operator _Float16() const { return data; }
  __HD_MEMBER operator float() const { return (float)data; }
  __HD_MEMBER operator __half_raw() const {
    return __half_raw{__builtin_bit_cast(unsigned short, data)};
  }
  __HD_MEMBER explicit operator bool() const { return data != (_Float16)0; }
  __HD_MEMBER explicit operator int() const { return (int)data; }
  __HD_MEMBER explicit operator double() const { return (double)data; }
  __HD_MEMBER __half operator-() const { return __half(-data); }
  __HD_MEMBER __half operator+() const { return *this; }
  __HD_MEMBER __half& operator+=(__half other) { return *this = __half(data + other.data); }
  __HD_MEMBER __half& operator-=(__half other) { return *this = __half(data - other.data); }
  __HD_MEMBER __half& operator*=(__half other) { return *this = __half(data * other.data); }
  __HD_MEMBER __half& operator/=(__half other) { return *this = __half(data / other.data); }
};

struct alignas(4) __half2 {
  __half x, y;

  __half2() = default;
  __HD_MEMBER __half2(__half x_, __half y_) : x(x_), y(y_) {}
  __HD_MEMBER __half2 operator-() const { return __half2(-x, -y); }
  __HD_MEMBER __half2& operator+=(__half2 o) { return *this = __half2(x.data + o.x.data, y.data + o.y.data); }
  __HD_MEMBER __half2& operator-=(__half2 o) { return *this = __half2(x.data - o.x.data, y.data - o.y.data); }
  __HD_MEMBER __half2& operator*=(__half2 o) { return *this = __half2(x.data * o.x.data, y.data * o.y.data); }
  __HD_MEMBER __half2& operator/=(__half2 o) { return *this = __half2(x.data / o.x.data, y.data / o.y.data); }
};

typedef __half half;
typedef __half2 half2;

// Arithmetic and comparison: as operators, by HIP's names, and by its names for pairs.
#define __HD_HALF_ARITHMETIC(op, name)                                                         \
  __HD_INLINE __half operator op(__half a, __half b) { return __half(a.data op b.data); }      \
  __HD_INLINE __half name(__half a, __half b) { return __half(a.data op b.data); }             \
  __HD_INLINE __half2 operator op(__half2 a, __half2 b) { return __half2(a.x op b.x, a.y op b.y); } \
  __HD_INLINE __half2 name##2(__half2 a, __half2 b) { return __half2(a.x op b.x, a.y op b.y); }
__HD_HALF_ARITHMETIC(+, __hadd)
__HD_HALF_ARITHMETIC(-, __hsub)
__HD_HALF_ARITHMETIC(*, __hmul)
__HD_HALF_ARITHMETIC(/, __hdiv)
#undef __HD_HALF_ARITHMETIC

// A half and a number of another type meet in the other type, integers in half.
#define __HD_HALF_MIXED(type, meet, op)                                               \
  __HD_INLINE meet operator op(__half a, type b) { return (meet)((meet)a op(meet) b); } \
  __HD_INLINE meet operator op(type a, __half b) { return (meet)((meet)a op(meet) b); }
#define __HD_HALF_MIXED_ALL(type, meet) \
  __HD_HALF_MIXED(type, meet, +)        \
  __HD_HALF_MIXED(type, meet, -)        \
  __HD_HALF_MIXED(type, meet, *)        \
  __HD_HALF_MIXED(type, meet, /)
__HD_HALF_MIXED_ALL(_Float16, _Float16)
__HD_HALF_MIXED_ALL(float, float)
__HD_HALF_MIXED_ALL(double, double)
#undef __HD_HALF_MIXED_ALL
#undef __HD_HALF_MIXED

#define __HD_HALF_COMPARISON(op, name)                                                \
  __HD_INLINE bool operator op(__half a, __half b) { return a.data op b.data; }       \
  __HD_INLINE bool operator op(__half a, float b) { return (float)a.data op b; }      \
  __HD_INLINE bool operator op(float a, __half b) { return a op(float) b.data; }      \
  __HD_INLINE bool name(__half a, __half b) { return a.data op b.data; }              \
  __HD_INLINE bool __hb##name##2(__half2 a, __half2 b) { return a.x op b.x && a.y op b.y; }
__HD_HALF_COMPARISON(==, __heq)
__HD_HALF_COMPARISON(!=, __hne)
__HD_HALF_COMPARISON(<, __hlt)
__HD_HALF_COMPARISON(<=, __hle)
__HD_HALF_COMPARISON(>, __hgt)
__HD_HALF_COMPARISON(>=, __hge)
#undef __HD_HALF_COMPARISON

// Conversions.
__HD_INLINE __half __float2half(float x) { return __half(x); }
__HD_INLINE __half __float2half_rn(float x) { return __half(x); }
__HD_INLINE __half __double2half(double x) { return __half(x); }
__HD_INLINE float __half2float(__half x) { return (float)x.data; }
__HD_INLINE int __half2int_rn(__half x) { return (int)__builtin_rintf((float)x.data); }
__HD_INLINE int __half2int_rz(__half x) { return (int)x.data; }
__HD_INLINE __half __int2half_rn(int x) { return __half((float)x); }
__HD_INLINE __half __uint2half_rn(unsigned x) { return __half((float)x); }
__HD_INLINE short __half_as_short(__half x) { return __builtin_bit_cast(short, x.data); }
__HD_INLINE unsigned short __half_as_ushort(__half x) {
  return __builtin_bit_cast(unsigned short, x.data);
}
__HD_INLINE __half __short_as_half(short x) { return __half(__builtin_bit_cast(_Float16, x)); }
__HD_INLINE __half __ushort_as_half(unsigned short x) {
  return __half(__builtin_bit_cast(_Float16, x));
}
__HD_INLINE __half2 make_half2(__half x, __half y) { return __half2(x, y); }
__HD_INLINE __half2 __halves2half2(__half x, __half y) { return __half2(x, y); }
__HD_INLINE __half2 __half2half2(__half x) { return __half2(x, x); }
__HD_INLINE __half2 __float2half2_rn(float x) { return __half2(__half(x), __half(x)); }
__HD_INLINE __half2 __floats2half2_rn(float x, float y) { return __half2(__half(x), __half(y)); }
__HD_INLINE __half2 __float22half2_rn(float2 x) { return __half2(__half(x.x), __half(x.y)); }
__HD_INLINE float2 __half22float2(__half2 x) { return float2((float)x.x.data, (float)x.y.data); }
__HD_INLINE __half __low2half(__half2 x) { return x.x; }
__HD_INLINE __half __high2half(__half2 x) { return x.y; }
__HD_INLINE float __low2float(__half2 x) { return (float)x.x.data; }
__HD_INLINE float __high2float(__half2 x) { return (float)x.y.data; }
__HD_INLINE __half2 __low2half2(__half2 x) { return __half2(x.x, x.x); }
__HD_INLINE __half2 __high2half2(__half2 x) { return __half2(x.y, x.y); }
__HD_INLINE __half2 __lowhigh2highlow(__half2 x) { return __half2(x.y, x.x); }

// Functions, computed in float and rounded once.
__HD_INLINE __half __hneg(__half x) { return -x; }
__HD_INLINE __half2 __hneg2(__half2 x) { return -x; }
__HD_INLINE __half __habs(__half x) { return __half(__builtin_fabsf((float)x.data)); }
__HD_INLINE __half __hfma(__half a, __half b, __half c) {
  return __half((float)__builtin_fma((double)a.data, (double)b.data, (double)c.data));
}
__HD_INLINE __half2 __hfma2(__half2 a, __half2 b, __half2 c) {
  return __half2(__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y));
}
__HD_INLINE bool __hisnan(__half x) { return x.data != x.data; }
__HD_INLINE int __hisinf(__half x) { return __builtin_isinf((float)x.data); }
__HD_INLINE __half __hmax(__half a, __half b) {
  return __half(__builtin_fmaxf((float)a.data, (float)b.data));
}
__HD_INLINE __half __hmin(__half a, __half b) {
  return __half(__builtin_fminf((float)a.data, (float)b.data));
}
#define __HD_HALF_FUNCTION(name, expression)                               \
  __HD_INLINE __half h##name(__half h) {                                   \
    const float x = (float)h.data;                                         \
    return __half(expression);                                             \
  }                                                                        \
  __HD_INLINE __half2 h2##name(__half2 h) { return __half2(h##name(h.x), h##name(h.y)); }
__HD_HALF_FUNCTION(sqrt, __builtin_sqrtf(x))
__HD_HALF_FUNCTION(rsqrt, 1.0f / __builtin_sqrtf(x))
__HD_HALF_FUNCTION(rcp, 1.0f / x)
__HD_HALF_FUNCTION(exp, __builtin_expf(x))
__HD_HALF_FUNCTION(exp2, __builtin_exp2f(x))
__HD_HALF_FUNCTION(exp10, __builtin_exp10f(x))
__HD_HALF_FUNCTION(log, __builtin_logf(x))
__HD_HALF_FUNCTION(log2, __builtin_log2f(x))
__HD_HALF_FUNCTION(log10, __builtin_log10f(x))
__HD_HALF_FUNCTION(sin, __builtin_sinf(x))
__HD_HALF_FUNCTION(cos, __builtin_cosf(x))
__HD_HALF_FUNCTION(floor, __builtin_floorf(x))
__HD_HALF_FUNCTION(ceil, __builtin_ceilf(x))
__HD_HALF_FUNCTION(trunc, __builtin_truncf(x))
__HD_HALF_FUNCTION(rint, __builtin_rintf(x))
#undef __HD_HALF_FUNCTION

#endif  // AMDGPU_HD_HALF_H_
