// A table that keeps its rows: cells change their text, rows change their place, and nothing is built anew for a new value.
import { h, setAttribute, setText, setTitle, show } from "./dom";

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly help?: string;
  readonly numeric?: boolean;
  /** What rows are ordered by; without one the column cannot be sorted by. NaN goes last. */
  readonly key?: (row: Row) => number | string;
  /** Fills a cell that was made by `make`, or whose text this sets. */
  readonly text: (row: Row) => string;
  readonly title_?: (row: Row) => string;
  /** Elements before the text, made once per row. */
  readonly before?: (row: Row) => HTMLElement;
  /** From 0 to 1: a bar behind the text. */
  readonly bar?: (row: Row) => number;
}

export interface TableOptions<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly id: (row: Row) => string;
  readonly sortBy: string;
  readonly descending: boolean;
  /** Rows whose text holds what was typed, in any case. */
  readonly filterText?: (row: Row) => string;
  readonly empty: string;
  readonly most?: number;
  readonly onChange: () => void;
}

interface Line<Row> {
  readonly element: HTMLTableRowElement;
  readonly cells: { cell: HTMLElement; text: HTMLElement; bar: HTMLElement | null }[];
  row: Row;
}

/** Orders rows by a key: numbers by size with NaN last, texts by the alphabet; equal ones stay as they were. */
export function sortRows<Row>(rows: readonly Row[], key: (row: Row) => number | string, descending: boolean): Row[] {
  const direction = descending ? -1 : 1;
  return rows
    .map((row, place) => ({ row, place, key: key(row) }))
    .sort((a, b) => {
      const left = a.key;
      const right = b.key;
      if (typeof left === "number" && typeof right === "number") {
        const absent = Number(left !== left) - Number(right !== right);
        if (absent !== 0) return absent;
        if (left < right) return -direction;
        if (left > right) return direction;
        return a.place - b.place;
      }
      return direction * String(left).localeCompare(String(right)) || a.place - b.place;
    })
    .map(({ row }) => row);
}

export class Table<Row> {
  readonly element: HTMLElement;
  readonly filter: HTMLInputElement | null;
  private readonly body = h("tbody");
  private readonly lines = new Map<string, Line<Row>>();
  private readonly headers = new Map<string, HTMLElement>();
  private readonly note = h("p", { class: "ag-empty" });
  private readonly more = h("p", { class: "ag-note" });
  private readonly scroller: HTMLElement;
  private sortBy: string;
  private descending: boolean;

  constructor(private readonly options: TableOptions<Row>) {
    this.sortBy = options.sortBy;
    this.descending = options.descending;
    const heads = options.columns.map((column) => {
      const cell = h("th", { scope: "col", class: column.numeric ? "ag-num" : "" , title: column.help });
      if (column.key === undefined) {
        cell.append(column.title);
      } else {
        const button = h("button", { type: "button", class: "ag-sort" }, column.title);
        button.addEventListener("click", () => {
          if (this.sortBy === column.id) this.descending = !this.descending;
          else {
            this.sortBy = column.id;
            this.descending = column.numeric === true;
          }
          this.mark();
          options.onChange();
        });
        cell.append(button);
      }
      this.headers.set(column.id, cell);
      return cell;
    });
    this.filter = options.filterText === undefined ? null : h("input", { class: "ag-input ag-filter", type: "search", placeholder: "Filter", "aria-label": `Filter ${options.label.toLowerCase()}`, spellcheck: "false", autocomplete: "off" });
    this.filter?.addEventListener("input", () => options.onChange());
    const table = h("table", { class: "ag-table" }, h("caption", { class: "ag-hidden" }, options.label), h("thead", {}, h("tr", {}, ...heads)), this.body);
    this.scroller = h("div", { class: "ag-scroll", tabindex: "0", role: "region", "aria-label": options.label }, table);
    this.element = h("div", { class: "ag-table-box" }, this.scroller, this.note, this.more);
    this.mark();
  }

  private mark(): void {
    for (const [id, cell] of this.headers) {
      const order = id !== this.sortBy ? "none" : this.descending ? "descending" : "ascending";
      if (this.options.columns.find((column) => column.id === id)?.key !== undefined) setAttribute(cell, "aria-sort", order);
    }
  }

  update(rows: readonly Row[]): void {
    const { options } = this;
    const wanted = this.filter?.value.trim().toLowerCase() ?? "";
    let shown = wanted === "" ? rows : rows.filter((row) => options.filterText!(row).toLowerCase().includes(wanted));
    const found = shown.length;
    const key = options.columns.find((column) => column.id === this.sortBy)?.key;
    if (key !== undefined) shown = sortRows(shown, key, this.descending);
    const most = options.most ?? 200;
    if (shown.length > most) shown = shown.slice(0, most);
    const kept = new Set<string>();
    let place = 0;
    for (const row of shown) {
      const id = options.id(row);
      kept.add(id);
      const line = this.line(id, row);
      this.fill(line);
      const there = this.body.children[place];
      if (there !== line.element) this.body.insertBefore(line.element, there ?? null);
      place++;
    }
    for (const [id, line] of this.lines) {
      if (kept.has(id)) continue;
      line.element.remove();
      this.lines.delete(id);
    }
    show(this.scroller, shown.length > 0);
    show(this.note, shown.length === 0);
    setText(this.note, rows.length > 0 ? "Nothing matches the filter." : options.empty);
    show(this.more, found > shown.length);
    setText(this.more, `${found - shown.length} more are not listed: filter or sort to see them.`);
  }

  private line(id: string, row: Row): Line<Row> {
    const known = this.lines.get(id);
    if (known !== undefined) {
      known.row = row;
      return known;
    }
    const cells = this.options.columns.map((column) => {
      const text = h("span", { class: "ag-cell" });
      const bar = column.bar === undefined ? null : h("i", { class: "ag-bar", "aria-hidden": "true" });
      const cell = h("td", { class: column.numeric ? "ag-num" : "" }, bar, column.before?.(row) ?? null, text);
      return { cell, text, bar };
    });
    const line: Line<Row> = { element: h("tr", {}, ...cells.map(({ cell }) => cell)), cells, row };
    this.lines.set(id, line);
    return line;
  }

  private fill(line: Line<Row>): void {
    this.options.columns.forEach((column, i) => {
      const { cell, text, bar } = line.cells[i]!;
      setText(text, column.text(line.row));
      if (column.title_ !== undefined) setTitle(cell, column.title_(line.row));
      if (bar !== null) bar.style.transform = `scaleX(${Math.min(1, Math.max(0, column.bar!(line.row))).toFixed(3)})`;
    });
  }

  clear(): void {
    for (const line of this.lines.values()) line.element.remove();
    this.lines.clear();
  }
}
