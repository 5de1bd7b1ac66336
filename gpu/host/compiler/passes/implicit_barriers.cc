// Chooses the loops that get an implicit barrier.

#include "gpu/host/compiler/passes/implicit_barriers.h"

#include "gpu/host/compiler/passes/intrinsics.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"

namespace amdgpu::hostcc {
namespace {

using llvm::Instruction;

struct LoopTraits {
  bool is_uniform = true;  // all threads of the block run it equally often
  bool has_barrier = false;
  bool is_vectorisable = true;  // nothing in it keeps LLVM from vectorising over threads
  bool loads_per_thread = false;
};

LoopTraits inspect(const llvm::Loop& loop, const Divergence& divergence) {
  LoopTraits traits;
  traits.is_uniform = !divergence.isConditional(loop.getHeader());
  llvm::SmallVector<llvm::BasicBlock*> exiting;
  loop.getExitingBlocks(exiting);
  for (llvm::BasicBlock* block : exiting) {
    traits.is_uniform &= !divergence.isDivergent(block->getTerminator());
  }
  for (llvm::BasicBlock* block : loop.blocks()) {
    for (Instruction& instruction : *block) {
      traits.has_barrier |= isBarrier(&instruction);
      traits.loads_per_thread |=
          llvm::isa<llvm::LoadInst>(instruction) && divergence.isDivergent(&instruction);
      const bool has_effects = llvm::isa<llvm::CallBase>(instruction) &&
                               !isThreadCoordinate(&instruction) &&
                               instruction.mayReadOrWriteMemory();
      if (has_effects || instruction.isAtomic() || instruction.isVolatile() ||
          llvm::isa<llvm::AllocaInst>(instruction)) {
        traits.is_vectorisable = false;
      }
    }
  }
  return traits;
}

Instruction* startOf(llvm::BasicBlock* block) { return &*block->getFirstNonPHIIt(); }

}  // namespace

bool addImplicitBarriers(KernelCore& core, const Divergence& divergence,
                         llvm::ArrayRef<StridedLoop> strided, bool allow_lanes) {
  llvm::DominatorTree dominators(*core.function);
  llvm::LoopInfo loops(dominators);
  llvm::SmallSetVector<Instruction*, 8> positions;
  bool needs_lanes = false;
  for (llvm::Loop* loop : loops.getLoopsInPreorder()) {
    if (!loop->isInnermost() || loop->getHeader() == core.block_head) continue;
    llvm::BasicBlock* header = loop->getHeader();
    if (llvm::any_of(strided, [&](const StridedLoop& s) { return s.rest_header == header; })) {
      continue;
    }
    if (llvm::any_of(strided, [&](const StridedLoop& s) { return s.uniform_header == header; })) {
      positions.insert(startOf(header));
      continue;
    }
    const LoopTraits traits = inspect(*loop, divergence);
    if (traits.has_barrier || !traits.is_vectorisable) continue;
    if (traits.is_uniform) {
      if (traits.loads_per_thread) positions.insert(startOf(loop->getHeader()));
    } else if (allow_lanes) {
      needs_lanes = true;
      positions.insert(startOf(loop->getHeader()));
      llvm::SmallVector<llvm::BasicBlock*> exits;
      loop->getUniqueExitBlocks(exits);
      for (llvm::BasicBlock* exit : exits) positions.insert(startOf(exit));
    }
  }
  // In lane mode the lanes of a group are in step anyway: its barriers are enough for uniform loops
  // too.
  for (Instruction* position : positions) {
    insertBarrier(needs_lanes ? Intrinsic::kWarpBarrier : Intrinsic::kBlockBarrier, position);
  }
  return needs_lanes;
}

}  // namespace amdgpu::hostcc
