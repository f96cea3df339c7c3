// SPDX-License-Identifier: Apache-2.0
// What the process map shows: where journeys end, where their time goes, and what comes again.
import type { Result, Row } from "../answers/types.ts";
import { formatCount, formatDuration, formatShare } from "../format.ts";
import { figureOf, ofFew, rowsOf, spoken, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

function greatest(rows: readonly Row[], column: string): Row | undefined {
  return rows.reduce<Row | undefined>((best, row) =>
    ((figureOf(row, column) ?? 0) > (figureOf(best, column) ?? 0) ? row : best), undefined);
}

// All starts are known only while every touchpoint is listed: a cut table says nothing.
function endOf(result: Result): Headline[] {
  const nodes = rowsOf(result, "nodes");
  const cases = nodes.reduce((sum, row) => sum + (figureOf(row, "starts") ?? 0), 0);
  const last = greatest(nodes, "ends");
  const ends = figureOf(last, "ends") ?? 0;
  if (last === undefined || cases === 0 || "limit" in result.options) return [];
  const share = ends / cases;
  return [{ text: `${share > 0.5 ? "Most journeys end" : "The most frequent end is"} ` +
                  `${share > 0.5 ? "with " : ""}${spoken(textOf(last, "touchpoint"))}: ` +
                  `${formatCount(ends)} of ${formatCount(cases)} ` +
                  `(${ofFew(share) ?? formatShare(share)}).` }];
}

function waitOf(result: Result): Headline[] {
  const edge = greatest(rowsOf(result, "edges"), "total_ms");
  const [total, median] = [figureOf(edge, "total_ms"), figureOf(edge, "median_ms")];
  const moves = figureOf(edge, "occurrences");
  if (total === undefined || total === 0 || median === undefined || moves === undefined) return [];
  return [{ text: `Of the paths listed, most time passes from ${spoken(textOf(edge, "from"))} to ` +
                  `${spoken(textOf(edge, "to"))}: ${formatDuration(median)} at the median of ` +
                  `${formatCount(moves)} times.` }];
}

const WORTH_SAYING = 0.05;

// Of touchpoints that at least one journey in a hundred has.
function reworkOf(result: Result): Headline[] {
  const cases = rowsOf(result, "nodes")
    .reduce((sum, row) => sum + (figureOf(row, "starts") ?? 0), 0);
  const rows = rowsOf(result, "rework").filter((row) =>
    (figureOf(row, "cases") ?? 0) >= Math.max(20, cases / 100));
  const worst = greatest(rows, "rework_share");
  const [share, again, all] = ["rework_share", "rework_cases", "cases"].map(
    (column) => figureOf(worst, column));
  if (share === undefined || share < WORTH_SAYING || again === undefined || all === undefined)
    return [];
  const name = spoken(textOf(worst, "touchpoint"));
  return [{ text: `${name.charAt(0).toUpperCase()}${name.slice(1)} comes again in ` +
                  `${ofFew(share) ?? formatShare(share)} of the journeys that have it ` +
                  `(${formatCount(again)} of ${formatCount(all)}).` }];
}

export function processHeadlines(result: Result): readonly Headline[] {
  return "by" in result.options ? [] : [...endOf(result), ...waitOf(result), ...reworkOf(result)];
}
