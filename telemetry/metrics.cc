#include "telemetry/metrics.h"

#include <algorithm>

namespace amdgpu::telemetry {
namespace {

constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kCounter = MetricType::kCounter;

constexpr MetricInfo kMetrics[] = {
    {proto::METRIC_UTILIZATION_RATIO, "gpu_utilization_ratio", "ratio", kGauge, "",
     "Share of the time in which the device was busy."},
    {proto::METRIC_MEMORY_BUSY_RATIO, "gpu_memory_busy_ratio", "ratio", kGauge, "",
     "Share of the time in which the device's memory was busy."},
    {proto::METRIC_MEMORY_USED_BYTES, "gpu_memory_used_bytes", "bytes", kGauge, "",
     "Device memory in use, by all processes."},
    {proto::METRIC_MEMORY_TOTAL_BYTES, "gpu_memory_total_bytes", "bytes", kGauge, "",
     "Device memory there is."},
    {proto::METRIC_GTT_USED_BYTES, "gpu_gtt_used_bytes", "bytes", kGauge, "",
     "Host memory that the device has mapped and uses."},
    {proto::METRIC_GTT_TOTAL_BYTES, "gpu_gtt_total_bytes", "bytes", kGauge, "",
     "Host memory that the device may map."},
    {proto::METRIC_POWER_WATTS, "gpu_power_watts", "watts", kGauge, "domain", "Power drawn."},
    {proto::METRIC_POWER_LIMIT_WATTS, "gpu_power_limit_watts", "watts", kGauge, "domain",
     "Power that may be drawn."},
    {proto::METRIC_ENERGY_JOULES_TOTAL, "gpu_energy_joules_total", "joules", kCounter, "domain",
     "Energy drawn."},
    {proto::METRIC_TEMPERATURE_CELSIUS, "gpu_temperature_celsius", "celsius", kGauge, "sensor",
     "Temperature."},
    {proto::METRIC_CLOCK_HERTZ, "gpu_clock_hertz", "hertz", kGauge, "domain", "Clock rate."},
    {proto::METRIC_FAN_RPM, "gpu_fan_rpm", "", kGauge, "fan", "Turns of a fan in a minute."},
    {proto::METRIC_FAN_RATIO, "gpu_fan_ratio", "ratio", kGauge, "fan",
     "Speed of a fan, of its highest."},
    {proto::METRIC_VOLTAGE_VOLTS, "gpu_voltage_volts", "volts", kGauge, "rail", "Voltage."},
    {proto::METRIC_PCIE_TX_BYTES_TOTAL, "gpu_pcie_tx_bytes_total", "bytes", kCounter, "",
     "Bytes that the device sent over PCI Express."},
    {proto::METRIC_PCIE_RX_BYTES_TOTAL, "gpu_pcie_rx_bytes_total", "bytes", kCounter, "",
     "Bytes that the device received over PCI Express."},
    {proto::METRIC_PCIE_LINK_WIDTH_LANES, "gpu_pcie_link_width_lanes", "lanes", kGauge, "",
     "Lanes of the PCI Express link."},
    {proto::METRIC_PCIE_LINK_TRANSFERS_PER_SECOND, "gpu_pcie_link_transfers_per_second", "", kGauge,
     "", "Transfers a second of one lane of the PCI Express link."},
    {proto::METRIC_PCIE_REPLAYS_TOTAL, "gpu_pcie_replays_total", "", kCounter, "",
     "Packets that were sent again over PCI Express."},
    {proto::METRIC_THROTTLE_ACTIVE, "gpu_throttle_active", "", kGauge, "reason",
     "1 while the device is held back for this reason."},
    {proto::METRIC_ERRORS_TOTAL, "gpu_errors_total", "", kCounter, "error",
     "Memory and bus errors by block and type."},
    {proto::METRIC_PROCESS_MEMORY_BYTES, "gpu_process_memory_bytes", "bytes", kGauge, "pid",
     "Device memory of a process."},
    {proto::METRIC_PROCESS_UTILIZATION_RATIO, "gpu_process_utilization_ratio", "ratio", kGauge,
     "pid", "Share of the time in which the device was busy for a process."},
    {proto::METRIC_ENCODER_RATIO, "gpu_encoder_ratio", "ratio", kGauge, "",
     "Share of the time in which the video encoder was busy."},
    {proto::METRIC_DECODER_RATIO, "gpu_decoder_ratio", "ratio", kGauge, "",
     "Share of the time in which the video decoder was busy."},
    {proto::METRIC_PCIE_TX_BYTES_PER_SECOND, "gpu_pcie_tx_bytes_per_second", "", kGauge, "",
     "Bytes a second that the device sends over PCI Express."},
    {proto::METRIC_PCIE_RX_BYTES_PER_SECOND, "gpu_pcie_rx_bytes_per_second", "", kGauge, "",
     "Bytes a second that the device receives over PCI Express."},
    {proto::METRIC_HOST_MEMORY_AVAILABLE_BYTES, "gpu_host_memory_available_bytes", "bytes", kGauge,
     "", "Memory of the machine that could be had without swapping."},
    {proto::METRIC_HOST_SWAP_USED_BYTES, "gpu_host_swap_used_bytes", "bytes", kGauge, "",
     "Swap space in use."},
    {proto::METRIC_HOST_LOAD, "gpu_host_load", "", kGauge, "over",
     "Runnable threads of the machine, averaged."},
};

}  // namespace

absl::Span<const MetricInfo> Metrics() { return kMetrics; }

const MetricInfo* FindMetric(proto::Metric metric) {
  const auto* const found =
      std::find_if(std::begin(kMetrics), std::end(kMetrics),
                   [metric](const MetricInfo& info) { return info.metric == metric; });
  return found == std::end(kMetrics) ? nullptr : found;
}

absl::string_view CoreClassName(proto::CoreClass core_class) {
  switch (core_class) {
    case proto::CORE_CLASS_AURA:
      return "aura";
    case proto::CORE_CLASS_MATRIX:
      return "matrix";
    case proto::CORE_CLASS_NEUROMORPHIC:
      return "neuromorphic";
    default:
      return "";
  }
}

proto::CoreClass CoreClassOf(absl::string_view name) {
  for (const proto::CoreClass known :
       {proto::CORE_CLASS_AURA, proto::CORE_CLASS_MATRIX, proto::CORE_CLASS_NEUROMORPHIC}) {
    if (name == CoreClassName(known)) return known;
  }
  return proto::CORE_CLASS_UNSPECIFIED;
}

absl::string_view AbsenceName(proto::Absence absence) {
  switch (absence) {
    case proto::ABSENCE_NONE:
      return "present";
    case proto::ABSENCE_UNSUPPORTED:
      return "unsupported";
    case proto::ABSENCE_MISSING:
      return "missing";
    case proto::ABSENCE_FORBIDDEN:
      return "forbidden";
    case proto::ABSENCE_SLEEPING:
      return "sleeping";
    case proto::ABSENCE_NONSENSE:
      return "nonsense";
    case proto::ABSENCE_FAILED:
      return "failed";
    case proto::ABSENCE_PENDING:
      return "pending";
    case proto::ABSENCE_NO_WORKER:
      return "no_worker";
    default:
      return "unknown";
  }
}

}  // namespace amdgpu::telemetry
