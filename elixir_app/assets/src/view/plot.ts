// uPlot, set up for values that move: lines from typed arrays with gaps where nothing was measured, one time axis for all.
import uPlot from "uplot";
import type { View } from "../model/history";
import { axisStep, axisText, axisTop, type Unit } from "../model/units";
import type { Colors } from "./theme";

export interface PlotSeries {
  readonly column: string;
  readonly color: string;
  readonly dashed: boolean;
  readonly filled: boolean;
}

const HEIGHT = 132;

/** The line of a column and, for the first of a chart, the area below it. NaN interrupts both. */
function paths(filled: boolean): uPlot.Series.PathBuilder {
  return (u, series, from, to) => {
    const stroke = new Path2D();
    const fill = filled ? new Path2D() : null;
    const xs = u.data[0] as ArrayLike<number>;
    const ys = u.data[series] as ArrayLike<number>;
    const { left, top, width, height } = u.bbox;
    const x = u.scales["x"]!;
    const y = u.scales["y"]!;
    const kx = width / (x.max! - x.min!);
    const ky = height / (y.max! - y.min!);
    const bottom = top + height;
    let open = false;
    let last = 0;
    let lastY = 0;
    for (let i = from; i <= to; i++) {
      const value = ys[i]!;
      if (value !== value) {
        if (open && fill !== null) {
          fill.lineTo(last, bottom);
          fill.closePath();
        }
        open = false;
        continue;
      }
      const px = left + (xs[i]! - x.min!) * kx;
      const py = bottom - (value - y.min!) * ky;
      if (!open) {
        stroke.moveTo(px, py);
        fill?.moveTo(px, bottom);
        fill?.lineTo(px, py);
        open = true;
      } else {
        // Points that nobody could tell apart make painting dear.
        if (i < to && px - last < 0.7 && Math.abs(py - lastY) < 0.7) continue;
        stroke.lineTo(px, py);
        fill?.lineTo(px, py);
      }
      last = px;
      lastY = py;
    }
    if (open && fill !== null) {
      fill.lineTo(last, bottom);
      fill.closePath();
    }
    return { stroke, fill, clip: null, band: null, gaps: null, flags: 3 } as unknown as uPlot.Series.Paths;
  };
}

export class Plot {
  readonly u: uPlot;
  private top = 0;
  private readonly columns: string[];
  private readonly empty: Float64Array;

  constructor(
    host: HTMLElement,
    private readonly unit: Unit,
    series: readonly PlotSeries[],
    private readonly least: number,
    /** Of its half pixels, 0 to 1. */
    private readonly phase: number,
    colors: Colors,
    unixSeconds: (seconds: number) => number,
    onCursor: (index: number | null) => void,
  ) {
    this.columns = series.map((one) => one.column);
    this.empty = new Float64Array(2).fill(NaN);
    const axis = { stroke: colors.muted, font: `10px ${colors.font}`, ticks: { show: false }, grid: { stroke: colors.grid, width: 1 } };
    this.u = new uPlot(
      {
        width: Math.max(120, host.clientWidth),
        height: HEIGHT,
        legend: { show: false },
        padding: [6, 2, 0, 0],
        cursor: {
          sync: { key: "amdgpu", setSeries: false },
          drag: { x: false, y: false },
          points: { size: 6, width: 0 },
          y: false,
        },
        scales: {
          x: { time: false, auto: false },
          y: { auto: false, range: () => [0, this.top || least] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 20,
            gap: 4,
            splits: (u, _i, min, max) => {
              // Marks at round times of the wall clock, which wander with the lines.
              const shift = unixSeconds(0) - new Date(unixSeconds(0) * 1000).getTimezoneOffset() * 60;
              const step = timeStep(max - min, Math.max(2, Math.floor(u.width / 110)));
              const marks: number[] = [];
              // None that the edge would cut.
              const last = max - ((max - min) * 26) / u.width;
              for (let mark = Math.ceil((min + shift) / step) * step - shift; mark <= last; mark += step) marks.push(mark);
              return marks;
            },
            values: (_u, marks) => marks.map((mark) => clockText(unixSeconds(mark))),
          },
          {
            ...axis,
            size: 54,
            gap: 6,
            splits: (_u, _i, _min, max) => {
              const step = axisStep(max, 3, unit);
              const marks: number[] = [];
              for (let mark = 0; mark <= max * 1.0001; mark += step) marks.push(mark);
              return marks;
            },
            values: (_u, marks) => marks.map((mark) => axisText(mark, unit)),
          },
        ],
        series: [
          {},
          ...series.map((one) => ({
            stroke: one.color,
            width: 1.5,
            ...(one.filled ? { fill: (u: uPlot) => gradient(u, one.color) } : {}),
            ...(one.dashed ? { dash: [4, 4] } : {}),
            points: { show: false },
            paths: paths(one.filled),
            spanGaps: false,
          })),
        ],
        hooks: {
          setCursor: [(u) => onCursor(u.cursor.idx ?? null)],
        },
      },
      [[], ...series.map(() => [])] as unknown as uPlot.AlignedData,
      host,
    );
  }

  private xs: Float64Array = new Float64Array(0);
  private ys: Float64Array[] = [];
  private drawnPlace = NaN;
  private drawnSeconds = 0;
  private readonly drawnTips: number[] = [];

  /** Nothing would look different: no line has moved half a pixel, no newest value either. */
  private still(view: View, place: number, seconds: number): boolean {
    const { height } = this.u.bbox;
    if (seconds !== this.drawnSeconds || place !== this.drawnPlace) return false;
    for (let i = 0; i < this.columns.length; i++) {
      const tip = view.column(this.columns[i]!)?.[view.end - 1] ?? NaN;
      const before = this.drawnTips[i]!;
      if (tip !== tip ? before === before : !(Math.abs(tip - before) * height < 0.75 * this.top)) return false;
    }
    return true;
  }

  draw(view: View, now: number, seconds: number, width: number): void {
    const { begin, end } = view;
    // In half pixels. Charts move one after the other, so that no picture has to wait for all of them.
    const place = Math.floor((now / seconds) * this.u.bbox.width * 2 + this.phase);
    if (width === this.u.width && this.still(view, place, seconds)) return;
    this.drawnPlace = place;
    this.drawnSeconds = seconds;
    for (let i = 0; i < this.columns.length; i++) this.drawnTips[i] = view.column(this.columns[i]!)?.[end - 1] ?? NaN;
    this.xs = view.time.subarray(begin, end);
    this.ys = this.columns.map((name) => view.column(name)?.subarray(begin, end) ?? this.empty);
    let peak = 0;
    for (const column of this.ys) {
      for (let i = 0; i < column.length; i++) {
        const value = column[i]!;
        if (value > peak) peak = value;
      }
    }
    this.top = axisTop(peak, this.top, this.unit, this.least);
    if (width > 120 && width !== this.u.width) this.u.setSize({ width, height: HEIGHT });
    this.u.batch(() => {
      this.u.setData([this.xs, ...this.ys] as unknown as uPlot.AlignedData, false);
      this.u.setScale("x", { min: now - seconds, max: now });
      this.u.setScale("y", { min: 0, max: this.top });
    });
  }

  /** Of the point under the cursor. */
  valueAt(series: number, index: number): number {
    return this.ys[series]?.[index] ?? NaN;
  }

  destroy(): void {
    this.u.destroy();
  }
}

const gradients = new WeakMap<uPlot, Map<string, { height: number; gradient: CanvasGradient }>>();

function gradient(u: uPlot, color: string): CanvasGradient {
  let made = gradients.get(u);
  if (made === undefined) gradients.set(u, (made = new Map()));
  const known = made.get(color);
  if (known !== undefined && known.height === u.bbox.height) return known.gradient;
  const { top, height } = u.bbox;
  const fresh = u.ctx.createLinearGradient(0, top, 0, top + height);
  fresh.addColorStop(0, alpha(color, 0.32));
  fresh.addColorStop(1, alpha(color, 0.02));
  made.set(color, { height, gradient: fresh });
  return fresh;
}

/** "#rrggbb" with an opacity. */
export function alpha(color: string, opacity: number): string {
  const byte = Math.round(opacity * 255).toString(16).padStart(2, "0");
  return /^#[0-9a-f]{6}$/i.test(color) ? color + byte : color;
}

function timeStep(range: number, most: number): number {
  for (const step of [1, 2, 5, 10, 15, 30, 60, 120, 300, 600]) if (range / step <= most) return step;
  return 900;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

export function clockText(unixSeconds: number): string {
  return clock.format(unixSeconds * 1000);
}
