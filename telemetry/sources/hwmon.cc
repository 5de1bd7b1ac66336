#include "telemetry/sources/hwmon.h"

#include <dirent.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "telemetry/sources/kept_file.h"

namespace amdgpu::telemetry {
namespace {

// As many descriptors as a worker can spare.
constexpr std::size_t kMaxSensors = 24;

// A kind of sensor: its files are <prefix><number><suffix>, in `unit` of the metric's unit.
struct Kind {
  const char* prefix;
  const char* suffix;
  proto::Metric metric;
  double unit;
  double least;
  double most;  // what is outside of this is nonsense
};
constexpr Kind kKinds[] = {
    {"temp", "_input", proto::METRIC_TEMPERATURE_CELSIUS, 1e-3, -100, 250},
    {"fan", "_input", proto::METRIC_FAN_RPM, 1, 0, 100'000},
    {"power", "_average", proto::METRIC_POWER_WATTS, 1e-6, 0, 10'000},
    {"power", "_input", proto::METRIC_POWER_WATTS, 1e-6, 0, 10'000},
    {"power", "_cap", proto::METRIC_POWER_LIMIT_WATTS, 1e-6, 0, 10'000},
    {"freq", "_input", proto::METRIC_CLOCK_HERTZ, 1, 0, 1e11},
    {"in", "_input", proto::METRIC_VOLTAGE_VOLTS, 1e-3, 0, 1000},
};

struct Sensor {
  KeptFile file;
  const Kind* kind;
};

class HwmonProbe final : public Probe {
 public:
  HwmonProbe(const std::string& source, Group group, std::vector<Series> series,
             std::vector<Sensor> sensors, const std::string& status_file)
      : Probe(source, "hwmon", group, std::move(series)),
        sensors_(std::move(sensors)),
        status_(status_file, 32) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    const std::optional<absl::string_view> status = status_.Read();
    if (status.has_value() && absl::StartsWith(*status, "suspend")) {
      for (Reading& reading : readings) reading = Reading::Absent(proto::ABSENCE_SLEEPING);
      return;
    }
    if (sensors_.empty()) readings[0] = Reading::Absent(proto::ABSENCE_MISSING);
    for (std::size_t i = 0; i < sensors_.size(); ++i) {
      const std::optional<double> raw = sensors_[i].file.ReadNumber();
      if (!raw) {
        readings[i] = Reading::Absent(sensors_[i].file.absence());
        continue;
      }
      const Kind& kind = *sensors_[i].kind;
      const double value = *raw * kind.unit;
      readings[i] = value >= kind.least && value <= kind.most
                        ? Reading::Of(value)
                        : Reading::Absent(proto::ABSENCE_NONSENSE);
    }
  }

 private:
  std::vector<Sensor> sensors_;
  KeptFile status_;
};

// "3" of "temp3_input"; empty if the name is not of this kind.
std::string NumberIn(const std::string& file, const Kind& kind) {
  if (!absl::StartsWith(file, kind.prefix) || !absl::EndsWith(file, kind.suffix)) return "";
  const std::string number =
      file.substr(std::string(kind.prefix).size(),
                  file.size() - std::string(kind.prefix).size() - std::string(kind.suffix).size());
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == number.npos;
  return digits ? number : "";
}

// What people call the sensors of AMD's cards.
std::string CanonicalLabel(const std::string& label) {
  if (label == "mem") return "memory";
  if (label == "sclk") return "graphics";
  if (label == "mclk") return "memory";
  return label;
}

}  // namespace

std::vector<std::string> ListFolder(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (folder == nullptr) return names;
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] != '.') names.push_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Hwmon> FindHwmons(const std::string& path) {
  std::vector<Hwmon> hwmons;
  for (const std::string& folder : ListFolder(path)) {
    if (!absl::StartsWith(folder, "hwmon")) continue;
    const std::string full = absl::StrCat(path, "/", folder);
    hwmons.push_back({full, ReadWholeFile(absl::StrCat(full, "/name")).value_or(folder)});
  }
  return hwmons;
}

void AddHwmonProbe(const std::string& source, const std::vector<Hwmon>& hwmons, Group group,
                   const std::string& status_file, Probes* probes) {
  std::vector<Series> series;
  std::vector<Sensor> sensors;
  for (const Hwmon& hwmon : hwmons) {
    const std::vector<std::string> files = ListFolder(hwmon.path);
    for (const Kind& kind : kKinds) {
      for (const std::string& file : files) {
        const std::string number = NumberIn(file, kind);
        if (number.empty() || sensors.size() == kMaxSensors) continue;
        // Some cards have both; the average is the better figure.
        if (kind.metric == proto::METRIC_POWER_WATTS &&
            absl::EqualsIgnoreCase(kind.suffix, "_input") &&
            std::binary_search(files.begin(), files.end(),
                               absl::StrCat("power", number, "_average"))) {
          continue;
        }
        const std::string sensor = absl::StrCat(kind.prefix, number);
        std::string label =
            ReadWholeFile(absl::StrCat(hwmon.path, "/", sensor, "_label")).value_or(sensor);
        label = CanonicalLabel(label);
        if (!hwmon.name.empty()) label = absl::StrCat(hwmon.name, " ", label);
        series.push_back({kind.metric, label, -1});
        sensors.push_back({KeptFile(absl::StrCat(hwmon.path, "/", file), 32), &kind});
      }
    }
  }
  if (series.empty()) series.push_back({proto::METRIC_TEMPERATURE_CELSIUS, "", -1});
  probes->push_back(std::make_unique<HwmonProbe>(source, group, std::move(series),
                                                 std::move(sensors), status_file));
}

}  // namespace amdgpu::telemetry
