// SPDX-License-Identifier: Apache-2.0
// A chart as data: which columns of a table lie on which axis. Pure: a spec and a table become
// series here, and ECharts' option in option.ts; a spec for any table is found by default.
import type { Annotation, Cell, Column, Result, Row } from "../answers/types.ts";
import { columnLabel, formatCell } from "../format.ts";
import { isFigure } from "../parts/rows.ts";
import { words } from "../words/en.ts";

export type ChartKind = "line" | "bars" | "columns" | "heat" | "points";

export interface ChartSpec {
  readonly kind: ChartKind;
  // The column of places along the axis; for points a figure.
  readonly x: string;
  // The figures: columns of one type. Of heat: the colour.
  readonly y: readonly string[];
  // A column whose values are a series each; of heat: the rows.
  readonly split?: string | undefined;
  // The ends of the interval of the first figure.
  readonly low?: string;
  readonly high?: string;
  // A column that is not null where a point stands out.
  readonly mark?: string;
  // A column that says "no" where a period is not complete.
  readonly complete?: string;
  readonly annotations?: readonly Annotation[];
}

export interface Series {
  readonly name: string;
  readonly column: Column;
  readonly values: readonly (number | null)[]; // by place
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  readonly rows: readonly (Row | undefined)[];
  // Of a comparison: what it is called, and for those of the other period their own places.
  readonly title?: string;
  readonly places?: readonly string[];
}

// What is drawn beside a plot: the rows of another period that belong to its own.
export interface Beside {
  readonly pairs: ReadonlyMap<Row, Row>;
}

export interface Plot {
  readonly places: readonly string[];
  readonly series: readonly Series[];
  readonly hidden: number; // rows that are left to the table
}

const PLACES_MAX: Readonly<Record<ChartKind, number>> =
  { line: 2000, bars: 24, columns: 40, heat: 60, points: 2000 };
const SERIES_MAX = 8;

function figure(cell: Cell | undefined): number | null {
  return typeof cell === "number" ? cell : null;
}

export function columnOf(result: Result, table: string, name: string): Column | undefined {
  return result.columns[table]?.find((column) => column.name === name);
}

// The texts of a column in the order of their first row, as shown.
function placesOf(rows: readonly Row[], column: Column): Map<string, number> {
  const places = new Map<string, number>();
  for (const row of rows) {
    const name = formatCell(row[column.name], column);
    if (!places.has(name)) places.set(name, places.size);
  }
  return places;
}

export function plotOf(result: Result, table: string, spec: ChartSpec): Plot {
  const rows = result.tables[table] ?? [];
  const x = columnOf(result, table, spec.x);
  if (x === undefined) return { places: [], series: [], hidden: 0 };
  const all = placesOf(rows, x);
  const places = [...all.keys()].slice(0, PLACES_MAX[spec.kind]);
  const split = spec.split === undefined ? undefined : columnOf(result, table, spec.split);
  const groups = split === undefined ? undefined
    : [...placesOf(rows, split).keys()].slice(0, spec.kind === "heat" ? 60 : SERIES_MAX);
  const series: Series[] = [];
  let drawn = 0;
  for (const name of spec.y) {
    const column = columnOf(result, table, name);
    if (column === undefined) continue;
    for (const group of groups ?? [undefined]) {
      const at: (Row | undefined)[] = new Array<Row | undefined>(places.length).fill(undefined);
      for (const row of rows) {
        if (group !== undefined && formatCell(row[split!.name], split!) !== group) continue;
        const place = all.get(formatCell(row[x.name], x))!;
        if (place < places.length) {
          at[place] = row;
          drawn++;
        }
      }
      const of = (key: string | undefined): (number | null)[] =>
        at.map((row) => (key === undefined || row === undefined ? null : figure(row[key])));
      series.push({ name: group ?? name, column, values: of(name), rows: at,
                    low: of(spec.low), high: of(spec.high) });
    }
  }
  const perRow = Math.max(1, spec.y.length);
  return { places, series, hidden: Math.max(0, rows.length - drawn / perRow) };
}

// Whether a chart can hold a second period: of many lines nobody could tell their sisters apart.
export function holdsTwo(spec: ChartSpec): boolean {
  return spec.split === undefined && spec.kind !== "heat" && spec.kind !== "points";
}

// A plot with a second series for each, of the rows that belong to its own.
export function plotBeside(result: Result, table: string, spec: ChartSpec, plot: Plot,
                           { pairs }: Beside): Plot {
  const x = columnOf(result, table, spec.x);
  if (x === undefined || !holdsTwo(spec) || pairs.size === 0) return plot;
  const series = plot.series.flatMap((own): Series[] => {
    const name = (when: string): string =>
      (spec.y.length > 1 ? `${columnLabel(own.column)}, ${when}` : when);
    const rows = own.rows.map((row) => (row === undefined ? undefined : pairs.get(row)));
    const of = (key: string | undefined): (number | null)[] =>
      rows.map((row) => (key === undefined || row === undefined ? null : figure(row[key])));
    return [
      { ...own, title: name(words.compare.now) },
      { ...own, title: name(words.compare.before), rows, values: of(own.column.name),
        low: of(spec.low), high: of(spec.high),
        places: rows.map((row) => (row === undefined ? "" : formatCell(row[spec.x], x))) },
    ];
  });
  return { ...plot, series };
}

// Numbers that say which row it is, or how sure a figure is.
const NO_FIGURES = /^(rank|step|depth|id|n)$|_(low|high|n)$/;
// Tables of single customers, cases or events are to be read, not measured.
const SINGLE = /^(customer|case|id|event|time)$/;
const TIME_NAMES = /^(period|cohort|day|week|month|date|hour)$/;

function intervalOf(columns: readonly Column[], y: string): { low: string; high: string } | object {
  const has = (name: string): boolean => columns.some((column) => column.name === name);
  return has(`${y}_low`) && has(`${y}_high`) ? { low: `${y}_low`, high: `${y}_high` } : {};
}

// The chart of a table that nobody has described; undefined: a table says it better.
export function defaultSpec(result: Result, table: string): ChartSpec | undefined {
  const columns = result.columns[table] ?? [];
  const rows = result.tables[table] ?? [];
  if (rows.length < 2 || columns.some((column) => SINGLE.test(column.name))) return undefined;
  const by = result.options.by;
  const split = by !== undefined && columns[0]?.name === by ? by : undefined;
  const keys = columns.filter((column) => column.name !== split);
  const named = (name: string): Column | undefined => keys.find((column) => column.name === name);
  const share = keys.find((column) => column.type === "share" &&
                                      !/_(low|high)$/.test(column.name));
  const cohort = named("cohort");
  if (cohort !== undefined && named("period") !== undefined && share !== undefined)
    return { kind: "heat", x: "period", y: [share.name], split: "cohort" };
  const time = keys.find((column) => column.type === "time" || TIME_NAMES.test(column.name));
  const figures = keys.filter((column) => isFigure(column.type) && column.name !== time?.name &&
                                          !NO_FIGURES.test(column.name));
  const y = named("value") ?? (time !== undefined ? share : undefined) ?? figures[0];
  if (y === undefined) return undefined;
  if (time !== undefined && keys.indexOf(time) === 0)
    return { kind: "line", x: time.name, y: [y.name], split, ...intervalOf(columns, y.name),
             ...(named("anomaly") ? { mark: "anomaly" } : {}),
             ...(named("complete") ? { complete: "complete" } : {}) };
  const texts = keys.filter((column) => column.type === "text" || column.type === "list");
  const unique = texts.find((column) => placesOf(rows, column).size === rows.length) ??
                 (split === undefined ? undefined : texts[0]);
  if (unique === undefined) return undefined;
  return { kind: "bars", x: unique.name, y: [y.name], split, ...intervalOf(columns, y.name) };
}
