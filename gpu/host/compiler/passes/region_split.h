// Cuts a core's code at its barriers into regions that a thread runs without waiting for others.
//
// Region 0 starts where the kernel starts; region i + 1 after barrier i. A region ends at the next
// barriers and where the kernel returns. Regions may overlap: code reachable from two barriers is
// in both. A value that is defined before a barrier and used after it is *live* there: it is turned
// into a variable, so that each region can be copied on its own.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_REGION_SPLIT_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_REGION_SPLIT_H_

#include <memory>

#include "gpu/host/compiler/passes/divergence.h"
#include "gpu/host/compiler/passes/kernel_core.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Transforms/Utils/ValueMapper.h"

namespace amdgpu::hostcc {

struct Barrier {
  llvm::BasicBlock* block;  // holds the barrier alone; its successor starts the next region
  bool is_warp;
};

struct LiveValue {
  enum class Kind {
    kPerThread,   // kept in an array over the threads
    kUniform,     // the same for all threads of the block: kept once
    kRecomputed,  // cheap and made of coordinates and parameters: computed again in each region
  };
  llvm::Instruction* definition;
  Kind kind;
  llvm::AllocaInst* variable;  // stored to after the definition, loaded by uses in other blocks
  llvm::SmallPtrSet<llvm::BasicBlock*, 8> live_at;  // the barriers it is live at
  llvm::Value* expression = nullptr;                // kRecomputed: its copy in `recomputed`
};

struct RegionSplit {
  llvm::SmallVector<Barrier> barriers;
  llvm::SmallVector<llvm::BasicBlock*> roots;  // first block of each region
  llvm::SmallVector<LiveValue, 0> live_values;
  llvm::SmallVector<llvm::BasicBlock*> blocks;  // all of the kernel's code, barriers included
  llvm::SmallPtrSet<llvm::BasicBlock*, 16> barrier_blocks;
  llvm::BasicBlock* recomputed;  // detached: pristine copies of the expressions to compute again

  // Region that starts after the barrier in `block`.
  unsigned regionAfter(const llvm::BasicBlock* block) const;
};

enum class LivePolicy { kKeepUniformOnce, kKeepAllPerThread };

// Splits `core` at every barrier. Regions are numbered such that, where control flow is not
// irreducible, code inside a loop comes before code after it: threads that are behind have the
// smaller number.
RegionSplit splitAtBarriers(KernelCore& core, const Divergence& divergence, LivePolicy policy);

// Copies an expression of `split.recomputed`, whose leaves `values` maps, to `builder`.
llvm::Value* copyExpression(const KernelCore& core, llvm::Value* expression,
                            llvm::IRBuilder<>& builder, llvm::ValueToValueMapTy& values);

// Erases the code that was split, once every region has been copied.
void eraseSplitCode(RegionSplit& split);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_REGION_SPLIT_H_
