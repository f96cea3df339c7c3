// SPDX-License-Identifier: Apache-2.0
// What find shows: how many, and whose last event is the latest.
import type { Result } from "../answers/types.ts";
import { formatCount, formatTime } from "../format.ts";
import { rowsOf, spoken, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

// How many were found: a note tells it when fewer are shown.
export function foundCount(result: Result): number {
  for (const note of result.notes) {
    const told = /^found: [\d,]+ of ([\d,]+) rows are shown\.$/.exec(note.text)?.[1];
    if (told !== undefined) return Number(told.replaceAll(",", ""));
  }
  return rowsOf(result, "found").length;
}

export function findHeadlines(result: Result): readonly Headline[] {
  const rows = rowsOf(result, "found");
  const cases = result.options.case !== undefined;
  if (rows.length === 0) return [];
  const count = foundCount(result);
  const one = cases ? "case" : "customer";
  const last = rows.map((row) => textOf(row, "last")).reduce((a, b) => (a > b ? a : b));
  const latest = rows.find((row) => textOf(row, "last") === last);
  return [{ text: `${formatCount(count)} ${count === 1 ? one : `${one}s`}; the latest event of ` +
                  `theirs is ${spoken(textOf(latest, "touchpoint"))} on ${formatTime(last)}.` }];
}
