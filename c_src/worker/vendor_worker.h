// Workers whose device is a vendor's: the driver, and what the fault handler can know of it.

#ifndef AMDGPU_C_SRC_WORKER_VENDOR_WORKER_H_
#define AMDGPU_C_SRC_WORKER_VENDOR_WORKER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "c_src/worker/worker.h"

namespace amdgpu::worker {

// Where the vendor's libraries are looked for.
struct VendorLibraries {
  std::vector<std::string> runtime;
  std::vector<std::string> blas;
};
// As they are called on real machines.
VendorLibraries LibrariesOf(const std::string& kind);

// The driver of device `request.index` of `request.kind`, over the first runtime that opens.
// What the vendor's kernels print, which goes to standard output, is given to `sink` from then on.
// Once in a process.
absl::StatusOr<std::unique_ptr<gpu::Driver>> MakeVendorDriver(const DriverRequest& request,
                                                              gpu::CompletionSink& sink,
                                                              const VendorLibraries& libraries);

// The launch that runs on that driver's device, if it is only one: what a vendor's runtime that
// aborts the process (as AMD's does when a kernel touches a bad address) does not say. A
// CurrentLaunchHook.
bool CurrentVendorLaunch(LaunchIdentity* identity);

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_VENDOR_WORKER_H_
