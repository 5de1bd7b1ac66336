import { beforeEach, describe, expect, it, vi } from "vitest";
import { sortRows, Table } from "../../src/view/table";
import { Tooltip } from "../../src/view/tooltip";

interface Row {
  id: number;
  name: string;
  value: number;
}

const rows: Row[] = [
  { id: 1, name: "b", value: 2 },
  { id: 2, name: "a", value: NaN },
  { id: 3, name: "<script>window.hit = 1</script>", value: 10 },
  { id: 4, name: "c", value: 2 },
];

let changes = 0;

function table() {
  changes = 0;
  return new Table<Row>({
    label: "Rows",
    id: (row) => String(row.id),
    sortBy: "value",
    descending: true,
    filterText: (row) => row.name,
    empty: "nothing yet",
    onChange: () => changes++,
    columns: [
      { id: "name", title: "Name", key: (row) => row.name, text: (row) => row.name, title_: (row) => row.name },
      { id: "value", title: "Value", numeric: true, key: (row) => row.value, text: (row) => String(row.value) },
    ],
  });
}

function names(made: Table<Row>): string[] {
  return [...made.element.querySelectorAll("tbody td:first-child")].map((cell) => cell.textContent ?? "");
}

describe("sortRows", () => {
  it("orders numbers with what is absent last, either way, and keeps ties", () => {
    const ids = (descending: boolean) => sortRows(rows, (row) => row.value, descending).map((row) => row.id);
    expect(ids(true)).toEqual([3, 1, 4, 2]);
    expect(ids(false)).toEqual([1, 4, 3, 2]);
    expect(sortRows(rows, (row) => row.name, false).map((row) => row.id)).toEqual([3, 2, 1, 4]);
  });
});

describe("Table", () => {
  beforeEach(() => document.body.replaceChildren());

  it("shows a name that is markup as text", () => {
    const made = table();
    document.body.append(made.element);
    made.update(rows);
    expect(names(made)[0]).toBe("<script>window.hit = 1</script>");
    expect(made.element.querySelector("script")).toBeNull();
    expect((window as unknown as { hit?: number }).hit).toBeUndefined();
  });

  it("a tooltip does, too", () => {
    const host = document.createElement("div");
    const tooltip = new Tooltip(host);
    tooltip.show(0, 0, "<img src=x onerror=alert(1)>", [["<b>", "<i>x</i>"]]);
    expect(host.querySelector("img, b, i")).toBeNull();
    expect(host.textContent).toContain("<img src=x onerror=alert(1)>");
    expect(host.textContent).toContain("<i>x</i>");
  });

  it("sorts by a click, tells it to assistive technology, and keeps its rows", () => {
    const made = table();
    made.update(rows);
    const first = made.element.querySelector("tbody tr");
    const heads = [...made.element.querySelectorAll("th")];
    expect(heads.map((head) => head.getAttribute("aria-sort"))).toEqual(["none", "descending"]);
    heads[0]!.querySelector("button")!.click();
    expect(changes).toBe(1);
    made.update(rows);
    expect(heads.map((head) => head.getAttribute("aria-sort"))).toEqual(["ascending", "none"]);
    expect(names(made)).toEqual(["<script>window.hit = 1</script>", "a", "b", "c"]);
    expect(made.element.querySelector("tbody tr")).toBe(first);
    heads[0]!.querySelector("button")!.click();
    made.update(rows);
    expect(names(made)[0]).toBe("c");
  });

  it("filters as one types, and says when nothing is left", () => {
    const made = table();
    made.filter!.value = "SCRIPT";
    made.update(rows);
    expect(names(made)).toEqual(["<script>window.hit = 1</script>"]);
    made.filter!.value = "zzz";
    made.update(rows);
    expect(made.element.textContent).toContain("Nothing matches");
    made.filter!.value = "";
    made.update([]);
    expect(made.element.textContent).toContain("nothing yet");
  });

  it("touches only what has changed", async () => {
    const made = table();
    document.body.append(made.element);
    made.update(rows);
    let mutations = 0;
    const watcher = new MutationObserver((records) => (mutations += records.length));
    watcher.observe(made.element, { subtree: true, childList: true, characterData: true, attributes: true });
    made.update(rows);
    await vi.waitFor(() => Promise.resolve());
    expect(mutations + watcher.takeRecords().length).toBe(0);
    made.update(rows.map((row) => (row.id === 1 ? { ...row, value: 3 } : row)));
    expect(watcher.takeRecords().length).toBe(1);
    watcher.disconnect();
  });
});
