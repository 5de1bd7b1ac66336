// The seam between the sampler and what it samples: probes, each a few values that are read
// together.
//
// A source (the host, amdgpu's sysfs, NVML) opens what it needs when it is made, and offers its
// probes. Probes run in the worker, on the sampler's threads, after the sandbox has been entered:
// they open nothing. What cannot be read is absent with a reason, never zero.

#ifndef AMDGPU_TELEMETRY_SOURCE_H_
#define AMDGPU_TELEMETRY_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

// How often a probe is read: at the sampler's rate, 10 or 1 times a second, or every 10 seconds. A
// probe that takes too long for its group is moved to the next slower one.
enum class Group { kFast, kMedium, kSlow, kRare };

// What one value is of.
struct Series {
  proto::Metric metric = proto::METRIC_UNSPECIFIED;
  std::string label;
  int core = -1;  // of the machine; -1 = not of one core
};

struct Reading {
  double value = 0;  // in the metric's unit; of no meaning unless present
  proto::Absence absence = proto::ABSENCE_PENDING;

  static Reading Of(double value) { return {value, proto::ABSENCE_NONE}; }
  static Reading Absent(proto::Absence absence) { return {0, absence}; }
};

// Used by one thread at a time.
class Probe {
 public:
  Probe(std::string source, std::string name, Group group, std::vector<Series> series)
      : source_(std::move(source)),
        name_(std::move(name)),
        group_(group),
        series_(std::move(series)) {}
  virtual ~Probe() = default;

  const std::string& source() const { return source_; }
  const std::string& name() const { return name_; }
  // That it was made for.
  Group group() const { return group_; }
  const std::vector<Series>& series() const { return series_; }

  // Reads one value for each of series().
  virtual void Read(std::uint64_t now_ns, absl::Span<Reading> readings) = 0;

 private:
  const std::string source_;
  const std::string name_;
  const Group group_;
  const std::vector<Series> series_;
};
using Probes = std::vector<std::unique_ptr<Probe>>;

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCE_H_
