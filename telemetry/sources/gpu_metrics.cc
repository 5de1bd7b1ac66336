#include "telemetry/sources/gpu_metrics.h"

#include <cstring>

#include "absl/types/span.h"

namespace amdgpu::telemetry {
namespace {

// A field: where it lies (little-endian), and what it is.
struct Field {
  std::uint16_t offset;
  std::uint8_t bytes;
  proto::Metric metric;
  const char* label;
  double unit;  // of the metric's unit
  double most;  // larger values are nonsense
};

struct Layout {
  std::uint8_t format;
  std::uint8_t content;
  std::uint16_t size;
  absl::Span<const Field> fields;
  std::uint16_t throttle_offset;        // u32: not 0 while throttled; 0 = none
  std::uint16_t indep_throttle_offset;  // u64 with the same bits on all devices; 0 = none
};

constexpr proto::Metric kTemperature = proto::METRIC_TEMPERATURE_CELSIUS;
constexpr proto::Metric kPower = proto::METRIC_POWER_WATTS;
constexpr proto::Metric kClock = proto::METRIC_CLOCK_HERTZ;
constexpr proto::Metric kEnergy = proto::METRIC_ENERGY_JOULES_TOTAL;
constexpr proto::Metric kUtilization = proto::METRIC_UTILIZATION_RATIO;
constexpr proto::Metric kMemoryBusy = proto::METRIC_MEMORY_BUSY_RATIO;
constexpr proto::Metric kVideo = proto::METRIC_DECODER_RATIO;
constexpr proto::Metric kFan = proto::METRIC_FAN_RPM;
constexpr proto::Metric kFanRatio = proto::METRIC_FAN_RATIO;
constexpr proto::Metric kVoltage = proto::METRIC_VOLTAGE_VOLTS;
constexpr proto::Metric kLinkWidth = proto::METRIC_PCIE_LINK_WIDTH_LANES;
constexpr proto::Metric kLinkSpeed = proto::METRIC_PCIE_LINK_TRANSFERS_PER_SECOND;
constexpr proto::Metric kReplays = proto::METRIC_PCIE_REPLAYS_TOTAL;

constexpr double kMostCelsius = 250;
constexpr double kMostWatts = 10'000;
constexpr double kMostHertz = 20e9;
constexpr double kMHz = 1e6;
constexpr double kPercent = 0.01;
constexpr double kEnergyUnit = 1.0 / 65536;  // 15.3 uJ
constexpr double kMostMixed = 100;           // ratios that may be in hundredths of percents
constexpr double kAny = 1e20;

constexpr Field kV1_0[] = {
    {16, 2, kTemperature, "edge", 1, kMostCelsius},
    {18, 2, kTemperature, "junction", 1, kMostCelsius},
    {20, 2, kTemperature, "memory", 1, kMostCelsius},
    {28, 2, kUtilization, "", kPercent, 1},
    {30, 2, kMemoryBusy, "", kPercent, 1},
    {32, 2, kVideo, "", kPercent, 1},
    {34, 2, kPower, "", 1, kMostWatts},
    {54, 2, kClock, "graphics", kMHz, kMostHertz},
    {56, 2, kClock, "soc", kMHz, kMostHertz},
    {58, 2, kClock, "memory", kMHz, kMostHertz},
    {60, 2, kClock, "video", kMHz, kMostHertz},
    {72, 2, kFan, "", 1, 100'000},
    {74, 1, kLinkWidth, "", 1, 64},
    {75, 1, kLinkSpeed, "", 1e8, 1e12},
};

// v1.1 and v1.2; v1.3 has three more.
constexpr Field kV1_3[] = {
    {4, 2, kTemperature, "edge", 1, kMostCelsius},
    {6, 2, kTemperature, "junction", 1, kMostCelsius},
    {8, 2, kTemperature, "memory", 1, kMostCelsius},
    {16, 2, kUtilization, "", kPercent, 1},
    {18, 2, kMemoryBusy, "", kPercent, 1},
    {20, 2, kVideo, "", kPercent, 1},
    {22, 2, kPower, "", 1, kMostWatts},
    {24, 8, kEnergy, "", kEnergyUnit, kAny},
    {54, 2, kClock, "graphics", kMHz, kMostHertz},
    {56, 2, kClock, "soc", kMHz, kMostHertz},
    {58, 2, kClock, "memory", kMHz, kMostHertz},
    {60, 2, kClock, "video", kMHz, kMostHertz},
    {72, 2, kFan, "", 1, 100'000},
    {74, 2, kLinkWidth, "", 1, 64},
    {76, 2, kLinkSpeed, "", 1e8, 1e12},
    {104, 2, kVoltage, "soc", 1e-3, 100},
    {106, 2, kVoltage, "graphics", 1e-3, 100},
    {108, 2, kVoltage, "memory", 1e-3, 100},
};
constexpr std::size_t kV1_3Voltages = 3;

constexpr Field kV1_4[] = {
    {4, 2, kTemperature, "junction", 1, kMostCelsius},
    {6, 2, kTemperature, "memory", 1, kMostCelsius},
    {10, 2, kPower, "", 1, kMostWatts},
    {12, 2, kUtilization, "", kPercent, 1},
    {14, 2, kMemoryBusy, "", kPercent, 1},
    {16, 2, kVideo, "", kPercent, 1},
    {24, 8, kEnergy, "", kEnergyUnit, kAny},
    {48, 2, kLinkWidth, "", 1, 64},
    {50, 2, kLinkSpeed, "", 1e8, 1e12},
    {88, 8, kReplays, "", 1, kAny},
    {240, 2, kClock, "graphics", kMHz, kMostHertz},
    {256, 2, kClock, "soc", kMHz, kMostHertz},
    {264, 2, kClock, "video", kMHz, kMostHertz},
    {280, 2, kClock, "memory", kMHz, kMostHertz},
};

constexpr Field kV1_5[] = {
    {4, 2, kTemperature, "junction", 1, kMostCelsius},
    {6, 2, kTemperature, "memory", 1, kMostCelsius},
    {10, 2, kPower, "", 1, kMostWatts},
    {12, 2, kUtilization, "", kPercent, 1},
    {14, 2, kMemoryBusy, "", kPercent, 1},
    {16, 2, kVideo, "", kPercent, 1},
    {88, 8, kEnergy, "", kEnergyUnit, kAny},
    {112, 2, kLinkWidth, "", 1, 64},
    {114, 2, kLinkSpeed, "", 1e8, 1e12},
    {152, 8, kReplays, "", 1, kAny},
    {312, 2, kClock, "graphics", kMHz, kMostHertz},
    {328, 2, kClock, "soc", kMHz, kMostHertz},
    {336, 2, kClock, "video", kMHz, kMostHertz},
    {352, 2, kClock, "memory", kMHz, kMostHertz},
};

// Of processors with a GPU in them: hundredths of degrees, milliwatts.
constexpr Field kV2_0[] = {
    {16, 2, kTemperature, "edge", 0.01, kMostCelsius},
    {18, 2, kTemperature, "soc", 0.01, kMostCelsius},
    {40, 2, kUtilization, "", kPercent, kMostMixed},
    {42, 2, kVideo, "", kPercent, kMostMixed},
    {44, 2, kPower, "", 1e-3, kMostWatts},
    {50, 2, kPower, "graphics", 1e-3, kMostWatts},
    {80, 2, kClock, "graphics", kMHz, kMostHertz},
    {82, 2, kClock, "soc", kMHz, kMostHertz},
    {84, 2, kClock, "memory", kMHz, kMostHertz},
    {86, 2, kClock, "fabric", kMHz, kMostHertz},
    {88, 2, kClock, "video", kMHz, kMostHertz},
    {116, 2, kFanRatio, "", 1.0 / 255, 1},
};

// v2.1 to v2.3; v2.4 has two more.
constexpr Field kV2_4[] = {
    {4, 2, kTemperature, "edge", 0.01, kMostCelsius},
    {6, 2, kTemperature, "soc", 0.01, kMostCelsius},
    {28, 2, kUtilization, "", kPercent, kMostMixed},
    {30, 2, kVideo, "", kPercent, kMostMixed},
    {40, 2, kPower, "", 1e-3, kMostWatts},
    {46, 2, kPower, "graphics", 1e-3, kMostWatts},
    {76, 2, kClock, "graphics", kMHz, kMostHertz},
    {78, 2, kClock, "soc", kMHz, kMostHertz},
    {80, 2, kClock, "memory", kMHz, kMostHertz},
    {82, 2, kClock, "fabric", kMHz, kMostHertz},
    {84, 2, kClock, "video", kMHz, kMostHertz},
    {112, 2, kFanRatio, "", 1.0 / 255, 1},
    {154, 2, kVoltage, "soc", 1e-3, 100},
    {156, 2, kVoltage, "graphics", 1e-3, 100},
};
constexpr std::size_t kV2_4Voltages = 2;

constexpr Field kV3_0[] = {
    {4, 2, kTemperature, "edge", 0.01, kMostCelsius},
    {6, 2, kTemperature, "soc", 0.01, kMostCelsius},
    {42, 2, kUtilization, "", kPercent, kMostMixed},
    {44, 2, kVideo, "", kPercent, kMostMixed},
    {112, 4, kPower, "", 1e-3, kMostWatts},
    {124, 4, kPower, "graphics", 1e-3, kMostWatts},
    {174, 2, kClock, "graphics", kMHz, kMostHertz},
    {176, 2, kClock, "soc", kMHz, kMostHertz},
    {182, 2, kClock, "fabric", kMHz, kMostHertz},
    {184, 2, kClock, "video", kMHz, kMostHertz},
    {186, 2, kClock, "memory", kMHz, kMostHertz},
};

constexpr absl::Span<const Field> AllBut(absl::Span<const Field> fields, std::size_t last) {
  return fields.first(fields.size() - last);
}

constexpr Layout kLayouts[] = {
    {1, 0, 80, kV1_0, 68, 0},
    {1, 1, 96, AllBut(kV1_3, kV1_3Voltages), 68, 0},
    {1, 2, 104, AllBut(kV1_3, kV1_3Voltages), 68, 0},
    {1, 3, 120, kV1_3, 68, 112},
    {1, 4, 288, kV1_4, 40, 0},
    {1, 5, 360, kV1_5, 104, 0},
    {2, 0, 120, kV2_0, 112, 0},
    {2, 1, 120, AllBut(kV2_4, kV2_4Voltages), 108, 0},
    {2, 2, 128, AllBut(kV2_4, kV2_4Voltages), 108, 120},
    {2, 3, 152, AllBut(kV2_4, kV2_4Voltages), 108, 120},
    {2, 4, 168, kV2_4, 108, 120},
    {3, 0, 264, kV3_0, 0, 0},
};

// Bits of the throttle status that is the same on all devices.
struct ThrottleReason {
  const char* label;
  std::uint64_t bits;
};
constexpr ThrottleReason kReasons[] = {
    {"power", 0xffull},
    {"current", 0xffull << 16},
    {"temperature", 0xffffull << 32},
};

std::uint64_t Load(absl::string_view bytes, std::size_t offset, std::size_t size) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + offset, size);
  return value;
}

bool AllOnes(std::uint64_t value, std::size_t size) {
  return value == (~std::uint64_t{0} >> (64 - 8 * size));
}

Reading Read(absl::string_view bytes, const Field& field) {
  const std::uint64_t raw = Load(bytes, field.offset, field.bytes);
  if (AllOnes(raw, field.bytes)) return Reading::Absent(proto::ABSENCE_UNSUPPORTED);
  double value = static_cast<double>(raw) * field.unit;
  if (value > field.most) return Reading::Absent(proto::ABSENCE_NONSENSE);
  // Some processors count percents, others hundredths of them.
  if (field.most == kMostMixed && value > 1) value *= kPercent;
  return Reading::Of(value);
}

}  // namespace

std::optional<std::vector<GpuMetric>> ParseGpuMetrics(absl::string_view bytes) {
  constexpr std::size_t kHeaderBytes = 4;
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const std::uint64_t size = Load(bytes, 0, 2);
  const std::uint64_t format = Load(bytes, 2, 1);
  const std::uint64_t content = Load(bytes, 3, 1);
  for (const Layout& layout : kLayouts) {
    if (layout.format != format || layout.content != content) continue;
    if (size != layout.size || bytes.size() < layout.size) return std::nullopt;
    std::vector<GpuMetric> metrics;
    for (const Field& field : layout.fields) {
      metrics.push_back({field.metric, field.label, Read(bytes, field)});
    }
    if (layout.throttle_offset != 0) {
      const std::uint64_t status = Load(bytes, layout.throttle_offset, 4);
      metrics.push_back({proto::METRIC_THROTTLE_ACTIVE, "any",
                         AllOnes(status, 4) ? Reading::Absent(proto::ABSENCE_UNSUPPORTED)
                                            : Reading::Of(status != 0 ? 1 : 0)});
    }
    if (layout.indep_throttle_offset != 0) {
      const std::uint64_t status = Load(bytes, layout.indep_throttle_offset, 8);
      for (const ThrottleReason& reason : kReasons) {
        metrics.push_back({proto::METRIC_THROTTLE_ACTIVE, reason.label,
                           AllOnes(status, 8) ? Reading::Absent(proto::ABSENCE_UNSUPPORTED)
                                              : Reading::Of((status & reason.bits) != 0 ? 1 : 0)});
      }
    }
    return metrics;
  }
  return std::nullopt;
}

}  // namespace amdgpu::telemetry
