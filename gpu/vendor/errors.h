// The vendors' error numbers, and what they mean for a caller.

#ifndef AMDGPU_GPU_VENDOR_ERRORS_H_
#define AMDGPU_GPU_VENDOR_ERRORS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gpu/vendor/vendor_api.h"

namespace amdgpu::vendor {

// Numbered alike by HIP and CUDA.
inline constexpr Result kSuccess = 0;
inline constexpr Result kInvalidValue = 1;
inline constexpr Result kOutOfMemory = 2;
inline constexpr Result kNoDevice = 100;
inline constexpr Result kInvalidDevice = 101;
inline constexpr Result kInvalidImage = 200;
inline constexpr Result kNotFound = 500;
inline constexpr Result kNotReady = 600;
inline constexpr Result kIllegalAddress = 700;
inline constexpr Result kAssert = 710;
inline constexpr Result kLaunchFailure = 719;

// After it nothing on this device works any more in this process: a fault of a kernel, or the
// device is gone.
bool IsSticky(Result result);

// OK for kSuccess. kResourceExhausted: no memory; kNotFound: no such device or name;
// kInvalidArgument: refused as asked; kAborted: sticky; kUnimplemented; else kInternal. The message
// is the vendor's words behind `doing`.
absl::Status ToStatus(const VendorApi& api, Result result, absl::string_view doing);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_ERRORS_H_
