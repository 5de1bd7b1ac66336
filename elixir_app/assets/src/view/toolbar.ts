// The bar at the top: how the feed is, how old what one sees is, and what one can do about it.
import { chartsCsv } from "../export/csv";
import { download, fileName } from "../export/download";
import { traceJson } from "../export/trace";
import { WINDOWS } from "../model/history";
import { digits, integer, span, text } from "../model/units";
import type { Session } from "../session";
import { h, icon, setAttribute, setText, setTitle, show, svg, toggle } from "./dom";
import type { Panel } from "./panel";

const PAUSE = "M5 3v10M11 3v10";
const PLAY = "M5 3l8 5-8 5z";
const SUN = "M8 5a3 3 0 100 6 3 3 0 000-6zM8 1v1M8 14v1M1 8h1M14 8h1M3 3l.7.7M12.3 12.3l.7.7M13 3l-.7.7M3.7 12.3L3 13";
const MOON = "M13.5 9.5A6 6 0 016.5 2.5a6 6 0 107 7z";
const DOWN = "M8 2v8M5 7l3 3 3-3M3 13h10";
const DOT = "M8 4a4 4 0 100 8 4 4 0 000-8z";

function windowName(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${seconds / 60} min`;
}

function logo(): SVGElement {
  const bars = [
    [2, 10, 4], [7, 5, 9], [12, 8, 6], [17, 2, 12],
  ].map(([x, y, height], i) => svg("rect", { x: x!, y: y! + 4, width: 3.4, height: height!, rx: 1.2, class: `ag-logo-${i + 1}` }));
  return svg("svg", { viewBox: "0 0 22 20", width: 26, height: 24, class: "ag-logo", "aria-hidden": "true", focusable: "false" }, ...bars);
}

export class ToolbarPanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 200;
  private readonly host = h("span", { class: "ag-host" });
  private readonly state = h("span", { class: "ag-pill ag-state", role: "status" });
  private readonly stateText = h("span");
  private readonly latency = h("div", { class: "ag-badge", tabindex: "0" });
  private readonly latencyNumber = h("strong");
  private readonly latencyRest = h("span", { class: "ag-badge-rest" });
  private readonly pauseIcon = h("span", { class: "ag-icon-box" });
  private readonly pauseText = h("span", { class: "ag-wide" });
  private readonly pause = h("button", { type: "button", class: "ag-button", "aria-keyshortcuts": "Space" }, this.pauseIcon, this.pauseText);
  private readonly recordText = h("span", { class: "ag-wide" });
  private readonly record = h("button", { type: "button", class: "ag-button ag-record" }, icon(DOT), this.recordText);
  private readonly archive: HTMLElement;
  private readonly theme = h("button", { type: "button", class: "ag-button ag-square" });
  private readonly windows: { seconds: number; input: HTMLInputElement }[];
  private readonly banner = h("div", { class: "ag-banner", role: "alert" });
  private session: Session | null = null;
  private shownPause: boolean | null = null;
  private shownTheme = "";

  constructor() {
    const group = `ag-window-${Math.random().toString(36).slice(2)}`;
    this.windows = WINDOWS.map(({ seconds }) => {
      const input = h("input", { type: "radio", name: group, value: seconds });
      input.addEventListener("change", () => this.session?.setWindow(seconds));
      return { seconds, input };
    });
    this.state.append(this.stateText);
    this.latency.append(this.latencyNumber, this.latencyRest);
    this.pause.addEventListener("click", () => this.session?.setPaused(!this.session.paused));
    this.record.addEventListener("click", () => this.session?.recorder?.(!this.session.recordingActive));
    this.theme.addEventListener("click", () => this.session?.setTheme(this.session.theme === "dark" ? "light" : "dark"));
    const menu = h("details", { class: "ag-menu" }, h("summary", { class: "ag-button" }, icon(DOWN), h("span", { class: "ag-wide" }, "Export")));
    const choice = (title: string, note: string, act: (session: Session) => void) => {
      const button = h("button", { type: "button", class: "ag-choice" }, h("strong", {}, title), h("span", { class: "ag-muted" }, note));
      button.addEventListener("click", () => {
        menu.open = false;
        if (this.session !== null) act(this.session);
      });
      return button;
    };
    this.archive = choice("Recording (.tar)", "all that the server has recorded; unpack it, then: amdgpu replay", (session) => this.fetchArchive(session));
    menu.append(
      h(
        "div",
        { class: "ag-choices" },
        choice("Trace (.json)", "launches, copies and counters: open it in ui.perfetto.dev or chrome://tracing", (session) => download(fileName(Date.now(), "trace.json"), "application/json", [traceJson(session.store, session.window)])),
        choice("Values (.csv)", "of the charts, over the chosen time", (session) => download(fileName(Date.now(), "csv"), "text/csv", [chartsCsv(session.store, session.window)])),
        this.archive,
      ),
    );
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary")?.focus();
    });
    menu.addEventListener("focusout", (event) => {
      if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) menu.open = false;
    });
    this.element = h(
      "header",
      { class: "ag-toolbar", "aria-label": "Dashboard" },
      h(
        "div",
        { class: "ag-bar" },
        h("div", { class: "ag-brand" }, logo(), h("h1", {}, "AMDGPU"), this.host),
        this.state,
        this.latency,
        h("div", { class: "ag-controls ag-bar-controls" }, h("fieldset", { class: "ag-segments" }, h("legend", { class: "ag-hidden" }, "Time that charts show"), ...this.windows.map(({ seconds, input }) => h("label", {}, input, h("span", {}, windowName(seconds))))), this.pause, this.record, menu, this.theme),
      ),
      this.banner,
    );
    document.addEventListener("keydown", this.onKey);
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || this.session === null) return;
    // Space does what it does on whatever has the focus.
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    event.preventDefault();
    this.session.setPaused(!this.session.paused);
  };

  private describe(session: Session): { text: string; kind: "ok" | "warn" | "bad" | "muted"; banner: string } {
    const { feedMessage } = session;
    if (session.paused) return { text: "paused", kind: "muted", banner: "" };
    switch (session.feedState) {
      case "live":
        return { text: session.pace.rate < 60 ? `live, ${session.pace.rate} Hz` : "live", kind: "ok", banner: session.recordingActive || session.recordingMessage === "" ? "" : `Recording: ${session.recordingMessage}.` };
      case "connecting":
        return { text: "connecting", kind: "muted", banner: "" };
      case "off":
        return { text: "hidden", kind: "muted", banner: "" };
      case "replay":
        return { text: "replay", kind: "warn", banner: feedMessage || "A recording is replayed: nothing of what you see is now." };
      case "stale":
        return { text: "stale", kind: "warn", banner: `What you see is old: ${feedMessage || "nothing new comes"}.` };
      case "no_runtime":
        return { text: "no runtime", kind: "warn", banner: session.store.frame === null ? "" : `What you see is the last that was told: ${feedMessage || "no runtime is running"}.` };
      case "disconnected":
        return { text: "disconnected", kind: "bad", banner: "The connection is lost; what you see is the last that came. Trying again." };
      case "refused":
        return { text: "refused", kind: "bad", banner: `The server refuses this page: ${feedMessage}.` };
    }
  }

  restyle(): void {
    this.shownTheme = "";
  }

  render(session: Session): void {
    this.session = session;
    const { store } = session;
    const state = this.describe(session);
    setText(this.stateText, state.text);
    this.state.className = `ag-pill ag-state ag-${state.kind}`;
    setText(this.banner, state.banner);
    show(this.banner, state.banner !== "");
    this.banner.className = `ag-banner ag-${state.kind}`;
    document.documentElement.dataset["amdgpuState"] = session.paused ? "paused" : session.feedState;
    const runtime = store.frame?.runtime;
    setText(this.host, runtime === undefined ? "" : runtime.hostname);
    if (runtime !== undefined && store.frame !== null) setTitle(this.host, `process ${runtime.pid}, up ${span(Number(store.frame.timeNs - runtime.startedNs) / 1e9)}, ${text(runtime.cpuRatio, "ratio")} of a core, ${text(Number(runtime.rssBytes), "bytes")}`);
    this.writeLatency(session);
    if (this.shownPause !== session.paused) {
      this.shownPause = session.paused;
      this.pauseIcon.replaceChildren(icon(session.paused ? PLAY : PAUSE));
      setText(this.pauseText, session.paused ? "Resume" : "Pause");
      setAttribute(this.pause, "aria-label", session.paused ? "Resume" : "Pause");
      setAttribute(this.pause, "aria-pressed", String(session.paused));
    }
    show(this.record, session.recorder !== null);
    toggle(this.record, "ag-recording", session.recordingActive);
    setAttribute(this.record, "aria-label", session.recordingActive ? "Stop recording" : "Record");
    setText(this.recordText, session.recordingActive ? "Stop" : "Record");
    setTitle(this.record, session.recordingMessage || (session.recordingActive ? "Stop recording" : "Record to a file on the server"));
    show(this.archive, session.archive !== null);
    for (const { seconds, input } of this.windows) if (input.checked !== (seconds === session.window)) input.checked = seconds === session.window;
    show(this.theme, !session.themeIsFixed);
    if (this.shownTheme !== session.theme) {
      this.shownTheme = session.theme;
      const other = session.theme === "dark" ? "light" : "dark";
      this.theme.replaceChildren(icon(other === "light" ? SUN : MOON));
      setAttribute(this.theme, "aria-label", `Switch to ${other} colours`);
      setTitle(this.theme, `Switch to ${other} colours`);
    }
  }

  private fetchArchive(session: Session): void {
    session.archive?.().then(
      (recording) => download(fileName(Date.now(), "recording.tar"), "application/x-tar", [recording]),
      (error: unknown) => session.recording(session.recordingActive, `The recording cannot be fetched: ${String(error)}`, session.recordingBytes),
    );
  }

  private writeLatency(session: Session): void {
    const { store, meter } = session;
    const known = meter.latency.length > 0 && !session.paused;
    show(this.latency, store.frame !== null);
    if (store.frame === null) return;
    const [p50 = NaN, p99 = NaN] = meter.latency.at(0.5, 0.99);
    const [cost = NaN] = meter.cost.at(0.99);
    const lost = Number(store.frame.pipeline?.recordsLostTotal ?? 0n);
    const fps = meter.fps;
    setText(this.latencyNumber, known ? `${digits(p50)} ms` : "–");
    setText(this.latencyRest, ` ${meter.remote ? "behind the fastest" : "to screen"} · ${fps === fps && !session.paused ? Math.round(fps) : "–"} fps · ${integer(lost)} lost`);
    setAttribute(this.latency, "data-p50", p50.toFixed(2));
    setAttribute(this.latency, "data-p99", p99.toFixed(2));
    setAttribute(this.latency, "data-mean", meter.latency.mean().toFixed(2));
    setAttribute(this.latency, "data-pictures", String(meter.pictures));
    setTitle(
      this.latency,
      [
        `From the sample to the screen: half within ${digits(p50)} ms, 99 of 100 within ${digits(p99)} ms, ${digits(meter.latency.mean())} ms on average${meter.remote ? "; the clock that stamps is another machine's, so this is against the fastest frame" : ""}.`,
        `A picture takes this page ${digits(cost)} ms at most (99 of 100).`,
        `${integer(lost)} records lost by the pipeline, ${integer(store.omitted)} launches summarised, ${integer(store.skipped)} frames not asked for or skipped.`,
        `Frames of ${text(store.bytes, "bytes")}; sampled at ${digits(store.frame.pipeline?.rateHz ?? NaN)} Hz, shown at up to ${session.pace.rate} Hz.`,
      ].join("\n"),
    );
  }

  destroy(): void {
    document.removeEventListener("keydown", this.onKey);
  }
}
