#include "telemetry/export/timeline.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "telemetry/metrics.h"

namespace amdgpu::telemetry {
namespace {

// One launch of a runtime: what its arrow is known by in a whole trace.
std::uint64_t FlowOf(absl::string_view runtime, const proto::Launch& launch) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : absl::StrCat(runtime, "/", launch.device(), "/", launch.ticket())) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash | 1;
}

absl::string_view CopyName(proto::Copy::Direction direction) {
  switch (direction) {
    case proto::Copy::DIRECTION_IN:
      return "copy in";
    case proto::Copy::DIRECTION_OUT:
      return "copy out";
    case proto::Copy::DIRECTION_WITHIN:
      return "copy within";
    case proto::Copy::DIRECTION_FILL:
      return "fill";
    default:
      return "copy";
  }
}

// An enum value's name for people: KIND_DEVICE_LOST -> "device lost". Ones that this build does not
// know have no name.
std::string ValueName(absl::string_view name, absl::string_view prefix) {
  std::string text = absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
  std::replace(text.begin(), text.end(), '_', ' ');
  return text.empty() ? "other" : text;
}

}  // namespace

Timeline::Lane& Timeline::Get(const std::string& key, Track track) {
  Lane*& lane = lanes_[absl::StrCat(runtime_, "/", key)];
  if (lane == nullptr) {
    all_.push_back(std::make_unique<Lane>());
    lane = all_.back().get();
    lane->track = std::move(track);
    lane->track.id = all_.size();
    sink_.OnTrack(lane->track);
  }
  return *lane;
}

Timeline::Lane& Timeline::DeviceLane(std::uint32_t number) {
  Track track;
  track.kind = Track::Kind::kDevice;
  track.device = number;
  track.name = absl::StrCat("device ", number);
  for (const proto::DeviceSample& device : frame_->devices()) {
    if (device.device() != number) continue;
    track.name = absl::StrCat(device.kind(), ":", device.index(), " ", device.name());
  }
  return Get(absl::StrCat("device ", number), std::move(track));
}

Timeline::Lane& Timeline::StreamLane(std::uint32_t device, std::uint32_t stream) {
  Track track;
  track.kind = Track::Kind::kStream;
  track.device = device;
  track.stream = stream;
  track.parent = DeviceLane(device).track.id;
  track.name = absl::StrCat("stream ", stream);
  return Get(absl::StrCat("stream ", device, "/", stream), std::move(track));
}

Timeline::Lane* Timeline::OwnerLane(std::uint64_t number) {
  if (number == 0) return nullptr;
  Track runtime;
  runtime.kind = Track::Kind::kRuntime;
  runtime.pid = frame_->runtime().pid();
  runtime.name = absl::StrCat("AMDGPU runtime on ", frame_->runtime().hostname());
  Track track;
  track.kind = Track::Kind::kOwner;
  track.parent = Get("runtime", std::move(runtime)).track.id;
  track.name = absl::StrCat("owner ", number);
  for (const proto::Owner& owner : frame_->owners()) {
    if (owner.owner() != number) continue;
    track.name = absl::StrCat(owner.process(), owner.name().empty() ? "" : " ", owner.name());
  }
  return &Get(absl::StrCat("owner ", number), std::move(track));
}

void Timeline::Add(const proto::Frame& frame) {
  frame_ = &frame;
  runtime_ = absl::StrCat(frame.runtime().pid(), "@", frame.runtime().started_ns());
  wall_ahead_ns_ =
      ahead_.try_emplace(runtime_, frame.unix_ns() - static_cast<std::int64_t>(frame.time_ns()))
          .first->second;
  kernels_.clear();
  for (const proto::KernelStats& kernel : frame.kernels()) {
    kernels_[kernel.kernel()] = kernel.name();
  }
  for (const proto::DeviceSample& device : frame.devices()) AddCounters(device);
  AddWork();
  for (const proto::Compile& compile : frame.compiles()) AddCompile(compile);
  for (const proto::Event& event : frame.events()) {
    sink_.OnMark(DeviceLane(event.device()).track,
                 absl::StrCat(ValueName(proto::Event::Kind_Name(event.kind()), "KIND_"),
                              event.message().empty() ? "" : ": ", event.message()),
                 At(event.time_ns()), 0);
  }
  for (const proto::CoreClassStats& stats : frame.core_classes()) {
    const absl::string_view name = CoreClassName(stats.core_class());
    if (name.empty() || frame.devices().empty()) continue;
    Count(DeviceLane(frame.devices(0).device()).track,
          absl::StrCat("gpu_core_class_busy_ratio{", name, "}"), "ratio", At(frame.time_ns()),
          stats.busy_ratio());
  }
}

// Launches and copies share streams, in order.
void Timeline::AddWork() {
  int launch = 0;
  int copy = 0;
  while (launch < frame_->launches_size() || copy < frame_->copies_size()) {
    const bool take_launch =
        copy == frame_->copies_size() ||
        (launch < frame_->launches_size() &&
         frame_->launches(launch).started_ns() <= frame_->copies(copy).started_ns());
    if (take_launch) {
      AddLaunch(frame_->launches(launch++));
    } else {
      AddCopy(frame_->copies(copy++));
    }
  }
}

void Timeline::AddSlice(Lane& lane, TimelineSink::Slice slice) {
  // Slices of one track either nest or follow each other; what rounding or a lost record did to
  // them is mended here.
  slice.start_ns = std::max(slice.start_ns, lane.busy_until_ns);
  slice.end_ns = std::max(slice.end_ns, slice.start_ns);
  lane.busy_until_ns = slice.end_ns;
  sink_.OnSlice(lane.track, slice);
}

void Timeline::AddLaunch(const proto::Launch& launch) {
  const auto kernel = kernels_.find(launch.kernel());
  const std::string name = kernel != kernels_.end() ? std::string(kernel->second)
                                                    : absl::StrCat("kernel ", launch.kernel());
  TimelineSink::Slice slice;
  slice.name = name;
  slice.start_ns = At(launch.started_ns());
  slice.end_ns = At(launch.ended_ns());
  slice.launch = &launch;
  if (!launch.label().empty()) slice.arguments.emplace_back("label", launch.label());
  if (launch.status() != 0) slice.arguments.emplace_back("status", absl::StrCat(launch.status()));
  if (launch.bytes() != 0) slice.arguments.emplace_back("bytes", absl::StrCat(launch.bytes()));
  if (launch.flops() != 0) slice.arguments.emplace_back("flops", absl::StrCat(launch.flops()));
  if (const Lane* owner = OwnerLane(launch.owner()); owner != nullptr) {
    slice.flow = FlowOf(runtime_, launch);
    sink_.OnMark(owner->track, name, At(launch.queued_ns()), slice.flow);
  }
  AddSlice(StreamLane(launch.device(), launch.stream()), std::move(slice));
}

void Timeline::AddCopy(const proto::Copy& copy) {
  TimelineSink::Slice slice;
  slice.name = CopyName(copy.direction());
  slice.start_ns = At(copy.started_ns());
  slice.end_ns = At(copy.ended_ns());
  slice.arguments.emplace_back("bytes", absl::StrCat(copy.bytes()));
  if (copy.status() != 0) slice.arguments.emplace_back("status", absl::StrCat(copy.status()));
  AddSlice(StreamLane(copy.device(), copy.stream()), std::move(slice));
}

void Timeline::AddCompile(const proto::Compile& compile) {
  const std::int64_t start = At(compile.started_ns());
  // Compiles run side by side: each on the first track that is free.
  for (int lane = 1;; ++lane) {
    Track track;
    track.kind = Track::Kind::kCompiles;
    track.parent = DeviceLane(compile.device()).track.id;
    track.device = compile.device();
    track.name = lane == 1 ? "compiles" : absl::StrCat("compiles ", lane);
    Lane& free = Get(absl::StrCat("compiles ", compile.device(), "/", lane), std::move(track));
    if (free.busy_until_ns > start) continue;
    TimelineSink::Slice slice;
    slice.name = compile.kernel();
    slice.start_ns = start;
    slice.end_ns = At(compile.ended_ns());
    slice.arguments.emplace_back(
        "origin", ValueName(proto::Compile::Origin_Name(compile.origin()), "ORIGIN_"));
    if (compile.status() != 0) {
      slice.arguments.emplace_back("status", absl::StrCat(compile.status()));
    }
    AddSlice(free, std::move(slice));
    return;
  }
}

void Timeline::Count(const Track& parent, const std::string& name, absl::string_view unit,
                     std::int64_t time_ns, double value) {
  if (!std::isfinite(value)) return;
  Track track;
  track.kind = Track::Kind::kCounter;
  track.parent = parent.id;
  track.device = parent.device;
  track.name = name;
  track.unit = std::string(unit);
  Lane& lane = Get(absl::StrCat("counter ", parent.id, "/", name), std::move(track));
  // A value that was read once is in frames until it is read again.
  if (time_ns <= lane.read_ns) return;
  lane.read_ns = time_ns;
  sink_.OnCounter(lane.track, time_ns, value);
}

void Timeline::AddCounters(const proto::DeviceSample& device) {
  const Track& parent = DeviceLane(device.device()).track;
  const std::int64_t now = At(frame_->time_ns());
  for (const proto::Value& value : device.values()) {
    const MetricInfo* const info = FindMetric(value.metric());
    if (info == nullptr || value.absence() != proto::ABSENCE_NONE) continue;
    const std::string name = value.label().empty()
                                 ? std::string(info->name)
                                 : absl::StrCat(info->name, "{", value.label(), "}");
    Count(parent, name, info->unit, now - static_cast<std::int64_t>(value.age_us()) * 1000,
          value.value());
  }
  const auto bytes = [&](const char* name, std::uint64_t value) {
    Count(parent, name, "bytes", now, static_cast<double>(value));
  };
  if (device.has_pool()) {
    bytes("gpu_pool_reserved_bytes", device.pool().reserved_bytes());
    bytes("gpu_pool_used_bytes", device.pool().used_bytes());
    bytes("gpu_pool_requested_bytes", device.pool().requested_bytes());
    bytes("gpu_pool_largest_free_bytes", device.pool().largest_free_bytes());
    Count(parent, "gpu_pool_fragmentation_ratio", "ratio", now,
          device.pool().fragmentation_ratio());
  }
  Count(parent, "gpu_launches_in_flight", "", now,
        static_cast<double>(device.launches_in_flight()));
}

}  // namespace amdgpu::telemetry
