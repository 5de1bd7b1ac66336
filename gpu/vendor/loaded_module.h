// A code object on the device: its kernels and variables. Or a library, whose functions are kernels
// too.

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
#include "c_src/base/mutex.h"
#include "gpu/driver.h"
#include "gpu/vendor/device_context.h"
#include "gpu/vendor/kernel.h"
#include "proto/code_object.pb.h"

namespace amdgpu::vendor {

// Thread-safe. `context` outlives it; unloads when destroyed.
class LoadedModule {
 public:
  // For a device of architecture `arch`. Handles are for the caller to give out. kInvalidArgument:
  // not a code object, or not one for this device.
  static absl::StatusOr<std::unique_ptr<LoadedModule>> Load(const DeviceContext& context,
                                                            const std::string& arch,
                                                            const proto::VendorCodeObject& code);
  // The functions of `blas`, which outlives it.
  static std::unique_ptr<LoadedModule> OfLibrary(const DeviceContext& context, Blas& blas);
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
  const Module module_;  // null: a library's
  bool prints_ = false;
  std::vector<std::unique_ptr<Kernel>> kernels_;
  absl::flat_hash_map<std::string, std::string> symbols_;  // of variables, by name
  std::atomic<std::uint64_t> in_flight_{0};
  mutable Mutex mutex_;
  std::vector<gpu::Global> given_out_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_LOADED_MODULE_H_
