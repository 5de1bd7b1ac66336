#include "telemetry/sources/host.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "telemetry/sources/hwmon.h"
#include "telemetry/sources/kept_file.h"

namespace amdgpu::telemetry {
namespace {

constexpr char kSource[] = "host";
constexpr int kMaxCores = 1024;
constexpr double kNever = -1;

void SetAll(absl::Span<Reading> readings, proto::Absence absence) {
  for (Reading& reading : readings) reading = Reading::Absent(absence);
}

// /proc/stat counts 10 ms ticks: faster than 10 times a second it says nothing new.
class UtilizationProbe final : public Probe {
 public:
  UtilizationProbe(const std::string& path, int cores)
      : Probe(kSource, "stat", Group::kMedium, MakeSeries(cores)),
        file_(path, 4096 + 96 * static_cast<std::size_t>(cores)),
        before_(series().size()) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    const std::optional<absl::string_view> text = file_.Read();
    if (!text.has_value()) return SetAll(readings, file_.absence());
    // Cores that are switched off have no line.
    SetAll(readings, proto::ABSENCE_UNSUPPORTED);
    bool any = false;
    for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
      if (!absl::StartsWith(line, "cpu")) break;
      any |= ReadLine(line, readings);
    }
    if (!any) SetAll(readings, proto::ABSENCE_NONSENSE);
  }

 private:
  struct Times {
    double busy = kNever;
    double all = 0;
  };

  static std::vector<Series> MakeSeries(int cores) {
    std::vector<Series> series = {{proto::METRIC_UTILIZATION_RATIO, "", -1}};
    for (int core = 0; core < cores; ++core) {
      series.push_back({proto::METRIC_UTILIZATION_RATIO, absl::StrCat("core", core), core});
    }
    return series;
  }

  // "cpu3 user nice system idle iowait irq softirq steal guest guest_nice"; guest is in user
  // already.
  bool ReadLine(absl::string_view line, absl::Span<Reading> readings) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (fields.size() < 5) return false;
    std::size_t index = 0;
    if (fields[0] != "cpu") {
      int core;
      if (!absl::SimpleAtoi(fields[0].substr(3), &core) || core < 0) return false;
      index = static_cast<std::size_t>(core) + 1;
      if (index >= readings.size()) return true;
    }
    Times now{0, 0};
    for (std::size_t i = 1; i < fields.size() && i <= 8; ++i) {
      double ticks;
      if (!absl::SimpleAtod(fields[i], &ticks)) return false;
      now.all += ticks;
      if (i != 4 && i != 5) now.busy += ticks;
    }
    const Times before = std::exchange(before_[index], now);
    const double all = now.all - before.all;
    if (before.busy == kNever || all <= 0) {
      readings[index] = Reading::Absent(proto::ABSENCE_PENDING);
    } else {
      readings[index] = Reading::Of(std::clamp((now.busy - before.busy) / all, 0.0, 1.0));
    }
    return true;
  }

  KeptFile file_;
  std::vector<Times> before_;
};

class MemoryProbe final : public Probe {
 public:
  explicit MemoryProbe(const std::string& path)
      : Probe(kSource, "meminfo", Group::kMedium,
              {{proto::METRIC_MEMORY_TOTAL_BYTES, "", -1},
               {proto::METRIC_MEMORY_USED_BYTES, "", -1},
               {proto::METRIC_HOST_MEMORY_AVAILABLE_BYTES, "", -1},
               {proto::METRIC_HOST_SWAP_USED_BYTES, "", -1}}),
        file_(path) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    const std::optional<absl::string_view> text = file_.Read();
    if (!text.has_value()) return SetAll(readings, file_.absence());
    const std::optional<double> total = Find(*text, "MemTotal:");
    const std::optional<double> available = Find(*text, "MemAvailable:");
    const std::optional<double> swap = Find(*text, "SwapTotal:");
    const std::optional<double> swap_free = Find(*text, "SwapFree:");
    SetAll(readings, proto::ABSENCE_NONSENSE);
    if (total) readings[0] = Reading::Of(*total);
    if (total && available && *available <= *total) {
      readings[1] = Reading::Of(*total - *available);
      readings[2] = Reading::Of(*available);
    }
    if (swap && swap_free && *swap_free <= *swap) readings[3] = Reading::Of(*swap - *swap_free);
  }

 private:
  static std::optional<double> Find(absl::string_view text, absl::string_view name) {
    const std::size_t at = text.find(name);
    if (at == absl::string_view::npos) return std::nullopt;
    text.remove_prefix(at + name.size());
    const std::vector<absl::string_view> words =
        absl::StrSplit(text.substr(0, text.find('\n')), ' ', absl::SkipEmpty());
    double kibibytes;
    if (words.empty() || !absl::SimpleAtod(words[0], &kibibytes)) return std::nullopt;
    return kibibytes * 1024;
  }

  KeptFile file_;
};

class LoadProbe final : public Probe {
 public:
  explicit LoadProbe(const std::string& path)
      : Probe(kSource, "loadavg", Group::kSlow, {{proto::METRIC_HOST_LOAD, "1m", -1}}),
        file_(path) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    const std::optional<absl::string_view> text = file_.Read();
    if (!text.has_value()) return SetAll(readings, file_.absence());
    double load;
    readings[0] = absl::SimpleAtod(text->substr(0, text->find(' ')), &load)
                      ? Reading::Of(load)
                      : Reading::Absent(proto::ABSENCE_NONSENSE);
  }

 private:
  KeptFile file_;
};

// Each core's clock, from cpufreq where the kernel has it, else from /proc/cpuinfo, and their mean.
class ClockProbe final : public Probe {
 public:
  ClockProbe(const std::string& root, int cores)
      : Probe(kSource, "clocks", Group::kSlow, MakeSeries(cores)),
        info_(absl::StrCat(root, "/proc/cpuinfo"), 4096 * static_cast<std::size_t>(cores + 1)) {
    // A descriptor for each: no more than the sandbox lets a process have.
    constexpr int kMaxFiles = 16;
    if (cores > kMaxFiles) return;
    for (int core = 0; core < cores; ++core) {
      KeptFile file(
          absl::StrCat(root, "/sys/devices/system/cpu/cpu", core, "/cpufreq/scaling_cur_freq"), 32);
      if (!file.open()) {
        files_.clear();
        return;
      }
      files_.push_back(std::move(file));
    }
  }

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    SetAll(readings, proto::ABSENCE_UNSUPPORTED);
    if (files_.empty()) {
      ReadInfo(readings);
    } else {
      for (std::size_t core = 0; core < files_.size(); ++core) {
        const std::optional<double> kilohertz = files_[core].ReadNumber();
        readings[core + 1] =
            kilohertz ? Reading::Of(*kilohertz * 1e3) : Reading::Absent(files_[core].absence());
      }
    }
    double sum = 0;
    int count = 0;
    for (const Reading& reading : readings.subspan(1)) {
      if (reading.absence != proto::ABSENCE_NONE) continue;
      sum += reading.value;
      ++count;
    }
    if (count > 0) readings[0] = Reading::Of(sum / count);
  }

 private:
  static std::vector<Series> MakeSeries(int cores) {
    std::vector<Series> series = {{proto::METRIC_CLOCK_HERTZ, "cores", -1}};
    for (int core = 0; core < cores; ++core) {
      series.push_back({proto::METRIC_CLOCK_HERTZ, absl::StrCat("core", core), core});
    }
    return series;
  }

  void ReadInfo(absl::Span<Reading> readings) {
    const std::optional<absl::string_view> text = info_.Read();
    if (!text.has_value()) return SetAll(readings, info_.absence());
    std::size_t core = 0;
    for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
      if (!absl::StartsWith(line, "cpu MHz")) continue;
      double megahertz;
      const std::size_t colon = line.find(':');
      if (++core >= readings.size()) break;
      if (colon != absl::string_view::npos &&
          absl::SimpleAtod(line.substr(colon + 1), &megahertz) && megahertz > 0) {
        readings[core] = Reading::Of(megahertz * 1e6);
      }
    }
  }

  std::vector<KeptFile> files_;
  KeptFile info_;
};

// Energy counters of the processor's packages and memory (RAPL). Often for root alone.
class EnergyProbe final : public Probe {
 public:
  struct Domain {
    std::string name;
    KeptFile energy;
    double range_joules = 0;  // where the counter starts again
    double first = kNever;
    double last = 0;
    double wrapped = 0;
    std::uint64_t last_ns = 0;
  };

  explicit EnergyProbe(std::vector<Domain> domains)
      : Probe(kSource, "rapl", Group::kMedium, MakeSeries(domains)), domains_(std::move(domains)) {}

  void Read(std::uint64_t now_ns, absl::Span<Reading> readings) override {
    if (domains_.empty()) return SetAll(readings, proto::ABSENCE_MISSING);
    for (std::size_t i = 0; i < domains_.size(); ++i) {
      ReadDomain(domains_[i], now_ns, &readings[2 * i], &readings[2 * i + 1]);
    }
  }

 private:
  static std::vector<Series> MakeSeries(const std::vector<Domain>& domains) {
    if (domains.empty()) {
      return {{proto::METRIC_POWER_WATTS, "", -1}, {proto::METRIC_ENERGY_JOULES_TOTAL, "", -1}};
    }
    std::vector<Series> series;
    for (const Domain& domain : domains) {
      series.push_back({proto::METRIC_POWER_WATTS, domain.name, -1});
      series.push_back({proto::METRIC_ENERGY_JOULES_TOTAL, domain.name, -1});
    }
    return series;
  }

  static void ReadDomain(Domain& domain, std::uint64_t now_ns, Reading* power, Reading* energy) {
    const std::optional<double> microjoules = domain.energy.ReadNumber();
    if (!microjoules) {
      *power = *energy = Reading::Absent(domain.energy.absence());
      return;
    }
    const double joules = *microjoules / 1e6;
    const double last = std::exchange(domain.last, joules);
    const std::uint64_t last_ns = std::exchange(domain.last_ns, now_ns);
    if (domain.first == kNever) {
      domain.first = joules;
      *power = Reading::Absent(proto::ABSENCE_PENDING);
      *energy = Reading::Of(0);
      return;
    }
    if (joules < last) domain.wrapped += domain.range_joules;
    const double used = joules < last ? joules + domain.range_joules - last : joules - last;
    const double seconds = static_cast<double>(now_ns - last_ns) / 1e9;
    *power = seconds > 0 && used >= 0 ? Reading::Of(used / seconds)
                                      : Reading::Absent(proto::ABSENCE_NONSENSE);
    *energy = Reading::Of(joules - domain.first + domain.wrapped);
  }

  std::vector<Domain> domains_;
};

std::vector<EnergyProbe::Domain> FindEnergyDomains(const std::string& root) {
  std::vector<EnergyProbe::Domain> domains;
  for (const std::string& folder : ListFolder(absl::StrCat(root, "/sys/class/powercap"))) {
    // "intel-rapl:0", and "intel-rapl:0:1" for a part of it; the other names are of the same
    // counters by another way.
    if (!absl::StartsWith(folder, "intel-rapl:")) continue;
    const std::string path = absl::StrCat(root, "/sys/class/powercap/", folder);
    const std::optional<std::string> name = ReadWholeFile(absl::StrCat(path, "/name"));
    double range = 0;
    const std::optional<std::string> most =
        ReadWholeFile(absl::StrCat(path, "/max_energy_range_uj"));
    if (!name || !most || !absl::SimpleAtod(*most, &range)) continue;
    // A part has the same name in each package.
    const bool part = std::count(folder.begin(), folder.end(), ':') > 1;
    domains.push_back({part ? absl::StrCat(*name, "@", folder.substr(11)) : *name,
                       KeptFile(absl::StrCat(path, "/energy_uj"), 32), range / 1e6});
    if (domains.size() == 8) break;
  }
  return domains;
}

int CountCores(const std::string& root) {
  const std::optional<std::string> stat = ReadWholeFile(absl::StrCat(root, "/proc/stat"));
  int cores = 0;
  if (!stat) return cores;
  for (const absl::string_view line : absl::StrSplit(*stat, '\n')) {
    int core;
    if (absl::StartsWith(line, "cpu") &&
        absl::SimpleAtoi(line.substr(3, line.find(' ') - 3), &core) && core >= 0) {
      cores = std::max(cores, std::min(core + 1, kMaxCores));
    }
  }
  return cores;
}

}  // namespace

void AddHostProbes(const std::string& root, Probes* probes) {
  const int cores = CountCores(root);
  probes->push_back(std::make_unique<UtilizationProbe>(absl::StrCat(root, "/proc/stat"), cores));
  probes->push_back(std::make_unique<MemoryProbe>(absl::StrCat(root, "/proc/meminfo")));
  probes->push_back(std::make_unique<LoadProbe>(absl::StrCat(root, "/proc/loadavg")));
  probes->push_back(std::make_unique<ClockProbe>(root, cores));
  probes->push_back(std::make_unique<EnergyProbe>(FindEnergyDomains(root)));
  AddHwmonProbe(kSource, FindHwmons(absl::StrCat(root, "/sys/class/hwmon")), Group::kSlow, "",
                probes);
}

}  // namespace amdgpu::telemetry
