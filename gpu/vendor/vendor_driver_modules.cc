// Modules, kernels, and what the vendor tells of them.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/vendor_driver.h"
#include "proto/code_object.pb.h"

namespace amdgpu::vendor {
namespace {

absl::Status NoModule(gpu::ModuleHandle module) {
  return absl::NotFoundError(absl::StrCat("there is no module ", module));
}

}  // namespace

absl::StatusOr<gpu::Module> VendorDriver::Load(absl::Span<const std::byte> code_object,
                                               gpu::ModuleHandle variant_of) {
  if (variant_of != 0) {
    MutexLock lock(&mutex_);
    if (!modules_.contains(variant_of)) return NoModule(variant_of);
    return absl::UnimplementedError("code for a GPU has no variants");
  }
  if (faults_.sticky()) return faults_.status();
  proto::VendorCodeObject code;
  if (code_object.empty() ||
      !code.ParseFromArray(code_object.data(), static_cast<int>(code_object.size()))) {
    return absl::InvalidArgumentError("not a code object");
  }
  if (!code.library().empty()) return LoadLibrary(code.library());
  absl::StatusOr<std::unique_ptr<LoadedModule>> loaded =
      LoadedModule::Load(*context_, properties_.arch(), code);
  if (!loaded.ok()) return loaded.status();
  return Add(*std::move(loaded));
}

gpu::Module VendorDriver::Add(std::unique_ptr<LoadedModule> loaded) {
  gpu::Module module;
  MutexLock lock(&mutex_);
  module.handle = next_handle_++;
  for (const std::unique_ptr<Kernel>& kernel : loaded->kernels()) {
    kernel->handle = next_handle_++;
    functions_.emplace(kernel->handle, kernel.get());
    module.functions.push_back({kernel->handle, kernel->info});
  }
  modules_.emplace(module.handle, std::move(loaded));
  return module;
}

absl::Status VendorDriver::Unload(gpu::ModuleHandle module) {
  std::unique_ptr<LoadedModule> unloaded;  // destroyed without the lock
  MutexLock lock(&mutex_);
  const auto found = modules_.find(module);
  if (found == modules_.end()) return NoModule(module);
  if (found->second->in_flight() > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("module ", module, " has launches that have not ended"));
  }
  unloaded = std::move(found->second);
  modules_.erase(found);
  for (const std::unique_ptr<Kernel>& kernel : unloaded->kernels()) {
    functions_.erase(kernel->handle);
  }
  return absl::OkStatus();
}

absl::StatusOr<gpu::Global> VendorDriver::FindGlobal(gpu::ModuleHandle module,
                                                     absl::string_view name) {
  MutexLock lock(&mutex_);
  const auto found = modules_.find(module);
  if (found == modules_.end()) return NoModule(module);
  return found->second->FindGlobal(std::string(name));
}

absl::StatusOr<Kernel*> VendorDriver::FindKernel(gpu::FunctionHandle function) {
  const auto found = functions_.find(function);
  if (found == functions_.end()) {
    return absl::NotFoundError(absl::StrCat("there is no function ", function));
  }
  return found->second;
}

absl::StatusOr<Kernel*> VendorDriver::HoldKernel(gpu::FunctionHandle function) {
  MutexLock lock(&mutex_);
  return HoldKernelLocked(function);
}

absl::StatusOr<Kernel*> VendorDriver::HoldKernelLocked(gpu::FunctionHandle function) {
  absl::StatusOr<Kernel*> kernel = FindKernel(function);
  if (kernel.ok()) (*kernel)->in_flight->fetch_add(1, std::memory_order_relaxed);
  return kernel;
}

absl::StatusOr<gpu::FunctionInfo> VendorDriver::Describe(gpu::FunctionHandle function) {
  MutexLock lock(&mutex_);
  const absl::StatusOr<Kernel*> kernel = FindKernel(function);
  if (!kernel.ok()) return kernel.status();
  return gpu::FunctionInfo{.registers = (*kernel)->registers,
                           .static_shared_bytes = (*kernel)->static_shared,
                           .local_bytes = (*kernel)->local_bytes,
                           .max_threads_per_block = (*kernel)->max_threads};
}

absl::StatusOr<gpu::Occupancy> VendorDriver::OccupancyOf(gpu::FunctionHandle function,
                                                         std::uint32_t block_threads,
                                                         std::uint32_t dynamic_shared_bytes) {
  absl::StatusOr<Kernel*> held = HoldKernel(function);
  if (!held.ok()) return held.status();
  Kernel& kernel = **held;
  if (kernel.blas != nullptr) {
    kernel.in_flight->fetch_sub(1, std::memory_order_release);
    return absl::UnimplementedError("a library does not tell how it occupies the device");
  }
  const std::uint32_t unit = properties_.threads_per_unit();
  Result result = context_->MakeCurrent();
  // As a launch would, or there is no room for a block in the vendor's eyes. More than the device
  // has is not an error: nothing fits.
  if (std::uint64_t{dynamic_shared_bytes} + kernel.static_shared <=
      properties_.max_shared_bytes()) {
    AllowShared(kernel, dynamic_shared_bytes).IgnoreError();
  }
  const auto blocks_of = [&](std::uint32_t threads) {
    int blocks = 0;
    if (result == kSuccess) {
      result = context_->api().OccupancyMaxActiveBlocks(
          &blocks, kernel.function, static_cast<int>(threads), dynamic_shared_bytes);
    }
    return static_cast<std::uint32_t>(std::max(blocks, 0));
  };
  gpu::Occupancy occupancy;
  occupancy.blocks_per_unit = blocks_of(block_threads);
  const double most = unit == 0 ? 1 : static_cast<double>(unit);
  occupancy.ratio = std::min(1.0, occupancy.blocks_per_unit * double{1} * block_threads / most);
  // The smallest of the block sizes that keep the most threads running.
  std::uint64_t best = 0;
  const std::uint32_t warp = std::max(1u, properties_.warp_size());
  for (std::uint32_t threads = warp; threads <= kernel.max_threads; threads += warp) {
    const std::uint64_t running = std::uint64_t{blocks_of(threads)} * threads;
    if (running <= best) continue;
    best = running;
    occupancy.suggested_block_threads = threads;
  }
  occupancy.best_ratio = std::min(1.0, static_cast<double>(best) / most);
  kernel.in_flight->fetch_sub(1, std::memory_order_release);
  if (result != kSuccess) {
    return ToStatus(context_->api(), result, "computing the occupancy");
  }
  return occupancy;
}

}  // namespace amdgpu::vendor
