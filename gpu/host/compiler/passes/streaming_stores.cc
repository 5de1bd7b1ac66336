// Marking of stores, and their versions.

#include "gpu/host/compiler/passes/streaming_stores.h"

#include "gpu/host/compiler/passes/large_launch.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

namespace amdgpu::hostcc {
namespace {

using llvm::Instruction;
using llvm::IRBuilder;
using llvm::Value;

// Module metadata that lists the access group of streaming stores.
constexpr char kStreamingGroup[] = "hd.streaming";

// Launches of fewer threads leave their output in the cache: at 4 bytes each it is 32 MiB.
constexpr std::uint64_t kStreamingThreads = std::uint64_t{1} << 23;

void version(llvm::StoreInst* store, Value* large_launch, llvm::Align align) {
  IRBuilder<> builder(store);
  Value* address = builder.CreatePtrToInt(store->getPointerOperand(), builder.getInt64Ty());
  Value* low_bits = builder.CreateAnd(address, builder.getInt64(align.value() - 1));
  Value* aligned = builder.CreateICmpEQ(low_bits, builder.getInt64(0));
  Instruction* then_end;
  Instruction* else_end;
  llvm::SplitBlockAndInsertIfThenElse(builder.CreateAnd(large_launch, aligned), store, &then_end,
                                      &else_end);
  auto* streaming = llvm::cast<llvm::StoreInst>(store->clone());
  streaming->setAlignment(align);
  auto* one = llvm::ConstantAsMetadata::get(builder.getInt32(1));
  streaming->setMetadata(llvm::LLVMContext::MD_nontemporal,
                         llvm::MDNode::get(store->getContext(), one));
  streaming->insertBefore(then_end);
  store->moveBefore(else_end);
}

// Streaming stores are not ordered with what tells others that the kernel is done.
void fenceBeforeReturns(llvm::Function& function) {
  for (llvm::BasicBlock& block : function) {
    auto* ret = llvm::dyn_cast<llvm::ReturnInst>(block.getTerminator());
    if (ret) IRBuilder<>(ret).CreateIntrinsic(llvm::Intrinsic::x86_sse_sfence, {}, {});
  }
}

}  // namespace

void markStreamingStores(KernelCore& core) {
  llvm::DominatorTree dominators(*core.function);
  llvm::LoopInfo loops(dominators);
  for (Instruction& instruction : llvm::instructions(*core.function)) {
    auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
    if (!store || !store->isSimple() || core.isBlockLevel(store->getParent())) continue;
    const llvm::Loop* loop = loops.getLoopFor(store->getParent());
    if (!loop || loop->getHeader() != core.block_head) continue;
    const auto* parameter =
        llvm::dyn_cast<llvm::Argument>(llvm::getUnderlyingObject(store->getPointerOperand()));
    if (!parameter || !parameter->hasAttribute(llvm::Attribute::WriteOnly)) continue;
    markAccess(*store, kStreamingGroup);
  }
}

llvm::PreservedAnalyses StreamingStoresPass::run(llvm::Function& function,
                                                 llvm::FunctionAnalysisManager&) {
  const llvm::SmallVector<Instruction*> stores =
      markedVectors(function, kStreamingGroup, Instruction::Store, vector_bits_);
  if (stores.empty()) return llvm::PreservedAnalyses::all();
  Value* large_launch = isLargeLaunch(function, kStreamingThreads);
  for (Instruction* store : stores) {
    version(llvm::cast<llvm::StoreInst>(store), large_launch, llvm::Align(vector_bits_ / 8));
  }
  fenceBeforeReturns(function);
  return llvm::PreservedAnalyses::none();
}

}  // namespace amdgpu::hostcc
