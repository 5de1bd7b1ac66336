// Shared memory is part of the core's stack frame: one block at a time runs in a frame, and LLVM
// knows that nothing else aliases it.

#include "gpu/host/compiler/passes/shared_memory.h"

#include "gpu/host/abi.h"
#include "gpu/host/compiler/passes/intrinsics.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/Transforms/Utils/LowerAtomic.h"

namespace amdgpu::hostcc {
namespace {

using llvm::Instruction;
using llvm::Value;

bool allUnderlying(const Value* pointer, llvm::function_ref<bool(const Value*)> predicate) {
  llvm::SmallVector<const Value*, 4> objects;
  llvm::getUnderlyingObjects(pointer, objects);
  return llvm::all_of(objects, predicate);
}

Value* storageOf(llvm::GlobalVariable& variable, KernelCore& core, KernelFacts& facts) {
  if (variable.isDeclaration()) {
    facts.uses_dynamic_shared = true;
    return core.dynamic_shared;
  }
  const llvm::DataLayout& layout = core.function->getParent()->getDataLayout();
  const llvm::Align align(host::kBufferAlignment);
  llvm::IRBuilder<> builder(core.entry, core.entry->begin());
  auto* storage = builder.CreateAlloca(variable.getValueType(), nullptr, variable.getName());
  storage->setAlignment(std::max(align, variable.getAlign().valueOrOne()));
  facts.static_shared_bytes +=
      llvm::alignTo(layout.getTypeAllocSize(variable.getValueType()), align);
  return storage;
}

}  // namespace

void addLockstepBarriers(llvm::Function& function) {
  llvm::SmallVector<llvm::StoreInst*> stores;
  for (Instruction& instruction : llvm::instructions(function)) {
    auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
    if (!store || !store->isVolatile()) continue;
    const bool shared = allUnderlying(store->getPointerOperand(), [](const Value* object) {
      const auto* variable = llvm::dyn_cast<llvm::GlobalVariable>(object);
      return variable && isSharedVariable(*variable);
    });
    if (shared) stores.push_back(store);
  }
  for (llvm::StoreInst* store : stores) {
    insertBarrier(Intrinsic::kWarpBarrier, store);
    insertBarrier(Intrinsic::kWarpBarrier, store->getNextNode());
  }
}

void lowerSharedVariables(KernelCore& core, KernelFacts& facts) {
  for (llvm::GlobalVariable& variable : core.function->getParent()->globals()) {
    if (!isSharedVariable(variable)) continue;
    llvm::convertUsersOfConstantsToInstructions({&variable});
    Value* storage = nullptr;
    for (llvm::Use& use : llvm::make_early_inc_range(variable.uses())) {
      auto* user = llvm::dyn_cast<Instruction>(use.getUser());
      if (!user || user->getFunction() != core.function) continue;
      if (!storage) storage = storageOf(variable, core, facts);
      use.set(storage);
    }
  }
}

void lowerSharedAtomics(KernelCore& core) {
  auto is_shared = [&](const Value* pointer) {
    return allUnderlying(pointer, [&](const Value* object) {
      return object == core.dynamic_shared || llvm::isa<llvm::AllocaInst>(object);
    });
  };
  for (Instruction& instruction : llvm::make_early_inc_range(llvm::instructions(*core.function))) {
    if (auto* update = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction)) {
      if (is_shared(update->getPointerOperand())) llvm::lowerAtomicRMWInst(update);
    } else if (auto* exchange = llvm::dyn_cast<llvm::AtomicCmpXchgInst>(&instruction)) {
      if (is_shared(exchange->getPointerOperand())) llvm::lowerAtomicCmpXchgInst(exchange);
    }
  }
}

}  // namespace amdgpu::hostcc
