// Builds the frame of a block function around a copy of the kernel's code.

#include "gpu/host/compiler/passes/kernel_core.h"

#include <cstddef>

#include "gpu/host/abi.h"
#include "gpu/host/compiler/passes/intrinsics.h"
#include "llvm/IR/DebugInfo.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/Cloning.h"

namespace amdgpu::hostcc {
namespace {

using llvm::Attribute;
using llvm::BasicBlock;
using llvm::Instruction;
using llvm::IRBuilder;
using llvm::Type;
using llvm::Value;

llvm::Function* cloneKernel(llvm::Function& kernel, const llvm::Twine& name,
                            std::uint32_t vector_bits,
                            llvm::SmallVectorImpl<llvm::ReturnInst*>& returns) {
  llvm::LLVMContext& context = kernel.getContext();
  llvm::SmallVector<Type*> parameters;
  for (llvm::Argument& argument : kernel.args()) parameters.push_back(argument.getType());
  parameters.push_back(llvm::PointerType::get(context, 0));
  auto* type = llvm::FunctionType::get(Type::getVoidTy(context), parameters, false);
  llvm::Function* core =
      llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, *kernel.getParent());
  llvm::ValueToValueMapTy values;
  for (llvm::Argument& argument : kernel.args()) {
    llvm::Argument* copy = core->getArg(argument.getArgNo());
    copy->setName(argument.getName());
    values[&argument] = copy;
  }
  llvm::CloneFunctionInto(core, &kernel, values, llvm::CloneFunctionChangeType::LocalChangesOnly,
                          returns);
  // These held of one thread's code; the core is the code of all threads of many blocks.
  for (Attribute::AttrKind kind :
       {Attribute::Memory, Attribute::Convergent, Attribute::NoRecurse, Attribute::AlwaysInline,
        Attribute::NoSync, Attribute::WillReturn, Attribute::NoDuplicate}) {
    core->removeFnAttr(kind);
  }
  core->setCallingConv(llvm::CallingConv::C);
  core->setLinkage(llvm::GlobalValue::InternalLinkage);
  core->setComdat(nullptr);
  core->setVisibility(llvm::GlobalValue::DefaultVisibility);
  core->addFnAttr(Attribute::NoInline);
  core->addFnAttr("prefer-vector-width", std::to_string(vector_bits));
  core->addFnAttr("min-legal-vector-width", std::to_string(vector_bits));
  return core;
}

// Debug locations and lifetimes describe one thread; they would be wrong of all threads' loops.
void dropSingleThreadMarkers(llvm::Function& function) {
  llvm::stripDebugInfo(function);
  for (Instruction& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
    if (llvm::isa<llvm::LifetimeIntrinsic, llvm::AssumeInst>(instruction)) {
      instruction.eraseFromParent();
    }
  }
}

Value* loadField(IRBuilder<>& builder, Value* range, std::size_t offset, Type* type,
                 const llvm::Twine& name) {
  Value* address = builder.CreateConstGEP1_64(builder.getInt8Ty(), range, offset);
  const llvm::Align align(type->isPointerTy() ? 8 : 4);
  llvm::LoadInst* load = builder.CreateAlignedLoad(type, address, align, name);
  // A BlockRange does not change while the block function runs.
  load->setMetadata(llvm::LLVMContext::MD_invariant_load,
                    llvm::MDNode::get(type->getContext(), {}));
  return load;
}

void setRange(Value* value, std::uint64_t low, std::uint64_t end) {
  auto* load = llvm::dyn_cast<llvm::LoadInst>(value);
  if (!load) return;
  llvm::MDBuilder metadata(load->getContext());
  load->setMetadata(llvm::LLVMContext::MD_range,
                    metadata.createRange(llvm::APInt(32, low), llvm::APInt(32, end)));
}

void loadRange(KernelCore& core, IRBuilder<>& builder) {
  using host::BlockRange;
  Type* i32 = builder.getInt32Ty();
  Type* pointer = builder.getPtrTy();
  for (unsigned d = 0; d < 3; ++d) {
    core.grid_size[d] =
        loadField(builder, core.range, offsetof(BlockRange, grid) + 4 * d, i32, "grid");
    setRange(core.grid_size[d], 1, 0x80000000u);
    if (core.shape[d] != 0) {
      core.block_size[d] = builder.getInt32(core.shape[d]);
    } else {
      core.block_size[d] =
          loadField(builder, core.range, offsetof(BlockRange, block) + 4 * d, i32, "block");
      setRange(core.block_size[d], 1, host::kMaxThreadsPerBlock + 1);
    }
  }
  core.dynamic_shared =
      loadField(builder, core.range, offsetof(BlockRange, dynamic_shared), pointer, "dynamic");
  core.exchange =
      loadField(builder, core.range, offsetof(BlockRange, exchange), pointer, "exchange");
  Value* plane = builder.CreateMul(core.block_size[0], core.block_size[1], "", true, true);
  core.thread_count = builder.CreateMul(plane, core.block_size[2], "threads", true, true);
}

void buildBlockLoop(KernelCore& core, llvm::ArrayRef<llvm::ReturnInst*> returns) {
  using host::BlockRange;
  llvm::LLVMContext& context = core.context();
  core.first = &core.function->getEntryBlock();
  core.entry = BasicBlock::Create(context, "entry", core.function, core.first);
  core.block_head = BasicBlock::Create(context, "block.head", core.function, core.first);
  core.block_end = BasicBlock::Create(context, "block.end", core.function);
  core.exit = BasicBlock::Create(context, "exit", core.function);
  for (llvm::ReturnInst* instruction : returns) {
    llvm::BranchInst::Create(core.block_end, instruction->getIterator());
    instruction->eraseFromParent();
  }
  IRBuilder<> builder(core.entry);
  loadRange(core, builder);
  Type* i32 = builder.getInt32Ty();
  Value* begin = loadField(builder, core.range, offsetof(BlockRange, first), i32, "begin");
  Value* end = loadField(builder, core.range, offsetof(BlockRange, last), i32, "end");
  builder.CreateCondBr(builder.CreateICmpULT(begin, end), core.block_head, core.exit);

  builder.SetInsertPoint(core.block_head);
  llvm::PHINode* linear = builder.CreatePHI(i32, 2, "linear");
  linear->addIncoming(begin, core.entry);
  core.linear_block = linear;
  Value* row = builder.CreateUDiv(linear, core.grid_size[0]);
  core.block_index[0] = builder.CreateURem(linear, core.grid_size[0], "bx");
  core.block_index[1] = builder.CreateURem(row, core.grid_size[1], "by");
  core.block_index[2] = builder.CreateUDiv(row, core.grid_size[1], "bz");
  builder.CreateBr(core.first);

  builder.SetInsertPoint(core.block_end);
  Value* next = builder.CreateNUWAdd(linear, builder.getInt32(1), "next");
  linear->addIncoming(next, core.block_end);
  builder.CreateCondBr(builder.CreateICmpULT(next, end), core.block_head, core.exit);
  llvm::ReturnInst::Create(context, core.exit);
}

Value* blockLevelValue(const KernelCore& core, const Instruction& call) {
  switch (calledIntrinsic(&call)) {
    case Intrinsic::kBlockIndex:
      return core.block_index[dimensionOf(call)];
    case Intrinsic::kBlockSize:
      return core.block_size[dimensionOf(call)];
    case Intrinsic::kGridSize:
      return core.grid_size[dimensionOf(call)];
    case Intrinsic::kExchangeBuffer:
      return core.exchange;
    default:
      return nullptr;
  }
}

// A block's first thread in the grid: blockIdx * blockDim in some dimension.
bool isFirstThreadOfBlock(const KernelCore& core, const Value* value) {
  const auto* product = llvm::dyn_cast<llvm::BinaryOperator>(value);
  if (!product ||
      (product->getOpcode() != Instruction::Mul && product->getOpcode() != Instruction::Shl)) {
    return false;
  }
  for (unsigned d = 0; d < 3; ++d) {
    const Value* index = core.block_index[d];
    Value* other =
        product->getOperand(0) == index ? product->getOperand(1) : product->getOperand(0);
    if (product->getOperand(0) != index && product->getOperand(1) != index) continue;
    if (other == core.block_size[d]) return true;
    // With a known shape the block's size has been folded: compare numbers.
    const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(other);
    if (!constant || core.shape[d] == 0) continue;
    const std::uint64_t factor = product->getOpcode() == Instruction::Shl
                                     ? std::uint64_t{1} << constant->getZExtValue()
                                     : constant->getZExtValue();
    if (factor <= core.shape[d]) return true;
  }
  return false;
}

// The launch checks that grid * block stays below 2^31 in each dimension.
void stateNoOverflow(const KernelCore& core) {
  for (Instruction& instruction : llvm::instructions(*core.function)) {
    if (instruction.getOpcode() != Instruction::Add) continue;
    for (unsigned k = 0; k < 2; ++k) {
      auto* product = llvm::dyn_cast<Instruction>(instruction.getOperand(1 - k));
      if (calledIntrinsic(instruction.getOperand(k)) != Intrinsic::kThreadIndex) continue;
      if (!product || !isFirstThreadOfBlock(core, product)) continue;
      for (Instruction* exact : {&instruction, product}) {
        exact->setHasNoSignedWrap();
        exact->setHasNoUnsignedWrap();
      }
    }
  }
}

}  // namespace

bool KernelCore::isKnownAtBlockStart(const Value* value) const {
  const auto* instruction = llvm::dyn_cast<Instruction>(value);
  return !instruction || isBlockLevel(instruction->getParent());
}

llvm::SmallVector<BasicBlock*> KernelCore::threadBlocks() const {
  llvm::SmallVector<BasicBlock*> blocks;
  for (BasicBlock& block : *function) {
    if (!isBlockLevel(&block) && &block != block_end && &block != exit) blocks.push_back(&block);
  }
  return blocks;
}

llvm::AllocaInst* KernelCore::allocate(Type* type, Value* count, const llvm::Twine& name) const {
  IRBuilder<> builder(entry->getTerminator());
  llvm::AllocaInst* space = builder.CreateAlloca(type, count, name);
  if (count || type->isArrayTy()) space->setAlignment(llvm::Align(host::kBufferAlignment));
  return space;
}

KernelCore buildKernelCore(llvm::Function& kernel, const llvm::Twine& name, const BlockShape& shape,
                           std::uint32_t vector_bits) {
  KernelCore core = {};
  core.kernel = &kernel;
  core.shape = shape;
  llvm::SmallVector<llvm::ReturnInst*> returns;
  core.function = cloneKernel(kernel, name, vector_bits, returns);
  core.range = core.function->getArg(kernel.arg_size());
  core.range->setName("range");
  dropSingleThreadMarkers(*core.function);
  for (Instruction& instruction : llvm::instructions(*core.function)) {
    if (auto* variable = llvm::dyn_cast<llvm::AllocaInst>(&instruction)) {
      core.private_variables.push_back(variable);
    }
  }
  buildBlockLoop(core, returns);
  return core;
}

void lowerBlockCoordinates(KernelCore& core) {
  for (Instruction& call : llvm::make_early_inc_range(llvm::instructions(*core.function))) {
    if (Value* value = blockLevelValue(core, call)) {
      call.replaceAllUsesWith(value);
      call.eraseFromParent();
    }
  }
  stateNoOverflow(core);
}

}  // namespace amdgpu::hostcc
