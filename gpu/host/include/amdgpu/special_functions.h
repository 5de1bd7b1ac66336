// Functions that libm has not: sinpi, cospi, inverse error functions, scaled erfc, modified Bessel
// functions. Part of ocml.h.
#ifndef AMDGPU_HD_SPECIAL_FUNCTIONS_H_
#define AMDGPU_HD_SPECIAL_FUNCTIONS_H_

template <class T>
struct __hd_special {
  typedef __hd_libm<T> m;

  // Reduced to |r| <= 1/4 so that multiples of one half come out exact.
  static __device__ inline T sinpi(T x) {
    const T n = m::round(2 * x);
    const T r = (x - n / 2) * (T)3.14159265358979323846;
    const int quadrant = (int)(n - 4 * m::trunc(n / 4)) & 3;
    const T value = quadrant & 1 ? m::cos(r) : m::sin(r);
    return quadrant & 2 ? -value : value;
  }
  static __device__ inline T cospi(T x) {
    const T n = m::round(2 * x);
    const T r = (x - n / 2) * (T)3.14159265358979323846;
    const int quadrant = (int)(n - 4 * m::trunc(n / 4)) & 3;
    const T value = quadrant & 1 ? m::sin(r) : m::cos(r);
    return quadrant == 1 || quadrant == 2 ? -value : value;
  }

  // Winitzki's approximation, then Newton's method on erfc.
  static __device__ inline T erfcinv(T y) {
    if (!(y > 0)) return y == 0 ? (T)__builtin_inf() : (T)__builtin_nan("");
    if (!(y < 2)) return y == 2 ? -(T)__builtin_inf() : (T)__builtin_nan("");
    const T tail = y < 1 ? y : 2 - y;
    const T l = m::log(tail * (2 - tail));
    const T a = (T)0.147;
    const T b = 2 / ((T)3.14159265358979323846 * a) + l / 2;
    T x = m::sqrt(m::sqrt(b * b - l / a) - b);
    for (int i = 0; i < (sizeof(T) == 8 ? 4 : 2); ++i) {
      const T error = m::erfc(x) - tail;
      const T step = error / ((T)1.12837916709551257390 * m::exp(-x * x));
      x += step / (1 + x * step);
    }
    return y < 1 ? x : -x;
  }
  static __device__ inline T erfinv(T y) {
    if (m::abs(y) > (T)0.5) return y > 0 ? erfcinv(1 - y) : -erfcinv(1 + y);
    T x = y * (T)0.88622692545275801365;
    for (int i = 0; i < 4; ++i) {
      const T step = (m::erf(x) - y) / ((T)1.12837916709551257390 * m::exp(-x * x));
      x -= step / (1 + x * step);
    }
    return x;
  }

  // exp(x^2) erfc(x): directly while exp(x^2) is finite, then by Laplace's continued fraction.
  static __device__ inline T erfcx(T x) {
    if (x < (T)6) return m::exp(x * x) * m::erfc(x);
    T fraction = x;
    for (int k = 24; k > 0; --k) fraction = x + (T)k / 2 / fraction;
    return (T)0.56418958354775628695 / fraction;
  }

  // The power series; all its terms have one sign.
  static __device__ inline T bessel_i(T x, int order) {
    const T half = x / 2;
    T term = order == 0 ? (T)1 : half;
    T sum = term;
    for (int k = 1; k < 1000; ++k) {
      term *= half * half / ((T)k * (T)(k + order));
      const T next = sum + term;
      if (next == sum) break;
      sum = next;
    }
    return sum;
  }
};

#endif  // AMDGPU_HD_SPECIAL_FUNCTIONS_H_
