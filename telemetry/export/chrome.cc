// Chrome's trace event format. A device is a "process" there, a stream a "thread". Times are
// microseconds since shortly before the first frame: a double holds no nanoseconds of the wall
// clock.

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "telemetry/export/exporter.h"
#include "telemetry/export/timeline.h"

namespace amdgpu::telemetry {
namespace {

// What began before the first frame is drawn from here on.
constexpr std::int64_t kLeadNs = 1'000'000'000;
// A mark is a short slice: arrows begin and end at slices only.
constexpr std::int64_t kMarkNs = 100;

std::string Text(absl::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class ChromeExporter final : public Exporter, private TimelineSink {
 public:
  explicit ChromeExporter(Output output) : output_(std::move(output)), timeline_(this) {}

  absl::Status Add(const proto::Frame& frame) override {
    Begin(frame.unix_ns());
    timeline_.Add(frame);
    return buffer_.size() >= kExportChunkBytes ? Flush() : status_;
  }
  absl::Status Finish() override {
    Begin(0);
    absl::StrAppend(&buffer_, "\n],\"displayTimeUnit\":\"ns\",\"otherData\":{\"start_unix_ns\":\"",
                    start_ns_, "\"}}\n");
    return Flush();
  }

 private:
  // The viewer's numbers of a track: its own, within the group that it belongs to.
  struct Place {
    std::uint64_t pid;
    std::uint64_t tid;
  };

  void Begin(std::int64_t unix_ns) {
    if (begun_) return;
    begun_ = true;
    start_ns_ = unix_ns - kLeadNs;
    buffer_ = "{\"traceEvents\":[";
  }

  std::string Micros(std::int64_t ns) const {
    return absl::StrFormat("%d.%03d", ns / 1000, ns % 1000);
  }
  std::string At(std::int64_t time_ns) const {
    return Micros(std::max<std::int64_t>(time_ns - start_ns_, 0));
  }

  // One event: `fields` go behind its place.
  template <typename... Fields>
  void Event(char phase, const Place& place, const Fields&... fields) {
    absl::StrAppend(&buffer_, any_ ? ",\n" : "\n", "{\"ph\":\"", std::string(1, phase),
                    "\",\"pid\":", place.pid, ",\"tid\":", place.tid, fields..., "}");
    any_ = true;
  }

  Place PlaceOf(const Track& track) const {
    return {track.parent != 0 ? track.parent : track.id, track.id};
  }

  void OnTrack(const Track& track) override {
    if (track.kind == Track::Kind::kCounter) return;  // known by name
    const absl::string_view what = track.parent == 0 ? "process_name" : "thread_name";
    std::string name = track.name;
    if (track.kind == Track::Kind::kRuntime) absl::StrAppend(&name, " (pid ", track.pid, ")");
    Event('M', PlaceOf(track), ",\"name\":\"", what, "\",\"args\":{\"name\":", Text(name), "}");
  }

  void OnSlice(const Track& track, const Slice& slice) override {
    std::string arguments;
    for (const auto& [name, value] : slice.arguments) {
      absl::StrAppend(&arguments, arguments.empty() ? "" : ",", Text(name), ":", Text(value));
    }
    if (slice.launch != nullptr) {
      absl::StrAppend(&arguments, arguments.empty() ? "" : ",",
                      "\"grid\":", Shape(slice.launch->grid()),
                      ",\"block\":", Shape(slice.launch->block()));
    }
    const Place place = PlaceOf(track);
    Event('X', place, ",\"name\":", Text(slice.name), ",\"ts\":", At(slice.start_ns),
          ",\"dur\":", Micros(slice.end_ns - slice.start_ns), ",\"args\":{", arguments, "}");
    if (slice.flow != 0) Flow('f', place, slice.start_ns, slice.flow);
  }

  void OnMark(const Track& track, absl::string_view name, std::int64_t time_ns,
              std::uint64_t flow) override {
    const Place place = PlaceOf(track);
    Event('X', place, ",\"name\":", Text(name), ",\"ts\":", At(time_ns),
          ",\"dur\":", Micros(kMarkNs));
    if (flow != 0) Flow('s', place, time_ns, flow);
  }

  void OnCounter(const Track& track, std::int64_t time_ns, double value) override {
    const auto [last, added] = counters_.try_emplace(track.id, value);
    if (!added && last->second == value) return;
    last->second = value;
    Event('C', {track.parent, 0}, ",\"name\":", Text(track.name), ",\"ts\":", At(time_ns),
          ",\"args\":{\"value\":", absl::StrFormat("%.12g", value), "}");
  }

  template <typename Sizes>
  static std::string Shape(const Sizes& sizes) {
    std::string out = "[";
    for (const std::uint32_t size : sizes) absl::StrAppend(&out, out.size() > 1 ? "," : "", size);
    return out + "]";
  }

  void Flow(char phase, const Place& place, std::int64_t time_ns, std::uint64_t flow) {
    // "e": the arrow ends at the slice that is there, not at the next.
    Event(phase, place, ",\"bp\":\"e\",\"cat\":\"launch\",\"name\":\"launch\",\"id\":\"",
          absl::StrFormat("%x", flow), "\",\"ts\":", At(time_ns));
  }

  absl::Status Flush() {
    if (!status_.ok()) return status_;
    status_ = output_(buffer_);
    buffer_.clear();
    return status_;
  }

  const Output output_;
  Timeline timeline_;
  absl::Status status_;
  std::string buffer_;
  bool begun_ = false;
  bool any_ = false;
  std::int64_t start_ns_ = 0;
  absl::flat_hash_map<std::uint64_t, double> counters_;
};

}  // namespace

std::unique_ptr<Exporter> MakeChromeExporter(Output output) {
  return std::make_unique<ChromeExporter>(std::move(output));
}

}  // namespace amdgpu::telemetry
