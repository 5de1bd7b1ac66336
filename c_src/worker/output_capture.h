// What a vendor's runtime writes to standard output is what kernels print.

#ifndef AMDGPU_C_SRC_WORKER_OUTPUT_CAPTURE_H_
#define AMDGPU_C_SRC_WORKER_OUTPUT_CAPTURE_H_

#include "absl/status/status.h"
#include "gpu/driver.h"

namespace amdgpu::worker {

// From now on standard output goes to `sink`, as printed by no launch in particular: the vendors do
// not say by which. Makes a thread, which lives as long as the process, as `sink` must.
absl::Status CaptureOutput(gpu::CompletionSink& sink);

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_OUTPUT_CAPTURE_H_
