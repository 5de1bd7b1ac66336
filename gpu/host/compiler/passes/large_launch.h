// What streaming stores and prefetches share: the mark that survives the vectoriser, and the
// question whether a launch is large enough for them.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_LARGE_LAUNCH_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_LARGE_LAUNCH_H_

#include <cstdint>

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/Instruction.h"

namespace amdgpu::hostcc {

// The mark is an access group of its own: LLVM's vectoriser keeps those, and drops metadata it does
// not know. `list` is the name of the module metadata that tells which group it is.
void markAccess(llvm::Instruction& access, llvm::StringRef list);

// The vector loads or stores (`opcode`) of `vector_bits` that have the mark.
llvm::SmallVector<llvm::Instruction*> markedVectors(llvm::Function& function, llvm::StringRef list,
                                                    unsigned opcode, std::uint32_t vector_bits);

// Computed at the entry of a core: true in launches of at least `threads` threads.
llvm::Value* isLargeLaunch(llvm::Function& core, std::uint64_t threads);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_LARGE_LAUNCH_H_
