// What a vendor's runtime writes to standard output, which is what kernels print.

#ifndef AMDGPU_C_SRC_WORKER_OUTPUT_CAPTURE_H_
#define AMDGPU_C_SRC_WORKER_OUTPUT_CAPTURE_H_

#include <functional>

#include "absl/status/statusor.h"
#include "gpu/driver.h"

namespace amdgpu::worker {

// From now on what this process writes to standard output is given to `sink`, as text of no launch
// in particular: the vendors write one stream for all of them. A thread looks when there is some;
// the function that comes back gives at once, before it returns, what has been written until then.
// From any thread. Once in a process; for good.
absl::StatusOr<std::function<void()>> CaptureOutput(gpu::CompletionSink& sink);

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_OUTPUT_CAPTURE_H_
