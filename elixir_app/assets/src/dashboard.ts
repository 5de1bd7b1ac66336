// The panels by their names, and all of them on one page.
import type { Session } from "./session";
import { AlertsPanel } from "./view/alerts";
import { ChartsPanel } from "./view/charts";
import { CoresPanel } from "./view/cores";
import { DevicesPanel } from "./view/devices";
import { h } from "./view/dom";
import { CompilesPanel, KernelsPanel, OwnersPanel } from "./view/kernels";
import { MemoryPanel } from "./view/memory";
import type { Panel, PanelName } from "./view/panel";
import { TimelinePanel } from "./view/timeline";
import { ToolbarPanel } from "./view/toolbar";

export const PANELS: Record<PanelName, new () => Panel> = {
  toolbar: ToolbarPanel,
  devices: DevicesPanel,
  charts: ChartsPanel,
  timeline: TimelinePanel,
  cores: CoresPanel,
  memory: MemoryPanel,
  kernels: KernelsPanel,
  owners: OwnersPanel,
  alerts: AlertsPanel,
  compiles: CompilesPanel,
};

export function isPanelName(name: string): name is PanelName {
  return Object.hasOwn(PANELS, name);
}

/** Puts panels into `host`, in the order of their names; unknown names are left out. Returns what was made. */
export function mount(host: HTMLElement, session: Session, names: readonly string[] = Object.keys(PANELS)): Panel[] {
  const known = names.filter(isPanelName);
  const panels = known.map((name) => {
    const panel = new PANELS[name]();
    panel.element.dataset["panel"] = name;
    return panel;
  });
  const main = h("div", { class: "ag-main" });
  panels.forEach((panel, i) => (known[i] === "toolbar" ? host : main).append(panel.element));
  if (main.childElementCount > 0) host.append(main);
  for (const panel of panels) session.add(panel);
  return panels;
}
