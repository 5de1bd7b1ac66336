// Turns one kernel into its block function.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_BLOCK_FUNCTION_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_BLOCK_FUNCTION_H_

#include "gpu/host/compiler/passes/passes.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Function.h"

namespace amdgpu::hostcc {

// Adds `__hdk_<kernel>` and the cores it runs to the kernel's module; the kernel itself is not
// changed. Returns the cores, which want simplifying. Appends the kernel's entry to options.facts.
llvm::SmallVector<llvm::Function*> buildBlockFunction(llvm::Function& kernel,
                                                      const HostPassOptions& options);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_BLOCK_FUNCTION_H_
