// Atomic functions on global and shared memory. All are relaxed, as on a GPU; `_system` and `_block`
// forms are the same operation. They return the old value.
#ifndef AMDGPU_HD_ATOMICS_H_
#define AMDGPU_HD_ATOMICS_H_

// atomicFoo, atomicFoo_system and atomicFoo_block with one body.
#define __HD_ATOMIC(type, name, ...)                                                       \
  __HD_INLINE type name(type* address, type value) __VA_ARGS__                             \
  __HD_INLINE type name##_system(type* address, type value) { return name(address, value); } \
  __HD_INLINE type name##_block(type* address, type value) { return name(address, value); }

// Repeats a compare-and-swap on the bits of *address until `next`, computed from `old`, is in place.
#define __HD_ATOMIC_LOOP(type, name, next)                                                 \
  __HD_ATOMIC(type, name, {                                                                \
    type old;                                                                              \
    __atomic_load(address, &old, __ATOMIC_RELAXED);                                        \
    for (;;) {                                                                             \
      type desired = (next);                                                               \
      if (__atomic_compare_exchange(address, &old, &desired, false, __ATOMIC_RELAXED,      \
                                    __ATOMIC_RELAXED))                                     \
        return old;                                                                        \
    }                                                                                      \
  })

#define __HD_ATOMIC_CAS(type)                                                              \
  __HD_INLINE type atomicCAS(type* address, type compare, type value) {                    \
    __atomic_compare_exchange(address, &compare, &value, false, __ATOMIC_RELAXED,          \
                              __ATOMIC_RELAXED);                                           \
    return compare;                                                                        \
  }                                                                                        \
  __HD_INLINE type atomicCAS_system(type* address, type compare, type value) {             \
    return atomicCAS(address, compare, value);                                             \
  }                                                                                        \
  __HD_INLINE type atomicCAS_block(type* address, type compare, type value) {              \
    return atomicCAS(address, compare, value);                                             \
  }

#define __HD_ATOMIC_EXCHANGE(type)                                                         \
  __HD_ATOMIC(type, atomicExch, {                                                          \
    type old;                                                                              \
    __atomic_exchange(address, &value, &old, __ATOMIC_RELAXED);                            \
    return old;                                                                            \
  })

#define __HD_ATOMIC_INTEGER(type)                                                                \
  __HD_ATOMIC(type, atomicAdd, { return __atomic_fetch_add(address, value, __ATOMIC_RELAXED); }) \
  __HD_ATOMIC(type, atomicSub, { return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED); }) \
  __HD_ATOMIC(type, atomicMin, { return __atomic_fetch_min(address, value, __ATOMIC_RELAXED); }) \
  __HD_ATOMIC(type, atomicMax, { return __atomic_fetch_max(address, value, __ATOMIC_RELAXED); }) \
  __HD_ATOMIC(type, atomicAnd, { return __atomic_fetch_and(address, value, __ATOMIC_RELAXED); }) \
  __HD_ATOMIC(type, atomicOr, { return __atomic_fetch_or(address, value, __ATOMIC_RELAXED); })   \
  __HD_ATOMIC(type, atomicXor, { return __atomic_fetch_xor(address, value, __ATOMIC_RELAXED); }) \
  __HD_ATOMIC_EXCHANGE(type)                                                                     \
  __HD_ATOMIC_CAS(type)

#define __HD_ATOMIC_FLOATING(type)                                                               \
  __HD_ATOMIC(type, atomicAdd, { return __atomic_fetch_add(address, value, __ATOMIC_RELAXED); }) \
  __HD_ATOMIC(type, atomicSub, { return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED); }) \
  __HD_ATOMIC_LOOP(type, atomicMin, old < value ? old : value)                                   \
  __HD_ATOMIC_LOOP(type, atomicMax, old > value ? old : value)                                   \
  __HD_ATOMIC_EXCHANGE(type)                                                                     \
  __HD_ATOMIC_CAS(type)                                                                          \
  __HD_INLINE void atomicAddNoRet(type* address, type value) { atomicAdd(address, value); }      \
  __HD_INLINE type unsafeAtomicAdd(type* address, type value) { return atomicAdd(address, value); } \
  __HD_INLINE type safeAtomicAdd(type* address, type value) { return atomicAdd(address, value); }

__HD_ATOMIC_INTEGER(int)
__HD_ATOMIC_INTEGER(unsigned)
__HD_ATOMIC_INTEGER(long)
__HD_ATOMIC_INTEGER(unsigned long)
__HD_ATOMIC_INTEGER(long long)
__HD_ATOMIC_INTEGER(unsigned long long)
__HD_ATOMIC_FLOATING(float)
__HD_ATOMIC_FLOATING(double)
__HD_ATOMIC_CAS(unsigned short)

// Counters that wrap at `value`.
__HD_ATOMIC_LOOP(unsigned, atomicInc, old >= value ? 0u : old + 1u)
__HD_ATOMIC_LOOP(unsigned, atomicDec, old == 0u || old > value ? value : old - 1u)

#undef __HD_ATOMIC
#undef __HD_ATOMIC_LOOP
#undef __HD_ATOMIC_CAS
#undef __HD_ATOMIC_EXCHANGE
#undef __HD_ATOMIC_INTEGER
#undef __HD_ATOMIC_FLOATING

#endif  // AMDGPU_HD_ATOMICS_H_
