// The device's memory: buffers made, given away and freed; slabs added and given back.

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/runtime/device_impl.h"

namespace amdgpu {
namespace {

std::uint64_t RoundUp(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

absl::StatusOr<AllocationRequest> DeviceImpl::RequestFor(proto::DType dtype, std::uint64_t elements,
                                                         OwnerId owner,
                                                         gpu::StreamId stream) const {
  const std::uint64_t element_bytes = DTypeBytes(dtype);
  if (element_bytes == 0) return absl::InvalidArgumentError("a buffer needs an element type");
  if (stream >= kMaxStreams) return absl::InvalidArgumentError(absl::StrCat("no stream ", stream));
  // More than any memory: let the pool say so in its own words.
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() / element_bytes;
  AllocationRequest request;
  request.bytes = std::min(elements > most ? kMaxOffset : elements * element_bytes, kMaxOffset);
  request.stream = stream;
  request.owner = owner;
  return request;
}

BlockRef DeviceImpl::MakeBlock(const Allocation& allocation) {
  block_times_.Add(allocation.handle, CoarseNowNs());
  SlabRef slab = arena_.Find(allocation.offset);
  return std::make_shared<Block>(memory_, std::move(slab), allocation, contents_generation_);
}

absl::StatusOr<BufferRef> DeviceImpl::MakeBuffer(proto::DType dtype, std::uint64_t elements,
                                                 OwnerId owner, const Allocation& allocation) {
  auto state = std::make_shared<BufferState>();
  state->dtype = dtype;
  state->elements = elements;
  state->bytes = elements * DTypeBytes(dtype);
  state->owner = owner;
  DeviceRef handle = handle_.lock();
  bool closed;
  {
    AdaptiveLock lock(&mutex());
    state->block = MakeBlock(allocation);
    closed = closed_ || handle == nullptr;
    if (!closed) owners_.Add(state.get());
  }
  if (closed) return DeviceLostError(Name(), "it was closed");
  return std::make_shared<BufferImpl>(std::move(handle), std::move(state), DropBuffer);
}

absl::StatusOr<BufferRef> DeviceImpl::Allocate(proto::DType dtype, std::uint64_t elements,
                                               OwnerId owner, gpu::StreamId stream) {
  const absl::StatusOr<AllocationRequest> request = RequestFor(dtype, elements, owner, stream);
  if (!request.ok()) return request.status();
  absl::StatusOr<Allocation> allocation = memory_->resource().Allocate(*request);
  if (!allocation.ok()) {
    FreeDead();
    allocation = memory_->resource().Allocate(*request);
  }
  if (!allocation.ok()) return allocation.status();
  return MakeBuffer(dtype, elements, owner, *allocation);
}

JobRef DeviceImpl::AllocateSlow(proto::DType dtype, std::uint64_t elements, OwnerId owner,
                                gpu::StreamId stream) {
  JobImplRef job = NewJob();
  const absl::StatusOr<AllocationRequest> request = RequestFor(dtype, elements, owner, stream);
  if (!request.ok()) {
    job->Finish(request.status());
    return job;
  }
  const bool posted =
      service_.Post([this, self = Self(), request = *request, dtype, elements, job] {
        FreeDead();
        const absl::StatusOr<Allocation> allocation = memory_->AllocateOrMakeRoom(
            request, [this](const Shortage& shortage) { return MakeRoomFor(shortage); });
        absl::StatusOr<BufferRef> buffer =
            allocation.ok() ? MakeBuffer(dtype, elements, request.owner, *allocation)
                            : allocation.status();
        if (buffer.ok()) {
          job->FinishWithBuffer(*std::move(buffer));
        } else {
          job->Finish(buffer.status());
        }
      });
  if (!posted) job->Finish(NotReadyError());
  return job;
}

bool DeviceImpl::MakeRoomFor(const Shortage& shortage) {
  // A limit: only what others free helps, and that is for the caller to wait for.
  if (shortage.needed_bytes == 0) return false;
  if (Grow(shortage.needed_bytes).ok()) return true;
  // What queued work still holds back comes free soon, if it is not too long.
  constexpr int kMostWaits = 20;
  if (shortage.attempt >= kMostWaits || memory_->PendingFences().empty()) return false;
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  queue_->Drain();
  return true;
}

absl::Status DeviceImpl::Grow(std::uint64_t needed) {
  const std::uint64_t least = RoundUp(needed, Arena::kSlabAlignment);
  const std::uint64_t usual = RoundUp(options_.slab_bytes, Arena::kSlabAlignment);
  absl::StatusOr<SlabRef> slab = arena_.Make(std::max(least, usual));
  if (!slab.ok() && usual > least) slab = arena_.Make(least);
  if (!slab.ok()) return slab.status();
  if (worker_ != nullptr) {
    proto::WorkerRequest request;
    request.mutable_reserve()->set_bytes((*slab)->bytes);
    request.mutable_reserve()->set_arena_offset((*slab)->offset);
    absl::StatusOr<proto::WorkerReply> reply = worker_->Call(std::move(request));
    // A worker that has just died is no reason not to grow: the next one maps the slab.
    if (!reply.ok() && !absl::IsUnavailable(reply.status())) return reply.status();
    if (reply.ok()) (*slab)->device_address = reply->reserve().device_address();
  }
  const Region region{(*slab)->offset, (*slab)->bytes,
                      static_cast<std::uint32_t>((*slab)->offset / Arena::kSlabAlignment)};
  {
    AdaptiveLock lock(&mutex());
    arena_.Insert(*std::move(slab));
  }
  Report(proto::Event::KIND_POOL_GREW, "", region.bytes);
  return memory_->resource().AddRegion(region);
}

void DeviceImpl::FreeState(BufferState& state) {
  if (!state.live.load()) return;
  owners_.Remove(&state);
  const BlockRef block = std::move(state.block);
  // Last: from here on whoever drops the last reference destroys the state at once, without the
  // lock.
  state.live.store(false);
}

absl::Status DeviceImpl::Free(const BufferRef& buffer) {
  const absl::StatusOr<BufferState*> state = StateOf(buffer);
  if (!state.ok()) return state.status();
  AdaptiveLock lock(&mutex());
  if (!(*state)->live.load()) return absl::FailedPreconditionError("the buffer was freed before");
  FreeState(**state);
  return absl::OkStatus();
}

void DeviceImpl::DropBuffer(Device& device, BufferStateRef state) {
  auto& self = static_cast<DeviceImpl&>(device);
  if (!state->live.load()) return;
  if (self.dead_.Push(std::move(state))) {
    self.service_.Post([impl = self.Self()] { impl->FreeDead(); });
  }
}

void DeviceImpl::FreeDead() {
  dead_.TakeAll([this](BufferState& state) {
    AdaptiveLock lock(&mutex());
    FreeState(state);
  });
}

absl::Status DeviceImpl::GiveAway(const BufferRef& buffer, OwnerId new_owner) {
  const absl::StatusOr<BufferState*> state = StateOf(buffer);
  if (!state.ok()) return state.status();
  AdaptiveLock lock(&mutex());
  if (!(*state)->live.load()) return absl::FailedPreconditionError("the buffer was freed");
  if (absl::Status status = (*state)->block->Reassign(new_owner); !status.ok()) return status;
  owners_.Remove(*state);
  (*state)->owner = new_owner;
  owners_.Add(*state);
  return absl::OkStatus();
}

void DeviceImpl::FreeOwner(OwnerId owner) {
  service_.Post([this, self = Self(), owner] {
    AdaptiveLock lock(&mutex());
    while (BufferState* const buffer = owners_.First(owner)) FreeState(*buffer);
  });
}

JobRef DeviceImpl::Trim() {
  JobImplRef job = NewJob();
  if (!service_.Post([this, self = Self(), job] { DoTrim(job); })) job->Finish(NotReadyError());
  return job;
}

void DeviceImpl::DoTrim(const JobImplRef& job) {
  FreeDead();
  UnloadUnused(0);
  absl::Status status;
  for (const Region& region : memory_->resource().FreeRegions()) {
    if (!memory_->resource().RemoveRegion(region.offset).ok()) continue;  // in use again
    SlabRef slab;
    {
      AdaptiveLock lock(&mutex());
      slab = arena_.Find(region.offset);
    }
    if (worker_ != nullptr) {
      proto::WorkerRequest request;
      request.mutable_release()->set_device_address(slab->device_address);
      absl::StatusOr<proto::WorkerReply> reply = worker_->Call(std::move(request));
      if (!reply.ok() && !absl::IsUnavailable(reply.status())) status.Update(reply.status());
    }
    Report(proto::Event::KIND_POOL_SHRANK, "", region.bytes);
    AdaptiveLock lock(&mutex());
    arena_.Remove(slab);
  }
  job->Finish(status);
}

MemoryReport DeviceImpl::MemoryTotals() const {
  const PoolStats pool = memory_->resource().Stats();
  const MemoryUsage usage = memory_->Usage();
  MemoryReport report;
  report.reserved = pool.reserved;
  report.used = pool.used;
  report.requested = pool.requested;
  report.peak = usage.peak_bytes;
  report.largest_free = pool.largest_free;
  report.limit = limit_.load();
  report.fragmentation_ratio = pool.fragmentation_ratio;
  report.pool_count = static_cast<std::uint32_t>(pool.pool_count);
  report.allocations = usage.total_blocks;
  report.frees = usage.total_blocks - usage.blocks;
  return report;
}

MemoryReport DeviceImpl::Memory() const {
  MemoryReport report = MemoryTotals();
  AdaptiveLock lock(&mutex());
  report.owners = owners_.Uses();
  return report;
}

absl::Status DeviceImpl::SetLimits(std::uint64_t device_bytes, std::uint64_t owner_bytes) {
  limit_.store(device_bytes != 0 ? device_bytes : CapacityBytes());
  memory_->SetDeviceLimit(limit_.load());
  memory_->SetDefaultOwnerLimit(owner_bytes);
  return absl::OkStatus();
}

absl::Status DeviceImpl::SetAllocationLog(const std::string& path) {
  if (absl::Status status = memory_->StopLog(); !status.ok()) return status;
  return path.empty() ? absl::OkStatus() : memory_->StartLog(path);
}

}  // namespace amdgpu
