// Makes the module safe to optimise before the kernels are split. To LLVM a kernel is still the
// code of one thread, so everything that other threads may do has to be told to it:
//   - a barrier must not be duplicated, moved into other control flow, or thought to have no
//   effect;
//   - shared and device variables are written by others, so nothing may be concluded from the
//     initialiser or from the writes this module contains;
//   - what needs the thread's coordinates or a barrier has to end up inside a kernel.

#include "gpu/host/compiler/passes/prepare.h"

#include "gpu/host/compiler/passes/intrinsics.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"

namespace amdgpu::hostcc {
namespace {

using llvm::Attribute;
using llvm::GlobalValue;

void exposeVariable(llvm::GlobalVariable& variable, bool dso_local) {
  variable.setComdat(nullptr);
  variable.setLinkage(GlobalValue::ExternalLinkage);
  variable.setVisibility(GlobalValue::DefaultVisibility);
  variable.setUnnamedAddr(GlobalValue::UnnamedAddr::None);
  variable.setDSOLocal(dso_local);
}

// Shared variables stay external until the kernels are split. Device variables stay for good: they
// are reached through the GOT so that the loader may bind them to another object's storage.
void protectVariables(llvm::Module& module) {
  for (llvm::GlobalVariable& variable : module.globals()) {
    if (variable.getName().starts_with("llvm.")) continue;
    if (isSharedVariable(variable)) {
      exposeVariable(variable, /*dso_local=*/true);
      variable.setConstant(false);  // clang makes one at file scope a constant undef
    } else if (variable.isExternallyInitialized() || !variable.isConstant()) {
      exposeVariable(variable, /*dso_local=*/false);
      if (!variable.isDeclaration()) variable.setExternallyInitialized(true);
    }
  }
}

// A kernel may write to a parameter passed by value; the storage that `byval` points to is the
// caller's and belongs to all threads.
void copyAggregateParameters(llvm::Function& kernel) {
  const llvm::DataLayout& layout = kernel.getParent()->getDataLayout();
  for (llvm::Argument& argument : kernel.args()) {
    if (!argument.hasByValAttr()) continue;
    llvm::IRBuilder<> builder(&kernel.getEntryBlock(), kernel.getEntryBlock().begin());
    llvm::Type* type = argument.getParamByValType();
    const llvm::Align align = argument.getParamAlign().valueOrOne();
    llvm::AllocaInst* copy = builder.CreateAlloca(type, nullptr, argument.getName() + ".copy");
    copy->setAlignment(align);
    argument.replaceAllUsesWith(copy);
    builder.CreateMemCpy(copy, align, &argument, align, layout.getTypeAllocSize(type));
  }
}

void annotateBarrier(llvm::Function& barrier) {
  barrier.setDoesNotThrow();
  barrier.addFnAttr(Attribute::Convergent);
  barrier.addFnAttr(Attribute::NoDuplicate);
}

void annotateCoordinate(llvm::Function& coordinate) {
  coordinate.setDoesNotThrow();
  coordinate.setDoesNotAccessMemory();
  coordinate.setWillReturn();
  coordinate.addFnAttr(Attribute::Speculatable);
  coordinate.removeFnAttr(Attribute::Convergent);
  for (llvm::User* user : coordinate.users()) {
    if (auto* call = llvm::dyn_cast<llvm::CallInst>(user)) {
      call->removeFnAttr(Attribute::Convergent);
    }
  }
}

// Every function that reaches an intrinsic through calls has to be inlined, __noinline__ or not.
void forceInlining(llvm::ArrayRef<llvm::Function*> intrinsics) {
  llvm::SmallVector<llvm::Function*> worklist(intrinsics);
  llvm::SmallPtrSet<llvm::Function*, 16> seen;
  while (!worklist.empty()) {
    for (llvm::User* user : worklist.pop_back_val()->users()) {
      auto* call = llvm::dyn_cast<llvm::CallInst>(user);
      if (!call) continue;
      call->removeFnAttr(Attribute::NoInline);
      llvm::Function* caller = call->getFunction();
      if (!seen.insert(caller).second) continue;
      caller->removeFnAttr(Attribute::NoInline);
      caller->removeFnAttr(Attribute::OptimizeNone);
      if (!isKernel(*caller)) caller->addFnAttr(Attribute::AlwaysInline);
      worklist.push_back(caller);
    }
  }
}

}  // namespace

llvm::PreservedAnalyses PreparePass::run(llvm::Module& module, llvm::ModuleAnalysisManager&) {
  protectVariables(module);
  llvm::SmallVector<llvm::Function*> intrinsics;
  for (llvm::Function& function : module) {
    const Intrinsic intrinsic = intrinsicNamed(function.getName());
    if (isKernel(function)) {
      copyAggregateParameters(function);
    } else if (!function.isDeclaration()) {
      function.setComdat(nullptr);
      function.setVisibility(GlobalValue::DefaultVisibility);
      function.setLinkage(GlobalValue::InternalLinkage);
    } else if (intrinsic == Intrinsic::kBlockBarrier || intrinsic == Intrinsic::kWarpBarrier) {
      annotateBarrier(function);
    } else if (intrinsic != Intrinsic::kNone) {
      annotateCoordinate(function);
    }
    if (intrinsic != Intrinsic::kNone) intrinsics.push_back(&function);
  }
  forceInlining(intrinsics);
  return llvm::PreservedAnalyses::none();
}

}  // namespace amdgpu::hostcc
