// Kernels from code that was made elsewhere: bundles.

#include <utility>

#include "c_src/runtime/device_impl.h"

namespace amdgpu {

JobRef DeviceImpl::LoadKernel(CodeObjectRef code, proto::CompileRequest request,
                              absl::string_view name, absl::string_view core_class) {
  JobImplRef job = NewJob();
  request.set_target(properties_.kind() == "host" ? "host" : properties_.arch());
  auto load = std::make_shared<const KernelLoad>(
      KernelLoad{std::move(code), std::move(request), std::string(name), std::string(core_class)});
  const bool posted = service_.Post([this, self = Self(), load, job] { DoLoadKernel(load, job); });
  if (!posted) job->Finish(NotReadyError());
  return job;
}

void DeviceImpl::DoLoadKernel(const std::shared_ptr<const KernelLoad>& load,
                              const JobImplRef& job) {
  bool closed;
  {
    AdaptiveLock lock(&mutex());
    closed = closed_;
  }
  if (closed) {
    job->Finish(NotReadyError());
    return;
  }
  if (worker_ == nullptr) {
    after_restart_.push_back([this, load, job] { DoLoadKernel(load, job); });
    return;
  }
  const absl::StatusOr<ModuleRef> module = LoadModule(load->request, load->code);
  absl::StatusOr<KernelRef> kernel =
      module.ok() ? MakeKernel(*module, load->name, load->core_class) : module.status();
  if (kernel.ok()) {
    job->FinishWithKernel(*std::move(kernel), CodeOrigin::kBundle);
  } else {
    job->Finish(kernel.status());
  }
}

}  // namespace amdgpu
