#include "c_src/worker/completions.h"

#include <time.h>

#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "c_src/base/clock.h"
#include "c_src/base/futex.h"
#include "proto/telemetry.pb.h"
#include "telemetry/record.h"

namespace amdgpu::worker {
namespace {

using protocol::CommandKind;

// A piece of text in one record of the print ring.
constexpr std::size_t kMaxPieceBytes = 4096;
constexpr std::uint64_t kPrintPatienceNs = 1'000'000'000;
constexpr timespec kPrintPause = {0, 200'000};

telemetry::LaunchRecord LaunchRecordOf(const InFlight& launch, const gpu::Completion& completion,
                                       absl::StatusCode status) {
  telemetry::LaunchRecord record;
  record.header = telemetry::MakeHeader<telemetry::LaunchRecord>(telemetry::RecordKind::kLaunch,
                                                                 completion.ended_ns);
  record.ticket = launch.ticket;
  record.key.owner = launch.owner;
  record.queued_ns = launch.submitted_ns;
  record.started_ns = completion.started_ns;
  record.key.bytes = launch.bytes;
  record.key.flops = launch.flops;
  record.key.kernel = launch.kernel;
  record.key.label = launch.label;
  record.key.stream = launch.stream;
  record.key.status = static_cast<std::int32_t>(status);
  record.key.grid[0] = launch.grid.x;
  record.key.grid[1] = launch.grid.y;
  record.key.grid[2] = launch.grid.z;
  record.key.block[0] = launch.block.x;
  record.key.block[1] = launch.block.y;
  record.key.block[2] = launch.block.z;
  record.key.dynamic_shared_bytes = launch.dynamic_shared_bytes;
  return record;
}

telemetry::CopyRecord CopyRecordOf(const InFlight& copy, const gpu::Completion& completion,
                                   absl::StatusCode status, proto::Copy::Direction direction) {
  telemetry::CopyRecord record;
  record.header = telemetry::MakeHeader<telemetry::CopyRecord>(telemetry::RecordKind::kCopy,
                                                               completion.ended_ns);
  record.ticket = copy.ticket;
  record.owner = copy.owner;
  record.queued_ns = copy.submitted_ns;
  record.started_ns = completion.started_ns;
  record.bytes = copy.bytes;
  record.stream = copy.stream;
  record.status = static_cast<std::int32_t>(status);
  record.direction = direction;
  return record;
}

}  // namespace

Completions::Completions(const Segment& segment, InFlightTable& in_flight, Watchdog& watchdog,
                         FaultHook on_fault)
    : header_(segment.header()),
      records_(segment.completions()),
      in_flight_(in_flight),
      watchdog_(watchdog),
      on_fault_(std::move(on_fault)),
      telemetry_(segment.telemetry(), protocol::kTelemetrySlots),
      launches_(header_.open_runs, telemetry_),
      print_(segment.PrintProducer()) {}

void Completions::OnStart(gpu::Ticket ticket, std::uint64_t started_ns) {
  if (in_flight_.Get(ticket).timeout_ns != 0) watchdog_.OnStart(ticket, started_ns);
}

void Completions::OnComplete(const gpu::Completion& completion) {
  const InFlight entry = in_flight_.Release(completion.ticket);
  if (entry.timeout_ns != 0) watchdog_.OnEnd(completion.ticket);
  const absl::StatusCode status =
      entry.refused != absl::StatusCode::kOk ? entry.refused : completion.status;

  bool wake;
  {
    const std::lock_guard lock(mutex_);
    Record(entry, completion, status);
    // There is room: the client never has more in flight than the ring has slots.
    protocol::CompletionRecord& record = records_[head_ & (protocol::kCompletionSlots - 1)];
    record.ticket = completion.ticket;
    record.status = static_cast<std::int32_t>(status);
    record.started_ns = completion.started_ns;
    record.ended_ns = completion.ended_ns;
    ++head_;
    header_.completion.head.store(head_, std::memory_order_seq_cst);
    wake = completion.ticket >= header_.completion.wake_at.load(std::memory_order_seq_cst) ||
           head_ - header_.completion.tail.load(std::memory_order_relaxed) >=
               protocol::kCompletionSlots / 2;
  }
  if (wake) Segment::Bell(header_.completion).Ring();
}

void Completions::Record(const InFlight& entry, const gpu::Completion& completion,
                         absl::StatusCode status) {
  if (header_.sampler.period_ns.load(std::memory_order_relaxed) == 0) return;
  std::optional<std::uint64_t> number;
  switch (entry.kind) {
    case CommandKind::kLaunch:
      number = launches_.Tell(LaunchRecordOf(entry, completion, status));
      break;
    case CommandKind::kCopy:
      number =
          telemetry_.Push(CopyRecordOf(entry, completion, status, proto::Copy::DIRECTION_WITHIN));
      break;
    case CommandKind::kCopyIn:
      number = telemetry_.Push(CopyRecordOf(entry, completion, status, proto::Copy::DIRECTION_IN));
      break;
    case CommandKind::kCopyOut:
      number = telemetry_.Push(CopyRecordOf(entry, completion, status, proto::Copy::DIRECTION_OUT));
      break;
    case CommandKind::kFill:
      number =
          telemetry_.Push(CopyRecordOf(entry, completion, status, proto::Copy::DIRECTION_FILL));
      break;
    default:
      return;
  }
  // Who reads must not be overtaken by many short commands.
  if (!number.has_value() || *number % (protocol::kTelemetrySlots / 4) != 0) return;
  header_.sampler.bell.fetch_add(1, std::memory_order_release);
  FutexWake(header_.sampler.bell, std::numeric_limits<int>::max());
}

void Completions::EndTick() {
  const std::lock_guard lock(mutex_);
  launches_.EndTick();
}

void Completions::OnPrint(gpu::Ticket ticket, absl::string_view text) {
  const std::lock_guard lock(print_mutex_);
  while (!text.empty()) {
    const absl::string_view piece = text.substr(0, kMaxPieceBytes);
    PrintPiece(ticket, piece);
    text.remove_prefix(piece.size());
  }
}

void Completions::PrintPiece(gpu::Ticket ticket, absl::string_view text) {
  const std::uint64_t bytes = RecordBytes(sizeof(protocol::PrintHeader) + text.size());
  const std::uint64_t deadline = NowNs() + kPrintPatienceNs;
  std::byte* place = print_.Reserve(bytes);
  while (place == nullptr && NowNs() < deadline) {
    Segment::Bell(header_.completion).Ring();
    nanosleep(&kPrintPause, nullptr);
    place = print_.Reserve(bytes);
  }
  if (place == nullptr) return;
  protocol::PrintHeader header{};
  header.bytes = static_cast<std::uint32_t>(bytes);
  header.kind = 1;
  header.ticket = ticket;
  header.text_bytes = static_cast<std::uint32_t>(text.size());
  std::memcpy(place, &header, sizeof(header));
  std::memcpy(place + sizeof(header), text.data(), text.size());
  print_.Publish(bytes);
  // What a kernel says may be all that is heard of it: it is shown at once.
  Segment::Bell(header_.completion).Ring();
}

}  // namespace amdgpu::worker
