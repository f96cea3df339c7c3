// SPDX-License-Identifier: Apache-2.0
// What tracking shows: how many parcels need somebody now.
import type { Result } from "../answers/types.ts";
import { formatCount } from "../format.ts";
import { figureOf, rowsOf, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

const NEEDS: readonly (readonly [string, string])[] = [
  ["lost", "silent so long that they count as lost"], ["missed", "past their promise"],
  ["stalled", "without a scan for too long"], ["at_risk", "at risk of missing their promise"],
];
// Where a parcel stays; what went wrong before is not for somebody to mend now.
const ENDED: ReadonlySet<string> = new Set(["cancelled", "delivered", "returned"]);

function underWay(result: Result) {
  return rowsOf(result, "states").filter((row) => !ENDED.has(textOf(row, "state")));
}

function total(rows: ReturnType<typeof underWay>, column: string): number {
  return rows.reduce((sum, row) => sum + (figureOf(row, column) ?? 0), 0);
}

// (column, count, words) of each way to need somebody that a parcel under way has.
export function parcelsInNeed(result: Result): readonly (readonly [string, number, string])[] {
  return NEEDS.flatMap(([column, text]) => {
    const count = total(underWay(result), column);
    return count > 0 ? [[column, count, text] as const] : [];
  });
}

export function parcelsUnderWay(result: Result): number {
  return total(underWay(result), "parcels");
}

export function trackingHeadlines(result: Result): readonly Headline[] {
  const parcels = parcelsUnderWay(result);
  if (parcels === 0 || result.options.by !== undefined) return [];
  const needs = parcelsInNeed(result);
  if (needs.length === 0)
    return [{ text: `Of ${formatCount(parcels)} parcels under way none needs somebody.`,
              tone: "good" }];
  return [{ text: `Of ${formatCount(parcels)} parcels under way: ${needs
    .map(([, count, text]) => `${formatCount(count)} ${text}`).join(", ")}.`, tone: "bad" }];
}
