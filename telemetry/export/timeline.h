// Frames as what a trace viewer draws: tracks with slices, marks and counters on them, and arrows
// from who launched to what ran. Knows no file format; those are in perfetto.cc, chrome.cc, csv.cc.
//
// All times are nanoseconds of the wall clock: those of a frame's monotonic clock are moved by what
// the two clocks were apart when its runtime was first seen, so that a recording of several
// runtimes, or boots, is one timeline, and a clock that is set moves nothing within a runtime.

#ifndef AMDGPU_TELEMETRY_EXPORT_TIMELINE_H_
#define AMDGPU_TELEMETRY_EXPORT_TIMELINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

struct Track {
  enum class Kind {
    kRuntime,  // a process with devices
    kOwner,    // an Elixir process in it: marks, where it launched
    kCompiles,
    kDevice,  // marks: what happened to it
    kStream,  // slices that do not overlap
    kCounter,
  };
  Kind kind = Kind::kRuntime;
  std::uint64_t id = 0;      // from 1 on; the same for all of a timeline
  std::uint64_t parent = 0;  // 0 = none
  std::string name;          // of a counter: the metric's, with its label in braces
  std::string unit;          // of a counter
  std::int32_t pid = 0;      // of a runtime
  std::uint32_t device = 0;  // of a device and of what is its
  std::uint32_t stream = 0;  // of a stream
};

// What is drawn. Names are valid for the call alone.
class TimelineSink {
 public:
  using Arguments = std::vector<std::pair<absl::string_view, std::string>>;
  struct Slice {
    absl::string_view name;
    std::int64_t start_ns = 0;
    std::int64_t end_ns = 0;                // not before the start
    std::uint64_t flow = 0;                 // of the mark that it comes from; 0 = none
    const proto::Launch* launch = nullptr;  // null for a copy and a compile
    Arguments arguments;
  };

  virtual ~TimelineSink() = default;
  // Once, before anything is on it, and after its parent.
  virtual void OnTrack(const Track& track) = 0;
  // In order of time on each track.
  virtual void OnSlice(const Track& track, const Slice& slice) = 0;
  virtual void OnMark(const Track& track, absl::string_view name, std::int64_t time_ns,
                      std::uint64_t flow) = 0;
  virtual void OnCounter(const Track& track, std::int64_t time_ns, double value) = 0;
};

// Not thread-safe.
class Timeline {
 public:
  explicit Timeline(TimelineSink* sink) : sink_(*sink) {}

  void Add(const proto::Frame& frame);

 private:
  struct Lane {
    Track track;
    std::int64_t busy_until_ns = 0;  // of streams
    std::int64_t read_ns = 0;        // of counters: when the last value was read
  };

  // Makes it when it is asked for first.
  Lane& Get(const std::string& key, Track track);
  Lane& DeviceLane(std::uint32_t device);
  Lane& StreamLane(std::uint32_t device, std::uint32_t stream);
  Lane* OwnerLane(std::uint64_t owner);
  std::int64_t At(std::uint64_t time_ns) const {
    return static_cast<std::int64_t>(time_ns) + wall_ahead_ns_;
  }
  void Count(const Track& parent, const std::string& name, absl::string_view unit,
             std::int64_t time_ns, double value);
  void AddSlice(Lane& lane, TimelineSink::Slice slice);
  void AddWork();
  void AddLaunch(const proto::Launch& launch);
  void AddCopy(const proto::Copy& copy);
  void AddCompile(const proto::Compile& compile);
  void AddCounters(const proto::DeviceSample& device);

  TimelineSink& sink_;
  // Keys begin with the runtime's, as numbers of devices and owners are each runtime's own.
  absl::flat_hash_map<std::string, Lane*> lanes_;
  std::vector<std::unique_ptr<Lane>> all_;
  absl::flat_hash_map<std::string, std::int64_t> ahead_;  // of the wall clock, by runtime

  // Of the frame that is being added.
  const proto::Frame* frame_ = nullptr;
  std::string runtime_;
  std::int64_t wall_ahead_ns_ = 0;
  absl::flat_hash_map<std::uint32_t, absl::string_view> kernels_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_EXPORT_TIMELINE_H_
