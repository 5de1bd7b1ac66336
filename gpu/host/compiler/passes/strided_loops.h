// Loops over a range that the threads of a block share in strides:
//
//   for (i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x) ...
//
// Threads may differ in the number of iterations by the very last one only, but that makes the loop
// divergent. Split it in two: the iterations that all threads of the block have, decided by the
// block's last thread, and what is left for each thread on its own. The first loop is uniform, so
// the thread loop can go inside it, where neighbouring threads touch neighbouring elements.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_STRIDED_LOOPS_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_STRIDED_LOOPS_H_

#include "gpu/host/compiler/passes/divergence.h"
#include "gpu/host/compiler/passes/kernel_core.h"

namespace amdgpu::hostcc {

struct StridedLoop {
  llvm::BasicBlock* uniform_header;
  llvm::BasicBlock* rest_header;
};

// Splits every such loop that all threads of the block enter. `divergence` is outdated if any was
// split.
llvm::SmallVector<StridedLoop> splitStridedLoops(KernelCore& core, const Divergence& divergence);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_STRIDED_LOOPS_H_
