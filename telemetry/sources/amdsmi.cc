#include "telemetry/sources/amdsmi.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "telemetry/sources/amd_pci_id.h"
#include "telemetry/sources/library.h"
#include "telemetry/sources/vendor_values.h"

namespace amdgpu::telemetry {
namespace amdsmi {
namespace {

using Handle = void*;
using Status = int;
enum : Status { kSuccess = 0, kNotSupported = 2, kNoPermission = 10 };
constexpr std::uint64_t kInitGpus = 2;
constexpr int kVram = 0;
constexpr int kGtt = 1;
constexpr int kCurrent = 0;  // of the kinds of temperature
constexpr std::uint32_t kMostHandles = 64;

// amdsmi_engine_usage_t
struct Activity {
  std::uint32_t graphics;
  std::uint32_t memory;
  std::uint32_t media;
  std::uint32_t reserved[13];
};

struct Table {
  Status (*init)(std::uint64_t flags) = nullptr;
  Status (*sockets)(std::uint32_t* count, Handle* sockets) = nullptr;
  Status (*processors)(Handle socket, std::uint32_t* count, Handle* processors) = nullptr;
  Status (*pci_id)(Handle, std::uint64_t*) = nullptr;
  Status (*activity)(Handle, Activity*) = nullptr;
  Status (*memory_total)(Handle, int kind, std::uint64_t*) = nullptr;
  Status (*memory_usage)(Handle, int kind, std::uint64_t*) = nullptr;
  Status (*temperature)(Handle, int sensor, int metric, std::int64_t*) = nullptr;
  Status (*fan)(Handle, std::uint32_t fan, std::int64_t*) = nullptr;
};

Table Load(const Library& library) {
  Table table;
  library.Find("amdsmi_init", &table.init);
  library.Find("amdsmi_get_socket_handles", &table.sockets);
  library.Find("amdsmi_get_processor_handles", &table.processors);
  library.Find("amdsmi_get_gpu_bdf_id", &table.pci_id);
  library.Find("amdsmi_get_gpu_activity", &table.activity);
  library.Find("amdsmi_get_gpu_memory_total", &table.memory_total);
  library.Find("amdsmi_get_gpu_memory_usage", &table.memory_usage);
  library.Find("amdsmi_get_temp_metric", &table.temperature);
  library.Find("amdsmi_get_gpu_fan_rpms", &table.fan);
  return table;
}

proto::Absence AbsenceOfStatusCode(Status status) {
  switch (status) {
    case kNotSupported:
      return proto::ABSENCE_UNSUPPORTED;
    case kNoPermission:
      return proto::ABSENCE_FORBIDDEN;
    default:
      return proto::ABSENCE_FAILED;
  }
}

Reading ReadingOf(Status status, double value, double most) {
  return ReadingOfStatus(status, AbsenceOfStatusCode, value, most);
}

// What one call of the library answers with.
template <typename Raw, typename Function, typename... Arguments>
Reading Get(Function* function, double most, Handle device, Arguments... arguments) {
  double value = 0;
  const Status status = CallForValue<Raw>(function, device, &value, arguments...);
  return ReadingOf(status, value, most);
}

class BusyProbe final : public Probe {
 public:
  BusyProbe(const Table& table, Handle device)
      : Probe(
            "amdsmi", "busy", Group::kFast,
            {{proto::METRIC_UTILIZATION_RATIO, "", -1}, {proto::METRIC_MEMORY_BUSY_RATIO, "", -1}}),
        table_(table),
        device_(device) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    Activity activity{};
    const Status status =
        table_.activity == nullptr ? kNoFunction : table_.activity(device_, &activity);
    readings[0] = Percent(status, activity.graphics);
    readings[1] = Percent(status, activity.memory);
  }

 private:
  static Reading Percent(Status status, std::uint32_t value) {
    // What a card does not have is all ones, in 16 bits or in 32.
    if (status == kSuccess && (value == 0xffff || value == 0xffffffff)) status = kNotSupported;
    return ReadingOf(status, 0.01 * value, 1);
  }

  const Table table_;
  const Handle device_;
};

class SensorProbe final : public Probe {
 public:
  SensorProbe(const Table& table, Handle device)
      : Probe("amdsmi", "sensors", Group::kMedium,
              {{proto::METRIC_MEMORY_USED_BYTES, "", -1},
               {proto::METRIC_MEMORY_TOTAL_BYTES, "", -1},
               {proto::METRIC_GTT_USED_BYTES, "", -1},
               {proto::METRIC_GTT_TOTAL_BYTES, "", -1},
               {proto::METRIC_TEMPERATURE_CELSIUS, "edge", -1},
               {proto::METRIC_TEMPERATURE_CELSIUS, "junction", -1},
               {proto::METRIC_TEMPERATURE_CELSIUS, "memory", -1},
               {proto::METRIC_FAN_RPM, "", -1}}),
        table_(table),
        device_(device) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    constexpr double kMostBytes = 1e15;
    readings[0] = Get<std::uint64_t>(table_.memory_usage, kMostBytes, device_, kVram);
    readings[1] = Get<std::uint64_t>(table_.memory_total, kMostBytes, device_, kVram);
    readings[2] = Get<std::uint64_t>(table_.memory_usage, kMostBytes, device_, kGtt);
    readings[3] = Get<std::uint64_t>(table_.memory_total, kMostBytes, device_, kGtt);
    // Degrees, not thousandths of them as the header says.
    for (int sensor = 0; sensor < 3; ++sensor) {
      readings[4 + static_cast<std::size_t>(sensor)] =
          Get<std::int64_t>(table_.temperature, 250, device_, sensor, kCurrent);
    }
    readings[7] = Get<std::int64_t>(table_.fan, 100'000, device_, std::uint32_t{0});
  }

 private:
  const Table table_;
  const Handle device_;
};

bool FindDevice(const Table& table, const std::string& address, Handle* device) {
  std::uint64_t wanted = 0;
  if (table.sockets == nullptr || table.processors == nullptr || table.pci_id == nullptr ||
      (!address.empty() && !ParseAmdPciId(address, &wanted))) {
    return false;
  }
  Handle sockets[kMostHandles] = {};
  std::uint32_t socket_count = kMostHandles;
  if (table.sockets(&socket_count, sockets) != kSuccess) return false;
  for (std::uint32_t i = 0; i < std::min(socket_count, kMostHandles); ++i) {
    Handle processors[kMostHandles] = {};
    std::uint32_t count = kMostHandles;
    if (table.processors(sockets[i], &count, processors) != kSuccess) continue;
    for (std::uint32_t j = 0; j < std::min(count, kMostHandles); ++j) {
      std::uint64_t id = 0;
      if (table.pci_id(processors[j], &id) != kSuccess) continue;
      if (!address.empty() && (id & kAmdPciIdBits) != wanted) continue;
      *device = processors[j];
      return true;
    }
  }
  return false;
}

}  // namespace
}  // namespace amdsmi

bool AddAmdSmiProbes(const std::vector<std::string>& libraries, const std::string& pci_address,
                     Probes* probes) {
  const Library library(libraries);
  if (!library.loaded()) return false;
  const amdsmi::Table table = amdsmi::Load(library);
  amdsmi::Handle device = nullptr;
  if (table.init == nullptr || table.init(amdsmi::kInitGpus) != amdsmi::kSuccess ||
      !amdsmi::FindDevice(table, pci_address, &device)) {
    return false;
  }
  probes->push_back(std::make_unique<amdsmi::BusyProbe>(table, device));
  probes->push_back(std::make_unique<amdsmi::SensorProbe>(table, device));
  return true;
}

}  // namespace amdgpu::telemetry
