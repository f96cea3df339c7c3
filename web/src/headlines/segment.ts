// SPDX-License-Identifier: Apache-2.0
// What segments show: the largest, who moved most, and how a size went over time.
import type { Result, Row } from "../answers/types.ts";
import { formatCount, formatDay, formatShare } from "../format.ts";
import { figureOf, ofFew, rowsOf, spoken, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

const OUTSIDE = new Set(["(none)", "(not yet)"]);

function whom(result: Result): string {
  return result.options.case === undefined ? "customers" : "cases";
}

function largest(rows: readonly Row[], column: string): Row | undefined {
  return rows.reduce<Row | undefined>((best, row) =>
    ((figureOf(row, column) ?? -1) > (figureOf(best, column) ?? -1) ? row : best), undefined);
}

export function sizeHeadlines(result: Result): readonly Headline[] {
  const rows = rowsOf(result, "segments").filter((row) => figureOf(row, "share") !== undefined);
  const top = largest(rows, "members");
  if (top === undefined || result.options.by !== undefined) return [];
  const members = figureOf(top, "members") ?? 0;
  const few = ofFew(figureOf(top, "share") ?? 0);
  return [{ text: `${few === undefined ? formatShare(figureOf(top, "share") ?? 0) : few} of ` +
                  `${formatCount(figureOf(top, "cases") ?? 0)} ${whom(result)} are ` +
                  `${rows.length > 1 ? "in the largest segment, " : ""}` +
                  `${spoken(textOf(top, "name"))} (n = ${formatCount(members)}).` }];
}

// The largest move between two different segments.
export function moveHeadlines(result: Result): readonly Headline[] {
  const moved = rowsOf(result, "moves").filter((row) =>
    textOf(row, "from") !== textOf(row, "to") && !OUTSIDE.has(textOf(row, "from")) &&
    !OUTSIDE.has(textOf(row, "to")));
  const top = largest(moved, "members");
  const members = figureOf(top, "members") ?? 0;
  if (top === undefined || members === 0)
    return moved.length === 0 ? []
      : [{ text: "Nobody moved from one of these segments to another." }];
  const share = figureOf(top, "share");
  const of = share === undefined ? "" : `, ${formatShare(share)} of those who were there`;
  return [{ text: `Most moved from ${spoken(textOf(top, "from"))} to ` +
                  `${spoken(textOf(top, "to"))}: ${formatCount(members)} ${whom(result)}${of}.` }];
}

// So many periods back a share is compared: a year of months.
const PERIODS_BACK = 12;

// The segment whose share changed most over the last periods that have enough cases.
export function seriesHeadlines(result: Result): readonly Headline[] {
  let best: { name: string; from: Row; to: Row; change: number } | undefined;
  const byName = new Map<string, Row[]>();
  for (const row of rowsOf(result, "series"))
    if (figureOf(row, "share") !== undefined)
      byName.set(textOf(row, "name"), [...byName.get(textOf(row, "name")) ?? [], row]);
  for (const [name, rows] of byName) {
    const [from, to] = [rows.at(-1 - PERIODS_BACK) ?? rows[0]!, rows.at(-1)!];
    const change = (figureOf(to, "share") ?? 0) - (figureOf(from, "share") ?? 0);
    if (rows.length > 1 && Math.abs(change) > Math.abs(best?.change ?? 0))
      best = { name, from, to, change };
  }
  if (best === undefined || result.options.by !== undefined) return [];
  const say = (row: Row): string => `${formatShare(figureOf(row, "share") ?? 0)} (n = ` +
    `${formatCount(figureOf(row, "members") ?? 0)}) on ${formatDay(textOf(row, "at"))}`;
  const name = spoken(best.name).replace(/^./, (first) => first.toUpperCase());
  return [{ text: `${name} ${best.change > 0 ? "grew" : "shrank"} most: from ` +
                  `${say(best.from)} to ${say(best.to)}.` }];
}

// The two segments that share most, by the share of either.
export function overlapHeadlines(result: Result): readonly Headline[] {
  const top = largest(rowsOf(result, "overlap"), "share_either");
  const both = figureOf(top, "both") ?? 0;
  if (top === undefined || both === 0) return [];
  return [{ text: `${spoken(textOf(top, "name")).replace(/^./, (a) => a.toUpperCase())} and ` +
                  `${spoken(textOf(top, "other"))} share most: ${formatCount(both)} ` +
                  `${whom(result)}, ${formatShare(figureOf(top, "share_either") ?? 0)} of those ` +
                  "in either." }];
}

export function segmentHeadlines(result: Result): readonly Headline[] {
  return [...sizeHeadlines(result), ...seriesHeadlines(result), ...moveHeadlines(result)];
}
