// printf, assert, abort and traps. printf writes to the launch's output; the others end the launch with
// a fault that names the kernel.
#ifndef AMDGPU_HD_DIAGNOSTICS_H_
#define AMDGPU_HD_DIAGNOSTICS_H_

extern "C" {
__device__ int printf(const char* format, ...) __attribute__((format(printf, 1, 2)));
__device__ int puts(const char* text);
__device__ __attribute__((noreturn)) void abort();
__device__ __attribute__((noreturn, cold)) void __hd_assert_fail(const char* expression,
                                                                 const char* file, int line,
                                                                 const char* function);
}

__HD_INLINE void __trap() { __builtin_trap(); }

#ifdef NDEBUG
#define assert(expression) ((void)0)
#else
#define assert(expression)       \
  (__builtin_expect(!!(expression), 1) \
       ? (void)0                 \
       : __hd_assert_fail(#expression, __FILE__, __LINE__, __func__))
#endif

#endif  // AMDGPU_HD_DIAGNOSTICS_H_
