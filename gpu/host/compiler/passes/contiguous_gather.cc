// Versions gathers and scatters by whether their indices are consecutive.

#include "gpu/host/compiler/passes/contiguous_gather.h"

#include <optional>

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

namespace amdgpu::hostcc {
namespace {

using llvm::IRBuilder;
using llvm::Value;

// A gather or scatter of base[extended(index[lane])].
struct Access {
  llvm::IntrinsicInst* intrinsic;
  bool is_gather;
  llvm::FixedVectorType* type;  // of what is loaded or stored
  llvm::GetElementPtrInst* address;
  Value* index;  // vector, before its extension to 64 bits
  bool sign_extended;
  bool zero_extended;
  Value* mask;
  llvm::Align align;
};

std::optional<Access> asAccess(llvm::Instruction& instruction) {
  auto* intrinsic = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
  if (!intrinsic) return std::nullopt;
  const bool is_gather = intrinsic->getIntrinsicID() == llvm::Intrinsic::masked_gather;
  if (!is_gather && intrinsic->getIntrinsicID() != llvm::Intrinsic::masked_scatter) {
    return std::nullopt;
  }
  // gather(addresses, align, mask, pass-through); scatter(values, addresses, align, mask)
  const unsigned first = is_gather ? 0 : 1;
  Access access = {};
  access.intrinsic = intrinsic;
  access.is_gather = is_gather;
  access.type = llvm::dyn_cast<llvm::FixedVectorType>(
      is_gather ? intrinsic->getType() : intrinsic->getArgOperand(0)->getType());
  access.address = llvm::dyn_cast<llvm::GetElementPtrInst>(intrinsic->getArgOperand(first));
  access.align =
      llvm::cast<llvm::ConstantInt>(intrinsic->getArgOperand(first + 1))->getAlignValue();
  access.mask = intrinsic->getArgOperand(first + 2);
  if (!access.type || !access.address || access.address->getNumIndices() != 1 ||
      access.address->getPointerOperandType()->isVectorTy() ||
      access.address->getSourceElementType() != access.type->getElementType()) {
    return std::nullopt;
  }
  access.index = access.address->getOperand(1);
  if (auto* extension = llvm::dyn_cast<llvm::ZExtInst>(access.index)) {
    access.index = extension->getOperand(0);
    access.zero_extended = true;
  } else if (auto* extension = llvm::dyn_cast<llvm::SExtInst>(access.index)) {
    access.index = extension->getOperand(0);
    access.sign_extended = true;
  }
  if (!llvm::isa<llvm::FixedVectorType>(access.index->getType())) return std::nullopt;
  return access;
}

bool isAllOnes(const Value* mask) {
  const auto* constant = llvm::dyn_cast<llvm::Constant>(mask);
  return constant && constant->isAllOnesValue();
}

// True at run time if every active lane's index is the first lane's plus its number, and that sum
// does not wrap.
Value* isConsecutive(const Access& access, Value* first, IRBuilder<>& builder) {
  const unsigned lanes = access.type->getNumElements();
  llvm::Type* type = first->getType();
  const unsigned bits = type->getScalarSizeInBits();
  llvm::SmallVector<llvm::Constant*> numbers;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    numbers.push_back(llvm::ConstantInt::get(type, lane));
  }
  Value* expected = builder.CreateAdd(builder.CreateVectorSplat(lanes, first),
                                      llvm::ConstantVector::get(numbers));
  Value* as_expected = builder.CreateICmpEQ(access.index, expected);
  if (!isAllOnes(access.mask)) {
    as_expected = builder.CreateOr(as_expected, builder.CreateNot(access.mask));
  }
  Value* consecutive = builder.CreateAndReduce(as_expected);
  if (access.zero_extended) {
    Value* limit = llvm::ConstantInt::get(type, llvm::APInt::getMaxValue(bits) - lanes);
    consecutive = builder.CreateAnd(consecutive, builder.CreateICmpULE(first, limit));
  } else if (access.sign_extended) {
    Value* limit = llvm::ConstantInt::get(type, llvm::APInt::getSignedMaxValue(bits) - lanes);
    consecutive = builder.CreateAnd(consecutive, builder.CreateICmpSLE(first, limit));
  }
  return consecutive;
}

Value* consecutiveAccess(const Access& access, Value* first, IRBuilder<>& builder) {
  if (access.zero_extended) first = builder.CreateZExt(first, builder.getInt64Ty());
  if (access.sign_extended) first = builder.CreateSExt(first, builder.getInt64Ty());
  Value* address =
      builder.CreateGEP(access.type->getElementType(), access.address->getPointerOperand(), first);
  const bool whole = isAllOnes(access.mask);
  if (access.is_gather) {
    if (whole) return builder.CreateAlignedLoad(access.type, address, access.align);
    return builder.CreateMaskedLoad(access.type, address, access.align, access.mask,
                                    access.intrinsic->getArgOperand(3));
  }
  Value* values = access.intrinsic->getArgOperand(0);
  if (whole) return builder.CreateAlignedStore(values, address, access.align);
  return builder.CreateMaskedStore(values, address, access.align, access.mask);
}

void version(const Access& access) {
  IRBuilder<> builder(access.intrinsic);
  Value* first = builder.CreateExtractElement(access.index, std::uint64_t{0});
  Value* consecutive = isConsecutive(access, first, builder);
  llvm::Instruction* then_end;
  llvm::Instruction* else_end;
  llvm::SplitBlockAndInsertIfThenElse(consecutive, access.intrinsic, &then_end, &else_end);
  builder.SetInsertPoint(then_end);
  Value* fast = consecutiveAccess(access, first, builder);
  llvm::Instruction* slow = access.intrinsic->clone();
  slow->insertBefore(else_end);
  if (access.is_gather) {
    builder.SetInsertPoint(access.intrinsic);
    llvm::PHINode* result = builder.CreatePHI(access.type, 2);
    result->addIncoming(fast, then_end->getParent());
    result->addIncoming(slow, else_end->getParent());
    access.intrinsic->replaceAllUsesWith(result);
  }
  access.intrinsic->eraseFromParent();
}

}  // namespace

llvm::PreservedAnalyses ContiguousGatherPass::run(llvm::Function& function,
                                                  llvm::FunctionAnalysisManager&) {
  llvm::SmallVector<llvm::Instruction*> candidates;
  for (llvm::Instruction& instruction : llvm::instructions(function)) {
    if (asAccess(instruction)) candidates.push_back(&instruction);
  }
  // Looked at again one by one: what one gather loads may be the index of the next, and is replaced
  // by then.
  for (llvm::Instruction* candidate : candidates) version(*asAccess(*candidate));
  return candidates.empty() ? llvm::PreservedAnalyses::all() : llvm::PreservedAnalyses::none();
}

}  // namespace amdgpu::hostcc
