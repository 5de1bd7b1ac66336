// Where frames come from. A feed says how it is; whoever owns it says how fast it should be.

export type Rate = 60 | 30 | 10 | 1;
export const RATES: readonly Rate[] = [60, 30, 10, 1];

export type FeedState =
  | "connecting"
  | "live"
  /** Asked to send nothing. */
  | "off"
  | "disconnected"
  /** Somebody must do something: a token is missing, the server refuses. */
  | "refused"
  /** There is a connection, and no runtime at its other end. */
  | "no_runtime"
  | "stale"
  | "replay";

export interface FeedEvents {
  frame(bytes: Uint8Array): void;
  state(state: FeedState, message: string): void;
  /** null: the runtime itself has ended. */
  deviceLost(device: number | null, message: string): void;
  /** `bytes` are on the server's disk; NaN if it does not say. */
  recording(active: boolean, message: string, bytes: number): void;
}

export interface Feed {
  /** Begins; 0 stands for nothing at all until another rate is set. */
  setRate(rate: Rate | 0): void;
  /** A frame was dealt with. */
  handled(frames: number): void;
  /** Null if this feed cannot record. */
  readonly record: ((active: boolean) => void) | null;
  /** Fetches what was recorded; null if that cannot be had here. */
  readonly archive: (() => Promise<Blob>) | null;
  close(): void;
}
