// SPDX-License-Identifier: Apache-2.0
// Headlines say what a Result shows, with n, and nothing where there is not enough.
import assert from "node:assert/strict";
import test from "node:test";
import type { Column, Result, Row } from "../../web/src/answers/types.ts";
import { formatDuration } from "../../web/src/format.ts";
import { headlinesOf } from "../../web/src/headlines/headlines.ts";
import { ofFew } from "../../web/src/headlines/headline.ts";
import { largestProblems } from "../../web/src/headlines/problems.ts";

function resultOf(question: string, tables: Record<string, Row[]>,
                  options: Record<string, string> = {}, columns: Record<string, Column[]> = {},
): Result {
  return { question, options, as_of: null, tables, columns, notes: [], definition: "" };
}

function texts(result: Result): string[] {
  return headlinesOf(result).map((line) => line.text);
}

const map = resultOf("map", {
  stages: [{ stage: "order", cases: 100, dropped: 2 },
           { stage: "delivery", cases: 90, dropped: 30 },
           { stage: "feedback", cases: 50, dropped: 48 },
           { stage: "returns", cases: 4, dropped: 4 }],
  pains: [{ touchpoint: "shipment_delayed", cases: 20, satisfaction: 2.5,
            satisfaction_others: 4.5, lost: 0.4 }],
});
const delivery = resultOf("delivery", {
  overall: [{ promised: 200, late: 40, late_share: 0.2 }],
  groups: [{ group: ["a", "far"], promised: 30, late_share: 0.5, late_share_low: 0.3 },
           { group: ["b", "far"], promised: 3, late_share: 0.9, late_share_low: 0.1 }],
});
const tracking = resultOf("tracking", {
  states: [{ state: "in_transit", parcels: 10, stalled: 4, missed: 1, at_risk: 0, lost: 0 },
           { state: "delivered", parcels: 500, stalled: 0, missed: 90, at_risk: 0, lost: 0 }],
});

test("a share near a simple part is said as one", () => {
  assert.equal(ofFew(0.795), "4 of 5");
  assert.equal(ofFew(0.5), "1 of 2");
  assert.equal(ofFew(0.87), undefined);
  assert.equal(ofFew(0.999), undefined);
});

test("map: the stage that loses most, where the journey is not whole yet", () => {
  assert.deepEqual(texts(map), [
    "Most journeys that end early end in delivery: 30 of 90 (1 of 3) reach no later stage.",
    "Journeys with shipment delayed score 2.50, the others 4.50 (20 journeys have it).",
  ]);
});

test("map: what the company asks and most do not answer", () => {
  const row = (touchpoint: string, asked: number, answered: number, actor = "company"): Row => (
    { stage: "feedback", touchpoint, actor, asked, answered, unanswered: asked - answered,
      answered_share: asked < 20 ? null : answered / asked });
  const review = row("review_requested", 100, 20);
  assert.deepEqual(texts(resultOf("map", { answers: [review] })),
                   ["Review requests: 4 of 5 journeys asked have no answer (80 of 100)."]);
  assert.deepEqual(texts(resultOf("map", {
    answers: [row("gift_offered", 50, 3), review, row("support_ticket_opened", 900, 1, "customer")],
  })), ["Review requests go unanswered most: 4 of 5 journeys asked have no answer (80 of 100)."]);
  assert.deepEqual(texts(resultOf("map", { answers: [row("gift_offered", 50, 7)] })),
                   ["Gift offered: 86.0% of the journeys asked have no answer (43 of 50)."]);
  assert.deepEqual(texts(resultOf("map", { answers: [row("survey_sent", 19, 2)] })), []);
  assert.deepEqual(texts(resultOf("map", { answers: [row("survey_sent", 40, 40)] })), []);
});

test("map: nothing is said where nothing is lost, or a score is of too few", () => {
  assert.deepEqual(texts(resultOf("map", {
    stages: [{ stage: "order", cases: 5, dropped: 0 }, { stage: "feedback", cases: 5, dropped: 5 }],
    pains: [{ touchpoint: "x", cases: 2, satisfaction: null, satisfaction_others: 4 }],
  })), []);
  assert.deepEqual(texts(resultOf("map", {})), []);
});

const shop = resultOf("process", {
  nodes: [{ touchpoint: "order_placed", cases: 100, starts: 100, ends: 10 },
          { touchpoint: "review_requested", cases: 95, starts: 0, ends: 80 },
          { touchpoint: "rare", cases: 2, starts: 0, ends: 10 }],
  edges: [{ from: "order_placed", to: "review_requested", occurrences: 90, median_ms: 86400000,
            total_ms: 9e9 },
          { from: "order_placed", to: "rare", occurrences: 2, median_ms: 5, total_ms: 10 }],
  rework: [{ touchpoint: "rare", cases: 2, rework_cases: 2, rework_share: 1 },
           { touchpoint: "review_requested", cases: 95, rework_cases: 19, rework_share: 0.2 }],
});

test("process: the end, the longest wait and what comes again, where enough have it", () => {
  assert.deepEqual(texts(shop), [
    "Most journeys end with review requested: 80 of 100 (4 of 5).",
    "Of the paths listed, most time passes from order placed to review requested: " +
    `${formatDuration(86_400_000)} at the median of 90 times.`,
    "Review requested comes again in 1 of 5 of the journeys that have it (19 of 95).",
  ]);
});

test("process: less is said of a cut table, a breakdown, and rare repeats", () => {
  assert.equal(texts({ ...shop, options: { limit: "3" } }).length, 2);
  assert.deepEqual(texts({ ...shop, options: { by: "carrier" } }), []);
  const few = { ...shop.tables, rework: [{ touchpoint: "a", cases: 95, rework_cases: 1,
                                           rework_share: 0.01 }] };
  assert.equal(texts(resultOf("process", few)).length, 2);
  assert.deepEqual(texts(resultOf("process", {})), []);
});

test("variants: how alike journeys are", () => {
  const tables = { overall: [{ cases: 100, variants: 7, single: 3 }],
                   variants: [{ rank: 1, cases: 40, share: 0.4 }] };
  assert.deepEqual(texts(resultOf("variants", tables)), [
    "The most frequent way is that of 40 of 100 journeys (40.0%); there are 7 ways, 3 of them " +
    "taken once.",
  ]);
  const one = { ...tables, overall: [{ cases: 40, variants: 1, single: 0 }] };
  assert.match(texts(resultOf("variants", one))[0] ?? "", /there is no other\.$/);
  assert.deepEqual(texts(resultOf("variants", tables, { by: "carrier" })), []);
});

test("conformance: who goes the expected way, with its interval, and the first deviation", () => {
  const tables = { overall: [{ cases: 100, fits: 80, fits_share: 0.8, fits_share_low: 0.7,
                               fits_share_high: 0.9 }],
                   deviations: [{ kind: "skipped", what: "delivered", cases: 15, share: 0.15 }] };
  assert.deepEqual(texts(resultOf("conformance", tables)), [
    "80 of 100 journeys go the expected way (80.0%, 95 % interval 70.0% to 90.0%).",
    "The most frequent deviation: delivered is missing, in 15 journeys (15.0%).",
  ]);
  assert.equal(texts(resultOf("conformance", { ...tables, deviations: [] })).length, 1);
  assert.deepEqual(texts(resultOf("conformance", { overall: [{ cases: 0 }] })), []);
});

test("delivery: a group is named only when its interval lies above the whole", () => {
  assert.deepEqual(texts(delivery), ["40 of 200 deliveries came after the promise (20.0%).",
                                     "Most often late: a, far, 50.0% (n = 30)."]);
});

test("tracking: only parcels under way need somebody", () => {
  assert.deepEqual(texts(tracking), ["Of 10 parcels under way: 1 past their promise, " +
                                     "4 without a scan for too long."]);
  assert.deepEqual(texts(resultOf("tracking", { states: [{ state: "in_transit", parcels: 3 }] })),
                   ["Of 3 parcels under way none needs somebody."]);
});

test("quality: the most frequent problem, or that there is none", () => {
  assert.deepEqual(texts(resultOf("quality", { problems: [
    { kind: "gap", count: 3, of: "days" }, { kind: "equal_times", count: 9, of: "events" }] })),
    ["2 problems in the data. Most often: equal times, 9 events."]);
  assert.deepEqual(texts(resultOf("quality", { problems: [] })),
                   ["No problem was found in the data."]);
});

test("trend: what stands out, else the last whole period with its n", () => {
  const columns = { periods: [{ name: "value", type: "share" as const, unit: "", meaning: "" }] };
  const rows = [{ period: "2024-01", n: 30, value: 0.5, complete: "yes", anomaly: null },
                { period: "2024-02", n: 4, value: 0.1, complete: "no", anomaly: null }];
  assert.deepEqual(texts(resultOf("trend", { periods: rows }, { per: "month" }, columns)),
                   ["50.0% in 2024-01, the last whole month (n = 30)."]);
  const out = [{ ...rows[0]!, anomaly: "low", expected: 0.7 }, rows[1]!];
  assert.deepEqual(texts(resultOf("trend", { periods: out }, { per: "month" }, columns)),
                   ["1 of 2 periods stand out; the latest, 2024-01, is low: 50.0%, " +
                    "expected 70.0%."]);
});

test("trend: a rate is told of the last period whose journeys have had their time", () => {
  const columns = { periods: [{ name: "value", type: "share" as const, unit: "", meaning: "" }] };
  const rows = ["2024-01-01", "2024-01-08", "2024-01-15"].map((period, at) => (
    { period, n: 30, value: 0.9 - at / 10, complete: "yes", anomaly: null }));
  const told = (as_of: string, options: Record<string, string>, periods: Row[] = rows): string[] =>
    texts({ ...resultOf("trend", { periods }, options, columns), as_of });
  const rate = { per: "week", measure: "rate" };
  assert.deepEqual(told("2024-02-14T12:00:00Z", rate), [
    "80.0% in 2024-01-08, the last whole week whose journeys have had 30 days (n = 30). " +
    "Those of later ones may still go on."]);
  assert.deepEqual(told("2024-02-21T00:00:00Z", rate),
                   ["70.0% in 2024-01-15, the last whole week (n = 30)."]);
  // Nothing has had its time yet; counts need none.
  assert.match(told("2024-01-22T00:00:00Z", rate)[0]!, /^70.0% in 2024-01-15, the last whole week/);
  assert.match(told("2024-01-22T00:00:00Z", { per: "week" })[0]!, /^70.0% in 2024-01-15/);
  const months = [{ ...rows[0]!, period: "2023-12" }, { ...rows[1]!, period: "2024-01" }];
  const duration = { per: "month", measure: "median", of: "duration" };
  const times = { periods: [{ name: "value_ms", type: "duration" as const, unit: "ms",
                              meaning: "" }] };
  assert.deepEqual(texts(resultOf("trend", { periods: [{ period: "2024-01", n: 30,
    value_ms: 86_400_000, complete: "yes" }] }, duration, times)),
    [`${formatDuration(86_400_000)} in 2024-01, the last whole month (n = 30).`]);
  assert.match(told("2024-03-01T00:00:00Z", duration, months)[0]!, /^90.0% in 2023-12/);
  assert.match(told("2024-03-02T00:00:00Z", duration, months)[0]!, /^80.0% in 2024-01/);
});

test("a split answer and a list have no headline", () => {
  assert.deepEqual(texts({ ...map, options: { by: "carrier" } }), []);
  assert.deepEqual(texts({ ...map, options: { list: "stages stage=order column=cases" } }), []);
});

test("the largest problems are those that touch the largest shares", () => {
  const found = largestProblems({ map, delivery, tracking });
  assert.deepEqual(found.map((each) => [each.question, each.share]),
                   [["tracking", 0.4], ["map", 30 / 90], ["delivery", 0.2]]);
  assert.equal(found[0]!.text,
               "4 of 10 (2 of 5) parcels under way are without a scan for too long.");
  assert.deepEqual(largestProblems({}), []);
});

test("what is asked and not answered is a problem: of each asker the worst, with n", () => {
  const row = (stage: string, touchpoint: string, actor: string, asked: number, answered: number,
  ): Row => ({ stage, touchpoint, actor, asked, answered, unanswered: asked - answered,
               answered_share: asked < 20 ? null : answered / asked });
  const told = (...answers: Row[]): unknown[] =>
    largestProblems({ map: resultOf("map", { answers }) }).map((each) => [each.text, each.share]);
  assert.deepEqual(told(row("feedback", "review_requested", "company", 1000, 195),
                        row("returns", "survey_sent", "company", 50, 5),
                        row("transit", "support_ticket_opened", "customer", 40, 26),
                        row("delivery", "support_ticket_opened", "customer", 40, 39)), [
    ["Review requests are hardly answered: 805 of 1,000 (4 of 5) journeys asked have no answer.",
     0.805],
    ["Support tickets (transit) go unanswered: 14 of 40 (35.0%) journeys that ask have no answer.",
     0.35],
  ]);
  assert.deepEqual(told(row("feedback", "review_requested", "company", 100, 48)), [
    ["Review requests mostly go unanswered: 52 of 100 (52.0%) journeys asked have no answer.",
     0.52]]);
  // Too few, or all of them answered; what the system asks itself is nobody's request.
  assert.deepEqual(told(row("feedback", "review_requested", "company", 19, 1),
                        row("transit", "support_ticket_opened", "customer", 40, 40),
                        row("order", "order_placed", "system", 40, 1)), []);
});

test("wrong data is told, merely lacking data is not", () => {
  const quality = resultOf("quality", { problems: [
    { kind: "low_coverage", count: 90, of: "events", share: 0.9, example: "a.b" },
    { kind: "gap", count: 8, of: "days", share: 0.1, example: "delivered, May" }] });
  assert.deepEqual(largestProblems({ quality }).map((each) => each.text),
                   ["In the data: 8 days (10.0%) without events of a touchpoint, " +
                    "for example delivered, May."]);
});
