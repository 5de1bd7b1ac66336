// Shared variables of a kernel: storage, and what becomes of atomics and volatile accesses on it.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_SHARED_MEMORY_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_SHARED_MEMORY_H_

#include "gpu/host/compiler/passes/kernel_core.h"
#include "gpu/host/compiler/passes/passes.h"

namespace amdgpu::hostcc {

// A volatile store to shared memory means that the threads of the warp run in lockstep: puts a warp
// barrier before it (all have read their operands) and after it (all have written). Before
// lowerSharedVariables.
void addLockstepBarriers(llvm::Function& function);

// Gives every shared variable that `core` uses storage in the core's frame (static) or in the
// launch's dynamic shared memory, and notes the sizes in `facts`.
void lowerSharedVariables(KernelCore& core, KernelFacts& facts);

// A block runs on one thread of the operating system, so atomics on its shared memory need no lock.
void lowerSharedAtomics(KernelCore& core);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_SHARED_MEMORY_H_
