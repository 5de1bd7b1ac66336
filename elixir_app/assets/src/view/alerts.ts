// Alerts and events: what is wrong now first, then what was.
import type { Alert } from "../model/alerts";
import { span } from "../model/units";
import type { Session } from "../session";
import { h, setText, show, toggle } from "./dom";
import type { Panel } from "./panel";

export class AlertsPanel implements Panel {
  readonly element: HTMLElement;
  readonly every = 250;
  private readonly list = h("ol", { class: "ag-list" });
  private readonly state = h("span", { class: "ag-pill" });
  private readonly empty = h("p", { class: "ag-empty" }, "Nothing is wrong, and nothing was while this page was open.");
  private readonly live = h("p", { class: "ag-hidden", role: "status", "aria-live": "polite" });
  private readonly items = new Map<Alert, { element: HTMLElement; detail: HTMLElement; pill: HTMLElement }>();

  constructor() {
    this.element = h("section", { class: "ag-card ag-panel ag-alerts", "aria-label": "Alerts" }, h("header", { class: "ag-card-head" }, h("h2", { class: "ag-card-title" }, "Alerts"), this.state), this.live, this.empty, h("div", { class: "ag-scroll", tabindex: "0", role: "region", "aria-label": "Alerts" }, this.list));
  }

  render(session: Session): void {
    const { alerts } = session.watch;
    const now = session.store.now / 1000;
    const active = alerts.active;
    const shown = [...active, ...alerts.log.filter((alert) => alert.until !== null)].slice(0, 60);
    setText(this.state, active.length === 0 ? "all clear" : `${active.length} active`);
    this.state.className = `ag-pill ${active.length === 0 ? "ag-ok" : active.some((alert) => alert.rule.severity === "critical") ? "ag-bad" : "ag-warn"}`;
    const newest = active[0];
    setText(this.live, newest === undefined ? "" : `${newest.rule.title}: ${newest.subject}`);
    show(this.empty, shown.length === 0);
    const kept = new Set(shown);
    for (const [alert, item] of this.items) {
      if (kept.has(alert)) continue;
      item.element.remove();
      this.items.delete(alert);
    }
    shown.forEach((alert, place) => {
      let item = this.items.get(alert);
      if (item === undefined) {
        const detail = h("span", { class: "ag-muted" });
        const pill = h("span", { class: "ag-pill" });
        item = { element: h("li", { class: "ag-item" }, h("div", { class: "ag-item-head" }, pill, h("span", { class: "ag-item-name" }, alert.rule.title), detail), h("p", { class: "ag-note" }, alert.subject)), detail, pill };
        this.items.set(alert, item);
      }
      const there = this.list.children[place];
      if (there !== item.element) this.list.insertBefore(item.element, there ?? null);
      const raised = alert.until === null;
      setText(item.pill, raised ? alert.rule.severity : "over");
      item.pill.className = `ag-pill ${!raised ? "ag-muted" : alert.rule.severity === "critical" ? "ag-bad" : "ag-warn"}`;
      toggle(item.element, "ag-over", !raised);
      const value = raised ? alert.value : alert.worst;
      const written = value === value ? alert.rule.text(value) : "";
      const when = raised ? `for ${span(now - alert.since)}` : `${span(now - alert.since)} ago`;
      setText(item.detail, [written, when].filter((part) => part !== "").join(" · "));
    });
  }
}
