// The kernel table, the owners, the compiles: what seldom changes, a few times a second.
import { statusText } from "../model/metrics";
import type { CompileState, KernelState, OwnerState } from "../model/store";
import { format, integer, NONE, span, text } from "../model/units";
import type { Session } from "../session";
import { h, setText, show, toggle } from "./dom";
import type { Panel } from "./panel";
import { Table } from "./table";

function cardHead(title: string, ...rest: (Node | null)[]): HTMLElement {
  return h("header", { class: "ag-card-head" }, h("h2", { class: "ag-card-title" }, title), ...rest);
}

const positive = (value: number, unit: Parameters<typeof format>[1]) => (value > 0 ? text(value, unit) : NONE);

export class KernelsPanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 250;
  private readonly table: Table<KernelState>;
  private total = 0;
  private session: Session | null = null;

  constructor() {
    const share = (kernel: KernelState) => (this.total > 0 ? kernel.busyNs / this.total : NaN);
    this.table = new Table<KernelState>({
      label: "Kernels",
      id: (kernel) => String(kernel.id),
      sortBy: "share",
      descending: true,
      filterText: (kernel) => `${kernel.name} ${kernel.coreClass}`,
      empty: "No kernel has been launched yet.",
      onChange: () => this.session?.touch(this),
      columns: [
        { id: "name", title: "Kernel", key: (k) => k.name, text: (k) => k.name, title_: (k) => k.name, before: (k) => h("i", { class: `ag-swatch ag-s${k.id % 7}`, "aria-hidden": "true" }) },
        { id: "class", title: "Class", help: "Which cores it is for", key: (k) => k.coreClass, text: (k) => k.coreClass },
        { id: "share", title: "Time", help: "Share of all kernels' time on the device", numeric: true, key: share, text: (k) => text(share(k), "ratio"), bar: share },
        { id: "launches", title: "Launches", numeric: true, key: (k) => k.launches, text: (k) => integer(k.launches), title_: (k) => `${integer(k.queued)} queued or running${k.failed > 0 ? `, ${integer(k.failed)} failed` : ""}` },
        { id: "failed", title: "Failed", numeric: true, key: (k) => k.failed, text: (k) => (k.failed === 0 ? "0" : integer(k.failed)) },
        { id: "p50", title: "p50", help: "Half of its launches take no longer", numeric: true, key: (k) => k.p50, text: (k) => positive(k.p50, "ns") },
        { id: "p99", title: "p99", help: "99 of 100 launches take no longer", numeric: true, key: (k) => k.p99, text: (k) => positive(k.p99, "ns") },
        { id: "wait", title: "Wait", help: "Mean time from a launch to its start", numeric: true, key: (k) => k.waitNs / k.launches, text: (k) => text(k.waitNs / k.launches, "ns") },
        { id: "bandwidth", title: "Bandwidth", help: "Of launches that said what they move, while they ran", numeric: true, key: (k) => k.bandwidth, text: (k) => text(k.bandwidth, "bytes/s") },
        { id: "compute", title: "Compute", help: "Of launches that said what they compute, while they ran", numeric: true, key: (k) => k.compute, text: (k) => text(k.compute, "flops/s") },
        { id: "occupancy", title: "Occupancy", help: "Share of the device that its launches have threads for", numeric: true, key: (k) => k.occupancy, text: (k) => text(k.occupancy, "ratio") },
      ],
    });
    this.element = h("section", { class: "ag-card ag-panel ag-kernels", "aria-label": "Kernels" }, cardHead("Kernels", this.table.filter), this.table.element);
  }

  restyle(session: Session): void {
    if (session.store.kernels.size === 0) this.table.clear();
  }

  render(session: Session): void {
    this.session = session;
    const kernels = [...session.store.kernels.values()];
    this.total = kernels.reduce((sum, kernel) => sum + kernel.busyNs, 0);
    this.table.update(kernels);
  }
}

export class OwnersPanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 250;
  private readonly table: Table<OwnerState>;
  private most = 0;
  private session: Session | null = null;

  constructor() {
    this.table = new Table<OwnerState>({
      label: "Owners",
      id: (owner) => String(owner.index),
      sortBy: "memory",
      descending: true,
      filterText: (owner) => `${owner.process} ${owner.name}`,
      empty: "No process holds memory or has launched anything yet.",
      most: 100,
      onChange: () => this.session?.touch(this),
      columns: [
        { id: "process", title: "Process", key: (o) => o.name || o.process, text: (o) => (o.name === "" ? o.process : `${o.name}  ${o.process}`), title_: (o) => (o.ended ? "has ended" : "") },
        { id: "memory", title: "Memory", numeric: true, key: (o) => o.bytes, text: (o) => (o.bytes === 0 ? NONE : text(o.bytes, "bytes")), bar: (o) => (this.most > 0 ? o.bytes / this.most : 0) },
        { id: "buffers", title: "Buffers", numeric: true, key: (o) => o.buffers, text: (o) => (o.buffers === 0 ? NONE : integer(o.buffers)) },
        { id: "launches", title: "Launches", help: "Seen since this page was opened", numeric: true, key: (o) => o.launches, text: (o) => integer(o.launches) },
        { id: "state", title: "State", text: (o) => (o.ended ? "ended" : "running") },
      ],
    });
    this.element = h("section", { class: "ag-card ag-panel ag-owners", "aria-label": "Owners" }, cardHead("Owners", this.table.filter), this.table.element);
  }

  restyle(session: Session): void {
    if (session.store.owners.length === 0) this.table.clear();
  }

  render(session: Session): void {
    this.session = session;
    const now = session.store.now / 1000;
    // Who ended and left nothing behind is gone after a minute.
    const owners = session.store.owners.filter((owner) => owner.bytes > 0 || now - owner.seen < (owner.ended ? 60 : 600));
    this.most = owners.reduce((most, owner) => Math.max(most, owner.bytes), 0);
    this.table.update(owners);
  }
}

const ORIGIN = { memory: "from memory", disk: "from disk", compiled: "compiled", "": "" } as const;

export class CompilesPanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 500;
  private readonly list = h("ol", { class: "ag-list" });
  private readonly figures = h("p", { class: "ag-note ag-figures" });
  private readonly empty = h("p", { class: "ag-empty" }, "Nothing has been compiled while this page was open.");
  private readonly items = new Map<CompileState, { element: HTMLElement; ago: HTMLElement }>();

  constructor() {
    this.element = h("section", { class: "ag-card ag-panel ag-compiles", "aria-label": "Compiles" }, cardHead("Compiles", this.figures), this.empty, h("div", { class: "ag-scroll", tabindex: "0", role: "region", "aria-label": "Compiles" }, this.list));
  }

  render(session: Session): void {
    const { store } = session;
    const stats = store.frame?.compileStats;
    if (stats !== undefined) {
      const made = Number(stats.compiledTotal);
      const hits = Number(stats.memoryHitsTotal) + Number(stats.diskHitsTotal);
      const failed = Number(stats.failedTotal);
      const parts = [`${integer(made)} compiled`, `${text(made + hits > 0 ? hits / (made + hits) : NaN, "ratio")} from the cache`, `${integer(failed)} failed`];
      if (stats.diskBytes > 0n) parts.push(`${text(Number(stats.diskBytes), "bytes")} on disk`);
      setText(this.figures, parts.join(" · "));
    }
    const shown = store.compiles.slice(0, 60);
    show(this.empty, shown.length === 0);
    const kept = new Set(shown);
    for (const [compile, item] of this.items) {
      if (kept.has(compile)) continue;
      item.element.remove();
      this.items.delete(compile);
    }
    shown.forEach((compile, place) => {
      let item = this.items.get(compile);
      if (item === undefined) {
        item = this.item(session, compile);
        this.items.set(compile, item);
        this.list.insertBefore(item.element, this.list.children[place] ?? null);
      }
      setText(item.ago, `${span((store.now - compile.time) / 1000)} ago`);
    });
  }

  private item(session: Session, compile: CompileState): { element: HTMLElement; ago: HTMLElement } {
    const ago = h("span", { class: "ag-muted" });
    const failed = compile.status !== 0;
    const element = h(
      "li",
      { class: "ag-item" },
      h(
        "div",
        { class: "ag-item-head" },
        h("span", { class: `ag-pill ${failed ? "ag-bad" : compile.origin === "compiled" ? "ag-ok" : "ag-muted"}` }, failed ? statusText(compile.status) : ORIGIN[compile.origin]),
        h("span", { class: "ag-item-name", title: compile.kernel }, compile.kernel),
        h("span", { class: "ag-item-figure" }, text(compile.durationNs, "ns")),
        ago,
      ),
      compile.specialisation ? h("p", { class: "ag-note" }, "for a block shape, in the background") : null,
      compile.owner === 0 ? null : h("p", { class: "ag-note" }, `asked for by ${session.store.ownerName(compile.owner)}, for ${session.store.deviceName(compile.device)}`),
    );
    if (compile.message !== "") {
      const details = h("details", { class: "ag-diagnostics" }, h("summary", {}, "What the compiler says"), h("pre", { tabindex: "0" }, compile.message));
      details.open = this.items.size === 0;
      element.append(details);
    }
    toggle(element, "ag-failed", failed);
    return { element, ago };
  }
}
