// Kernels that end the process, each in its way.

#include "gpu/host/abi.h"

using amdgpu::host::BlockRange;

#define KERNEL(name) extern "C" void __hdk_##name(const void* args, const BlockRange* range)

extern "C" [[noreturn]] void abort();
extern "C" [[noreturn]] void __hd_assert_fail(const char* expression, const char* file, int line,
                                              const char* function);

namespace {

int* Pointer(const void* args) { return *static_cast<int* const*>(args); }

// Not a tail call, and not a loop.
[[gnu::noinline]] int Recurse(volatile int* depth) {
  volatile int frame[1024];
  frame[0] = *depth + 1;
  *depth = frame[0];
  return Recurse(depth) + frame[0];
}

}  // namespace

KERNEL(write_to) {
  (void)range;
  *static_cast<volatile int*>(Pointer(args)) = 1;
}

KERNEL(read_from) {
  (void)range;
  (void)*static_cast<volatile int*>(Pointer(args));
}

KERNEL(overflow_stack) {
  (void)args;
  (void)range;
  volatile int depth = 0;
  Recurse(&depth);
}

KERNEL(divide) {
  (void)range;
  volatile int zero = 0;
  volatile int* out = Pointer(args);
  const int numerator = *out;
  int quotient = numerator;
  asm volatile("cltd; idivl %1" : "+a"(quotient) : "r"(zero) : "edx");
  *out = quotient;
}

KERNEL(trap) {
  (void)args;
  (void)range;
  __builtin_trap();
}

KERNEL(abort_now) {
  (void)args;
  (void)range;
  abort();
}

KERNEL(fail_assert) {
  (void)args;
  (void)range;
  __hd_assert_fail("n > 0", "kernel.hip", 12, "fail_assert");
}
