// First pass of the pipeline: makes the module safe to optimise before the kernels are split.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_PREPARE_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_PREPARE_H_

#include "llvm/IR/PassManager.h"

namespace amdgpu::hostcc {

class PreparePass : public llvm::PassInfoMixin<PreparePass> {
 public:
  llvm::PreservedAnalyses run(llvm::Module& module, llvm::ModuleAnalysisManager& analyses);
  static bool isRequired() { return true; }
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_PREPARE_H_
