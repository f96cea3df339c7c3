// SPDX-License-Identifier: Apache-2.0
// Values as people read them, in the reader's locale, with their units.
import type { Cell, Column } from "./answers/types.ts";
import { words } from "./words/en.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// The narrow no-break space between a number and its unit.
const GAP = " ";
const NO_BREAK = "\u00a0";
export const NOTHING = "–";
// Lists whose items come one after the other.
const ORDERED = /route|touchpoints|path|steps/;

const locale = typeof navigator === "undefined" ? "en" : navigator.language;
const counts = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const shares = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1,
                                               maximumFractionDigits: 1 });
// A step of an axis may be less than a percent.
const axisShares = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const wholeShares = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(locale, { minimumFractionDigits: 1,
                                               maximumFractionDigits: 1 });
const exact = new Intl.NumberFormat(locale, { maximumFractionDigits: 12 });
const plain = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 });
const hundredths = new Intl.NumberFormat(locale, { minimumFractionDigits: 2,
                                                   maximumFractionDigits: 2 });

// Times are shown in the store's zone, which the shell sets once it knows it.
let zone = "UTC";
let times = timeFormat();
let days = dayFormat();
let moments = momentFormat();
// A day is a date of the store's calendar, and in no zone another one.
const DATE = /^\d{4}-\d\d-\d\d$/;
const dates = new Intl.DateTimeFormat(locale, { timeZone: "UTC", year: "numeric", month: "short",
                                                day: "numeric" });

function timeFormat(): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, { timeZone: zone, year: "numeric", month: "short",
                                           day: "numeric", hour: "2-digit", minute: "2-digit" });
}

function dayFormat(): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, { timeZone: zone, year: "numeric", month: "short",
                                           day: "numeric" });
}

function momentFormat(): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, { timeZone: zone, month: "short", day: "numeric",
                                           hour: "2-digit", minute: "2-digit" });
}

export function setTimeZone(name: string): void {
  zone = name;
  try {
    times = timeFormat();
    days = dayFormat();
    moments = momentFormat();
  } catch {
    zone = "UTC"; // a zone that the browser does not know
    times = timeFormat();
    days = dayFormat();
    moments = momentFormat();
  }
}

export function formatCount(count: number): string {
  return counts.format(count);
}

// For axes: 12,500 as 12.5K.
export function formatCompact(count: number): string {
  return compact.format(count);
}

export function formatShare(share: number): string {
  return shares.format(share);
}

export function formatWholeShare(share: number): string {
  return wholeShares.format(share);
}

// Numbers of one column have as many digits, so that they can be read one under the other: two
// behind the point, but for small ones, and for whole ones that are ranks or days.
export function formatNumber(value: number, whole = true): string {
  const size = Math.abs(value);
  return size >= 1000 || (whole && Number.isInteger(value)) ? counts.format(value)
    : size < 0.1 && value !== 0 ? plain.format(value) : hundredths.format(value);
}

// For medians of whole numbers, which may lie between two.
export function formatTenths(value: number): string {
  return tenths.format(value);
}

// Means and scores, which are whole by chance only.
const MEANS = /score|satisfaction|outcome|per_|mean|lost/;

function united(value: number, unit: string, digits: 0 | 1): string {
  return `${(digits === 0 ? counts : tenths).format(value)}${GAP}${unit}`;
}

// Two figures' worth: 3.4 d, 14 h, 12 min, 45 s, 250 ms.
export function formatDuration(ms: number): string {
  if (ms === 0) return "0"; // nothing, in any unit
  const size = Math.abs(ms);
  const [unit, name] = size >= DAY ? [DAY, "d"] : size >= HOUR ? [HOUR, "h"]
    : size >= MINUTE ? [MINUTE, "min"] : size >= SECOND ? [SECOND, "s"] : [1, "ms"];
  const value = ms / (unit as number);
  return united(value, name as string, Math.abs(value) < 10 && unit !== 1 && size > 0 ? 1 : 0);
}

// The clock stays in one line.
export function formatTime(iso: string): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return iso;
  const text = times.format(at), clock = text.lastIndexOf(", ") + 2;
  return text.slice(0, clock) + text.slice(clock).replaceAll(" ", NO_BREAK);
}

// Without the year, where a heading has it.
export function formatMoment(iso: string): string {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? iso : moments.format(at);
}

export function formatDay(iso: string): string {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? iso : (DATE.test(iso) ? dates : days).format(at);
}

// Half-open, as the bar's fields say it; "…" where it has no end.
export function formatPeriod(from: string, to: string): string {
  return `${from === "" ? "…" : formatDay(from)} – ${to === "" ? "…" : formatDay(to)}`;
}

// A difference of two shares in percentage points, with its sign.
export function formatPoints(difference: number): string {
  const text = tenths.format(Math.abs(100 * difference));
  return `${text === tenths.format(0) ? "±" : difference > 0 ? "+" : "−"}${text}`;
}

// A difference with its sign; of shares in points, for 2 % of 10 % would be another figure.
export function formatDifference(value: number, column: Kind): string {
  if (column.type === "share") return `${formatPoints(value)} points`;
  const text = formatFigure(Math.abs(value), column);
  return `${text === formatFigure(0, column) ? "±" : value > 0 ? "+" : "−"}${text}`;
}

export function formatCell(cell: Cell | undefined, column: Column): string {
  if (cell === null || cell === undefined) return NOTHING;
  if (Array.isArray(cell)) return cell.join(ORDERED.test(column.name) ? " → " : ", ");
  if (typeof cell === "boolean") return String(cell);
  if (typeof cell === "number")
    return column.type === "exact" ? exact.format(cell) : formatFigure(cell, column);
  return column.type === "time" ? formatTime(cell as string) : (cell as string);
}

type Kind = Pick<Column, "type" | "unit"> & { readonly name?: string };

export function formatFigure(value: number, column: Kind): string {
  switch (column.type) {
    case "count": return formatCount(value);
    case "share": return formatShare(value);
    case "duration": return formatDuration(value);
    default: return formatNumber(value, !MEANS.test(column.name ?? ""));
  }
}

// The same, short enough for an axis.
export function formatAxis(value: number, column: Pick<Column, "type" | "unit">): string {
  switch (column.type) {
    case "count": return formatCompact(value);
    case "share": return axisShares.format(value);
    case "duration": return formatDuration(value);
    default: return formatCompact(value);
  }
}

// A name of the engine as words: conversion_next, since_start_ms.
export function label(name: string): string {
  const known = words.columns[name];
  if (known !== undefined) return known;
  const text = name.replace(/_ms$/, "").replaceAll("_", " ").replace(/\bp90\b/, "p90");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// A column's name with its unit, where the values do not carry it.
export function columnLabel(column: Column): string {
  const unit = column.type === "number" && column.unit !== "" ? ` (${column.unit})` : "";
  return label(column.name) + unit;
}

export function tableLabel(name: string): string {
  return words.tables[name] ?? label(name);
}

export function questionLabel(name: string): string {
  return words.questionTitles[name] ?? label(name);
}
