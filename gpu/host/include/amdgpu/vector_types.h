// HIP's vector types char1 ... double4: members x, y, z, w, make_* functions and element-wise
// operators. Sizes and alignments are HIP's: two and four elements are aligned as a whole, three as
// one.
#ifndef AMDGPU_HD_VECTOR_TYPES_H_
#define AMDGPU_HD_VECTOR_TYPES_H_

template <class T, unsigned n>
struct HIP_vector_type;

#define __HD_FUNCTION __host__ __device__ inline __attribute__((always_inline))

template <class T>
struct HIP_vector_type<T, 1> {
  typedef T value_type;
  T x;
  HIP_vector_type() = default;
  __HD_FUNCTION constexpr HIP_vector_type(T x_) : x(x_) {}
};

template <class T>
struct alignas(2 * sizeof(T)) HIP_vector_type<T, 2> {
  typedef T value_type;
  T x, y;
  HIP_vector_type() = default;
  __HD_FUNCTION constexpr explicit HIP_vector_type(T all) : x(all), y(all) {}
  template <class X, class Y>
  __HD_FUNCTION constexpr HIP_vector_type(X x_, Y y_) : x((T)x_), y((T)y_) {}
};

template <class T>
struct HIP_vector_type<T, 3> {
  typedef T value_type;
  T x, y, z;
  HIP_vector_type() = default;
  __HD_FUNCTION constexpr explicit HIP_vector_type(T all) : x(all), y(all), z(all) {}
  template <class X, class Y, class Z>
  __HD_FUNCTION constexpr HIP_vector_type(X x_, Y y_, Z z_) : x((T)x_), y((T)y_), z((T)z_) {}
};

template <class T>
struct alignas(4 * sizeof(T)) HIP_vector_type<T, 4> {
  typedef T value_type;
  T x, y, z, w;
  HIP_vector_type() = default;
  __HD_FUNCTION constexpr explicit HIP_vector_type(T all) : x(all), y(all), z(all), w(all) {}
  template <class X, class Y, class Z, class W>
  __HD_FUNCTION constexpr HIP_vector_type(X x_, Y y_, Z z_, W w_)
      : x((T)x_), y((T)y_), z((T)z_), w((T)w_) {}
};

// vector (op) vector, vector (op) scalar and scalar (op) vector, and the assigning form.
template <class T>
struct __hd_same {
  typedef T type;
};
#define __HD_VECTOR_OPERATOR(op)                                                                  \
  template <class T>                                                                              \
  __HD_FUNCTION constexpr HIP_vector_type<T, 1> operator op(HIP_vector_type<T, 1> a,              \
                                                            HIP_vector_type<T, 1> b) {            \
    return HIP_vector_type<T, 1>((T)(a.x op b.x));                                                \
  }                                                                                               \
  template <class T>                                                                              \
  __HD_FUNCTION constexpr HIP_vector_type<T, 2> operator op(HIP_vector_type<T, 2> a,              \
                                                            HIP_vector_type<T, 2> b) {            \
    return HIP_vector_type<T, 2>((T)(a.x op b.x), (T)(a.y op b.y));                               \
  }                                                                                               \
  template <class T>                                                                              \
  __HD_FUNCTION constexpr HIP_vector_type<T, 3> operator op(HIP_vector_type<T, 3> a,              \
                                                            HIP_vector_type<T, 3> b) {            \
    return HIP_vector_type<T, 3>((T)(a.x op b.x), (T)(a.y op b.y), (T)(a.z op b.z));              \
  }                                                                                               \
  template <class T>                                                                              \
  __HD_FUNCTION constexpr HIP_vector_type<T, 4> operator op(HIP_vector_type<T, 4> a,              \
                                                            HIP_vector_type<T, 4> b) {            \
    return HIP_vector_type<T, 4>((T)(a.x op b.x), (T)(a.y op b.y), (T)(a.z op b.z),               \
                                 (T)(a.w op b.w));                                                \
  }                                                                                               \
  template <class T, unsigned n>                                                                  \
  __HD_FUNCTION constexpr HIP_vector_type<T, n> operator op(HIP_vector_type<T, n> a,              \
                                                            typename __hd_same<T>::type b) {      \
    return a op HIP_vector_type<T, n>(b);                                                         \
  }                                                                                               \
  template <class T, unsigned n>                                                                  \
  __HD_FUNCTION constexpr HIP_vector_type<T, n> operator op(typename __hd_same<T>::type a,        \
                                                            HIP_vector_type<T, n> b) {            \
    return HIP_vector_type<T, n>(a) op b;                                                         \
  }                                                                                               \
  template <class T, unsigned n, class U>                                                         \
  __HD_FUNCTION HIP_vector_type<T, n>& operator op##=(HIP_vector_type<T, n>& a, U b) {            \
    return a = a op b;                                                                            \
  }
__HD_VECTOR_OPERATOR(+)
__HD_VECTOR_OPERATOR(-)
__HD_VECTOR_OPERATOR(*)
__HD_VECTOR_OPERATOR(/)
__HD_VECTOR_OPERATOR(%)
__HD_VECTOR_OPERATOR(&)
__HD_VECTOR_OPERATOR(|)
__HD_VECTOR_OPERATOR(^)
__HD_VECTOR_OPERATOR(<<)
__HD_VECTOR_OPERATOR(>>)
#undef __HD_VECTOR_OPERATOR

template <class T, unsigned n>
__HD_FUNCTION constexpr HIP_vector_type<T, n> operator-(HIP_vector_type<T, n> a) {
  return HIP_vector_type<T, n>((T)0) - a;
}
template <class T, unsigned n>
__HD_FUNCTION constexpr HIP_vector_type<T, n> operator~(HIP_vector_type<T, n> a) {
  return a ^ HIP_vector_type<T, n>((T)~(T)0);
}
template <class T, unsigned n>
__HD_FUNCTION HIP_vector_type<T, n>& operator++(HIP_vector_type<T, n>& a) {
  return a = a + (T)1;
}
template <class T, unsigned n>
__HD_FUNCTION HIP_vector_type<T, n>& operator--(HIP_vector_type<T, n>& a) {
  return a = a - (T)1;
}
template <class T, unsigned n>
__HD_FUNCTION HIP_vector_type<T, n> operator++(HIP_vector_type<T, n>& a, int) {
  const HIP_vector_type<T, n> old = a;
  a = a + (T)1;
  return old;
}
template <class T, unsigned n>
__HD_FUNCTION HIP_vector_type<T, n> operator--(HIP_vector_type<T, n>& a, int) {
  const HIP_vector_type<T, n> old = a;
  a = a - (T)1;
  return old;
}

template <class T>
__HD_FUNCTION constexpr bool operator==(HIP_vector_type<T, 1> a, HIP_vector_type<T, 1> b) {
  return a.x == b.x;
}
template <class T>
__HD_FUNCTION constexpr bool operator==(HIP_vector_type<T, 2> a, HIP_vector_type<T, 2> b) {
  return a.x == b.x && a.y == b.y;
}
template <class T>
__HD_FUNCTION constexpr bool operator==(HIP_vector_type<T, 3> a, HIP_vector_type<T, 3> b) {
  return a.x == b.x && a.y == b.y && a.z == b.z;
}
template <class T>
__HD_FUNCTION constexpr bool operator==(HIP_vector_type<T, 4> a, HIP_vector_type<T, 4> b) {
  return a.x == b.x && a.y == b.y && a.z == b.z && a.w == b.w;
}
template <class T, unsigned n>
__HD_FUNCTION constexpr bool operator!=(HIP_vector_type<T, n> a, HIP_vector_type<T, n> b) {
  return !(a == b);
}

// The named types and their make functions.
#define __HD_VECTOR_TYPES(type, name)                                                  \
  typedef HIP_vector_type<type, 1> name##1;                                            \
  typedef HIP_vector_type<type, 2> name##2;                                            \
  typedef HIP_vector_type<type, 3> name##3;                                            \
  typedef HIP_vector_type<type, 4> name##4;                                            \
  __HD_FUNCTION constexpr name##1 make_##name##1(type x) { return name##1(x); }        \
  __HD_FUNCTION constexpr name##2 make_##name##2(type x, type y) { return name##2(x, y); } \
  __HD_FUNCTION constexpr name##3 make_##name##3(type x, type y, type z) {             \
    return name##3(x, y, z);                                                           \
  }                                                                                    \
  __HD_FUNCTION constexpr name##4 make_##name##4(type x, type y, type z, type w) {     \
    return name##4(x, y, z, w);                                                        \
  }
__HD_VECTOR_TYPES(signed char, char)
__HD_VECTOR_TYPES(unsigned char, uchar)
__HD_VECTOR_TYPES(short, short)
__HD_VECTOR_TYPES(unsigned short, ushort)
__HD_VECTOR_TYPES(int, int)
__HD_VECTOR_TYPES(unsigned int, uint)
__HD_VECTOR_TYPES(long, long)
__HD_VECTOR_TYPES(unsigned long, ulong)
__HD_VECTOR_TYPES(long long, longlong)
__HD_VECTOR_TYPES(unsigned long long, ulonglong)
__HD_VECTOR_TYPES(float, float)
__HD_VECTOR_TYPES(double, double)
#undef __HD_VECTOR_TYPES
#undef __HD_FUNCTION

#endif  // AMDGPU_HD_VECTOR_TYPES_H_
