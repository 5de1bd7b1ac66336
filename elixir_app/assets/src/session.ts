// One viewer's session: the feed, the store that it fills, and the panels that are drawn from it, as soon as a frame comes.
import type { Feed, FeedEvents, FeedState, Rate } from "./feed/feed";
import { Inbox, Pace } from "./feed/pace";
import { LatencyMeter, WallClock } from "./model/latency";
import { Watch } from "./model/rules";
import { type DeviceState, Store } from "./model/store";
import type { Panel } from "./view/panel";
import { type Colors, readColors, storedTheme, storeTheme, systemTheme, type Theme } from "./view/theme";

interface Entry {
  panel: Panel;
  visible: boolean;
  next: number;
}

/** Of the panels that are not drawn with every picture, in one. */
const MOST_SLOW = 2;

export class Session implements FeedEvents {
  readonly store = new Store();
  readonly watch = new Watch(this.store);
  readonly meter = new LatencyMeter();
  readonly pace: Pace;
  feedState: FeedState = "connecting";
  feedMessage = "";
  recordingActive = false;
  recordingMessage = "";
  /** What the server keeps of recordings; NaN if it does not say. */
  recordingBytes = NaN;
  paused = false;
  /** Seconds that charts show. */
  window = 30;
  selected: number | null = null;
  colors!: Colors;

  private readonly clock = new WallClock();
  private readonly inbox = new Inbox();
  private readonly entries = new Map<Element, Entry>();
  private readonly seer: IntersectionObserver | null;
  private readonly sizer: ResizeObserver | null;
  private readonly afterPaint = new MessageChannel();
  /** When the newest sample that is drawn was taken; NaN if that says nothing. */
  private newest = NaN;
  private feed: Feed | null = null;
  private pending = 0;
  private generation = -1;
  private nextReview = 0;
  private nextCheck = 0;
  private drawn = 0;
  private dirty = false;
  /** For the next picture, so far. */
  private made = { cost: 0, frames: 0, dropped: 0 };
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly listeners: (() => void)[] = [];

  private readonly roots = new Set<HTMLElement>();

  /** Colours are read from `root`, the first of the elements that the panels are in. */
  constructor(
    private readonly root: HTMLElement,
    rate: Rate = 60,
    private readonly fixedTheme: Theme | null = null,
  ) {
    this.pace = new Pace(rate);
    this.roots.add(root);
    this.setTheme(fixedTheme ?? storedTheme(), false);
    this.seer =
      typeof IntersectionObserver === "undefined"
        ? null
        : new IntersectionObserver((changes) => {
            for (const change of changes) {
              const entry = this.entries.get(change.target);
              if (entry !== undefined) entry.visible = change.isIntersecting;
            }
            this.invalidate();
          });
    this.sizer = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => this.invalidate());
    this.afterPaint.port1.onmessage = ({ data: sampled }: MessageEvent<number>) => {
      if (sampled === sampled && !this.paused) this.meter.painted(sampled, this.clock.now());
    };
    const onVisibility = () => this.applyRate();
    document.addEventListener("visibilitychange", onVisibility);
    this.listeners.push(() => document.removeEventListener("visibilitychange", onVisibility));
    const scheme = globalThis.matchMedia?.("(prefers-color-scheme: light)");
    const onScheme = () => this.restyle();
    scheme?.addEventListener("change", onScheme);
    this.listeners.push(() => scheme?.removeEventListener("change", onScheme));
    // States change without frames, too.
    this.timer = setInterval(() => {
      if (performance.now() - this.drawn > 400) this.invalidate();
    }, 500);
  }

  // --- The feed ---

  connect(make: (events: FeedEvents) => Feed): void {
    this.feed?.close();
    this.feed = make(this);
    this.applyRate();
  }

  get recorder(): ((active: boolean) => void) | null {
    return this.feed?.record ?? null;
  }
  get archive(): (() => Promise<Blob>) | null {
    return this.recordingBytes > 0 ? (this.feed?.archive ?? null) : null;
  }

  frame(bytes: Uint8Array): void {
    if (this.paused) return;
    this.inbox.push(bytes);
    // Drawn now it is ready when the screen takes its next picture; another one before that is drawn with it.
    const first = this.pending === 0;
    this.schedule();
    if (first) this.draw();
  }
  state(state: FeedState, message: string): void {
    // How old a recording is says nothing of what is live.
    if (state === "replay" || this.feedState === "replay") this.meter.reset();
    this.feedState = state;
    this.feedMessage = message;
    if (state === "disconnected" || state === "off") this.meter.reset();
    this.invalidate();
  }
  deviceLost(device: number | null, message: string): void {
    if (device === null) this.watch.runtimeEnded(message);
    this.invalidate();
  }
  recording(active: boolean, message: string, bytes: number): void {
    this.recordingActive = active;
    this.recordingMessage = message;
    this.recordingBytes = bytes;
    this.invalidate();
  }

  private applyRate(): void {
    const rate = this.paused || document.hidden ? 0 : this.pace.rate;
    this.pace.restart();
    if (rate === 0) this.inbox.take();
    this.feed?.setRate(rate);
  }

  setPaused(paused: boolean): void {
    if (paused === this.paused) return;
    this.paused = paused;
    this.applyRate();
    this.invalidate();
  }

  // --- Panels ---

  add(panel: Panel): void {
    this.entries.set(panel.element, { panel, visible: this.seer === null, next: 0 });
    this.seer?.observe(panel.element);
    this.sizer?.observe(panel.element);
    this.invalidate();
  }

  remove(panel: Panel): void {
    this.seer?.unobserve(panel.element);
    this.sizer?.unobserve(panel.element);
    this.entries.delete(panel.element);
    panel.destroy?.();
  }

  /** Everything is drawn again with the screen's next picture. */
  invalidate(): void {
    for (const entry of this.entries.values()) entry.next = 0;
    this.schedule();
  }

  /** Only this panel: its own controls were touched. */
  touch(panel: Panel): void {
    const entry = this.entries.get(panel.element);
    if (entry !== undefined) entry.next = 0;
    this.schedule();
  }

  private schedule(): void {
    this.dirty = true;
    if (this.pending === 0) this.pending = requestAnimationFrame(() => this.picture());
  }

  private picture(): void {
    this.pending = 0;
    if (this.dirty || this.inbox.length > 0) this.draw();
    const { cost, frames, dropped } = this.made;
    this.made = { cost: 0, frames: 0, dropped: 0 };
    this.pace.picture(cost, dropped, frames);
    if (frames > 0) {
      this.meter.picture(cost);
      // Comes after this picture has been painted.
      this.afterPaint.port2.postMessage(this.newest);
    }
    const now = performance.now();
    if (now >= this.nextReview) {
      this.nextReview = now + 1000;
      if (!document.hidden && !this.paused && this.pace.review(now)) this.feed?.setRate(this.pace.rate);
    }
  }

  /** Of the panels that are drawn now and then a few at a time, so that no picture has to wait for all of them. */
  private due(now: number): Entry[] {
    const all = [...this.entries.values()].filter((entry) => entry.visible && now >= entry.next);
    const slow = all.filter((entry) => entry.panel.every > 0 && entry.next > 0).sort((a, b) => a.next - b.next);
    const later = new Set(slow.slice(MOST_SLOW));
    return later.size === 0 ? all : all.filter((entry) => !later.has(entry));
  }

  private draw(): void {
    this.dirty = false;
    const began = performance.now();
    const { frames, dropped } = this.inbox.take();
    let fresh = false;
    for (const frame of frames) fresh = this.store.ingest(frame) || fresh;
    if (frames.length > 0) this.feed?.handled(frames.length + dropped);
    if (this.generation !== this.store.generation) {
      this.generation = this.store.generation;
      for (const { panel } of this.entries.values()) panel.restyle?.(this);
      for (const entry of this.entries.values()) entry.next = 0;
    }
    if (began >= this.nextCheck) {
      this.nextCheck = began + 250;
      this.watch.check(this.meter.remote || this.paused ? NaN : (this.meter.latency.at(0.5)[0] ?? NaN));
    }
    for (const entry of this.due(began)) {
      entry.next = began + entry.panel.every - 4;
      entry.panel.render(this);
    }
    this.made.cost += performance.now() - began;
    this.made.dropped += dropped;
    if (fresh) {
      this.made.frames += frames.length;
      this.newest = this.feedState === "replay" ? NaN : this.store.sampledUnixMs;
      this.drawn = began;
    }
  }

  // --- What the panels share ---

  /** The device that charts and the memory map are of. */
  get device(): DeviceState | null {
    const { devices } = this.store;
    const chosen = this.selected === null ? undefined : devices.get(this.selected);
    if (chosen !== undefined) return chosen;
    for (const device of devices.values()) return device;
    return null;
  }

  select(device: number): void {
    this.selected = device;
    for (const { panel } of this.entries.values()) panel.restyle?.(this);
    this.invalidate();
  }

  setWindow(seconds: number): void {
    this.window = seconds;
    this.invalidate();
  }

  get theme(): Theme {
    const set = this.root.dataset["theme"];
    return set === "dark" || set === "light" ? set : systemTheme();
  }

  setTheme(theme: Theme | null, keep = true): void {
    if (theme !== null) {
      for (const root of this.roots) root.dataset["theme"] = theme;
      if (keep) storeTheme(theme);
    }
    this.restyle();
  }

  /** Another element with panels in it: it has the same theme. */
  addRoot(root: HTMLElement): void {
    this.roots.add(root);
    const theme = this.root.dataset["theme"];
    if (theme !== undefined) root.dataset["theme"] = theme;
  }
  removeRoot(root: HTMLElement): void {
    this.roots.delete(root);
  }

  get themeIsFixed(): boolean {
    return this.fixedTheme !== null;
  }

  private restyle(): void {
    this.colors = readColors(this.root);
    for (const { panel } of this.entries.values()) panel.restyle?.(this);
    this.invalidate();
  }

  destroy(): void {
    clearInterval(this.timer);
    if (this.pending !== 0) cancelAnimationFrame(this.pending);
    this.feed?.close();
    this.feed = null;
    for (const { panel } of [...this.entries.values()]) this.remove(panel);
    this.seer?.disconnect();
    this.sizer?.disconnect();
    this.afterPaint.port1.close();
    for (const off of this.listeners) off();
  }
}
