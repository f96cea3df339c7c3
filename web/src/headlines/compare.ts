// SPDX-License-Identifier: Apache-2.0
// What a comparison shows: of a line the last whole period beside its sister before, of groups the
// one that differs most; each with n, and whether the intervals leave room for chance.
import type { Column, Result, Row } from "../answers/types.ts";
import { columnLabel, formatCell, formatCount, formatDifference, formatFigure }
  from "../format.ts";
import { isFigure } from "../parts/rows.ts";
import { holdsTwo } from "../charts/spec.ts";
import type { ChartSpec } from "../charts/spec.ts";
import { figureOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

type Pair = readonly [Row, Row];

// Of how many a figure is.
const BASES = ["n", "size", "promised", "cases"];

function saidN(row: Row, column: Column): string {
  const n = BASES.map((name) => figureOf(row, name)).find((figure) => figure !== undefined);
  return n === undefined || column.type === "count" ? "" : ` (n = ${formatCount(n)})`;
}

// Whether the intervals of both lie apart; "" where there are none.
function apart([now, before]: Pair, spec: ChartSpec): string {
  const ends = [now, before].map((row) => [spec.low, spec.high].map((name) =>
    (name === undefined ? undefined : figureOf(row, name))));
  const [[low, high], [lowBefore, highBefore]] = ends as [(number | undefined)[],
                                                          (number | undefined)[]];
  if (low === undefined || high === undefined || lowBefore === undefined ||
      highBefore === undefined) return "";
  return low > highBefore || high < lowBefore ? "; the intervals lie apart"
                                              : "; the intervals overlap";
}

export function comparedHeadlines(now: Result, table: string, spec: ChartSpec | undefined,
                                  pairs: ReadonlyMap<Row, Row>): readonly Headline[] {
  const columns = now.columns[table] ?? [];
  const y = spec?.y[0];
  const column = columns.find((each) => each.name === y);
  const x = columns.find((each) => each.name === spec?.x);
  if (spec === undefined || !holdsTwo(spec) || y === undefined || column === undefined ||
      x === undefined) return [];
  const whole = (row: Row): boolean => spec.complete === undefined || row[spec.complete] !== "no";
  const known = [...pairs].filter((pair) => pair.every((row) =>
    figureOf(row, y) !== undefined && whole(row)));
  const change = ([a, b]: Pair): number => (figureOf(a, y) ?? 0) - (figureOf(b, y) ?? 0);
  // Pairs come in the order of nothing: the rows' own is the table's.
  const order = new Map((now.tables[table] ?? []).map((row, at) => [row, at]));
  const ordered = known.sort((a, b) => (order.get(a[0]) ?? 0) - (order.get(b[0]) ?? 0));
  const told = spec.kind === "line" ? ordered.at(-1)
    : ordered.reduce<Pair | undefined>((most, pair) =>
      (most === undefined || Math.abs(change(pair)) > Math.abs(change(most)) ? pair : most),
                                       undefined);
  if (told === undefined) return [];
  const [row, other] = told;
  const say = (each: Row): string => formatFigure(figureOf(each, y) ?? 0, column) +
                                     saidN(each, column);
  const [at, then] = [formatCell(row[x.name], x), formatCell(other[x.name], x)];
  const place = isFigure(x.type) ? `${columnLabel(x)} ${at}` : at;
  const name = spec.kind === "line" ? `${place}: ` : `Most changed: ${place}, `;
  const before = at === then ? "before" : `in ${then}, of the earlier period,`;
  return [{ text: `${name}${say(row)}, ${before} ${say(other)}: ` +
                  `${formatDifference(change(told), column)}${apart(told, spec)}.` }];
}
