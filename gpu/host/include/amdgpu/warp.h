// Operations of a warp (32 lanes): barrier, votes, shuffles.
//
// They go through the launch's exchange buffer: one 8-byte slot per thread of the block for shuffles,
// then one 8-byte word per warp whose lower half collects votes, atomically: the lanes' steps have no
// order of their own. The word is zero between votes: each lane takes out its own bit, so that lanes
// which took another branch neither vote nor disturb.
#ifndef AMDGPU_HD_WARP_H_
#define AMDGPU_HD_WARP_H_

__HD_INLINE unsigned __lane_id() { return __hd_flat() & 31u; }

__HD_INLINE void __syncwarp(unsigned = ~0u) { __hd_wbarrier(); }

// Votes. HIP gives the result in 64 bits.

__HD_INLINE unsigned long long __ballot(int predicate) {
  unsigned* votes = (unsigned*)((unsigned long*)__hd_xchg() + 1024 + (__hd_flat() >> 5));
  const unsigned bit = 1u << __lane_id();
  // Lanes that are about to vote in another branch wait at that branch's barrier.
  __hd_wbarrier();
  __atomic_fetch_or(votes, predicate ? bit : 0u, __ATOMIC_RELAXED);
  __hd_wbarrier();
  const unsigned result = *votes;
  __hd_wbarrier();
  __atomic_fetch_and(votes, ~bit, __ATOMIC_RELAXED);
  return result;
}
__HD_INLINE unsigned long long __activemask() { return __ballot(1); }
__HD_INLINE int __any(int predicate) { return __ballot(predicate) != 0; }
__HD_INLINE int __all(int predicate) { return __ballot(!predicate) == 0; }
__HD_INLINE unsigned long long __ballot_sync(unsigned long long mask, int predicate) {
  return __ballot(predicate) & mask;
}
__HD_INLINE int __any_sync(unsigned long long mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}
__HD_INLINE int __all_sync(unsigned long long mask, int predicate) {
  return __ballot_sync(mask, !predicate) == 0;
}
__HD_INLINE unsigned long long __lanemask_lt() { return (1ull << __lane_id()) - 1; }
__HD_INLINE unsigned long long __lanemask_gt() { return 0xffffffffull & ~((2ull << __lane_id()) - 1); }
__HD_INLINE unsigned long long __lanemask_eq() { return 1ull << __lane_id(); }

// Shuffles, of any trivially copyable type of up to 8 bytes. `width` is a power of two up to 32: each
// group of so many lanes is a warp of its own.

template <class T>
__HD_INLINE T __hd_exchange(T value, int source) {
  static_assert(sizeof(T) <= 8, "a warp shuffle moves at most 8 bytes");
  unsigned long* slots = (unsigned long*)__hd_xchg();
  const unsigned self = __hd_flat();
  *(T*)(slots + self) = value;
  __hd_wbarrier();
  T result = *(T*)(slots + (self & ~31u) + (source & 31));
  __hd_wbarrier();
  return result;
}
template <class T>
__HD_INLINE T __shfl(T value, int source, int width = warpSize) {
  const int lane = (int)__lane_id();
  return __hd_exchange(value, (lane & ~(width - 1)) | (source & (width - 1)));
}
template <class T>
__HD_INLINE T __shfl_up(T value, unsigned delta, int width = warpSize) {
  const int lane = (int)__lane_id();
  return __hd_exchange(value, (lane & (width - 1)) >= (int)delta ? lane - (int)delta : lane);
}
template <class T>
__HD_INLINE T __shfl_down(T value, unsigned delta, int width = warpSize) {
  const int lane = (int)__lane_id();
  return __hd_exchange(value, (lane & (width - 1)) + (int)delta < width ? lane + (int)delta : lane);
}
template <class T>
__HD_INLINE T __shfl_xor(T value, int mask, int width = warpSize) {
  const int lane = (int)__lane_id();
  const int source = lane ^ mask;
  return __hd_exchange(value, source < (lane & ~(width - 1)) + width ? source : lane);
}
template <class T>
__HD_INLINE T __shfl_sync(unsigned long long, T value, int source, int width = warpSize) {
  return __shfl(value, source, width);
}
template <class T>
__HD_INLINE T __shfl_up_sync(unsigned long long, T value, unsigned delta, int width = warpSize) {
  return __shfl_up(value, delta, width);
}
template <class T>
__HD_INLINE T __shfl_down_sync(unsigned long long, T value, unsigned delta, int width = warpSize) {
  return __shfl_down(value, delta, width);
}
template <class T>
__HD_INLINE T __shfl_xor_sync(unsigned long long, T value, int mask, int width = warpSize) {
  return __shfl_xor(value, mask, width);
}

#endif  // AMDGPU_HD_WARP_H_
