// Splits strided loops into a uniform one and the rest.

#include "gpu/host/compiler/passes/strided_loops.h"

#include "gpu/host/compiler/passes/intrinsics.h"
#include "gpu/host/compiler/passes/monotone.h"
#include "llvm/IR/CFG.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include "llvm/Transforms/Utils/LoopSimplify.h"
#include "llvm/Transforms/Utils/LoopUtils.h"

namespace amdgpu::hostcc {
namespace {

using llvm::BasicBlock;
using llvm::CmpInst;
using llvm::Instruction;
using llvm::IRBuilder;
using llvm::PHINode;
using llvm::Value;

// A loop of the form: do { ...; index += step; } while (index < bound).
struct StridedShape {
  llvm::Loop* loop;
  BasicBlock* preheader;
  BasicBlock* latch;
  BasicBlock* exit;
  PHINode* index;
  Value* next_index;             // index + step
  Value* step;                   // uniform
  Value* bound;                  // uniform
  llvm::ICmpInst* comparison;    // in the latch
  CmpInst::Predicate predicate;  // holds of the next index and the bound if the loop goes on
  Order order;
};

bool hasBarrier(const llvm::Loop& loop) {
  return llvm::any_of(loop.blocks(), [](BasicBlock* block) {
    return llvm::any_of(*block, [](Instruction& instruction) { return isBarrier(&instruction); });
  });
}

bool isUniformInvariant(const llvm::Loop& loop, const Divergence& divergence, const Value* value) {
  return loop.isLoopInvariant(value) && !divergence.isDivergent(value);
}

std::optional<StridedShape> asStrided(const KernelCore& core, const Divergence& divergence,
                                      llvm::Loop& loop) {
  StridedShape shape = {};
  shape.loop = &loop;
  shape.preheader = loop.getLoopPreheader();
  shape.latch = loop.getLoopLatch();
  shape.exit = loop.getUniqueExitBlock();
  if (!shape.preheader || !shape.latch || !shape.exit || loop.getExitingBlock() != shape.latch ||
      divergence.isConditional(shape.preheader) || hasBarrier(loop)) {
    return std::nullopt;
  }
  auto* branch = llvm::dyn_cast<llvm::BranchInst>(shape.latch->getTerminator());
  shape.comparison = branch && branch->isConditional()
                         ? llvm::dyn_cast<llvm::ICmpInst>(branch->getCondition())
                         : nullptr;
  if (!shape.comparison || !divergence.isDivergent(shape.comparison)) return std::nullopt;
  shape.next_index = shape.comparison->getOperand(0);
  shape.bound = shape.comparison->getOperand(1);
  shape.predicate = shape.comparison->getPredicate();
  if (!isUniformInvariant(loop, divergence, shape.bound)) {
    std::swap(shape.next_index, shape.bound);
    shape.predicate = CmpInst::getSwappedPredicate(shape.predicate);
  }
  if (branch->getSuccessor(0) != loop.getHeader()) {
    shape.predicate = CmpInst::getInversePredicate(shape.predicate);
  }
  if (!isLess(shape.predicate)) return std::nullopt;
  shape.order = CmpInst::isSigned(shape.predicate) ? Order::kSigned : Order::kUnsigned;
  auto* sum = llvm::dyn_cast<llvm::BinaryOperator>(shape.next_index);
  if (!sum || sum->getOpcode() != Instruction::Add || !loop.contains(sum)) return std::nullopt;
  for (unsigned k = 0; k < 2 && !shape.index; ++k) {
    auto* phi = llvm::dyn_cast<PHINode>(sum->getOperand(k));
    if (!phi || phi->getParent() != loop.getHeader()) continue;
    if (phi->getIncomingValueForBlock(shape.latch) != sum) continue;
    shape.index = phi;
    shape.step = sum->getOperand(1 - k);
  }
  if (!shape.index || !isUniformInvariant(loop, divergence, shape.step) ||
      !isUniformInvariant(loop, divergence, shape.bound) ||
      shape.index->getType()->getIntegerBitWidth() > 64) {
    return std::nullopt;
  }
  Value* start = shape.index->getIncomingValueForBlock(shape.preheader);
  const std::optional<Monotone> monotone = isMonotone(core, start, shape.order);
  if (!monotone || !monotone->uses_thread) return std::nullopt;
  return shape;
}

// The value that `value`, of an iteration of the loop, has in the copy.
Value* copied(const llvm::ValueToValueMapTy& copies, Value* value) {
  auto found = copies.find(value);
  return found == copies.end() ? value : static_cast<Value*>(found->second);
}

// Rewrites the copy's index as start + offset, where the offset is the same for all threads: so
// neighbouring threads' indices stay neighbours for all to see. Returns whether all threads go on:
// the last thread's next index is below the bound and has not wrapped, and so is every other's.
Value* makeUniform(const KernelCore& core, const StridedShape& shape, PHINode* index,
                   BasicBlock* latch) {
  const bool is_signed = shape.order == Order::kSigned;
  Value* start = shape.index->getIncomingValueForBlock(shape.preheader);
  IRBuilder<> before(shape.preheader->getTerminator());
  Value* last_start = before.CreateTrunc(
      evaluateForThread(core, start, shape.order, /*last_thread=*/true, before), index->getType());
  BasicBlock* header = index->getParent();
  IRBuilder<> builder(header, header->begin());
  PHINode* offset = builder.CreatePHI(index->getType(), 2, "offset");
  builder.SetInsertPoint(header, header->getFirstNonPHIIt());
  index->replaceAllUsesWith(builder.CreateAdd(start, offset, "index", !is_signed, is_signed));
  index->eraseFromParent();
  builder.SetInsertPoint(latch->getTerminator());
  Value* next_offset = builder.CreateAdd(offset, shape.step, "offset.next");
  offset->addIncoming(llvm::ConstantInt::get(offset->getType(), 0), shape.preheader);
  offset->addIncoming(next_offset, latch);
  Value* last = builder.CreateAdd(last_start, offset, "last");
  Value* next = builder.CreateAdd(last, shape.step, "last.next");
  Value* below = builder.CreateICmp(shape.predicate, next, shape.bound);
  return builder.CreateAnd(
      below, builder.CreateICmp(is_signed ? CmpInst::ICMP_SGT : CmpInst::ICMP_UGT, next, last));
}

//   preheader -> uniform loop -> between -> (this thread goes on) -> rest -> exit
//                                        \-> exit
StridedLoop split(KernelCore& core, const StridedShape& shape) {
  llvm::Loop& loop = *shape.loop;
  BasicBlock* header = loop.getHeader();
  llvm::LLVMContext& context = core.context();
  llvm::ValueToValueMapTy copies;
  llvm::SmallVector<BasicBlock*> blocks;
  for (BasicBlock* block : loop.blocks()) {
    BasicBlock* copy = llvm::CloneBasicBlock(block, copies, ".uniform", core.function);
    copies[block] = copy;
    blocks.push_back(copy);
  }
  llvm::remapInstructionsInBlocks(blocks, copies);
  auto* uniform_header = llvm::cast<BasicBlock>(copied(copies, header));
  auto* uniform_latch = llvm::cast<BasicBlock>(copied(copies, shape.latch));
  auto* between = BasicBlock::Create(context, "between", core.function, header);
  auto* rest = BasicBlock::Create(context, "rest", core.function, header);

  auto* index = llvm::cast<PHINode>(copied(copies, shape.index));
  Value* go_on = makeUniform(core, shape, index, uniform_latch);
  shape.preheader->getTerminator()->replaceSuccessorWith(header, uniform_header);
  Value* this_goes_on = copied(copies, shape.comparison);
  const bool goes_on_if_true = shape.latch->getTerminator()->getSuccessor(0) == header;
  Instruction* old_branch = uniform_latch->getTerminator();
  llvm::BranchInst::Create(uniform_header, between, go_on, old_branch->getIterator());
  old_branch->eraseFromParent();
  IRBuilder<>(between).CreateCondBr(this_goes_on, goes_on_if_true ? rest : shape.exit,
                                    goes_on_if_true ? shape.exit : rest);
  IRBuilder<>(rest).CreateBr(header);

  for (PHINode& phi : header->phis()) {
    Value* next = phi.getIncomingValueForBlock(shape.latch);
    const int entry = phi.getBasicBlockIndex(shape.preheader);
    phi.setIncomingValue(entry, copied(copies, next));
    phi.setIncomingBlock(entry, rest);
  }
  for (PHINode& phi : shape.exit->phis()) {
    phi.addIncoming(copied(copies, phi.getIncomingValueForBlock(shape.latch)), between);
  }
  return {uniform_header, header};
}

}  // namespace

llvm::SmallVector<StridedLoop> splitStridedLoops(KernelCore& core, const Divergence& divergence) {
  llvm::SmallVector<StridedLoop> done;
  llvm::DominatorTree dominators(*core.function);
  llvm::LoopInfo loops(dominators);
  llvm::SmallVector<StridedShape> found;
  for (llvm::Loop* loop : loops.getLoopsInPreorder()) {
    if (!loop->isInnermost() || loop->getHeader() == core.block_head) continue;
    llvm::formLCSSA(*loop, dominators, &loops, nullptr);
    if (std::optional<StridedShape> shape = asStrided(core, divergence, *loop)) {
      found.push_back(*shape);
    }
  }
  for (const StridedShape& shape : found) done.push_back(split(core, shape));
  return done;
}

}  // namespace amdgpu::hostcc
