#include "telemetry/sources/nvml.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "telemetry/sources/library.h"
#include "telemetry/sources/vendor_values.h"

namespace amdgpu::telemetry {
namespace {

constexpr char kSource[] = "nvml";

// As nvml.h has it; nothing of these has changed since they came.
using Device = void*;
using Return = int;
struct Utilization {
  unsigned gpu;
  unsigned memory;
};
struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
struct ProcessInfo {
  unsigned pid;
  unsigned long long used_gpu_memory;
  unsigned gpu_instance;
  unsigned compute_instance;
};
enum : Return {
  kSuccess = 0,
  kNotSupported = 3,
  kNoPermission = 4,
};
// In the place of a number that the driver does not know (under Windows' driver model, say).
constexpr unsigned long long kNotAvailable = ~0ULL;
enum Clock : unsigned { kGraphicsClock = 0, kSmClock = 1, kMemoryClock = 2, kVideoClock = 3 };
enum Throughput : unsigned { kTx = 0, kRx = 1 };

proto::Absence AbsenceOfReturn(Return result) {
  switch (result) {
    case kNotSupported:
      return proto::ABSENCE_UNSUPPORTED;
    case kNoPermission:
      return proto::ABSENCE_FORBIDDEN;
    default:
      return proto::ABSENCE_FAILED;
  }
}

// The functions used. Null ones are not in the library.
struct Table {
  Return (*init)() = nullptr;
  Return (*handle_by_bus_id)(const char*, Device*) = nullptr;
  Return (*handle_by_index)(unsigned, Device*) = nullptr;
  Return (*utilization)(Device, Utilization*) = nullptr;
  Return (*memory)(Device, Memory*) = nullptr;
  Return (*power)(Device, unsigned*) = nullptr;
  Return (*power_limit)(Device, unsigned*) = nullptr;
  Return (*energy)(Device, unsigned long long*) = nullptr;
  Return (*temperature)(Device, unsigned, unsigned*) = nullptr;
  Return (*clock)(Device, unsigned, unsigned*) = nullptr;
  Return (*fan)(Device, unsigned*) = nullptr;
  Return (*throttle)(Device, unsigned long long*) = nullptr;
  Return (*ecc)(Device, unsigned, unsigned, unsigned long long*) = nullptr;
  Return (*pcie_throughput)(Device, unsigned, unsigned*) = nullptr;
  Return (*pcie_replays)(Device, unsigned*) = nullptr;
  Return (*link_generation)(Device, unsigned*) = nullptr;
  Return (*link_width)(Device, unsigned*) = nullptr;
  Return (*encoder)(Device, unsigned*, unsigned*) = nullptr;
  Return (*decoder)(Device, unsigned*, unsigned*) = nullptr;
  Return (*processes)(Device, unsigned*, ProcessInfo*) = nullptr;
};

Table Load(const Library& library) {
  Table table;
  library.Find("nvmlInit_v2", &table.init);
  library.Find("nvmlDeviceGetHandleByPciBusId_v2", &table.handle_by_bus_id);
  library.Find("nvmlDeviceGetHandleByIndex_v2", &table.handle_by_index);
  library.Find("nvmlDeviceGetUtilizationRates", &table.utilization);
  library.Find("nvmlDeviceGetMemoryInfo", &table.memory);
  library.Find("nvmlDeviceGetPowerUsage", &table.power);
  library.Find("nvmlDeviceGetEnforcedPowerLimit", &table.power_limit);
  library.Find("nvmlDeviceGetTotalEnergyConsumption", &table.energy);
  library.Find("nvmlDeviceGetTemperature", &table.temperature);
  library.Find("nvmlDeviceGetClockInfo", &table.clock);
  library.Find("nvmlDeviceGetFanSpeed", &table.fan);
  library.Find("nvmlDeviceGetCurrentClocksThrottleReasons", &table.throttle);
  library.Find("nvmlDeviceGetTotalEccErrors", &table.ecc);
  library.Find("nvmlDeviceGetPcieThroughput", &table.pcie_throughput);
  library.Find("nvmlDeviceGetPcieReplayCounter", &table.pcie_replays);
  library.Find("nvmlDeviceGetCurrPcieLinkGeneration", &table.link_generation);
  library.Find("nvmlDeviceGetCurrPcieLinkWidth", &table.link_width);
  library.Find("nvmlDeviceGetEncoderUtilization", &table.encoder);
  library.Find("nvmlDeviceGetDecoderUtilization", &table.decoder);
  library.Find("nvmlDeviceGetComputeRunningProcesses_v3", &table.processes);
  return table;
}

using Value = VendorValue<Table, Device>;

Reading ReadingOf(Return result, double value, double most) {
  return ReadingOfStatus(result, AbsenceOfReturn, value, most);
}

// Calls that answer two values at once.
class PairsProbe final : public Probe {
 public:
  PairsProbe(const Table& table, Device device)
      : Probe(kSource, "utilization", Group::kFast,
              {{proto::METRIC_UTILIZATION_RATIO, "", -1},
               {proto::METRIC_MEMORY_BUSY_RATIO, "", -1},
               {proto::METRIC_MEMORY_USED_BYTES, "", -1},
               {proto::METRIC_MEMORY_TOTAL_BYTES, "", -1}}),
        table_(table),
        device_(device) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    Utilization busy{};
    Return result =
        table_.utilization == nullptr ? kNoFunction : table_.utilization(device_, &busy);
    readings[0] = ReadingOf(result, busy.gpu * 0.01, 1);
    readings[1] = ReadingOf(result, busy.memory * 0.01, 1);
    Memory memory{};
    result = table_.memory == nullptr ? kNoFunction : table_.memory(device_, &memory);
    const auto total = static_cast<double>(memory.total);
    readings[2] = ReadingOf(result, static_cast<double>(memory.used), total);
    readings[3] = ReadingOf(result, total, 1e15);
  }

 private:
  const Table table_;
  const Device device_;
};

class ThrottleProbe final : public Probe {
 public:
  ThrottleProbe(const Table& table, Device device)
      : Probe(kSource, "throttle", Group::kMedium, MakeSeries()), table_(table), device_(device) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    unsigned long long bits = 0;
    const Return result =
        table_.throttle == nullptr ? kNoFunction : table_.throttle(device_, &bits);
    for (std::size_t i = 0; i < std::size(kReasons); ++i) {
      readings[i] = ReadingOf(result, (bits & kReasons[i].bits) != 0 ? 1 : 0, 1);
    }
  }

 private:
  struct Reason {
    const char* label;
    unsigned long long bits;
  };
  static constexpr Reason kReasons[] = {
      {"power", 0x04 | 0x80},        // software and hardware power caps
      {"temperature", 0x20 | 0x40},  // likewise, slowdowns for heat
      {"any", 0x04 | 0x08 | 0x20 | 0x40 | 0x80},
  };
  static std::vector<Series> MakeSeries() {
    std::vector<Series> series;
    for (const Reason& reason : kReasons) {
      series.push_back({proto::METRIC_THROTTLE_ACTIVE, reason.label, -1});
    }
    return series;
  }

  const Table table_;
  const Device device_;
};

// What this process, the worker, holds.
class ProcessProbe final : public Probe {
 public:
  ProcessProbe(const Table& table, Device device)
      : Probe(kSource, "processes", Group::kSlow,
              {{proto::METRIC_PROCESS_MEMORY_BYTES, absl::StrCat(getpid()), -1}}),
        table_(table),
        device_(device) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    std::array<ProcessInfo, 64> processes{};
    unsigned count = processes.size();
    const Return result = table_.processes == nullptr
                              ? kNoFunction
                              : table_.processes(device_, &count, processes.data());
    readings[0] = Reading::Absent(proto::ABSENCE_MISSING);
    if (result != kSuccess) {
      readings[0] = ReadingOf(result, 0, 0);
      return;
    }
    for (unsigned i = 0; i < std::min<unsigned>(count, processes.size()); ++i) {
      if (processes[i].pid != static_cast<unsigned>(getpid())) continue;
      const unsigned long long used = processes[i].used_gpu_memory;
      readings[0] = ReadingOf(used == kNotAvailable ? kNotSupported : result,
                              static_cast<double>(used), 1e15);
    }
  }

 private:
  const Table table_;
  const Device device_;
};

Value MakeValue(proto::Metric metric, const char* label, double unit, double most,
                Return (*read)(const Table&, Device, double*)) {
  return {{metric, label, -1}, unit, most, read};
}

template <unsigned kWhich>
Return ReadClock(const Table& table, Device device, double* raw) {
  return CallForValue<unsigned>(table.clock, device, raw, kWhich);
}
template <unsigned kWhich>
Return ReadEcc(const Table& table, Device device, double* raw) {
  constexpr unsigned kSinceTheStart = 0;
  return CallForValue<unsigned long long>(table.ecc, device, raw, kWhich, kSinceTheStart);
}
template <unsigned kWhich>
Return ReadThroughput(const Table& table, Device device, double* raw) {
  return CallForValue<unsigned>(table.pcie_throughput, device, raw, kWhich);
}

std::vector<Value> FastValues() {
  return {
      MakeValue(proto::METRIC_POWER_WATTS, "", 1e-3, 10'000,
                [](const Table& table, Device device, double* raw) {
                  return CallForValue<unsigned>(table.power, device, raw);
                }),
      MakeValue(proto::METRIC_CLOCK_HERTZ, "graphics", 1e6, 20e9, ReadClock<kGraphicsClock>),
      MakeValue(proto::METRIC_CLOCK_HERTZ, "memory", 1e6, 40e9, ReadClock<kMemoryClock>),
  };
}

std::vector<Value> MediumValues() {
  return {
      MakeValue(proto::METRIC_TEMPERATURE_CELSIUS, "edge", 1, 250,
                [](const Table& table, Device device, double* raw) {
                  constexpr unsigned kGpu = 0;
                  return CallForValue<unsigned>(table.temperature, device, raw, kGpu);
                }),
      MakeValue(proto::METRIC_ENERGY_JOULES_TOTAL, "", 1e-3, 1e18,
                [](const Table& table, Device device, double* raw) {
                  return CallForValue<unsigned long long>(table.energy, device, raw);
                }),
      MakeValue(proto::METRIC_CLOCK_HERTZ, "video", 1e6, 20e9, ReadClock<kVideoClock>),
      MakeValue(proto::METRIC_FAN_RATIO, "", 0.01, 2,
                [](const Table& table, Device device, double* raw) {
                  return CallForValue<unsigned>(table.fan, device, raw);
                }),
      MakeValue(proto::METRIC_ENCODER_RATIO, "", 0.01, 1,
                [](const Table& table, Device device, double* raw) -> Return {
                  unsigned busy = 0;
                  unsigned period = 0;
                  if (table.encoder == nullptr) return kNoFunction;
                  const Return result = table.encoder(device, &busy, &period);
                  *raw = busy;
                  return result;
                }),
      MakeValue(proto::METRIC_DECODER_RATIO, "", 0.01, 1,
                [](const Table& table, Device device, double* raw) -> Return {
                  unsigned busy = 0;
                  unsigned period = 0;
                  if (table.decoder == nullptr) return kNoFunction;
                  const Return result = table.decoder(device, &busy, &period);
                  *raw = busy;
                  return result;
                }),
  };
}

std::vector<Value> SlowValues() {
  constexpr unsigned kCorrected = 0;
  constexpr unsigned kUncorrected = 1;
  return {
      MakeValue(proto::METRIC_POWER_LIMIT_WATTS, "", 1e-3, 10'000,
                [](const Table& table, Device device, double* raw) {
                  return CallForValue<unsigned>(table.power_limit, device, raw);
                }),
      MakeValue(proto::METRIC_ERRORS_TOTAL, "memory.corrected", 1, 1e18, ReadEcc<kCorrected>),
      MakeValue(proto::METRIC_ERRORS_TOTAL, "memory.uncorrected", 1, 1e18, ReadEcc<kUncorrected>),
      MakeValue(proto::METRIC_PCIE_REPLAYS_TOTAL, "", 1, 1e18,
                [](const Table& table, Device device, double* raw) {
                  return CallForValue<unsigned>(table.pcie_replays, device, raw);
                }),
      MakeValue(proto::METRIC_PCIE_LINK_WIDTH_LANES, "", 1, 64,
                [](const Table& table, Device device, double* raw) {
                  return CallForValue<unsigned>(table.link_width, device, raw);
                }),
      MakeValue(proto::METRIC_PCIE_LINK_TRANSFERS_PER_SECOND, "", 1, 1e12,
                [](const Table& table, Device device, double* raw) -> Return {
                  // By generation.
                  constexpr double kRates[] = {0, 2.5e9, 5e9, 8e9, 16e9, 32e9, 64e9};
                  unsigned generation = 0;
                  if (table.link_generation == nullptr) return kNoFunction;
                  const Return result = table.link_generation(device, &generation);
                  *raw = generation < std::size(kRates) ? kRates[generation] : -1;
                  return result;
                }),
  };
}

// 20 ms for each direction.
std::vector<Value> ThroughputValues() {
  return {
      MakeValue(proto::METRIC_PCIE_TX_BYTES_PER_SECOND, "", 1e3, 1e12, ReadThroughput<kTx>),
      MakeValue(proto::METRIC_PCIE_RX_BYTES_PER_SECOND, "", 1e3, 1e12, ReadThroughput<kRx>),
  };
}

}  // namespace

bool AddNvmlProbes(const std::vector<std::string>& libraries, const std::string& pci_address,
                   Probes* probes) {
  const Library library(libraries);
  if (!library.loaded()) return false;
  const Table table = Load(library);
  if (table.init == nullptr || table.init() != kSuccess) return false;
  Device device = nullptr;
  const bool found =
      pci_address.empty()
          ? table.handle_by_index != nullptr && table.handle_by_index(0, &device) == kSuccess
          : table.handle_by_bus_id != nullptr &&
                table.handle_by_bus_id(pci_address.c_str(), &device) == kSuccess;
  if (!found) return false;
  probes->push_back(std::make_unique<PairsProbe>(table, device));
  const auto add = [&](const char* name, Group group, std::vector<Value> values) {
    probes->push_back(std::make_unique<VendorValuesProbe<Table, Device>>(
        kSource, name, group, table, device, AbsenceOfReturn, std::move(values)));
  };
  add("power and clocks", Group::kFast, FastValues());
  add("sensors", Group::kMedium, MediumValues());
  probes->push_back(std::make_unique<ThrottleProbe>(table, device));
  add("errors and link", Group::kSlow, SlowValues());
  add("pcie", Group::kSlow, ThroughputValues());
  probes->push_back(std::make_unique<ProcessProbe>(table, device));
  return true;
}

}  // namespace amdgpu::telemetry
