// Frames that a LiveView pushes as events, in base64; answered in groups, so that the server knows how many are under way.
import type { Feed, FeedEvents, FeedState, Rate } from "./feed";

/** What of a LiveView hook is needed here. */
export interface EventPort {
  pushEvent(event: string, payload: object): unknown;
  handleEvent(event: string, callback: (payload: never) => void): unknown;
}

const ACK_EVERY = 8;
const ACK_AFTER_MS = 250;
const SILENCE_MS = 2000;
const STATES: readonly FeedState[] = ["live", "stale", "replay", "no_runtime"];

export class EventFeed implements Feed {
  private rate: Rate | 0 = 0;
  private unanswered = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  /** When the latest frame came; null since the feed was begun or lost. */
  private heard: number | null = null;
  private said: FeedState = "connecting";
  private closed = false;
  private readonly watch: ReturnType<typeof setInterval>;

  constructor(
    private readonly port: EventPort,
    private readonly events: FeedEvents,
    private readonly canRecord: boolean,
  ) {
    const on = <T>(event: string, take: (payload: T) => void) =>
      port.handleEvent(event, (payload: never) => {
        if (!this.closed) take(payload as T);
      });
    on<{ frame: string }>("amdgpu:frame", ({ frame }) => {
      if (this.rate === 0) return;
      const silent = this.heard === null || performance.now() - this.heard >= SILENCE_MS;
      this.heard = performance.now();
      if (silent && this.said !== "replay") this.say("live", "");
      this.events.frame(decodeBase64(frame));
    });
    on<{ device: number | null; message: string }>("amdgpu:device_lost", ({ device, message }) => this.events.deviceLost(device, message));
    on<{ state: FeedState; message?: string }>("amdgpu:status", ({ state, message }) => {
      if (STATES.includes(state)) this.say(state, message ?? "");
    });
    on<{ active: boolean; message?: string }>("amdgpu:recording", ({ active, message }) => this.events.recording(active, message ?? ""));
    this.watch = setInterval(() => {
      if (this.rate === 0 || this.heard === null || this.said !== "live") return;
      const silence = performance.now() - this.heard;
      if (silence >= SILENCE_MS) this.events.state("stale", `nothing new for ${Math.round(silence / 1000)} s`);
    }, 500);
  }

  private push(event: string, payload: object): void {
    // Newer LiveViews answer with a promise, which is broken when the connection is: `disconnected` says so.
    const answer = this.port.pushEvent(event, payload);
    if (answer instanceof Promise) answer.catch(() => undefined);
  }

  private say(state: FeedState, message: string): void {
    this.said = state;
    this.events.state(state, message);
  }

  get record(): ((active: boolean) => void) | null {
    return this.canRecord ? (active) => this.push("amdgpu:record", { active }) : null;
  }

  setRate(rate: Rate | 0): void {
    if (rate === this.rate) return;
    this.rate = rate;
    this.heard = null;
    this.push("amdgpu:feed", { rate });
    if (rate === 0) this.events.state("off", "");
    else if (this.said !== "replay") this.say("connecting", "");
  }

  handled(frames: number): void {
    this.unanswered += frames;
    if (this.unanswered >= ACK_EVERY) this.acknowledge();
    else if (this.timer === null && this.unanswered > 0) this.timer = setTimeout(() => this.acknowledge(), ACK_AFTER_MS);
  }

  private acknowledge(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.unanswered === 0 || this.closed) return;
    this.push("amdgpu:ack", { frames: this.unanswered });
    this.unanswered = 0;
  }

  /** LiveView has lost its connection, or has it again. */
  disconnected(): void {
    this.heard = null;
    this.unanswered = 0;
    this.events.state("disconnected", "the connection is lost; trying again");
  }
  reconnected(): void {
    const rate = this.rate;
    this.rate = 0;
    if (rate !== 0) this.setRate(rate);
    else this.push("amdgpu:feed", { rate: 0 });
  }

  close(): void {
    this.closed = true;
    clearInterval(this.watch);
    if (this.timer !== null) clearTimeout(this.timer);
  }
}

export function decodeBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
