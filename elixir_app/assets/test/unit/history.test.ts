import { describe, expect, it } from "vitest";
import { History, lowerBound, Rate, WINDOWS } from "../../src/model/history";

function filled(seconds: number, value: (time: number) => number, rate = 60): History {
  const history = new History();
  for (let i = 1; i <= seconds * rate; i++) {
    history.set("v", value(i / rate));
    history.commit(i / rate);
  }
  return history;
}

describe("History", () => {
  it("keeps every sample of the shortest window, in order, and nothing older", () => {
    const history = filled(100, (time) => time * 2);
    const view = history.view(10);
    const column = view.column("v")!;
    expect(view.end - view.begin).toBeGreaterThanOrEqual(600);
    expect(view.end - view.begin).toBeLessThanOrEqual(641);
    for (let i = view.begin; i < view.end; i++) {
      expect(column[i]).toBeCloseTo(view.time[i]! * 2, 9);
      if (i > view.begin) expect(view.time[i]!).toBeGreaterThan(view.time[i - 1]!);
    }
    expect(view.time[view.end - 1]).toBeCloseTo(100, 9);
    expect(view.time[view.begin]).toBeLessThanOrEqual(90);
    expect(view.time[view.begin]).toBeGreaterThan(89.9);
  });

  it("goes back a quarter of an hour in bounded memory, with means", () => {
    const history = filled(1200, (time) => (time > 600 ? 10 : 2), 20);
    for (const { seconds } of WINDOWS) {
      const view = history.view(seconds);
      expect(view.end - view.begin).toBeLessThanOrEqual(642);
      expect(view.time[view.end - 1]! - view.time[view.begin]!).toBeGreaterThan(seconds * 0.97);
    }
    const view = history.view(900);
    const column = view.column("v")!;
    // A step of the mean lies between the two values at most once.
    const between = [...column.subarray(view.begin, view.end)].filter((value) => value > 2.0001 && value < 9.9999);
    expect(between.length).toBeLessThanOrEqual(1);
    expect(column[view.begin]).toBe(2);
    expect(column[view.end - 1]).toBe(10);
  });

  it("the mean of a step is that of its samples", () => {
    const history = new History();
    let sum = 0;
    let count = 0;
    // 0.5 s steps: those of [10, 10.5).
    for (let i = 1; i <= 60 * 20; i++) {
      const time = i / 60;
      const value = (i * 7919) % 101;
      if (time >= 10 && time < 10.5) {
        sum += value;
        count++;
      }
      history.set("v", value);
      history.commit(time);
    }
    const view = history.view(300);
    const at = lowerBound(view.time, view.begin, view.end, 10.2);
    expect(view.time[at]).toBeCloseTo(10.25, 9);
    expect(view.column("v")![at]).toBeCloseTo(sum / count, 9);
  });

  it("what was not set is absent, not zero", () => {
    const history = new History();
    history.set("a", 1);
    history.commit(1);
    history.set("b", 5);
    history.commit(2);
    const view = history.view(10);
    expect([...view.column("a")!.subarray(view.begin, view.end)]).toEqual([1, NaN]);
    expect([...view.column("b")!.subarray(view.begin, view.end)]).toEqual([NaN, 5]);
    expect(view.column("c")).toBeNull();
    expect(history.latest("a")).toBeNaN();
    expect(history.latest("b")).toBe(5);
    expect(history.latest("c")).toBeNaN();
  });

  it("takes more columns than it began with, and no time that goes back", () => {
    const history = new History();
    for (let i = 0; i < 300; i++) history.set(`column ${i}`, i);
    history.commit(1);
    history.commit(0.5);
    expect(history.time).toBe(1);
    for (const i of [0, 63, 64, 127, 128, 299]) expect(history.latest(`column ${i}`)).toBe(i);
    history.clear();
    history.set("column 7", 8);
    history.commit(0.1);
    expect(history.latest("column 7")).toBe(8);
    expect(history.view(10).end - history.view(10).begin).toBe(1);
  });
});

describe("Rate", () => {
  it("is that of the last quarter of a second", () => {
    const rate = new Rate();
    expect(rate.add(0, 0)).toBeNaN();
    // Two frames are no rate yet: one that was late would make it a thousand times too high.
    expect(rate.add(0.0001, 10)).toBeNaN();
    let last = NaN;
    for (let i = 1; i <= 120; i++) last = rate.add(i / 60, i * 10);
    expect(last).toBeCloseTo(600, 6);
    for (let i = 121; i <= 140; i++) last = rate.add(i / 60, 1200);
    expect(last).toBe(0);
  });

  it("begins anew with a counter that does, and is never negative", () => {
    const rate = new Rate();
    rate.add(0, 1000);
    rate.add(1, 2000);
    expect(rate.add(2, 5)).toBeNaN();
    expect(rate.add(3, 15)).toBeCloseTo(10);
  });

  it("takes frames that are seconds apart", () => {
    const rate = new Rate();
    rate.add(0, 0);
    expect(rate.add(10, 100)).toBeCloseTo(10);
    expect(rate.add(10, 500)).toBeCloseTo(10);
  });
});
