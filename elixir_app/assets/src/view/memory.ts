// The memory map of a device's pool: every block at its place, in its owner's colour; the rest is free.
import type { Pool } from "../../gen/telemetry_pb";
import { integer, NONE, span, text } from "../model/units";
import type { Session } from "../session";
import { fitCanvas, h, setAttribute, setText, show } from "./dom";
import { layout, type Piece } from "./memory_layout";
import type { Panel } from "./panel";
import { seriesColor } from "./theme";
import { Tooltip } from "./tooltip";

const ROW = 26;
const GAP = 4;
const NAMED = 6;

export class MemoryPanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 200;
  private readonly canvas = h("canvas", { class: "ag-map", tabindex: "0", role: "img", "aria-label": "Memory map" });
  private readonly figures = h("dl", { class: "ag-map-figures" });
  private readonly values = new Map<string, HTMLElement>();
  private readonly legend = h("div", { class: "ag-legend ag-map-legend" });
  private readonly note = h("p", { class: "ag-note" });
  private readonly empty = h("p", { class: "ag-empty" }, "No memory is reserved yet.");
  private readonly tooltip: Tooltip;
  private pieces: Piece[] = [];
  private shown: Pool | null = null;
  private chosen = -1;
  private colorOf = new Map<bigint, number>();
  private session: Session | null = null;
  private legendKey = "";

  constructor() {
    const box = h("div", { class: "ag-map-box" }, this.canvas);
    this.tooltip = new Tooltip(box);
    this.element = h("section", { class: "ag-card ag-panel ag-memory", "aria-label": "Memory map" }, h("header", { class: "ag-card-head" }, h("h2", { class: "ag-card-title" }, "Memory map")), this.figures, this.empty, box, this.legend, this.note);
    this.canvas.addEventListener("pointermove", (event) => this.point(event.offsetX, event.offsetY));
    this.canvas.addEventListener("pointerleave", () => this.choose(-1));
    this.canvas.addEventListener("blur", () => this.choose(-1));
    this.canvas.addEventListener("keydown", (event) => {
      const count = this.shown?.blocks.length ?? 0;
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (event.key === "Escape") this.choose(-1);
      if (step === undefined || count === 0) return;
      event.preventDefault();
      this.choose((this.chosen + step + count) % count);
    });
  }

  restyle(): void {
    this.legendKey = "";
    this.choose(-1);
  }

  private point(x: number, y: number): void {
    const row = Math.floor(y / (ROW + GAP));
    const at = x / this.canvas.clientWidth;
    // Small blocks are wider on the screen than they are: the last that was drawn there is what one sees.
    const reach = 1 / Math.max(1, this.canvas.clientWidth);
    let found = -1;
    for (const piece of this.pieces) if (piece.row === row && at >= piece.from - reach && at <= Math.max(piece.to, piece.from + reach)) found = piece.block;
    this.choose(found);
  }

  private choose(block: number): void {
    this.chosen = block;
    if (block < 0) this.tooltip.hide();
    this.session?.touch(this);
  }

  render(session: Session): void {
    this.session = session;
    const device = session.device;
    const pool = device?.sample.pool;
    show(this.empty, pool === undefined || pool.reservedBytes === 0n);
    show(this.figures, pool !== undefined);
    if (device === null || pool === undefined) return;
    this.writeFigures(pool);
    const map = device.pool;
    const drawable = map !== null && map.regions.length > 0;
    show(this.canvas.parentElement!, pool.reservedBytes > 0n);
    this.colors(session, pool);
    if (drawable) this.drawBlocks(session, map);
    else this.drawOwners(session, pool);
  }

  private writeFigures(pool: Pool): void {
    const free = Number(pool.reservedBytes - pool.usedBytes);
    const slack = Number(pool.usedBytes - pool.requestedBytes);
    this.figure("Used", text(Number(pool.usedBytes), "bytes"));
    this.figure("Reserved", text(Number(pool.reservedBytes), "bytes"));
    this.figure("Peak", text(Number(pool.peakBytes), "bytes"));
    this.figure("Free", text(free, "bytes"));
    this.figure("Largest free", text(Number(pool.largestFreeBytes), "bytes"));
    this.figure("Fragmentation", text(pool.fragmentationRatio, "ratio"));
    this.figure("Rounding", text(slack, "bytes"));
    this.figure("Limit", pool.limitBytes === 0n ? NONE : text(Number(pool.limitBytes), "bytes"));
    this.figure("Allocations", integer(Number(pool.allocationsTotal)));
    this.figure("Pools", integer(pool.poolCount));
  }

  private figure(name: string, value: string): void {
    let element = this.values.get(name);
    if (element === undefined) {
      element = h("dd");
      this.values.set(name, element);
      this.figures.append(h("div", {}, h("dt", {}, name), element));
    }
    setText(element, value);
  }

  /** The largest holders keep a colour each; the rest share the last. */
  private colors(session: Session, pool: Pool): void {
    const holders = pool.owners.slice(0, NAMED);
    const used = new Set<number>();
    const colors = new Map<bigint, number>();
    for (const { owner } of holders) {
      const before = this.colorOf.get(owner);
      if (before !== undefined && !used.has(before)) {
        colors.set(owner, before);
        used.add(before);
      }
    }
    for (const { owner } of holders) {
      if (colors.has(owner)) continue;
      let color = 0;
      while (used.has(color)) color++;
      colors.set(owner, color);
      used.add(color);
    }
    this.colorOf = colors;
    const items = holders.map((use) => [colors.get(use.owner)!, this.ownerName(session, use.owner), text(Number(use.bytes), "bytes")] as const);
    const key = items.map((item) => `${item[0]} ${item[1]}`).join("\n");
    if (key !== this.legendKey) {
      this.legendKey = key;
      this.legend.replaceChildren(...items.map(([color, name]) => h("span", { class: "ag-legend-item" }, h("i", { class: `ag-swatch ag-s${color}` }), h("span", { class: "ag-legend-name", title: name }, name), h("span", { class: "ag-legend-value" }))));
      if (items.length > 0) this.legend.append(h("span", { class: "ag-legend-item" }, h("i", { class: "ag-swatch ag-free" }), h("span", { class: "ag-legend-name" }, "free")));
    }
    items.forEach((item, i) => setText(this.legend.children[i]!.querySelector(".ag-legend-value")!, item[2]));
  }

  private ownerName(session: Session, owner: bigint): string {
    if (owner === 0n) return "the runtime";
    const state = session.store.ownerByKey(owner);
    return state === undefined ? `owner ${owner}` : state.name === "" ? state.process : state.name;
  }

  private color(session: Session, owner: bigint): string {
    const color = this.colorOf.get(owner);
    return color === undefined ? session.colors.muted : seriesColor(session.colors, color);
  }

  private prepare(session: Session, rows: number): CanvasRenderingContext2D | null {
    const width = this.canvas.clientWidth;
    if (width === 0) return null;
    const height = rows * (ROW + GAP) - GAP;
    fitCanvas(this.canvas, width, height);
    const context = this.canvas.getContext("2d")!;
    const scale = this.canvas.width / width;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    for (let row = 0; row < rows; row++) {
      context.fillStyle = session.colors.well;
      context.beginPath();
      context.roundRect(0, row * (ROW + GAP), width, ROW, 4);
      context.fill();
    }
    return context;
  }

  private drawBlocks(session: Session, pool: Pool): void {
    const width = this.canvas.clientWidth;
    const regions = pool.regions.map((region) => ({ offset: Number(region.offset), bytes: Number(region.bytes) }));
    const blocks = pool.blocks.map((block) => ({ offset: Number(block.offset), bytes: Number(block.bytes) }));
    const rows = width < 500 ? 8 : 12;
    const { pieces, total, perRow } = layout(regions, blocks, rows);
    this.pieces = pieces;
    if (this.shown !== pool) {
      // What the pointer was on may have gone.
      const before = this.shown?.blocks[this.chosen]?.block;
      this.chosen = before === undefined ? -1 : pool.blocks.findIndex((block) => block.block === before);
      if (this.chosen < 0) this.tooltip.hide();
      this.shown = pool;
    }
    const context = this.prepare(session, rows);
    if (context === null) return;
    for (const piece of pieces) {
      const x = piece.from * width;
      const w = Math.max(1.5, (piece.to - piece.from) * width);
      const y = piece.row * (ROW + GAP);
      context.fillStyle = this.color(session, pool.blocks[piece.block]!.owner);
      context.globalAlpha = piece.block === this.chosen ? 1 : 0.82;
      context.beginPath();
      if (w > 4) context.roundRect(x, y, w - 1, ROW, 3);
      else context.rect(x, y, w, ROW);
      context.fill();
      if (piece.block === this.chosen) {
        context.strokeStyle = session.colors.text;
        context.lineWidth = 2;
        context.stroke();
      }
    }
    context.globalAlpha = 1;
    const chosen = pool.blocks[this.chosen];
    const piece = chosen === undefined ? undefined : pieces.find((one) => one.block === this.chosen);
    if (chosen !== undefined && piece !== undefined) {
      const owner = session.store.ownerByKey(chosen.owner);
      this.tooltip.show(((piece.from + piece.to) / 2) * width, piece.row * (ROW + GAP) + ROW, this.ownerName(session, chosen.owner), [
        ["Size", text(Number(chosen.bytes), "bytes")],
        ["Process", owner?.process ?? (chosen.owner === 0n ? "no process" : NONE)],
        ["Offset", text(Number(chosen.offset), "bytes")],
        ["Age", chosen.allocatedNs === 0n ? NONE : span(session.store.now / 1000 - session.store.seconds(chosen.allocatedNs))],
        ["Stream", String(chosen.stream)],
      ]);
    }
    const omitted = Number(pool.blocksOmitted);
    setText(this.note, `${integer(pool.blocks.length)} blocks, ${text(perRow, "bytes")} in a row${omitted > 0 ? `; ${integer(omitted)} smaller ones are not drawn` : ""}.`);
    setAttribute(this.canvas, "aria-label", `${pool.blocks.length} blocks in use of ${text(total, "bytes")}. The arrow keys go from block to block.`);
  }

  /** Without the places of blocks: how much each owner holds, side by side. */
  private drawOwners(session: Session, pool: Pool): void {
    const context = this.prepare(session, 1);
    this.pieces = [];
    this.shown = null;
    if (context === null) return;
    const width = this.canvas.clientWidth;
    const reserved = Number(pool.reservedBytes);
    let x = 0;
    for (const use of pool.owners) {
      const w = reserved > 0 ? (Number(use.bytes) / reserved) * width : 0;
      context.fillStyle = this.color(session, use.owner);
      context.fillRect(x, 0, Math.max(1, w - 1), ROW);
      x += w;
    }
    setText(this.note, "By owner; where the blocks lie has not been told yet.");
    setAttribute(this.canvas, "aria-label", "Memory by owner");
  }

  destroy(): void {
    this.tooltip.hide();
  }
}
