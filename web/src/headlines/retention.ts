// SPDX-License-Identifier: Apache-2.0
// What retention shows: how many are back in the period after, and how soon. Only the estimate that
// counts those seen too short (Kaplan and Meier) is given as "back within".
import type { Result } from "../answers/types.ts";
import { formatCount, formatShare } from "../format.ts";
import { figureOf, rowsOf, spoken } from "./headline.ts";
import type { Headline } from "./headline.ts";

// At the horizon nearest to this many days somebody must still be watched.
const HORIZON_DAYS = 90;
const WATCHED_MIN = 20;

function nextPeriodOf(result: Result): Headline[] {
  const row = rowsOf(result, "curve").find((each) => each.period === 1);
  const [share, size, low, high] = ["share", "size", "share_low", "share_high"].map(
    (name) => figureOf(row, name));
  if (share === undefined || size === undefined || low === undefined || high === undefined)
    return [];
  const per = result.options.per ?? "period";
  const again = result.options.again ?? result.options.start ?? "";
  return [{ text: `${formatShare(share)} of ${formatCount(size)} come back (${spoken(again)}) in ` +
                  `the ${per} after the first time ` +
                  `(95 % interval ${formatShare(low)} to ${formatShare(high)}).` }];
}

function soonOf(result: Result): Headline[] {
  const rows = rowsOf(result, "again").filter((row) =>
    (figureOf(row, "at_risk") ?? 0) >= WATCHED_MIN && figureOf(row, "share") !== undefined &&
    (figureOf(row, "days") ?? Infinity) <= HORIZON_DAYS);
  const last = rows.at(-1);
  const [days, share] = [figureOf(last, "days"), figureOf(last, "share")];
  return days === undefined || share === undefined ? []
    : [{ text: `Within ${formatCount(days)} days ${formatShare(share)} are back, counting those ` +
               `seen for less time as long as they were seen.` }];
}

export function retentionHeadlines(result: Result): readonly Headline[] {
  if (result.options.by !== undefined) return [];
  const lines = [...nextPeriodOf(result), ...soonOf(result)];
  const started = figureOf(rowsOf(result, "returns")[0], "started");
  return lines.length > 0 || started === undefined ? lines
    : [{ text: `${formatCount(started)} started: not enough, or not long enough ago, to tell ` +
               "how many come back." }];
}
