// The life of a device: opening, the worker's end, restarting, closing.

#include <sys/sysinfo.h>

#include <algorithm>
#include <latch>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "c_src/runtime/device_impl.h"

namespace amdgpu {
namespace {

constexpr std::uint64_t kMaxArenaBytes = kMaxOffset;
// The device whose memory is a file of ours.
constexpr absl::string_view kHostKind = "host";
// How often, and how long in between, the next worker asks for the memory of the last one, which
// the vendor's kernel driver may still be taking apart.
constexpr int kReserveAttempts = 100;
constexpr auto kReservePause = std::chrono::milliseconds(20);

// What a device may use at most: the limit if it is higher than what the machine has, for those who
// know better.
std::uint64_t ArenaBytes(const DeviceOptions& options) {
  struct sysinfo machine{};
  sysinfo(&machine);
  const std::uint64_t physical = std::uint64_t{machine.totalram} * machine.mem_unit;
  return std::min(kMaxArenaBytes, std::max(physical, options.memory_limit_bytes));
}

// Most of the machine's memory, unless told otherwise.
std::uint64_t DefaultLimit(std::uint64_t arena_bytes) { return arena_bytes / 8 * 7; }

}  // namespace

absl::StatusOr<DeviceRef> Device::Open(DeviceOptions options,
                                       std::shared_ptr<CompileService> compiler,
                                       DeviceCallbacks callbacks) {
  return DeviceImpl::Open(std::move(options), std::move(compiler), std::move(callbacks));
}

DeviceImpl::DeviceImpl(DeviceOptions options, std::shared_ptr<CompileService> compiler,
                       DeviceCallbacks callbacks, Segment segment, Arena arena)
    : options_(std::move(options)),
      compiler_(std::move(compiler)),
      callbacks_(std::move(callbacks)),
      memory_(std::make_shared<DeviceMemory>(DeviceMemory::Options{
          .device_limit = options_.memory_limit_bytes != 0 ? options_.memory_limit_bytes
                                                           : DefaultLimit(arena.bytes()),
          .default_owner_limit = options_.owner_limit_bytes,
          .pool = {}})),
      queue_(std::make_shared<CommandQueue>(
          std::move(segment), std::shared_ptr<StreamClocks>(memory_, &memory_->clocks()),
          callbacks_.on_print)),
      arena_(std::move(arena)),
      staging_(protocol::kStagingBytes),
      telemetry_(options_.telemetry) {
  streams_[0] = true;
  if (!arena_.host_visible()) streams_[kUploadStream] = streams_[kDownloadStream] = true;
  limit_ =
      options_.memory_limit_bytes != 0 ? options_.memory_limit_bytes : DefaultLimit(arena_.bytes());
}

absl::StatusOr<DeviceRef> DeviceImpl::Open(DeviceOptions options,
                                           std::shared_ptr<CompileService> compiler,
                                           DeviceCallbacks callbacks) {
  absl::StatusOr<Segment> segment = Segment::Create();
  if (!segment.ok()) return segment.status();
  absl::StatusOr<Arena> arena = options.kind == kHostKind ? Arena::Create(ArenaBytes(options))
                                                          : Arena::OfWorker(kMaxArenaBytes);
  if (!arena.ok()) return arena.status();
  const std::string log = options.allocation_log;
  const std::uint64_t memory_limit = options.memory_limit_bytes;
  const std::uint64_t owner_limit = options.owner_limit_bytes;
  const std::shared_ptr<DeviceImpl> device(new DeviceImpl(std::move(options), std::move(compiler),
                                                          std::move(callbacks), *std::move(segment),
                                                          *std::move(arena)));
  if (absl::Status status = device->StartWorker(); !status.ok()) return status;
  device->properties_ = device->worker_->properties();
  if (!device->arena_.host_visible()) {
    // Only now is it known how much there is.
    absl::Status status = device->SetLimits(memory_limit, owner_limit);
    if (!status.ok()) return status;
  }
  if (!log.empty()) {
    if (absl::Status status = device->SetAllocationLog(log); !status.ok()) return status;
  }
  // What callers hold is a handle: when the last one goes, the device shuts down, and the object
  // behind it lives on until its threads have ended.
  // The deleter gives its reference up: it stays as long as handle_, which is in the object.
  DeviceRef handle(device.get(), [held = std::shared_ptr<DeviceImpl>(device)](Device*) mutable {
    const std::shared_ptr<DeviceImpl> last = std::move(held);
    last->Shutdown();
  });
  device->handle_ = handle;
  device->StartThreads();
  device->SetReady(true);
  if (device->telemetry_ != nullptr) {
    device->telemetry_device_ = device->telemetry_->AddDevice(device);
  }
  return handle;
}

void DeviceImpl::StartThreads() {
  const std::shared_ptr<DeviceImpl> self = Self();
  if (!arena_.host_visible()) {
    for (ServiceQueue* queue : {&uploads_, &downloads_}) {
      std::thread([self, queue] {
        const DeviceThread mark;
        queue->Run([] { return std::vector<int>(); }, [] {});
      }).detach();
    }
  }
  std::thread([queue = queue_] { queue->RunCompletionThread(); }).detach();
  std::thread([self] {
    const DeviceThread mark;
    self->service_.Run(
        [&self]() -> std::vector<int> {
          if (self->worker_ == nullptr) return {};
          std::vector<int> fds = {self->worker_->control_fd()};
          if (self->worker_->pidfd() >= 0) fds.push_back(self->worker_->pidfd());
          return fds;
        },
        [&self] { self->OnWorkerReadable(); });
    if (self->worker_ != nullptr) self->EndWorker();
    self->queue_->Stop();
    if (self->telemetry_ != nullptr) self->telemetry_->RemoveDevice(self->telemetry_device_);
    self->ended_.count_down();
  }).detach();
}

std::uint64_t DeviceImpl::CapacityBytes() const {
  return arena_.host_visible() ? arena_.bytes() : properties_.memory_bytes();
}

std::string DeviceImpl::Name() const { return absl::StrCat(options_.kind, ":", options_.index); }

absl::Status DeviceImpl::StartWorker() {
  queue_->Reset();
  WorkerStart start;
  start.path = options_.worker_path;
  start.kind = options_.kind;
  start.index = options_.index;
  start.threads = options_.threads;
  start.segment_fd = queue_->segment().fd();
  start.arena_fd = arena_.fd();
  absl::StatusOr<std::unique_ptr<WorkerProcess>> worker = WorkerProcess::Start(start);
  if (!worker.ok()) return worker.status();
  if (absl::Status status = ReloadInto(**worker); !status.ok()) return status;
  worker_ = *std::move(worker);
  worker_started_ns_.store(NowNs());
  worker_pid_.store(worker_->pid());
  ++generation_;
  return absl::OkStatus();
}

absl::Status DeviceImpl::ReloadInto(WorkerProcess& worker) {
  // Nothing is in flight and only this thread changes slabs and loads modules, so that the lock is
  // needed for no more than the changes.
  for (const SlabRef& slab : arena_.slabs()) {
    proto::WorkerRequest request;
    request.mutable_reserve()->set_bytes(slab->bytes);
    request.mutable_reserve()->set_arena_offset(slab->offset);
    absl::StatusOr<proto::WorkerReply> reply = worker.Call(request);
    for (int attempt = 1; absl::IsResourceExhausted(reply.status()) && attempt < kReserveAttempts;
         ++attempt) {
      std::this_thread::sleep_for(kReservePause);
      reply = worker.Call(request);
    }
    if (!reply.ok()) return reply.status();
    AdaptiveLock lock(&mutex());
    slab->device_address = reply->reserve().device_address();
  }
  std::vector<ModuleRef> modules;
  {
    AdaptiveLock lock(&mutex());
    for (const auto& entry : modules_) modules.push_back(entry.second);
  }
  for (const ModuleRef& module : modules) {
    absl::StatusOr<LoadedCode> generic = LoadCode(worker, module->code, 0, nullptr);
    const bool library = !module->kernels.empty() && module->kernels.front().has_library();
    if (library && !generic.ok() && !absl::IsUnavailable(generic.status())) {
      // A library that does not start again is no reason to have no device: its launches are
      // refused.
      generic = LoadedCode{module->code, 0, {}};
      generic->functions.resize(module->kernels.size());
    }
    if (!generic.ok()) return generic.status();
    const gpu::ModuleHandle base = generic->module;
    std::vector<std::pair<gpu::Dim3, CodeObjectRef>> variants;
    {
      AdaptiveLock lock(&mutex());
      module->retired.clear();
      module->generic = *std::move(generic);
      for (const Variant& variant : module->variants) {
        if (variant.ready) variants.emplace_back(variant.block, variant.loaded.code);
      }
    }
    for (const auto& [block, code] : variants) {
      absl::StatusOr<LoadedCode> loaded = LoadCode(worker, code, base, nullptr);
      if (!loaded.ok()) return loaded.status();
      AdaptiveLock lock(&mutex());
      module->Find(block)->loaded = *std::move(loaded);
    }
  }
  return absl::OkStatus();
}

void DeviceImpl::SetReady(bool ready) {
  std::vector<JobImplRef> waiting;
  if (ready) {
    queue_->Open();
  } else {
    queue_->Close();
  }
  ready_.store(ready, std::memory_order_release);
  {
    AdaptiveLock lock(&mutex());
    if (ready || closed_) waiting.swap(when_ready_);
  }
  for (const JobImplRef& job : waiting) job->Finish(ready ? absl::OkStatus() : NotReadyError());
}

absl::Status DeviceImpl::NotReadyError() const {
  AdaptiveLock lock(&mutex());
  if (closed_) return DeviceLostError(Name(), "it was closed");
  return absl::UnavailableError(absl::StrCat("device ", Name(), " has no worker: restart it"));
}

JobRef DeviceImpl::WhenReady() {
  JobImplRef job = NewJob();
  absl::Status status;
  JobImplRef first;
  {
    AdaptiveLock lock(&mutex());
    if (!closed_ && (!queue_->open() || growing_ != 0)) {
      when_ready_.push_back(job);
      return job;
    }
    if (closed_) {
      status = DeviceLostError(Name(), "it was closed");
    } else if (std::exchange(ring_was_full_, false)) {
      // Room comes with the next completion; the oldest command is as good a guess as any.
      first = queue_->Oldest();
    }
  }
  if (first != nullptr) {
    job->AlsoWaitFor(first->info().ticket);
    first->Then([job](const absl::Status&) { job->Finish(absl::OkStatus()); });
  } else {
    job->Finish(status);
  }
  return job;
}

void DeviceImpl::OnWorkerReadable() {
  if (worker_ == nullptr) return;
  // Nobody has asked anything: either end of file or a worker gone mad.
  EndWorker();
}

void DeviceImpl::EndWorker() {
  SetReady(false);
  int signal = 0;
  const std::string how = worker_->End(&signal);
  worker_.reset();
  // Before its pending launches are told as lost: some may have ended.
  queue_->segment().EndTelemetry();
  worker_pid_.store(0);
  worker_started_ns_.store(0);
  {
    AdaptiveLock lock(&mutex());
    contents_generation_ = generation_ + 1;
  }
  const absl::Status reason = AnswerPending(how);
  bool closed;
  {
    AdaptiveLock lock(&mutex());
    closed = closed_;
  }
  if (!closed) Report(proto::Event::KIND_DEVICE_LOST, std::string(reason.message()));
  if (!closed && callbacks_.on_worker_exit) callbacks_.on_worker_exit({reason, generation_});
}

absl::Status DeviceImpl::AnswerPending(const std::string& how_it_ended) {
  const std::optional<FaultSnapshot> fault = ReadFault(queue_->segment().header().fault);
  const std::vector<PendingCommand> pending = queue_->TakePending();
  bool closed;
  {
    AdaptiveLock lock(&mutex());
    closed = closed_;
  }
  std::string why = closed ? "it was closed" : absl::StrCat("the worker ", how_it_ended);
  absl::Status reason = DeviceLostError(Name(), why);
  const PendingCommand* culprit = nullptr;
  if (fault.has_value() && !closed) {
    for (const PendingCommand& command : pending) {
      if (command.ticket == fault->ticket) culprit = &command;
    }
    const std::string kernel =
        culprit != nullptr && culprit->kernel != nullptr ? culprit->kernel->name() : "";
    const std::uint64_t timeout = culprit != nullptr ? culprit->timeout_ns : 0;
    reason = FaultError(*fault, kernel, timeout, FindNear(fault->address));
  }
  if (culprit != nullptr) why = std::string(reason.message());
  // Of a fault that nobody is known to have caused everybody is told.
  const bool told_to_all = culprit == nullptr && !GetErrorDetail(reason)->has_device_lost();
  ReportLost(pending, told_to_all ? reason : DeviceLostError(Name(), why));
  for (const PendingCommand& command : pending) {
    const std::string kernel = command.kernel == nullptr ? "" : command.kernel->name();
    command.job->Finish(&command == culprit || told_to_all ? reason
                                                           : DeviceLostError(Name(), why, kernel));
  }
  return reason;
}

std::optional<NearBuffer> DeviceImpl::FindNear(std::uint64_t address) const {
  constexpr std::uint64_t kNear = std::uint64_t{64} << 20;
  AdaptiveLock lock(&mutex());
  for (const SlabRef& slab : arena_.slabs()) {
    const std::uint64_t begin = slab->device_address;
    const std::uint64_t end = begin + slab->bytes;
    if (address + kNear < begin || address >= end + kNear) continue;
    const std::uint64_t inside = std::clamp(address, begin, end - 1) - begin;
    const std::optional<FoundBlock> found = memory_->resource().FindAddress(slab->offset + inside);
    if (!found.has_value() || !slab->Contains(found->block.offset)) continue;
    const std::uint64_t block = begin + (found->block.offset - slab->offset);
    return NearBuffer{block, found->block.requested, static_cast<std::int64_t>(address - block)};
  }
  return std::nullopt;
}

absl::Status DeviceImpl::Restart() {
  auto status = std::make_shared<absl::Status>();
  auto done = std::make_shared<std::latch>(1);
  const bool posted = service_.Post([this, self = Self(), status, done] {
    if (worker_ != nullptr && !ready()) EndWorker();
    if (worker_ == nullptr) {
      *status = StartWorker();
      if (status->ok()) {
        restarts_.fetch_add(1);
        SetReady(true);
        Report(proto::Event::KIND_DEVICE_RESTARTED, "");
        for (const auto& task : std::exchange(after_restart_, {})) task();
      }
    }
    done->count_down();
  });
  if (!posted) return NotReadyError();
  done->wait();
  return *status;
}

void DeviceImpl::Shutdown() {
  {
    AdaptiveLock lock(&mutex());
    if (std::exchange(closed_, true)) return;
  }
  SetReady(false);
  service_.Post([this, self = Self()] {
    for (const auto& task : std::exchange(after_restart_, {})) task();
  });
  service_.Stop();
  uploads_.Stop();
  downloads_.Stop();
}

void DeviceImpl::Close() {
  Shutdown();
  if (!CommandQueue::OnDeviceThread()) ended_.wait();
}

DeviceStats DeviceImpl::Stats() const {
  DeviceStats stats;
  stats.launches = launches_.load();
  stats.in_flight = queue_->in_flight();
  stats.restarts = restarts_.load();
  stats.specialised_launches = specialised_launches_.load();
  stats.worker_pid = worker_pid_.load();
  return stats;
}

}  // namespace amdgpu
