// Perfetto's trace format: a stream of packets, each a field of the message Trace, so that a trace
// is written as it comes.

#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "telemetry/export/exporter.h"
#include "telemetry/export/perfetto.pb.h"
#include "telemetry/export/timeline.h"

namespace amdgpu::telemetry {
namespace {

using perfetto::TracePacket;
using perfetto::TrackEvent;

constexpr std::uint32_t kSequence = 1;  // everything is on one

// Numbers for texts, given out from 1 on. Perfetto has a namespace for each kind.
class Interner {
 public:
  // The number, and whether it is new.
  std::pair<std::uint64_t, bool> Get(absl::string_view text) {
    const auto [entry, added] = numbers_.try_emplace(std::string(text), numbers_.size() + 1);
    return {entry->second, added};
  }

 private:
  absl::flat_hash_map<std::string, std::uint64_t> numbers_;
};

class PerfettoExporter final : public Exporter, private TimelineSink {
 public:
  explicit PerfettoExporter(Output output) : output_(std::move(output)), timeline_(this) {}

  absl::Status Add(const proto::Frame& frame) override {
    if (!begun_) Begin(frame);
    context_pid_ = frame.runtime().pid();
    timeline_.Add(frame);
    return trace_.ByteSizeLong() >= kExportChunkBytes ? Flush() : status_;
  }
  absl::Status Finish() override { return Flush(); }

 private:
  // One clock, the machine's wall clock, is the time of the trace. Perfetto takes the time since
  // the boot for every trace's clock until it is told better, and calls it an error when nothing
  // relates the two; no event has that time.
  void Begin(const proto::Frame& frame) {
    begun_ = true;
    TracePacket& packet = NewPacket(frame.unix_ns());
    packet.set_sequence_flags(TracePacket::SEQ_INCREMENTAL_STATE_CLEARED);
    perfetto::ClockSnapshot& snapshot = *packet.mutable_clock_snapshot();
    snapshot.set_primary_trace_clock(perfetto::BUILTIN_CLOCK_REALTIME);
    AddClock(perfetto::BUILTIN_CLOCK_REALTIME, static_cast<std::uint64_t>(frame.unix_ns()),
             &snapshot);
    AddClock(perfetto::BUILTIN_CLOCK_BOOTTIME, frame.time_ns(), &snapshot);
  }

  static void AddClock(perfetto::BuiltinClock id, std::uint64_t time_ns,
                       perfetto::ClockSnapshot* snapshot) {
    perfetto::ClockSnapshot::Clock& clock = *snapshot->add_clocks();
    clock.set_clock_id(id);
    clock.set_timestamp(time_ns);
  }

  TracePacket& NewPacket(std::int64_t time_ns) {
    TracePacket& packet = *trace_.add_packet();
    packet.set_timestamp(static_cast<std::uint64_t>(time_ns));
    packet.set_timestamp_clock_id(perfetto::BUILTIN_CLOCK_REALTIME);
    packet.set_trusted_packet_sequence_id(kSequence);
    packet.set_sequence_flags(TracePacket::SEQ_NEEDS_INCREMENTAL_STATE);
    return packet;
  }

  TrackEvent& NewEvent(const Track& track, TrackEvent::Type type, std::int64_t time_ns,
                       TracePacket** packet) {
    *packet = &NewPacket(time_ns);
    TrackEvent& event = *(*packet)->mutable_track_event();
    event.set_type(type);
    event.set_track_uuid(track.id);
    return event;
  }

  void SetName(absl::string_view name, TracePacket* packet) {
    const auto [iid, added] = event_names_.Get(name);
    packet->mutable_track_event()->set_name_iid(iid);
    if (!added) return;
    perfetto::InternedName& interned = *packet->mutable_interned_data()->add_event_names();
    interned.set_iid(iid);
    interned.set_name(std::string(name));
  }

  void OnTrack(const Track& track) override {
    TracePacket& packet = *trace_.add_packet();
    packet.set_trusted_packet_sequence_id(kSequence);
    perfetto::TrackDescriptor& descriptor = *packet.mutable_track_descriptor();
    descriptor.set_uuid(track.id);
    if (track.parent != 0) descriptor.set_parent_uuid(track.parent);
    if (track.kind == Track::Kind::kRuntime) {
      descriptor.mutable_process()->set_pid(track.pid);
      descriptor.mutable_process()->set_process_name(track.name);
      return;
    }
    descriptor.set_name(track.name);
    if (track.kind != Track::Kind::kCounter) return;
    perfetto::CounterDescriptor& counter = *descriptor.mutable_counter();
    if (track.unit == "bytes") {
      counter.set_unit(perfetto::CounterDescriptor::UNIT_SIZE_BYTES);
    } else if (!track.unit.empty()) {
      counter.set_unit_name(track.unit);
    } else {
      counter.set_unit(perfetto::CounterDescriptor::UNIT_COUNT);
    }
  }

  void OnSlice(const Track& track, const Slice& slice) override {
    TracePacket* packet;
    TrackEvent& begin = NewEvent(track, TrackEvent::TYPE_SLICE_BEGIN, slice.start_ns, &packet);
    SetName(slice.name, packet);
    if (slice.flow != 0) begin.add_terminating_flow_ids(slice.flow);
    for (const auto& [name, value] : slice.arguments) {
      const auto [iid, added] = argument_names_.Get(name);
      perfetto::DebugAnnotation& argument = *begin.add_debug_annotations();
      argument.set_name_iid(iid);
      argument.set_string_value(value);
      if (!added) continue;
      perfetto::InternedName& interned =
          *packet->mutable_interned_data()->add_debug_annotation_names();
      interned.set_iid(iid);
      interned.set_name(std::string(name));
    }
    NewEvent(track, TrackEvent::TYPE_SLICE_END, slice.end_ns, &packet);
    if (slice.launch != nullptr) AddRenderStage(track, slice);
  }

  void OnMark(const Track& track, absl::string_view name, std::int64_t time_ns,
              std::uint64_t flow) override {
    TracePacket* packet;
    TrackEvent& event = NewEvent(track, TrackEvent::TYPE_INSTANT, time_ns, &packet);
    if (flow != 0) event.add_flow_ids(flow);
    SetName(name, packet);
  }

  void OnCounter(const Track& track, std::int64_t time_ns, double value) override {
    // A line stays where it is until the next value.
    const auto [last, added] = counters_.try_emplace(track.id, value);
    if (!added && last->second == value) return;
    last->second = value;
    TracePacket* packet;
    NewEvent(track, TrackEvent::TYPE_COUNTER, time_ns, &packet).set_double_counter_value(value);
  }

  // What the viewer's own GPU pages are made of.
  void AddRenderStage(const Track& track, const Slice& slice) {
    TracePacket& packet = NewPacket(slice.start_ns);
    perfetto::GpuRenderStageEvent& stage = *packet.mutable_gpu_render_stage_event();
    stage.set_event_id(++render_stages_);
    stage.set_duration(static_cast<std::uint64_t>(slice.end_ns - slice.start_ns));
    stage.set_gpu_id(static_cast<std::int32_t>(track.device));
    stage.set_hw_queue_iid(Specification(absl::StrCat("device ", track.device, " ", track.name),
                                         perfetto::InternedGpuRenderStageSpecification::OTHER,
                                         &packet));
    stage.set_stage_iid(
        Specification(slice.name, perfetto::InternedGpuRenderStageSpecification::COMPUTE, &packet));
    const auto [context, added] = contexts_.Get(absl::StrCat(context_pid_));
    stage.set_context(context);
    if (added) {
      perfetto::InternedGraphicsContext& interned =
          *packet.mutable_interned_data()->add_graphics_contexts();
      interned.set_iid(context);
      interned.set_pid(context_pid_);
    }
    const auto shape = [](const auto& sizes, perfetto::GpuRenderStageEvent::Dim3* dim) {
      if (sizes.size() != 3) return;
      dim->set_x(sizes[0]);
      dim->set_y(sizes[1]);
      dim->set_z(sizes[2]);
    };
    shape(slice.launch->grid(), stage.mutable_launch()->mutable_grid_size());
    shape(slice.launch->block(), stage.mutable_launch()->mutable_workgroup_size());
  }

  std::uint64_t Specification(
      absl::string_view name,
      perfetto::InternedGpuRenderStageSpecification::RenderStageCategory category,
      TracePacket* packet) {
    const auto [iid, added] = specifications_.Get(absl::StrCat(category, name));
    if (added) {
      perfetto::InternedGpuRenderStageSpecification& interned =
          *packet->mutable_interned_data()->add_gpu_specifications();
      interned.set_iid(iid);
      interned.set_name(std::string(name));
      interned.set_category(category);
    }
    return iid;
  }

  absl::Status Flush() {
    if (!status_.ok()) return status_;
    status_ = output_(trace_.SerializeAsString());
    trace_.Clear();
    return status_;
  }

  const Output output_;
  Timeline timeline_;
  absl::Status status_;
  perfetto::Trace trace_;  // what was not written yet
  bool begun_ = false;
  std::int32_t context_pid_ = 0;
  std::uint64_t render_stages_ = 0;
  Interner event_names_;
  Interner argument_names_;
  Interner specifications_;
  Interner contexts_;
  absl::flat_hash_map<std::uint64_t, double> counters_;
};

}  // namespace

std::unique_ptr<Exporter> MakePerfettoExporter(Output output) {
  return std::make_unique<PerfettoExporter>(std::move(output));
}

}  // namespace amdgpu::telemetry
