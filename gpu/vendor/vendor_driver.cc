// The driver's life, its memory, streams and events.

#include "gpu/vendor/vendor_driver.h"

#include <cstdio>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/properties.h"

namespace amdgpu::vendor {

absl::StatusOr<std::unique_ptr<VendorDriver>> VendorDriver::Create(
    const VendorDriverOptions& options, gpu::CompletionSink& sink) {
  absl::StatusOr<std::unique_ptr<DeviceContext>> context =
      DeviceContext::Open(options.api, options.index);
  if (!context.ok()) return context.status();
  absl::StatusOr<gpu::Properties> properties =
      DescribeDevice(*options.api, options.index, (*context)->device());
  if (!properties.ok()) return properties.status();
  auto driver = absl::WrapUnique(
      new VendorDriver(*std::move(context), *std::move(properties), options, sink));
  if (absl::Status status = driver->CreateStream(0); !status.ok()) return status;
  {
    MutexLock lock(&driver->mutex_);
    const Result result = driver->clock_.Start(driver->streams_.at(0)->lane->stream());
    if (result != kSuccess) return ToStatus(*options.api, result, "starting the device's clock");
  }
  if (options.staging != nullptr) {
    const Result result =
        options.api->MemHostRegister(options.staging, options.staging_bytes, kHostRegisterPortable);
    if (result == kSuccess) {
      driver->registered_ = options.staging;
    } else {
      // Copies work all the same, in two passes.
      std::fprintf(stderr, "amdgpu: the staging memory could not be pinned: %s\n",
                   options.api->ErrorText(*options.api, result).c_str());
    }
  }
  return driver;
}

VendorDriver::VendorDriver(std::unique_ptr<DeviceContext> context, gpu::Properties properties,
                           const VendorDriverOptions& options, gpu::CompletionSink& sink)
    : context_(std::move(context)),
      properties_(std::move(properties)),
      sink_(sink),
      drain_output_(options.drain_output),
      faults_(sink),
      timed_events_(*context_, kEventBlockingSync),
      order_events_(*context_, kEventDisableTiming),
      clock_(*context_, timed_events_),
      blas_libraries_(options.blas_libraries) {}

VendorDriver::~VendorDriver() {
  const VendorApi& api = context_->api();
  context_->MakeCurrent();
  absl::flat_hash_map<gpu::StreamId, StreamRef> streams;
  {
    MutexLock lock(&mutex_);
    streams.swap(streams_);
  }
  for (auto& [id, stream] : streams) End(*stream);
  MutexLock lock(&mutex_);
  modules_.clear();
  for (const auto& [id, event] : events_) order_events_.Give(event);
  for (const auto& [address, bytes] : slabs_) api.MemFree(address);
  if (registered_ != nullptr) api.MemHostUnregister(registered_);
}

// Memory.

absl::StatusOr<gpu::DeviceAddress> VendorDriver::Reserve(std::uint64_t bytes,
                                                         std::uint64_t /*arena_offset*/) {
  if (bytes == 0) return absl::InvalidArgumentError("a slab of 0 bytes");
  if (faults_.sticky()) return faults_.status();
  Address address = 0;
  Result result = context_->MakeCurrent();
  if (result == kSuccess) result = context_->api().MemAlloc(&address, bytes);
  if (result != kSuccess) {
    return ToStatus(context_->api(), result, absl::StrCat("reserving ", bytes, " bytes"));
  }
  MutexLock lock(&mutex_);
  slabs_.emplace(address, bytes);
  return address;
}

absl::Status VendorDriver::Release(gpu::DeviceAddress address) {
  {
    MutexLock lock(&mutex_);
    if (slabs_.erase(address) == 0) {
      return absl::NotFoundError(absl::StrCat("there is no slab at 0x", absl::Hex(address)));
    }
  }
  Result result = context_->MakeCurrent();
  if (result == kSuccess) result = context_->api().MemFree(address);
  return ToStatus(context_->api(), result, "releasing a slab");
}

absl::Status VendorDriver::CheckRange(gpu::DeviceAddress address, std::uint64_t bytes) {
  if (bytes == 0) return absl::OkStatus();
  MutexLock lock(&mutex_);
  const auto after = slabs_.upper_bound(address);
  if (after != slabs_.begin()) {
    const auto& [begin, size] = *std::prev(after);
    if (bytes <= size && address - begin <= size - bytes) return absl::OkStatus();
  }
  for (const auto& [handle, module] : modules_) {
    if (module->ContainsGlobal(address, bytes)) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(bytes, " bytes at 0x", absl::Hex(address), " are not device memory"));
}

// Streams.

absl::Status VendorDriver::CreateStream(gpu::StreamId stream) {
  {
    MutexLock lock(&mutex_);
    if (streams_.contains(stream)) {
      return absl::AlreadyExistsError(absl::StrCat("there is a stream ", stream, " already"));
    }
  }
  absl::StatusOr<std::unique_ptr<Lane>> lane = Lane::Start(Parts());
  if (!lane.ok()) return lane.status();
  auto entry = std::make_shared<StreamEntry>();
  entry->lane = *std::move(lane);
  MutexLock lock(&mutex_);
  streams_.emplace(stream, std::move(entry));
  return absl::OkStatus();
}

absl::Status VendorDriver::DestroyStream(gpu::StreamId stream) {
  StreamRef entry;
  {
    MutexLock lock(&mutex_);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) {
      return absl::NotFoundError(absl::StrCat("there is no stream ", stream));
    }
    entry = std::move(found->second);
    streams_.erase(found);
  }
  End(*entry);
  return absl::OkStatus();
}

void VendorDriver::End(StreamEntry& entry) {
  context_->MakeCurrent();
  entry.lane->Drain();
  if (entry.blas != nullptr) {
    Blas* blas = nullptr;
    {
      MutexLock lock(&mutex_);
      blas = blas_.get();  // for good, once it is there
    }
    blas->DropHandle(entry.blas);
  }
  entry.lane.reset();
  if (entry.bounce != 0) context_->api().MemFree(entry.bounce);
}

absl::StatusOr<VendorDriver::StreamRef> VendorDriver::FindStream(gpu::StreamId stream) {
  MutexLock lock(&mutex_);
  return FindStreamLocked(stream);
}

absl::StatusOr<VendorDriver::StreamRef> VendorDriver::FindStreamLocked(gpu::StreamId stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) {
    return absl::NotFoundError(absl::StrCat("there is no stream ", stream));
  }
  return found->second;
}

absl::Status VendorDriver::Synchronize(gpu::StreamId stream) {
  absl::StatusOr<StreamRef> entry = FindStream(stream);
  if (!entry.ok()) return entry.status();
  Result result = context_->MakeCurrent();
  if (result == kSuccess) result = context_->api().StreamSynchronize((*entry)->lane->stream());
  (*entry)->lane->Drain();
  return ToStatus(context_->api(), result, "waiting for a stream");
}

// Events.

absl::Status VendorDriver::Record(gpu::StreamId stream, gpu::EventId event) {
  absl::StatusOr<StreamRef> entry = FindStream(stream);
  if (!entry.ok()) return entry.status();
  Result result = context_->MakeCurrent();
  Event recorded = nullptr;
  {
    MutexLock lock(&mutex_);
    if (const auto found = events_.find(event); found != events_.end()) {
      recorded = found->second;
    } else {
      if (result == kSuccess) result = order_events_.Take(&recorded);
      if (result == kSuccess) events_.emplace(event, recorded);
    }
  }
  // Without the lock: the vendor waits here while the stream's queue is full.
  if (result == kSuccess) {
    result = context_->api().EventRecord(recorded, (*entry)->lane->stream());
  }
  return ToStatus(context_->api(), result, "recording an event");
}

absl::Status VendorDriver::Wait(gpu::StreamId stream, gpu::EventId event) {
  absl::StatusOr<StreamRef> entry = FindStream(stream);
  if (!entry.ok()) return entry.status();
  // A lane's own operation: what comes behind it is not done before it.
  return (*entry)->lane->Submit(
      Operation{},
      [&]() -> Result {
        Event waited_for = nullptr;
        {
          MutexLock lock(&mutex_);
          const auto found = events_.find(event);
          if (found == events_.end()) return kNotFound;
          waited_for = found->second;
        }
        return context_->api().StreamWaitEvent((*entry)->lane->stream(), waited_for, 0);
      },
      absl::StrCat("waiting for event ", event));
}

absl::StatusOr<bool> VendorDriver::Query(gpu::EventId event) {
  MutexLock lock(&mutex_);
  const auto found = events_.find(event);
  if (found == events_.end()) {
    return absl::NotFoundError(absl::StrCat("there is no event ", event));
  }
  Result result = context_->MakeCurrent();
  if (result == kSuccess) result = context_->api().EventQuery(found->second);
  if (result == kNotReady) return false;
  if (result == kSuccess) return true;
  return ToStatus(context_->api(), result, "asking for an event");
}

absl::Status VendorDriver::DestroyEvent(gpu::EventId event) {
  MutexLock lock(&mutex_);
  const auto found = events_.find(event);
  if (found == events_.end()) {
    return absl::NotFoundError(absl::StrCat("there is no event ", event));
  }
  order_events_.Give(found->second);
  events_.erase(found);
  return absl::OkStatus();
}

}  // namespace amdgpu::vendor
