// SPDX-License-Identifier: Apache-2.0
// What conformance shows: how many go the expected way, and how most others deviate.
import type { Result } from "../answers/types.ts";
import { formatCount, formatShare } from "../format.ts";
import { figureOf, rowsOf, spoken, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

const DEVIATIONS: Readonly<Record<string, (what: string) => string>> = {
  skipped: (what) => `${what} is missing`,
  inserted: (what) => `${what} comes once too often`,
  wrong_order: (what) => `${what} comes in another order`,
  too_late: (what) => `${what} comes too late`,
};

export function conformanceHeadlines(result: Result): readonly Headline[] {
  const overall = rowsOf(result, "overall")[0];
  const [cases, fits, share, low, high] =
    ["cases", "fits", "fits_share", "fits_share_low", "fits_share_high"].map(
      (column) => figureOf(overall, column));
  if ("by" in result.options || cases === undefined || cases === 0 || fits === undefined ||
      share === undefined) return [];
  const interval = low === undefined || high === undefined ? ""
    : `, 95 % interval ${formatShare(low)} to ${formatShare(high)}`;
  const lines: Headline[] = [
    { text: `${formatCount(fits)} of ${formatCount(cases)} journeys go the expected way ` +
            `(${formatShare(share)}${interval}).` },
  ];
  const first = rowsOf(result, "deviations")[0];
  const [deviating, part] = ["cases", "share"].map((column) => figureOf(first, column));
  const say = DEVIATIONS[textOf(first, "kind")];
  if (deviating !== undefined && part !== undefined && say !== undefined)
    lines.push({ text: `The most frequent deviation: ${say(spoken(textOf(first, "what")))}, in ` +
                       `${formatCount(deviating)} journeys (${formatShare(part)}).`,
                 tone: "bad" });
  return lines;
}
