#include "telemetry/cli/top_view.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "telemetry/metrics.h"

namespace amdgpu::cli {
namespace {

using Style = Line::Style;

constexpr int kBarWidth = 10;

// Three digits and a prefix.
std::string Scaled(double value, double step, std::initializer_list<const char*> prefixes,
                   const char* unit) {
  auto prefix = prefixes.begin();
  while (std::abs(value) >= step * 0.9995 && prefix + 1 != prefixes.end()) {
    value /= step;
    ++prefix;
  }
  const int digits = std::abs(value) >= 99.95 || value == std::floor(value) ? 0
                     : std::abs(value) >= 9.995                             ? 1
                                                                            : 2;
  return absl::StrFormat("%.*f %s%s", digits, value, *prefix, unit);
}

std::string Right(const std::string& text, int width) {
  const int missing = width - static_cast<int>(text.size());
  return missing > 0 ? std::string(static_cast<std::size_t>(missing), ' ') + text : text;
}

std::optional<double> ValueOf(const proto::DeviceSample& device, proto::Metric metric,
                              absl::string_view label = "") {
  for (const proto::Value& value : device.values()) {
    if (value.metric() == metric && value.absence() == proto::ABSENCE_NONE &&
        (label.empty() || value.label() == label)) {
      return value.value();
    }
  }
  return std::nullopt;
}

std::string Percent(double ratio) { return absl::StrFormat("%.0f%%", 100 * ratio); }

std::string Bar(double ratio) {
  const int full = static_cast<int>(std::lround(std::clamp(ratio, 0.0, 1.0) * kBarWidth));
  return absl::StrCat("[", std::string(static_cast<std::size_t>(full), '|'),
                      std::string(static_cast<std::size_t>(kBarWidth - full), ' '), "]");
}

class Screen {
 public:
  explicit Screen(const ViewOptions& options) : options_(options) {}

  int left() const { return options_.height - static_cast<int>(lines_.size()); }
  void Add(const std::string& text, Style style = Style::kPlain) {
    if (left() > 0) lines_.push_back({Fit(text, options_.width), style});
  }
  std::vector<Line> Finish() { return std::move(lines_); }

 private:
  const ViewOptions& options_;
  std::vector<Line> lines_;
};

void AddTitle(const Snapshot& snapshot, const ViewOptions& options, Screen& screen) {
  const proto::Runtime& runtime = snapshot.frame.runtime();
  const proto::Pipeline& pipeline = snapshot.frame.pipeline();
  screen.Add(absl::StrCat("amdgpu top  ", runtime.hostname(), " pid ", runtime.pid(), "  ",
                          absl::StrFormat("%.1f frames/s", snapshot.frames_per_second), "  CPU ",
                          Percent(runtime.cpu_ratio()), "  RSS ",
                          HumanBytes(static_cast<double>(runtime.rss_bytes())),
                          options.paused ? "  PAUSED" : ""),
             Style::kTitle);
  if (pipeline.records_lost_total() != 0) {
    screen.Add(absl::StrCat("records lost: ", pipeline.records_lost_total()), Style::kAlert);
  }
}

void AddDevice(const proto::DeviceSample& device, Screen& screen) {
  std::string first = absl::StrCat(device.kind(), ":", device.index(), " ", device.name(), "  ");
  if (const auto busy = ValueOf(device, proto::METRIC_UTILIZATION_RATIO)) {
    absl::StrAppend(&first, Bar(*busy), " ", Percent(*busy), "  ");
  }
  const auto used = ValueOf(device, proto::METRIC_MEMORY_USED_BYTES);
  const auto total = ValueOf(device, proto::METRIC_MEMORY_TOTAL_BYTES);
  if (used && total) {
    absl::StrAppend(&first, "memory ", HumanBytes(*used), " / ", HumanBytes(*total), "  ");
  }
  if (const auto watts = ValueOf(device, proto::METRIC_POWER_WATTS)) {
    absl::StrAppend(&first, absl::StrFormat("%.0f W  ", *watts));
  }
  if (const auto celsius = ValueOf(device, proto::METRIC_TEMPERATURE_CELSIUS)) {
    absl::StrAppend(&first, absl::StrFormat("%.0f C  ", *celsius));
  }
  if (const auto hertz = ValueOf(device, proto::METRIC_CLOCK_HERTZ)) {
    absl::StrAppend(&first, HumanNumber(*hertz), "Hz  ");
  }
  screen.Add(first);
  const proto::Pool& pool = device.pool();
  screen.Add(absl::StrCat("  pool ", HumanBytes(static_cast<double>(pool.used_bytes())), " used / ",
                          HumanBytes(static_cast<double>(pool.reserved_bytes())),
                          " reserved, largest free ",
                          HumanBytes(static_cast<double>(pool.largest_free_bytes())),
                          ", fragmentation ", Percent(pool.fragmentation_ratio()), ", ",
                          pool.pool_count(), pool.pool_count() == 1 ? " slab" : " slabs", ", ",
                          device.launches_in_flight(), " launches in flight"),
             Style::kFaint);
  const proto::Worker& worker = device.worker();
  if (worker.pid() == 0) {
    screen.Add(absl::StrCat("  no worker, ", worker.restarts(), " restarts"), Style::kAlert);
  } else if (worker.restarts() != 0) {
    screen.Add(absl::StrCat("  worker ", worker.pid(), ", restarted ", worker.restarts(),
                            worker.restarts() == 1 ? " time" : " times"),
               Style::kAlert);
  }
}

bool Before(const KernelRow& a, const KernelRow& b, SortKey key) {
  switch (key) {
    case SortKey::kBusy:
      if (a.busy_ratio != b.busy_ratio) return a.busy_ratio > b.busy_ratio;
      break;
    case SortKey::kLaunches:
      if (a.launches_per_second != b.launches_per_second) {
        return a.launches_per_second > b.launches_per_second;
      }
      break;
    case SortKey::kP99:
      if (a.p99_ns != b.p99_ns) return a.p99_ns > b.p99_ns;
      break;
    case SortKey::kBytes:
      if (a.bytes_per_second != b.bytes_per_second) return a.bytes_per_second > b.bytes_per_second;
      break;
    case SortKey::kName:
      break;
  }
  return a.name != b.name ? a.name < b.name : a.device < b.device;
}

void AddKernels(std::vector<KernelRow> kernels, const ViewOptions& options, int rows,
                Screen& screen) {
  std::sort(kernels.begin(), kernels.end(),
            [&](const KernelRow& a, const KernelRow& b) { return Before(a, b, options.sort); });
  const int name = std::max(12, options.width - 76);
  screen.Add(
      absl::StrCat(Fit(absl::StrCat("KERNEL (by ", SortName(options.sort), ")"), name),
                   " CORE     LAUNCH/s   BUSY       P50       P99     B/s  FLOP/s  OCC QUEUED"),
      Style::kHeading);
  for (std::size_t i = 0; i < kernels.size() && static_cast<int>(i) < rows; ++i) {
    const KernelRow& row = kernels[i];
    const auto rate = [](double value) { return value > 0 ? HumanNumber(value) : "-"; };
    screen.Add(
        absl::StrCat(
            Fit(row.name, name), " ", Fit(std::string(telemetry::CoreClassName(row.core_class)), 8),
            " ", Right(rate(row.launches_per_second), 8), " ", Right(Percent(row.busy_ratio), 6),
            " ", Right(HumanTime(static_cast<double>(row.p50_ns)), 9), " ",
            Right(HumanTime(static_cast<double>(row.p99_ns)), 9), " ",
            Right(rate(row.bytes_per_second), 7), " ", Right(rate(row.flops_per_second), 7), " ",
            Right(Percent(row.occupancy), 4), " ", Right(absl::StrCat(row.queued), 6)),
        row.failed_total != 0 ? Style::kAlert : Style::kPlain);
  }
}

void AddOwners(std::vector<OwnerRow> owners, int rows, Screen& screen) {
  std::sort(owners.begin(), owners.end(), [](const OwnerRow& a, const OwnerRow& b) {
    if (a.bytes != b.bytes) return a.bytes > b.bytes;
    if (a.launches_per_second != b.launches_per_second) {
      return a.launches_per_second > b.launches_per_second;
    }
    return a.process < b.process;
  });
  screen.Add("OWNER                                     HOLDS  BUFFERS  LAUNCH/s", Style::kHeading);
  for (std::size_t i = 0; i < owners.size() && static_cast<int>(i) < rows; ++i) {
    const OwnerRow& row = owners[i];
    screen.Add(absl::StrCat(Fit(absl::StrCat(row.process, " ", row.name), 35), " ",
                            Right(HumanBytes(static_cast<double>(row.bytes)), 11), " ",
                            Right(absl::StrCat(row.buffers), 8), " ",
                            Right(HumanNumber(row.launches_per_second), 9)));
  }
}

}  // namespace

const char* SortName(SortKey key) {
  switch (key) {
    case SortKey::kBusy:
      return "busy";
    case SortKey::kLaunches:
      return "launches";
    case SortKey::kP99:
      return "p99";
    case SortKey::kBytes:
      return "bytes";
    case SortKey::kName:
      break;
  }
  return "name";
}

SortKey NextSort(SortKey key) {
  return key == SortKey::kName ? SortKey::kBusy : static_cast<SortKey>(static_cast<int>(key) + 1);
}

std::string HumanBytes(double bytes) {
  return Scaled(bytes, 1024, {"", "Ki", "Mi", "Gi", "Ti"}, "B");
}

std::string HumanTime(double ns) { return Scaled(ns, 1000, {"n", "u", "m", ""}, "s"); }

std::string HumanNumber(double value) {
  std::string text = Scaled(value, 1000, {"", "k", "M", "G", "T", "P"}, "");
  if (text.back() == ' ') text.pop_back();
  return text;
}

std::string Fit(const std::string& text, int width) {
  std::string out;
  int columns = 0;
  for (std::size_t i = 0; i < text.size() && columns < width; ++columns) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // Frames hold valid UTF-8; a control character would be the terminal's to obey.
    const std::size_t bytes = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (byte < 0x20 || byte == 0x7f ||
        (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)) {
      out += '?';
    } else {
      out += text.substr(i, bytes);
    }
    i += bytes;
  }
  if (columns < width) out.append(static_cast<std::size_t>(width - columns), ' ');
  return out;
}

std::vector<Line> RenderTop(const Snapshot& snapshot, const ViewOptions& options) {
  Screen screen(options);
  AddTitle(snapshot, options, screen);
  if (snapshot.frame.devices().empty()) screen.Add("no device is open", Style::kFaint);
  for (const proto::DeviceSample& device : snapshot.frame.devices()) AddDevice(device, screen);
  // Two headings and the keys; kernels get two thirds of what is left.
  const int rows = std::max(0, screen.left() - 4);
  const int owners = std::min<int>(static_cast<int>(snapshot.owners.size()), std::max(1, rows / 3));
  AddKernels(snapshot.kernels, options, rows - owners, screen);
  AddOwners(snapshot.owners, owners, screen);
  while (screen.left() > 1) screen.Add("");
  screen.Add("q quit   s sort   p pause", Style::kFaint);
  return screen.Finish();
}

}  // namespace amdgpu::cli
