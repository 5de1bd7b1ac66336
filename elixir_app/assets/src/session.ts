// One viewer's session: the feed, the store that it fills, and the panels that are drawn from it, once per animation frame.
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
  private awaited = NaN;
  private feed: Feed | null = null;
  private pending = 0;
  private generation = -1;
  private nextReview = 0;
  private nextCheck = 0;
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
    this.afterPaint.port1.onmessage = () => {
      if (this.awaited === this.awaited && !this.paused) this.meter.painted(this.awaited, this.clock.now());
      this.awaited = NaN;
    };
    const onVisibility = () => this.applyRate();
    document.addEventListener("visibilitychange", onVisibility);
    this.listeners.push(() => document.removeEventListener("visibilitychange", onVisibility));
    const scheme = globalThis.matchMedia?.("(prefers-color-scheme: light)");
    const onScheme = () => this.restyle();
    scheme?.addEventListener("change", onScheme);
    this.listeners.push(() => scheme?.removeEventListener("change", onScheme));
    // States change without frames, too.
    this.timer = setInterval(() => this.invalidate(), 500);
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
    this.schedule();
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

  /** Everything is drawn again with the next animation frame. */
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
    if (this.pending === 0) this.pending = requestAnimationFrame(() => this.picture());
  }

  private picture(): void {
    this.pending = 0;
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
    for (const entry of this.entries.values()) {
      if (!entry.visible || began < entry.next) continue;
      entry.next = began + entry.panel.every - 4;
      entry.panel.render(this);
    }
    const cost = performance.now() - began;
    this.pace.picture(cost, dropped, frames.length);
    if (fresh) {
      this.meter.picture(cost);
      this.awaited = this.feedState === "replay" ? NaN : this.store.sampledUnixMs;
      this.afterPaint.port2.postMessage(0);
    }
    if (began >= this.nextReview) {
      this.nextReview = began + 1000;
      if (!document.hidden && !this.paused && this.pace.review(began)) this.feed?.setRate(this.pace.rate);
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
