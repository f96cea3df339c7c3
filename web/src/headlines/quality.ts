// SPDX-License-Identifier: Apache-2.0
// What quality shows: how many kinds of problem there are, and the largest.
import type { Result, Row } from "../answers/types.ts";
import { formatCount } from "../format.ts";
import { figureOf, rowsOf, spoken, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

export function qualityHeadlines(result: Result): readonly Headline[] {
  const problems = rowsOf(result, "problems");
  const first = problems.reduce<Row | undefined>((most, row) =>
    (most === undefined || (figureOf(row, "count") ?? 0) > (figureOf(most, "count") ?? 0)
      ? row : most), undefined);
  if (result.options.by !== undefined || result.tables.touchpoints?.length === 0) return [];
  if (first === undefined) return [{ text: "No problem was found in the data.", tone: "good" }];
  const noun = problems.length === 1 ? "problem" : "problems";
  const count = formatCount(figureOf(first, "count") ?? 0);
  return [{ text: `${formatCount(problems.length)} ${noun} in the data. Most often: ` +
                  `${spoken(textOf(first, "kind"))}, ${count} ${textOf(first, "of")}.` }];
}
