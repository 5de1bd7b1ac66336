// What the page holds as a trace that ui.perfetto.dev and chrome://tracing open: the JSON of Chrome's trace events.
import { KIND_LAUNCH } from "../model/launches";
import type { Store } from "../model/store";
import { shapeText } from "../model/units";

interface TraceEvent {
  ph: "X" | "M" | "C";
  name: string;
  pid: number;
  tid?: number;
  /** Microseconds. */
  ts?: number;
  dur?: number;
  cat?: string;
  args?: Record<string, string | number>;
}

const COPIES = ["", "copy in", "copy out", "copy within", "fill"];
const COUNTERS: readonly [column: string, name: string][] = [
  ["utilization", "utilisation"],
  ["memory_used", "device memory, bytes"],
  ["pool_used", "pool used, bytes"],
  ["pool_reserved", "pool reserved, bytes"],
  ["kernel_bytes", "kernels, bytes/s"],
  ["launches", "launches/s"],
];

/** A device is a process of the trace, a stream a thread of it. */
export function traceEvents(store: Store, seconds: number): TraceEvent[] {
  const events: TraceEvent[] = [];
  const ring = store.launches;
  for (const device of store.devices.values()) {
    events.push({ ph: "M", name: "process_name", pid: device.number, args: { name: `${store.deviceName(device.number)} ${device.sample.name}` } });
  }
  for (const lane of ring.lanes) {
    events.push({ ph: "M", name: "thread_name", pid: lane.device, tid: lane.stream, args: { name: `stream ${lane.stream}` } });
  }
  for (let n = ring.first; n < ring.total; n++) {
    const entry = ring.get(n);
    const args: Record<string, string | number> = { ticket: entry.ticket, owner: store.ownerName(entry.owner), "waited, µs": micro(entry.started - entry.queued) };
    if (entry.kind === KIND_LAUNCH) {
      args["grid"] = shapeText(entry.grid);
      args["block"] = shapeText(entry.block);
      args["occupancy"] = Number(entry.occupancy.toFixed(3));
    }
    if (entry.bytes > 0) args["bytes"] = entry.bytes;
    if (entry.flops > 0) args["flops"] = entry.flops;
    if (entry.label !== "") args["label"] = entry.label;
    if (entry.status !== 0) args["status"] = entry.status;
    const launch = entry.kind === KIND_LAUNCH;
    events.push({ ph: "X", cat: launch ? "kernel" : "copy", name: launch ? store.kernelName(entry.kernel) : (COPIES[entry.kind] ?? "copy"), pid: entry.device, tid: entry.stream, ts: micro(entry.started), dur: micro(entry.ended - entry.started), args });
  }
  for (const device of store.devices.values()) {
    const view = device.history.view(seconds);
    for (const [column, name] of COUNTERS) {
      const values = view.column(column);
      if (values === null) continue;
      for (let i = view.begin; i < view.end; i++) {
        const value = values[i]!;
        if (value === value) events.push({ ph: "C", name, pid: device.number, ts: micro(view.time[i]! * 1000), args: { value } });
      }
    }
  }
  return events;
}

function micro(ms: number): number {
  return Math.round(ms * 1e6) / 1e3;
}

export function traceJson(store: Store, seconds: number): string {
  return JSON.stringify({ displayTimeUnit: "ns", traceEvents: traceEvents(store, seconds) });
}
