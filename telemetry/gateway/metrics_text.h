// Writes metrics as text that Prometheus reads: OpenMetrics 1.0, or the older text format 0.0.4.

#ifndef AMDGPU_TELEMETRY_GATEWAY_METRICS_TEXT_H_
#define AMDGPU_TELEMETRY_GATEWAY_METRICS_TEXT_H_

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace amdgpu::gateway {

enum class TextFormat { kOpenMetrics, kPrometheus };
enum class FamilyType { kGauge, kCounter, kSummary };

// In the order they are written in. Values may be any bytes.
using Labels = std::vector<std::pair<absl::string_view, std::string>>;

// One thread at a time. Samples of a family come together; of two with the same name and labels the
// first counts.
class MetricsText {
 public:
  explicit MetricsText(TextFormat format) : format_(format) {}

  // `name` without "_total", and ending in `unit` if it has one. Written with its first sample.
  void Family(absl::string_view name, FamilyType type, absl::string_view unit,
              absl::string_view help);
  // A gauge's or a counter's value.
  void Sample(const Labels& labels, double value);
  void Sample(const Labels& labels, std::uint64_t value);
  // A summary: quantiles in the same unit as the sum.
  void Summary(const Labels& labels, const std::vector<std::pair<double, double>>& quantiles,
               double sum, std::uint64_t count);

  // The whole text, ended.
  std::string Finish();

 private:
  void Head();
  void Line(absl::string_view suffix, const Labels& labels, absl::string_view value);

  const TextFormat format_;
  std::string text_;
  std::string name_;
  std::string unit_;
  std::string help_;
  FamilyType type_ = FamilyType::kGauge;
  bool head_written_ = false;
  std::unordered_set<std::string> written_;  // series of this family
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_METRICS_TEXT_H_
