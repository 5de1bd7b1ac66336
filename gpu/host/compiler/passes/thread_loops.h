// Loop mode: every region becomes a loop nest over z, y and x of the block's threads.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_THREAD_LOOPS_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_THREAD_LOOPS_H_

#include "gpu/host/compiler/passes/region_split.h"

namespace amdgpu::hostcc {

// For kernels whose barriers are reached by all threads of the block alike (no barrier is
// conditional).
void emitThreadLoops(KernelCore& core, RegionSplit& split, const Divergence& divergence);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_THREAD_LOOPS_H_
