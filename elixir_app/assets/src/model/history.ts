// The past of a device's values, in bounded memory: several rings, each over a longer time in coarser steps.
//
// All columns share one time axis, so that any of them can be drawn together. A value that is absent is NaN.

/** How far back charts can look, and in which steps: about 600 points each. */
export const WINDOWS = [
  { seconds: 10, step: 0 },
  { seconds: 30, step: 0.05 },
  { seconds: 60, step: 0.1 },
  { seconds: 300, step: 0.5 },
  { seconds: 900, step: 1.5 },
] as const;

const POINTS = 640;
// Rings are shifted to their beginning once in this many points.
const SLACK = 320;

class Level {
  readonly time = new Float64Array(POINTS + SLACK + 1);
  readonly columns: Float64Array[] = [];
  begin = 0;
  end = 0;
  private bucket = -Infinity;
  private sums: number[] = [];
  private counts: number[] = [];

  constructor(readonly step: number) {}

  addColumn(): void {
    const column = new Float64Array(this.time.length);
    column.fill(NaN);
    this.columns.push(column);
    this.sums.push(0);
    this.counts.push(0);
  }

  push(time: number, values: Float64Array, count: number): void {
    if (this.step === 0) {
      this.append(time, (i) => values[i]!, count);
      return;
    }
    const bucket = Math.floor(time / this.step);
    if (bucket !== this.bucket) {
      this.flush(count);
      this.bucket = bucket;
    }
    for (let i = 0; i < count; i++) {
      const value = values[i]!;
      if (value === value) {
        this.sums[i]! += value;
        this.counts[i]!++;
      }
    }
  }

  private flush(count: number): void {
    if (this.bucket !== -Infinity) {
      this.append((this.bucket + 0.5) * this.step, (i) => this.sums[i]! / this.counts[i]!, count);
    }
    this.sums.fill(0);
    this.counts.fill(0);
  }

  private append(time: number, value: (i: number) => number, count: number): void {
    if (this.end === POINTS + SLACK) this.shift();
    this.time[this.end] = time;
    for (let i = 0; i < count; i++) this.columns[i]![this.end] = value(i);
    this.end++;
    if (this.end - this.begin > POINTS) this.begin = this.end - POINTS;
  }

  private shift(): void {
    this.time.copyWithin(0, this.begin, this.end);
    for (const column of this.columns) column.copyWithin(0, this.begin, this.end);
    this.end -= this.begin;
    this.begin = 0;
  }

  /** The newest values behind the last step's, which is not over yet. Returns the end with it. */
  tip(time: number, values: Float64Array): number {
    if (this.step === 0) return this.end;
    this.time[this.end] = time;
    for (let i = 0; i < this.columns.length; i++) this.columns[i]![this.end] = values[i]!;
    return this.end + 1;
  }
}

export interface View {
  readonly time: Float64Array;
  /** Indices of what is within the window. */
  readonly begin: number;
  readonly end: number;
  column(name: string): Float64Array | null;
}

export class History {
  private readonly levels = WINDOWS.map(({ step }) => new Level(step));
  private readonly index = new Map<string, number>();
  private values = new Float64Array(64).fill(NaN);
  private now = -Infinity;

  get names(): IterableIterator<string> {
    return this.index.keys();
  }

  /** Sets a value of the sample that `commit` completes. */
  set(name: string, value: number): void {
    let i = this.index.get(name);
    if (i === undefined) {
      i = this.index.size;
      this.index.set(name, i);
      if (i >= this.values.length) {
        const more = new Float64Array(this.values.length * 2).fill(NaN);
        more.set(this.values);
        this.values = more;
      }
      for (const level of this.levels) level.addColumn();
    }
    this.values[i] = value;
  }

  has(name: string): boolean {
    return this.index.has(name);
  }

  /** Of the sample that was committed last; NaN if it had none. */
  latest(name: string): number {
    const i = this.index.get(name);
    return i === undefined ? NaN : this.newest[i]!;
  }
  private newest = new Float64Array(64).fill(NaN);

  /** Time in seconds; what goes back is not taken. */
  commit(time: number): void {
    if (!(time > this.now)) return;
    this.now = time;
    const count = this.index.size;
    for (const level of this.levels) level.push(time, this.values, count);
    if (this.newest.length !== this.values.length) this.newest = new Float64Array(this.values.length);
    this.newest.set(this.values);
    this.values.fill(NaN);
  }

  get time(): number {
    return this.now;
  }

  view(seconds: number): View {
    const place = WINDOWS.findIndex((window) => window.seconds >= seconds);
    const level = this.levels[place < 0 ? this.levels.length - 1 : place]!;
    const end = this.now === -Infinity ? level.end : level.tip(this.now, this.newest);
    const from = this.now - seconds;
    // One point more than is within, so that a line reaches the edge.
    let begin = lowerBound(level.time, level.begin, end, from);
    if (begin > level.begin) begin--;
    return {
      time: level.time,
      begin,
      end,
      column: (name) => {
        const i = this.index.get(name);
        return i === undefined ? null : level.columns[i]!;
      },
    };
  }

  clear(): void {
    this.now = -Infinity;
    this.values.fill(NaN);
    this.newest.fill(NaN);
    for (let i = 0; i < this.levels.length; i++) {
      const level = new Level(WINDOWS[i]!.step);
      for (let k = 0; k < this.index.size; k++) level.addColumn();
      this.levels[i] = level;
    }
  }
}

/** The first index in [begin, end) whose time is not before `from`. */
export function lowerBound(times: Float64Array, begin: number, end: number, from: number): number {
  let low = begin;
  let high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A rate from a counter, over about the last quarter of a second, as single frames are too short for one. */
export class Rate {
  private readonly times = new Float64Array(32);
  private readonly totals = new Float64Array(32);
  private count = 0;

  constructor(private readonly seconds = 0.25) {}

  /** NaN until there are readings far enough apart. A counter that went back has begun anew. */
  add(time: number, total: number): number {
    const size = this.times.length;
    const last = (this.count - 1) % size;
    if (this.count > 0) {
      if (total < this.totals[last]!) this.count = 0;
      else if (time <= this.times[last]!) return this.value();
    }
    this.times[this.count % size] = time;
    this.totals[this.count % size] = total;
    this.count++;
    return this.value();
  }

  private value(): number {
    const size = this.times.length;
    if (this.count < 2) return NaN;
    const last = (this.count - 1) % size;
    const held = Math.min(this.count, size);
    let first = last;
    for (let back = 1; back < held; back++) {
      first = (this.count - 1 - back) % size;
      if (this.times[last]! - this.times[first]! >= this.seconds) break;
    }
    const span = this.times[last]! - this.times[first]!;
    return span < this.seconds * 0.4 ? NaN : (this.totals[last]! - this.totals[first]!) / span;
  }
}
