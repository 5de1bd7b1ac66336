// Stores that go past the caches.
//
// A store to memory that is not in the cache first reads the line it is about to overwrite. For a
// large output that nobody reads soon that is traffic for nothing: a third of it in c[i] = a[i] +
// b[i]. Streaming (non-temporal) stores avoid it, but are a loss where the output would have stayed
// in the cache. So they are taken at run time, by launches of many threads, where a whole aligned
// vector is written.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_STREAMING_STORES_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_STREAMING_STORES_H_

#include "gpu/host/compiler/passes/kernel_core.h"
#include "llvm/IR/PassManager.h"

namespace amdgpu::hostcc {

// Marks the stores that may stream: each thread does them once, to a parameter that the kernel
// never reads. For kernels without barriers, before they are turned into thread loops.
void markStreamingStores(KernelCore& core);

// After the vectoriser: versions the marked stores that have become vectors of `vector_bits`.
class StreamingStoresPass : public llvm::PassInfoMixin<StreamingStoresPass> {
 public:
  explicit StreamingStoresPass(std::uint32_t vector_bits) : vector_bits_(vector_bits) {}
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);

 private:
  std::uint32_t vector_bits_;
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_STREAMING_STORES_H_
