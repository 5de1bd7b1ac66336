// All that the panels show: frames go in, in order, and the present and a bounded past come out.
import { fromBinary } from "@bufbuild/protobuf";
import { Absence, Event_Kind, FrameSchema, type DeviceSample, type Frame, type Pool } from "../../gen/telemetry_pb";
import { History, Rate } from "./history";
import { LaunchRing } from "./launches";
import { COLUMN, COUNTER, CORE_CLASSES, coreClassName } from "./metrics";

export interface DeviceState {
  readonly number: number;
  sample: DeviceSample;
  readonly history: History;
  /** Columns that were absent in the latest frame, and why. */
  readonly absent: Map<string, Absence>;
  /** In seconds: when its worker started. */
  workerSince: number | null;
  /** The latest that came with blocks, which they do now and then. */
  pool: Pool | null;
  /** What its kernels have moved and computed while this page looked. */
  kernelBytes: number;
  kernelFlops: number;
}

export interface KernelState {
  readonly id: number;
  readonly name: string;
  readonly coreClass: string;
  readonly device: number;
  launches: number;
  failed: number;
  queued: number;
  busyNs: number;
  waitNs: number;
  bytes: number;
  flops: number;
  p50: number;
  p99: number;
  /** NaN as long as no launch has said what it reads, writes or computes. */
  bandwidth: number;
  compute: number;
  occupancy: number;
  /** Store time in seconds of its last launch. */
  seen: number;
}

export interface OwnerState {
  readonly index: number;
  readonly process: string;
  name: string;
  ended: boolean;
  bytes: number;
  buffers: number;
  /** Seen by this page. */
  launches: number;
  seen: number;
}

export interface CompileState {
  readonly time: number;
  readonly kernel: string;
  readonly device: number;
  readonly owner: number;
  readonly durationNs: number;
  readonly origin: "memory" | "disk" | "compiled" | "";
  readonly status: number;
  readonly specialisation: boolean;
  readonly message: string;
}

export interface EventState {
  readonly time: number;
  readonly kind: Event_Kind;
  readonly device: number;
  readonly message: string;
  readonly bytes: number;
}

export interface ActiveState {
  readonly device: number;
  readonly stream: number;
  readonly kernel: number;
  readonly owner: number;
  readonly label: string;
  /** Milliseconds since the epoch. */
  readonly queued: number;
  readonly first: boolean;
}

export interface ClassState {
  readonly name: string;
  launches: number;
  failed: number;
  queued: number;
  busy: number;
  launchRate: number;
  bandwidth: number;
  compute: number;
  occupancy: number;
  p50: number;
  p99: number;
}

const KEPT_COMPILES = 200;
const KEPT_EVENTS = 200;
/** A running system's frames never go back so far: a replay has begun, or begins again. */
const BACK_NS = 500_000_000n;

export class Store {
  /** The latest frame. */
  frame: Frame | null = null;
  readonly devices = new Map<number, DeviceState>();
  /** Busy ratios of the core classes: columns by their names. */
  readonly classHistory = new History();
  readonly classes: ClassState[] = CORE_CLASSES.map((name) => ({ name, launches: 0, failed: 0, queued: 0, busy: NaN, launchRate: NaN, bandwidth: NaN, compute: NaN, occupancy: NaN, p50: 0, p99: 0 }));
  readonly launches = new LaunchRing();
  active: ActiveState[] = [];
  readonly kernels = new Map<number, KernelState>();
  readonly owners: OwnerState[] = [];
  readonly compiles: CompileState[] = [];
  readonly events: EventState[] = [];

  frames = 0;
  /** Frames of the runtime that did not come here: a lower rate was asked for, or they were too many. */
  skipped = 0;
  omitted = 0;
  bytes = 0;
  /** Grows when the set of devices changes, or all begins anew. */
  generation = 0;

  private sequence = 0;
  private runtime = "";
  private epochNs = 0n;
  private unixOffsetMs = 0;
  private readonly ownerOf = new Map<bigint, OwnerState>();
  private readonly rates = new Map<string, Rate>();

  /** Takes in an encoded frame. False if it is none, or older than the present. */
  ingest(bytes: Uint8Array): boolean {
    let frame: Frame;
    try {
      frame = fromBinary(FrameSchema, bytes);
    } catch {
      return false;
    }
    this.bytes = bytes.length;
    return this.take(frame);
  }

  take(frame: Frame): boolean {
    const runtime = `${frame.runtime?.pid ?? 0}/${frame.runtime?.startedNs ?? 0n}`;
    const back = this.frame !== null && this.frame.timeNs - frame.timeNs > BACK_NS;
    if (runtime !== this.runtime || back) this.begin(runtime, frame);
    const sequence = Number(frame.sequence);
    if (sequence <= this.sequence) return false;
    if (this.sequence !== 0) this.skipped += sequence - this.sequence - 1;
    this.sequence = sequence;
    this.frames++;
    this.frame = frame;
    this.unixOffsetMs = Number(frame.unixNs) / 1e6 - this.ms(frame.timeNs);
    const time = this.seconds(frame.timeNs);
    this.takeOwners(frame, time);
    this.takeKernels(frame, time);
    this.takeDevices(frame, time);
    this.takeWork(frame, time);
    this.takeClasses(frame, time);
    this.takeEvents(frame);
    return true;
  }

  private begin(runtime: string, frame: Frame): void {
    this.clear();
    this.runtime = runtime;
    this.epochNs = frame.timeNs;
  }

  clear(): void {
    this.frame = null;
    this.sequence = 0;
    this.runtime = "";
    this.devices.clear();
    this.classHistory.clear();
    this.launches.clear();
    this.active = [];
    this.kernels.clear();
    this.owners.length = 0;
    this.ownerOf.clear();
    this.rates.clear();
    this.compiles.length = 0;
    this.events.length = 0;
    this.skipped = this.omitted = 0;
    this.generation++;
  }

  /** Milliseconds since the first frame of this runtime. */
  ms(ns: bigint): number {
    return Number(ns - this.epochNs) / 1e6;
  }
  seconds(ns: bigint): number {
    return this.ms(ns) / 1e3;
  }
  /** The wall clock's milliseconds of a store time in milliseconds. */
  unixMs(ms: number): number {
    return ms + this.unixOffsetMs;
  }
  /** Store time of the latest frame, in milliseconds. */
  get now(): number {
    return this.frame === null ? 0 : this.ms(this.frame.timeNs);
  }
  /** Wall clock, in milliseconds, of the newest sample in the latest frame; NaN without one. */
  get sampledUnixMs(): number {
    if (this.frame === null) return NaN;
    let newest = 0n;
    for (const device of this.frame.devices) {
      const sampled = device.sampler?.sampleNs ?? 0n;
      if (sampled > newest) newest = sampled;
    }
    return newest === 0n ? NaN : this.unixMs(this.ms(newest));
  }

  /** The number of an owner here, 0 for nobody. */
  private ownerIndex(owner: bigint): number {
    return owner === 0n ? 0 : (this.ownerOf.get(owner)?.index ?? 0);
  }
  ownerByKey(owner: bigint): OwnerState | undefined {
    return this.ownerOf.get(owner);
  }
  owner(index: number): OwnerState | undefined {
    return this.owners[index - 1];
  }
  ownerName(index: number): string {
    const owner = this.owner(index);
    return owner === undefined ? "nobody in particular" : owner.name === "" ? owner.process : `${owner.name} ${owner.process}`;
  }
  kernelName(id: number): string {
    return this.kernels.get(id)?.name ?? `kernel ${id}`;
  }
  deviceName(number: number): string {
    const sample = this.devices.get(number)?.sample;
    return sample === undefined ? `device ${number}` : `${sample.kind}:${sample.index}`;
  }

  private rate(key: string, time: number, total: number): number {
    let rate = this.rates.get(key);
    if (rate === undefined) this.rates.set(key, (rate = new Rate()));
    return rate.add(time, total);
  }

  private takeOwners(frame: Frame, time: number): void {
    for (const owner of frame.owners) {
      let state = this.ownerOf.get(owner.owner);
      if (state === undefined) {
        state = { index: this.owners.length + 1, process: owner.process || `owner ${owner.owner}`, name: "", ended: false, bytes: 0, buffers: 0, launches: 0, seen: time };
        this.owners.push(state);
        this.ownerOf.set(owner.owner, state);
      }
      state.name = owner.name;
      state.ended = owner.ended;
      state.seen = time;
    }
  }

  private takeDevices(frame: Frame, time: number): void {
    for (const sample of frame.devices) {
      let device = this.devices.get(sample.device);
      if (device === undefined) {
        device = { number: sample.device, sample, history: new History(), absent: new Map(), workerSince: null, pool: null, kernelBytes: 0, kernelFlops: 0 };
        this.devices.set(sample.device, device);
        this.generation++;
      }
      device.sample = sample;
      const since = sample.worker?.startedNs ?? 0n;
      device.workerSince = since === 0n ? null : this.seconds(since);
      this.takeValues(device, sample, time);
      this.takePool(device, sample);
    }
    if (this.devices.size !== frame.devices.length) {
      for (const number of [...this.devices.keys()]) {
        if (frame.devices.some((sample) => sample.device === number)) continue;
        this.devices.delete(number);
        this.generation++;
      }
    }
    if (frame.devices.some((sample) => sample.pool !== undefined && sample.pool.ownersAgeUs === 0n)) {
      for (const owner of this.owners) owner.bytes = owner.buffers = 0;
      for (const sample of frame.devices) {
        for (const use of sample.pool?.owners ?? []) {
          const owner = this.ownerOf.get(use.owner);
          if (owner === undefined) continue;
          owner.bytes += Number(use.bytes);
          owner.buffers += Number(use.buffers);
        }
      }
    }
  }

  private takeValues(device: DeviceState, sample: DeviceSample, time: number): void {
    const { history, absent } = device;
    absent.clear();
    for (const value of sample.values) {
      const column = COLUMN[value.metric];
      const counter = COUNTER[value.metric];
      const base = column ?? counter;
      if (base === undefined) continue;
      const name = value.label === "" ? base : `${base}.${value.label}`;
      if (value.absence !== Absence.NONE) {
        // A total may stand in for a rate that is absent, and the other way about.
        if (!absent.has(name)) absent.set(name, value.absence);
        continue;
      }
      const number = counter === undefined ? value.value : this.rate(`${device.number} ${name}`, time, value.value);
      if (number === number) {
        history.set(name, number);
        absent.delete(name);
      }
    }
    const pool = sample.pool;
    if (pool !== undefined) {
      history.set("pool_reserved", Number(pool.reservedBytes));
      history.set("pool_used", Number(pool.usedBytes));
    }
    const busy = this.rate(`${device.number} busy`, time, Number(sample.busyNsTotal));
    history.set("kernels_busy", busy / 1e9);
    history.set("launches", this.rate(`${device.number} launches`, time, Number(sample.launchesTotal)));
    history.set("in_flight", Number(sample.launchesInFlight));
    history.set("copy_in", this.rate(`${device.number} in`, time, Number(sample.copiesIn?.bytesTotal ?? 0n)));
    history.set("copy_out", this.rate(`${device.number} out`, time, Number(sample.copiesOut?.bytesTotal ?? 0n)));
    history.set("copy_within", this.rate(`${device.number} within`, time, Number(sample.copiesWithin?.bytesTotal ?? 0n)));
    if (sample.worker !== undefined) history.set("worker_cpu", sample.worker.cpuRatio);
    // As long as no launch has said what it moves or computes, there is no such figure.
    if (device.kernelBytes > 0) history.set("kernel_bytes", this.rate(`${device.number} bytes`, time, device.kernelBytes));
    if (device.kernelFlops > 0) history.set("kernel_flops", this.rate(`${device.number} flops`, time, device.kernelFlops));
    history.commit(time);
  }

  private takePool(device: DeviceState, sample: DeviceSample): void {
    const pool = sample.pool;
    if (pool === undefined || (pool.regions.length === 0 && pool.blocks.length === 0)) {
      // Blocks come in some frames only, unless there is nothing to come.
      if (pool !== undefined && pool.reservedBytes === 0n) device.pool = null;
      return;
    }
    device.pool = pool;
  }

  private takeKernels(frame: Frame, time: number): void {
    for (const stats of frame.kernels) {
      const work = stats.work;
      if (work === undefined) continue;
      let kernel = this.kernels.get(stats.kernel);
      const device = this.devices.get(stats.device);
      // What a kernel did before it was first seen says nothing of how fast it is now.
      if (device !== undefined && (kernel !== undefined || work.launchesTotal === work.intervalLaunches)) {
        device.kernelBytes += Number(work.bytesTotal) - (kernel?.bytes ?? 0);
        device.kernelFlops += Number(work.flopsTotal) - (kernel?.flops ?? 0);
      }
      if (kernel === undefined) {
        kernel = { id: stats.kernel, name: stats.name, coreClass: coreClassName(stats.coreClass), device: stats.device, launches: 0, failed: 0, queued: 0, busyNs: 0, waitNs: 0, bytes: 0, flops: 0, p50: 0, p99: 0, bandwidth: NaN, compute: NaN, occupancy: NaN, seen: time };
        this.kernels.set(stats.kernel, kernel);
      }
      kernel.launches = Number(work.launchesTotal);
      kernel.failed = Number(work.failedTotal);
      kernel.queued = Number(work.queued);
      kernel.busyNs = Number(work.busyNsTotal);
      kernel.waitNs = Number(work.waitNsTotal);
      kernel.bytes = Number(work.bytesTotal);
      kernel.flops = Number(work.flopsTotal);
      kernel.p50 = Number(work.p50Ns);
      kernel.p99 = Number(work.p99Ns);
      if (work.intervalLaunches > 0n) {
        kernel.seen = time;
        kernel.occupancy = work.occupancy;
        if (work.bytesPerSecond > 0) kernel.bandwidth = work.bytesPerSecond;
        if (work.flopsPerSecond > 0) kernel.compute = work.flopsPerSecond;
      }
    }
  }

  private takeWork(frame: Frame, time: number): void {
    const ring = this.launches;
    this.omitted += Number(frame.launchesOmitted);
    for (const launch of frame.launches) {
      const owner = this.ownerIndex(launch.owner);
      const state = this.owner(owner);
      if (state !== undefined) {
        state.launches++;
        state.seen = time;
      }
      ring.add({
        kind: 0,
        device: launch.device,
        stream: launch.stream,
        ticket: Number(launch.ticket),
        kernel: launch.kernel,
        owner,
        label: launch.label,
        queued: this.ms(launch.queuedNs),
        started: this.ms(launch.startedNs),
        ended: this.ms(launch.endedNs),
        grid: launch.grid,
        block: launch.block,
        shared: launch.dynamicSharedBytes,
        status: launch.status,
        bytes: Number(launch.bytes),
        flops: Number(launch.flops),
        occupancy: launch.occupancy,
      });
    }
    for (const copy of frame.copies) {
      ring.add({
        kind: copy.direction,
        device: copy.device,
        stream: copy.stream,
        ticket: Number(copy.ticket),
        kernel: 0,
        owner: this.ownerIndex(copy.owner),
        label: "",
        queued: this.ms(copy.queuedNs),
        started: this.ms(copy.startedNs),
        ended: this.ms(copy.endedNs),
        grid: [],
        block: [],
        shared: 0,
        status: copy.status,
        bytes: Number(copy.bytes),
        flops: 0,
        occupancy: 0,
      });
    }
    this.active = frame.active.map((active) => ({
      device: active.device,
      stream: active.stream,
      kernel: active.kernel,
      owner: this.ownerIndex(active.owner),
      label: active.label,
      queued: this.ms(active.queuedNs),
      first: active.firstInStream,
    }));
  }

  private takeClasses(frame: Frame, time: number): void {
    if (frame.coreClasses.length === 0) return;
    for (const stats of frame.coreClasses) {
      const state = this.classes[stats.coreClass - 1];
      const work = stats.work;
      if (state === undefined || work === undefined) continue;
      state.launches = Number(work.launchesTotal);
      state.failed = Number(work.failedTotal);
      state.queued = Number(work.queued);
      state.busy = this.rate(`${state.name} busy`, time, Number(work.busyNsTotal)) / 1e9 / Math.max(1, frame.devices.length);
      state.launchRate = this.rate(`${state.name} launches`, time, state.launches);
      state.bandwidth = this.rate(`${state.name} bytes`, time, Number(work.bytesTotal));
      state.compute = this.rate(`${state.name} flops`, time, Number(work.flopsTotal));
      if (work.intervalLaunches > 0n) state.occupancy = work.occupancy;
      state.p50 = Number(work.p50Ns);
      state.p99 = Number(work.p99Ns);
      this.classHistory.set(state.name, state.busy);
    }
    this.classHistory.commit(time);
  }

  private takeEvents(frame: Frame): void {
    const origins = ["", "memory", "disk", "compiled"] as const;
    for (const compile of frame.compiles) {
      this.compiles.unshift({
        time: this.ms(compile.endedNs),
        kernel: compile.kernel,
        device: compile.device,
        owner: this.ownerIndex(compile.owner),
        durationNs: Number(compile.endedNs - compile.startedNs),
        origin: origins[compile.origin] ?? "",
        status: compile.status,
        specialisation: compile.specialisation,
        message: compile.message,
      });
    }
    if (this.compiles.length > KEPT_COMPILES) this.compiles.length = KEPT_COMPILES;
    for (const event of frame.events) {
      this.events.unshift({ time: this.ms(event.timeNs), kind: event.kind, device: event.device, message: event.message, bytes: Number(event.bytes) });
    }
    if (this.events.length > KEPT_EVENTS) this.events.length = KEPT_EVENTS;
  }
}
