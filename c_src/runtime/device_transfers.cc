// Bytes to and from a device whose memory cannot be seen from here: through the staging arena, in
// pieces, so that copying them into the arena (or out of it) and the device's own copying overlap.

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <latch>
#include <thread>
#include <utility>

#include "c_src/runtime/device_impl.h"

namespace amdgpu {

using protocol::CommandKind;

namespace {

// What is copied by the caller, or by who takes the completion in: microseconds.
constexpr std::uint64_t kQuickBytes = 64 * 1024;
// A piece of what takes longer: worth a command, and small enough for several in the arena.
constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;
constexpr std::size_t kMostUnderWay = 4;
constexpr auto kRoomPause = std::chrono::microseconds(200);
constexpr std::uint64_t kSpinNs = 20'000;

// Blocks until the job has ended.
absl::Status Await(const JobImplRef& job) {
  if (!job->Poll(kSpinNs)) {
    const auto done = std::make_shared<std::latch>(1);
    if (job->Subscribe([done] { done->count_down(); }) != 0) done->wait();
  }
  return job->status();
}

struct Bytes {
  explicit Bytes(std::uint64_t size) : memory(new std::byte[size]) {}
  std::unique_ptr<std::byte[]> memory;  // not initialised: all of it is written
};

}  // namespace

absl::StatusOr<JobImplRef> DeviceImpl::SendPiece(const BlockRef& block, std::uint64_t offset,
                                                 absl::Span<const std::byte> bytes, OwnerId owner) {
  std::uint64_t place;
  {
    AdaptiveLock lock(&mutex());
    if (!queue_->open()) return RingFullError();
    if (absl::Status status = CheckNotLost(*block); !status.ok()) return status;
    const std::optional<std::uint64_t> taken = staging_.Take(bytes.size(), memory_->clocks());
    if (!taken.has_value()) return absl::UnavailableError("the staging arena is full");
    place = *taken;
    staging_.Use(place, bytes.size(), {}, /*held=*/true);
  }
  if (!bytes.empty()) {
    std::memcpy(queue_->segment().staging() + place, bytes.data(), bytes.size());
  }
  AdaptiveLock lock(&mutex());
  const absl::Status lost = CheckNotLost(*block);
  absl::StatusOr<JobImplRef> job =
      lost.ok() ? SubmitCopy(CommandKind::kCopyIn, block->device_address() + offset, place,
                             bytes.size(), kUploadStream, owner)
                : lost;
  if (!job.ok()) {
    staging_.Release(place);
    return job.status();
  }
  const Ticket ticket = (*job)->info().ticket;
  staging_.Release(place, {kUploadStream, ticket});
  block->MarkUse(kUploadStream, ticket, /*write=*/true);
  return job;
}

absl::StatusOr<DeviceImpl::Incoming> DeviceImpl::Fetch(gpu::DeviceAddress address,
                                                       std::uint64_t bytes, gpu::StreamId stream,
                                                       OwnerId owner) {
  const std::optional<std::uint64_t> place = staging_.Take(bytes, memory_->clocks());
  if (!place.has_value()) return absl::UnavailableError("the staging arena is full");
  absl::StatusOr<JobImplRef> job =
      SubmitCopy(CommandKind::kCopyOut, *place, address, bytes, stream, owner);
  if (!job.ok()) return job.status();
  staging_.Use(*place, bytes, {stream, (*job)->info().ticket}, /*held=*/true);
  return Incoming{*std::move(job), *place, bytes};
}

absl::StatusOr<DeviceImpl::Incoming> DeviceImpl::FetchPiece(const BlockRef& block,
                                                            std::uint64_t offset,
                                                            std::uint64_t bytes, OwnerId owner) {
  AdaptiveLock lock(&mutex());
  if (absl::Status status = CheckNotLost(*block); !status.ok()) return status;
  absl::StatusOr<Incoming> piece =
      Fetch(block->device_address() + offset, bytes, kDownloadStream, owner);
  if (piece.ok()) {
    block->MarkUse(kDownloadStream, piece->job->info().ticket, /*write=*/false);
  }
  return piece;
}

void DeviceImpl::ReleasePlace(std::uint64_t place) {
  AdaptiveLock lock(&mutex());
  staging_.Release(place);
}

void DeviceImpl::Receive(const Incoming& piece, const JobImplRef& job) {
  job->AlsoWaitFor(piece.job->info().ticket);
  const auto copy = std::make_shared<Bytes>(piece.bytes);
  piece.job->Then([this, self = Self(), place = piece.place, bytes = piece.bytes, copy,
                   job](const absl::Status& status) {
    if (status.ok() && bytes != 0) {
      std::memcpy(copy->memory.get(), queue_->segment().staging() + place, bytes);
    }
    ReleasePlace(place);
    if (status.ok()) {
      job->FinishWithView({{copy->memory.get(), bytes}, copy});
    } else {
      job->Finish(status);
    }
  });
}

absl::StatusOr<JobRef> DeviceImpl::Upload(const BufferRef& buffer, std::uint64_t offset,
                                          absl::Span<const std::byte> bytes,
                                          std::shared_ptr<const void> keep_alive) {
  const absl::StatusOr<BufferState*> state = StateOf(buffer);
  if (!state.ok()) return state.status();
  const OwnerId owner = (*state)->owner.load();
  BlockRef block;
  {
    AdaptiveLock lock(&mutex());
    absl::Status status = CheckRange(**state, offset, bytes.size());
    if (!status.ok()) return status;
    block = (*state)->block;
  }
  if (bytes.size() <= kQuickBytes) {
    absl::StatusOr<JobImplRef> job = SendPiece(block, offset, bytes, owner);
    if (!absl::IsUnavailable(job.status())) return job;
  }
  JobImplRef job = NewJob();
  const bool posted =
      uploads_.Post([this, self = Self(), block, offset, bytes, keep_alive = std::move(keep_alive),
                     owner, job] { DoUpload(block, offset, bytes, owner, job); });
  if (!posted) job->Finish(NotReadyError());
  return job;
}

absl::StatusOr<JobRef> DeviceImpl::Download(const BufferRef& buffer, std::uint64_t offset,
                                            std::uint64_t bytes) {
  const absl::StatusOr<BufferState*> state = StateOf(buffer);
  if (!state.ok()) return state.status();
  const OwnerId owner = (*state)->owner.load();
  BlockRef block;
  {
    AdaptiveLock lock(&mutex());
    if (absl::Status status = CheckRange(**state, offset, bytes); !status.ok()) return status;
    block = (*state)->block;
  }
  JobImplRef job = NewJob();
  if (bytes <= kQuickBytes) {
    absl::StatusOr<Incoming> piece = FetchPiece(block, offset, bytes, owner);
    if (piece.ok()) {
      Receive(*std::move(piece), job);
      return job;
    }
    if (!absl::IsUnavailable(piece.status())) return piece.status();
  }
  const bool posted = downloads_.Post([this, self = Self(), block, offset, bytes, owner, job] {
    DoDownload(block, offset, bytes, owner, job);
  });
  if (!posted) job->Finish(NotReadyError());
  return job;
}

absl::Status DeviceImpl::PauseForRoom() {
  {
    AdaptiveLock lock(&mutex());
    if (!queue_->open()) return RingFullError();
  }
  queue_->Drain();
  std::this_thread::sleep_for(kRoomPause);
  return absl::OkStatus();
}

void DeviceImpl::DoUpload(const BlockRef& block, std::uint64_t offset,
                          absl::Span<const std::byte> bytes, OwnerId owner, const JobImplRef& job) {
  std::deque<JobImplRef> under_way;
  absl::Status status;
  for (std::uint64_t done = 0; done < bytes.size() && status.ok();) {
    const std::uint64_t size = std::min<std::uint64_t>(kPieceBytes, bytes.size() - done);
    absl::StatusOr<JobImplRef> piece =
        SendPiece(block, offset + done, bytes.subspan(done, size), owner);
    if (absl::IsUnavailable(piece.status())) {
      status = PauseForRoom();
      continue;
    }
    if (!piece.ok()) {
      status = piece.status();
      break;
    }
    under_way.push_back(*std::move(piece));
    done += size;
    if (under_way.size() >= kMostUnderWay) {
      status = Await(under_way.front());
      under_way.pop_front();
    }
  }
  for (const JobImplRef& piece : under_way) status.Update(Await(piece));
  job->Finish(std::move(status));
}

void DeviceImpl::DoDownload(const BlockRef& block, std::uint64_t offset, std::uint64_t bytes,
                            OwnerId owner, const JobImplRef& job) {
  const auto copy = std::make_shared<Bytes>(bytes);
  std::deque<Incoming> under_way;
  absl::Status status;
  std::uint64_t asked = 0;
  std::uint64_t arrived = 0;
  while (!under_way.empty() || (asked < bytes && status.ok())) {
    if (asked < bytes && status.ok() && under_way.size() < kMostUnderWay) {
      const std::uint64_t size = std::min(kPieceBytes, bytes - asked);
      absl::StatusOr<Incoming> piece = FetchPiece(block, offset + asked, size, owner);
      if (piece.ok()) {
        under_way.push_back(*std::move(piece));
        asked += size;
        continue;
      }
      if (!absl::IsUnavailable(piece.status())) {
        status = piece.status();
        continue;
      }
      if (under_way.empty()) {
        status = PauseForRoom();
        continue;
      }
    }
    const Incoming piece = std::move(under_way.front());
    under_way.pop_front();
    status.Update(Await(piece.job));
    if (status.ok()) {
      std::memcpy(copy->memory.get() + arrived, queue_->segment().staging() + piece.place,
                  piece.bytes);
      arrived += piece.bytes;
    }
    ReleasePlace(piece.place);
  }
  if (status.ok()) {
    job->FinishWithView({{copy->memory.get(), bytes}, copy});
  } else {
    job->Finish(std::move(status));
  }
}

}  // namespace amdgpu
