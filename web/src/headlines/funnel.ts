// SPDX-License-Identifier: Apache-2.0
// What a funnel shows: how many get through, the step that loses most, and what they do instead.
import type { Result, Row } from "../answers/types.ts";
import { formatCount, formatDuration, formatShare } from "../format.ts";
import { figureOf, ofFew, rowsOf, spoken, textOf } from "./headline.ts";
import type { Headline } from "./headline.ts";

// A step as it is said: without its mark of being optional.
function stepName(row: Row | undefined): string {
  return spoken(textOf(row, "selector").replace(/\?$/, "")).replace("[", " [");
}

// "journeys" or, by a case key, what it names; chains when one case may have several.
function counted(result: Result): string {
  const key = result.options.case;
  return result.options.count === "all" ? "chains" : key === undefined ? "customers"
    : `${spoken(key.replace(/_id$/, ""))}s`;
}

// Of the steps, the one before which most were lost for good.
export function worstStep(rows: readonly Row[]): Row | undefined {
  return rows.reduce<Row | undefined>((worst, row) =>
    ((figureOf(row, "dropped") ?? 0) > (figureOf(worst, "dropped") ?? 0) ? row : worst), undefined);
}

function throughOf(result: Result, rows: readonly Row[]): Headline[] {
  const [first, last] = [rows[0], rows.at(-1)];
  const [began, reached] = [figureOf(first, "reached"), figureOf(last, "reached")];
  const share = figureOf(last, "conversion_start");
  if (began === undefined || reached === undefined) return [];
  const what = counted(result);
  if (began === 0) return [{ text: `No ${what} begin with ${stepName(first)}.` }];
  if (share === undefined)
    return [{ text: `${began === 1 ? `1 ${what.replace(/s$/, "")} begins`
                                   : `${formatCount(began)} ${what} begin`} ` +
                    "the funnel: not enough to tell a rate." }];
  const before = figureOf(last, "conversion_before");
  const change = before === undefined ? ""
    : `; in the earlier period it was ${formatShare(before)}`;
  return [{ text: `${formatCount(reached)} of ${formatCount(began)} ${what} that begin with ` +
                  `${stepName(first)} come as far as ${stepName(last)} ` +
                  `(${formatShare(share)}), within ${result.options.within ?? ""}${change}.` }];
}

// Whether nothing but the window keeps an event of a step's touchpoint from being that step.
function onlyTimeParts({ options }: Result): boolean {
  return options.without === undefined && options.same === undefined && options.count !== "all" &&
    options.order !== "any" && options.ties !== "arrival";
}

function lossOf(result: Result, rows: readonly Row[]): Headline[] {
  const worst = worstStep(rows);
  const dropped = figureOf(worst, "dropped") ?? 0;
  const open = figureOf(worst, "open") ?? 0;
  const came = dropped + open + (figureOf(worst, "reached") ?? 0);
  if (worst === undefined || dropped === 0 || figureOf(worst, "conversion_previous") === undefined)
    return [];
  const share = dropped / came;
  const next = rowsOf(result, "instead").filter(
    (row) => row.step === worst.step && textOf(row, "touchpoint") !== "other")[0];
  const did = textOf(next, "touchpoint");
  const instead = figureOf(next, "cases");
  const then = instead === undefined ? "" : did === "(nothing)"
    ? ` ${formatCount(instead)} of them have no event after that.`
    : did === textOf(worst, "selector") && onlyTimeParts(result)
    ? ` ${formatCount(instead)} of these get there later than ${result.options.within ?? ""} ` +
      "after they began."
    : ` The most frequent next event of these is ${spoken(did)} (${formatCount(instead)}).`;
  return [{ text: `Most are lost before ${stepName(worst)}: ` +
                  `${ofFew(share) ?? formatShare(share)} of those that could reach it do not ` +
                  `(${formatCount(dropped)} of ${formatCount(came)}).${then}`, tone: "bad" }];
}

export function funnelHeadlines(result: Result): readonly Headline[] {
  const rows = rowsOf(result, "steps");
  if (result.options.by !== undefined || rows.length < 2) return [];
  return [...throughOf(result, rows), ...lossOf(result, rows)];
}

// How long a step takes, of the row of `steps` of it.
export function timeHeadlines(row: Row | undefined): readonly Headline[] {
  const [median, p90, n] = ["median_ms", "p90_ms", "reached"].map((name) => figureOf(row, name));
  return median === undefined || p90 === undefined || n === undefined ? []
    : [{ text: `Half of those that reach ${stepName(row)} do so within ` +
               `${formatDuration(median)} of the step before, 9 of 10 within ` +
               `${formatDuration(p90)} (n = ${formatCount(n)}).` }];
}
