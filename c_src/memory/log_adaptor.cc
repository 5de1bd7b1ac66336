#include "c_src/memory/log_adaptor.h"

#include <algorithm>
#include <utility>

#include "c_src/base/clock.h"

namespace amdgpu {
namespace {

LogRecord AllocationRecord(LogKind kind, const LiveBlock& block) {
  return {.block = block.handle.value,
          .bytes = block.requested,
          .offset = block.offset,
          .value = block.owner,
          .stream = block.stream,
          .kind = kind};
}

LogRecord RegionRecord(const Region& region) {
  return {.bytes = region.bytes,
          .offset = region.offset,
          .stream = region.arena,
          .kind = LogKind::kRegionAdded};
}

}  // namespace

LogAdaptor::~LogAdaptor() { Stop().IgnoreError(); }

absl::Status LogAdaptor::Start(const std::string& path) {
  if (on_) return absl::FailedPreconditionError("a log of memory events is being written already");
  absl::StatusOr<std::unique_ptr<LogWriter>> file = LogWriter::Create(path);
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  Begin();
  return absl::OkStatus();
}

absl::Status LogAdaptor::Start(Callback callback) {
  if (on_) return absl::FailedPreconditionError("a log of memory events is being written already");
  callback_ = std::move(callback);
  Begin();
  return absl::OkStatus();
}

absl::Status LogAdaptor::Stop() {
  on_ = false;
  callback_ = nullptr;
  watched_.clear();
  if (file_ == nullptr) return absl::OkStatus();
  return std::exchange(file_, nullptr)->Close();
}

void LogAdaptor::Begin() {
  on_ = true;
  for (const Region& region : upstream()->Regions()) Write(RegionRecord(region));
  std::vector<LiveBlock> blocks;
  upstream()->ForEachLive([&](const LiveBlock& block) { blocks.push_back(block); });
  std::sort(blocks.begin(), blocks.end(),
            [](const LiveBlock& a, const LiveBlock& b) { return a.offset < b.offset; });
  for (const LiveBlock& block : blocks) Write(AllocationRecord(LogKind::kLive, block));
}

absl::StatusOr<Allocation> LogAdaptor::Allocate(const AllocationRequest& request) {
  if (!on_) return upstream()->Allocate(request);
  Watch(request.stream);
  WriteClocks();
  absl::StatusOr<Allocation> allocation = upstream()->Allocate(request);
  LogRecord record{.bytes = request.bytes,
                   .value = request.owner,
                   .stream = request.stream,
                   .kind = LogKind::kRefused,
                   .idle = request.idle};
  if (allocation.ok()) {
    record.kind = LogKind::kAllocate;
    record.block = allocation->handle.value;
    record.offset = allocation->offset;
  } else {
    record.offset = NeededBytes(allocation.status()).value_or(0);
  }
  Write(record);
  return allocation;
}

absl::StatusOr<LiveBlock> LogAdaptor::Deallocate(BlockHandle handle,
                                                 absl::Span<const Fence> fences) {
  if (!on_) return upstream()->Deallocate(handle, fences);
  for (const Fence& fence : fences) Watch(fence.stream);
  WriteClocks();
  absl::StatusOr<LiveBlock> block = upstream()->Deallocate(handle, fences);
  if (!block.ok()) return block;
  for (const Fence& fence : fences) {
    Write({.block = handle.value,
           .value = fence.ticket,
           .stream = fence.stream,
           .kind = LogKind::kFence});
  }
  Write({.block = handle.value, .kind = LogKind::kFree});
  return block;
}

absl::StatusOr<LiveBlock> LogAdaptor::Reassign(BlockHandle handle, OwnerId owner) {
  absl::StatusOr<LiveBlock> block = upstream()->Reassign(handle, owner);
  if (block.ok()) Write({.block = handle.value, .value = owner, .kind = LogKind::kReassigned});
  return block;
}

absl::Status LogAdaptor::AddRegion(const Region& region) {
  absl::Status status = upstream()->AddRegion(region);
  if (status.ok()) Write(RegionRecord(region));
  return status;
}

absl::Status LogAdaptor::RemoveRegion(std::uint64_t offset) {
  if (on_) WriteClocks();
  absl::Status status = upstream()->RemoveRegion(offset);
  if (status.ok()) {
    Write({.offset = offset, .kind = LogKind::kRegionRemoved});
  } else {
    Write({.kind = LogKind::kTrimmed});
  }
  return status;
}

std::vector<Region> LogAdaptor::FreeRegions() {
  if (on_) WriteClocks();
  std::vector<Region> regions = upstream()->FreeRegions();
  Write({.kind = LogKind::kTrimmed});
  return regions;
}

void LogAdaptor::Write(LogRecord record) {
  if (!on_) return;
  record.time_ns = NowNs();
  if (file_ != nullptr) {
    file_->Append(record);
  } else if (callback_ != nullptr) {
    callback_(record);
  }
}

void LogAdaptor::Watch(StreamId stream) {
  if (stream >= kMaxStreams) return;
  const auto is_it = [&](const Fence& watched) { return watched.stream == stream; };
  if (std::none_of(watched_.begin(), watched_.end(), is_it)) watched_.push_back({stream, 0});
}

void LogAdaptor::WriteClocks() {
  for (Fence& watched : watched_) {
    const Ticket completed = (*clocks_)[watched.stream].completed.load(std::memory_order_acquire);
    if (completed == watched.ticket) continue;
    watched.ticket = completed;
    Write({.value = completed, .stream = watched.stream, .kind = LogKind::kCompleted});
  }
}

}  // namespace amdgpu
