// Prefetches for inputs that are read from one end to the other.
//
// A core's hardware prefetchers stop at the end of a page, and a page is four blocks' worth of
// float: each new page costs a walk of the page tables and a wait for memory. So where the threads
// of a block read one vector after the other, and the next blocks go on behind them, the line a
// page ahead is asked for. On data that is in the cache it would be wasted work; so it is done at
// run time by launches of many threads.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_STREAM_PREFETCH_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_STREAM_PREFETCH_H_

#include "gpu/host/compiler/passes/kernel_core.h"
#include "llvm/IR/PassManager.h"

namespace amdgpu::hostcc {

// Marks the loads worth it: each thread does them once, from a parameter that it reads in no other
// place. To be called before the kernel is turned into thread loops.
void markStreamedLoads(KernelCore& core);

// After the vectoriser: a prefetch for each marked load that has become a vector of `vector_bits`.
class StreamPrefetchPass : public llvm::PassInfoMixin<StreamPrefetchPass> {
 public:
  explicit StreamPrefetchPass(std::uint32_t vector_bits) : vector_bits_(vector_bits) {}
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);

 private:
  std::uint32_t vector_bits_;
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_STREAM_PREFETCH_H_
