import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { decodeBase64, EventFeed } from "../../src/feed/event_feed";
import type { FeedState } from "../../src/feed/feed";

class Port {
  readonly pushed: [string, object][] = [];
  private readonly handlers = new Map<string, (payload: never) => void>();
  pushEvent(event: string, payload: object) {
    this.pushed.push([event, payload]);
  }
  handleEvent(event: string, callback: (payload: never) => void) {
    this.handlers.set(event, callback);
  }
  send(event: string, payload: object) {
    this.handlers.get(event)!(payload as never);
  }
}

function feed(record = false) {
  const port = new Port();
  const states: FeedState[] = [];
  const frames: Uint8Array[] = [];
  const made = new EventFeed(port, { frame: (bytes) => frames.push(bytes), state: (state) => states.push(state), deviceLost: () => undefined, recording: () => undefined }, record);
  return { port, states, frames, made };
}

describe("EventFeed", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("asks for its rate, takes frames, and asks again after a reconnect", () => {
    const { port, states, frames, made } = feed();
    made.setRate(60);
    port.send("amdgpu:frame", { frame: btoa("\x00\xffabc") });
    expect(frames).toEqual([new Uint8Array([0, 255, 97, 98, 99])]);
    expect(states).toEqual(["connecting", "live"]);
    made.disconnected();
    made.reconnected();
    expect(port.pushed).toEqual([
      ["amdgpu:feed", { rate: 60 }],
      ["amdgpu:feed", { rate: 60 }],
    ]);
    made.close();
  });

  it("sends nothing on while it is off: what comes then is late", () => {
    const { port, frames, made } = feed();
    made.setRate(60);
    made.setRate(0);
    port.send("amdgpu:frame", { frame: btoa("x") });
    expect(frames).toEqual([]);
    expect(port.pushed.at(-1)).toEqual(["amdgpu:feed", { rate: 0 }]);
    made.close();
  });

  it("acknowledges in groups, and the rest soon after", () => {
    const { port, made } = feed();
    made.setRate(60);
    for (let i = 0; i < 11; i++) made.handled(1);
    const acks = () => port.pushed.filter(([event]) => event === "amdgpu:ack").map(([, payload]) => payload);
    expect(acks()).toEqual([{ frames: 8 }]);
    vi.advanceTimersByTime(300);
    expect(acks()).toEqual([{ frames: 8 }, { frames: 3 }]);
    made.close();
  });

  it("says when nothing comes any more, and when it does again", () => {
    const { port, states, made } = feed();
    made.setRate(60);
    port.send("amdgpu:frame", { frame: "" });
    vi.advanceTimersByTime(3000);
    expect(states.at(-1)).toBe("stale");
    port.send("amdgpu:frame", { frame: "" });
    expect(states.at(-1)).toBe("live");
    port.send("amdgpu:status", { state: "nonsense" });
    expect(states.at(-1)).toBe("live");
    port.send("amdgpu:status", { state: "replay", message: "a recording" });
    port.send("amdgpu:frame", { frame: "" });
    expect(states.at(-1)).toBe("replay");
    made.close();
  });

  it("records only where the server can", () => {
    expect(feed().made.record).toBeNull();
    const { port, made } = feed(true);
    made.record!(true);
    expect(port.pushed).toEqual([["amdgpu:record", { active: true }]]);
  });

  it("decodes all bytes", () => {
    const bytes = new Uint8Array(256).map((_, i) => i);
    expect(decodeBase64(btoa(String.fromCharCode(...bytes)))).toEqual(bytes);
  });
});
