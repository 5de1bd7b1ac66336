// Attaches libmvec variants to calls of math functions.

#include "gpu/host/compiler/passes/vector_math.h"

#include <string>

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/VFABIDemangler.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

namespace amdgpu::hostcc {
namespace {

constexpr unsigned kVectorBits = 512;

// What libmvec of glibc 2.36 has, each for float and double.
constexpr llvm::StringLiteral kFunctions[] = {
    "acos",  "acosh", "asin", "asinh", "atan",  "atan2", "atanh", "cbrt",  "cos",
    "cosh",  "erf",   "erfc", "exp",   "exp10", "exp2",  "expm1", "hypot", "log",
    "log10", "log1p", "log2", "pow",   "sin",   "sinh",  "tan",   "tanh"};

// "sin" of sin, sinf, llvm.sin.f32 and llvm.sin.f64; empty if `callee` is none of the functions.
llvm::StringRef mathFunction(const llvm::Function& callee) {
  llvm::Type* type = callee.getReturnType();
  if (!callee.isDeclaration() || !(type->isFloatTy() || type->isDoubleTy())) return {};
  const bool all_alike = llvm::all_of(
      callee.args(), [&](const llvm::Argument& argument) { return argument.getType() == type; });
  if (!all_alike) return {};
  llvm::StringRef name = callee.getName();
  if (name.consume_front("llvm.")) {
    name = name.take_until([](char c) { return c == '.'; });
  } else if (type->isFloatTy() && !name.consume_back("f")) {
    return {};
  }
  return llvm::is_contained(kFunctions, name) ? name : llvm::StringRef();
}

llvm::Function* declareVariant(llvm::Module& module, llvm::StringRef name, llvm::Type* type,
                               unsigned parameters, unsigned lanes) {
  auto* vector = llvm::FixedVectorType::get(type, lanes);
  llvm::SmallVector<llvm::Type*> arguments(parameters, vector);
  auto* variant = llvm::cast<llvm::Function>(
      module.getOrInsertFunction(name, llvm::FunctionType::get(vector, arguments, false))
          .getCallee());
  variant->setDoesNotAccessMemory();
  variant->setDoesNotThrow();
  variant->setWillReturn();
  // Keeps the declaration until the vectoriser wants it.
  llvm::appendToCompilerUsed(module, {variant});
  return variant;
}

}  // namespace

void declareVectorMath(llvm::Function& function) {
  for (llvm::Instruction& instruction : llvm::instructions(function)) {
    auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    llvm::Function* callee = call ? call->getCalledFunction() : nullptr;
    if (!callee) continue;
    const llvm::StringRef math = mathFunction(*callee);
    if (math.empty()) continue;
    llvm::Type* type = call->getType();
    const unsigned lanes = kVectorBits / type->getScalarSizeInBits();
    const std::string shape =
        "N" + std::to_string(lanes) + std::string(call->arg_size(), 'v') + "_";
    const std::string variant = "_ZGVe" + shape + math.str() + (type->isFloatTy() ? "f" : "");
    declareVariant(*function.getParent(), variant, type, call->arg_size(), lanes);
    llvm::VFABI::setVectorVariantNames(
        call, {"_ZGV_LLVM_" + shape + callee->getName().str() + "(" + variant + ")"});
    call->setDoesNotAccessMemory();  // errno is not part of the device's math
  }
}

}  // namespace amdgpu::hostcc
