// SPDX-License-Identifier: Apache-2.0
// Files that the page makes itself: offered as downloads.
import type { Cell, Result } from "../answers/types.ts";

export function offerFile(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads it after this turn.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function csvWord(cell: Cell | undefined): string {
  const text = cell === null || cell === undefined ? ""
    : Array.isArray(cell) ? cell.join(" > ") : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// A table as CSV, for answers that have no address of their own (SQL).
export function csvText(result: Result, table: string): string {
  const columns = result.columns[table] ?? [];
  const lines = [columns.map((column) => csvWord(column.name)).join(","),
                 ...(result.tables[table] ?? []).map((row) =>
                   columns.map((column) => csvWord(row[column.name])).join(","))];
  return `${lines.join("\n")}\n`;
}

export function csvBlob(result: Result, table: string): Blob {
  return new Blob([csvText(result, table)], { type: "text/csv" });
}
