// Lane mode: the threads of a block run warp by warp, each region for the lanes that are at it.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_LANE_MODE_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_LANE_MODE_H_

#include "gpu/host/compiler/passes/region_split.h"

namespace amdgpu::hostcc {

// For kernels in which threads take different ways to barriers, or that have warp barriers. `lanes`
// threads run together: the warp size where warp barriers matter, else as many as suits the
// vectoriser. `split` must have been made with LivePolicy::kKeepAllPerThread.
void emitLaneMode(KernelCore& core, RegionSplit& split, unsigned lanes, unsigned vector_lanes);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_LANE_MODE_H_
