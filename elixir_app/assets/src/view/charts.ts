// The live charts of a device, each with its legend; what is not measured here is said in a line, with the reason.
import type { Absence } from "../../gen/telemetry_pb";
import { absenceText } from "../model/metrics";
import type { DeviceState } from "../model/store";
import { format, text, type Unit } from "../model/units";
import type { Session } from "../session";
import { h, setText, setTitle, show } from "./dom";
import type { Panel } from "./panel";
import { Plot, type PlotSeries } from "./plot";
import { seriesColor } from "./theme";

interface SeriesSpec {
  /** A column of the history, or with "*" at its end all labelled ones of a metric. */
  readonly column: string;
  readonly name: string;
  readonly dashed?: boolean;
}

interface ChartSpec {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** The axis never ends below this. */
  readonly least: number;
  /** The first is the one written large. */
  readonly series: readonly SeriesSpec[];
  /** A column that is the top of the axis's sense: written behind the value. */
  readonly of?: string;
  /** Why there is nothing, when no source has been asked. */
  readonly without?: string;
}

export const CHARTS: readonly ChartSpec[] = [
  { id: "utilization", title: "Utilisation", unit: "ratio", least: 1, series: [{ column: "utilization", name: "device" }, { column: "memory_busy", name: "memory" }, { column: "kernels_busy", name: "in kernels" }] },
  { id: "memory", title: "Device memory", unit: "bytes", least: 2 ** 20, of: "memory_total", series: [{ column: "memory_used", name: "used" }, { column: "gtt_used", name: "mapped host memory" }] },
  { id: "pool", title: "Pool", unit: "bytes", least: 2 ** 16, of: "pool_reserved", series: [{ column: "pool_used", name: "used" }, { column: "pool_reserved", name: "reserved", dashed: true }] },
  { id: "bandwidth", title: "Bandwidth", unit: "bytes/s", least: 1e6, series: [{ column: "kernel_bytes", name: "kernels" }, { column: "copy_in", name: "copies in" }, { column: "copy_out", name: "copies out" }, { column: "copy_within", name: "within" }, { column: "pcie_tx", name: "PCIe sent" }, { column: "pcie_rx", name: "PCIe received" }] },
  { id: "launches", title: "Launches", unit: "count/s", least: 10, series: [{ column: "launches", name: "finished" }] },
  { id: "compute", title: "Compute", unit: "flops/s", least: 1e6, without: "no launch has said what it computes", series: [{ column: "kernel_flops", name: "kernels" }] },
  { id: "power", title: "Power", unit: "watts", least: 10, series: [{ column: "power*", name: "board" }, { column: "power_limit", name: "limit", dashed: true }] },
  { id: "temperature", title: "Temperature", unit: "celsius", least: 60, series: [{ column: "temperature*", name: "device" }] },
  { id: "clocks", title: "Clocks", unit: "hertz", least: 1e9, series: [{ column: "clock*", name: "device" }] },
];

const MOST_SERIES = 7;
/** Of new charts in one picture: they are dear, and the first picture is awaited. */
const MOST_BUILDS = 2;

interface LegendItem {
  readonly column: string;
  readonly value: HTMLElement;
}

/** The columns of a chart, as far as the device has ever had a value or a reason for them. */
export function expand(spec: ChartSpec, device: DeviceState): SeriesSpec[] {
  const found: SeriesSpec[] = [];
  for (const series of spec.series) {
    if (!series.column.endsWith("*")) {
      if (device.history.has(series.column)) found.push(series);
      continue;
    }
    const base = series.column.slice(0, -1);
    if (device.history.has(base)) found.push({ ...series, column: base });
    for (const name of device.history.names) {
      if (name.startsWith(`${base}.`)) found.push({ column: name, name: name.slice(base.length + 1) });
    }
  }
  return found.slice(0, MOST_SERIES);
}

/** Why there is nothing: the reason of the first absent value that the chart could be of. */
export function absentReason(spec: ChartSpec, absent: ReadonlyMap<string, Absence>): Absence | null {
  for (const series of spec.series) {
    const base = series.column.replace(/\*$/, "");
    for (const [name, reason] of absent) if (name === base || (series.column.endsWith("*") && name.startsWith(`${base}.`))) return reason;
  }
  return null;
}

class Chart {
  readonly element: HTMLElement;
  readonly spec: ChartSpec;
  private readonly host = h("div", { class: "ag-plot" });
  private readonly value = h("span", { class: "ag-big" });
  private readonly unit = h("span", { class: "ag-unit" });
  private readonly of = h("span", { class: "ag-of" });
  private readonly legend = h("div", { class: "ag-legend" });
  private items: LegendItem[] = [];
  private plot: Plot | null = null;
  private columns = "";
  private width = 0;
  cursor: number | null = null;

  constructor(spec: ChartSpec) {
    this.spec = spec;
    this.element = h(
      "section",
      { class: "ag-card ag-chart", "data-chart": spec.id, "aria-label": spec.title },
      h("header", { class: "ag-chart-head" }, h("h3", { class: "ag-card-title" }, spec.title), h("span", { class: "ag-reading" }, this.value, this.unit, this.of)),
      this.host,
      this.legend,
    );
  }

  get built(): boolean {
    return this.plot !== null;
  }

  reset(): void {
    this.plot?.destroy();
    this.plot = null;
    this.columns = "";
    this.width = 0;
  }

  resize(): void {
    this.width = 0;
  }

  /** False if there is nothing to be seen: not one value, ever. */
  draw(session: Session, device: DeviceState, series: SeriesSpec[], texts: boolean): boolean {
    if (series.length === 0) return false;
    const columns = series.map((one) => one.column).join("\n");
    if (columns !== this.columns) this.build(session, series, columns);
    if (this.width === 0) this.width = this.host.clientWidth;
    const { history } = device;
    this.plot!.draw(history.view(session.window), history.time, session.window, this.width);
    if (texts) this.write(device);
    return true;
  }

  private build(session: Session, series: SeriesSpec[], columns: string): void {
    this.reset();
    this.columns = columns;
    this.host.replaceChildren();
    const plotted: PlotSeries[] = series.map((one, i) => ({ column: one.column, color: seriesColor(session.colors, i), dashed: one.dashed === true, filled: i === 0 }));
    this.plot = new Plot(this.host, this.spec.unit, plotted, this.spec.least, CHARTS.indexOf(this.spec) / CHARTS.length, session.colors, (seconds) => session.store.unixMs(seconds * 1000) / 1000, (index) => {
      this.cursor = index;
    });
    this.items = series.map((one, i) => {
      const value = h("span", { class: "ag-legend-value" });
      return { column: one.column, value, swatch: h("i", { class: `ag-swatch ag-s${i % 7}${one.dashed ? " ag-dashed" : ""}` }), name: one.name };
    });
    this.legend.replaceChildren(...(this.items as (LegendItem & { swatch: HTMLElement; name: string })[]).map((item) => h("span", { class: "ag-legend-item" }, item.swatch, h("span", { class: "ag-legend-name", title: item.name }, item.name), item.value)));
  }

  private write(device: DeviceState): void {
    const { unit } = this.spec;
    const at = this.cursor;
    this.items.forEach((item, i) => {
      const value = at === null ? device.history.latest(item.column) : (this.plot?.valueAt(i, at) ?? NaN);
      setText(item.value, text(value, unit));
      const reason = device.absent.get(item.column);
      setTitle(item.value, reason === undefined ? "" : absenceText(reason));
      if (i === 0) {
        const big = format(value, unit);
        setText(this.value, big.number);
        setText(this.unit, big.unit);
      }
    });
    const whole = this.spec.of === undefined ? NaN : device.history.latest(this.spec.of);
    setText(this.of, whole === whole ? `of ${text(whole, unit)}` : "");
  }
}

export class ChartsPanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 0;
  private readonly charts = CHARTS.map((spec) => new Chart(spec));
  private readonly grid = h("div", { class: "ag-charts" });
  private readonly absent = h("p", { class: "ag-note ag-absent" });
  private readonly empty = h("p", { class: "ag-empty" }, "No device is open. Its charts appear here as soon as one is.");
  private nextTexts = 0;
  private shownDevice = -1;
  private readonly seen = new Set<Element>();
  private readonly seer: IntersectionObserver | null;

  constructor() {
    this.grid.append(...this.charts.map((chart) => chart.element));
    this.seer =
      typeof IntersectionObserver === "undefined"
        ? null
        : new IntersectionObserver((changes) => {
            for (const { target, isIntersecting } of changes) {
              if (isIntersecting) this.seen.add(target);
              else this.seen.delete(target);
            }
          });
    for (const chart of this.charts) this.seer?.observe(chart.element);
    this.element = h("section", { class: "ag-panel ag-charts-panel", "aria-label": "Charts" }, this.empty, this.grid, this.absent);
  }

  restyle(): void {
    for (const chart of this.charts) chart.reset();
    this.nextTexts = 0;
  }

  render(session: Session): void {
    const device = session.device;
    show(this.empty, device === null && session.store.frame !== null);
    show(this.grid, device !== null);
    show(this.absent, device !== null);
    if (device === null) return;
    if (device.number !== this.shownDevice) {
      this.shownDevice = device.number;
      this.restyle();
    }
    const now = performance.now();
    const texts = now >= this.nextTexts || this.charts.some((chart) => chart.cursor !== null);
    if (texts) this.nextTexts = now + 200;
    const missing: string[] = [];
    let builds = MOST_BUILDS;
    for (const chart of this.charts) {
      // Out of sight it is only kept up to date now and then.
      if (!texts && this.seer !== null && !this.seen.has(chart.element)) continue;
      const series = expand(chart.spec, device);
      if (!chart.built && series.length > 0 && builds-- <= 0) {
        session.touch(this);
        continue;
      }
      const drawn = chart.draw(session, device, series, texts);
      show(chart.element, drawn);
      if (!drawn && texts) {
        const reason = absentReason(chart.spec, device.absent);
        missing.push(`${chart.spec.title.toLowerCase()} (${reason === null ? (chart.spec.without ?? "no source for it here") : absenceText(reason)})`);
      }
    }
    if (texts) {
      const shown = this.charts.length - missing.length;
      // The columns that leave the fewest gaps, where there is room for them.
      this.grid.style.setProperty("--ag-columns", shown % 3 !== 0 && (shown % 4 === 0 || shown % 4 === 3) ? "4" : "3");
      for (const chart of this.charts) chart.resize();
      setText(this.absent, missing.length === 0 ? "" : `Not measured: ${missing.join("; ")}.`);
    }
  }

  destroy(): void {
    this.seer?.disconnect();
    for (const chart of this.charts) chart.reset();
  }
}
