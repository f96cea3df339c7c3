// SPDX-License-Identifier: Apache-2.0
// The promise workbench: of each group the curve of what a promise of so many days would keep, and
// what a level asks for. Nothing is estimated here: all figures are rows of `curve`.
import type { Cell, Result, Row } from "../answers/types.ts";

export interface PromiseGroup {
  readonly group: Cell; // as in the Result
  readonly row: Row; // of `promises`
  readonly deliveries: number;
  readonly promisedDays: number | undefined; // median of what was promised
  readonly kept: readonly number[]; // by days
  readonly from: Cell;
}

export interface Choice {
  readonly days: number;
  readonly kept: number;
}

// Shares are products of many: what is nearer than this to a level reaches it.
const NEAR = 1e-9;

function keyOf(cell: Cell | undefined): string {
  return Array.isArray(cell) ? cell.join("\u001f") : String(cell ?? "");
}

export function promiseGroups(result: Result): readonly PromiseGroup[] {
  const curves = new Map<string, number[]>();
  const by = result.options.by ?? "";
  const key = (row: Row): string => `${keyOf(row[by])}\n${keyOf(row.group)}`;
  for (const row of result.tables.curve ?? []) {
    const curve = curves.get(key(row)) ?? [];
    if (typeof row.days === "number" && typeof row.would_be_kept === "number")
      curve[row.days] = row.would_be_kept;
    curves.set(key(row), curve);
  }
  const seen = new Set<string>();
  return (result.tables.promises ?? []).flatMap((row) => {
    const kept = curves.get(key(row));
    if (seen.has(key(row)) || kept === undefined) return [];
    seen.add(key(row));
    return [{
      group: row.group ?? null, row, kept, from: row.from ?? null,
      deliveries: typeof row.deliveries === "number" ? row.deliveries : 0,
      promisedDays: typeof row.promised_days === "number" ? row.promised_days : undefined,
    }];
  });
}

// The least promise that reaches a level; undefined: none does.
export function promiseFor(group: PromiseGroup, level: number): Choice | undefined {
  const days = group.kept.findIndex((kept) => kept >= level - NEAR);
  return days < 0 ? undefined : { days, kept: group.kept[days]! };
}

// What a promise of so many days would keep; past the curve nothing more arrives.
export function keptWithin(group: PromiseGroup, days: number): number | undefined {
  if (group.kept.length === 0 || days < 0) return undefined;
  return group.kept[Math.min(Math.floor(days), group.kept.length - 1)];
}
