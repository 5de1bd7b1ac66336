// The header of each device: what it is, how it is, and the figures that one asks for first. One of several is chosen here.
import { absenceText } from "../model/metrics";
import type { DeviceState } from "../model/store";
import { digits, format, integer, NONE, span, text, type Unit } from "../model/units";
import type { Session } from "../session";
import { h, setAttribute, setText, setTitle, show, toggle } from "./dom";
import type { Panel } from "./panel";

interface Tile {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly column: string;
  /** Of which it is a share, for the bar. */
  readonly whole?: string;
}

const TILES: readonly Tile[] = [
  { id: "utilization", title: "Utilisation", unit: "ratio", column: "utilization" },
  { id: "memory", title: "Memory", unit: "bytes", column: "memory_used", whole: "memory_total" },
  { id: "power", title: "Power", unit: "watts", column: "power", whole: "power_limit" },
  { id: "temperature", title: "Temperature", unit: "celsius", column: "temperature" },
  { id: "launches", title: "Launches", unit: "count/s", column: "launches" },
  { id: "in_flight", title: "In flight", unit: "count", column: "in_flight" },
];

/** The column itself, or the first labelled one of it. */
function columnOf(device: DeviceState, column: string): string {
  if (device.history.has(column)) return column;
  for (const name of device.history.names) if (name.startsWith(`${column}.`)) return name;
  for (const name of device.absent.keys()) if (name === column || name.startsWith(`${column}.`)) return name;
  return column;
}

class Card {
  readonly element: HTMLElement;
  private readonly name = h("h2", { class: "ag-device-name" });
  private readonly id = h("span", { class: "ag-device-id" });
  private readonly health = h("span", { class: "ag-pill" });
  private readonly facts = h("dl", { class: "ag-facts" });
  private readonly factValues = new Map<string, HTMLElement>();
  private readonly tiles = TILES.map((tile) => {
    const number = h("span", { class: "ag-tile-number" });
    const unit = h("span", { class: "ag-unit" });
    const note = h("span", { class: "ag-tile-note" });
    const bar = h("i", { class: "ag-meter-fill" });
    const element = h("div", { class: "ag-tile", "data-tile": tile.id }, h("span", { class: "ag-tile-title" }, tile.title), h("span", { class: "ag-tile-value" }, number, unit), h("span", { class: "ag-meter", "aria-hidden": "true" }, bar), note);
    return { tile, number, unit, note, bar, element };
  });

  constructor(onSelect: () => void) {
    this.element = h(
      "article",
      { class: "ag-card ag-device" },
      h("header", { class: "ag-device-head" }, h("div", { class: "ag-device-title" }, this.id, this.name), this.health),
      this.facts,
      h("div", { class: "ag-tiles" }, ...this.tiles.map(({ element }) => element)),
    );
    this.name.addEventListener("click", onSelect);
  }

  private fact(name: string, value: string): void {
    let element = this.factValues.get(name);
    if (element === undefined) {
      element = h("dd");
      this.factValues.set(name, element);
      this.facts.append(h("div", { class: "ag-fact" }, h("dt", {}, name), element));
    }
    setText(element, value);
    show(element.parentElement!, value !== "");
  }

  update(session: Session, device: DeviceState, selectable: boolean): void {
    const { sample } = device;
    const chosen = session.device === device;
    setText(this.name, sample.name);
    setText(this.id, `${sample.kind}:${sample.index}`);
    toggle(this.element, "ag-selectable", selectable);
    toggle(this.element, "ag-chosen", selectable && chosen);
    if (selectable) {
      setAttribute(this.element, "tabindex", "0");
      setAttribute(this.element, "role", "button");
      setAttribute(this.element, "aria-pressed", String(chosen));
    }
    const up = (sample.worker?.pid ?? 0) !== 0;
    const hot = session.watch.alerts.active.some((alert) => alert.subject.startsWith(session.store.deviceName(device.number)));
    setText(this.health, !up ? "no worker" : hot ? "attention" : "healthy");
    this.health.className = `ag-pill ${!up ? "ag-bad" : hot ? "ag-warn" : "ag-ok"}`;
    this.fact("Architecture", sample.arch);
    this.fact("Driver", { host: "host CPU", hip: "HIP", cuda: "CUDA" }[sample.kind] ?? sample.kind);
    this.fact("Compute units", integer(sample.computeUnits));
    this.fact("PCI", sample.pciAddress);
    const since = device.workerSince;
    this.fact("Worker", up ? `pid ${sample.worker!.pid}, up ${since === null ? NONE : span(session.store.now / 1000 - since)}` : "none now");
    this.fact("Restarts", integer(Number(sample.worker?.restarts ?? 0n)));
    this.fact("Worker CPU", up ? `${text(sample.worker!.cpuRatio, "ratio")} of a core, ${text(Number(sample.worker!.rssBytes), "bytes")}` : "");
    const sampler = sample.sampler;
    this.fact("Sampler", sampler === undefined || sampler.rateHz === 0 ? "" : `${digits(sampler.rateHz)} Hz, ${integer(Number(sampler.skippedTotal))} ticks missed`);
    for (const { tile, number, unit, note, bar, element } of this.tiles) {
      const column = columnOf(device, tile.column);
      const value = device.history.latest(column);
      const written = format(value, tile.unit);
      setText(number, written.number);
      setText(unit, written.unit);
      const reason = device.absent.get(column);
      const whole = tile.whole === undefined ? NaN : device.history.latest(tile.whole);
      const share = tile.unit === "ratio" ? value : value / whole;
      bar.style.transform = `scaleX(${share === share ? Math.min(1, Math.max(0, share)).toFixed(3) : 0})`;
      toggle(element, "ag-no-meter", share !== share);
      const absent = value !== value;
      toggle(element, "ag-absent-tile", absent);
      setText(note, absent ? (reason === undefined ? "not measured here" : absenceText(reason)) : whole === whole ? `of ${text(whole, tile.unit)}` : "");
      setTitle(element, absent && reason !== undefined ? absenceText(reason) : "");
    }
  }
}

export class DevicesPanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 200;
  private readonly cards = new Map<number, Card>();
  private readonly list = h("div", { class: "ag-devices" });
  private readonly empty = h("div", { class: "ag-card ag-empty-state" });

  constructor() {
    this.element = h("section", { class: "ag-panel", "aria-label": "Devices" }, this.empty, this.list);
  }

  render(session: Session): void {
    const { devices } = session.store;
    for (const number of [...this.cards.keys()]) {
      if (devices.has(number)) continue;
      this.cards.get(number)!.element.remove();
      this.cards.delete(number);
    }
    toggle(this.list, "ag-many", devices.size > 1);
    for (const [number, device] of devices) {
      let card = this.cards.get(number);
      if (card === undefined) {
        const select = () => session.select(number);
        card = new Card(select);
        card.element.addEventListener("click", select);
        card.element.addEventListener("keydown", (event) => {
          if (event.target !== event.currentTarget || (event.key !== "Enter" && event.key !== " ")) return;
          event.preventDefault();
          event.stopPropagation();
          select();
        });
        this.cards.set(number, card);
        this.list.append(card.element);
      }
      card.update(session, device, devices.size > 1);
    }
    show(this.empty, devices.size === 0);
    if (devices.size === 0) setText(this.empty, emptyText(session));
  }
}

/** What to say while there is nothing to show. */
export function emptyText(session: Session): string {
  if (session.store.frame !== null) return "The runtime runs and has no device open. Open one, AMDGPU.open(), and it appears here.";
  switch (session.feedState) {
    case "connecting":
      return "Connecting…";
    case "no_runtime":
      return "No runtime is running on this machine. As soon as one opens a device, it appears here.";
    case "disconnected":
      return "The server cannot be reached. This page tries again by itself.";
    case "refused":
      return `The server refuses this page: ${session.feedMessage}`;
    default:
      return "Waiting for the first frame…";
  }
}
