// SPDX-License-Identifier: Apache-2.0
// A comparison: the same question asked of an earlier period, which is the one before, of the same
// length, or the same dates a year before. Pure: which
// period that is, which rows of two answers belong together, and a table with both and their
// differences.
import { changed, valueOf } from "../answers/key.ts";
import type { Cell, Column, Options, Result, Row } from "../answers/types.ts";
import { rememberAsked, askedOptions } from "../answers/asked.ts";
import { isFigure } from "../parts/rows.ts";

const DAY_MS = 86_400_000;
const DATE = /^\d{4}-\d\d-\d\d$/;
const INSTANT = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/;

export interface Period {
  readonly from: string;
  readonly to: string;
}

// The same date a year before; of February 29 March 1.
function yearBefore(instant: number): number {
  const date = new Date(instant);
  return date.setUTCFullYear(date.getUTCFullYear() - 1);
}

// The period that `compare` names: of the same length just before, or ("year") of the same dates a
// year before; undefined: the period has no beginning, no end, is not of whole days or instants, or
// is a February 29. Days are those of the store's calendar, whatever hours they have.
export function earlierPeriod(options: Options, compare: string): Period | undefined {
  const [from, to] = [valueOf(options, "from"), valueOf(options, "to")];
  const form = [DATE, INSTANT].find((each) => each.test(from) && each.test(to));
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  if (form === undefined || !(begin < end)) return undefined;
  const write = (instant: number): string => {
    const text = new Date(instant).toISOString();
    return form === DATE ? text.slice(0, 10) : text;
  };
  if (compare !== "year") return { from: write(begin - (end - begin)), to: from };
  const [first, last] = [yearBefore(begin), yearBefore(end)];
  return first < last ? { from: write(first), to: write(last) } : undefined;
}

// How the options of a question ask for that period; undefined: they cannot.
export function optionsBefore(options: Options, compare: string): Options | undefined {
  const period = earlierPeriod(options, compare);
  return period === undefined ? undefined : changed(options, { ...period });
}

// Whether a period begins before the data do; such a one is compared, but is not whole.
export function beginsBefore(period: Period, first: string | null): boolean {
  return first !== null && Date.parse(period.from) < Date.parse(first) - DAY_MS;
}

// --- rows that belong together

// Names of places in time: those of two periods never are the same, and belong together when they
// are as far from the end of their period, in days, weeks or months of the calendar.
const TIMES = /^(period|cohort|day|week|month|date|hour)$/;
// What is said of a row, and does not name it.
const REMARKS = /^(anomaly|complete|note|from_group|example|advice|meaning|condition)$/;
// Figures that name a row where nothing else does.
const PLACES = /^(step|period|level)$/;
// Ranks and ends of intervals are no figures of their own.
const NO_FIGURES = /^(rank|step|depth|id|parent|period|level)$|_(low|high)$/;
const SINGLE = /^(customer|case|event)$/;

export function isMeasure(column: Column): boolean {
  return isFigure(column.type) && !NO_FIGURES.test(column.name);
}

function textOf(cell: Cell | undefined): string {
  return Array.isArray(cell) ? cell.join("\u001f") : String(cell ?? "");
}

// Which columns say which row it is.
function keyColumns(result: Result, table: string): readonly string[] {
  const columns = result.columns[table] ?? [];
  const listed = result.figures?.[table]?.keys.filter((name) => !/^(rank|id|variant)$/.test(name));
  const named = columns.filter((column) => !isFigure(column.type) && column.type !== "items" &&
                                           column.type !== "exact" && !REMARKS.test(column.name))
    .map((column) => column.name);
  const places = columns.filter((column) => isFigure(column.type) && PLACES.test(column.name))
    .map((column) => column.name);
  return listed !== undefined && listed.length > 0 ? listed : [...named, ...places];
}

// The way to each row of a tree, from its root.
function waysOf(rows: readonly Row[], by: string): readonly string[] {
  const way = new Map<string, string>();
  return rows.map((row) => {
    const group = textOf(row[by]);
    const own = `${row.parent === null ? group : way.get(`${group} ${row.parent}`) ?? ""}` +
                `\u001f${textOf(row.touchpoint)}`;
    way.set(`${group} ${row.id}`, own);
    return own;
  });
}

// Of each row its name, without that of its place in time.
function namesOf(result: Result, table: string, time: string | undefined): readonly string[] {
  const rows = result.tables[table] ?? [];
  const columns = result.columns[table] ?? [];
  const has = (name: string): boolean => columns.some((column) => column.name === name);
  if (has("id") && has("parent")) return waysOf(rows, result.options.by ?? "");
  const keys = keyColumns(result, table).filter((name) => name !== time);
  return rows.map((row) => keys.map((name) => textOf(row[name])).join("\n"));
}

const MONDAY = 3; // days from the Monday before to the first day of 1970

// Days, weeks, months or years since some beginning; undefined: the name says none.
function ordinalOf(name: string, weeks: boolean): number | undefined {
  const [, year, month, day] = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(name) ?? [];
  if (year === undefined) return undefined;
  if (month === undefined) return Number(year);
  if (day === undefined) return 12 * Number(year) + Number(month);
  const days = Date.parse(name) / DAY_MS;
  return weeks ? Math.floor((days + MONDAY) / 7) : days;
}

// Weeks are named by their Mondays.
function isWeekly(names: readonly string[]): boolean {
  return names.every((name) => DATE.test(name) && (Date.parse(name) / DAY_MS + MONDAY) % 7 === 0);
}

// How far each name is from the last of its period; a name that says no time stays as it is.
function distances(names: readonly string[], to: string | undefined): readonly string[] {
  const last = to === undefined ? NaN : Date.parse(to) - 1;
  if (Number.isNaN(last)) return names;
  const weeks = isWeekly(names.filter((name) => DATE.test(name)));
  const end = new Date(last).toISOString();
  return names.map((name) => {
    const at = ordinalOf(name, weeks), of = ordinalOf(end.slice(0, name.length), weeks);
    return at === undefined || of === undefined ? name : String(of - at);
  });
}

function timeColumn(result: Result, table: string, x: string | undefined): string | undefined {
  const column = (result.columns[table] ?? []).find((each) =>
    (x === undefined ? TIMES.test(each.name) || each.type === "time" : each.name === x));
  return column === undefined || isFigure(column.type) ? undefined : column.name;
}

// The row of `before` that belongs to each row of `now`. `x`: the column of places in time, where
// the table does not say it by its name.
export function pairRows(now: Result, before: Result, table: string, x?: string,
): ReadonlyMap<Row, Row> {
  const time = timeColumn(now, table, x);
  // Of each name its rows: of what it does not tell apart nobody knows which belong together.
  const named = (result: Result): Map<string, Row[]> => {
    const rows = result.tables[table] ?? [];
    const places = time === undefined ? []
      : distances(rows.map((row) => textOf(row[time])), result.options.to);
    const groups = new Map<string, Row[]>();
    for (const [at, name] of namesOf(result, table, time).entries()) {
      const whole = `${name}\n${places[at] ?? ""}`;
      groups.set(whole, [...groups.get(whole) ?? [], rows[at]!]);
    }
    return groups;
  };
  const pairs = new Map<Row, Row>();
  const others = named(before);
  for (const [name, rows] of named(now)) {
    const theirs = others.get(name) ?? [];
    if (rows.length === 1 && theirs.length === 1) pairs.set(rows[0]!, theirs[0]!);
  }
  return pairs;
}

// Whether a table has figures of more than single customers, cases and events.
export function isComparable(result: Result, table: string): boolean {
  const columns = result.columns[table] ?? [];
  return columns.some(isMeasure) && !columns.some((column) => SINGLE.test(column.name));
}

// --- a table with both

export const BEFORE = "_before";
export const DIFFERENCE = "_difference";

export function difference(now: Cell | undefined, before: Cell | undefined): number | null {
  return typeof now === "number" && typeof before === "number" ? now - before : null;
}

// The table with, after each of the measures, the one of before and the difference.
export function comparedTable(now: Result, table: string, pairs: ReadonlyMap<Row, Row>,
                              measures: readonly string[]): Result {
  const both = measures.flatMap((name) => (now.columns[table] ?? []).filter(
    (column) => column.name === name));
  const more = (column: Column): readonly Column[] => (!both.includes(column) ? [column] : [
    column, { ...column, name: column.name + BEFORE }, ...(column.name === "n" ? []
      : [{ ...column, name: column.name + DIFFERENCE }])]);
  const rows = (now.tables[table] ?? []).map((row): Row => {
    const other = pairs.get(row);
    return { ...row, ...Object.fromEntries(both.flatMap(({ name }) => [
      [name + BEFORE, other?.[name] ?? null],
      [name + DIFFERENCE, difference(row[name], other?.[name])]])) };
  });
  const made: Result = { ...now, tables: { ...now.tables, [table]: rows },
                         columns: { ...now.columns,
                                    [table]: (now.columns[table] ?? []).flatMap(more) } };
  const asked = askedOptions(now);
  return asked === undefined ? made : rememberAsked(made, asked);
}
