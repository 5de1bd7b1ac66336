// Tells a server how many frames were dealt with: several at once, as each answer costs it as much as a frame.

const AFTER_MS = 250;

export class Acks {
  private unanswered = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly every: number,
    private readonly send: (frames: number) => void,
  ) {}

  handled(frames: number): void {
    this.unanswered += frames;
    if (this.unanswered >= this.every) this.flush();
    else if (this.timer === null && this.unanswered > 0) this.timer = setTimeout(() => this.flush(), AFTER_MS);
  }

  flush(): void {
    const frames = this.unanswered;
    this.forget();
    if (frames > 0) this.send(frames);
  }

  forget(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.unanswered = 0;
  }
}
