// The alerts of the dashboard: which values are watched, and from where on.
import { Event_Kind } from "../../gen/telemetry_pb";
import { Alerts, type Rule, type Severity } from "./alerts";
import type { DeviceState, Store } from "./store";
import { digits, integer, text } from "./units";

const percent = (value: number) => text(value, "ratio");

function rule(id: string, title: string, severity: Severity, raise: number, clear: number, hold: number, write: (value: number) => string): Rule {
  return { id, title, severity, raise, clear, hold, text: write };
}

export const RULES = {
  hot: rule("hot", "Temperature is high", "warning", 85, 80, 2, (v) => text(v, "celsius")),
  veryHot: rule("very-hot", "Temperature is critical", "critical", 100, 92, 1, (v) => text(v, "celsius")),
  memory: rule("memory", "Device memory is nearly full", "warning", 0.92, 0.85, 2, percent),
  power: rule("power", "Power is at its limit", "warning", 0.98, 0.92, 5, percent),
  fragmented: rule("fragmented", "Free memory of the pool is in pieces", "warning", 0.6, 0.45, 5, percent),
  throttled: rule("throttled", "Device is held back", "warning", 1, 0, 1, () => "active"),
  failing: rule("failing", "Launches fail", "critical", 1, 0, 0, (v) => `${integer(v)} in 10 s`),
  lost: rule("lost", "Telemetry records were lost", "warning", 1, 0, 0, (v) => `${integer(v)} in 10 s`),
  absent: rule("absent", "Device has no worker", "critical", 1, 0, 0.5, () => "down"),
  late: rule("late", "The screen is behind", "warning", 100, 50, 3, (v) => `${digits(v)} ms`),
} as const;

const LOST = rule("device-lost", "Device was lost", "critical", 1, 0, 0, () => "");
const NO_MEMORY = rule("out-of-memory", "Out of device memory", "critical", 1, 0, 0, () => "");
const SLOWED = rule("probe-slowed", "A sensor takes too long", "warning", 1, 0, 0, () => "");
const RUNTIME = rule("runtime-lost", "The runtime has ended", "critical", 1, 0, 0, () => "");

/** How much a counter grew within the last ten seconds. */
class Growth {
  private readonly marks: [number, number][] = [];
  add(time: number, total: number): number {
    this.marks.push([time, total]);
    while (this.marks.length > 1 && this.marks[0]![0] < time - 10) this.marks.shift();
    return total - this.marks[0]![1];
  }
}

export class Watch {
  readonly alerts = new Alerts();
  private readonly growth = new Map<string, Growth>();
  private generation = -1;
  private eventsSeen = -Infinity;

  constructor(private readonly store: Store) {}

  /** A few times a second. `late`: milliseconds from the sample to the screen, NaN if nobody knows. */
  check(late: number): void {
    const { store, alerts } = this;
    const time = store.now / 1000;
    if (store.frame === null) return;
    if (store.generation !== this.generation) {
      this.generation = store.generation;
      this.growth.clear();
    }
    for (const device of store.devices.values()) this.checkDevice(device, time);
    for (const kernel of store.kernels.values()) {
      if (kernel.failed > 0) alerts.check(RULES.failing, kernel.name, this.grown(`failed ${kernel.id}`, time, kernel.failed), time);
    }
    alerts.check(RULES.lost, "pipeline", this.grown("lost", time, Number(store.frame.pipeline?.recordsLostTotal ?? 0n)), time);
    alerts.check(RULES.late, "this page", late, time);
    this.takeEvents();
  }

  private grown(key: string, time: number, total: number): number {
    let growth = this.growth.get(key);
    if (growth === undefined) this.growth.set(key, (growth = new Growth()));
    return growth.add(time, total);
  }

  private checkDevice(device: DeviceState, time: number): void {
    const { alerts, store } = this;
    const { history } = device;
    const name = store.deviceName(device.number);
    for (const column of history.names) {
      if (column.startsWith("temperature")) {
        const subject = `${name} ${column.slice(12)}`.trim();
        alerts.check(RULES.hot, subject, history.latest(column), time);
        alerts.check(RULES.veryHot, subject, history.latest(column), time);
      } else if (column.startsWith("throttle")) {
        alerts.check(RULES.throttled, `${name} ${column.slice(9)}`.trim(), history.latest(column), time);
      }
    }
    alerts.check(RULES.memory, name, history.latest("memory_used") / history.latest("memory_total"), time);
    alerts.check(RULES.power, name, history.latest("power") / history.latest("power_limit"), time);
    const pool = device.sample.pool;
    const worthIt = pool !== undefined && Number(pool.reservedBytes - pool.usedBytes) > 16 * 2 ** 20;
    alerts.check(RULES.fragmented, name, worthIt ? pool.fragmentationRatio : 0, time);
    alerts.check(RULES.absent, name, device.sample.worker?.pid ? 0 : 1, time);
  }

  private takeEvents(): void {
    let newest = this.eventsSeen;
    for (const event of this.store.events) {
      if (event.time <= this.eventsSeen) break;
      newest = Math.max(newest, event.time);
      const known = event.kind === Event_Kind.DEVICE_LOST ? LOST : event.kind === Event_Kind.OUT_OF_MEMORY ? NO_MEMORY : event.kind === Event_Kind.PROBE_SLOWED ? SLOWED : null;
      if (known === null) continue;
      const what = event.kind === Event_Kind.OUT_OF_MEMORY ? `${text(event.bytes, "bytes")} asked for` : event.message;
      this.alerts.note(known, `${this.store.deviceName(event.device)}${what === "" ? "" : `: ${what}`}`, event.time / 1000);
    }
    this.eventsSeen = newest;
  }

  runtimeEnded(message: string): void {
    this.alerts.note(RUNTIME, message, this.store.now / 1000);
  }

  reset(): void {
    this.alerts.reset();
    this.growth.clear();
    this.eventsSeen = -Infinity;
  }
}
