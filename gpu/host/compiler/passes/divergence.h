// Which values and blocks of a kernel may differ between the threads of one block.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_DIVERGENCE_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_DIVERGENCE_H_

#include "llvm/ADT/DenseSet.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/PostDominators.h"
#include "llvm/IR/BasicBlock.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/Instructions.h"

namespace amdgpu::hostcc {

// LLVM's own uniformity analysis asks the target about divergence sources, and x86 has none. A
// value is divergent if it is computed from a source (thread index, private memory, atomic,
// volatile load, call with effects), merges control flow that a divergent branch split, or is used
// outside a loop that threads leave in different iterations.
class Divergence {
 public:
  Divergence(llvm::Function& function, llvm::ArrayRef<llvm::AllocaInst*> private_variables);

  bool isDivergent(const llvm::Value* value) const { return values_.contains(value); }

  // True if some threads of a block may skip `block`, or pass it another number of times, while
  // others do not.
  bool isConditional(const llvm::BasicBlock* block) const { return blocks_.contains(block); }

 private:
  void seed(llvm::ArrayRef<llvm::AllocaInst*> private_variables);
  bool propagateData();
  bool propagateControl(llvm::BasicBlock& branch);
  bool markLoopsLeftDivergently(llvm::BasicBlock& branch, llvm::ArrayRef<llvm::BasicBlock*> region);
  bool markPhis(llvm::BasicBlock& block);

  llvm::Function& function_;
  llvm::DominatorTree dominators_;
  llvm::PostDominatorTree post_dominators_;
  llvm::LoopInfo loops_;
  llvm::DenseSet<const llvm::Value*> values_;
  llvm::DenseSet<const llvm::BasicBlock*> blocks_;
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_DIVERGENCE_H_
