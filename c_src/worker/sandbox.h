// Takes away what a worker no longer needs once it is ready: files, network, processes.

#ifndef AMDGPU_C_SRC_WORKER_SANDBOX_H_
#define AMDGPU_C_SRC_WORKER_SANDBOX_H_

#include "absl/status/status.h"

namespace amdgpu::worker {

// For a worker whose driver is all our own code. For every thread of the process, for good.
// Afterwards: no new file, socket, process or thread, no writing but to the control socket and
// standard error, no memory that is both writable and executable. Anything else raises SIGSYS,
// which ends the process. Resource limits say the same a second time.
//
// A build with sanitizers may still do what their runtimes need: open files for reading, make
// threads.
absl::Status EnterHostSandbox();

// For a worker that a vendor's runtime lives in. Those talk to their kernel drivers by ioctl, map
// device memory and code, make threads, and open devices, libraries and files under /sys and /proc
// whenever they see fit: all of that is kept, and so are plain files (caches of compiled code) and
// local sockets (their daemons). What is taken away, answered with EPERM: new programs and
// processes, the network, other processes' memory and signals, namespaces, mounts, kernel modules,
// tracing, and changing who we are. No core is dumped: it would hold the device's memory.
absl::Status EnterVendorSandbox();

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_SANDBOX_H_
