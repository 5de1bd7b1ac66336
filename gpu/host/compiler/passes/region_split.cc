// Splits a core at its barriers and finds the values that are live across them.

#include "gpu/host/compiler/passes/region_split.h"

#include "gpu/host/compiler/passes/intrinsics.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/InstIterator.h"

namespace amdgpu::hostcc {
namespace {

using llvm::BasicBlock;
using llvm::Instruction;
using llvm::IRBuilder;
using llvm::Value;

// Instructions that may be computed once more per region instead of being kept.
constexpr int kRecomputeBudget = 12;

// Depth-first post-order in which everything after a loop is finished before the loop's blocks, so
// that the reverse has a loop's blocks before what follows it.
class LoopAwareOrder {
 public:
  LoopAwareOrder(BasicBlock* first, const llvm::LoopInfo& loops) : loops_(loops) { visit(first); }
  auto blocks() const { return llvm::reverse(post_order_); }

 private:
  void visit(BasicBlock* root) {
    llvm::SmallVector<std::pair<BasicBlock*, bool>> stack = {{root, false}};
    while (!stack.empty()) {
      auto [block, finished] = stack.pop_back_val();
      if (finished) {
        post_order_.push_back(block);
        continue;
      }
      if (!seen_.insert(block).second) continue;
      stack.push_back({block, true});
      for (BasicBlock* successor : llvm::successors(block)) stack.push_back({successor, false});
      const llvm::Loop* loop = loops_.getLoopFor(block);
      if (loop && loop->getHeader() == block) {
        llvm::SmallVector<BasicBlock*> exits;
        loop->getUniqueExitBlocks(exits);
        for (BasicBlock* exit : exits) stack.push_back({exit, false});  // visited first
      }
    }
  }

  const llvm::LoopInfo& loops_;
  llvm::SmallPtrSet<BasicBlock*, 32> seen_;
  llvm::SmallVector<BasicBlock*> post_order_;
};

void cutAtBarriers(KernelCore& core, RegionSplit& split) {
  llvm::SmallVector<Instruction*> calls;
  {
    llvm::DominatorTree dominators(*core.function);
    llvm::LoopInfo loops(dominators);
    const LoopAwareOrder order(core.first, loops);
    for (BasicBlock* block : order.blocks()) {
      for (Instruction& instruction : *block) {
        if (isBarrier(&instruction)) calls.push_back(&instruction);
      }
    }
  }
  split.roots.push_back(core.first);
  for (Instruction* call : calls) {
    BasicBlock* barrier = call->getParent()->splitBasicBlock(call->getIterator(), "barrier");
    BasicBlock* after = barrier->splitBasicBlock(std::next(call->getIterator()), "after");
    split.barriers.push_back({barrier, calledIntrinsic(call) == Intrinsic::kWarpBarrier});
    split.barrier_blocks.insert(barrier);
    split.roots.push_back(after);
  }
}

// Where the value of `use` is needed: a phi needs it at the end of the incoming block.
BasicBlock* blockOfUse(const llvm::Use& use) {
  auto* user = llvm::cast<Instruction>(use.getUser());
  auto* phi = llvm::dyn_cast<llvm::PHINode>(user);
  return phi ? phi->getIncomingBlock(use) : user->getParent();
}

llvm::SmallPtrSet<BasicBlock*, 8> barriersLiveAt(const Instruction& definition,
                                                 const RegionSplit& split) {
  llvm::SmallPtrSet<BasicBlock*, 8> live_at;
  llvm::SmallPtrSet<BasicBlock*, 16> seen;
  llvm::SmallVector<BasicBlock*> worklist;
  for (const llvm::Use& use : definition.uses()) {
    BasicBlock* block = blockOfUse(use);
    if (block != definition.getParent()) worklist.push_back(block);
  }
  while (!worklist.empty()) {
    BasicBlock* block = worklist.pop_back_val();
    if (!seen.insert(block).second) continue;
    if (split.barrier_blocks.contains(block)) live_at.insert(block);
    for (BasicBlock* predecessor : llvm::predecessors(block)) {
      if (predecessor != definition.getParent()) worklist.push_back(predecessor);
    }
  }
  return live_at;
}

bool isCheapExpression(const KernelCore& core, const Value* value, int& budget) {
  if (core.isKnownAtBlockStart(value) || llvm::isa<llvm::AllocaInst>(value)) return true;
  if (--budget < 0) return false;
  if (isThreadCoordinate(value)) return true;
  if (!llvm::isa<llvm::BinaryOperator, llvm::CastInst, llvm::GetElementPtrInst, llvm::CmpInst,
                 llvm::SelectInst>(value)) {
    return false;
  }
  const auto* instruction = llvm::cast<Instruction>(value);
  return llvm::isSafeToSpeculativelyExecute(instruction) &&
         llvm::all_of(instruction->operands(), [&](const llvm::Use& operand) {
           return isCheapExpression(core, operand.get(), budget);
         });
}

LiveValue::Kind kindOf(const KernelCore& core, const Divergence& divergence, LivePolicy policy,
                       const Instruction& definition) {
  int budget = kRecomputeBudget;
  if (isCheapExpression(core, &definition, budget)) return LiveValue::Kind::kRecomputed;
  if (policy == LivePolicy::kKeepUniformOnce && !divergence.isDivergent(&definition)) {
    return LiveValue::Kind::kUniform;
  }
  return LiveValue::Kind::kPerThread;
}

void turnIntoVariable(const KernelCore& core, LiveValue& live) {
  Instruction* definition = live.definition;
  live.variable = core.allocate(definition->getType(), nullptr, definition->getName() + ".var");
  llvm::SmallVector<llvm::Use*> uses;
  for (llvm::Use& use : definition->uses()) {
    if (blockOfUse(use) != definition->getParent()) uses.push_back(&use);
  }
  for (llvm::Use* use : uses) {
    auto* user = llvm::cast<Instruction>(use->getUser());
    auto* phi = llvm::dyn_cast<llvm::PHINode>(user);
    if (!phi) {
      use->set(new llvm::LoadInst(definition->getType(), live.variable, "", user->getIterator()));
      continue;
    }
    BasicBlock* incoming = phi->getIncomingBlock(*use);
    if (use->get() != definition) continue;  // done with another entry of the same block
    auto* load = new llvm::LoadInst(definition->getType(), live.variable, "",
                                    incoming->getTerminator()->getIterator());
    for (unsigned k = 0; k < phi->getNumIncomingValues(); ++k) {
      if (phi->getIncomingBlock(k) == incoming) phi->setIncomingValue(k, load);
    }
  }
  auto position = llvm::isa<llvm::PHINode>(definition) ? definition->getParent()->getFirstNonPHIIt()
                                                       : std::next(definition->getIterator());
  new llvm::StoreInst(definition, live.variable, position);
}

void findLiveValues(KernelCore& core, const Divergence& divergence, LivePolicy policy,
                    RegionSplit& split) {
  for (BasicBlock* block : split.blocks) {
    for (Instruction& instruction : *block) {
      if (instruction.getType()->isVoidTy() || llvm::isa<llvm::AllocaInst>(instruction)) continue;
      auto live_at = barriersLiveAt(instruction, split);
      if (live_at.empty()) continue;
      LiveValue live = {};
      live.definition = &instruction;
      live.kind = kindOf(core, divergence, policy, instruction);
      live.live_at = std::move(live_at);
      split.live_values.push_back(std::move(live));
    }
  }
  // Before any use is redirected to a variable, copy the expressions to be computed again.
  llvm::ValueToValueMapTy copies;
  IRBuilder<> builder(split.recomputed);
  for (LiveValue& live : split.live_values) {
    if (live.kind == LiveValue::Kind::kRecomputed) {
      live.expression = copyExpression(core, live.definition, builder, copies);
    }
  }
  for (LiveValue& live : split.live_values) turnIntoVariable(core, live);
}

}  // namespace

unsigned RegionSplit::regionAfter(const BasicBlock* block) const {
  const auto* found =
      llvm::find_if(barriers, [&](const Barrier& barrier) { return barrier.block == block; });
  return found - barriers.begin() + 1;
}

Value* copyExpression(const KernelCore& core, Value* expression, IRBuilder<>& builder,
                      llvm::ValueToValueMapTy& values) {
  auto known = values.find(expression);
  if (known != values.end()) return known->second;
  auto* instruction = llvm::dyn_cast<Instruction>(expression);
  if (!instruction || llvm::isa<llvm::AllocaInst>(instruction) ||
      (instruction->getParent()->getParent() && core.isBlockLevel(instruction->getParent()))) {
    return expression;
  }
  Instruction* copy = instruction->clone();
  for (llvm::Use& operand : copy->operands()) {
    operand.set(copyExpression(core, operand.get(), builder, values));
  }
  builder.Insert(copy, instruction->getName());
  values[expression] = copy;
  return copy;
}

RegionSplit splitAtBarriers(KernelCore& core, const Divergence& divergence, LivePolicy policy) {
  RegionSplit split;
  cutAtBarriers(core, split);
  split.blocks = core.threadBlocks();
  split.recomputed = BasicBlock::Create(core.context(), "recomputed");
  findLiveValues(core, divergence, policy, split);
  return split;
}

void eraseSplitCode(RegionSplit& split) {
  for (BasicBlock* block : split.blocks) block->dropAllReferences();
  for (BasicBlock* block : split.blocks) block->eraseFromParent();
  for (Instruction& instruction : *split.recomputed) instruction.dropAllReferences();
  delete split.recomputed;
  split.recomputed = nullptr;
}

}  // namespace amdgpu::hostcc
