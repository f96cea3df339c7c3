// SPDX-License-Identifier: Apache-2.0
// A headline says what a Result shows, never more: a sentence by a rule, with n. Each question has
// a file here with `(result) => sentences`; headlines.ts lists them.
import type { Result, Row } from "../answers/types.ts";

export interface Headline {
  readonly text: string;
  readonly tone?: "good" | "bad";
}

export type Rule = (result: Result) => readonly Headline[];

// A figure of a row, or undefined where there is not enough data.
export function figureOf(row: Row | undefined, column: string): number | undefined {
  const cell = row?.[column];
  return typeof cell === "number" ? cell : undefined;
}

export function textOf(row: Row | undefined, column: string): string {
  const cell = row?.[column];
  return typeof cell === "string" ? cell : "";
}

export function rowsOf(result: Result, table: string): readonly Row[] {
  return result.tables[table] ?? [];
}

// A touchpoint's or stage's name within a sentence.
export function spoken(name: string): string {
  return name.replaceAll("_", " ");
}

// A share as people say it when it is near one: "4 of 5"; undefined when none is within a point.
export function ofFew(share: number): string | undefined {
  for (const whole of [2, 3, 4, 5, 10]) {
    const part = Math.round(share * whole);
    if (part > 0 && part < whole && Math.abs(share - part / whole) <= 0.01)
      return `${part} of ${whole}`;
  }
  return undefined;
}
