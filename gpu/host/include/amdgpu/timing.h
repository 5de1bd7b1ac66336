// Counters of time: ticks of the processor's constant-rate counter.
#ifndef AMDGPU_HD_TIMING_H_
#define AMDGPU_HD_TIMING_H_

__HD_INLINE long long clock64() { return (long long)__builtin_readcyclecounter(); }
__HD_INLINE long long wall_clock64() { return (long long)__builtin_readcyclecounter(); }
__HD_INLINE long long clock() { return (long long)__builtin_readcyclecounter(); }
__HD_INLINE void __nanosleep(unsigned) { __builtin_ia32_pause(); }

#endif  // AMDGPU_HD_TIMING_H_
