#include "telemetry/sources/amdgpu_sysfs.h"

#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "telemetry/sources/amd_pci_id.h"
#include "telemetry/sources/gpu_metrics.h"
#include "telemetry/sources/hwmon.h"
#include "telemetry/sources/kept_file.h"

namespace amdgpu::telemetry {
namespace {

constexpr char kSource[] = "amdgpu";
constexpr char kAmdVendor[] = "0x1002";

// More than any count of these files.
constexpr double kMostCount = 1e18;
constexpr double kMostBytes = 1e15;

// A non-negative number at the beginning of a text.
std::optional<double> LeadingNumber(absl::string_view text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  const std::size_t end = text.find_first_not_of("0123456789.");
  double value;
  if (!absl::SimpleAtod(text.substr(0, end), &value) || !(value <= kMostCount)) return std::nullopt;
  return value;
}

// One value and the file that it comes from.
struct Entry {
  proto::Metric metric;
  const char* file;
  double unit;
  double most;
};

// Asks before each reading whether the device sleeps.
class DeviceProbe : public Probe {
 public:
  DeviceProbe(const std::string& folder, std::string name, Group group, std::vector<Series> series)
      : Probe(kSource, std::move(name), group, std::move(series)),
        status_(absl::StrCat(folder, "/power/runtime_status"), 32) {}

  void Read(std::uint64_t now_ns, absl::Span<Reading> readings) final {
    const std::optional<absl::string_view> status = status_.Read();
    if (status.has_value() && absl::StartsWith(*status, "suspend")) {
      for (Reading& reading : readings) reading = Reading::Absent(proto::ABSENCE_SLEEPING);
      return;
    }
    ReadAwake(now_ns, readings);
  }

 private:
  virtual void ReadAwake(std::uint64_t now_ns, absl::Span<Reading> readings) = 0;

  KeptFile status_;
};

// Files with a number each.
class NumbersProbe final : public DeviceProbe {
 public:
  NumbersProbe(const std::string& folder, std::string name, Group group,
               const std::vector<Entry>& entries)
      : DeviceProbe(folder, std::move(name), group, SeriesOf(entries)), entries_(entries) {
    for (const Entry& entry : entries) {
      files_.emplace_back(absl::StrCat(folder, "/", entry.file), 64);
    }
  }

 private:
  static std::vector<Series> SeriesOf(const std::vector<Entry>& entries) {
    std::vector<Series> series;
    for (const Entry& entry : entries) series.push_back({entry.metric, "", -1});
    return series;
  }

  void ReadAwake(std::uint64_t, absl::Span<Reading> readings) override {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const std::optional<double> raw = files_[i].ReadNumber();
      if (!raw) {
        readings[i] = Reading::Absent(files_[i].absence());
        continue;
      }
      const double value = *raw * entries_[i].unit;
      readings[i] = value >= 0 && value <= entries_[i].most
                        ? Reading::Of(value)
                        : Reading::Absent(proto::ABSENCE_NONSENSE);
    }
  }

  const std::vector<Entry> entries_;
  std::vector<KeptFile> files_;
};

// Files that are parsed, each into one or two values.
class TextProbe final : public DeviceProbe {
 public:
  using Values = std::optional<std::pair<double, double>>;
  struct File {
    std::string name;
    std::vector<Series> series;  // one or two
    Values (*parse)(absl::string_view text);
  };

  TextProbe(const std::string& folder, std::string name, Group group,
            const std::vector<File>& files)
      : DeviceProbe(folder, std::move(name), group, SeriesOf(files)), files_(files) {
    for (const File& file : files) kept_.emplace_back(absl::StrCat(folder, "/", file.name), 4096);
  }

 private:
  static std::vector<Series> SeriesOf(const std::vector<File>& files) {
    std::vector<Series> series;
    for (const File& file : files) {
      series.insert(series.end(), file.series.begin(), file.series.end());
    }
    return series;
  }

  void ReadAwake(std::uint64_t, absl::Span<Reading> readings) override {
    std::size_t at = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const std::optional<absl::string_view> text = kept_[i].Read();
      const Values values = text.has_value() ? files_[i].parse(*text) : std::nullopt;
      const proto::Absence why = text.has_value() ? proto::ABSENCE_NONSENSE : kept_[i].absence();
      for (std::size_t k = 0; k < files_[i].series.size(); ++k) {
        readings[at++] = values.has_value() ? Reading::Of(k == 0 ? values->first : values->second)
                                            : Reading::Absent(why);
      }
    }
  }

  const std::vector<File> files_;
  std::vector<KeptFile> kept_;
};

// What this process, the worker, holds of the device's memory.
class ProcessProbe final : public DeviceProbe {
 public:
  ProcessProbe(const std::string& folder, const std::string& file)
      : DeviceProbe(folder, "processes", Group::kSlow,
                    {{proto::METRIC_PROCESS_MEMORY_BYTES, absl::StrCat(getpid()), -1}}),
        file_(file, 64) {}

 private:
  void ReadAwake(std::uint64_t, absl::Span<Reading> readings) override {
    const std::optional<double> bytes = file_.ReadNumber();
    if (!bytes) {
      readings[0] = Reading::Absent(file_.absence());
    } else {
      readings[0] = *bytes >= 0 && *bytes <= kMostBytes ? Reading::Of(*bytes)
                                                        : Reading::Absent(proto::ABSENCE_NONSENSE);
    }
  }

  KeptFile file_;
};

class MetricsProbe final : public DeviceProbe {
 public:
  MetricsProbe(const std::string& folder, const std::vector<GpuMetric>& metrics)
      : DeviceProbe(folder, "gpu_metrics", Group::kFast, SeriesOf(metrics)),
        file_(absl::StrCat(folder, "/gpu_metrics"), kMaxGpuMetricsBytes) {}

 private:
  static std::vector<Series> SeriesOf(const std::vector<GpuMetric>& metrics) {
    std::vector<Series> series;
    for (const GpuMetric& metric : metrics) {
      // Other files have most of these quantities, too: theirs have the plain labels.
      const bool unique = metric.metric == proto::METRIC_THROTTLE_ACTIVE ||
                          metric.metric == proto::METRIC_ENERGY_JOULES_TOTAL ||
                          metric.metric == proto::METRIC_DECODER_RATIO;
      const char* const space = *metric.label == '\0' ? "" : " ";
      series.push_back({metric.metric,
                        unique ? metric.label : absl::StrCat("metrics", space, metric.label), -1});
    }
    return series;
  }

  void ReadAwake(std::uint64_t, absl::Span<Reading> readings) override {
    const std::optional<absl::string_view> bytes = file_.Read();
    std::optional<std::vector<GpuMetric>> metrics;
    if (bytes.has_value()) metrics = ParseGpuMetrics(*bytes);
    const bool same = metrics.has_value() && metrics->size() == readings.size();
    for (std::size_t i = 0; i < readings.size(); ++i) {
      readings[i] =
          same ? (*metrics)[i].reading
               : Reading::Absent(bytes.has_value() ? proto::ABSENCE_NONSENSE : file_.absence());
    }
  }

  KeptFile file_;
};

TextProbe::Values ActiveClock(absl::string_view text) {
  const std::optional<double> clock = ParseActiveClock(text);
  if (!clock) return std::nullopt;
  return std::make_pair(*clock, 0.0);
}
TextProbe::Values LinkSpeed(absl::string_view text) {
  const std::optional<double> speed = ParseLinkSpeed(text);
  if (!speed) return std::nullopt;
  return std::make_pair(*speed, 0.0);
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// The device's folder: its link in the list of PCI devices, or of graphics cards.
std::optional<std::string> FindDevice(const std::string& root, const std::string& pci_address) {
  for (const std::string& card : ListFolder(absl::StrCat(root, "/class/drm"))) {
    int number;
    if (!absl::StartsWith(card, "card") || !absl::SimpleAtoi(card.substr(4), &number)) continue;
    const std::string folder = absl::StrCat(root, "/class/drm/", card, "/device");
    if (ReadWholeFile(absl::StrCat(folder, "/vendor")) != kAmdVendor) continue;
    const std::unique_ptr<char, void (*)(void*)> real(realpath(folder.c_str(), nullptr), free);
    if (real == nullptr) continue;
    const std::string path = real.get();
    const std::string address = path.substr(path.rfind('/') + 1);
    if (pci_address.empty() || absl::EqualsIgnoreCase(address, pci_address)) return path;
  }
  return std::nullopt;
}

// The number that the compute driver has for the device; empty if it does not know it.
std::string KfdId(const std::string& root, const std::string& pci_address) {
  std::uint64_t wanted;
  if (!ParseAmdPciId(pci_address, &wanted)) return "";
  const std::string nodes = absl::StrCat(root, "/class/kfd/kfd/topology/nodes");
  for (const std::string& node : ListFolder(nodes)) {
    const std::string folder = absl::StrCat(nodes, "/", node);
    std::uint64_t location = 0;
    std::uint64_t domain = 0;
    const std::string properties = ReadWholeFile(absl::StrCat(folder, "/properties")).value_or("");
    for (absl::string_view line : absl::StrSplit(properties, '\n')) {
      if (absl::ConsumePrefix(&line, "location_id ")) (void)absl::SimpleAtoi(line, &location);
      if (absl::ConsumePrefix(&line, "domain ")) (void)absl::SimpleAtoi(line, &domain);
    }
    const std::string id = ReadWholeFile(absl::StrCat(folder, "/gpu_id")).value_or("");
    // A processor's node has the number 0.
    if ((domain << 32 | location) == wanted && id != "0") return id;
  }
  return "";
}

void AddClocks(const std::string& folder, Probes* probes) {
  std::vector<TextProbe::File> files;
  const std::pair<const char*, const char*> clocks[] = {
      {"sclk", "graphics"}, {"mclk", "memory"}, {"fclk", "fabric"}, {"socclk", "soc"}};
  for (const auto& [file, domain] : clocks) {
    const std::string name = absl::StrCat("pp_dpm_", file);
    if (!Exists(absl::StrCat(folder, "/", name))) continue;
    files.push_back({name, {{proto::METRIC_CLOCK_HERTZ, domain, -1}}, &ActiveClock});
  }
  if (!files.empty()) {
    probes->push_back(std::make_unique<TextProbe>(folder, "clocks", Group::kMedium, files));
  }
}

void AddErrors(const std::string& folder, Probes* probes) {
  constexpr absl::string_view kSuffix = "_err_count";
  constexpr std::size_t kMostBlocks = 16;
  std::vector<TextProbe::File> files;
  for (const std::string& name : ListFolder(absl::StrCat(folder, "/ras"))) {
    if (!absl::EndsWith(name, kSuffix) || files.size() == kMostBlocks) continue;
    const absl::string_view block = absl::StripSuffix(name, kSuffix);
    files.push_back({absl::StrCat("ras/", name),
                     {{proto::METRIC_ERRORS_TOTAL, absl::StrCat(block, ".uncorrected"), -1},
                      {proto::METRIC_ERRORS_TOTAL, absl::StrCat(block, ".corrected"), -1}},
                     &ParseErrorCounts});
  }
  if (!files.empty()) {
    probes->push_back(std::make_unique<TextProbe>(folder, "errors", Group::kSlow, files));
  }
}

}  // namespace

std::optional<double> ParseActiveClock(absl::string_view text) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view trimmed = absl::StripTrailingAsciiWhitespace(line);
    if (!absl::EndsWith(trimmed, "*")) continue;
    const std::size_t colon = trimmed.find(':');
    if (colon == absl::string_view::npos) return std::nullopt;
    const std::optional<double> megahertz = LeadingNumber(trimmed.substr(colon + 1));
    if (!megahertz || *megahertz > 20'000) return std::nullopt;
    return *megahertz * 1e6;
  }
  return std::nullopt;
}

std::optional<std::pair<double, double>> ParseErrorCounts(absl::string_view text) {
  std::optional<double> uncorrected;
  std::optional<double> corrected;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    // Newer drivers have further lines ("de:").
    if (absl::ConsumePrefix(&line, "ue:")) uncorrected = LeadingNumber(line);
    if (absl::ConsumePrefix(&line, "ce:")) corrected = LeadingNumber(line);
  }
  if (!uncorrected || !corrected) return std::nullopt;
  return std::make_pair(*uncorrected, *corrected);
}

std::optional<std::pair<double, double>> ParsePcieBandwidth(absl::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::StripAsciiWhitespace(text), ' ', absl::SkipEmpty());
  if (words.size() != 3) return std::nullopt;
  const std::optional<double> received = LeadingNumber(words[0]);
  const std::optional<double> sent = LeadingNumber(words[1]);
  const std::optional<double> largest = LeadingNumber(words[2]);
  if (!received || !sent || !largest || *largest <= 0) return std::nullopt;
  const std::pair<double, double> bytes = {*received * *largest, *sent * *largest};
  constexpr double kMostBytes = 1e12;  // a second
  if (bytes.first > kMostBytes || bytes.second > kMostBytes) return std::nullopt;
  return bytes;
}

std::optional<double> ParseLinkSpeed(absl::string_view text) {
  const std::optional<double> speed = LeadingNumber(text);
  if (!speed || *speed <= 0 || *speed > 1000 || text.find("GT/s") == absl::string_view::npos) {
    return std::nullopt;
  }
  return *speed * 1e9;
}

bool AddAmdgpuProbes(const std::string& root, const std::string& pci_address, Probes* probes) {
  const std::optional<std::string> folder = FindDevice(root, pci_address);
  if (!folder) return false;
  probes->push_back(std::make_unique<NumbersProbe>(
      *folder, "busy", Group::kFast,
      std::vector<Entry>{{proto::METRIC_UTILIZATION_RATIO, "gpu_busy_percent", 0.01, 1},
                         {proto::METRIC_MEMORY_BUSY_RATIO, "mem_busy_percent", 0.01, 1}}));
  probes->push_back(std::make_unique<NumbersProbe>(
      *folder, "memory", Group::kFast,
      std::vector<Entry>{{proto::METRIC_MEMORY_USED_BYTES, "mem_info_vram_used", 1, kMostBytes},
                         {proto::METRIC_MEMORY_TOTAL_BYTES, "mem_info_vram_total", 1, kMostBytes},
                         {proto::METRIC_GTT_USED_BYTES, "mem_info_gtt_used", 1, kMostBytes},
                         {proto::METRIC_GTT_TOTAL_BYTES, "mem_info_gtt_total", 1, kMostBytes}}));
  KeptFile blob(absl::StrCat(*folder, "/gpu_metrics"), kMaxGpuMetricsBytes);
  const std::optional<absl::string_view> bytes = blob.Read();
  std::optional<std::vector<GpuMetric>> metrics;
  if (bytes.has_value()) metrics = ParseGpuMetrics(*bytes);
  if (metrics.has_value()) probes->push_back(std::make_unique<MetricsProbe>(*folder, *metrics));
  // No name before the labels: they are the device's own sensors.
  std::vector<Hwmon> sensors = FindHwmons(absl::StrCat(*folder, "/hwmon"));
  for (Hwmon& hwmon : sensors) hwmon.name.clear();
  AddHwmonProbe(kSource, sensors, Group::kMedium, absl::StrCat(*folder, "/power/runtime_status"),
                probes);
  AddClocks(*folder, probes);
  probes->push_back(std::make_unique<TextProbe>(
      *folder, "link speed", Group::kSlow,
      std::vector<TextProbe::File>{{"current_link_speed",
                                    {{proto::METRIC_PCIE_LINK_TRANSFERS_PER_SECOND, "", -1}},
                                    &LinkSpeed}}));
  probes->push_back(std::make_unique<NumbersProbe>(
      *folder, "link", Group::kSlow,
      std::vector<Entry>{{proto::METRIC_PCIE_LINK_WIDTH_LANES, "current_link_width", 1, 64},
                         {proto::METRIC_PCIE_REPLAYS_TOTAL, "pcie_replay_count", 1, 1e18}}));
  if (Exists(absl::StrCat(*folder, "/pcie_bw"))) {
    // Its reading takes a second.
    probes->push_back(std::make_unique<TextProbe>(
        *folder, "pcie_bw", Group::kRare,
        std::vector<TextProbe::File>{{"pcie_bw",
                                      {{proto::METRIC_PCIE_RX_BYTES_PER_SECOND, "", -1},
                                       {proto::METRIC_PCIE_TX_BYTES_PER_SECOND, "", -1}},
                                      &ParsePcieBandwidth}}));
  }
  AddErrors(*folder, probes);
  probes->push_back(std::make_unique<ProcessProbe>(
      *folder, absl::StrCat(root, "/class/kfd/kfd/proc/", getpid(), "/vram_",
                            KfdId(root, folder->substr(folder->rfind('/') + 1)))));
  return true;
}

}  // namespace amdgpu::telemetry
