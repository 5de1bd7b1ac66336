// bfloat16: __hip_bfloat16, a subset of hip_bf16.h. Arithmetic is float's, rounded to nearest even.
#ifndef AMDGPU_HD_BFLOAT16_H_
#define AMDGPU_HD_BFLOAT16_H_

struct __hip_bfloat16 {
  unsigned short data;

  __hip_bfloat16() = default;
  __HD_MEMBER __hip_bfloat16(float x) {
    const unsigned bits = __builtin_bit_cast(unsigned, x);
    // A NaN stays one; all else is rounded to nearest even.
    data = x != x ? (unsigned short)((bits >> 16) | 0x40u)
                  : (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
  __HD_MEMBER operator float() const {
    return __builtin_bit_cast(float, (unsigned)data << 16);
  }
  __HD_MEMBER __hip_bfloat16& operator+=(__hip_bfloat16 o) { return *this = __hip_bfloat16((float)*this + (float)o); }
  __HD_MEMBER __hip_bfloat16& operator-=(__hip_bfloat16 o) { return *this = __hip_bfloat16((float)*this - (float)o); }
  __HD_MEMBER __hip_bfloat16& operator*=(__hip_bfloat16 o) { return *this = __hip_bfloat16((float)*this * (float)o); }
  __HD_MEMBER __hip_bfloat16& operator/=(__hip_bfloat16 o) { return *this = __hip_bfloat16((float)*this / (float)o); }
};

struct alignas(4) __hip_bfloat162 {
  __hip_bfloat16 x, y;
};

typedef __hip_bfloat16 hip_bfloat16;

#define __HD_BF16_OPERATOR(op)                                                   \
  __HD_INLINE __hip_bfloat16 operator op(__hip_bfloat16 a, __hip_bfloat16 b) {   \
    return __hip_bfloat16((float)a op(float) b);                                 \
  }
__HD_BF16_OPERATOR(+)
__HD_BF16_OPERATOR(-)
__HD_BF16_OPERATOR(*)
__HD_BF16_OPERATOR(/)
#undef __HD_BF16_OPERATOR

__HD_INLINE __hip_bfloat16 __float2bfloat16(float x) { return __hip_bfloat16(x); }
__HD_INLINE __hip_bfloat16 __double2bfloat16(double x) { return __hip_bfloat16((float)x); }
__HD_INLINE float __bfloat162float(__hip_bfloat16 x) { return (float)x; }
__HD_INLINE unsigned short __bfloat16_as_ushort(__hip_bfloat16 x) { return x.data; }
__HD_INLINE __hip_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
  __hip_bfloat16 x;
  x.data = bits;
  return x;
}

#endif  // AMDGPU_HD_BFLOAT16_H_
