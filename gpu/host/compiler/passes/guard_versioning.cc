// Versioning of blocks by their bounds checks.

#include "gpu/host/compiler/passes/guard_versioning.h"

#include <algorithm>
#include <cstddef>

#include "gpu/host/abi.h"
#include "gpu/host/compiler/passes/monotone.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/Transforms/Utils/Local.h"

namespace amdgpu::hostcc {
namespace {

using llvm::CmpInst;
using llvm::ICmpInst;
using llvm::Instruction;
using llvm::IRBuilder;
using llvm::Value;

struct Guard {
  ICmpInst* comparison;
  Order order;
  bool passes;                   // its outcome in blocks that pass the test
  CmpInst::Predicate predicate;  // that left and right satisfy then
  Value* left;                   // monotone in the thread index
  Value* right;                  // the same for all threads
};

// Only bounds that depend on the block are worth a test: `threadIdx.x < 16` fails in every block.
bool isGuardedIndex(const KernelCore& core, Value* left, Value* right, Order order) {
  const std::optional<Monotone> index = isMonotone(core, left, order);
  const std::optional<Monotone> bound = isMonotone(core, right, order);
  return index && index->uses_thread && index->uses_block && bound && !bound->uses_thread;
}

// A constant that the index of some thread of the first block reaches: the lower end of what a
// kernel works on, as in `x > 0`. Other bounds are upper ends.
bool isLowerEnd(const KernelCore& core, const Value* bound) {
  const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(bound);
  const std::uint64_t threads =
      std::uint64_t{core.shape[0]} * std::max(core.shape[1], 1u) * std::max(core.shape[2], 1u);
  return constant && constant->getValue().sle(static_cast<std::int64_t>(threads));
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
  // `i >= n` and `x < 1` are written to leave early: expect them to be false. `x > 0` is expected
  // to be true.
  const bool passes = isLess(predicate) != isLowerEnd(core, right);
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
    Value* extreme = evaluateForThread(core, guard.left, guard.order, last_thread, builder);
    Value* bound = evaluateForThread(core, guard.right, guard.order, last_thread, builder);
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
    llvm::LLVMContext& context = kernel.getContext();
    call->addParamAttr(parameter.getArgNo(),
                       llvm::Attribute::getWithByValType(context, parameter.getParamByValType()));
    // Both sides must lay out the stack alike.
    if (const llvm::MaybeAlign align = parameter.getParamAlign()) {
      call->addParamAttr(parameter.getArgNo(), llvm::Attribute::getWithAlignment(context, *align));
    }
  }
}

}  // namespace amdgpu::hostcc
