// SPDX-License-Identifier: Apache-2.0
// What paths show: the most frequent next step, and how many have none.
import type { Result, Row } from "../answers/types.ts";
import { formatCount, formatDuration, formatShare } from "../format.ts";
import { figureOf, rowsOf, spoken, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

export function countColumn(result: Result): string {
  return result.columns.nodes?.some((column) => column.name === "occurrences") === true
    ? "occurrences" : "cases";
}

const NO_STEP = new Set(["(end)", "(start)", "(other)"]);

export function pathsHeadlines(result: Result): readonly Headline[] {
  const rows = rowsOf(result, "nodes");
  const count = countColumn(result);
  const root = rows[0];
  const total = figureOf(root, count);
  if (result.options.by !== undefined || total === undefined || total === 0) return [];
  const first = rows.filter((row) => row.parent === root?.id);
  const next = first.find((row) => !NO_STEP.has(textOf(row, "touchpoint")));
  const none = first.find((row) => ["(end)", "(start)"].includes(textOf(row, "touchpoint")));
  const anchor = spoken(textOf(root, "touchpoint"));
  const back = result.options.after === undefined;
  const share = (row: Row | undefined): string => formatShare(figureOf(row, "share") ?? 0);
  const mean = figureOf(next, "mean_ms");
  const time = mean === undefined ? "" : `, ${formatDuration(mean)} ${back ? "before" : "later"} ` +
                                         "on average";
  return [
    ...(next === undefined ? [] : [{
      text: `${back ? "Most often" : "Next"} ${back ? "just before" : "after"} ${anchor} ` +
            `${back ? "comes" : "most often comes"} ${spoken(textOf(next, "touchpoint"))}: ` +
            `${share(next)} of ${formatCount(total)}${time}.` }]),
    ...(none === undefined ? [] : [{
      text: `${share(none)} have no event ${back ? "before" : "after"} it ` +
            `(${formatCount(figureOf(none, count) ?? 0)}).` }]),
  ];
}
