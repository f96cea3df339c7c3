// SPDX-License-Identifier: Apache-2.0
// What delivery shows: how many promises were kept, and where fewest.
import type { Result } from "../answers/types.ts";
import { formatCount, formatShare } from "../format.ts";
import { figureOf, rowsOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

// A group is named only when its whole interval lies above all deliveries' share.
export function worstGroup(result: Result) {
  const all = figureOf(rowsOf(result, "overall")[0], "late_share");
  const groups = rowsOf(result, "groups").filter((row) => {
    const low = figureOf(row, "late_share_low");
    return low !== undefined && all !== undefined && low > all;
  });
  return groups.reduce<(typeof groups)[number] | undefined>((worst, row) =>
    (worst === undefined || (figureOf(row, "late_share") ?? 0) >
      (figureOf(worst, "late_share") ?? 0) ? row : worst), undefined);
}

export function groupName(group: unknown): string {
  return Array.isArray(group) ? group.join(", ") : String(group ?? "");
}

export function deliveryHeadlines(result: Result): readonly Headline[] {
  const overall = rowsOf(result, "overall")[0];
  const [promised, late, share] = ["promised", "late", "late_share"].map(
    (column) => figureOf(overall, column));
  if (result.options.by !== undefined || promised === undefined || promised === 0 ||
      late === undefined || share === undefined) return [];
  const worst = worstGroup(result);
  const worstShare = figureOf(worst, "late_share");
  return [
    { text: `${formatCount(late)} of ${formatCount(promised)} deliveries came after the promise ` +
            `(${formatShare(share)}).` },
    ...(worst === undefined || worstShare === undefined ? [] : [{
      text: `Most often late: ${groupName(worst.group)}, ${formatShare(worstShare)} ` +
            `(n = ${formatCount(figureOf(worst, "promised") ?? 0)}).`, tone: "bad" as const,
    }]),
  ];
}
