// Frames that a LiveView pushes as events, in base64; answered in groups, so that the server knows how many are under way.
import { Acks } from "./acks";
import type { Feed, FeedEvents, FeedState, Rate } from "./feed";

/** What of a LiveView hook is needed here. */
export interface EventPort {
  pushEvent(event: string, payload: object): unknown;
  handleEvent(event: string, callback: (payload: never) => void): unknown;
}

const ACK_EVERY = 8;
const SILENCE_MS = 2000;
const STATES: readonly FeedState[] = ["live", "stale", "replay", "no_runtime"];

export class EventFeed implements Feed {
  readonly archive = null;
  private rate: Rate | 0 = 0;
  private readonly acks = new Acks(ACK_EVERY, (frames) => {
    if (!this.closed) this.push("amdgpu:ack", { frames });
  });
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
    on<{ active: boolean; message?: string }>("amdgpu:recording", ({ active, message }) => this.events.recording(active, message ?? "", NaN));
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
    this.acks.handled(frames);
  }

  /** LiveView has lost its connection, or has it again. */
  disconnected(): void {
    this.heard = null;
    this.acks.forget();
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
    this.acks.forget();
  }
}

export function decodeBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
