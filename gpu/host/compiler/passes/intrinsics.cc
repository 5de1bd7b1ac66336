// Recognition of kernels, shared variables and intrinsics.

#include "gpu/host/compiler/passes/intrinsics.h"

#include "gpu/host/compiler/passes/passes.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"

namespace amdgpu::hostcc {

Intrinsic intrinsicNamed(llvm::StringRef name) {
  if (!name.starts_with("__hd_")) return Intrinsic::kNone;
  return llvm::StringSwitch<Intrinsic>(name)
      .Case("__hd_tid", Intrinsic::kThreadIndex)
      .Case("__hd_bid", Intrinsic::kBlockIndex)
      .Case("__hd_bdim", Intrinsic::kBlockSize)
      .Case("__hd_gdim", Intrinsic::kGridSize)
      .Case("__hd_flat", Intrinsic::kFlatThreadIndex)
      .Case("__hd_xchg", Intrinsic::kExchangeBuffer)
      .Case("__hd_barrier", Intrinsic::kBlockBarrier)
      .Case("__hd_wbarrier", Intrinsic::kWarpBarrier)
      .Default(Intrinsic::kNone);
}

Intrinsic calledIntrinsic(const llvm::Value* value) {
  const auto* call = llvm::dyn_cast<llvm::CallInst>(value);
  const llvm::Function* callee = call ? call->getCalledFunction() : nullptr;
  return callee ? intrinsicNamed(callee->getName()) : Intrinsic::kNone;
}

unsigned dimensionOf(const llvm::Instruction& call) {
  const auto* dimension = llvm::dyn_cast<llvm::ConstantInt>(call.getOperand(0));
  return dimension && dimension->getZExtValue() < 3 ? dimension->getZExtValue() : 0;
}

bool isBarrier(const llvm::Value* value) {
  const Intrinsic intrinsic = calledIntrinsic(value);
  return intrinsic == Intrinsic::kBlockBarrier || intrinsic == Intrinsic::kWarpBarrier;
}

bool isThreadCoordinate(const llvm::Value* value) {
  const Intrinsic intrinsic = calledIntrinsic(value);
  return intrinsic == Intrinsic::kThreadIndex || intrinsic == Intrinsic::kFlatThreadIndex;
}

bool isKernel(const llvm::Function& function) {
  return !function.isDeclaration() && function.getCallingConv() == llvm::CallingConv::SPIR_KERNEL;
}

bool isSharedVariable(const llvm::GlobalVariable& variable) {
  return variable.hasSection() && variable.getSection() == kSharedSection;
}

llvm::Instruction* insertBarrier(Intrinsic barrier, llvm::Instruction* position) {
  llvm::Module& module = *position->getModule();
  const llvm::StringRef name =
      barrier == Intrinsic::kWarpBarrier ? "__hd_wbarrier" : "__hd_barrier";
  llvm::FunctionCallee callee =
      module.getOrInsertFunction(name, llvm::Type::getVoidTy(module.getContext()));
  return llvm::CallInst::Create(callee, "", position->getIterator());
}

}  // namespace amdgpu::hostcc
