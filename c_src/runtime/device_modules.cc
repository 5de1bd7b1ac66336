// Kernels: compiled, loaded, specialised on block shapes.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/utf8.h"
#include "c_src/runtime/device_impl.h"
#include "telemetry/metrics.h"

namespace amdgpu {

using protocol::CommandKind;

// A compile under way.
struct DeviceImpl::CompileJob {
  proto::CompileRequest request;
  std::string name;
  std::string core_class;
  JobImplRef job;
  OwnerId owner = 0;
  std::uint64_t started_ns = 0;
};

JobRef DeviceImpl::Compile(proto::CompileRequest request, absl::string_view name,
                           absl::string_view core_class, OwnerId owner) {
  const std::uint64_t started_ns = NowNs();
  JobImplRef job = NewJob();
  if (compiler_ == nullptr) {
    job->Finish(absl::UnimplementedError("the device was opened without a compiler"));
    return job;
  }
  request.set_target(properties_.kind() == "host" ? "host" : properties_.arch());
  auto compile = std::make_shared<CompileJob>(CompileJob{
      std::move(request), std::string(name), std::string(core_class), job, owner, started_ns});
  if (const CodeObjectRef code = compiler_->Lookup(compile->request)) {
    ModuleRef module;
    {
      AdaptiveLock lock(&mutex());
      const auto found = modules_.find(code->key);
      if (found != modules_.end()) module = found->second;
    }
    if (module != nullptr) {
      absl::StatusOr<KernelRef> kernel = MakeKernel(module, name, core_class);
      ReportCompile(*compile, kernel.status(), CodeOrigin::kMemory);
      if (kernel.ok()) {
        job->FinishWithKernel(*std::move(kernel), CodeOrigin::kMemory);
      } else {
        job->Finish(kernel.status());
      }
      return job;
    }
  }
  // Cancelling needs the request's number, which is known only once the compile has begun.
  auto request_id = std::make_shared<std::atomic<CompileService::RequestId>>(0);
  job->SetCancel([compiler = compiler_, request_id] {
    const CompileService::RequestId id = request_id->load();
    return id != 0 && compiler->Cancel(id);
  });
  request_id->store(compiler_->Compile(
      compile->request, [self = std::weak_ptr<DeviceImpl>(Self()), compile](CompileResult result) {
        if (const std::shared_ptr<DeviceImpl> device = self.lock()) {
          device->OnCompiled(compile, std::move(result));
        } else {
          compile->job->Finish(DeviceLostError("device", "it was closed"));
        }
      }));
  return job;
}

void DeviceImpl::OnCompiled(const std::shared_ptr<CompileJob>& compile, CompileResult result) {
  ReportCompile(*compile, result.code.status(), result.origin);
  if (!result.code.ok()) {
    compile->job->Finish(result.code.status());
    return;
  }
  const bool posted =
      service_.Post([this, self = Self(), compile, code = *std::move(result.code),
                     origin = result.origin] { LoadCompiled(compile, code, origin); });
  if (!posted) compile->job->Finish(NotReadyError());
}

void DeviceImpl::LoadCompiled(const std::shared_ptr<CompileJob>& compile, const CodeObjectRef& code,
                              CodeOrigin origin) {
  bool closed;
  {
    AdaptiveLock lock(&mutex());
    closed = closed_;
  }
  if (closed) {
    compile->job->Finish(NotReadyError());
    return;
  }
  if (worker_ == nullptr) {
    after_restart_.push_back(
        [this, compile, code, origin] { LoadCompiled(compile, code, origin); });
    return;
  }
  const absl::StatusOr<ModuleRef> module = LoadModule(compile->request, code);
  absl::StatusOr<KernelRef> kernel =
      module.ok() ? MakeKernel(*module, compile->name, compile->core_class) : module.status();
  if (kernel.ok()) {
    compile->job->FinishWithKernel(*std::move(kernel), origin);
  } else {
    compile->job->Finish(kernel.status());
  }
}

void DeviceImpl::ReportCompile(const CompileJob& compile, const absl::Status& status,
                               CodeOrigin origin) const {
  if (telemetry_ == nullptr) return;
  proto::Compile report;
  report.set_device(telemetry_device_.load());
  report.set_kernel(compile.name);
  report.set_owner(compile.owner);
  report.set_started_ns(compile.started_ns);
  report.set_ended_ns(NowNs());
  report.set_origin(origin == CodeOrigin::kMemory ? proto::Compile::ORIGIN_MEMORY
                    : origin == CodeOrigin::kDisk ? proto::Compile::ORIGIN_DISK
                                                  : proto::Compile::ORIGIN_COMPILED);
  report.set_status(static_cast<std::int32_t>(status.code()));
  report.set_specialisation(compile.request.block_x() != 0);
  constexpr std::size_t kMaxMessageBytes = 1024;
  report.set_message(MakeValidUtf8(status.message().substr(0, kMaxMessageBytes)));
  telemetry_->AddCompile(std::move(report));
}

absl::StatusOr<LoadedCode> DeviceImpl::LoadCode(WorkerProcess& worker, const CodeObjectRef& code,
                                                gpu::ModuleHandle variant_of, Module* fresh) {
  proto::WorkerRequest request;
  request.mutable_load()->set_code_object(code->bytes);
  request.mutable_load()->set_variant_of(variant_of);
  absl::StatusOr<proto::WorkerReply> reply = worker.Call(std::move(request));
  if (!reply.ok()) return reply.status();
  LoadedCode loaded;
  loaded.code = code;
  loaded.module = reply->load().module();
  for (const proto::LoadedKernel& kernel : reply->load().kernels()) {
    loaded.functions.push_back(kernel.function());
    if (fresh == nullptr) continue;
    fresh->kernels.push_back(kernel.info());
    fresh->needs.push_back(kernel.needs());
  }
  return loaded;
}

absl::StatusOr<ModuleRef> DeviceImpl::LoadModule(const proto::CompileRequest& request,
                                                 const CodeObjectRef& code) {
  {
    AdaptiveLock lock(&mutex());
    const auto found = modules_.find(code->key);
    if (found != modules_.end()) return found->second;
  }
  auto module = std::make_shared<Module>();
  module->request = request;
  module->code = code;
  absl::StatusOr<LoadedCode> loaded = LoadCode(*worker_, code, 0, module.get());
  if (absl::IsResourceExhausted(loaded.status())) {
    UnloadUnused(0);
    loaded = LoadCode(*worker_, code, 0, module.get());
  }
  if (!loaded.ok()) return loaded.status();
  for (const gpu::KernelInfo& info : module->kernels) {
    absl::StatusOr<Signature> signature = Signature::Create(info, kMaxArgsBytes);
    if (!signature.ok()) return signature.status();
    module->signatures.push_back(*std::move(signature));
  }
  module->generic = *std::move(loaded);
  {
    AdaptiveLock lock(&mutex());
    modules_.emplace(code->key, module);
  }
  UnloadUnused(kUnusedModulesKept);
  return module;
}

void DeviceImpl::UnloadUnused(std::size_t keep) {
  std::vector<ModuleRef> unused;
  {
    AdaptiveLock lock(&mutex());
    // Nobody can come to refer to one but through modules_, under this lock.
    for (const auto& [key, module] : modules_) {
      if (module.use_count() == 1) unused.push_back(module);
    }
    if (unused.size() <= keep) return;
    std::sort(unused.begin(), unused.end(), [](const ModuleRef& a, const ModuleRef& b) {
      return a->last_wanted < b->last_wanted;
    });
    unused.resize(unused.size() - keep);
    for (const ModuleRef& module : unused) modules_.erase(module->code->key);
  }
  if (worker_ == nullptr) return;
  for (const ModuleRef& module : unused) {
    {
      AdaptiveLock lock(&mutex());
      for (const Variant& variant : module->variants) {
        if (variant.ready) module->retired.push_back(variant.loaded.module);
      }
      // Last, since variants use its variables.
      module->retired.push_back(module->generic.module);
    }
    UnloadRetired(*module);
  }
}

void DeviceImpl::UnloadRetired(Module& module) {
  if (worker_ == nullptr) return;
  std::vector<gpu::ModuleHandle> retired;
  {
    AdaptiveLock lock(&mutex());
    retired.swap(module.retired);
  }
  for (const gpu::ModuleHandle handle : retired) {
    proto::WorkerRequest request;
    request.mutable_unload()->set_module(handle);
    const absl::Status status = worker_->Call(std::move(request)).status();
    // A launch of it has not ended. Other errors are the worker's end, and with it the module's.
    if (!absl::IsFailedPrecondition(status)) continue;
    AdaptiveLock lock(&mutex());
    module.retired.push_back(handle);
  }
}

absl::StatusOr<KernelRef> DeviceImpl::MakeKernel(const ModuleRef& module, absl::string_view name,
                                                 absl::string_view core_class) {
  std::string known;
  for (std::size_t i = 0; i < module->kernels.size(); ++i) {
    const gpu::KernelInfo& info = module->kernels[i];
    if (info.name() == name || info.symbol() == name) {
      DeviceRef handle = handle_.lock();
      if (handle == nullptr) return NotReadyError();
      {
        AdaptiveLock lock(&mutex());
        module->last_wanted = ++modules_wanted_;
      }
      telemetry::KernelTagRef tag;
      if (telemetry_ != nullptr) {
        tag = telemetry_->names().Kernel(telemetry_device_.load(), module->code->key, info.name(),
                                         telemetry::CoreClassOf(core_class));
      }
      return std::make_shared<KernelImpl>(std::move(handle), module, i, std::string(core_class),
                                          std::move(tag), [queue = queue_](const Module& of) {
                                            std::vector<gpu::Dim3> shapes;
                                            AdaptiveLock lock(&queue->mutex());
                                            for (const Variant& variant : of.variants) {
                                              if (variant.ready) shapes.push_back(variant.block);
                                            }
                                            return shapes;
                                          });
    }
    absl::StrAppend(&known, known.empty() ? "" : ", ", info.name());
  }
  return absl::NotFoundError(
      absl::StrCat("no kernel \"", std::string(name), "\" in the source; ",
                   known.empty() ? "it has none" : absl::StrCat("it has: ", known)));
}

gpu::FunctionHandle DeviceImpl::FunctionFor(const ModuleRef& module, std::size_t index,
                                            const gpu::Dim3& block, bool* specialised) {
  *specialised = false;
  const gpu::FunctionHandle generic = module->generic.functions[index];
  if (!options_.specialise || !properties_.shape_specialised() || compiler_ == nullptr ||
      module->request.source().empty()) {
    return generic;
  }
  const std::uint64_t launch = ++module->launches;
  if (Variant* const variant = module->Find(block)) {
    variant->last_launch = launch;
    if (!variant->ready || index >= variant->loaded.functions.size()) return generic;
    *specialised = true;
    return variant->loaded.functions[index];
  }
  if (module->variants.size() < Module::kMaxVariants) {
    module->variants.push_back({block, false, launch, {}});
  } else if (Variant* const idle = module->FindIdle()) {
    module->retired.push_back(idle->loaded.module);
    *idle = {block, false, launch, {}};
    service_.Post([this, self = Self(), module] { UnloadRetired(*module); });
  } else {
    return generic;
  }
  service_.Post([this, self = Self(), module, block] { Specialise(module, block); });
  return generic;
}

void DeviceImpl::Specialise(const ModuleRef& module, const gpu::Dim3& block) {
  proto::CompileRequest request = module->request;
  request.set_block_x(block.x);
  request.set_block_y(block.y);
  request.set_block_z(block.z);
  CompileJob job{request, "", "", nullptr, 0, NowNs()};
  if (!module->kernels.empty()) job.name = module->kernels[0].name();
  compiler_->Compile(std::move(request), [self = std::weak_ptr<DeviceImpl>(Self()), module, block,
                                          job = std::move(job)](CompileResult result) {
    const std::shared_ptr<DeviceImpl> device = self.lock();
    if (device != nullptr) device->ReportCompile(job, result.code.status(), result.origin);
    // Code that does not compile for a shape leaves the shape to the generic code, for good.
    if (device == nullptr || !result.code.ok()) return;
    device->service_.Post(
        [device = device.get(), self = device, module, block, code = *std::move(result.code)] {
          device->AddVariant(module, block, code);
        });
  });
}

void DeviceImpl::AddVariant(const ModuleRef& module, const gpu::Dim3& block,
                            const CodeObjectRef& code) {
  if (worker_ == nullptr) {
    after_restart_.push_back([this, module, block, code] {
      if (worker_ != nullptr) AddVariant(module, block, code);
    });
    return;
  }
  absl::StatusOr<LoadedCode> loaded = LoadCode(*worker_, code, module->generic.module, nullptr);
  if (!loaded.ok()) return;
  AdaptiveLock lock(&mutex());
  Variant& variant = *module->Find(block);
  variant.loaded = *std::move(loaded);
  variant.ready = true;
}

JobRef DeviceImpl::WriteGlobal(const KernelRef& kernel, absl::string_view name,
                               std::uint64_t offset, absl::Span<const std::byte> bytes) {
  JobImplRef job = NewJob();
  absl::Status status;
  if (kernel == nullptr || kernel->device().get() != this) {
    status = absl::InvalidArgumentError("the kernel belongs to another device");
  } else if (bytes.size() > kMaxStagedBytes) {
    status = absl::InvalidArgumentError(
        absl::StrCat("at most ", kMaxStagedBytes, " bytes at once, not ", bytes.size()));
  }
  if (!status.ok()) {
    job->Finish(status);
    return job;
  }
  std::string copy(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool posted = service_.Post([this, self = Self(), kernel, name = std::string(name), offset,
                                     copy = std::move(copy),
                                     job] { DoWriteGlobal(kernel, name, offset, copy, job); });
  if (!posted) job->Finish(NotReadyError());
  return job;
}

absl::StatusOr<gpu::DeviceAddress> DeviceImpl::LocateGlobal(const Kernel& kernel,
                                                            const std::string& name,
                                                            std::uint64_t offset,
                                                            std::uint64_t bytes) {
  const ModuleRef& module = static_cast<const KernelImpl&>(kernel).module();
  proto::WorkerRequest request;
  request.mutable_find_global()->set_module(module->generic.module);
  request.mutable_find_global()->set_name(name);
  const absl::StatusOr<proto::WorkerReply> reply = worker_->Call(std::move(request));
  if (!reply.ok()) return reply.status();
  const std::uint64_t size = reply->find_global().bytes();
  if (bytes > size || offset > size - bytes) {
    return absl::OutOfRangeError(absl::StrCat("bytes ", offset, " to ", offset + bytes,
                                              " of variable ", name, " of ", size));
  }
  return reply->find_global().device_address() + offset;
}

JobRef DeviceImpl::ReadGlobal(const KernelRef& kernel, absl::string_view name, std::uint64_t offset,
                              std::uint64_t bytes) {
  JobImplRef job = NewJob();
  absl::Status status;
  if (kernel == nullptr || kernel->device().get() != this) {
    status = absl::InvalidArgumentError("the kernel belongs to another device");
  } else if (bytes > kMaxStagedBytes) {
    status = absl::InvalidArgumentError(
        absl::StrCat("at most ", kMaxStagedBytes, " bytes at once, not ", bytes));
  }
  if (!status.ok()) {
    job->Finish(status);
    return job;
  }
  const bool posted =
      service_.Post([this, self = Self(), kernel, name = std::string(name), offset, bytes, job] {
        DoReadGlobal(kernel, name, offset, bytes, job);
      });
  if (!posted) job->Finish(NotReadyError());
  return job;
}

JobRef DeviceImpl::AskOccupancy(const KernelRef& kernel, std::uint32_t block_threads,
                                std::uint32_t dynamic_shared_bytes) {
  JobImplRef job = NewJob();
  if (kernel == nullptr || kernel->device().get() != this) {
    job->Finish(absl::InvalidArgumentError("the kernel belongs to another device"));
    return job;
  }
  const bool posted =
      service_.Post([this, self = Self(), kernel, block_threads, dynamic_shared_bytes, job] {
        DoAskOccupancy(kernel, block_threads, dynamic_shared_bytes, job);
      });
  if (!posted) job->Finish(NotReadyError());
  return job;
}

void DeviceImpl::DoAskOccupancy(const KernelRef& kernel, std::uint32_t block_threads,
                                std::uint32_t dynamic_shared_bytes, const JobImplRef& job) {
  if (worker_ == nullptr) {
    job->Finish(NotReadyError());
    return;
  }
  const auto& asked = static_cast<const KernelImpl&>(*kernel);
  proto::WorkerRequest request;
  proto::AskOccupancy& question = *request.mutable_ask_occupancy();
  question.set_function(asked.module()->generic.functions[asked.index()]);
  question.set_block_threads(block_threads);
  question.set_dynamic_shared_bytes(dynamic_shared_bytes);
  const absl::StatusOr<proto::WorkerReply> reply = worker_->Call(std::move(request));
  if (!reply.ok()) {
    job->Finish(reply.status());
    return;
  }
  const auto bytes = std::make_shared<std::string>(reply->occupancy().SerializeAsString());
  job->FinishWithView({{reinterpret_cast<const std::byte*>(bytes->data()), bytes->size()}, bytes});
}

void DeviceImpl::DoReadGlobal(const KernelRef& kernel, const std::string& name,
                              std::uint64_t offset, std::uint64_t bytes, const JobImplRef& job) {
  if (worker_ == nullptr) {
    job->Finish(NotReadyError());
    return;
  }
  const absl::StatusOr<gpu::DeviceAddress> address = LocateGlobal(*kernel, name, offset, bytes);
  if (!address.ok()) {
    job->Finish(address.status());
    return;
  }
  absl::StatusOr<Incoming> piece = Incoming{};
  {
    AdaptiveLock lock(&mutex());
    piece = Fetch(*address, bytes, 0, 0);
  }
  if (!piece.ok()) {
    job->Finish(piece.status());
    return;
  }
  Receive(*std::move(piece), job);
}

void DeviceImpl::DoWriteGlobal(const KernelRef& kernel, const std::string& name,
                               std::uint64_t offset, const std::string& bytes,
                               const JobImplRef& job) {
  if (worker_ == nullptr) {
    job->Finish(NotReadyError());
    return;
  }
  const absl::StatusOr<gpu::DeviceAddress> address =
      LocateGlobal(*kernel, name, offset, bytes.size());
  if (!address.ok()) {
    job->Finish(address.status());
    return;
  }
  absl::StatusOr<JobImplRef> copy = JobImplRef();
  {
    AdaptiveLock lock(&mutex());
    const std::optional<std::uint64_t> place = staging_.Take(bytes.size(), memory_->clocks());
    if (!place.has_value()) {
      copy = absl::UnavailableError("the staging arena is full");
    } else {
      std::copy(bytes.begin(), bytes.end(),
                reinterpret_cast<char*>(queue_->segment().staging()) + *place);
      copy = SubmitCopy(CommandKind::kCopyIn, *address, *place, bytes.size(), 0, 0);
      if (copy.ok()) staging_.Use(*place, bytes.size(), {0, (*copy)->info().ticket});
    }
  }
  if (!copy.ok()) {
    job->Finish(copy.status());
    return;
  }
  job->AlsoWaitFor((*copy)->info().ticket);
  (*copy)->Then([job](const absl::Status& status) { job->Finish(status); });
}

}  // namespace amdgpu
