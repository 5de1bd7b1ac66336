// From the sample to the screen: how old what one sees is, how many pictures a second, what was missed.

/** The machine's wall clock in milliseconds, finer than Date.now() and following it when it is set. */
export class WallClock {
  private offset = performance.timeOrigin;
  private checked = -Infinity;

  now(): number {
    const now = performance.now();
    if (now - this.checked > 1000) {
      this.checked = now;
      // Date.now() is whole milliseconds: only a difference of more than that is one.
      const coarse = Date.now() + 0.5 - now;
      if (Math.abs(coarse - this.offset) > 2) this.offset = coarse;
    }
    return this.offset + now;
  }
}

const SIZE = 512;

/** The last few hundred values, with their quantiles. */
export class Quantiles {
  private readonly values = new Float64Array(SIZE);
  private readonly sorted = new Float64Array(SIZE);
  private count = 0;

  add(value: number): void {
    this.values[this.count++ % SIZE] = value;
  }
  get length(): number {
    return Math.min(this.count, SIZE);
  }
  mean(): number {
    const n = this.length;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += this.values[i]!;
    return n === 0 ? NaN : sum / n;
  }
  /** Several at once, ascending: sorting is the dear part. */
  at(...quantiles: number[]): number[] {
    const n = this.length;
    if (n === 0) return quantiles.map(() => NaN);
    const sorted = this.sorted.subarray(0, n);
    sorted.set(this.values.subarray(0, n));
    sorted.sort();
    return quantiles.map((q) => sorted[Math.min(n - 1, Math.floor(q * n))]!);
  }
  clear(): void {
    this.count = 0;
  }
}

export class LatencyMeter {
  readonly latency = new Quantiles();
  readonly cost = new Quantiles();
  private least = Infinity;
  /** Of all time. */
  pictures = 0;
  private counted = 0;
  private since = performance.now();
  private rate = NaN;

  /**
   * A frame whose newest sample was taken at `sampled` is on the screen at `painted`; both wall clock, milliseconds. Clocks of two
   * machines differ: then it is told against the fastest.
   */
  painted(sampled: number, painted: number): void {
    const late = painted - sampled;
    this.least = Math.min(this.least, late);
    this.latency.add(this.remote ? late - this.least : late);
  }
  /** The clock that stamps is not ours. */
  get remote(): boolean {
    return this.least < -0.5 || this.least > 2000;
  }

  picture(costMs: number): void {
    this.pictures++;
    this.cost.add(costMs);
    const now = performance.now();
    if (now - this.since >= 1000) {
      this.rate = ((this.pictures - this.counted) * 1000) / (now - this.since);
      this.counted = this.pictures;
      this.since = now;
    }
  }
  /** Pictures a second; NaN while there are none. */
  get fps(): number {
    return performance.now() - this.since > 2500 ? NaN : this.rate;
  }

  reset(): void {
    this.latency.clear();
    this.least = Infinity;
  }
}
