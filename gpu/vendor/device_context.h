// One device of a vendor, made ready for the threads of this process.

#ifndef AMDGPU_GPU_VENDOR_DEVICE_CONTEXT_H_
#define AMDGPU_GPU_VENDOR_DEVICE_CONTEXT_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "gpu/vendor/vendor_api.h"

namespace amdgpu::vendor {

// Thread-safe. Keeps the device's primary context until destroyed.
class DeviceContext {
 public:
  // Initialises the vendor's runtime. kNotFound: it has no such device.
  static absl::StatusOr<std::unique_ptr<DeviceContext>> Open(std::shared_ptr<const VendorApi> api,
                                                             std::uint32_t index);
  ~DeviceContext();
  DeviceContext(const DeviceContext&) = delete;
  DeviceContext& operator=(const DeviceContext&) = delete;

  const VendorApi& api() const { return *api_; }
  int device() const { return device_; }

  // The calling thread's calls are for this device from now on. Cheap when they are already.
  Result MakeCurrent() const;

 private:
  DeviceContext(std::shared_ptr<const VendorApi> api, int device)
      : api_(std::move(api)), device_(device) {}

  const std::shared_ptr<const VendorApi> api_;
  const int device_;
  Context context_ = nullptr;  // null where there is SetDevice
  std::uint64_t number_ = 0;   // of all contexts that this process ever had
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_DEVICE_CONTEXT_H_
