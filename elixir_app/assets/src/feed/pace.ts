// How many frames a second this browser is given: what it can follow, and none while nobody looks.
import { RATES, type Rate } from "./feed";

/** Of the main thread's time may go into frames, before there will be fewer ... */
const BUSY = 0.6;
/** ... and the share that the next higher rate would have to stay below, for it to be tried again. */
const EASY = 0.35;
const SLOW_AFTER_S = 2;
const FAST_AFTER_S = 15;
/** Each time that it had to go down, it waits twice as long before it goes up again, up to this. */
const PATIENCE_S = 300;

export class Pace {
  private chosen: Rate;
  private spent = 0;
  private since = 0;
  private slowFor = 0;
  private easyFor = 0;
  private dropped = 0;
  private pictures = 0;
  private waited = 0;
  private patience = FAST_AFTER_S;

  constructor(private most: Rate = 60) {
    this.chosen = most;
  }

  get rate(): Rate {
    return this.chosen;
  }

  limit(most: Rate): void {
    this.most = most;
    if (this.chosen > most) this.chosen = most;
  }

  /**
   * Milliseconds that a picture took, frames that were thrown away before it, and how many it was made of: more than one means
   * that the browser paints less often than frames come, whatever it costs us.
   */
  picture(costMs: number, dropped: number, frames: number): void {
    this.spent += costMs;
    this.dropped += dropped;
    if (frames === 0) return;
    this.pictures++;
    this.waited += frames - 1;
  }

  private begin(nowMs: number): void {
    this.since = nowMs;
    this.spent = this.dropped = this.pictures = this.waited = 0;
  }

  /** About once a second; true if the rate is another now. */
  review(nowMs: number): boolean {
    if (this.since === 0) {
      this.begin(nowMs);
      return false;
    }
    const elapsed = nowMs - this.since;
    const share = this.spent / Math.max(1, elapsed);
    const behind = this.dropped > 2 || share > BUSY || this.waited > this.pictures;
    const place = RATES.indexOf(this.chosen);
    const higher = RATES[place - 1];
    const easy = higher !== undefined && higher <= this.most && (share * higher) / this.chosen < EASY && this.dropped === 0 && this.waited <= this.pictures / 4;
    this.begin(nowMs);
    this.slowFor = behind ? this.slowFor + elapsed / 1000 : 0;
    this.easyFor = easy ? this.easyFor + elapsed / 1000 : 0;
    const lower = RATES[place + 1];
    // The slowest that charts can still be called live with.
    if (this.slowFor >= SLOW_AFTER_S && lower !== undefined && lower >= 10) {
      this.patience = Math.min(PATIENCE_S, this.patience * 2);
      return this.change(lower);
    }
    if (this.easyFor >= this.patience && higher !== undefined) return this.change(higher);
    return false;
  }

  private change(rate: Rate): boolean {
    this.chosen = rate;
    this.slowFor = this.easyFor = 0;
    return true;
  }

  /** Time has passed that says nothing: the tab was hidden. */
  restart(): void {
    this.since = 0;
    this.slowFor = this.easyFor = 0;
  }
}

/** Frames that came and were not looked at yet; of more than `most` the oldest go. */
export class Inbox {
  private frames: Uint8Array[] = [];
  private lost = 0;

  constructor(private readonly most = 12) {}

  push(frame: Uint8Array): void {
    this.frames.push(frame);
    if (this.frames.length > this.most) {
      this.frames.shift();
      this.lost++;
    }
  }
  get length(): number {
    return this.frames.length;
  }
  /** Empties it: what is there, and how many were thrown away since the last time. */
  take(): { frames: Uint8Array[]; dropped: number } {
    const taken = { frames: this.frames, dropped: this.lost };
    this.frames = [];
    this.lost = 0;
    return taken;
  }
}
