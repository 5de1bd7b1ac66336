// The kernel timeline: a lane for each stream, a bar for each launch and copy, as they ran.
import { statusText } from "../model/metrics";
import { KIND_LAUNCH, type LaunchEntry } from "../model/launches";
import { NONE, shapeText, text } from "../model/units";
import type { Session } from "../session";
import { fitCanvas, h, setAttribute, setText, show } from "./dom";
import type { Panel } from "./panel";
import { alpha, clockText } from "./plot";
import { seriesColor } from "./theme";
import { eachBar, entryAt, neighbour, tickStep, Viewport } from "./timeline_geometry";
import { Tooltip } from "./tooltip";

const LANE = 26;
const GAP = 6;
const AXIS = 22;
/** Lanes that had nothing for this long are put away. */
const IDLE_MS = 30_000;
const COPIES = ["", "copy in", "copy out", "copy within", "fill"];

export class TimelinePanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 0;
  readonly view = new Viewport();
  private readonly canvas = h("canvas", { class: "ag-lanes", tabindex: "0", role: "application", "aria-roledescription": "timeline", "aria-label": "Launches" });
  private readonly box = h("div", { class: "ag-lanes-box" }, this.canvas);
  private readonly tooltip = new Tooltip(this.box);
  private readonly empty = h("p", { class: "ag-empty" }, "No kernel has been launched yet. Launches appear here as they finish.");
  private readonly spanText = h("span", { class: "ag-muted ag-span" });
  private readonly note = h("p", { class: "ag-note" }, "Drag to pan; Ctrl and wheel, pinch, + and − to zoom; n and p go from launch to launch; End returns to the present.");
  private readonly liveButton = h("button", { type: "button", class: "ag-button", "aria-pressed": "true" }, "Live");
  private session: Session | null = null;
  private lanes: number[] = [];
  private chosen = -1;
  private gutter = 96;
  private readonly pointers = new Map<number, number>();
  private width = 0;
  private drawnEnd = NaN;
  private drawnTotal = -1;
  private nextTexts = 0;
  private dirty = true;

  constructor() {
    const button = (label: string, title: string, act: () => void) => {
      const element = h("button", { type: "button", class: "ag-button ag-square", title, "aria-label": title }, label);
      element.addEventListener("click", act);
      return element;
    };
    this.liveButton.addEventListener("click", () => this.act(() => this.view.live(this.now)));
    this.element = h(
      "section",
      { class: "ag-card ag-panel ag-timeline", "aria-label": "Kernel timeline" },
      h("header", { class: "ag-card-head" }, h("h2", { class: "ag-card-title" }, "Kernel timeline"), this.spanText, h("div", { class: "ag-controls" }, button("−", "Show more time", () => this.zoom(2, 0.5)), button("+", "Show less time", () => this.zoom(0.5, 0.5)), this.liveButton)),
      this.empty,
      this.box,
      this.note,
    );
    this.listen();
  }

  private get now(): number {
    return this.session?.store.now ?? 0;
  }
  private get plotWidth(): number {
    return Math.max(1, this.width - this.gutter);
  }
  private act(change: () => void): void {
    change();
    this.dirty = true;
    this.session?.touch(this);
  }
  private zoom(factor: number, at: number): void {
    this.act(() => this.view.zoom(factor, at, this.now));
  }

  private listen(): void {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => {
      const zooms = event.ctrlKey || event.metaKey || (document.activeElement === canvas && !event.shiftKey && event.deltaX === 0);
      if (zooms) {
        event.preventDefault();
        this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 240))), this.fraction(event.offsetX));
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        const by = event.deltaX !== 0 ? event.deltaX : event.deltaY;
        this.act(() => this.view.pan((by / this.plotWidth) * this.view.span, this.now));
      }
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      this.pointers.set(event.pointerId, event.offsetX);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = this.pointers.get(event.pointerId);
      if (before === undefined) {
        this.point(event.offsetX, event.offsetY);
        return;
      }
      if (this.pointers.size === 2) this.pinch(event.pointerId, before, event.offsetX);
      else if (event.offsetX !== before) this.act(() => this.view.pan(((before - event.offsetX) / this.plotWidth) * this.view.span, this.now));
      this.pointers.set(event.pointerId, event.offsetX);
    });
    const up = (event: PointerEvent) => this.pointers.delete(event.pointerId);
    canvas.addEventListener("pointerup", (event) => {
      up(event);
      this.point(event.offsetX, event.offsetY);
    });
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => this.choose(-1));
    canvas.addEventListener("blur", () => this.choose(-1));
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = this.view.span / 8;
      const keys: Record<string, () => void> = {
        ArrowLeft: () => this.view.pan(-step, this.now),
        ArrowRight: () => this.view.pan(step, this.now),
        ArrowUp: () => this.view.zoom(0.7, 0.5, this.now),
        ArrowDown: () => this.view.zoom(1 / 0.7, 0.5, this.now),
        "+": () => this.view.zoom(0.5, 0.5, this.now),
        "=": () => this.view.zoom(0.5, 0.5, this.now),
        "-": () => this.view.zoom(2, 0.5, this.now),
        End: () => this.view.live(this.now),
        Escape: () => this.choose(-1),
        n: () => this.step(1),
        p: () => this.step(-1),
      };
      const change = keys[event.key];
      if (change === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.act(change);
    });
  }

  private fraction(x: number): number {
    return Math.min(1, Math.max(0, (x - this.gutter) / this.plotWidth));
  }

  private pinch(id: number, before: number, after: number): void {
    let other = 0;
    for (const [pointer, x] of this.pointers) if (pointer !== id) other = x;
    const was = Math.abs(before - other);
    const is = Math.abs(after - other);
    if (was > 8 && is > 8) this.zoom(was / is, this.fraction((after + other) / 2));
  }

  private point(x: number, y: number): void {
    const ring = this.session?.store.launches;
    const lane = this.lanes[Math.floor(y / (LANE + GAP))];
    if (ring === undefined || lane === undefined || x < this.gutter) return this.choose(-1);
    this.choose(entryAt(ring, this.view, this.plotWidth, lane, x - this.gutter, 4));
  }

  private step(direction: 1 | -1): void {
    const ring = this.session?.store.launches;
    if (ring === undefined || ring.total === 0) return;
    this.view.follow = false;
    const next = neighbour(ring, this.chosen, direction);
    const at = next % ring.capacity;
    this.view.reveal(ring.started[at]!, ring.ended[at]!, this.now);
    this.choose(next);
  }

  private choose(entry: number): void {
    if (entry === this.chosen) return;
    this.chosen = entry;
    if (entry < 0) this.tooltip.hide();
    this.dirty = true;
    this.session?.touch(this);
  }

  restyle(session: Session): void {
    this.dirty = true;
    this.nextTexts = 0;
    if (session.store.launches.total === 0) this.choose(-1);
  }

  render(session: Session): void {
    this.session = session;
    const { store } = session;
    const ring = store.launches;
    const something = ring.total > 0 || store.active.length > 0;
    show(this.empty, !something);
    show(this.box, something);
    show(this.note, something);
    if (!something) return;
    this.view.advance(store.now);
    const now = performance.now();
    if (now >= this.nextTexts) {
      this.nextTexts = now + 250;
      this.width = this.box.clientWidth;
      this.gutter = this.width < 560 ? 64 : 104;
      this.chooseLanes(session);
      this.writeTexts(session);
      this.dirty = true;
    }
    if (!this.dirty && this.view.end === this.drawnEnd && ring.total === this.drawnTotal) return;
    this.dirty = false;
    this.drawnEnd = this.view.end;
    this.drawnTotal = ring.total;
    if (this.width > 0) this.draw(session);
  }

  private chooseLanes(session: Session): void {
    const { store } = session;
    const ring = store.launches;
    for (const active of store.active) ring.laneNumber(active.device, active.stream, store.now);
    const since = Math.min(this.view.start, store.now - IDLE_MS);
    const lanes: number[] = [];
    ring.lanes.forEach((lane, number) => {
      if (lane.last >= since) lanes.push(number);
    });
    lanes.sort((a, b) => {
      const left = ring.lanes[a]!;
      const right = ring.lanes[b]!;
      return left.device - right.device || left.stream - right.stream;
    });
    this.lanes = lanes;
  }

  private writeTexts(session: Session): void {
    setText(this.spanText, `${text(this.view.span * 1e6, "ns")} shown${this.view.follow ? "" : `, ending ${text((session.store.now - this.view.end) * 1e6, "ns")} ago`}`);
    setAttribute(this.liveButton, "aria-pressed", String(this.view.follow));
    setAttribute(this.canvas, "aria-label", `Launches of ${this.lanes.length} streams over ${text(this.view.span * 1e6, "ns")}`);
  }

  private draw(session: Session): void {
    const { store, colors } = session;
    const ring = store.launches;
    const { canvas, view, width, gutter, lanes } = this;
    const height = Math.max(1, lanes.length) * (LANE + GAP) + AXIS;
    fitCanvas(canvas, width, height);
    const context = canvas.getContext("2d")!;
    const scale = canvas.width / width;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = `11px ${colors.font}`;
    context.textBaseline = "middle";
    const plot = this.plotWidth;
    const row = new Map<number, number>();
    lanes.forEach((lane, place) => row.set(lane, place * (LANE + GAP)));

    this.drawAxis(session, context, height);
    context.textAlign = "left";
    lanes.forEach((lane, place) => {
      const y = place * (LANE + GAP);
      context.fillStyle = colors.well;
      context.fillRect(gutter, y, plot, LANE);
      const { device, stream } = ring.lanes[lane]!;
      const many = store.devices.size > 1;
      context.fillStyle = colors.muted;
      const name = stream === 0 ? "default" : stream >= 1022 ? (stream === 1023 ? "uploads" : "downloads") : `stream ${stream}`;
      context.fillText(many ? `${store.deviceName(device)} ${gutter < 100 ? `s${stream}` : name}` : name, 0, y + LANE / 2 + 1, gutter - 8);
    });

    context.save();
    context.beginPath();
    context.rect(gutter, 0, plot, height - AXIS);
    context.clip();
    this.drawActive(session, context, row);
    let chosenX = NaN;
    let chosenWidth = 0;
    eachBar(ring, view, plot, (n, lane, x, w) => {
      const y = row.get(lane);
      if (y === undefined) return;
      const at = n % ring.capacity;
      const left = gutter + x;
      if (n === this.chosen) {
        chosenX = left;
        chosenWidth = w;
      }
      const copy = ring.kind[at] !== KIND_LAUNCH;
      const failed = ring.status[at] !== 0;
      context.fillStyle = failed ? colors.bad : copy ? colors.muted : seriesColor(colors, ring.kernel[at]!);
      const top = copy ? y + LANE / 2 - 3 : y + 3;
      const tall = copy ? 6 : LANE - 6;
      if (w > 12) {
        context.beginPath();
        context.roundRect(left, top, w - 0.5, tall, 3);
        context.fill();
        if (w > 34 && !copy) {
          context.fillStyle = colors.ink;
          const label = clip(context, store.kernelName(ring.kernel[at]!), w - 10);
          if (label !== "") context.fillText(label, Math.max(left, gutter) + 5, y + LANE / 2 + 1);
        }
      } else {
        context.fillRect(left, top, Math.max(1, w), tall);
      }
    });
    context.restore();
    if (this.chosen >= ring.first && this.chosen < ring.total) this.drawChosen(session, context, row, chosenX, chosenWidth);
    else if (this.chosen >= 0) this.choose(-1);
  }

  private drawAxis(session: Session, context: CanvasRenderingContext2D, height: number): void {
    const { colors, store } = session;
    const { view, gutter } = this;
    const plot = this.plotWidth;
    const step = tickStep(view.span, Math.max(2, Math.floor(plot / 110)));
    // Ticks at round times of the wall clock.
    const unix = store.unixMs(0);
    const first = Math.ceil((view.start + unix) / step) * step - unix;
    context.fillStyle = colors.muted;
    context.textAlign = "center";
    const places = step >= 1000 ? 0 : Math.min(6, Math.ceil(-Math.log10(step / 1000) - 1e-9));
    for (let time = first, left = 64; time <= view.end && left > 0; time += step, left--) {
      const x = gutter + view.x(time, plot);
      context.fillStyle = colors.grid;
      context.fillRect(Math.round(x), 0, 1, height - AXIS);
      const wall = (unix + time) / 1000;
      const part = wall - Math.floor(wall);
      const label = places === 0 ? clockText(wall) : `${clockText(wall + 1e-7)}${part.toFixed(places).slice(1)}`;
      context.fillStyle = colors.muted;
      if (x > gutter + 24 && x < gutter + plot - 24) context.fillText(label, x, height - AXIS / 2 + 2);
    }
  }

  /** What runs now has no end yet: it fades towards the present. */
  private drawActive(session: Session, context: CanvasRenderingContext2D, row: Map<number, number>): void {
    const { store, colors } = session;
    const ring = store.launches;
    const { view, gutter } = this;
    const plot = this.plotWidth;
    if (view.end < store.now - 1) return;
    for (const active of store.active) {
      if (!active.first) continue;
      const y = row.get(ring.laneNumber(active.device, active.stream, store.now));
      if (y === undefined) continue;
      const left = gutter + Math.max(0, view.x(active.queued, plot));
      const w = Math.max(2, gutter + view.x(store.now, plot) - left);
      context.fillStyle = alpha(seriesColor(colors, active.kernel), 0.4);
      context.beginPath();
      context.roundRect(left, y + 3, w, LANE - 6, 3);
      context.fill();
    }
  }

  private drawChosen(session: Session, context: CanvasRenderingContext2D, row: Map<number, number>, x: number, w: number): void {
    const { colors, store } = session;
    const ring = store.launches;
    const y = row.get(ring.lane[this.chosen % ring.capacity]!);
    const entry = ring.get(this.chosen);
    if (y === undefined) return;
    if (x !== x) {
      // It shares its pixel with another.
      x = this.gutter + this.view.x(entry.started, this.plotWidth);
      w = Math.max(1, this.view.x(entry.ended, this.plotWidth) + this.gutter - x);
    }
    if (x + w < this.gutter || x > this.width) {
      this.tooltip.hide();
      return;
    }
    context.strokeStyle = colors.text;
    context.lineWidth = 2;
    context.strokeRect(x - 1, y + 2, Math.max(3, w) + 1, LANE - 4);
    const title = entry.kind === KIND_LAUNCH ? store.kernelName(entry.kernel) : (COPIES[entry.kind] ?? "copy");
    this.tooltip.show(Math.min(this.width, Math.max(this.gutter, x + w / 2)), y + LANE, title, describe(session, entry));
  }

  destroy(): void {
    this.tooltip.hide();
  }
}

/** What hovering tells of a launch or copy. */
export function describe(session: Session, entry: LaunchEntry): (readonly [string, string])[] {
  const ms = entry.ended - entry.started;
  const rows: (readonly [string, string])[] = [["Took", text(ms * 1e6, "ns")], ["Waited", text(Math.max(0, entry.started - entry.queued) * 1e6, "ns")]];
  if (entry.kind === KIND_LAUNCH) {
    rows.push(["Grid", shapeText(entry.grid)], ["Block", shapeText(entry.block)]);
    if (entry.shared > 0) rows.push(["Shared", text(entry.shared, "bytes")]);
    rows.push(["Bandwidth", entry.bytes > 0 && ms > 0 ? text((entry.bytes / ms) * 1e3, "bytes/s") : NONE]);
    rows.push(["Compute", entry.flops > 0 && ms > 0 ? text((entry.flops / ms) * 1e3, "flops/s") : NONE]);
    rows.push(["Occupancy", text(entry.occupancy, "ratio")]);
  } else {
    rows.push(["Size", text(entry.bytes, "bytes")], ["Rate", ms > 0 ? text((entry.bytes / ms) * 1e3, "bytes/s") : NONE]);
  }
  rows.push(["Owner", session.store.ownerName(entry.owner)]);
  if (entry.label !== "") rows.push(["Label", entry.label]);
  if (entry.status !== 0) rows.push(["Failed", statusText(entry.status)]);
  return rows;
}

const widths = new Map<string, number>();

/** As much of a text as fits; empty if that is hardly anything. */
function clip(context: CanvasRenderingContext2D, name: string, room: number): string {
  const key = `${context.font}\n${name}`;
  let width = widths.get(key);
  if (width === undefined) {
    if (widths.size > 2000) widths.clear();
    widths.set(key, (width = context.measureText(name).width));
  }
  if (width <= room) return name;
  const fit = Math.floor((name.length * room) / width) - 1;
  return fit < 3 ? "" : `${name.slice(0, fit)}…`;
}
