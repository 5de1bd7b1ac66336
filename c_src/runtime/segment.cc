#include "c_src/runtime/segment.h"

#include <cstring>
#include <limits>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "c_src/base/build_id.h"
#include "telemetry/ring.h"

namespace amdgpu {
namespace {

using protocol::RingControl;
using protocol::SegmentHeader;

constexpr std::uint64_t kPage = 4096;

constexpr std::uint64_t PageAligned(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

struct Layout {
  std::uint64_t command = PageAligned(sizeof(SegmentHeader));
  std::uint64_t completion = command + protocol::kCommandRingBytes;
  std::uint64_t print =
      completion + protocol::kCompletionSlots * sizeof(protocol::CompletionRecord);
  std::uint64_t staging = print + protocol::kPrintRingBytes;
  std::uint64_t telemetry = staging + protocol::kStagingBytes;
  std::uint64_t bytes = telemetry + PageAligned(telemetry::RingBytes(protocol::kTelemetrySlots));
};

void ResetRing(RingControl& ring) {
  ring.head.store(0);
  ring.tail.store(0);
}

absl::Status CheckHeader(const SegmentHeader& header, std::uint64_t file_bytes) {
  if (header.magic != protocol::kMagic) {
    return absl::FailedPreconditionError("not a segment of this runtime");
  }
  if (header.version != protocol::kVersion || header.header_bytes != sizeof(SegmentHeader)) {
    return absl::FailedPreconditionError(absl::StrCat("the client speaks protocol version ",
                                                      header.version, ", this worker ",
                                                      protocol::kVersion));
  }
  const std::string build(header.build_id, strnlen(header.build_id, sizeof(header.build_id)));
  if (build != BuildId()) {
    return absl::FailedPreconditionError(absl::StrCat("the client is of build ", build,
                                                      ", this worker of build ",
                                                      std::string(BuildId()), ": rebuild both"));
  }
  const Layout layout;
  if (header.segment_bytes != layout.bytes || file_bytes < layout.bytes) {
    return absl::FailedPreconditionError("the segment has the wrong size");
  }
  return absl::OkStatus();
}

}  // namespace

Segment::Segment(UniqueFd fd, Mapping mapping)
    : fd_(std::move(fd)),
      mapping_(std::move(mapping)),
      header_(reinterpret_cast<SegmentHeader*>(mapping_.data())) {}

absl::StatusOr<Segment> Segment::Create() {
  const Layout layout;
  absl::StatusOr<UniqueFd> fd = CreateSharedMemory("amdgpu-segment", layout.bytes);
  if (!fd.ok()) return fd.status();
  // Everything but the staging arena and telemetry is touched soon; none of it may be a SIGBUS.
  if (absl::Status status = CommitSharedMemory(fd->get(), 0, layout.bytes); !status.ok()) {
    return status;
  }
  absl::StatusOr<Mapping> mapping = Mapping::Map(fd->get(), 0, layout.bytes);
  if (!mapping.ok()) return mapping.status();
  Segment segment(*std::move(fd), *std::move(mapping));
  SegmentHeader& header = *new (segment.mapping_.data()) SegmentHeader{};
  header.magic = protocol::kMagic;
  header.version = protocol::kVersion;
  header.header_bytes = sizeof(SegmentHeader);
  BuildId().copy(header.build_id, sizeof(header.build_id) - 1);
  header.segment_bytes = layout.bytes;
  header.command_offset = layout.command;
  header.completion_offset = layout.completion;
  header.print_offset = layout.print;
  header.staging_offset = layout.staging;
  header.telemetry_offset = layout.telemetry;
  header.completion.wake_at.store(std::numeric_limits<std::uint64_t>::max());
  segment.Reset();
  return segment;
}

absl::StatusOr<Segment> Segment::Open(int fd) {
  absl::StatusOr<std::uint64_t> bytes = FileBytes(fd);
  if (!bytes.ok()) return bytes.status();
  if (*bytes < sizeof(SegmentHeader)) {
    return absl::FailedPreconditionError("not a segment of this runtime");
  }
  absl::StatusOr<Mapping> mapping = Mapping::Map(fd, 0, *bytes);
  if (!mapping.ok()) return mapping.status();
  Segment segment(UniqueFd(), *std::move(mapping));
  if (absl::Status status = CheckHeader(segment.header(), *bytes); !status.ok()) return status;
  return segment;
}

protocol::CompletionRecord* Segment::completions() const {
  return reinterpret_cast<protocol::CompletionRecord*>(mapping_.data() +
                                                       header_->completion_offset);
}

ByteRingProducer Segment::CommandProducer() const {
  return {mapping_.data() + header_->command_offset, protocol::kCommandRingBytes,
          &header_->command.head, &header_->command.tail};
}

ByteRingConsumer Segment::CommandConsumer() const {
  return {mapping_.data() + header_->command_offset, protocol::kCommandRingBytes,
          &header_->command.head, &header_->command.tail};
}

ByteRingProducer Segment::PrintProducer() const {
  return {mapping_.data() + header_->print_offset, protocol::kPrintRingBytes, &header_->print.head,
          &header_->print.tail};
}

ByteRingConsumer Segment::PrintConsumer() const {
  return {mapping_.data() + header_->print_offset, protocol::kPrintRingBytes, &header_->print.head,
          &header_->print.tail};
}

void Segment::EndTelemetry() const {
  telemetry::SharedRingWriter ring(telemetry(), protocol::kTelemetrySlots);
  // What was begun there will not be finished.
  ring.Recover();
  telemetry::LaunchRuns(header_->open_runs, ring).EndTick();
}

void Segment::Reset() const {
  ResetRing(header_->command);
  ResetRing(header_->completion);
  ResetRing(header_->print);
  // The worker that slept there is gone. The client's own words stay: it may be asleep on them.
  header_->command.sleeping.store(0);
  header_->fault.state.store(0);
}

}  // namespace amdgpu
