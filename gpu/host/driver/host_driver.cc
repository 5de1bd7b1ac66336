#include "gpu/host/driver/host_driver.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gpu/host/driver/bulk.h"
#include "gpu/host/driver/launch.h"
#include "gpu/host/driver/properties.h"

namespace amdgpu::host {
namespace {

absl::Status NoModule(gpu::ModuleHandle module) {
  return absl::NotFoundError(absl::StrCat("there is no module ", module));
}

absl::Status NoFunction(gpu::FunctionHandle function) {
  return absl::NotFoundError(absl::StrCat("there is no function ", function));
}

// Enough threads for a block's start to cost little beside them.
constexpr std::uint32_t kSuggestedThreads = 256;

void* Pointer(gpu::DeviceAddress address) { return reinterpret_cast<void*>(address); }

}  // namespace

absl::StatusOr<std::unique_ptr<HostDriver>> HostDriver::Create(const HostDriverOptions& options,
                                                               gpu::CompletionSink& sink) {
  absl::StatusOr<RuntimeTable> runtime = RuntimeTable::Resolve();
  if (!runtime.ok()) return runtime.status();
  absl::StatusOr<std::unique_ptr<CodeSpace>> space = CodeSpace::Reserve();
  if (!space.ok()) return space.status();
  const unsigned cores = options.threads != 0 ? options.threads : UsableCores();
  std::unique_ptr<HostDriver> driver =
      absl::WrapUnique(new HostDriver(options, sink, *std::move(runtime),
                                      DescribeHost(cores, options.arena_bytes), *std::move(space)));
  absl::StatusOr<std::unique_ptr<Scheduler>> scheduler = Scheduler::Start(cores, sink);
  if (!scheduler.ok()) return scheduler.status();
  driver->scheduler_ = *std::move(scheduler);
  return driver;
}

HostDriver::HostDriver(const HostDriverOptions& options, gpu::CompletionSink& sink,
                       RuntimeTable runtime, gpu::Properties properties,
                       std::unique_ptr<CodeSpace> space)
    : sink_(sink),
      runtime_(std::move(runtime)),
      properties_(std::move(properties)),
      space_(std::move(space)),
      arena_(options.arena_fd, options.arena_bytes) {}

HostDriver::~HostDriver() = default;

absl::StatusOr<gpu::DeviceAddress> HostDriver::Reserve(std::uint64_t bytes,
                                                       std::uint64_t arena_offset) {
  return arena_.Map(bytes, arena_offset);
}

absl::Status HostDriver::Release(gpu::DeviceAddress address) { return arena_.Unmap(address); }

absl::StatusOr<gpu::Module> HostDriver::Load(absl::Span<const std::byte> code_object,
                                             gpu::ModuleHandle variant_of) {
  ModuleEntry* base = nullptr;
  if (variant_of != 0) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = modules_.find(variant_of);
    if (found == modules_.end()) return NoModule(variant_of);
    base = found->second.get();
    ++base->variants;  // keeps it from being unloaded meanwhile
  }
  absl::StatusOr<std::unique_ptr<HostModule>> module = HostModule::Load(
      code_object, base == nullptr ? nullptr : base->module.get(), runtime_, *space_);

  std::lock_guard<std::mutex> lock(mutex_);
  if (!module.ok()) {
    if (base != nullptr) --base->variants;
    return module.status();
  }
  auto entry = std::make_unique<ModuleEntry>();
  entry->module = *std::move(module);
  entry->base = base;
  gpu::Module result;
  result.handle = next_handle_++;
  for (const std::unique_ptr<Kernel>& kernel : entry->module->kernels()) {
    kernel->handle = next_handle_++;
    functions_.emplace(kernel->handle, FunctionEntry{kernel.get(), entry.get()});
    result.functions.push_back({.handle = kernel->handle, .info = kernel->info});
  }
  modules_.emplace(result.handle, std::move(entry));
  return result;
}

absl::Status HostDriver::Unload(gpu::ModuleHandle module) {
  std::unique_ptr<ModuleEntry> unloaded;
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = modules_.find(module);
  if (found == modules_.end()) return NoModule(module);
  if (found->second->variants > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("module ", module, " has variants that are loaded"));
  }
  if (found->second->in_flight.load(std::memory_order_acquire) > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("module ", module, " has launches that have not ended"));
  }
  unloaded = std::move(found->second);
  modules_.erase(found);
  if (unloaded->base != nullptr) --unloaded->base->variants;
  for (const std::unique_ptr<Kernel>& kernel : unloaded->module->kernels()) {
    functions_.erase(kernel->handle);
  }
  return absl::OkStatus();
}

absl::StatusOr<gpu::Global> HostDriver::FindGlobal(gpu::ModuleHandle module,
                                                   absl::string_view name) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = modules_.find(module);
  if (found == modules_.end()) return NoModule(module);
  return found->second->module->FindGlobal(name);
}

absl::StatusOr<gpu::FunctionInfo> HostDriver::Describe(gpu::FunctionHandle function) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = functions_.find(function);
  if (found == functions_.end()) return NoFunction(function);
  const gpu::KernelInfo& info = found->second.kernel->info;
  const std::uint32_t most =
      info.max_threads_per_block() != 0 ? info.max_threads_per_block() : kMaxThreadsPerBlock;
  return gpu::FunctionInfo{.registers = 0,
                           .static_shared_bytes = info.static_shared_bytes(),
                           .local_bytes = 0,
                           .max_threads_per_block = most};
}

absl::StatusOr<gpu::Occupancy> HostDriver::OccupancyOf(gpu::FunctionHandle function,
                                                       std::uint32_t block_threads,
                                                       std::uint32_t dynamic_shared_bytes) {
  const absl::StatusOr<gpu::FunctionInfo> info = Describe(function);
  if (!info.ok()) return info.status();
  const bool fits =
      block_threads >= 1 && block_threads <= info->max_threads_per_block &&
      dynamic_shared_bytes + std::uint64_t{info->static_shared_bytes} <= kMaxSharedBytes;
  return gpu::Occupancy{
      .blocks_per_unit = fits ? 1u : 0u,
      .ratio = fits ? 1.0 : 0.0,
      .suggested_block_threads = std::min(kSuggestedThreads, info->max_threads_per_block),
      .best_ratio = 1.0};
}

absl::Status HostDriver::CreateStream(gpu::StreamId stream) {
  return scheduler_->CreateStream(stream);
}

absl::Status HostDriver::DestroyStream(gpu::StreamId stream) {
  return scheduler_->DestroyStream(stream);
}

absl::Status HostDriver::Launch(gpu::StreamId stream, gpu::Ticket ticket,
                                const gpu::LaunchParams& launch) {
  std::unique_ptr<Task> task;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = functions_.find(launch.function);
    if (found == functions_.end()) return NoFunction(launch.function);
    Kernel& kernel = *found->second.kernel;
    ModuleEntry& entry = *found->second.module;
    absl::Status status = CheckLaunch(launch, kernel.info, entry.module->block_shape());
    if (!status.ok()) return status;
    task = MakeLaunch(ticket, launch, kernel, entry.in_flight, sink_);
  }
  return scheduler_->Submit(stream, std::move(task));
}

absl::Status HostDriver::Copy(gpu::StreamId stream, gpu::Ticket ticket,
                              gpu::DeviceAddress destination, gpu::DeviceAddress source,
                              std::uint64_t bytes) {
  if (absl::Status status = CheckRange(destination, bytes, true); !status.ok()) return status;
  if (absl::Status status = CheckRange(source, bytes, false); !status.ok()) return status;
  return scheduler_->Submit(stream, MakeCopy(ticket, Pointer(destination), Pointer(source), bytes));
}

absl::Status HostDriver::CopyIn(gpu::StreamId stream, gpu::Ticket ticket,
                                gpu::DeviceAddress destination, const void* source,
                                std::uint64_t bytes) {
  if (absl::Status status = CheckRange(destination, bytes, true); !status.ok()) return status;
  return scheduler_->Submit(stream, MakeCopy(ticket, Pointer(destination), source, bytes));
}

absl::Status HostDriver::CopyOut(gpu::StreamId stream, gpu::Ticket ticket, void* destination,
                                 gpu::DeviceAddress source, std::uint64_t bytes) {
  if (absl::Status status = CheckRange(source, bytes, false); !status.ok()) return status;
  return scheduler_->Submit(stream, MakeCopy(ticket, destination, Pointer(source), bytes));
}

absl::Status HostDriver::Fill(gpu::StreamId stream, gpu::Ticket ticket,
                              gpu::DeviceAddress destination, std::uint64_t pattern,
                              std::uint32_t pattern_bytes, std::uint64_t bytes) {
  if (pattern_bytes != 1 && pattern_bytes != 2 && pattern_bytes != 4 && pattern_bytes != 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("a fill pattern has 1, 2, 4 or 8 bytes, not ", pattern_bytes));
  }
  if (bytes % pattern_bytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(bytes, " bytes are not a multiple of the pattern's ", pattern_bytes));
  }
  if (absl::Status status = CheckRange(destination, bytes, true); !status.ok()) return status;
  return scheduler_->Submit(stream,
                            MakeFill(ticket, Pointer(destination), pattern, pattern_bytes, bytes));
}

absl::Status HostDriver::Marker(gpu::StreamId stream, gpu::Ticket ticket) {
  return scheduler_->SubmitMarker(stream, ticket);
}

absl::Status HostDriver::Record(gpu::StreamId stream, gpu::EventId event) {
  return scheduler_->Record(stream, event);
}

absl::Status HostDriver::Wait(gpu::StreamId stream, gpu::EventId event) {
  return scheduler_->Wait(stream, event);
}

absl::StatusOr<bool> HostDriver::Query(gpu::EventId event) { return scheduler_->Query(event); }

absl::Status HostDriver::DestroyEvent(gpu::EventId event) {
  return scheduler_->DestroyEvent(event);
}

absl::Status HostDriver::Synchronize(gpu::StreamId stream) {
  return scheduler_->Synchronize(stream);
}

absl::Status HostDriver::CheckRange(gpu::DeviceAddress address, std::uint64_t bytes,
                                    bool for_writing) {
  if (bytes == 0 || arena_.Contains(address, bytes)) return absl::OkStatus();
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [handle, entry] : modules_) {
    if (entry->module->ContainsGlobal(address, bytes, for_writing)) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(bytes, " bytes at 0x", absl::Hex(address),
                   for_writing ? " are not writable device memory" : " are not device memory"));
}

}  // namespace amdgpu::host
