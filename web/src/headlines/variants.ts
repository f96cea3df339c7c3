// SPDX-License-Identifier: Apache-2.0
// What the variants show: how alike journeys are.
import type { Result } from "../answers/types.ts";
import { formatCount, formatShare } from "../format.ts";
import { figureOf, rowsOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

export function variantsHeadlines(result: Result): readonly Headline[] {
  const overall = rowsOf(result, "overall");
  const [all] = overall;
  const first = rowsOf(result, "variants").find((row) => row.rank === 1);
  const [cases, variants, single] = ["cases", "variants", "single"].map(
    (column) => figureOf(all, column));
  const [taken, share] = ["cases", "share"].map((column) => figureOf(first, column));
  if ("by" in result.options || overall.length !== 1 || cases === undefined || cases === 0 ||
      variants === undefined || single === undefined || taken === undefined || share === undefined)
    return [];
  const ways = variants === 1 ? "there is no other"
    : `there are ${formatCount(variants)} ways, ${formatCount(single)} of them taken once`;
  return [{ text: `The most frequent way is that of ${formatCount(taken)} of ` +
                  `${formatCount(cases)} journeys (${formatShare(share)}); ${ways}.` }];
}
