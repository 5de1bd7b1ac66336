// Gathers that turn out to be loads.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_CONTIGUOUS_GATHER_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_CONTIGUOUS_GATHER_H_

#include "llvm/IR/PassManager.h"

namespace amdgpu::hostcc {

// Runs after the vectoriser. The indices of a gather or scatter that LLVM could not prove
// consecutive often are at run time (an index made of other lanes' values, a divergent loop in
// which the lanes are in step). Tests it and takes a vector load or store if so.
class ContiguousGatherPass : public llvm::PassInfoMixin<ContiguousGatherPass> {
 public:
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_CONTIGUOUS_GATHER_H_
