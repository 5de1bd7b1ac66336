// Copies one region into the loop over the threads that will run it.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_REGION_COPY_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_REGION_COPY_H_

#include "gpu/host/compiler/passes/region_split.h"

namespace amdgpu::hostcc {

// Where in its block the thread is that an iteration of a thread loop stands for.
struct ThreadPosition {
  std::array<llvm::Value*, 3> index;
  llvm::Value* flat;  // i32
};

// A live value as one region sees it.
struct RegionLocal {
  const LiveValue* live;
  unsigned number;          // of the live value in the split
  llvm::AllocaInst* local;  // this region's own copy of the variable
  bool is_incoming;         // live where the region starts, and needed
  bool is_modified;         // defined in the region and live at one of the barriers that end it
};

class RegionCopy {
 public:
  RegionCopy(const KernelCore& core, const RegionSplit& split, unsigned region);

  // The live values that the region reads or defines.
  llvm::SmallVector<RegionLocal>& locals() { return locals_; }

  // Where the region may end: blocks of barriers, or the core's block_end.
  llvm::ArrayRef<llvm::BasicBlock*> exits() const { return exits_; }
  bool contains(llvm::BasicBlock* block) const { return members_.contains(block); }
  llvm::ArrayRef<llvm::BasicBlock*> blocks() const { return blocks_; }

  // Evaluates the expression of a kRecomputed local for a thread.
  llvm::Value* recompute(const RegionLocal& local, llvm::IRBuilder<>& builder,
                         const ThreadPosition& position,
                         llvm::ArrayRef<llvm::Value*> private_addresses);

  // Copies the region's code; `from` (not terminated) branches to it. Way out k goes to a new,
  // empty block exit_blocks()[k]. Accesses to memory are put into `access_group`: no thread depends
  // on another's between two barriers.
  void emit(llvm::BasicBlock* from, const ThreadPosition& position,
            llvm::ArrayRef<llvm::Value*> private_addresses, llvm::MDNode* access_group);
  llvm::ArrayRef<llvm::BasicBlock*> exitBlocks() const { return exit_blocks_; }

 private:
  void findBlocks();
  void findLocals();
  void mapLeaves(llvm::ValueToValueMapTy& values, const ThreadPosition& position,
                 llvm::ArrayRef<llvm::Value*> private_addresses) const;
  void redirectExits(llvm::BasicBlock* copy);
  bool isLocal(const llvm::Value* pointer) const;

  const KernelCore& core_;
  const RegionSplit& split_;
  unsigned region_;
  llvm::SmallVector<llvm::BasicBlock*> blocks_;
  llvm::SmallPtrSet<llvm::BasicBlock*, 32> members_;
  llvm::SmallVector<llvm::BasicBlock*> exits_;
  llvm::SmallVector<llvm::BasicBlock*> exit_blocks_;
  llvm::SmallVector<RegionLocal> locals_;
  llvm::ValueToValueMapTy recomputed_;
};

// How a live value lies in memory: a bool as a byte, so that arrays of it vectorise.
llvm::Type* storageType(llvm::Type* type);
llvm::Value* loadStored(llvm::IRBuilder<>& builder, llvm::Type* type, llvm::Value* address,
                        llvm::MDNode* access_group);
void storeAs(llvm::IRBuilder<>& builder, llvm::Value* value, llvm::Value* address,
             llvm::MDNode* access_group);

// Marks a load or store as independent of those of other iterations. Null: does nothing.
void addToAccessGroup(llvm::Instruction* instruction, llvm::MDNode* access_group);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_REGION_COPY_H_
