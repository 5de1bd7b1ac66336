// Bounds checks, decided once per block instead of once per thread.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_GUARD_VERSIONING_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_GUARD_VERSIONING_H_

#include "gpu/host/compiler/passes/kernel_core.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace amdgpu::hostcc {

// Nearly every kernel has a check like `if (i < n)`, true of every thread of every block but the
// last ones. Finds the comparisons that are monotone in the thread index, tests their outcome for
// the block's first and last thread at the start of a block, and makes them constants in `core`.
// The blocks that fail the test are run by the core that `build_general` returns, called only if
// there is such a comparison.
void versionGuards(KernelCore& core, llvm::function_ref<llvm::Function*()> build_general);

// Marks the arguments of `call` of a core that `kernel` takes by value.
void passParametersByValue(const llvm::Function& kernel, llvm::CallInst* call);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_GUARD_VERSIONING_H_
