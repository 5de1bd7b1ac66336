// The launches and copies that the timeline shows: a ring of typed columns, so that a full one costs no more than an empty one.

export const CAPACITY = 32768;

export const KIND_LAUNCH = 0;
export const KIND_COPY_IN = 1;
export const KIND_COPY_OUT = 2;
export const KIND_COPY_WITHIN = 3;
export const KIND_FILL = 4;

/** Times are milliseconds since the store's epoch. */
export interface LaunchEntry {
  kind: number;
  device: number;
  stream: number;
  ticket: number;
  kernel: number;
  owner: number;
  label: string;
  queued: number;
  started: number;
  ended: number;
  grid: readonly number[];
  block: readonly number[];
  shared: number;
  status: number;
  bytes: number;
  flops: number;
  occupancy: number;
}

export class LaunchRing {
  readonly kind: Uint8Array;
  readonly lane: Uint16Array;
  readonly ticket: Float64Array;
  readonly kernel: Uint32Array;
  readonly owner: Uint32Array;
  readonly label: Uint32Array;
  readonly queued: Float64Array;
  readonly started: Float64Array;
  readonly ended: Float64Array;
  readonly shape: Uint32Array;
  readonly shared: Uint32Array;
  readonly status: Int32Array;
  readonly bytes: Float64Array;
  readonly flops: Float64Array;
  readonly occupancy: Float32Array;
  /** Of all that were ever added; the entry `n` lies at `n % capacity`. */
  total = 0;

  readonly lanes: { device: number; stream: number; last: number }[] = [];
  private readonly laneOf = new Map<number, number>();
  readonly labels: string[] = [""];
  private readonly labelOf = new Map<string, number>([["", 0]]);

  constructor(readonly capacity = CAPACITY) {
    this.kind = new Uint8Array(capacity);
    this.lane = new Uint16Array(capacity);
    this.ticket = new Float64Array(capacity);
    this.kernel = new Uint32Array(capacity);
    this.owner = new Uint32Array(capacity);
    this.label = new Uint32Array(capacity);
    this.queued = new Float64Array(capacity);
    this.started = new Float64Array(capacity);
    this.ended = new Float64Array(capacity);
    this.shape = new Uint32Array(capacity * 6);
    this.shared = new Uint32Array(capacity);
    this.status = new Int32Array(capacity);
    this.bytes = new Float64Array(capacity);
    this.flops = new Float64Array(capacity);
    this.occupancy = new Float32Array(capacity);
  }

  get first(): number {
    return Math.max(0, this.total - this.capacity);
  }

  /** Its number; -1 for more lanes than can be. */
  laneNumber(device: number, stream: number, time: number): number {
    const key = device * 4096 + stream;
    let lane = this.laneOf.get(key);
    if (lane === undefined) {
      if (this.lanes.length >= 65535) return -1;
      lane = this.lanes.length;
      this.lanes.push({ device, stream, last: time });
      this.laneOf.set(key, lane);
    }
    const entry = this.lanes[lane]!;
    if (time > entry.last) entry.last = time;
    return lane;
  }

  private labelNumber(label: string): number {
    const known = this.labelOf.get(label);
    if (known !== undefined) return known;
    // A program that gives every launch a label of its own does not fill the memory.
    if (this.labels.length >= 4096) return 0;
    this.labelOf.set(label, this.labels.length);
    return this.labels.push(label) - 1;
  }

  add(entry: LaunchEntry): void {
    const lane = this.laneNumber(entry.device, entry.stream, entry.ended);
    if (lane < 0) return;
    const at = this.total % this.capacity;
    this.kind[at] = entry.kind;
    this.lane[at] = lane;
    this.ticket[at] = entry.ticket;
    this.kernel[at] = entry.kernel;
    this.owner[at] = entry.owner;
    this.label[at] = this.labelNumber(entry.label);
    this.queued[at] = entry.queued;
    this.started[at] = entry.started;
    this.ended[at] = entry.ended;
    for (let i = 0; i < 3; i++) {
      this.shape[at * 6 + i] = entry.grid[i] ?? 0;
      this.shape[at * 6 + 3 + i] = entry.block[i] ?? 0;
    }
    this.shared[at] = entry.shared;
    this.status[at] = entry.status;
    this.bytes[at] = entry.bytes;
    this.flops[at] = entry.flops;
    this.occupancy[at] = entry.occupancy;
    this.total++;
  }

  /** The entry number `n`, which must be among the last `capacity`. */
  get(n: number): LaunchEntry {
    const at = n % this.capacity;
    const lane = this.lanes[this.lane[at]!]!;
    return {
      kind: this.kind[at]!,
      device: lane.device,
      stream: lane.stream,
      ticket: this.ticket[at]!,
      kernel: this.kernel[at]!,
      owner: this.owner[at]!,
      label: this.labels[this.label[at]!] ?? "",
      queued: this.queued[at]!,
      started: this.started[at]!,
      ended: this.ended[at]!,
      grid: Array.from(this.shape.subarray(at * 6, at * 6 + 3)),
      block: Array.from(this.shape.subarray(at * 6 + 3, at * 6 + 6)),
      shared: this.shared[at]!,
      status: this.status[at]!,
      bytes: this.bytes[at]!,
      flops: this.flops[at]!,
      occupancy: this.occupancy[at]!,
    };
  }

  clear(): void {
    this.total = 0;
    this.lanes.length = 0;
    this.laneOf.clear();
    this.labels.length = 1;
    this.labelOf.clear();
    this.labelOf.set("", 0);
  }
}
