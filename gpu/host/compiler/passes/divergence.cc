// Divergence analysis by a fixed point over data and control dependence.

#include "gpu/host/compiler/passes/divergence.h"

#include "gpu/host/compiler/passes/intrinsics.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"

namespace amdgpu::hostcc {
namespace {

bool isSource(const llvm::Instruction& instruction) {
  if (isThreadCoordinate(&instruction) || instruction.isAtomic()) return true;
  if (const auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction)) return load->isVolatile();
  return llvm::isa<llvm::CallBase>(instruction) && instruction.mayReadOrWriteMemory();
}

}  // namespace

Divergence::Divergence(llvm::Function& function,
                       llvm::ArrayRef<llvm::AllocaInst*> private_variables)
    : function_(function), dominators_(function), post_dominators_(function), loops_(dominators_) {
  seed(private_variables);
  bool changed = true;
  while (changed) {
    changed = propagateData();
    for (llvm::BasicBlock& block : function_) {
      const llvm::Instruction* terminator = block.getTerminator();
      if (terminator->getNumSuccessors() > 1 && isDivergent(terminator)) {
        changed |= propagateControl(block);
      }
    }
  }
}

void Divergence::seed(llvm::ArrayRef<llvm::AllocaInst*> private_variables) {
  values_.insert(private_variables.begin(), private_variables.end());
  for (llvm::Instruction& instruction : llvm::instructions(function_)) {
    if (isSource(instruction)) values_.insert(&instruction);
  }
}

bool Divergence::propagateData() {
  bool changed = false;
  for (llvm::Instruction& instruction : llvm::instructions(function_)) {
    if (isDivergent(&instruction)) continue;
    for (const llvm::Use& operand : instruction.operands()) {
      if (!isDivergent(operand.get())) continue;
      values_.insert(&instruction);
      changed = true;
      break;
    }
  }
  return changed;
}

bool Divergence::markPhis(llvm::BasicBlock& block) {
  bool changed = false;
  for (llvm::PHINode& phi : block.phis()) {
    if (phi.hasConstantValue()) continue;
    changed |= values_.insert(&phi).second;
  }
  return changed;
}

// The threads that a divergent branch splits meet again at its immediate post-dominator at the
// latest: blocks before it are conditional, and phis where two of the ways meet are divergent.
bool Divergence::propagateControl(llvm::BasicBlock& branch) {
  bool changed = false;
  const auto* node = post_dominators_.getNode(&branch);
  llvm::BasicBlock* join = node && node->getIDom() ? node->getIDom()->getBlock() : nullptr;
  llvm::SmallPtrSet<llvm::BasicBlock*, 16> reached;
  llvm::SmallVector<llvm::BasicBlock*> region;
  for (llvm::BasicBlock* successor : llvm::successors(&branch)) {
    llvm::SmallPtrSet<llvm::BasicBlock*, 16> way;
    llvm::SmallVector<llvm::BasicBlock*> worklist = {successor};
    while (!worklist.empty()) {
      llvm::BasicBlock* block = worklist.pop_back_val();
      if (block == join || !way.insert(block).second) continue;
      llvm::append_range(worklist, llvm::successors(block));
      if (reached.insert(block).second) {
        region.push_back(block);
      } else {
        changed |= markPhis(*block);
      }
    }
  }
  for (llvm::BasicBlock* block : region) changed |= blocks_.insert(block).second;
  if (join) changed |= markPhis(*join);
  return changed | markLoopsLeftDivergently(branch, region);
}

// If the branch may lead out of a loop, threads leave in different iterations: what the loop
// computed is then different for each of them, also where it was uniform within an iteration.
bool Divergence::markLoopsLeftDivergently(llvm::BasicBlock& branch,
                                          llvm::ArrayRef<llvm::BasicBlock*> region) {
  bool changed = false;
  for (llvm::Loop* loop = loops_.getLoopFor(&branch); loop; loop = loop->getParentLoop()) {
    const bool leaves =
        loop->isLoopExiting(&branch) ||
        llvm::any_of(region, [&](llvm::BasicBlock* block) { return !loop->contains(block); });
    if (!leaves) break;
    for (llvm::BasicBlock* block : loop->blocks()) {
      for (llvm::Instruction& instruction : *block) {
        const bool used_outside = llvm::any_of(instruction.users(), [&](llvm::User* user) {
          return !loop->contains(llvm::cast<llvm::Instruction>(user)->getParent());
        });
        if (used_outside) changed |= values_.insert(&instruction).second;
      }
    }
  }
  return changed;
}

}  // namespace amdgpu::hostcc
