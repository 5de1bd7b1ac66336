import { describe, expect, it } from "vitest";
import { type LaunchEntry, LaunchRing } from "../../src/model/launches";
import { eachBar, entryAt, LEAST_SPAN, MOST_SPAN, neighbour, tickStep, Viewport } from "../../src/view/timeline_geometry";

function entry(n: number, more: Partial<LaunchEntry> = {}): LaunchEntry {
  return { kind: 0, device: 1, stream: 0, ticket: n, kernel: 1, owner: 0, label: "", queued: n, started: n, ended: n + 0.5, grid: [2, 3, 1], block: [16, 16, 1], shared: 0, status: 0, bytes: 8, flops: 9, occupancy: 0.25, ...more };
}

describe("LaunchRing", () => {
  it("gives back what was put in, and forgets the oldest", () => {
    const ring = new LaunchRing(100);
    for (let n = 0; n < 250; n++) ring.add(entry(n, { stream: n % 3, label: n % 2 ? "odd" : "" }));
    expect(ring.total).toBe(250);
    expect(ring.first).toBe(150);
    for (const n of [150, 199, 249]) expect(ring.get(n)).toEqual(entry(n, { stream: n % 3, label: n % 2 ? "odd" : "" }));
    expect(ring.lanes.length).toBe(3);
  });

  it("labels without end do not fill the memory", () => {
    const ring = new LaunchRing(10);
    for (let n = 0; n < 10_000; n++) ring.add(entry(n, { label: `step ${n}` }));
    expect(ring.labels.length).toBeLessThanOrEqual(4096);
    expect(ring.get(9_999).label).toBe("");
  });
});

describe("Viewport", () => {
  it("follows the present until it is moved, and again when it is moved back", () => {
    const view = new Viewport(1000);
    view.advance(5000);
    expect([view.start, view.end]).toEqual([4000, 5000]);
    view.pan(-500, 5000);
    view.advance(6000);
    expect(view.end).toBe(4500);
    view.pan(10_000, 6000);
    expect(view.end).toBe(6000);
    expect(view.follow).toBe(true);
  });

  it("zooms around the pointer, within limits", () => {
    const view = new Viewport(1000);
    view.advance(10_000);
    view.pan(-4000, 10_000);
    const fixed = view.time(300, 1000);
    view.zoom(0.25, 0.3, 10_000);
    expect(view.span).toBe(250);
    expect(view.time(300, 1000)).toBeCloseTo(fixed, 9);
    for (let i = 0; i < 100; i++) view.zoom(0.5, 0.5, 10_000);
    expect(view.span).toBe(LEAST_SPAN);
    for (let i = 0; i < 100; i++) view.zoom(2, 0.5, 10_000);
    expect(view.span).toBe(MOST_SPAN);
    expect(view.end).toBeLessThanOrEqual(10_000);
  });

  it("keeps the present at its edge while it follows", () => {
    const view = new Viewport(1000);
    view.advance(5000);
    view.zoom(0.5, 0.1, 5000);
    expect(view.end).toBe(5000);
    expect(view.start).toBe(4500);
  });

  it("brings a launch into sight", () => {
    const view = new Viewport(1000);
    view.advance(50_000);
    view.reveal(10_000, 10_010, 50_000);
    expect(view.start).toBeLessThan(10_000);
    expect(view.end).toBeGreaterThan(10_010);
    view.reveal(20_000, 25_000, 50_000);
    expect(view.start).toBeLessThan(20_000);
    expect(view.end).toBeGreaterThan(25_000);
  });
});

describe("what is drawn", () => {
  it("is what the window holds, clipped to it", () => {
    const ring = new LaunchRing(1000);
    ring.add(entry(1, { started: 0, ended: 50 }));
    ring.add(entry(2, { started: 40, ended: 60, stream: 1 }));
    ring.add(entry(3, { started: 150, ended: 160 }));
    ring.add(entry(4, { started: 190, ended: 250, stream: 1 }));
    const view = new Viewport(100);
    view.advance(200);
    view.follow = false;
    view.end = 145;
    const bars: number[][] = [];
    eachBar(ring, view, 1000, (n, lane, x, width) => bars.push([n, lane, x, width]));
    // From 45 to 145: the end of the first, most of the second.
    expect(bars).toEqual([
      [1, 1, 0, 150],
      [0, 0, 0, 50],
    ]);
  });

  it("is bounded by the screen, and leaves no gap that is none", () => {
    const ring = new LaunchRing(32768);
    // 30000 launches of 10 us, one after the other, in 300 ms.
    for (let n = 0; n < 30_000; n++) ring.add(entry(n, { started: n * 0.01, ended: n * 0.01 + 0.009 }));
    const view = new Viewport(300);
    view.advance(300);
    const pixels = new Set<number>();
    let count = 0;
    eachBar(ring, view, 800, (_n, _lane, x) => {
      count++;
      pixels.add(Math.floor(x));
    });
    expect(count).toBeLessThanOrEqual(801);
    const places = [...pixels].sort((a, b) => a - b);
    expect(places[0]).toBe(0);
    expect(places.at(-1)).toBeGreaterThan(797);
    for (let i = 1; i < places.length; i++) expect(places[i]! - places[i - 1]!).toBeLessThanOrEqual(2);
  });

  it("is found again under the pointer", () => {
    const ring = new LaunchRing(1000);
    for (let n = 0; n < 100; n++) ring.add(entry(n, { started: n * 10, ended: n * 10 + 4, stream: n % 2 }));
    const view = new Viewport(1000);
    view.advance(1000);
    expect(entryAt(ring, view, 1000, 0, 402, 3)).toBe(40);
    expect(entryAt(ring, view, 1000, 1, 412, 3)).toBe(41);
    expect(entryAt(ring, view, 1000, 0, 418, 3)).toBe(42);
    expect(entryAt(ring, view, 1000, 0, 412, 3)).toBe(-1);
    expect(neighbour(ring, 40, 1)).toBe(41);
    expect(neighbour(ring, 99, 1)).toBe(99);
    expect(neighbour(ring, -1, 1)).toBe(99);
    expect(neighbour(new LaunchRing(4), 0, 1)).toBe(-1);
  });

  it("marks round times", () => {
    for (let span = 0.05; span < 120_000; span *= 1.9) {
      const step = tickStep(span, 8);
      expect(span / step).toBeLessThanOrEqual(8.001);
      const lead = step / 10 ** Math.floor(Math.log10(step) + 1e-9);
      expect([1, 2, 5, 1.5, 3, 6, 1.2].some((round) => Math.abs(lead - round) < 1e-6)).toBe(true);
    }
  });
});
