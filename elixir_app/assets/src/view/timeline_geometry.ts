// What part of the past the timeline shows, and what is drawn where: pure arithmetic, tested without a screen.
import type { LaunchRing } from "../model/launches";

export const LEAST_SPAN = 0.02;
export const MOST_SPAN = 120_000;

/** All in milliseconds of the store's clock. */
export class Viewport {
  /** While it follows, its end is the present. */
  follow = true;
  end = 0;
  private width: number;

  constructor(span = 1000) {
    this.width = span;
  }

  get span(): number {
    return this.width;
  }
  get start(): number {
    return this.end - this.width;
  }

  /** The present has moved on. */
  advance(now: number): void {
    if (this.follow) this.end = now;
  }

  /** Shows `factor` times as much, and keeps what is at `at` (0 to 1 of the width) where it is. While it follows, that is its end. */
  zoom(factor: number, at: number, now: number): void {
    const span = Math.min(MOST_SPAN, Math.max(LEAST_SPAN, this.width * factor));
    if (!this.follow) {
      const fixed = this.start + at * this.width;
      this.end = fixed + (1 - at) * span;
    }
    this.width = span;
    this.clamp(now);
  }

  pan(by: number, now: number): void {
    this.follow = false;
    this.end += by;
    this.clamp(now);
    // Who goes to the present wants to see it go on.
    if (by > 0 && this.end >= now) this.follow = true;
  }

  private clamp(now: number): void {
    if (this.end > now) this.end = now;
  }

  live(now: number): void {
    this.follow = true;
    this.end = now;
  }

  /** Brings [start, end] into sight without changing more than needed. */
  reveal(start: number, end: number, now: number): void {
    if (end - start > this.width) this.width = Math.min(MOST_SPAN, (end - start) * 1.5);
    if (start >= this.start && end <= this.end) return;
    this.follow = false;
    this.end = end + this.width * 0.3;
    this.clamp(now);
  }

  x(time: number, pixels: number): number {
    return ((time - this.start) / this.width) * pixels;
  }
  time(x: number, pixels: number): number {
    return this.start + (x / pixels) * this.width;
  }
}

/** Steps of 1, 2 or 5 times a power of ten milliseconds, from minutes on of round minutes, at most `most` in a span. */
export function tickStep(span: number, most: number): number {
  const rough = span / Math.max(1, most);
  if (rough > 1000) {
    for (const step of [2000, 5000, 10_000, 15_000, 30_000, 60_000]) if (step >= rough) return step;
    return 120_000;
  }
  const scale = 10 ** Math.floor(Math.log10(rough));
  for (const step of [1, 2, 5, 10]) if (step * scale >= rough * (1 - 1e-9)) return step * scale;
  return 10 * scale;
}

/** A bar on the screen, handed to `visit` of `eachBar`. */
export type Visit = (entry: number, lane: number, x: number, width: number) => void;

/** Entries may come this much out of the order of their ends: devices are read one after the other. */
const DISORDER_MS = 2000;

/**
 * Calls `visit` for what is to be drawn, the newest first. Of bars that share a pixel of a lane one is drawn, so that the work is
 * bounded by the screen and not by the launches.
 */
export function eachBar(ring: LaunchRing, view: Viewport, pixels: number, visit: Visit): void {
  const { start, end, span } = view;
  const perMs = pixels / span;
  // The left edge of what was drawn last in each lane.
  const edge = new Map<number, number>();
  for (let n = ring.total - 1; n >= ring.first; n--) {
    const at = n % ring.capacity;
    const ended = ring.ended[at]!;
    if (ended < start) {
      if (ended < start - DISORDER_MS) break;
      continue;
    }
    const started = ring.started[at]!;
    if (started > end) continue;
    const lane = ring.lane[at]!;
    const left = (Math.max(started, start) - start) * perMs;
    const right = (Math.min(ended, end) - start) * perMs;
    if (right - left < 1) {
      const known = edge.get(lane);
      if (known !== undefined && left >= known - 1 && left < known + 1) continue;
      edge.set(lane, left);
      visit(n, lane, left, 1);
    } else {
      edge.set(lane, left);
      visit(n, lane, left, right - left);
    }
  }
}

/** The entry at a place of a lane, or the nearest within `reach` pixels; -1 if there is none. */
export function entryAt(ring: LaunchRing, view: Viewport, pixels: number, lane: number, x: number, reach: number): number {
  const time = view.time(x, pixels);
  const slack = (reach / pixels) * view.span;
  let nearest = -1;
  let distance = slack;
  for (let n = ring.total - 1; n >= ring.first; n--) {
    const at = n % ring.capacity;
    const ended = ring.ended[at]!;
    if (ended < time - slack - DISORDER_MS) break;
    if (ring.lane[at] !== lane) continue;
    const started = ring.started[at]!;
    const away = time < started ? started - time : time > ended ? time - ended : 0;
    if (away === 0) return n;
    if (away < distance) {
      distance = away;
      nearest = n;
    }
  }
  return nearest;
}

/** The next (1) or previous (-1) launch, of any lane, from entry `from` on; -1 if there is none. */
export function neighbour(ring: LaunchRing, from: number, direction: 1 | -1): number {
  if (ring.total === 0) return -1;
  if (from < ring.first || from >= ring.total) return ring.total - 1;
  const next = from + direction;
  return next < ring.first || next >= ring.total ? from : next;
}
