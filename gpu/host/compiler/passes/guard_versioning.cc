// Versioning of blocks by their bounds checks.

#include "gpu/host/compiler/passes/guard_versioning.h"

#include <cstddef>

#include "gpu/host/abi.h"
#include "gpu/host/compiler/passes/intrinsics.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/Transforms/Utils/Local.h"

namespace amdgpu::hostcc {
namespace {

using llvm::CmpInst;
using llvm::ICmpInst;
using llvm::Instruction;
using llvm::IRBuilder;
using llvm::Value;

constexpr int kMaxDepth = 8;

enum class Order { kSigned, kUnsigned };

// What an expression is made of, if it does not decrease with any thread index.
struct Monotone {
  bool uses_thread = false;  // a thread index occurs in it
  bool uses_block = false;   // so does a block index
};

bool doesNotWrap(const Instruction& instruction, Order order) {
  const auto* disjoint = llvm::dyn_cast<llvm::PossiblyDisjointInst>(&instruction);
  if (disjoint) return disjoint->isDisjoint();
  return order == Order::kSigned ? instruction.hasNoSignedWrap() : instruction.hasNoUnsignedWrap();
}

// True if `value` never decreases when a thread index grows, as numbers of the given order, and
// holds nothing that is not known when the block starts but thread indices.
bool isMonotone(const KernelCore& core, Value* value, Order order, Monotone& found, int depth = 0) {
  if (depth > kMaxDepth) return false;
  found.uses_block |= llvm::is_contained(core.block_index, value);
  if (core.isKnownAtBlockStart(value)) return true;
  auto* instruction = llvm::cast<Instruction>(value);
  if (calledIntrinsic(value) == Intrinsic::kThreadIndex) {
    found.uses_thread = true;
    return true;
  }
  auto operand = [&](unsigned k, Order in) {
    return isMonotone(core, instruction->getOperand(k), in, found, depth + 1);
  };
  auto uniform_operand = [&](unsigned k) {
    Monotone part;
    const bool known = isMonotone(core, instruction->getOperand(k), order, part, depth + 1);
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

// The monotone expression `value` for the block's first (0, 0, 0) or last thread, as a 64-bit
// number: that thread may be one for which the original overflows, and which does not get to the
// comparison.
Value* evaluateFor(const KernelCore& core, Value* value, Order order, bool last_thread,
                   IRBuilder<>& builder) {
  Monotone parts;
  isMonotone(core, value, order, parts);
  if (!parts.uses_thread) {
    Value* uniform = evaluateUniform(core, value, builder);
    return order == Order::kSigned ? builder.CreateSExt(uniform, builder.getInt64Ty())
                                   : builder.CreateZExt(uniform, builder.getInt64Ty());
  }
  auto* instruction = llvm::cast<Instruction>(value);
  auto operand = [&](unsigned k, Order in) {
    return evaluateFor(core, instruction->getOperand(k), in, last_thread, builder);
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

struct Guard {
  ICmpInst* comparison;
  Order order;
  bool passes;                   // its outcome in blocks that pass the test
  CmpInst::Predicate predicate;  // that left and right satisfy then
  Value* left;                   // monotone in the thread index
  Value* right;                  // the same for all threads
};

bool isLess(CmpInst::Predicate predicate) {
  return predicate == CmpInst::ICMP_SLT || predicate == CmpInst::ICMP_ULT ||
         predicate == CmpInst::ICMP_SLE || predicate == CmpInst::ICMP_ULE;
}

// Only bounds that depend on the block are worth a test: `threadIdx.x < 16` fails in every block.
bool isGuardedIndex(const KernelCore& core, Value* left, Value* right, Order order) {
  Monotone index;
  Monotone bound;
  return isMonotone(core, left, order, index) && index.uses_thread && index.uses_block &&
         isMonotone(core, right, order, bound) && !bound.uses_thread;
}

std::optional<Guard> asGuard(const KernelCore& core, ICmpInst* comparison) {
  if (core.isBlockLevel(comparison->getParent()) || comparison->isEquality()) return std::nullopt;
  Value* left = comparison->getOperand(0);
  Value* right = comparison->getOperand(1);
  if (!left->getType()->isIntegerTy() || left->getType()->getIntegerBitWidth() > 64) {
    return std::nullopt;
  }
  CmpInst::Predicate predicate = comparison->getPredicate();
  const Order order = comparison->isSigned() ? Order::kSigned : Order::kUnsigned;
  if (!isGuardedIndex(core, left, right, order)) {
    std::swap(left, right);
    predicate = CmpInst::getSwappedPredicate(predicate);
    if (!isGuardedIndex(core, left, right, order)) return std::nullopt;
  }
  // `i >= n` is written to leave early: expect it to be false. `i > 0` is expected to be true.
  const bool passes = isLess(predicate) || llvm::isa<llvm::ConstantInt>(right);
  if (!passes) predicate = CmpInst::getInversePredicate(predicate);
  return Guard{comparison, order, passes, predicate, left, right};
}

// The blocks that fail the test run the general core, as a range of one block.
void callGeneralCore(KernelCore& core, llvm::Function* general) {
  using host::BlockRange;
  core.fallback =
      llvm::BasicBlock::Create(core.context(), "fallback", core.function, core.block_end);
  llvm::AllocaInst* range = core.allocate(
      llvm::ArrayType::get(llvm::Type::getInt64Ty(core.context()), sizeof(BlockRange) / 8), nullptr,
      "range.one");
  IRBuilder<> builder(core.fallback);
  auto field = [&](std::size_t offset) {
    return builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), range, offset);
  };
  builder.CreateMemCpy(range, llvm::Align(8), core.range, llvm::Align(8), sizeof(BlockRange));
  builder.CreateStore(core.linear_block, field(offsetof(BlockRange, first)));
  builder.CreateStore(builder.CreateNUWAdd(core.linear_block, builder.getInt32(1)),
                      field(offsetof(BlockRange, last)));
  llvm::SmallVector<Value*> arguments;
  for (llvm::Argument& parameter : core.kernel->args()) {
    arguments.push_back(core.function->getArg(parameter.getArgNo()));
  }
  arguments.push_back(range);
  passParametersByValue(*core.kernel, builder.CreateCall(general, arguments));
  builder.CreateBr(core.block_end);
}

}  // namespace

void versionGuards(KernelCore& core, llvm::function_ref<llvm::Function*()> build_general) {
  llvm::SmallVector<Guard> guards;
  for (Instruction& instruction : llvm::instructions(*core.function)) {
    auto* comparison = llvm::dyn_cast<ICmpInst>(&instruction);
    if (!comparison) continue;
    if (std::optional<Guard> guard = asGuard(core, comparison)) guards.push_back(*guard);
  }
  if (guards.empty()) return;

  callGeneralCore(core, build_general());
  Instruction* to_first = core.block_head->getTerminator();
  IRBuilder<> builder(to_first);
  Value* all_pass = builder.getTrue();
  for (const Guard& guard : guards) {
    const bool last_thread = isLess(guard.predicate);
    Value* extreme = evaluateFor(core, guard.left, guard.order, last_thread, builder);
    Value* bound = evaluateFor(core, guard.right, guard.order, last_thread, builder);
    all_pass = builder.CreateAnd(all_pass, builder.CreateICmp(guard.predicate, extreme, bound));
  }
  builder.CreateCondBr(all_pass, core.first, core.fallback);
  to_first->eraseFromParent();
  for (const Guard& guard : guards) {
    guard.comparison->replaceAllUsesWith(builder.getInt1(guard.passes));
  }
  for (llvm::BasicBlock& block : *core.function) llvm::ConstantFoldTerminator(&block, true);
  llvm::removeUnreachableBlocks(*core.function);
}

void passParametersByValue(const llvm::Function& kernel, llvm::CallInst* call) {
  for (const llvm::Argument& parameter : kernel.args()) {
    if (!parameter.hasByValAttr()) continue;
    call->addParamAttr(
        parameter.getArgNo(),
        llvm::Attribute::getWithByValType(kernel.getContext(), parameter.getParamByValType()));
  }
}

}  // namespace amdgpu::hostcc
