// The blob that amdgpu's sysfs file `gpu_metrics` holds: a structure of the driver's, in many
// versions (v1.0 to v1.5, v2.0 to v2.4, v3.0).

#ifndef AMDGPU_TELEMETRY_SOURCES_GPU_METRICS_H_
#define AMDGPU_TELEMETRY_SOURCES_GPU_METRICS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "telemetry/source.h"

namespace amdgpu::telemetry {

// Longest version known, in bytes.
inline constexpr std::size_t kMaxGpuMetricsBytes = 1024;

struct GpuMetric {
  proto::Metric metric;
  const char* label;
  Reading reading;
};

// What the blob says, in an order that is always the same for a version; values that the device
// does not know (all ones) are ABSENCE_UNSUPPORTED, impossible ones ABSENCE_NONSENSE. Nothing if
// the bytes are not a whole structure of a version known here.
std::optional<std::vector<GpuMetric>> ParseGpuMetrics(absl::string_view bytes);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_GPU_METRICS_H_
