// Numbers as people read them: three significant digits, a unit, no digit that jumps about.

/** What a quantity is measured in; decides how it is written and where an axis has its marks. */
export type Unit = "ratio" | "bytes" | "bytes/s" | "watts" | "celsius" | "hertz" | "flops/s" | "count/s" | "count" | "rpm" | "ns";

export interface Formatted {
  readonly number: string;
  readonly unit: string;
}

/** What is written where there is no value. */
export const NONE = "–";

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const DECIMAL = ["", "k", "M", "G", "T", "P"] as const;

/** Three significant digits without an exponent: 0.123, 1.23, 12.3, 123, 1234. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

function scaled(value: number, base: number, names: readonly string[], suffix: string): Formatted {
  let step = 0;
  let rest = value;
  // 999.95 would be written as 1000.
  while (Math.abs(rest) >= base * 0.9995 && step < names.length - 1) {
    rest /= base;
    step++;
  }
  const whole = step === 0 && Number.isInteger(rest);
  return { number: whole ? String(rest) : digits(rest), unit: (names[step] ?? "") + suffix };
}

export function format(value: number | null | undefined, unit: Unit): Formatted {
  if (value === null || value === undefined || !Number.isFinite(value)) return { number: NONE, unit: "" };
  switch (unit) {
    case "ratio": {
      const percent = value * 100;
      return { number: percent >= 99.95 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1), unit: "%" };
    }
    case "bytes":
      return scaled(value, 1024, BINARY, "");
    case "bytes/s":
      return scaled(value, 1000, DECIMAL, "B/s");
    case "watts":
      return { number: digits(value), unit: "W" };
    case "celsius":
      return { number: value.toFixed(1), unit: "°C" };
    case "hertz":
      return scaled(value, 1000, DECIMAL, "Hz");
    case "flops/s":
      return scaled(value, 1000, DECIMAL, "FLOP/s");
    case "count/s":
      return scaled(value, 1000, DECIMAL, "/s");
    case "count":
      return scaled(value, 1000, DECIMAL, "");
    case "rpm":
      return { number: value.toFixed(0), unit: "rpm" };
    case "ns":
      return duration(value);
  }
}

/** With the unit behind it. */
export function text(value: number | null | undefined, unit: Unit): string {
  const { number, unit: name } = format(value, unit);
  return name === "" ? number : name === "%" ? `${number} %` : `${number} ${name}`;
}

function duration(ns: number): Formatted {
  const size = Math.abs(ns);
  if (size < 999.5) return { number: ns.toFixed(0), unit: "ns" };
  if (size < 999.5e3) return { number: digits(ns / 1e3), unit: "µs" };
  if (size < 999.5e6) return { number: digits(ns / 1e6), unit: "ms" };
  return { number: digits(ns / 1e9), unit: "s" };
}

/** A span of days, hours, minutes: "3 d 4 h", "5 min 12 s". */
export function span(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** Whole numbers with thin spaces between thousands. */
export function integer(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** A mark of an axis, short: the unit stands above the chart. */
export function axisText(value: number, unit: Unit): string {
  if (value === 0) return "0";
  const written = format(value, unit);
  const number = written.number.includes(".") ? written.number.replace(/\.?0+$/, "") : written.number;
  const name = written.unit.replace(/(FLOP|B)?\/s$/, "");
  return name === "" ? number : `${number} ${name}`;
}

/** Steps between the marks of an axis: round numbers in the unit's own base, at most `most` of them. */
export function axisStep(range: number, most: number, unit: Unit): number {
  if (!(range > 0)) return 1;
  const rough = range / Math.max(1, most);
  if (unit === "bytes") {
    const scale = 1024 ** Math.floor(Math.log(rough) / Math.log(1024));
    for (const step of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]) if (step * scale >= rough) return step * scale;
    return 1024 * scale;
  }
  const scale = 10 ** Math.floor(Math.log10(rough));
  for (const step of [1, 2, 2.5, 5, 10]) if (step * scale >= rough * (1 - 1e-9)) return step * scale;
  return 10 * scale;
}

/**
 * The top of an axis that holds `peak`, from `held` before: it grows at once and shrinks only when less than half of it is used,
 * so that it does not flutter.
 */
export function axisTop(peak: number, held: number, unit: Unit, least: number): number {
  // A share that stays one has the whole as its top.
  const wanted = unit === "ratio" && peak <= least ? least : Math.max(peak * 1.08, least);
  if (wanted <= held && wanted > held * 0.45) return held;
  const step = axisStep(wanted, 4, unit);
  return Math.ceil(wanted / step - 1e-9) * step;
}

/** A grid or a block: "4", "4 × 2", "4 × 2 × 8". */
export function shapeText(shape: readonly number[]): string {
  const [x = 0, y = 0, z = 0] = shape;
  return z > 1 ? `${x} × ${y} × ${z}` : y > 1 ? `${x} × ${y}` : String(x);
}
