import { describe, expect, it } from "vitest";
import { Inbox, Pace } from "../../src/feed/pace";

/** Seconds of pictures of this cost at the pace's own rate. */
function run(pace: Pace, from: number, seconds: number, cost: number, dropped = 0): boolean {
  let changed = false;
  for (let second = 1; second <= seconds; second++) {
    for (let i = 0; i < pace.rate; i++) pace.picture(cost, i === 0 ? dropped : 0, 1);
    changed = pace.review((from + second) * 1000) || changed;
  }
  return changed;
}

describe("Pace", () => {
  it("stays where it is while pictures are cheap", () => {
    const pace = new Pace();
    pace.review(1);
    expect(run(pace, 0, 60, 4)).toBe(false);
    expect(pace.rate).toBe(60);
  });

  it("goes down when the browser cannot follow, and up again when it can", () => {
    const pace = new Pace();
    pace.review(1);
    expect(run(pace, 0, 5, 14)).toBe(true);
    expect(pace.rate).toBe(30);
    // 14 ms at 30 a second is bearable, but twice as many would not be.
    expect(run(pace, 5, 60, 14)).toBe(false);
    expect(run(pace, 65, 40, 2)).toBe(true);
    expect(pace.rate).toBe(60);
  });

  it("goes down when pictures are cheap but the screen is slow, and does not flutter for it", () => {
    const pace = new Pace();
    pace.review(1);
    let changes = 0;
    let slow = 0;
    for (let second = 1; second <= 1200; second++) {
      // This screen manages 20 pictures a second.
      const pictures = Math.min(20, pace.rate);
      for (let i = 0; i < pictures; i++) pace.picture(1, 0, pace.rate / pictures);
      if (pace.rate === 60) slow++;
      if (pace.review(second * 1000)) changes++;
    }
    expect(pace.rate).toBeLessThanOrEqual(30);
    expect(changes).toBeLessThan(20);
    expect(slow).toBeLessThan(40);
  });

  it("frames that are thrown away count, however cheap pictures are", () => {
    const pace = new Pace();
    pace.review(1);
    run(pace, 0, 4, 1, 10);
    expect(pace.rate).toBe(30);
    run(pace, 4, 20, 1, 10);
    expect(pace.rate).toBe(10);
  });

  it("one bad second is no reason, and a hidden tab none either", () => {
    const pace = new Pace();
    pace.review(1);
    run(pace, 0, 1, 16);
    expect(run(pace, 1, 10, 2)).toBe(false);
    pace.picture(900, 0, 1);
    pace.restart();
    expect(pace.review(60_000)).toBe(false);
    expect(pace.rate).toBe(60);
  });

  it("does not go above what was asked for", () => {
    const pace = new Pace(30);
    pace.review(1);
    expect(run(pace, 0, 60, 1)).toBe(false);
    expect(pace.rate).toBe(30);
  });
});

describe("Inbox", () => {
  it("keeps the newest, and tells how many it threw away, once", () => {
    const inbox = new Inbox(3);
    for (let i = 0; i < 10; i++) inbox.push(new Uint8Array([i]));
    const { frames, dropped } = inbox.take();
    expect(frames.map((frame) => frame[0])).toEqual([7, 8, 9]);
    expect(dropped).toBe(7);
    expect(inbox.take()).toEqual({ frames: [], dropped: 0 });
  });
});
