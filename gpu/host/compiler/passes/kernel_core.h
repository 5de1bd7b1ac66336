// The core of a block function: a copy of a kernel's code inside a loop over the blocks of a range.
//
//   entry:        loads the BlockRange; everything that one call allocates
//   block.head:   for each block: its index in x, y, z
//     <the kernel's code, as one thread sees it>
//   block.end:    next block, or return
//
// The later steps replace the kernel's code by loops over the block's threads.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_KERNEL_CORE_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_KERNEL_CORE_H_

#include <array>
#include <cstdint>

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"

namespace amdgpu::hostcc {

using BlockShape = std::array<std::uint32_t, 3>;  // 0, 0, 0: any

struct KernelCore {
  llvm::Function* kernel;    // the original, unchanged
  llvm::Function* function;  // core(the kernel's parameters..., const BlockRange*)
  BlockShape shape;

  llvm::BasicBlock* entry;
  llvm::BasicBlock* block_head;
  llvm::BasicBlock* first;  // where the kernel's own code starts
  llvm::BasicBlock* block_end;
  llvm::BasicBlock* exit;
  llvm::BasicBlock* fallback =
      nullptr;  // calls the general core for this block; see guard_versioning.h

  llvm::Value* range;
  std::array<llvm::Value*, 3> grid_size;
  std::array<llvm::Value*, 3> block_size;
  std::array<llvm::Value*, 3> block_index;
  llvm::Value* linear_block;  // index of the block in the grid, x fastest
  llvm::Value* thread_count;  // threads of a block
  llvm::Value* dynamic_shared;
  llvm::Value* exchange;

  llvm::SmallVector<llvm::AllocaInst*> private_variables;  // the kernel's own, one per thread

  llvm::LLVMContext& context() const { return function->getContext(); }

  // True of code that runs once per call or per block, not per thread.
  bool isBlockLevel(const llvm::BasicBlock* block) const {
    return block == entry || block == block_head || block == fallback;
  }
  // True if `value` is known when a block starts: a constant, a parameter, or computed at block
  // level.
  bool isKnownAtBlockStart(const llvm::Value* value) const;

  // Blocks that hold the kernel's own code.
  llvm::SmallVector<llvm::BasicBlock*> threadBlocks() const;

  // Space that lives for one call of the block function.
  llvm::AllocaInst* allocate(llvm::Type* type, llvm::Value* count, const llvm::Twine& name) const;
};

// Copies `kernel` into a new core called `name`.
KernelCore buildKernelCore(llvm::Function& kernel, const llvm::Twine& name, const BlockShape& shape,
                           std::uint32_t vector_bits);

// Replaces block and grid coordinates and the exchange buffer by the values of `core`, and states
// that blockIdx * blockDim + threadIdx does not overflow. Thread coordinates stay.
void lowerBlockCoordinates(KernelCore& core);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_KERNEL_CORE_H_
