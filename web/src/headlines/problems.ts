// SPDX-License-Identifier: Apache-2.0
// The largest problems that a store shows, over the Results of several questions: each rule gives
// at most one, with the share of what it counts that is affected; the largest shares are told.
import type { Result, Row } from "../answers/types.ts";
import { formatCount, formatNumber, formatShare } from "../format.ts";
import { groupName, worstGroup } from "./delivery.ts";
import { words } from "../words/en.ts";
import { figureOf, ofFew, rowsOf, spoken, textOf } from "./headline.ts";
import { mostUnanswered, worstLoss } from "./map.ts";
import type { Asker } from "./map.ts";
import { parcelsInNeed, parcelsUnderWay } from "./tracking.ts";

export interface Found {
  readonly question: "map" | "delivery" | "tracking" | "quality";
  readonly text: string;
  readonly share: number; // affected, of what the text counts
}

type Results = Readonly<Partial<Record<Found["question"], Result | undefined>>>;

// Below this a share is not a problem to begin with.
const SHARE_MIN = 0.01;
// What makes figures wrong; what merely lacks is on the page of data quality.
const WRONG: Readonly<Record<string, (example: string) => string>> = words.wrongData;

function counted(part: number, whole: number): string {
  return `${formatCount(part)} of ${formatCount(whole)} ` +
         `(${ofFew(part / whole) ?? formatShare(part / whole)})`;
}

function loss(result: Result): Found[] {
  const worst = worstLoss(result);
  return worst === undefined ? [] : [{
    question: "map", share: worst.dropped / worst.cases,
    text: `${counted(worst.dropped, worst.cases)} journeys end in ${worst.stage} ` +
          "and reach no later stage.",
  }];
}

function pain(result: Result): Found[] {
  const row = rowsOf(result, "pains")[0];
  const [cases, score, others, lost] = ["cases", "satisfaction", "satisfaction_others", "lost"]
    .map((column) => figureOf(row, column));
  const all = Math.max(...rowsOf(result, "stages").map((each) => figureOf(each, "cases") ?? 0));
  if (cases === undefined || score === undefined || others === undefined || others <= 0 ||
      lost === undefined || !Number.isFinite(all) || all === 0) return [];
  return [{
    question: "map", share: lost / others,
    text: `${counted(cases, all)} journeys have ${spoken(textOf(row, "touchpoint"))}; they score ` +
          `${formatNumber(score, false)}, the others ${formatNumber(others, false)}.`,
  }];
}

// How a share without an answer is said: the first that it reaches.
const UNANSWERED: readonly (readonly [number, string])[] =
  [[0.7, "are hardly answered"], [0.5, "mostly go unanswered"], [0, "go unanswered"]];

function unanswered(asker: Asker, asking: string): (result: Result) => Found[] {
  return (result) => {
    const worst = mostUnanswered(result, asker);
    if (worst === undefined) return [];
    const share = worst.unanswered / worst.asked;
    const said = UNANSWERED.find(([least]) => share >= least)![1];
    return [{
      question: "map", share,
      text: `${worst.what} ${said}: ${counted(worst.unanswered, worst.asked)} journeys ` +
            `${asking} have no answer.`,
    }];
  };
}

function late(result: Result): Found[] {
  const overall = rowsOf(result, "overall")[0];
  const [count, promised] = [figureOf(overall, "late"), figureOf(overall, "promised")];
  if (count === undefined || promised === undefined || promised === 0) return [];
  const worst = worstGroup(result);
  const share = figureOf(worst, "late_share");
  return [{
    question: "delivery", share: count / promised,
    text: `${counted(count, promised)} deliveries came after the promise` +
          (worst === undefined || share === undefined ? "."
            : `; of ${groupName(worst.group)} ${formatShare(share)} ` +
              `(n = ${formatCount(figureOf(worst, "promised") ?? 0)}).`),
  }];
}

function inNeed(result: Result): Found[] {
  const under = parcelsUnderWay(result);
  const most = parcelsInNeed(result).reduce<readonly [string, number, string] | undefined>(
    (best, each) => (best === undefined || each[1] > best[1] ? each : best), undefined);
  return most === undefined || under === 0 ? [] : [{
    question: "tracking", share: most[1] / under,
    text: `${counted(most[1], under)} parcels under way are ${most[2]}.`,
  }];
}

function wrongData(result: Result): Found[] {
  const worst = rowsOf(result, "problems").filter((row) => textOf(row, "kind") in WRONG)
    .reduce<Row | undefined>((most, row) =>
      ((figureOf(row, "share") ?? 0) > (figureOf(most, "share") ?? 0) ? row : most), undefined);
  const [count, share] = [figureOf(worst, "count"), figureOf(worst, "share")];
  return count === undefined || share === undefined ? [] : [{
    question: "quality", share,
    text: `In the data: ${formatCount(count)} ${textOf(worst, "of")} (${formatShare(share)}) ` +
          `${WRONG[textOf(worst, "kind")]!(textOf(worst, "example"))}.`,
  }];
}

const RULES: readonly (readonly [Found["question"], (result: Result) => Found[]])[] =
  [["map", loss], ["map", pain], ["map", unanswered("company", "asked")],
   ["map", unanswered("customer", "that ask")], ["delivery", late], ["tracking", inNeed],
   ["quality", wrongData]];

// The largest problems first, at most `most`.
export function largestProblems(results: Results, most = 3): readonly Found[] {
  const found = RULES.flatMap(([question, rule]) => {
    const result = results[question];
    return result === undefined || result.options.by !== undefined ? [] : rule(result);
  });
  return found.filter((each) => each.share >= SHARE_MIN)
    .sort((a, b) => b.share - a.share).slice(0, most);
}
