// What a vendor's device is and can do.

#ifndef AMDGPU_GPU_VENDOR_PROPERTIES_H_
#define AMDGPU_GPU_VENDOR_PROPERTIES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "gpu/types.h"
#include "gpu/vendor/vendor_api.h"

namespace amdgpu::vendor {

// Of device `device` (what DeviceGet gave for `index`). Reads files under /proc and /sys. What the
// vendor does not tell stays 0 or empty; an error is one that leaves the device unusable.
absl::StatusOr<gpu::Properties> DescribeDevice(const VendorApi& api, std::uint32_t index,
                                               int device);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_PROPERTIES_H_
