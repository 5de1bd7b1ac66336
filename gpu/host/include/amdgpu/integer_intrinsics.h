// Bit counting, byte permutation, 24-bit and high multiplication, and conversions of bits.
#ifndef AMDGPU_HD_INTEGER_INTRINSICS_H_
#define AMDGPU_HD_INTEGER_INTRINSICS_H_

__HD_INLINE unsigned __popc(unsigned x) { return (unsigned)__builtin_popcount(x); }
__HD_INLINE unsigned __popcll(unsigned long long x) { return (unsigned)__builtin_popcountll(x); }
__HD_INLINE int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
__HD_INLINE int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
__HD_INLINE unsigned __ffs(int x) { return (unsigned)__builtin_ffs(x); }
__HD_INLINE unsigned __ffs(unsigned x) { return (unsigned)__builtin_ffs((int)x); }
__HD_INLINE unsigned __ffsll(long long x) { return (unsigned)__builtin_ffsll(x); }
__HD_INLINE unsigned __ffsll(unsigned long long x) { return (unsigned)__builtin_ffsll((long long)x); }
__HD_INLINE unsigned __brev(unsigned x) { return __builtin_bitreverse32(x); }
__HD_INLINE unsigned long long __brevll(unsigned long long x) { return __builtin_bitreverse64(x); }

// The upper (l) or lower (r) word of hi:lo, shifted; the c forms clamp the shift to 32.
__HD_INLINE unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned shift) {
  return (unsigned)(((((unsigned long)hi << 32) | lo) << (shift & 31)) >> 32);
}
__HD_INLINE unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned shift) {
  return (unsigned)((((unsigned long)hi << 32) | lo) >> (shift & 31));
}
__HD_INLINE unsigned __funnelshift_lc(unsigned lo, unsigned hi, unsigned shift) {
  return shift >= 32 ? lo : __funnelshift_l(lo, hi, shift);
}
__HD_INLINE unsigned __funnelshift_rc(unsigned lo, unsigned hi, unsigned shift) {
  return shift >= 32 ? hi : __funnelshift_r(lo, hi, shift);
}

// Four bytes of y:x, chosen by the nibbles of `selector`.
__HD_INLINE unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const unsigned long bytes = ((unsigned long)y << 32) | x;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i)
    result |= (unsigned)((bytes >> (8 * ((selector >> (4 * i)) & 7))) & 0xff) << (8 * i);
  return result;
}

__HD_INLINE int __mul24(int x, int y) { return ((x << 8) >> 8) * ((y << 8) >> 8); }
__HD_INLINE unsigned __umul24(unsigned x, unsigned y) { return (x & 0xffffffu) * (y & 0xffffffu); }
__HD_INLINE int __mulhi(int x, int y) { return (int)(((long)x * y) >> 32); }
__HD_INLINE unsigned __umulhi(unsigned x, unsigned y) {
  return (unsigned)(((unsigned long)x * y) >> 32);
}
__HD_INLINE long long __mul64hi(long long x, long long y) {
  return (long long)(((__int128)x * y) >> 64);
}
__HD_INLINE unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return (unsigned long long)(((unsigned __int128)x * y) >> 64);
}
__HD_INLINE int __hadd(int x, int y) { return (int)(((long)x + y) >> 1); }
__HD_INLINE int __rhadd(int x, int y) { return (int)(((long)x + y + 1) >> 1); }
__HD_INLINE unsigned __uhadd(unsigned x, unsigned y) {
  return (unsigned)(((unsigned long)x + y) >> 1);
}
__HD_INLINE unsigned __urhadd(unsigned x, unsigned y) {
  return (unsigned)(((unsigned long)x + y + 1) >> 1);
}
__HD_INLINE unsigned __sad(int x, int y, unsigned z) {
  return z + (unsigned)(x > y ? (long)x - y : (long)y - x);
}
__HD_INLINE unsigned __usad(unsigned x, unsigned y, unsigned z) { return z + (x > y ? x - y : y - x); }

// The bits of one type as another.
__HD_INLINE int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
__HD_INLINE unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
__HD_INLINE float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
__HD_INLINE float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
__HD_INLINE long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
__HD_INLINE double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
__HD_INLINE int __double2hiint(double x) { return (int)(__double_as_longlong(x) >> 32); }
__HD_INLINE int __double2loint(double x) { return (int)__double_as_longlong(x); }
__HD_INLINE double __hiloint2double(int hi, int lo) {
  return __longlong_as_double(((long long)hi << 32) | (unsigned)lo);
}

// Loads that a GPU would make through another cache.
template <class T>
__HD_INLINE T __ldg(const T* address) { return *address; }
template <class T>
__HD_INLINE T __ldcg(const T* address) { return *address; }
template <class T>
__HD_INLINE T __ldcs(const T* address) { return *address; }
template <class T>
__HD_INLINE void __stcs(T* address, T value) { *address = value; }
template <class T>
__HD_INLINE void __stcg(T* address, T value) { *address = value; }

#endif  // AMDGPU_HD_INTEGER_INTRINSICS_H_
