// SPDX-License-Identifier: Apache-2.0
// What the page of segments computes: where a series begins, what it is compared with, which row of
// the overlap tells of a pair. Pure.
import type { Row, Store } from "../answers/types.ts";

const DAY_MS = 86_400_000;
const COMPARED_DAYS = 90;
// So many instants are drawn well; more make the answer slow.
const DAYS_MAX = 120;

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

// How long a period is, and since when: by default as many as can be read.
export function perOf(given: string, store: Pick<Store, "first" | "last">,
): { readonly per: string; readonly since: string | undefined } {
  const [first, last] = [Date.parse(store.first ?? ""), Date.parse(store.last ?? "")];
  const days = (last - first) / DAY_MS;
  const per = given !== "" ? given : days > 200 ? "month" : days > 30 ? "week" : "day";
  const kept = per === "day" ? DAYS_MAX : per === "week" ? 7 * DAYS_MAX : Infinity;
  return { per, since: days > kept ? dayOf(last - kept * DAY_MS) : undefined };
}

// The day to compare with when none is chosen: 90 days before, or halfway where there are fewer; ""
// where there is nothing before.
export function versusOf(until: string, first: string | null): string {
  const [begin, end] = [Date.parse(first ?? ""), Date.parse(until)];
  if (Number.isNaN(begin) || Number.isNaN(end) || end - begin < 2 * DAY_MS) return "";
  const back = end - COMPARED_DAYS * DAY_MS;
  return dayOf(back > begin + DAY_MS ? back : (begin + end) / 2 + DAY_MS / 2);
}

// The row of two segments, whichever is named first, and the column with the share of `a`.
export function pairOf(rows: readonly Row[], a: string, b: string,
): { readonly row: Row; readonly share: "share" | "share_other" } | undefined {
  for (const row of rows) {
    if (row.name === a && row.other === b) return { row, share: "share" };
    if (row.name === b && row.other === a) return { row, share: "share_other" };
  }
  return undefined;
}

// A name for segments.yaml: letters, digits and underscores.
export function nameOf(text: string): string {
  return text.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_+|_+$/g, "");
}
