// Barriers that the program does not have but gains from.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_IMPLICIT_BARRIERS_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_IMPLICIT_BARRIERS_H_

#include "gpu/host/compiler/passes/divergence.h"
#include "gpu/host/compiler/passes/kernel_core.h"
#include "gpu/host/compiler/passes/strided_loops.h"

namespace amdgpu::hostcc {

// LLVM vectorises innermost loops only. A barrier in the header of a loop of the kernel makes the
// thread loop the inner one:
//   - where all threads run the loop equally often, a barrier of the block: for k { for threads {
//   ... } };
//   - where they do not, a warp barrier, which makes lanes advance in step under a mask. That needs
//   lane
//     mode for the whole kernel, so it is done only if `allow_lanes`.
// The uniform part of a strided loop gets one in any case, for the sake of neighbouring accesses;
// what is left of it is too short to matter. Returns true if lane mode is needed for what was
// added.
bool addImplicitBarriers(KernelCore& core, const Divergence& divergence,
                         llvm::ArrayRef<StridedLoop> strided, bool allow_lanes);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_IMPLICIT_BARRIERS_H_
