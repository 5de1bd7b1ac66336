// The colours of the moment, as the style sheet has them, for what is drawn on a canvas.

export interface Colors {
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly surface: string;
  readonly well: string;
  readonly bad: string;
  readonly accent: string;
  readonly font: string;
  /** Told apart with any kind of colour vision, in this order. */
  readonly series: readonly string[];
  /** What is written on a bar of the series' colour. */
  readonly ink: string;
}

export type Theme = "dark" | "light";
const KEY = "amdgpu-theme";

export function readColors(element: Element): Colors {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(name).trim() || "#888";
  return {
    text: value("--ag-text"),
    muted: value("--ag-muted"),
    grid: value("--ag-grid"),
    surface: value("--ag-surface"),
    well: value("--ag-well"),
    bad: value("--ag-bad"),
    accent: value("--ag-accent"),
    ink: value("--ag-ink"),
    font: style.fontFamily || "sans-serif",
    series: [1, 2, 3, 4, 5, 6, 7].map((n) => value(`--ag-c${n}`)),
  };
}

export function storedTheme(): Theme | null {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "dark" || stored === "light" ? stored : null;
  } catch {
    return null; // a page without storage
  }
}

export function storeTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It lasts for as long as the page, then.
  }
}

export function systemTheme(): Theme {
  return globalThis.matchMedia?.("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

export function seriesColor(colors: Colors, n: number): string {
  return colors.series[n % colors.series.length] ?? colors.accent;
}
