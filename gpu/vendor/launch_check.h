// Whether a launch may be given to the vendor.

#ifndef AMDGPU_GPU_VENDOR_LAUNCH_CHECK_H_
#define AMDGPU_GPU_VENDOR_LAUNCH_CHECK_H_

#include "absl/status/status.h"
#include "gpu/driver.h"
#include "gpu/vendor/kernel.h"

namespace amdgpu::vendor {

// kInvalidArgument, with what is wrong.
absl::Status CheckLaunch(const gpu::LaunchParams& launch, const Kernel& kernel,
                         const gpu::Properties& properties);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_LAUNCH_CHECK_H_
