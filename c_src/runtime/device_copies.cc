// Buffers in use: fences, views, writes, copies and fills.

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/runtime/device_impl.h"

namespace amdgpu {

using protocol::CommandKind;

namespace {

absl::Status NotVisibleError() {
  return absl::FailedPreconditionError("the device's memory cannot be seen from here");
}

}  // namespace

absl::StatusOr<BufferState*> DeviceImpl::StateOf(const BufferRef& buffer) const {
  if (buffer == nullptr) return absl::InvalidArgumentError("no buffer");
  if (buffer->device().get() != this) {
    return absl::InvalidArgumentError("the buffer belongs to another device");
  }
  return static_cast<const BufferImpl&>(*buffer).state().get();
}

absl::Status DeviceImpl::CheckRange(const BufferState& state, std::uint64_t offset,
                                    std::uint64_t bytes) const {
  if (!state.live.load()) return absl::FailedPreconditionError("the buffer was freed");
  if (absl::Status status = CheckNotLost(*state.block); !status.ok()) return status;
  if (bytes > state.bytes || offset > state.bytes - bytes) {
    return absl::OutOfRangeError(
        absl::StrCat("bytes ", offset, " to ", offset + bytes, " of a buffer of ", state.bytes));
  }
  return absl::OkStatus();
}

absl::Status DeviceImpl::CheckNotLost(const Block& block) const {
  if (arena_.host_visible() || block.generation() == contents_generation_) return absl::OkStatus();
  return DeviceLostError(Name(), "the buffer's memory went with the worker that held it");
}

absl::Status DeviceImpl::CheckStream(gpu::StreamId stream) const {
  if (stream >= kMaxStreams || !streams_[stream]) {
    return absl::InvalidArgumentError(absl::StrCat("no stream ", stream));
  }
  return absl::OkStatus();
}

absl::Status DeviceImpl::RingFullError() {
  if (closed_) return DeviceLostError(Name(), "it was closed");
  if (!queue_->open()) {
    return absl::UnavailableError(absl::StrCat("device ", Name(), " has no worker: restart it"));
  }
  ring_was_full_ = true;
  return absl::UnavailableError("the command ring is full");
}

JobRef DeviceImpl::FenceFor(const Block& block, bool for_writing) {
  absl::InlinedVector<JobImplRef, 2> pending;
  for (const BlockUse& use : block.uses()) {
    const Ticket ticket = for_writing ? use.last : use.last_write;
    if (memory_->clocks().Passed({use.stream, ticket})) continue;
    if (JobImplRef job = queue_->JobOf(ticket)) pending.push_back(std::move(job));
  }
  if (pending.empty()) return nullptr;
  JobImplRef fence = NewJob();
  struct Waiting {
    std::atomic<std::size_t> left;
    AdaptiveMutex mutex;
    absl::Status status ABSL_GUARDED_BY(mutex);  // the first error
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->left = pending.size();
  for (const JobImplRef& job : pending) fence->AlsoWaitFor(job->info().ticket);
  for (const JobImplRef& job : pending) {
    job->Then([fence, waiting](const absl::Status& status) {
      absl::Status result;
      {
        AdaptiveLock lock(&waiting->mutex);
        waiting->status.Update(status);
        result = waiting->status;
      }
      if (waiting->left.fetch_sub(1) == 1) fence->Finish(std::move(result));
    });
  }
  return fence;
}

absl::StatusOr<JobRef> DeviceImpl::ReadFence(const BufferRef& buffer) {
  const absl::StatusOr<BufferState*> state = StateOf(buffer);
  if (!state.ok()) return state.status();
  queue_->Drain();
  AdaptiveLock lock(&mutex());
  if (!(*state)->live.load()) return absl::FailedPreconditionError("the buffer was freed");
  return FenceFor(*(*state)->block, /*for_writing=*/false);
}

absl::StatusOr<JobRef> DeviceImpl::WriteFence(const BufferRef& buffer) {
  const absl::StatusOr<BufferState*> state = StateOf(buffer);
  if (!state.ok()) return state.status();
  queue_->Drain();
  AdaptiveLock lock(&mutex());
  if (!(*state)->live.load()) return absl::FailedPreconditionError("the buffer was freed");
  return FenceFor(*(*state)->block, /*for_writing=*/true);
}

absl::StatusOr<BufferView> DeviceImpl::View(const BufferRef& buffer, std::uint64_t offset,
                                            std::uint64_t bytes) {
  const absl::StatusOr<BufferState*> state = StateOf(buffer);
  if (!state.ok()) return state.status();
  AdaptiveLock lock(&mutex());
  if (absl::Status status = CheckRange(**state, offset, bytes); !status.ok()) return status;
  if (!arena_.host_visible()) return NotVisibleError();
  const BlockRef& block = (*state)->block;
  if (FenceFor(*block, /*for_writing=*/false) != nullptr) {
    return absl::UnavailableError("work that writes the buffer has not ended");
  }
  return BufferView{{block->host() + offset, bytes}, std::make_shared<BlockView>(block)};
}

absl::StatusOr<BlockRef> DeviceImpl::AllocateBlock(std::uint64_t bytes, OwnerId owner,
                                                   gpu::StreamId stream, bool idle) {
  AllocationRequest request;
  request.bytes = bytes;
  request.stream = stream;
  request.owner = owner;
  request.idle = idle;
  const absl::StatusOr<Allocation> allocation = memory_->resource().Allocate(request);
  if (allocation.ok()) return MakeBlock(*allocation);
  const std::optional<std::uint64_t> needed = NeededBytes(allocation.status());
  if (!needed.has_value()) return allocation.status();
  ++growing_;
  service_.Post([this, self = Self(), bytes = *needed] {
    // If that fails, so does the next attempt, with a better message.
    Grow(bytes).IgnoreError();
    std::vector<JobImplRef> waiting;
    {
      AdaptiveLock lock(&mutex());
      if (--growing_ == 0 && queue_->open()) waiting.swap(when_ready_);
    }
    for (const JobImplRef& job : waiting) job->Finish(absl::OkStatus());
  });
  return absl::UnavailableError("the pool grows");
}

absl::Status DeviceImpl::Unshare(BufferState& state, gpu::StreamId stream, bool keep_contents) {
  if (!state.block->viewed()) return absl::OkStatus();
  absl::StatusOr<BlockRef> fresh =
      AllocateBlock(state.bytes, state.owner.load(), stream, /*idle=*/false);
  if (!fresh.ok()) return fresh.status();
  if (keep_contents && state.bytes != 0) {
    const absl::StatusOr<JobImplRef> copy =
        SubmitCopy(CommandKind::kCopy, (*fresh)->device_address(), state.block->device_address(),
                   state.bytes, stream, state.owner.load());
    if (!copy.ok()) return copy.status();
    const Ticket ticket = (*copy)->info().ticket;
    (*fresh)->MarkUse(stream, ticket, /*write=*/true);
    state.block->MarkUse(stream, ticket, /*write=*/false);
  }
  owners_.Remove(&state);
  state.block = *std::move(fresh);
  owners_.Add(&state);
  return absl::OkStatus();
}

absl::Status DeviceImpl::Write(const BufferRef& buffer, std::uint64_t offset,
                               absl::Span<const std::byte> bytes) {
  const absl::StatusOr<BufferState*> state = StateOf(buffer);
  if (!state.ok()) return state.status();
  BlockRef block;
  BlockRef old;
  {
    AdaptiveLock lock(&mutex());
    if (absl::Status status = CheckRange(**state, offset, bytes.size()); !status.ok()) {
      return status;
    }
    if (!arena_.host_visible()) return NotVisibleError();
    if (FenceFor(*(*state)->block, /*for_writing=*/true) != nullptr) {
      return absl::UnavailableError("work that uses the buffer has not ended");
    }
    if ((*state)->block->viewed()) {
      absl::StatusOr<BlockRef> fresh =
          AllocateBlock((*state)->bytes, (*state)->owner.load(), 0, /*idle=*/true);
      if (!fresh.ok()) return fresh.status();
      owners_.Remove(*state);
      old = std::exchange((*state)->block, *std::move(fresh));
      owners_.Add(*state);
    }
    block = (*state)->block;
  }
  const std::uint64_t started_ns = NowNs();
  // Outside of the lock: who launches with the buffer meanwhile has a race of their own making.
  if (old != nullptr && bytes.size() < (*state)->bytes) {
    std::memcpy(block->host(), old->host(), (*state)->bytes);
  }
  if (!bytes.empty()) std::memcpy(block->host() + offset, bytes.data(), bytes.size());
  host_copies_.fetch_add(1, std::memory_order_relaxed);
  host_copied_bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
  host_copied_ns_.fetch_add(NowNs() - started_ns, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::StatusOr<JobImplRef> DeviceImpl::SubmitCopy(CommandKind kind, std::uint64_t destination,
                                                  std::uint64_t source, std::uint64_t bytes,
                                                  gpu::StreamId stream, OwnerId owner) {
  auto* command = queue_->Reserve<protocol::CopyCommand>();
  if (command == nullptr) return RingFullError();
  command->destination = destination;
  command->source = source;
  command->bytes = bytes;
  return queue_->Submit(command->header, kind, stream, 0, nullptr, false, {.owner = owner});
}

absl::StatusOr<JobRef> DeviceImpl::WriteQueued(const BufferRef& buffer, std::uint64_t offset,
                                               absl::Span<const std::byte> bytes,
                                               gpu::StreamId stream) {
  const absl::StatusOr<BufferState*> found = StateOf(buffer);
  if (!found.ok()) return found.status();
  if (bytes.size() > kMaxStagedBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "at most ", kMaxStagedBytes, " bytes at once can be staged, not ", bytes.size()));
  }
  BufferState& state = **found;
  AdaptiveLock lock(&mutex());
  absl::Status status = CheckStream(stream);
  if (status.ok()) status = CheckRange(state, offset, bytes.size());
  if (status.ok()) status = Unshare(state, stream, bytes.size() < state.bytes);
  if (!status.ok()) return status;
  const std::optional<std::uint64_t> place = staging_.Take(bytes.size(), memory_->clocks());
  if (!place.has_value()) {
    ring_was_full_ = true;
    return absl::UnavailableError("the staging arena is full");
  }
  if (!bytes.empty()) {
    std::memcpy(queue_->segment().staging() + *place, bytes.data(), bytes.size());
  }
  absl::StatusOr<JobImplRef> job =
      SubmitCopy(CommandKind::kCopyIn, state.block->device_address() + offset, *place, bytes.size(),
                 stream, state.owner.load());
  if (!job.ok()) return job.status();
  const Ticket ticket = (*job)->info().ticket;
  staging_.Use(*place, bytes.size(), {stream, ticket});
  state.block->MarkUse(stream, ticket, /*write=*/true);
  return *job;
}

absl::StatusOr<JobRef> DeviceImpl::Copy(const BufferRef& destination,
                                        std::uint64_t destination_offset, const BufferRef& source,
                                        std::uint64_t source_offset, std::uint64_t bytes,
                                        gpu::StreamId stream) {
  const absl::StatusOr<BufferState*> to = StateOf(destination);
  const absl::StatusOr<BufferState*> from = StateOf(source);
  if (!to.ok()) return to.status();
  if (!from.ok()) return from.status();
  AdaptiveLock lock(&mutex());
  absl::Status status = CheckStream(stream);
  if (status.ok()) status = CheckRange(**to, destination_offset, bytes);
  if (status.ok()) status = CheckRange(**from, source_offset, bytes);
  // Within one buffer the source is a part of what has to be kept.
  const bool whole = bytes == (*to)->bytes && *to != *from;
  if (status.ok()) status = Unshare(**to, stream, !whole);
  if (!status.ok()) return status;
  absl::StatusOr<JobImplRef> job = SubmitCopy(
      CommandKind::kCopy, (*to)->block->device_address() + destination_offset,
      (*from)->block->device_address() + source_offset, bytes, stream, (*to)->owner.load());
  if (!job.ok()) return job.status();
  const Ticket ticket = (*job)->info().ticket;
  (*from)->block->MarkUse(stream, ticket, /*write=*/false);
  (*to)->block->MarkUse(stream, ticket, /*write=*/true);
  return *job;
}

absl::StatusOr<JobRef> DeviceImpl::Fill(const BufferRef& buffer,
                                        absl::Span<const std::byte> pattern, gpu::StreamId stream) {
  const absl::StatusOr<BufferState*> found = StateOf(buffer);
  if (!found.ok()) return found.status();
  const std::size_t size = pattern.size();
  BufferState& state = **found;
  if ((size != 1 && size != 2 && size != 4 && size != 8) || state.bytes % size != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a pattern of ", size, " bytes for a buffer of ", state.bytes));
  }
  AdaptiveLock lock(&mutex());
  absl::Status status = CheckStream(stream);
  if (status.ok()) status = CheckRange(state, 0, state.bytes);
  if (status.ok()) status = Unshare(state, stream, /*keep_contents=*/false);
  if (!status.ok()) return status;
  auto* command = queue_->Reserve<protocol::FillCommand>();
  if (command == nullptr) return RingFullError();
  command->destination = state.block->device_address();
  std::memcpy(&command->pattern, pattern.data(), size);
  command->pattern_bytes = static_cast<std::uint32_t>(size);
  command->bytes = state.bytes;
  JobImplRef job = queue_->Submit(command->header, CommandKind::kFill, stream, 0, nullptr, false,
                                  {.owner = state.owner.load()});
  state.block->MarkUse(stream, job->info().ticket, /*write=*/true);
  return job;
}

}  // namespace amdgpu
