// Work by core class, and the machine's own cores.
import { integer, NONE, text } from "../model/units";
import type { Session } from "../session";
import { fitCanvas, h, setText, show } from "./dom";
import type { Panel } from "./panel";
import { alpha } from "./plot";
import { seriesColor } from "./theme";

const ABOUT = { aura: "vector units", matrix: "matrix units", neuromorphic: "event-driven and activation" } as const;
const FIGURES = ["Launches", "Compute", "Bandwidth", "Occupancy", "p50 / p99", "Queued"] as const;

export class CoresPanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 100;
  private readonly rows = (Object.keys(ABOUT) as (keyof typeof ABOUT)[]).map((name, i) => {
    const busy = h("span", { class: "ag-class-busy" });
    const spark = h("canvas", { class: "ag-spark", "aria-hidden": "true" });
    const values = FIGURES.map(() => h("dd"));
    const element = h(
      "div",
      { class: "ag-class", "data-class": name },
      h("div", { class: "ag-class-head" }, h("i", { class: `ag-swatch ag-s${i}`, "aria-hidden": "true" }), h("span", { class: "ag-class-name" }, name), h("span", { class: "ag-muted" }, ABOUT[name]), busy),
      spark,
      h("dl", { class: "ag-class-figures" }, ...FIGURES.map((figure, k) => h("div", {}, h("dt", {}, figure), values[k]!))),
    );
    return { name, element, busy, spark, values };
  });
  private readonly cores = h("canvas", { class: "ag-cores", role: "img", "aria-label": "Cores" });
  private readonly coresTitle = h("h3", { class: "ag-sub-title" });
  private readonly coresBox = h("div", { class: "ag-cores-box" }, this.coresTitle, this.cores);
  private nextTexts = 0;

  constructor() {
    this.element = h("section", { class: "ag-card ag-panel ag-cores-panel", "aria-label": "Cores" }, h("header", { class: "ag-card-head" }, h("h2", { class: "ag-card-title" }, "Cores by class")), h("div", { class: "ag-classes" }, ...this.rows.map(({ element }) => element)), this.coresBox);
  }

  restyle(): void {
    this.nextTexts = 0;
  }

  render(session: Session): void {
    const { store } = session;
    const now = performance.now();
    const texts = now >= this.nextTexts;
    if (texts) this.nextTexts = now + 250;
    this.rows.forEach((row, i) => {
      this.spark(session, row.spark, row.name, i);
      if (!texts) return;
      const state = store.classes[i]!;
      const used = state.launches > 0;
      setText(row.busy, text(state.busy, "ratio"));
      const figures = [used ? `${integer(state.launches)} · ${text(state.launchRate, "count/s")}` : "none yet", state.compute > 0 ? text(state.compute, "flops/s") : NONE, state.bandwidth > 0 ? text(state.bandwidth, "bytes/s") : NONE, text(state.occupancy, "ratio"), used ? `${text(state.p50, "ns")} / ${text(state.p99, "ns")}` : NONE, integer(state.queued)];
      figures.forEach((figure, k) => setText(row.values[k]!, figure));
    });
    const utilization = session.device?.sample.coreUtilization ?? [];
    show(this.coresBox, utilization.length > 0);
    if (utilization.length > 0) this.drawCores(session, utilization, texts);
  }

  private spark(session: Session, canvas: HTMLCanvasElement, name: string, color: number): void {
    const width = canvas.clientWidth;
    if (width === 0) return;
    const height = 40;
    fitCanvas(canvas, width, height);
    const context = canvas.getContext("2d")!;
    const scale = canvas.width / width;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const history = session.store.classHistory;
    const view = history.view(session.window);
    const values = view.column(name);
    if (values === null) return;
    const from = history.time - session.window;
    let peak = 0.05;
    for (let i = view.begin; i < view.end; i++) if (values[i]! > peak) peak = values[i]!;
    context.beginPath();
    let firstX = NaN;
    let lastX = 0;
    for (let i = view.begin; i < view.end; i++) {
      const value = values[i]!;
      if (value !== value) continue;
      lastX = ((view.time[i]! - from) / session.window) * width;
      const y = height - 2 - (value / peak) * (height - 6);
      if (firstX !== firstX) {
        firstX = lastX;
        context.moveTo(lastX, y);
      } else context.lineTo(lastX, y);
    }
    if (firstX !== firstX) return;
    const stroke = seriesColor(session.colors, color);
    context.strokeStyle = stroke;
    context.lineWidth = 1.5;
    context.stroke();
    context.lineTo(lastX, height);
    context.lineTo(firstX, height);
    context.closePath();
    context.fillStyle = alpha(stroke, 0.14);
    context.fill();
  }

  private drawCores(session: Session, utilization: readonly number[], texts: boolean): void {
    const width = this.cores.clientWidth;
    if (width === 0) return;
    const gap = utilization.length > 96 ? 1 : 3;
    const perRow = Math.min(utilization.length, Math.max(1, Math.floor(width / 10)));
    const rows = Math.ceil(utilization.length / perRow);
    const cell = Math.min(48, width / perRow);
    const cellHeight = rows > 1 ? 18 : 32;
    const height = rows * (cellHeight + gap);
    fitCanvas(this.cores, width, height);
    const context = this.cores.getContext("2d")!;
    const scale = this.cores.width / width;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const color = seriesColor(session.colors, 0);
    let sum = 0;
    let count = 0;
    utilization.forEach((value, i) => {
      const x = (i % perRow) * cell;
      const y = Math.floor(i / perRow) * (cellHeight + gap);
      context.fillStyle = session.colors.well;
      context.beginPath();
      context.roundRect(x, y, cell - gap, cellHeight, 3);
      context.fill();
      if (value !== value) return;
      sum += value;
      count++;
      const filled = Math.max(1, value * cellHeight);
      context.fillStyle = alpha(color, 0.35 + 0.65 * Math.min(1, value));
      context.beginPath();
      context.roundRect(x, y + cellHeight - filled, cell - gap, filled, 3);
      context.fill();
    });
    if (!texts) return;
    const mean = count === 0 ? NaN : sum / count;
    setText(this.coresTitle, `The machine's cores: ${utilization.length}, ${text(mean, "ratio")} busy`);
    this.cores.setAttribute("aria-label", `${utilization.length} cores, ${text(mean, "ratio")} busy on average`);
  }
}
