// A code object on the device: its kernels and variables.

#ifndef AMDGPU_GPU_VENDOR_LOADED_MODULE_H_
#define AMDGPU_GPU_VENDOR_LOADED_MODULE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "c_src/base/mutex.h"
#include "gpu/driver.h"
#include "gpu/vendor/device_context.h"
#include "gpu/vendor/kernel.h"

namespace amdgpu::vendor {

// Thread-safe. `context` outlives it; unloads when destroyed.
class LoadedModule {
 public:
  // A serialized proto::VendorCodeObject for a device of architecture `arch`. Handles are for the
  // caller to give out. kInvalidArgument: not a code object, or not one for this device.
  static absl::StatusOr<std::unique_ptr<LoadedModule>> Load(const DeviceContext& context,
                                                            const std::string& arch,
                                                            absl::Span<const std::byte> bytes);
  ~LoadedModule();
  LoadedModule(const LoadedModule&) = delete;
  LoadedModule& operator=(const LoadedModule&) = delete;

  const std::vector<std::unique_ptr<Kernel>>& kernels() const { return kernels_; }
  // Launches that have not ended.
  std::uint64_t in_flight() const { return in_flight_.load(std::memory_order_acquire); }

  // By the name in the source or the mangled one. kNotFound.
  absl::StatusOr<gpu::Global> FindGlobal(const std::string& name);
  // Whether the range is within a variable that FindGlobal has given out.
  bool ContainsGlobal(gpu::DeviceAddress address, std::uint64_t bytes) const;

 private:
  LoadedModule(const DeviceContext& context, Module module) : context_(context), module_(module) {}
  absl::Status AddKernel(const gpu::KernelInfo& info);

  const DeviceContext& context_;
  const Module module_;
  bool prints_ = false;
  std::vector<std::unique_ptr<Kernel>> kernels_;
  absl::flat_hash_map<std::string, std::string> symbols_;  // of variables, by name
  std::atomic<std::uint64_t> in_flight_{0};
  mutable Mutex mutex_;
  std::vector<gpu::Global> given_out_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_LOADED_MODULE_H_
