// Frames from a Phoenix channel: the gateway's, or that of an application.
import { type Channel, Socket } from "phoenix";
import { Acks } from "./acks";
import type { Feed, FeedEvents, FeedState, Rate } from "./feed";

export interface ChannelOptions {
  /** Of the socket, without "/websocket". */
  url: string;
  token?: string | undefined;
  /** Where the server gives away what it has recorded. */
  archive?: URL | undefined;
  /** For tests in Node. */
  transport?: new (endpoint: string) => object;
}

/** Frames that may be under way; a server that knows of it (the gateway does not) waits for answers. */
const CREDIT = 16;
/** A runtime that says nothing for this long is called gone or stuck. */
const SILENCE_MS = 2000;

interface RecordingState {
  active: boolean;
  message: string;
  bytes: number;
}

export class ChannelFeed implements Feed {
  private readonly socket: Socket;
  private channel: Channel | null = null;
  private acks: Acks | null = null;
  private rate: Rate | 0 = 0;
  /** When the latest frame came; null since the feed was begun or lost. */
  private heard: number | null = null;
  private ended = false;
  /** The frames are a recording's. */
  private replay = false;
  /** Null as long as the server has not said that it can record. */
  private recorder: RecordingState | null = null;
  private readonly watch: ReturnType<typeof setInterval>;

  constructor(
    private readonly options: ChannelOptions,
    private readonly events: FeedEvents,
  ) {
    this.socket = new Socket(options.url, {
      // A first try soon: most ends are restarts.
      reconnectAfterMs: (tries) => [100, 250, 500, 1000, 2000][tries - 1] ?? 5000,
      rejoinAfterMs: (tries) => [250, 1000, 2000][tries - 1] ?? 5000,
      ...(options.token ? { params: { token: options.token } } : {}),
      ...(options.transport ? { transport: options.transport } : {}),
    });
    this.socket.onError(() => this.lost());
    this.socket.onClose(() => this.lost());
    this.socket.onOpen(() => {
      if (this.rate !== 0) this.events.state("connecting", "joining");
    });
    this.watch = setInterval(() => this.check(), 500);
  }

  private lost(): void {
    if (this.rate === 0) return;
    this.heard = null;
    this.events.state("disconnected", "the connection is lost; trying again");
  }

  private check(): void {
    if (this.heard === null || performance.now() - this.heard < SILENCE_MS) return;
    if (this.ended) return;
    const seconds = Math.round((performance.now() - this.heard) / 1000);
    this.events.state("stale", `nothing new for ${seconds} s`);
  }

  setRate(rate: Rate | 0): void {
    if (rate === this.rate) return;
    this.rate = rate;
    this.channel?.leave();
    this.channel = null;
    this.stopAnswering();
    this.heard = null;
    if (rate === 0) {
      this.events.state("off", "");
      return;
    }
    // The frames go on while the channel is joined anew: there is nothing to be said of it.
    if (!this.socket.isConnected()) {
      this.events.state("connecting", "");
      this.socket.connect();
    }
    this.join(rate);
  }

  /** What the server says beside the frames. */
  status(state: FeedState, message: string): void {
    this.replay = state === "replay";
    if (this.rate !== 0) this.events.state(state, message);
  }

  get record(): ((active: boolean) => void) | null {
    const { channel, recorder } = this;
    if (channel === null || recorder === null) return null;
    return (active) => channel.push("record", { active }).receive("error", ({ reason }: { reason: string }) => this.recording({ ...recorder, message: reason }));
  }

  get archive(): (() => Promise<Blob>) | null {
    const { archive, token } = this.options;
    if (archive === undefined || this.recorder === null) return null;
    return async () => {
      const answer = await fetch(archive, token ? { headers: { authorization: `Bearer ${token}` } } : {});
      if (!answer.ok) throw new Error((await answer.text()).trim());
      return answer.blob();
    };
  }

  private recording(state: RecordingState): void {
    this.recorder = state;
    this.events.recording(state.active, state.message, state.bytes);
  }

  private join(rate: Rate): void {
    const channel = this.socket.channel("gpu:telemetry", { rate, encoding: "protobuf", credit: CREDIT, launch_events: false });
    this.channel = channel;
    this.replay = false;
    channel.on("telemetry_update", (payload: ArrayBuffer) => {
      if (this.channel !== channel) return;
      const first = this.heard === null || this.ended || performance.now() - this.heard >= SILENCE_MS;
      this.heard = performance.now();
      this.ended = false;
      if (first) this.events.state(this.replay ? "replay" : "live", "");
      this.events.frame(new Uint8Array(payload));
    });
    channel.on("status", ({ state }: { state: FeedState }) => this.status(state, ""));
    channel.on("recording", (state: RecordingState) => this.recording(state));
    channel.on("device_lost", (payload: { device: number | null; message: string }) => {
      if (payload.device === null) {
        this.ended = true;
        this.replay = false;
        this.events.state("no_runtime", "the runtime has ended; waiting for the next");
      }
      this.events.deviceLost(payload.device, payload.message);
    });
    channel
      .join()
      .receive("ok", (reply: { credit?: number; recording?: RecordingState } | undefined) => {
        if (this.channel !== channel) return;
        if (reply?.recording) this.recording(reply.recording);
        this.stopAnswering();
        if (reply?.credit) this.acks = new Acks(reply.credit / 2, (frames) => channel.push("ack", { frames }));
        if (this.heard === null) this.events.state("no_runtime", "waiting for a runtime");
      })
      .receive("error", (reply: { reason?: string } | undefined) => {
        if (this.channel === channel) this.events.state("refused", reply?.reason ?? "the server refuses");
      });
  }

  handled(frames: number): void {
    this.acks?.handled(frames);
  }

  private stopAnswering(): void {
    this.acks?.forget();
    this.acks = null;
  }

  close(): void {
    clearInterval(this.watch);
    this.rate = 0;
    this.channel?.leave();
    this.channel = null;
    this.stopAnswering();
    this.socket.disconnect();
  }
}
