// What the passes recognise in a module: kernels, shared variables and the __hd_* intrinsics.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_INTRINSICS_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_INTRINSICS_H_

#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/IR/Instruction.h"

namespace amdgpu::hostcc {

enum class Intrinsic {
  kNone,
  kThreadIndex,      // __hd_tid(dim)
  kBlockIndex,       // __hd_bid(dim)
  kBlockSize,        // __hd_bdim(dim)
  kGridSize,         // __hd_gdim(dim)
  kFlatThreadIndex,  // __hd_flat()
  kExchangeBuffer,   // __hd_xchg()
  kBlockBarrier,     // __hd_barrier()
  kWarpBarrier,      // __hd_wbarrier()
};

// The intrinsic that a function of this name is; kNone for every other name.
Intrinsic intrinsicNamed(llvm::StringRef name);

// The intrinsic that `value` calls directly; kNone if it is anything else.
Intrinsic calledIntrinsic(const llvm::Value* value);

// The dimension (0 to 2) that a call of a coordinate intrinsic asks for.
unsigned dimensionOf(const llvm::Instruction& call);

bool isBarrier(const llvm::Value* value);

// True of the calls whose result differs between the threads of a block by definition.
bool isThreadCoordinate(const llvm::Value* value);

bool isKernel(const llvm::Function& function);
bool isSharedVariable(const llvm::GlobalVariable& variable);

// Makes a call of a barrier intrinsic right before `position`.
llvm::Instruction* insertBarrier(Intrinsic barrier, llvm::Instruction* position);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_INTRINSICS_H_
