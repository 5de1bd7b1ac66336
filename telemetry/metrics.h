// The canonical name, unit and type of every metric that a device's values may have: what
// OpenMetrics text, traces and CSV are written with.

#ifndef AMDGPU_TELEMETRY_METRICS_H_
#define AMDGPU_TELEMETRY_METRICS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

enum class MetricType { kGauge, kCounter };

struct MetricInfo {
  proto::Metric metric;
  absl::string_view name;  // "gpu_power_watts"; a counter's ends in _total
  absl::string_view unit;  // of OpenMetrics: "watts"; "" if it has none
  MetricType type;
  absl::string_view label;  // what Value.label is the value of: "sensor"; "" = unlabelled
  absl::string_view help;
};

// All of them, by number.
absl::Span<const MetricInfo> Metrics();
// Null for a number this build does not know.
const MetricInfo* FindMetric(proto::Metric metric);

// "aura", "matrix", "neuromorphic"; "" for others.
absl::string_view CoreClassName(proto::CoreClass core_class);
// CORE_CLASS_UNSPECIFIED for other names.
proto::CoreClass CoreClassOf(absl::string_view name);

// "unsupported", "missing", ...: in words for people and atoms.
absl::string_view AbsenceName(proto::Absence absence);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_METRICS_H_
