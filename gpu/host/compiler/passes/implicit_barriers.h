// Barriers that the program does not have but gains from.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_IMPLICIT_BARRIERS_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_IMPLICIT_BARRIERS_H_

#include "gpu/host/compiler/passes/divergence.h"
#include "gpu/host/compiler/passes/kernel_core.h"

namespace amdgpu::hostcc {

// LLVM vectorises innermost loops only. A barrier in the header of a loop of the kernel makes the
// thread loop the inner one:
//   - where all threads run the loop equally often, a barrier of the block: for k { for threads {
//   ... } };
//   - where they do not, a warp barrier, which makes lanes advance in step under a mask. That needs
//   lane
//     mode for the whole kernel, so it is done only if `allow_lanes`.
// Returns true if lane mode is needed for what was added.
bool addImplicitBarriers(KernelCore& core, const Divergence& divergence, bool allow_lanes);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_IMPLICIT_BARRIERS_H_
