// A loaded code object: its kernels, its variables and the memory they live in.

#ifndef AMDGPU_GPU_HOST_DRIVER_MODULE_H_
#define AMDGPU_GPU_HOST_DRIVER_MODULE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gpu/driver.h"
#include "gpu/host/abi.h"
#include "gpu/host/driver/loader.h"

namespace amdgpu::host {

// One kernel of a module.
struct Kernel {
  gpu::FunctionHandle handle = 0;
  gpu::KernelInfo info;
  BlockFunction run = nullptr;
  // What one thread of one block took lately, in nanoseconds: at once when longer than before,
  // gradually when shorter. 0 before the first launch has ended.
  std::atomic<float> thread_ns{0};

  void Learn(double measured_thread_ns);
};

// Immutable but for its kernels' histories; thread-safe.
class HostModule {
 public:
  // `base` is the module whose variables this one shares, or null; it must outlive this one.
  static absl::StatusOr<std::unique_ptr<HostModule>> Load(absl::Span<const std::byte> code_object,
                                                          const HostModule* base,
                                                          const RuntimeTable& runtime,
                                                          CodeSpace& space);

  const HostModule* base() const { return base_; }
  // The block shape it is specialised on; 0 in x if it takes any.
  const gpu::Dim3& block_shape() const { return block_shape_; }
  const std::vector<std::unique_ptr<Kernel>>& kernels() const { return kernels_; }

  // kNotFound if there is no variable of this name.
  absl::StatusOr<gpu::Global> FindGlobal(absl::string_view name) const;

  // True if [address, address + bytes) lies within one variable, which `for_writing` must be
  // writable.
  bool ContainsGlobal(gpu::DeviceAddress address, std::uint64_t bytes, bool for_writing) const;

 private:
  struct Variable {
    std::string symbol;
    LoadedSymbol place;
  };

  HostModule(LoadedObject object, const HostModule* base)
      : object_(std::move(object)), base_(base) {}

  absl::Status AddKernels(const proto::HostCodeObject& code_object);
  absl::Status AddVariables(const proto::HostCodeObject& code_object);

  LoadedObject object_;
  const HostModule* const base_;
  gpu::Dim3 block_shape_ = {0, 0, 0};
  std::vector<std::unique_ptr<Kernel>> kernels_;
  absl::flat_hash_map<std::string, Variable> variables_;  // by name in the source
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_MODULE_H_
