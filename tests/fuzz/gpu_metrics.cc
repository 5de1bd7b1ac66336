// The driver's gpu_metrics blob and the text files beside it: what is said to be a value is one.

#include "telemetry/sources/gpu_metrics.h"

#include <cmath>

#include "absl/strings/string_view.h"
#include "telemetry/sources/amdgpu_sysfs.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

void Check(double value) {
  if (!std::isfinite(value) || value < 0) __builtin_trap();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace telemetry = amdgpu::telemetry;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto metrics = telemetry::ParseGpuMetrics(bytes)) {
    for (const telemetry::GpuMetric& metric : *metrics) {
      if (metric.reading.absence == amdgpu::proto::ABSENCE_NONE) Check(metric.reading.value);
    }
  }
  if (const auto clock = telemetry::ParseActiveClock(bytes)) Check(*clock);
  if (const auto speed = telemetry::ParseLinkSpeed(bytes)) Check(*speed);
  if (const auto counts = telemetry::ParseErrorCounts(bytes)) {
    Check(counts->first);
    Check(counts->second);
  }
  if (const auto rates = telemetry::ParsePcieBandwidth(bytes)) {
    Check(rates->first);
    Check(rates->second);
  }
  return 0;
}
