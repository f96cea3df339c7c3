// SPDX-License-Identifier: Apache-2.0
// The journey map as it is drawn: stages with their touchpoints, from one answer. Pure.
import type { Result, Row } from "../answers/types.ts";

export interface Touchpoint {
  readonly name: string;
  readonly stage: string;
  readonly row: Row;
  readonly pain: number | undefined; // its rank among the pain points
  readonly answers: Row | undefined; // how many that were asked have one
}

export interface Stage {
  readonly name: string;
  readonly row: Row | undefined; // the events before any stage have none
  readonly touchpoints: readonly Touchpoint[];
  readonly promise: Row | undefined; // of deliveries, in the stage in which they are
  readonly request: Row | undefined; // of answers: what most cases of it do not answer
}

// The breakdown's column before the table's own; undefined: there is none.
export function groupColumnOf(result: Result): string | undefined {
  const first = result.columns.stages?.[0]?.name;
  return first === "stage" ? undefined : first;
}

export function mapGroups(result: Result): readonly string[] {
  const column = groupColumnOf(result);
  return column === undefined ? []
    : [...new Set((result.tables.stages ?? []).map((row) => String(row[column])))];
}

export function stagesOf(result: Result, group: string | undefined): readonly Stage[] {
  const column = groupColumnOf(result);
  const own = (table: string): readonly Row[] => (result.tables[table] ?? []).filter(
    (row) => column === undefined || String(row[column]) === group);
  const key = (row: Row): string => JSON.stringify([row.stage, row.touchpoint]);
  const pains = new Map(own("pains").map((row) => [key(row), Number(row.rank)]));
  const promise = own("promises").find((row) => Number(row.promised) > 0);
  const answers = new Map(own("answers").map((row) => [key(row), row]));
  const all = own("touchpoints").map((row): Touchpoint => (
    { name: String(row.touchpoint), stage: String(row.stage), row, pain: pains.get(key(row)),
      answers: answers.get(key(row)) }));
  const rows = own("stages");
  const names = [...new Set([...all.filter((each) =>
    rows.every((row) => row.stage !== each.stage)).map((each) => each.stage),
    ...rows.map((row) => String(row.stage))])];
  return names.map((name) => {
    const touchpoints = all.filter((each) => each.stage === name);
    const delivers = touchpoints.some((each) => each.name === "delivered");
    return { name, touchpoints, row: rows.find((row) => row.stage === name),
             promise: delivers ? promise : undefined,
             request: leastAnswered(own("answers").filter((row) => row.stage === name)) };
  });
}

// The row of those with a share in which most cases have no answer.
export function leastAnswered(rows: readonly Row[]): Row | undefined {
  return rows.filter((row) => typeof row.answered_share === "number" && Number(row.unanswered) > 0)
    .reduce<Row | undefined>((worst, row) =>
      (Number(row.unanswered) > Number(worst?.unanswered ?? 0) ? row : worst), undefined);
}

// The most frequent of a stage, and those that hurt.
export function shortList(touchpoints: readonly Touchpoint[], most: number,
): readonly Touchpoint[] {
  const order = [...touchpoints].sort((a, b) => Number(b.row.cases) - Number(a.row.cases));
  return order.filter((each, i) => i < most || each.pain !== undefined);
}

// How wide a text is.
export type Width = (text: string) => number;

// A text that fits into the room: whole, or without its last letters.
export function cut(text: string, room: number, width: Width): string {
  if (width(text) <= room) return text;
  let left = text;
  while (left.length > 1 && width(`${left}…`) > room) left = left.slice(0, -1).trimEnd();
  return `${left}…`;
}

// The first of several ways to say something that fits, the longest first.
export function fitting(ways: readonly string[], room: number, width: Width): string {
  return ways.find((way) => width(way) <= room) ?? cut(ways.at(-1)!, room, width);
}

// A name in at most so many lines, broken where words end.
export function wrap(name: string, room: number, width: Width, most: number): readonly string[] {
  const lines: string[] = [];
  for (const word of name.replaceAll("_", " ").split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && (lines.length === most || width(`${line} ${word}`) <= room))
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => cut(line, room, width));
}

// "email 60 %, chat 24 %" or "web/app", as many of them as fit and how many more there are.
export function channelsIn(text: string, room: number, width: Width): string {
  const items = text.includes(", ") ? text.split(", ") : text.split("/");
  const ways = items.map((_, i) => {
    const left = items.slice(0, items.length - i).join(", ");
    return i === 0 ? left : `${left} +${i}`;
  });
  return fitting(ways, room, width);
}

// Stages in rows of as equal lengths as can be, each as long as there is room for.
export function bandsOf<T>(stages: readonly T[], most: number): readonly (readonly T[])[] {
  const rows = Math.max(1, Math.ceil(stages.length / Math.max(1, most)));
  const size = Math.ceil(stages.length / rows);
  return Array.from({ length: rows }, (_, i) => stages.slice(i * size, (i + 1) * size))
    .filter((band) => band.length > 0);
}

// Where a score lies between the least and greatest of a lane, 0 to 1; alike: in the middle.
export function heightIn(value: number, all: readonly number[]): number {
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return most - least < 1e-9 ? 0.5 : (value - least) / (most - least);
}
