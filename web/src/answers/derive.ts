// SPDX-License-Identifier: Apache-2.0
// A part of an answer as an answer of its own, so that a chart or a table can show it and its
// figures still open their lists.
import { askedOptions, rememberAsked } from "./asked.ts";
import type { Result, Row } from "./types.ts";

function remade(result: Result, part: Result): Result {
  const asked = askedOptions(result);
  return asked === undefined ? part : rememberAsked(part, asked);
}

export function withTable(result: Result, table: string, rows: readonly Row[]): Result {
  return remade(result, { ...result, tables: { ...result.tables, [table]: rows } });
}

export function withRows(result: Result, table: string, keep: (row: Row) => boolean): Result {
  return withTable(result, table, (result.tables[table] ?? []).filter(keep));
}

// Without the remarks that another card of the page makes already.
export function withoutNotes(result: Result, said: Result | undefined): Result {
  const notes = result.notes.filter(
    (note) => said === undefined || !said.notes.some((other) => other.text === note.text));
  return notes.length === result.notes.length ? result : remade(result, { ...result, notes });
}
