// Copying of regions into thread loops.

#include "gpu/host/compiler/passes/region_copy.h"

#include "gpu/host/compiler/passes/intrinsics.h"
#include "llvm/IR/CFG.h"
#include "llvm/Transforms/Utils/Cloning.h"

namespace amdgpu::hostcc {
namespace {

using llvm::BasicBlock;
using llvm::Instruction;
using llvm::IRBuilder;
using llvm::Value;

Value* coordinate(const ThreadPosition& position, const Instruction& call) {
  return calledIntrinsic(&call) == Intrinsic::kFlatThreadIndex ? position.flat
                                                               : position.index[dimensionOf(call)];
}

}  // namespace

RegionCopy::RegionCopy(const KernelCore& core, const RegionSplit& split, unsigned region)
    : core_(core), split_(split), region_(region) {
  findBlocks();
  findLocals();
}

void RegionCopy::findBlocks() {
  llvm::SmallVector<BasicBlock*> worklist = {split_.roots[region_]};
  while (!worklist.empty()) {
    BasicBlock* block = worklist.pop_back_val();
    if (block == core_.block_end || split_.barrier_blocks.contains(block)) {
      if (!llvm::is_contained(exits_, block)) exits_.push_back(block);
      continue;
    }
    if (!members_.insert(block).second) continue;
    blocks_.push_back(block);
    llvm::append_range(worklist, llvm::successors(block));
  }
}

void RegionCopy::findLocals() {
  const BasicBlock* start = region_ == 0 ? nullptr : split_.barriers[region_ - 1].block;
  for (unsigned number = 0; number < split_.live_values.size(); ++number) {
    const LiveValue& live = split_.live_values[number];
    bool reads = false;
    bool writes = false;
    for (const llvm::User* user : live.variable->users()) {
      const auto* instruction = llvm::cast<Instruction>(user);
      if (!members_.contains(instruction->getParent())) continue;
      (llvm::isa<llvm::LoadInst>(instruction) ? reads : writes) = true;
    }
    if (!reads && !writes) continue;
    const bool live_out =
        llvm::any_of(exits_, [&](BasicBlock* exit) { return live.live_at.contains(exit); });
    RegionLocal local = {};
    local.live = &live;
    local.number = number;
    local.is_modified = writes && live_out && live.kind != LiveValue::Kind::kRecomputed;
    // A modified value may leave by a way that does not pass the definition.
    local.is_incoming = (reads || local.is_modified) && start && live.live_at.contains(start);
    local.local = core_.allocate(live.definition->getType(), nullptr,
                                 live.definition->getName() + ".r" + llvm::Twine(region_));
    locals_.push_back(local);
  }
}

bool RegionCopy::isLocal(const Value* pointer) const {
  return llvm::any_of(locals_, [&](const RegionLocal& local) { return local.local == pointer; });
}

void RegionCopy::mapLeaves(llvm::ValueToValueMapTy& values, const ThreadPosition& position,
                           llvm::ArrayRef<Value*> private_addresses) const {
  for (Instruction& instruction : *split_.recomputed) {
    if (isThreadCoordinate(&instruction)) values[&instruction] = coordinate(position, instruction);
  }
  for (auto [variable, address] : llvm::zip(core_.private_variables, private_addresses)) {
    values[variable] = address;
  }
}

Value* RegionCopy::recompute(const RegionLocal& local, IRBuilder<>& builder,
                             const ThreadPosition& position,
                             llvm::ArrayRef<Value*> private_addresses) {
  if (recomputed_.empty()) mapLeaves(recomputed_, position, private_addresses);
  return copyExpression(core_, local.live->expression, builder, recomputed_);
}

void RegionCopy::redirectExits(BasicBlock* copy) {
  for (unsigned k = 0; k < exits_.size(); ++k) {
    for (BasicBlock* successor : llvm::successors(copy)) {
      if (successor == exits_[k]) {
        copy->getTerminator()->replaceSuccessorWith(exits_[k], exit_blocks_[k]);
        break;
      }
    }
  }
}

void RegionCopy::emit(BasicBlock* from, const ThreadPosition& position,
                      llvm::ArrayRef<Value*> private_addresses, llvm::MDNode* access_group) {
  llvm::ValueToValueMapTy values;
  mapLeaves(values, position, private_addresses);
  for (const RegionLocal& local : locals_) values[local.live->variable] = local.local;
  for (unsigned k = 0; k < exits_.size(); ++k) {
    exit_blocks_.push_back(BasicBlock::Create(core_.context(), "leave", core_.function));
  }
  llvm::SmallVector<BasicBlock*> copies;
  for (BasicBlock* block : blocks_) {
    BasicBlock* copy =
        llvm::CloneBasicBlock(block, values, ".r" + llvm::Twine(region_), core_.function);
    values[block] = copy;
    copies.push_back(copy);
  }
  llvm::BranchInst::Create(llvm::cast<BasicBlock>(values[split_.roots[region_]]), from);
  for (BasicBlock* copy : copies) {
    // Ways into the block from other regions are not ways into this copy.
    for (llvm::PHINode& phi : copy->phis()) {
      phi.removeIncomingValueIf(
          [&](unsigned k) { return !members_.contains(phi.getIncomingBlock(k)); },
          /*DeletePHIIfEmpty=*/false);
    }
    redirectExits(copy);
  }
  llvm::remapInstructionsInBlocks(copies, values);
  for (BasicBlock* copy : copies) {
    for (Instruction& instruction : llvm::make_early_inc_range(*copy)) {
      if (isThreadCoordinate(&instruction)) {
        instruction.replaceAllUsesWith(coordinate(position, instruction));
        instruction.eraseFromParent();
        continue;
      }
      // Volatile and atomic accesses stay outside: they order threads.
      const Value* pointer = llvm::getLoadStorePointerOperand(&instruction);
      if (pointer && !isLocal(pointer) && !instruction.isVolatile() && !instruction.isAtomic()) {
        addToAccessGroup(&instruction, access_group);
      }
    }
  }
  // The kernel's own variables: the copy of the declaration gives way to the thread's storage.
  for (auto [variable, address] : llvm::zip(core_.private_variables, private_addresses)) {
    auto* copy = llvm::dyn_cast<llvm::AllocaInst>(static_cast<Value*>(values[variable]));
    if (!copy || copy == address) continue;
    copy->replaceAllUsesWith(address);
    copy->eraseFromParent();
  }
}

llvm::Type* storageType(llvm::Type* type) {
  return type->isIntegerTy(1) ? llvm::Type::getInt8Ty(type->getContext()) : type;
}

Value* loadStored(IRBuilder<>& builder, llvm::Type* type, Value* address,
                  llvm::MDNode* access_group) {
  llvm::LoadInst* load = builder.CreateLoad(storageType(type), address);
  addToAccessGroup(load, access_group);
  return type->isIntegerTy(1) ? builder.CreateTrunc(load, type) : load;
}

void storeAs(IRBuilder<>& builder, Value* value, Value* address, llvm::MDNode* access_group) {
  if (value->getType()->isIntegerTy(1)) value = builder.CreateZExt(value, builder.getInt8Ty());
  addToAccessGroup(builder.CreateStore(value, address), access_group);
}

void addToAccessGroup(Instruction* instruction, llvm::MDNode* access_group) {
  if (!access_group) return;
  llvm::MDNode* other = instruction->getMetadata(llvm::LLVMContext::MD_access_group);
  if (other) access_group = llvm::MDNode::get(instruction->getContext(), {other, access_group});
  instruction->setMetadata(llvm::LLVMContext::MD_access_group, access_group);
}

}  // namespace amdgpu::hostcc
