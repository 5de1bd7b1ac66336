// Barriers of a block and memory fences. The barriers of a warp are in warp.h.
#ifndef AMDGPU_HD_SYNCHRONIZATION_H_
#define AMDGPU_HD_SYNCHRONIZATION_H_

__HD_INLINE void __syncthreads() { __hd_barrier(); }

// The sum of a block's threads' predicates goes through one word of the exchange buffer: the upper
// half of warp 0's. It is zero between barriers of this kind: every thread takes out what it put in.
__HD_INLINE int __syncthreads_count(int predicate) {
  unsigned* sum = (unsigned*)((unsigned long*)__hd_xchg() + 1024) + 1;
  const unsigned mine = predicate != 0;
  __atomic_fetch_add(sum, mine, __ATOMIC_RELAXED);
  __hd_barrier();
  const int total = (int)*sum;
  __hd_barrier();
  __atomic_fetch_sub(sum, mine, __ATOMIC_RELAXED);
  return total;
}
__HD_INLINE int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }
__HD_INLINE int __syncthreads_and(int predicate) { return __syncthreads_count(!predicate) == 0; }

__HD_INLINE void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
__HD_INLINE void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
// A block runs on one thread of the machine: only the compiler must keep the order.
__HD_INLINE void __threadfence_block() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

#endif  // AMDGPU_HD_SYNCHRONIZATION_H_
