#include "c_src/memory/log_replay.h"

#include "absl/strings/str_cat.h"

namespace amdgpu {
namespace {

AllocationRequest RequestOf(const LogRecord& record) {
  return {.bytes = record.bytes,
          .stream = record.stream,
          .owner = record.value,
          .idle = record.idle != 0};
}

}  // namespace

absl::Status LogReplay::Play(const LogRecord& record) {
  switch (record.kind) {
    case LogKind::kRegionAdded:
      return resource_.AddRegion({record.offset, record.bytes, record.stream});
    case LogKind::kRegionRemoved:
      return resource_.RemoveRegion(record.offset);
    case LogKind::kLive:
    case LogKind::kAllocate:
      return Allocate(record);
    case LogKind::kRefused:
      return Refuse(record);
    case LogKind::kTrimmed:
      resource_.FreeRegions();
      return absl::OkStatus();
    case LogKind::kFence:
      fences_.push_back({record.stream, record.value});
      return absl::OkStatus();
    case LogKind::kFree:
      return Free(record);
    case LogKind::kReassigned:
      return Reassign(record);
    case LogKind::kCompleted:
      if (record.stream >= kMaxStreams) return absl::InvalidArgumentError("no such stream");
      clocks_[record.stream].completed.store(record.value, std::memory_order_release);
      return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown event ", static_cast<int>(record.kind)));
}

absl::Status LogReplay::Allocate(const LogRecord& record) {
  const absl::StatusOr<Allocation> allocation = resource_.Allocate(RequestOf(record));
  if (!allocation.ok()) return allocation.status();
  if (allocation->offset != record.offset) ++moved_;
  blocks_[record.block] = allocation->handle;
  return absl::OkStatus();
}

absl::Status LogReplay::Refuse(const LogRecord& record) {
  // The pool emptied its caches before it gave up; a limit leaves it as it was.
  if (record.offset == 0) return absl::OkStatus();
  const absl::StatusOr<Allocation> allocation = resource_.Allocate(RequestOf(record));
  if (!allocation.ok()) return absl::OkStatus();
  ++moved_;
  return resource_.Deallocate(allocation->handle, {}).status();
}

absl::Status LogReplay::Free(const LogRecord& record) {
  absl::InlinedVector<Fence, 4> fences;
  fences.swap(fences_);
  const auto found = blocks_.find(record.block);
  if (found == blocks_.end()) return absl::OkStatus();
  const BlockHandle handle = found->second;
  blocks_.erase(found);
  return resource_.Deallocate(handle, fences).status();
}

absl::Status LogReplay::Reassign(const LogRecord& record) {
  const auto found = blocks_.find(record.block);
  if (found == blocks_.end()) return absl::OkStatus();
  return resource_.Reassign(found->second, record.value).status();
}

}  // namespace amdgpu
