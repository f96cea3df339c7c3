// SPDX-License-Identifier: Apache-2.0
// What the journey map shows: where most cases are lost, and what goes with low scores.
import type { Result } from "../answers/types.ts";
import { formatCount, formatNumber, formatShare } from "../format.ts";
import { leastAnswered } from "../map/journey.ts";
import { words } from "../words/en.ts";
import { figureOf, ofFew, rowsOf, spoken, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

// A journey is whole without these, so one that ends before them has lost nothing.
const EXTRA: ReadonlySet<string> = new Set(["returns", "loyalty"]);

export interface Loss {
  readonly stage: string;
  readonly dropped: number;
  readonly cases: number;
}

// The stage after which most cases go no further; where the journey is whole, none is lost.
export function worstLoss(result: Result): Loss | undefined {
  const stages = rowsOf(result, "stages");
  const whole = stages.findLastIndex((row) => !EXTRA.has(textOf(row, "stage")));
  const losses = stages.slice(0, Math.max(0, whole)).map((row) => (
    { stage: spoken(textOf(row, "stage")), dropped: figureOf(row, "dropped") ?? 0,
      cases: figureOf(row, "cases") ?? 0 }));
  const worst = losses.reduce<Loss | undefined>((most, each) =>
    (each.dropped > (most?.dropped ?? 0) ? each : most), undefined);
  return worst === undefined || worst.cases === 0 ? undefined : worst;
}

function lossOf(result: Result): Headline[] {
  const worst = worstLoss(result);
  if (worst === undefined) return [];
  const share = worst.dropped / worst.cases;
  return [{ text: `Most journeys that end early end in ${worst.stage}: ` +
                  `${formatCount(worst.dropped)} of ${formatCount(worst.cases)} ` +
                  `(${ofFew(share) ?? formatShare(share)}) reach no later stage.` }];
}

// Somebody who asks, or says what needs an answer.
export type Asker = "company" | "customer";

export interface Unanswered {
  readonly what: string; // as a sentence begins
  readonly asked: number;
  readonly unanswered: number;
  readonly alone: boolean; // nothing else is asked by them
}

// Of what somebody asks, that which most journeys leave without an answer.
export function mostUnanswered(result: Result, asker: Asker): Unanswered | undefined {
  const rows = rowsOf(result, "answers").filter((row) => textOf(row, "actor") === asker);
  const worst = leastAnswered(rows);
  const [asked, unanswered] = [figureOf(worst, "asked"), figureOf(worst, "unanswered")];
  if (asked === undefined || unanswered === undefined) return undefined;
  const name = textOf(worst, "touchpoint");
  const elsewhere = rows.some((row) => row !== worst && textOf(row, "touchpoint") === name);
  const what = (words.requests[name] ?? spoken(name)).replace(/^./, (a) => a.toUpperCase()) +
               (elsewhere ? ` (${spoken(textOf(worst, "stage"))})` : "");
  return { what, asked, unanswered, alone: rows.length === 1 };
}

function requestOf(result: Result): Headline[] {
  const worst = mostUnanswered(result, "company");
  if (worst === undefined) return [];
  const { what, asked, unanswered, alone } = worst;
  const few = ofFew(unanswered / asked);
  return [{ text: `${what}${alone ? "" : " go unanswered most"}: ` +
                  `${few === undefined ? `${formatShare(unanswered / asked)} of the` : few} ` +
                  `journeys asked have no answer ` +
                  `(${formatCount(unanswered)} of ${formatCount(asked)}).`, tone: "bad" }];
}

function painOf(result: Result): Headline[] {
  const pain = rowsOf(result, "pains")[0];
  const [score, others] = [figureOf(pain, "satisfaction"), figureOf(pain, "satisfaction_others")];
  const cases = figureOf(pain, "cases");
  if (score === undefined || others === undefined || cases === undefined) return [];
  return [{ text: `Journeys with ${spoken(textOf(pain, "touchpoint"))} score ` +
                  `${formatNumber(score, false)}, the others ${formatNumber(others, false)} ` +
                  `(${formatCount(cases)} journeys have it).`, tone: "bad" }];
}

export function mapHeadlines(result: Result): readonly Headline[] {
  return result.options.by !== undefined ? []
    : [...lossOf(result), ...requestOf(result), ...painOf(result)];
}
