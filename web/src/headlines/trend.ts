// SPDX-License-Identifier: Apache-2.0
// What a trend shows: which periods stand out; where none does, the last whole one.
import type { Result } from "../answers/types.ts";
import { formatCount, formatFigure } from "../format.ts";
import { figureOf, rowsOf, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

export function trendHeadlines(result: Result): readonly Headline[] {
  const column = result.columns.periods?.find((each) => each.name === "value");
  if (column === undefined || result.options.by !== undefined) return [];
  const rows = rowsOf(result, "periods");
  const out = rows.filter((row) => textOf(row, "anomaly") !== "");
  const last = out.at(-1);
  const value = figureOf(last, "value");
  if (last !== undefined && value !== undefined) {
    const expected = figureOf(last, "expected");
    const against = expected === undefined ? ""
      : `, expected ${formatFigure(expected, column)}`;
    const counted = `${formatCount(out.length)} of ${formatCount(rows.length)} periods`;
    return [{ text: `${counted} stand out; the latest, ${textOf(last, "period")}, ` +
                    `is ${textOf(last, "anomaly")}: ` +
                    `${formatFigure(value, column)}${against}.` }];
  }
  const whole = rows.filter((row) => textOf(row, "complete") !== "no").at(-1);
  const latest = figureOf(whole, "value");
  return latest === undefined ? []
    : [{ text: `${formatFigure(latest, column)} in ${textOf(whole, "period")}, the last whole ` +
               `${result.options.per ?? "period"}` +
               `${figureOf(whole, "n") === undefined || column.type === "count" ? ""
                 : ` (n = ${formatCount(figureOf(whole, "n")!)})`}.` }];
}
