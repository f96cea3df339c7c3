// SPDX-License-Identifier: Apache-2.0
// What a trend shows: which periods stand out; where none does, the last whole one.
import type { Column, Result, Row } from "../answers/types.ts";
import { formatCount, formatFigure } from "../format.ts";
import { figureOf, rowsOf, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

const DAY_MS = 86_400_000;
// What begins later than this before the end of the data may still get there.
const SETTLED_DAYS = 30;

// The first day after a period, by its name.
function endOf(period: string, per: string | undefined): number {
  const [year = NaN, month = NaN] = period.split("-").map(Number);
  return per === "month" ? Date.UTC(year, month, 1)
    : Date.parse(period) + (per === "week" ? 7 : 1) * DAY_MS;
}

// Whether a period's journeys have had their time; where they need none, every period is settled.
function isSettled({ options, as_of }: Result, row: Row): boolean {
  const takesTime = options.measure === "rate" || options.of === "duration";
  return !takesTime || as_of === null ||
    endOf(textOf(row, "period"), options.per) + SETTLED_DAYS * DAY_MS <= Date.parse(as_of);
}

function lastWhole(result: Result, column: Column): Headline[] {
  const per = result.options.per ?? "period";
  const whole = rowsOf(result, "periods").filter((row) => textOf(row, "complete") !== "no");
  const settled = whole.filter((row) => isSettled(result, row));
  const row = settled.at(-1) ?? whole.at(-1);
  const [latest, n] = [figureOf(row, column.name), figureOf(row, "n")];
  if (latest === undefined) return [];
  const counted = n === undefined || column.type === "count" ? "" : ` (n = ${formatCount(n)})`;
  const early = row !== whole.at(-1);
  return [{ text: `${formatFigure(latest, column)} in ${textOf(row, "period")}, the last whole ` +
                  `${per}${early ? ` whose journeys have had ${SETTLED_DAYS} days` : ""}` +
                  `${counted}.${early ? " Those of later ones may still go on." : ""}` }];
}

export function trendHeadlines(result: Result): readonly Headline[] {
  const column = result.columns.periods?.find((each) => /^value(_ms)?$/.test(each.name));
  if (column === undefined || result.options.by !== undefined) return [];
  const rows = rowsOf(result, "periods");
  const out = rows.filter((row) => textOf(row, "anomaly") !== "");
  const last = out.at(-1);
  const value = figureOf(last, column.name);
  if (last !== undefined && value !== undefined) {
    const expected = figureOf(last, column.name.replace("value", "expected"));
    const against = expected === undefined ? ""
      : `, expected ${formatFigure(expected, column)}`;
    const counted = `${formatCount(out.length)} of ${formatCount(rows.length)} periods`;
    return [{ text: `${counted} stand out; the latest, ${textOf(last, "period")}, ` +
                    `is ${textOf(last, "anomaly")}: ` +
                    `${formatFigure(value, column)}${against}.` }];
  }
  return lastWhole(result, column);
}
