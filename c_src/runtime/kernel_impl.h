// Kernels and the modules they come from.

#ifndef AMDGPU_C_SRC_RUNTIME_KERNEL_IMPL_H_
#define AMDGPU_C_SRC_RUNTIME_KERNEL_IMPL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "c_src/kernel/compile_service.h"
#include "c_src/runtime/arguments.h"
#include "c_src/runtime/device.h"
#include "proto/compile.pb.h"
#include "telemetry/names.h"

namespace amdgpu {

// A code object in the worker: its handles, which change with every worker.
struct LoadedCode {
  CodeObjectRef code;
  gpu::ModuleHandle module = 0;                // 0 = not loaded now
  std::vector<gpu::FunctionHandle> functions;  // as the module's kernels
};

// Code for one block shape, or on its way to be.
struct Variant {
  gpu::Dim3 block;
  bool ready = false;
  std::uint64_t last_launch = 0;  // which of the module's it was
  LoadedCode loaded;
};

// A module of a device: generic code, and variants of it for block shapes. Guarded by the command
// queue's mutex, but for what is constant after loading.
struct Module {
  static constexpr std::size_t kMaxVariants = 16;
  // A shape that none of so many launches had may make room for another.
  static constexpr std::uint64_t kVariantIdleLaunches = 1000;

  proto::CompileRequest request;          // constant: what it was compiled from
  CodeObjectRef code;                     // constant
  std::vector<gpu::KernelInfo> kernels;   // constant
  std::vector<Signature> signatures;      // constant, as kernels
  std::vector<proto::KernelNeeds> needs;  // constant, as kernels
  LoadedCode generic;
  std::vector<Variant> variants;
  std::vector<gpu::ModuleHandle> retired;  // of variants that were replaced, to be unloaded
  std::uint64_t launches = 0;
  std::uint64_t last_wanted = 0;  // when a kernel of it was last made, in modules wanted

  Variant* Find(const gpu::Dim3& block) {
    for (Variant& variant : variants) {
      if (variant.block == block) return &variant;
    }
    return nullptr;
  }
  // A variant that is not in use, to be replaced by another; null if there is none.
  Variant* FindIdle() {
    for (Variant& variant : variants) {
      if (variant.ready && launches - variant.last_launch > kVariantIdleLaunches) return &variant;
    }
    return nullptr;
  }
};
using ModuleRef = std::shared_ptr<Module>;

class KernelImpl final : public Kernel {
 public:
  using ListShapes = std::function<std::vector<gpu::Dim3>(const Module&)>;
  // `tag`: what telemetry calls it; null without telemetry.
  KernelImpl(DeviceRef device, ModuleRef module, std::size_t index, std::string core_class,
             telemetry::KernelTagRef tag, ListShapes list_shapes)
      : device_(std::move(device)),
        module_(std::move(module)),
        index_(index),
        core_class_(std::move(core_class)),
        tag_(std::move(tag)),
        list_shapes_(std::move(list_shapes)) {}

  const DeviceRef& device() const override { return device_; }
  const gpu::KernelInfo& info() const override { return module_->kernels[index_]; }
  const proto::KernelNeeds& needs() const override { return module_->needs[index_]; }
  const CodeObjectRef& code() const override { return module_->code; }
  const std::string& core_class() const override { return core_class_; }
  std::vector<gpu::Dim3> specialised_shapes() const override { return list_shapes_(*module_); }

  const ModuleRef& module() const { return module_; }
  std::size_t index() const { return index_; }
  const Signature& signature() const { return module_->signatures[index_]; }
  telemetry::KernelTag* tag() const { return tag_.get(); }

 private:
  const DeviceRef device_;
  const ModuleRef module_;
  const std::size_t index_;
  const std::string core_class_;
  const telemetry::KernelTagRef tag_;
  const ListShapes list_shapes_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_KERNEL_IMPL_H_
