import { describe, expect, it } from "vitest";
import { Absence, Compile_Origin, CoreClass, Event_Kind } from "../../gen/telemetry_pb";
import { chartsCsv, field } from "../../src/export/csv";
import { traceEvents, traceJson } from "../../src/export/trace";
import { Watch } from "../../src/model/rules";
import { Store } from "../../src/model/store";
import { encode, frameAt, SECOND } from "./frames";

const BOOT = 5000n * SECOND;

function kernel(launches: bigint, bytes: bigint, interval = 1n) {
  return { kernel: 3, name: "show<script>", device: 1, coreClass: CoreClass.MATRIX, work: { launchesTotal: launches, busyNsTotal: launches * 1000n, bytesTotal: bytes, intervalLaunches: interval, occupancy: 0.5, p50Ns: 900n, p99Ns: 1100n, bytesPerSecond: 1e9 } };
}

describe("Store", () => {
  it("takes frames in order, once, and counts those that did not come", () => {
    const store = new Store();
    expect(store.ingest(encode(frameAt(10)))).toBe(true);
    expect(store.ingest(encode(frameAt(10)))).toBe(false);
    expect(store.ingest(encode(frameAt(9)))).toBe(false);
    expect(store.ingest(encode(frameAt(14)))).toBe(true);
    expect(store.skipped).toBe(3);
    expect(store.frames).toBe(2);
    expect(store.ingest(new Uint8Array([255, 255, 1]))).toBe(false);
    expect(store.frame?.sequence).toBe(14n);
  });

  it("an absent value is absent with its reason, and no zero", () => {
    const store = new Store();
    store.ingest(encode(frameAt(1)));
    const device = store.devices.get(1)!;
    expect(device.history.latest("utilization")).toBe(0.5);
    expect(device.history.latest("temperature.edge")).toBe(61);
    expect(device.history.latest("power")).toBeNaN();
    expect(device.history.has("power")).toBe(false);
    expect(device.absent.get("power")).toBe(Absence.FORBIDDEN);
    expect(device.history.has("kernel_bytes")).toBe(false);
  });

  it("times are those of the machine", () => {
    const store = new Store();
    store.ingest(encode(frameAt(1)));
    store.ingest(encode(frameAt(61)));
    expect(store.now).toBeCloseTo(1000, 3);
    expect(store.unixMs(store.now)).toBeCloseTo(1_700_000_000_000 + 61_000 / 60, 2);
    expect(store.unixMs(store.now) - store.sampledUnixMs).toBeCloseTo(1, 3);
    expect(store.now / 1000 - store.devices.get(1)!.workerSince!).toBeCloseTo(90, 3);
  });

  it("rates count what kernels did since they were first seen, not before", () => {
    const store = new Store();
    store.ingest(encode(frameAt(1)));
    // A kernel with a long past, and then a steady 600 bytes a frame.
    for (let n = 2; n < 62; n++) store.ingest(encode(frameAt(n, { kernels: [kernel(1000n + BigInt(n), 10n ** 12n + 600n * BigInt(n))] })));
    const rate = store.devices.get(1)!.history.latest("kernel_bytes");
    expect(rate).toBeGreaterThan(30_000);
    expect(rate).toBeLessThan(40_000);
    expect(store.kernels.get(3)).toMatchObject({ name: "show<script>", coreClass: "matrix", launches: 1061, p99: 1100 });
  });

  it("launches, copies, owners and compiles find their way", () => {
    const store = new Store();
    store.ingest(
      encode(
        frameAt(1, {
          owners: [{ owner: 9n, process: "<0.5.0>", name: "trainer" }],
          kernels: [kernel(1n, 100n)],
          launches: [{ device: 1, ticket: 5n, kernel: 3, stream: 2, owner: 9n, label: "<img>", queuedNs: BOOT, startedNs: BOOT + 1_000_000n, endedNs: BOOT + 3_000_000n, grid: [4, 1, 1], block: [8, 1, 1], occupancy: 0.5 }],
          copies: [{ device: 1, ticket: 6n, stream: 0, direction: 2, bytes: 64n, startedNs: BOOT, endedNs: BOOT + 1000n }],
          compiles: [{ device: 1, kernel: "k", owner: 9n, startedNs: BOOT, endedNs: BOOT + 5_000_000n, origin: Compile_Origin.COMPILED, status: 3, message: "a.hip:1:2: error: no" }],
        }),
      ),
    );
    const launch = store.launches.get(0);
    expect(launch).toMatchObject({ kernel: 3, stream: 2, label: "<img>", kind: 0, grid: [4, 1, 1] });
    expect(launch.ended - launch.started).toBeCloseTo(2, 6);
    expect(store.ownerName(launch.owner)).toBe("trainer <0.5.0>");
    expect(store.launches.get(1)).toMatchObject({ kind: 2, bytes: 64 });
    expect(store.compiles[0]).toMatchObject({ kernel: "k", status: 3, origin: "compiled", message: "a.hip:1:2: error: no", durationNs: 5_000_000 });
    expect(store.owners[0]!.launches).toBe(1);
  });

  it("a replay that goes back begins anew, and a frame that is a little old is left out", () => {
    const store = new Store();
    const ingest = (n: number) => store.ingest(encode(frameAt(n)));
    ingest(300);
    expect(ingest(299)).toBe(false);
    expect(ingest(10)).toBe(true);
    expect(store.frame?.sequence).toBe(10n);
    expect(ingest(11)).toBe(true);
    expect(store.skipped).toBe(0);
  });

  it("another runtime begins anew, with a sequence of its own", () => {
    const store = new Store();
    store.ingest(encode(frameAt(500, { kernels: [kernel(9n, 9n)] })));
    const generation = store.generation;
    expect(store.ingest(encode(frameAt(3, { runtime: { pid: 43, startedNs: BOOT } })))).toBe(true);
    expect(store.kernels.size).toBe(0);
    expect(store.skipped).toBe(0);
    expect(store.generation).toBeGreaterThan(generation);
  });

  it("a device that was closed is gone; blocks stay until others come", () => {
    const store = new Store();
    const pool = { reservedBytes: 1024n, usedBytes: 256n, regions: [{ offset: 0n, bytes: 1024n }], blocks: [{ offset: 0n, bytes: 256n, owner: 9n, block: 7n }] };
    const withPool = (n: number, blocks: boolean) => frameAt(n, { devices: [{ device: 1, kind: "host", worker: { pid: 1 }, pool: blocks ? pool : { reservedBytes: 1024n, usedBytes: 256n } }] });
    store.ingest(encode(withPool(1, true)));
    store.ingest(encode(withPool(2, false)));
    expect(store.devices.get(1)?.pool?.blocks.map((block) => block.block)).toEqual([7n]);
    store.ingest(encode(frameAt(62, { devices: [] })));
    expect(store.devices.size).toBe(0);
  });

  it("is bounded, whatever comes", () => {
    const store = new Store();
    for (let n = 1; n < 400; n++) {
      store.ingest(
        encode(
          frameAt(n, {
            compiles: [{ kernel: `k${n}`, startedNs: BOOT, endedNs: BOOT }],
            events: [{ kind: Event_Kind.POOL_GREW, device: 1, timeNs: BOOT + BigInt(n) }],
          }),
        ),
      );
    }
    expect(store.compiles.length).toBe(200);
    expect(store.events.length).toBe(200);
    expect(store.compiles[0]!.kernel).toBe("k399");
  });
});

describe("Watch", () => {
  it("tells of a device without a worker, of one that was lost, and of heat", () => {
    const store = new Store();
    const watch = new Watch(store);
    const hot = (n: number, celsius: number, pid: number) => {
      const frame = frameAt(n);
      const device = { ...(frame.devices![0] as object), worker: { pid }, values: [{ metric: 10, label: "edge", value: celsius }] };
      return { ...frame, devices: [device] };
    };
    for (let n = 1; n < 300; n++) {
      store.ingest(encode(hot(n, 90, 7)));
      watch.check(5);
    }
    expect(watch.alerts.active.map((alert) => `${alert.rule.id} ${alert.subject}`)).toEqual(["hot host:0 edge"]);
    store.ingest(encode({ ...hot(300, 40, 0), events: [{ kind: Event_Kind.DEVICE_LOST, device: 1, timeNs: BOOT + 5n * SECOND, message: "SIGSEGV <b>" }] }));
    watch.check(5);
    expect(watch.alerts.log[0]!.subject).toBe("host:0: SIGSEGV <b>");
    for (let n = 301; n < 500; n++) {
      store.ingest(encode(hot(n, 40, 0)));
      watch.check(5);
    }
    expect(watch.alerts.active.map((alert) => alert.rule.id)).toEqual(["absent"]);
    // The event is told once.
    expect(watch.alerts.log.filter((alert) => alert.rule.id === "device-lost").length).toBe(1);
  });
});

describe("exports", () => {
  it("the trace has the launches, in microseconds, and opens as JSON whatever things are called", () => {
    const store = new Store();
    store.ingest(encode(frameAt(1, { kernels: [kernel(1n, 1n)], launches: [{ device: 1, ticket: 5n, kernel: 3, stream: 2, label: '"</script>', startedNs: BOOT + 1_000_000n, endedNs: BOOT + 3_500_000n, grid: [4], block: [8] }] })));
    const events = traceEvents(store, 10);
    const launch = events.find((event) => event.ph === "X")!;
    expect(launch).toMatchObject({ name: "show<script>", pid: 1, tid: 2, dur: 2500 });
    expect(events.some((event) => event.ph === "C" && event.name === "utilisation")).toBe(true);
    const parsed = JSON.parse(traceJson(store, 10)) as { traceEvents: unknown[] };
    expect(parsed.traceEvents.length).toBe(events.length);
  });

  it("the table has empty fields where nothing was measured, and no formulas", () => {
    const store = new Store();
    store.ingest(encode(frameAt(1)));
    store.ingest(encode(frameAt(2)));
    const lines = chartsCsv(store, 10).trim().split("\r\n");
    expect(lines.length).toBe(3);
    const header = lines[0]!.split(",");
    const cells = lines[2]!.split(",");
    expect(cells.length).toBe(header.length);
    expect(cells[header.indexOf("utilization")]).toBe("0.5");
    expect(cells[header.indexOf("kernel_bytes")] ?? "").toBe("");
    expect(field("=1+1")).toBe("'=1+1");
    expect(field('a"b,c')).toBe('"a""b,c"');
  });
});
