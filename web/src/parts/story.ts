// SPDX-License-Identifier: Apache-2.0
// A timeline as a story: its events by order, with the silences between them, what was promised and
// what was said. Pure: an answer becomes chapters here, Story.tsx shows them.
import type { Result, Row, Touchpoint } from "../answers/types.ts";
import { caseName, keptOf, mainKey } from "../headlines/timeline.ts";
import type { Kept } from "../headlines/timeline.ts";
import { rowsOf, textOf } from "../headlines/headline.ts";

export interface Detail {
  readonly name: string;
  readonly value: string; // "" of a sealed one
  readonly sealed: boolean;
}

export interface StoryEvent {
  readonly time: string;
  // Since the event before in the chapter; 0 of the first.
  readonly gapMs: number;
  readonly touchpoint: string;
  readonly times: number; // the same at the same instant, with the same details
  readonly stage: string; // "" when it is that of the event before
  readonly actor: string;
  readonly contact: boolean;
  readonly promised: string;
  readonly stars: number | undefined; // of 5
  readonly details: readonly Detail[];
  readonly others: readonly string[]; // its cases of other keys: "parcel_id=P3"
}

export interface Chapter {
  readonly id: string; // the order; "" of what belongs to none
  readonly title: string;
  readonly row: Row | undefined;
  readonly kept: Kept | undefined;
  readonly begun: string;
  readonly events: readonly StoryEvent[];
}

const SEALED = "(sealed)";

function itemsOf(row: Row, column: string): readonly string[] {
  const cell = row[column];
  return Array.isArray(cell) ? cell : [];
}

// "name=value" at its first "=".
function splitItem(item: string): readonly [string, string] {
  const at = item.indexOf("=");
  return at < 0 ? [item, ""] : [item.slice(0, at), item.slice(at + 1)];
}

function detailsOf(row: Row): readonly Detail[] {
  return itemsOf(row, "details").map((item) => {
    const [name, value] = splitItem(item);
    return value === SEALED ? { name, value: "", sealed: true } : { name, value, sealed: false };
  });
}

// Whole stars of five, where a review has them.
function starsOf(touchpoint: string, details: readonly Detail[]): number | undefined {
  const told = details.find((each) => each.name === "stars") ??
    (touchpoint.startsWith("review") ? details.find((each) => each.name === "score") : undefined);
  const stars = told === undefined || told.value === "" ? NaN : Number(told.value);
  return Number.isInteger(stars) && stars >= 1 && stars <= 5 ? stars : undefined;
}

// What a silence takes on the page: nothing under an hour, then as its logarithm, so that a month
// and a minute stand on one scale.
export function gapHeight(ms: number): number {
  const hours = ms / 3_600_000;
  return hours < 1 ? 0 : Math.min(72, Math.round(8 + 7 * Math.log2(hours)));
}

function sameEvent(a: Row, b: Row): boolean {
  return a.time === b.time && a.touchpoint === b.touchpoint &&
         String(a.details) === String(b.details) && String(a.cases) === String(b.cases);
}

function eventsOf(rows: readonly Row[], key: string, known: ReadonlyMap<string, Touchpoint>,
): readonly StoryEvent[] {
  const events: StoryEvent[] = [];
  let stage = "";
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    let times = 1;
    while (i + 1 < rows.length && sameEvent(row, rows[i + 1]!)) {
      times++;
      i++;
    }
    const touchpoint = textOf(row, "touchpoint");
    const kind = known.get(touchpoint);
    const details = detailsOf(row);
    const time = textOf(row, "time");
    const before = events.at(-1)?.time;
    const own = textOf(row, "stage");
    events.push({
      time, touchpoint, times, details,
      gapMs: before === undefined ? 0 : Date.parse(time) - Date.parse(before),
      stage: own === stage ? "" : own,
      actor: kind?.actor ?? "",
      contact: kind?.owner === "support" && kind.actor === "customer",
      promised: textOf(row, "promised"),
      stars: starsOf(touchpoint, details),
      others: itemsOf(row, "cases").filter((each) => splitItem(each)[0] !== key),
    });
    stage = own;
  }
  return events;
}

// The chapters, the latest begun first; what belongs to no order stands last.
export function storyOf(result: Result, touchpoints: readonly Touchpoint[]): readonly Chapter[] {
  const key = mainKey(result);
  const known = new Map(touchpoints.map((each) => [each.name, each]));
  const rows = rowsOf(result, "events");
  const byCase = new Map<string, Row[]>();
  for (const row of rows) {
    const ids = itemsOf(row, "cases").map(splitItem).filter(([name]) => name === key)
      .map(([, value]) => value);
    for (const id of ids.length === 0 ? [""] : ids)
      byCase.set(id, [...byCase.get(id) ?? [], row]);
  }
  const cases = new Map(rowsOf(result, "cases").filter((row) => textOf(row, "key") === key)
    .map((row) => [textOf(row, "case"), row]));
  const chapters = [...byCase].map(([id, own]): Chapter => {
    const row = cases.get(id);
    return { id, row, events: eventsOf(own, key, known), begun: textOf(own[0], "time"),
             title: row === undefined ? "" : caseName(row).replace(/^./, (a) => a.toUpperCase()),
             kept: row === undefined ? undefined : keptOf(row) };
  });
  return chapters.sort((a, b) => (a.id === "" ? 1 : 0) - (b.id === "" ? 1 : 0) ||
                                 (a.begun > b.begun ? -1 : 1));
}

// Who stands before and after somebody in a list's rows, each once.
export function neighbours(rows: readonly Row[], column: string, who: string,
): { readonly at: number; readonly of: number; readonly before: string; readonly after: string } {
  const all = [...new Set(rows.map((row) => textOf(row, column)))].filter((each) => each !== "");
  const at = all.indexOf(who);
  return { at, of: all.length, before: at > 0 ? all[at - 1]! : "",
           after: at >= 0 ? all[at + 1] ?? "" : "" };
}
