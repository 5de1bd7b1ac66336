// A note beside what the pointer or the keyboard is on: names and values, as text.
import { h, setText, show } from "./dom";

export class Tooltip {
  readonly element = h("div", { class: "ag-tooltip", role: "status", "aria-live": "polite" });
  private readonly title = h("strong");
  private readonly list = h("dl");
  private readonly rows: { row: HTMLElement; name: HTMLElement; value: HTMLElement }[] = [];

  constructor(private readonly host: HTMLElement) {
    this.element.append(this.title, this.list);
    this.element.hidden = true;
    host.append(this.element);
  }

  /** At a point of the host, kept within its sides. */
  show(x: number, y: number, title: string, rows: readonly (readonly [string, string])[]): void {
    setText(this.title, title);
    rows.forEach(([name, value], i) => {
      let line = this.rows[i];
      if (line === undefined) {
        line = { row: h("div"), name: h("dt"), value: h("dd") };
        line.row.append(line.name, line.value);
        this.list.append(line.row);
        this.rows.push(line);
      }
      setText(line.name, name);
      setText(line.value, value);
      show(line.row, true);
    });
    for (let i = rows.length; i < this.rows.length; i++) show(this.rows[i]!.row, false);
    show(this.element, true);
    const width = this.element.offsetWidth;
    const left = Math.min(Math.max(0, x - width / 2), Math.max(0, this.host.clientWidth - width));
    this.element.style.transform = `translate(${Math.round(left)}px, ${Math.round(y + 10)}px)`;
  }

  hide(): void {
    show(this.element, false);
  }
}
