// tests/gpu/contract_kernels.hip, as the compiler would leave it: block functions by hand. Compiled
// to an object at build time, never linked.

#include "gpu/host/abi.h"

using amdgpu::host::BlockRange;

#define KERNEL(name) extern "C" void __hdk_##name(const void* args, const BlockRange* range)

extern "C" int printf(const char* format, ...);
extern "C" void* memset(void* destination, int byte, unsigned long bytes);

extern "C" {
unsigned counter = 0;
int table[4] = {10, 20, 30, 40};
}

namespace {

struct Coordinates {
  unsigned x, y, z;
};

Coordinates BlockAt(const BlockRange& range, unsigned block) {
  return {block % range.grid[0], block / range.grid[0] % range.grid[1],
          block / range.grid[0] / range.grid[1]};
}

unsigned Threads(const BlockRange& range) {
  return range.block[0] * range.block[1] * range.block[2];
}

}  // namespace

KERNEL(empty) {
  (void)args;
  (void)range;
}

KERNEL(add) {
  struct Args {
    const float* a;
    const float* b;
    float* out;
    unsigned n;
  };
  const Args& p = *static_cast<const Args*>(args);
  for (unsigned block = range->first; block < range->last; ++block) {
    for (unsigned thread = 0; thread < range->block[0]; ++thread) {
      const unsigned i = BlockAt(*range, block).x * range->block[0] + thread;
      if (i < p.n) p.out[i] = p.a[i] + p.b[i];
    }
  }
}

KERNEL(visit) {
  struct Args {
    unsigned* visits;
    unsigned* shape;
  };
  const Args& p = *static_cast<const Args*>(args);
  for (unsigned block = range->first; block < range->last; ++block) {
    for (unsigned thread = 0; thread < Threads(*range); ++thread) {
      __atomic_fetch_add(&p.visits[block * Threads(*range) + thread], 1u, __ATOMIC_RELAXED);
    }
    if (block != 0) continue;
    for (int i = 0; i < 3; ++i) {
      p.shape[i] = range->grid[i];
      p.shape[3 + i] = range->block[i];
    }
  }
}

KERNEL(spin_until) {
  (void)range;
  struct Args {
    unsigned* flag;
    unsigned* done;
  };
  const Args& p = *static_cast<const Args*>(args);
  while (__atomic_load_n(p.flag, __ATOMIC_ACQUIRE) == 0) {
  }
  *p.done = 1;
}

KERNEL(append) {
  (void)range;
  struct Args {
    unsigned* log;
    unsigned value;
  };
  const Args& p = *static_cast<const Args*>(args);
  p.log[++p.log[0]] = p.value;
}

KERNEL(bump) {
  (void)args;
  for (unsigned block = range->first; block < range->last; ++block) {
    __atomic_fetch_add(&counter, Threads(*range), __ATOMIC_RELAXED);
  }
}

KERNEL(read_globals) {
  (void)range;
  unsigned* out = *static_cast<unsigned* const*>(args);
  out[0] = counter;
  for (int i = 0; i < 4; ++i) out[1 + i] = static_cast<unsigned>(table[i]);
}

KERNEL(reverse) {
  unsigned* out = *static_cast<unsigned* const*>(args);
  auto* numbers = static_cast<unsigned*>(range->dynamic_shared);
  const unsigned threads = range->block[0];
  for (unsigned block = range->first; block < range->last; ++block) {
    for (unsigned thread = 0; thread < threads; ++thread) numbers[thread] = block * 1000 + thread;
    for (unsigned thread = 0; thread < threads; ++thread) {
      out[block * threads + thread] = numbers[threads - 1 - thread];
    }
  }
}

KERNEL(print) {
  const int value = *static_cast<const int*>(args);
  for (unsigned block = range->first; block < range->last; ++block) {
    printf("block %u: %d\n", block, value);
  }
}
