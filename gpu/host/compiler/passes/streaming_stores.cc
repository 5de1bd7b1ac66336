// The mark is an access group of its own: LLVM's vectoriser keeps those, and drops metadata it does
// not know.

#include "gpu/host/compiler/passes/streaming_stores.h"

#include <cstddef>

#include "gpu/host/abi.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/Module.h"
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

llvm::MDNode* streamingGroup(llvm::Module& module) {
  llvm::NamedMDNode* list = module.getOrInsertNamedMetadata(kStreamingGroup);
  if (list->getNumOperands() == 0) {
    list->addOperand(llvm::MDNode::getDistinct(module.getContext(), {}));
  }
  return list->getOperand(0);
}

bool isMarked(const llvm::StoreInst& store, const llvm::MDNode* group) {
  const llvm::MDNode* groups = store.getMetadata(llvm::LLVMContext::MD_access_group);
  return groups && (groups == group || llvm::is_contained(groups->operands(), group));
}

// True in launches that are large enough.
Value* isLargeLaunch(llvm::Function& function) {
  using host::BlockRange;
  llvm::BasicBlock& entry = function.getEntryBlock();
  IRBuilder<> builder(&entry, entry.getFirstNonPHIOrDbgOrAlloca());
  Value* range = function.getArg(function.arg_size() - 1);
  Value* threads = builder.getInt64(1);
  static_assert(offsetof(BlockRange, grid) == 0 && offsetof(BlockRange, block) == 12);
  for (unsigned field = 0; field < 6; ++field) {
    Value* address = builder.CreateConstGEP1_64(builder.getInt32Ty(), range, field);
    Value* size = builder.CreateLoad(builder.getInt32Ty(), address);
    threads = builder.CreateMul(threads, builder.CreateZExt(size, builder.getInt64Ty()));
  }
  return builder.CreateICmpUGE(threads, builder.getInt64(kStreamingThreads), "streams");
}

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
    store->setMetadata(llvm::LLVMContext::MD_access_group,
                       streamingGroup(*core.function->getParent()));
  }
}

llvm::PreservedAnalyses StreamingStoresPass::run(llvm::Function& function,
                                                 llvm::FunctionAnalysisManager&) {
  const llvm::NamedMDNode* list = function.getParent()->getNamedMetadata(kStreamingGroup);
  if (!list) return llvm::PreservedAnalyses::all();
  const llvm::DataLayout& layout = function.getParent()->getDataLayout();
  llvm::SmallVector<llvm::StoreInst*> stores;
  for (Instruction& instruction : llvm::instructions(function)) {
    auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
    if (!store || !isMarked(*store, list->getOperand(0))) continue;
    llvm::Type* type = store->getValueOperand()->getType();
    if (type->isVectorTy() && layout.getTypeSizeInBits(type) == vector_bits_) {
      stores.push_back(store);
    }
  }
  if (stores.empty()) return llvm::PreservedAnalyses::all();
  Value* large_launch = isLargeLaunch(function);
  for (llvm::StoreInst* store : stores) version(store, large_launch, llvm::Align(vector_bits_ / 8));
  fenceBeforeReturns(function);
  return llvm::PreservedAnalyses::none();
}

}  // namespace amdgpu::hostcc
