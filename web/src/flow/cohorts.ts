// SPDX-License-Identifier: Apache-2.0
// Retention's long table as a grid: a row per cohort, a column per period after the start.
import type { Row } from "../answers/types.ts";

export interface Cohort {
  readonly name: string;
  readonly row: Row; // any of its rows: its size is the same in all
  readonly size: number | undefined;
  readonly cells: readonly (Row | undefined)[]; // by period
}

export interface Grid {
  readonly periods: readonly string[];
  readonly cohorts: readonly Cohort[];
  readonly largest: number; // share of a whole period after the first, for the shades
}

export function isComplete(row: Row): boolean {
  return row.complete !== "no";
}

export function gridOf(rows: readonly Row[]): Grid {
  const periods: string[] = [];
  const at = new Map<string, number>();
  const cohorts = new Map<string, Row[]>();
  for (const row of rows) {
    const period = String(row.period ?? "");
    if (!at.has(period)) {
      at.set(period, periods.length);
      periods.push(period);
    }
    const name = String(row.cohort ?? "");
    cohorts.set(name, [...(cohorts.get(name) ?? []), row]);
  }
  let largest = 0;
  for (const row of rows)
    if (isComplete(row) && typeof row.share === "number") largest = Math.max(largest, row.share);
  return {
    periods, largest,
    cohorts: [...cohorts].map(([name, of]) => {
      const cells = new Array<Row | undefined>(periods.length).fill(undefined);
      for (const row of of) cells[at.get(String(row.period ?? ""))!] = row;
      const size = of[0]?.size;
      return { name, row: of[0]!, cells, size: typeof size === "number" ? size : undefined };
    }),
  };
}

// How deep a shade is, 0 to 1; undefined: none, where there is not enough data.
export function shadeOf(row: Row, largest: number): number | undefined {
  return typeof row.share !== "number" ? undefined : largest === 0 ? 0
    : Math.min(1, row.share / largest);
}

export interface ShareChange {
  readonly points: number; // this share less that before
  readonly before: Row;
  readonly apart: boolean; // the 95 % intervals of the two do not meet
}

// By how much the share of a cell differs from that of the cohort it is compared with; undefined:
// there is none, or a period that is not over in one of the two.
export function shareChange(row: Row | undefined, pairs: ReadonlyMap<Row, Row> | undefined,
): ShareChange | undefined {
  const before = row === undefined ? undefined : pairs?.get(row);
  if (row === undefined || before === undefined || !isComplete(row) || !isComplete(before) ||
      typeof row.share !== "number" || typeof before.share !== "number") return undefined;
  return { points: row.share - before.share, before,
           apart: Number(row.share_low) > Number(before.share_high) ||
                  Number(before.share_low) > Number(row.share_high) };
}
