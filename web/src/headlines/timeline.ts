// SPDX-License-Identifier: Apache-2.0
// What a timeline shows: how long, how many orders, which promise was missed, the longest silence.
import type { Result, Row } from "../answers/types.ts";
import { formatCount, formatDuration } from "../format.ts";
import { figureOf, rowsOf, spoken, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

// Silences shorter than that are nothing to speak of.
const SILENCE_MS = 86_400_000;

// More missed promises are told as a number.
const MISSED_MAX = 2;

// How a case's promise stands.
export type Kept = "kept" | "late" | "open" | "overdue";

export function keptOf(row: Row): Kept | undefined {
  const late = figureOf(row, "late_ms");
  if (late === undefined) return undefined;
  if (textOf(row, "delivered") !== "") return late > 0 ? "late" : "kept";
  return late > 0 ? "overdue" : "open";
}

// "order O17" of the case key order_id.
export function caseName(row: Row): string {
  return `${spoken(textOf(row, "key").replace(/_id$/, ""))} ${textOf(row, "case")}`;
}

function promisedOf(cases: readonly Row[], key: string): number {
  return cases.filter((row) => textOf(row, "key") === key && keptOf(row) !== undefined).length;
}

function silence(result: Result): string {
  const rows = rowsOf(result, "events");
  const longest = figureOf(rowsOf(result, "customer")[0], "longest_gap_ms") ?? 0;
  const at = rows.findIndex((row) => figureOf(row, "gap_ms") === longest);
  if (longest < SILENCE_MS || at < 1 || result.options.case !== undefined) return "";
  return `The longest silence, ${formatDuration(longest)}, lies between ` +
         `${spoken(textOf(rows[at - 1], "touchpoint"))} and ` +
         `${spoken(textOf(rows[at], "touchpoint"))}.`;
}

export function timelineHeadlines(result: Result): readonly Headline[] {
  const customer = rowsOf(result, "customer")[0];
  const events = figureOf(customer, "events") ?? 0;
  if (events === 0) return [];
  const lines: Headline[] = [];
  // A parcel's promise is its order's: told once.
  const cases = rowsOf(result, "cases");
  const main = mainKey(result);
  const missed = cases.filter((row) => textOf(row, "key") === main &&
                                       ["late", "overdue"].includes(keptOf(row) ?? ""));
  if (missed.length > MISSED_MAX)
    lines.push({ text: `${formatCount(missed.length)} promises were missed, of ` +
                       `${formatCount(promisedOf(cases, main))}.`, tone: "bad" });
  for (const row of missed.length > MISSED_MAX ? [] : missed)
    lines.push({ text: `${caseName(row).replace(/^./, (a) => a.toUpperCase())}: promised for ` +
                       `${textOf(row, "promised")}, ${textOf(row, "promise")}.`, tone: "bad" });
  const quiet = silence(result);
  return quiet === "" ? lines : [...lines, { text: quiet }];
}

// The case key by which a story is told: orders, else the key with most events.
export function mainKey(result: Result): string {
  const events = new Map<string, number>();
  for (const row of rowsOf(result, "cases")) {
    const key = textOf(row, "key");
    events.set(key, (events.get(key) ?? 0) + (figureOf(row, "events") ?? 0));
  }
  if (events.has("order_id")) return "order_id";
  return [...events].reduce((best, each) => (each[1] > best[1] ? each : best), ["", 0])[0];
}
