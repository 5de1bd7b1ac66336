// A kernel of a loaded module, or a library's function, and how long it usually takes.

#ifndef AMDGPU_GPU_VENDOR_KERNEL_H_
#define AMDGPU_GPU_VENDOR_KERNEL_H_

#include <atomic>
#include <cstdint>

#include "gpu/types.h"
#include "gpu/vendor/blas.h"
#include "gpu/vendor/vendor_api.h"

namespace amdgpu::vendor {

// How long launches of a kernel take, by what was measured: quick to rise and slow to fall. A hint
// for when to look, never a promise. Thread-safe.
class Estimate {
 public:
  // For a launch of so many threads; 0 = nothing is known.
  std::uint64_t For(std::uint64_t threads) const {
    const std::uint64_t ns = ns_.load(std::memory_order_relaxed);
    const std::uint64_t known = threads_.load(std::memory_order_relaxed);
    return threads <= known ? ns : ns * (threads / known + 1);
  }

  void Learn(std::uint64_t threads, std::uint64_t ns) {
    const std::uint64_t before = ns_.load(std::memory_order_relaxed);
    const std::uint64_t now = ns >= before ? ns : before - (before - ns + 7) / 8;
    ns_.store(now == 0 ? 1 : now, std::memory_order_relaxed);
    threads_.store(threads == 0 ? 1 : threads, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> ns_{0};
  std::atomic<std::uint64_t> threads_{1};
};

struct Kernel {
  gpu::FunctionHandle handle = 0;
  Function function = nullptr;
  // Not null: a function of this library, which is called instead of launching `function`.
  Blas* blas = nullptr;
  gpu::KernelInfo info;
  // As compiled.
  std::uint32_t max_threads = 0;    // per block
  std::uint32_t static_shared = 0;  // bytes per block
  std::uint32_t registers = 0;      // of each thread
  std::uint32_t local_bytes = 0;    // of each thread: spills and arrays
  // Most dynamic shared memory that the vendor was told to expect.
  std::atomic<std::uint32_t> dynamic_shared_allowed{0};
  Estimate estimate;
  bool prints = false;                              // its module has printf in it
  std::atomic<std::uint64_t>* in_flight = nullptr;  // launches of the module that have not ended
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_KERNEL_H_
