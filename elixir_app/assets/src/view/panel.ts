// What a panel is to the session that drives it.
import type { Session } from "../session";

export interface Panel {
  readonly element: HTMLElement;
  /** Milliseconds between renderings at least; 0 for every picture. */
  readonly every: number;
  /** Called within an animation frame; never while the element is out of sight. */
  render(session: Session): void;
  /** Colours or the set of devices have changed. */
  restyle?(session: Session): void;
  destroy?(): void;
}

export type PanelName = "toolbar" | "devices" | "charts" | "cores" | "memory" | "timeline" | "kernels" | "owners" | "compiles" | "alerts";
