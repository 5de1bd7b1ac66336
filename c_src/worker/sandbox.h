// Takes away what a worker no longer needs once it is ready: files, network, processes.

#ifndef AMDGPU_C_SRC_WORKER_SANDBOX_H_
#define AMDGPU_C_SRC_WORKER_SANDBOX_H_

#include "absl/status/status.h"

namespace amdgpu::worker {

// For every thread of the process, for good. Afterwards: no new file, socket, process or thread, no
// writing but to the control socket and standard error, no memory that is both writable and
// executable. Anything else raises SIGSYS, which ends the process. Resource limits say the same a
// second time.
//
// A build with sanitizers may still do what their runtimes need: open files for reading, make
// threads.
absl::Status EnterSandbox();

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_SANDBOX_H_
