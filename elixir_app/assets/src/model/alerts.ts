// Alerts: a rule is raised when its value has been beyond a threshold for a while, and cleared when it has been below a lower one
// for a while. The gap between the two keeps a value that trembles around a threshold from crying wolf.

export type Severity = "warning" | "critical";

export interface Rule {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** Raised at or above this ... */
  raise: number;
  /** ... and cleared at or below this. */
  clear: number;
  /** Seconds that the value has to stay beyond either. */
  readonly hold: number;
  /** How a value is written. */
  readonly text: (value: number) => string;
}

export interface Alert {
  readonly rule: Rule;
  /** What it is about: a device, or one of its sensors. */
  readonly subject: string;
  readonly since: number;
  until: number | null;
  /** The latest, while it is raised; then the worst. */
  value: number;
  worst: number;
}

interface State {
  rule: Rule;
  subject: string;
  beyond: number;
  below: number;
  raised: Alert | null;
}

const KEPT = 100;

export class Alerts {
  private readonly states = new Map<string, State>();
  /** Newest first. */
  readonly log: Alert[] = [];

  get active(): Alert[] {
    return this.log.filter((alert) => alert.until === null);
  }

  /** A reading, at a time in seconds. NaN says nothing: neither raises nor clears. */
  check(rule: Rule, subject: string, value: number, time: number): void {
    const key = `${rule.id}\n${subject}`;
    let state = this.states.get(key);
    if (state === undefined) {
      state = { rule, subject, beyond: NaN, below: NaN, raised: null };
      this.states.set(key, state);
    }
    if (value !== value) {
      state.beyond = state.below = NaN;
      return;
    }
    const alert = state.raised;
    if (alert === null) {
      state.beyond = value >= rule.raise ? first(state.beyond, time) : NaN;
      if (time - state.beyond >= rule.hold) {
        state.raised = { rule, subject, since: state.beyond, until: null, value, worst: value };
        state.below = NaN;
        this.add(state.raised);
      }
      return;
    }
    alert.value = value;
    alert.worst = Math.max(alert.worst, value);
    state.below = value <= rule.clear ? first(state.below, time) : NaN;
    if (time - state.below >= rule.hold) {
      alert.until = time;
      state.raised = null;
      state.beyond = NaN;
    }
  }

  /** Something that happened and has no end of its own. */
  note(rule: Rule, subject: string, time: number): void {
    this.add({ rule, subject, since: time, until: time, value: NaN, worst: NaN });
  }

  private add(alert: Alert): void {
    this.log.unshift(alert);
    // What is still raised is not forgotten.
    for (let i = this.log.length - 1; i >= 0 && this.log.length > KEPT; i--) {
      if (this.log[i]!.until !== null) this.log.splice(i, 1);
    }
  }

  reset(): void {
    this.states.clear();
    this.log.length = 0;
  }
}

function first(since: number, time: number): number {
  return since === since ? since : time;
}
