// Recognition and evaluation of expressions that are monotone in the thread index.

#include "gpu/host/compiler/passes/monotone.h"

#include "gpu/host/compiler/passes/intrinsics.h"
#include "llvm/IR/Instructions.h"

namespace amdgpu::hostcc {
namespace {

using llvm::Instruction;
using llvm::IRBuilder;
using llvm::Value;

constexpr int kMaxDepth = 8;

bool doesNotWrap(const Instruction& instruction, Order order) {
  const auto* disjoint = llvm::dyn_cast<llvm::PossiblyDisjointInst>(&instruction);
  if (disjoint) return disjoint->isDisjoint();
  return order == Order::kSigned ? instruction.hasNoSignedWrap() : instruction.hasNoUnsignedWrap();
}

bool isMonotoneUpTo(const KernelCore& core, Value* value, Order order, Monotone& found, int depth) {
  if (depth > kMaxDepth) return false;
  found.uses_block |= llvm::is_contained(core.block_index, value);
  if (core.isKnownAtBlockStart(value)) return true;
  auto* instruction = llvm::cast<Instruction>(value);
  if (calledIntrinsic(value) == Intrinsic::kThreadIndex) {
    found.uses_thread = true;
    return true;
  }
  auto operand = [&](unsigned k, Order in) {
    return isMonotoneUpTo(core, instruction->getOperand(k), in, found, depth + 1);
  };
  auto uniform_operand = [&](unsigned k) {
    Monotone part;
    const bool known = isMonotoneUpTo(core, instruction->getOperand(k), order, part, depth + 1);
    found.uses_block |= part.uses_block;
    return known && !part.uses_thread;
  };
  switch (instruction->getOpcode()) {
    case Instruction::Add:
    case Instruction::Or:
      return doesNotWrap(*instruction, order) && operand(0, order) && operand(1, order);
    case Instruction::Sub:
      return doesNotWrap(*instruction, order) && operand(0, order) && uniform_operand(1);
    case Instruction::Mul:
    case Instruction::Shl: {
      if (uniform_operand(0) && uniform_operand(1)) return true;
      const auto* factor = llvm::dyn_cast<llvm::ConstantInt>(instruction->getOperand(1));
      return factor && factor->getValue().isNonNegative() && doesNotWrap(*instruction, order) &&
             operand(0, order);
    }
    case Instruction::SExt:
      return order == Order::kSigned && operand(0, Order::kSigned);
    case Instruction::ZExt:
      return operand(0, Order::kUnsigned);
    default:
      return false;
  }
}

// A copy of `value`, which is the same for all threads of the block. A thread for which it
// overflowed would not come here, so the copy must not be poison where the original would.
Value* evaluateUniform(const KernelCore& core, Value* value, IRBuilder<>& builder) {
  if (core.isKnownAtBlockStart(value)) return value;
  Instruction* copy = llvm::cast<Instruction>(value)->clone();
  copy->dropPoisonGeneratingAnnotations();
  for (llvm::Use& operand : copy->operands()) {
    operand.set(evaluateUniform(core, operand.get(), builder));
  }
  return builder.Insert(copy);
}

}  // namespace

std::optional<Monotone> isMonotone(const KernelCore& core, Value* value, Order order) {
  Monotone found;
  if (!isMonotoneUpTo(core, value, order, found, 0)) return std::nullopt;
  return found;
}

Value* evaluateForThread(const KernelCore& core, Value* value, Order order, bool last_thread,
                         IRBuilder<>& builder) {
  const std::optional<Monotone> parts = isMonotone(core, value, order);
  if (parts && !parts->uses_thread) {
    Value* uniform = evaluateUniform(core, value, builder);
    return order == Order::kSigned ? builder.CreateSExt(uniform, builder.getInt64Ty())
                                   : builder.CreateZExt(uniform, builder.getInt64Ty());
  }
  auto* instruction = llvm::cast<Instruction>(value);
  auto operand = [&](unsigned k, Order in) {
    return evaluateForThread(core, instruction->getOperand(k), in, last_thread, builder);
  };
  switch (instruction->getOpcode()) {
    case Instruction::Call: {  // the thread index
      if (!last_thread) return builder.getInt64(0);
      Value* size = core.block_size[dimensionOf(*instruction)];
      return builder.CreateSub(builder.CreateZExt(size, builder.getInt64Ty()), builder.getInt64(1));
    }
    case Instruction::Add:
    case Instruction::Or:
      return builder.CreateAdd(operand(0, order), operand(1, order));
    case Instruction::Sub:
      return builder.CreateSub(operand(0, order), operand(1, order));
    case Instruction::Mul:
      return builder.CreateMul(operand(0, order), operand(1, order));
    case Instruction::Shl:
      return builder.CreateShl(operand(0, order), operand(1, Order::kUnsigned));
    case Instruction::SExt:
      return operand(0, Order::kSigned);
    case Instruction::ZExt:
      return operand(0, Order::kUnsigned);
    default:
      llvm_unreachable("not a monotone expression");
  }
}

}  // namespace amdgpu::hostcc
