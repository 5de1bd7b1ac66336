#include "telemetry/gateway/metrics_text.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "c_src/base/utf8.h"

namespace amdgpu::gateway {
namespace {

// Both formats know exactly these escapes in the value of a label.
std::string Escape(absl::string_view text) {
  std::string escaped;
  for (const char c : MakeValidUtf8(text)) {
    if (c == '\\' || c == '"') {
      escaped += '\\';
      escaped += c;
    } else if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// The shortest text that reads back as the same number.
std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  return std::string(text, end);
}

}  // namespace

void MetricsText::Family(absl::string_view name, FamilyType type, absl::string_view unit,
                         absl::string_view help) {
  name_ = std::string(name);
  type_ = type;
  unit_ = std::string(unit);
  help_ = std::string(help);
  head_written_ = false;
  written_.clear();
}

void MetricsText::Head() {
  if (head_written_) return;
  head_written_ = true;
  const absl::string_view type = type_ == FamilyType::kGauge     ? "gauge"
                                 : type_ == FamilyType::kCounter ? "counter"
                                                                 : "summary";
  const bool open = format_ == TextFormat::kOpenMetrics;
  const std::string name =
      open || type_ != FamilyType::kCounter ? name_ : absl::StrCat(name_, "_total");
  absl::StrAppend(&text_, "# TYPE ", name, " ", type, "\n");
  if (open && !unit_.empty()) absl::StrAppend(&text_, "# UNIT ", name, " ", unit_, "\n");
  absl::StrAppend(&text_, "# HELP ", name, " ", help_, "\n");
}

void MetricsText::Line(absl::string_view suffix, const Labels& labels, absl::string_view value) {
  std::string series = absl::StrCat(name_, suffix);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    absl::StrAppend(&series, i == 0 ? "{" : ",", labels[i].first, "=\"", Escape(labels[i].second),
                    "\"", i + 1 == labels.size() ? "}" : "");
  }
  if (!written_.insert(series).second) return;
  Head();
  absl::StrAppend(&text_, series, " ", value, "\n");
}

void MetricsText::Sample(const Labels& labels, double value) {
  Line(type_ == FamilyType::kCounter ? "_total" : "", labels, Number(value));
}

void MetricsText::Sample(const Labels& labels, std::uint64_t value) {
  Line(type_ == FamilyType::kCounter ? "_total" : "", labels, absl::StrCat(value));
}

void MetricsText::Summary(const Labels& labels,
                          const std::vector<std::pair<double, double>>& quantiles, double sum,
                          std::uint64_t count) {
  for (const auto& [quantile, value] : quantiles) {
    Labels with_quantile = labels;
    with_quantile.emplace_back("quantile", Number(quantile));
    Line("", with_quantile, Number(value));
  }
  Line("_sum", labels, Number(sum));
  Line("_count", labels, absl::StrCat(count));
}

std::string MetricsText::Finish() {
  if (format_ == TextFormat::kOpenMetrics) text_ += "# EOF\n";
  return std::move(text_);
}

}  // namespace amdgpu::gateway
