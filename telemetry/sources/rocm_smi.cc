#include "telemetry/sources/rocm_smi.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "telemetry/sources/amd_pci_id.h"
#include "telemetry/sources/library.h"
#include "telemetry/sources/vendor_values.h"

namespace amdgpu::telemetry {
namespace {

constexpr char kSource[] = "rocm_smi";

using Return = int;
enum : Return { kSuccess = 0, kNotSupported = 2, kPermission = 4 };
constexpr std::uint32_t kVram = 0;
constexpr std::uint32_t kGtt = 2;
constexpr std::uint32_t kCurrent = 0;  // of the kinds of temperature

struct Table {
  Return (*init)(std::uint64_t flags) = nullptr;
  Return (*count)(std::uint32_t*) = nullptr;
  Return (*pci_id)(std::uint32_t, std::uint64_t*) = nullptr;
  Return (*busy)(std::uint32_t, std::uint32_t*) = nullptr;
  Return (*memory_busy)(std::uint32_t, std::uint32_t*) = nullptr;
  Return (*memory_total)(std::uint32_t, std::uint32_t, std::uint64_t*) = nullptr;
  Return (*memory_usage)(std::uint32_t, std::uint32_t, std::uint64_t*) = nullptr;
  Return (*power)(std::uint32_t, std::uint32_t, std::uint64_t*) = nullptr;
  Return (*temperature)(std::uint32_t, std::uint32_t, std::uint32_t, std::int64_t*) = nullptr;
  Return (*fan)(std::uint32_t, std::uint32_t, std::int64_t*) = nullptr;
};

Table Load(const Library& library) {
  Table table;
  library.Find("rsmi_init", &table.init);
  library.Find("rsmi_num_monitor_devices", &table.count);
  library.Find("rsmi_dev_pci_id_get", &table.pci_id);
  library.Find("rsmi_dev_busy_percent_get", &table.busy);
  library.Find("rsmi_dev_memory_busy_percent_get", &table.memory_busy);
  library.Find("rsmi_dev_memory_total_get", &table.memory_total);
  library.Find("rsmi_dev_memory_usage_get", &table.memory_usage);
  library.Find("rsmi_dev_power_ave_get", &table.power);
  library.Find("rsmi_dev_temp_metric_get", &table.temperature);
  library.Find("rsmi_dev_fan_rpms_get", &table.fan);
  return table;
}

using Value = VendorValue<Table, std::uint32_t>;

proto::Absence AbsenceOfReturn(Return result) {
  switch (result) {
    case kNotSupported:
      return proto::ABSENCE_UNSUPPORTED;
    case kPermission:
      return proto::ABSENCE_FORBIDDEN;
    default:
      return proto::ABSENCE_FAILED;
  }
}

template <std::uint32_t kKind>
Return ReadTotal(const Table& table, std::uint32_t device, double* raw) {
  return CallForValue<std::uint64_t>(table.memory_total, device, raw, kKind);
}
template <std::uint32_t kKind>
Return ReadUsage(const Table& table, std::uint32_t device, double* raw) {
  return CallForValue<std::uint64_t>(table.memory_usage, device, raw, kKind);
}
template <std::uint32_t kSensor>
Return ReadTemperature(const Table& table, std::uint32_t device, double* raw) {
  return CallForValue<std::int64_t>(table.temperature, device, raw, kSensor, kCurrent);
}
Return ReadBusy(const Table& table, std::uint32_t device, double* raw) {
  return CallForValue<std::uint32_t>(table.busy, device, raw);
}
Return ReadMemoryBusy(const Table& table, std::uint32_t device, double* raw) {
  return CallForValue<std::uint32_t>(table.memory_busy, device, raw);
}
Return ReadPower(const Table& table, std::uint32_t device, double* raw) {
  return CallForValue<std::uint64_t>(table.power, device, raw, 0);
}
Return ReadFan(const Table& table, std::uint32_t device, double* raw) {
  return CallForValue<std::int64_t>(table.fan, device, raw, 0);
}

bool FindDevice(const Table& table, const std::string& address, std::uint32_t* device) {
  std::uint32_t count = 0;
  if (table.count == nullptr || table.count(&count) != kSuccess || count == 0) return false;
  *device = 0;
  if (address.empty()) return true;
  std::uint64_t wanted = 0;
  if (table.pci_id == nullptr || !ParseAmdPciId(address, &wanted)) return false;
  for (; *device < count; ++*device) {
    std::uint64_t id = 0;
    if (table.pci_id(*device, &id) == kSuccess && (id & kAmdPciIdBits) == wanted) return true;
  }
  return false;
}

}  // namespace

bool AddRocmSmiProbes(const std::vector<std::string>& libraries, const std::string& pci_address,
                      Probes* probes) {
  const Library library(libraries);
  if (!library.loaded()) return false;
  const Table table = Load(library);
  std::uint32_t device = 0;
  if (table.init == nullptr || table.init(0) != kSuccess ||
      !FindDevice(table, pci_address, &device)) {
    return false;
  }
  constexpr double kMostBytes = 1e15;
  const auto add = [&](const char* name, Group group, std::vector<Value> values) {
    probes->push_back(std::make_unique<VendorValuesProbe<Table, std::uint32_t>>(
        kSource, name, group, table, device, AbsenceOfReturn, std::move(values)));
  };
  add("busy", Group::kFast,
      {{{proto::METRIC_UTILIZATION_RATIO, "", -1}, 0.01, 1, ReadBusy},
       {{proto::METRIC_MEMORY_BUSY_RATIO, "", -1}, 0.01, 1, ReadMemoryBusy},
       {{proto::METRIC_MEMORY_USED_BYTES, "", -1}, 1, kMostBytes, ReadUsage<kVram>}});
  add("sensors", Group::kMedium,
      {{{proto::METRIC_GTT_USED_BYTES, "", -1}, 1, kMostBytes, ReadUsage<kGtt>},
       {{proto::METRIC_POWER_WATTS, "", -1}, 1e-6, 10'000, ReadPower},
       {{proto::METRIC_TEMPERATURE_CELSIUS, "edge", -1}, 1e-3, 250, ReadTemperature<0>},
       {{proto::METRIC_TEMPERATURE_CELSIUS, "junction", -1}, 1e-3, 250, ReadTemperature<1>},
       {{proto::METRIC_TEMPERATURE_CELSIUS, "memory", -1}, 1e-3, 250, ReadTemperature<2>},
       {{proto::METRIC_FAN_RPM, "", -1}, 1, 100'000, ReadFan}});
  add("memory", Group::kSlow,
      {{{proto::METRIC_MEMORY_TOTAL_BYTES, "", -1}, 1, kMostBytes, ReadTotal<kVram>},
       {{proto::METRIC_GTT_TOTAL_BYTES, "", -1}, 1, kMostBytes, ReadTotal<kGtt>}});
  return true;
}

}  // namespace amdgpu::telemetry
