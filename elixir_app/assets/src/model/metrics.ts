// What the values of a frame mean to the charts: which column of the history they fill, and how their absence is told.
import { Absence, Metric } from "../../gen/telemetry_pb";

/** Columns of the history by metric; those of labelled metrics are followed by "." and the label. */
export const COLUMN: Partial<Record<Metric, string>> = {
  [Metric.UTILIZATION_RATIO]: "utilization",
  [Metric.MEMORY_BUSY_RATIO]: "memory_busy",
  [Metric.MEMORY_USED_BYTES]: "memory_used",
  [Metric.MEMORY_TOTAL_BYTES]: "memory_total",
  [Metric.GTT_USED_BYTES]: "gtt_used",
  [Metric.POWER_WATTS]: "power",
  [Metric.POWER_LIMIT_WATTS]: "power_limit",
  [Metric.TEMPERATURE_CELSIUS]: "temperature",
  [Metric.CLOCK_HERTZ]: "clock",
  [Metric.FAN_RPM]: "fan",
  [Metric.FAN_RATIO]: "fan_ratio",
  [Metric.PCIE_TX_BYTES_PER_SECOND]: "pcie_tx",
  [Metric.PCIE_RX_BYTES_PER_SECOND]: "pcie_rx",
  [Metric.THROTTLE_ACTIVE]: "throttle",
  [Metric.ERRORS_TOTAL]: "errors",
  [Metric.HOST_LOAD]: "load",
};

/** Counters that are drawn as rates: they fill the column of their rate. */
export const COUNTER: Partial<Record<Metric, string>> = {
  [Metric.PCIE_TX_BYTES_TOTAL]: "pcie_tx",
  [Metric.PCIE_RX_BYTES_TOTAL]: "pcie_rx",
};

export function absenceText(absence: Absence): string {
  switch (absence) {
    case Absence.NONE:
      return "present";
    case Absence.UNSUPPORTED:
      return "this device has no such thing";
    case Absence.MISSING:
      return "no source for it found";
    case Absence.FORBIDDEN:
      return "this user may not read it";
    case Absence.SLEEPING:
      return "the device sleeps";
    case Absence.NONSENSE:
      return "what was answered cannot be";
    case Absence.FAILED:
      return "reading it failed";
    case Absence.PENDING:
      return "not read yet";
    case Absence.NO_WORKER:
      return "the device has no worker now";
    default:
      return "unknown reason";
  }
}

export const CORE_CLASSES = ["aura", "matrix", "neuromorphic"] as const;
export type CoreClassName = (typeof CORE_CLASSES)[number];

export function coreClassName(number: number): CoreClassName | "" {
  return CORE_CLASSES[number - 1] ?? "";
}

/** absl::StatusCode in words. */
export function statusText(code: number): string {
  const names = ["OK", "cancelled", "unknown error", "invalid argument", "timed out", "not found", "already exists", "permission denied", "out of memory", "failed precondition", "aborted", "out of range", "unimplemented", "internal error", "device lost", "data loss"];
  return names[code] ?? `error ${code}`;
}
