// Marks on memory accesses, and the size of a launch at run time.

#include "gpu/host/compiler/passes/large_launch.h"

#include <cstddef>

#include "gpu/host/abi.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"

namespace amdgpu::hostcc {

void markAccess(llvm::Instruction& access, llvm::StringRef list) {
  llvm::Module& module = *access.getModule();
  llvm::NamedMDNode* groups = module.getOrInsertNamedMetadata(list);
  if (groups->getNumOperands() == 0) {
    groups->addOperand(llvm::MDNode::getDistinct(module.getContext(), {}));
  }
  access.setMetadata(llvm::LLVMContext::MD_access_group, groups->getOperand(0));
}

llvm::SmallVector<llvm::Instruction*> markedVectors(llvm::Function& function, llvm::StringRef list,
                                                    unsigned opcode, std::uint32_t vector_bits) {
  llvm::SmallVector<llvm::Instruction*> found;
  const llvm::NamedMDNode* named = function.getParent()->getNamedMetadata(list);
  if (!named) return found;
  const llvm::MDNode* group = named->getOperand(0);
  const llvm::DataLayout& layout = function.getParent()->getDataLayout();
  for (llvm::Instruction& instruction : llvm::instructions(function)) {
    if (instruction.getOpcode() != opcode) continue;
    const llvm::MDNode* groups = instruction.getMetadata(llvm::LLVMContext::MD_access_group);
    if (!groups || (groups != group && !llvm::is_contained(groups->operands(), group))) continue;
    llvm::Type* type = llvm::getLoadStoreType(&instruction);
    if (type->isVectorTy() && layout.getTypeSizeInBits(type) == vector_bits) {
      found.push_back(&instruction);
    }
  }
  return found;
}

llvm::Value* isLargeLaunch(llvm::Function& core, std::uint64_t threads) {
  using host::BlockRange;
  llvm::BasicBlock& entry = core.getEntryBlock();
  llvm::IRBuilder<> builder(&entry, entry.getFirstNonPHIOrDbgOrAlloca());
  llvm::Value* range = core.getArg(core.arg_size() - 1);
  llvm::Value* count = builder.getInt64(1);
  static_assert(offsetof(BlockRange, grid) == 0 && offsetof(BlockRange, block) == 12);
  for (unsigned field = 0; field < 6; ++field) {
    llvm::Value* address = builder.CreateConstGEP1_64(builder.getInt32Ty(), range, field);
    llvm::Value* size = builder.CreateLoad(builder.getInt32Ty(), address);
    count = builder.CreateMul(count, builder.CreateZExt(size, builder.getInt64Ty()));
  }
  return builder.CreateICmpUGE(count, builder.getInt64(threads), "large");
}

}  // namespace amdgpu::hostcc
