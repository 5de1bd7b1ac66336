// The charts' values as a table for spreadsheets.
import type { Store } from "../model/store";

/** A field as RFC 4180 has it; one that a spreadsheet would take for a formula is made text. */
export function field(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** One line for each device and time; empty fields where nothing was measured. */
export function chartsCsv(store: Store, seconds: number): string {
  const names = new Set<string>();
  for (const device of store.devices.values()) for (const name of device.history.names) names.add(name);
  const columns = [...names];
  const lines = [["time", "device", ...columns].map(field).join(",")];
  for (const device of store.devices.values()) {
    const view = device.history.view(seconds);
    const values = columns.map((name) => view.column(name));
    for (let i = view.begin; i < view.end; i++) {
      const row = [new Date(store.unixMs(view.time[i]! * 1000)).toISOString(), field(store.deviceName(device.number))];
      for (const column of values) {
        const value = column?.[i] ?? NaN;
        row.push(value === value ? String(value) : "");
      }
      lines.push(row.join(","));
    }
  }
  return `${lines.join("\r\n")}\r\n`;
}
