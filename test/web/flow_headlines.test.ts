// SPDX-License-Identifier: Apache-2.0
// What is said of funnels, paths and retention, and what is not.
import assert from "node:assert/strict";
import test from "node:test";
import type { Result, Row } from "../../web/src/answers/types.ts";
import { funnelHeadlines, timeHeadlines, worstStep } from "../../web/src/headlines/funnel.ts";
import { pathsHeadlines } from "../../web/src/headlines/paths.ts";
import { retentionHeadlines } from "../../web/src/headlines/retention.ts";

function result(question: string, tables: Readonly<Record<string, readonly Row[]>>,
                options: Readonly<Record<string, string>> = {}): Result {
  return { question, options, as_of: null, tables, columns: {}, notes: [], definition: "" };
}

function texts(lines: readonly { readonly text: string }[]): readonly string[] {
  return lines.map((line) => line.text);
}

const steps: readonly Row[] = [
  { step: 1, selector: "order_placed", reached: 2000, conversion_start: 1, dropped: null,
    open: null },
  { step: 2, selector: "delivered?", reached: 1900, conversion_start: 0.95,
    conversion_previous: 0.95, dropped: null, open: null },
  { step: 3, selector: "review_submitted[stars <= 2]", reached: 400, conversion_start: 0.2,
    conversion_previous: 0.2, dropped: 1500, open: 100, median_ms: 86_400_000,
    p90_ms: 5 * 86_400_000 },
];

test("a funnel says how many get through, and where most are lost", () => {
  const instead = [{ step: 2, touchpoint: "x", cases: 9000 },
                   { step: 3, touchpoint: "review_requested", cases: 900 },
                   { step: 3, touchpoint: "other", cases: 10 }];
  assert.deepEqual(texts(funnelHeadlines(result("funnel", { steps, instead },
                                                { case: "order_id", within: "30d" }))), [
    "400 of 2,000 orders that begin with order placed come as far as " +
    "review submitted [stars <= 2] (20.0%), within 30d.",
    "Most are lost before review submitted [stars <= 2]: 3 of 4 of those that could reach it " +
    "do not (1,500 of 2,000). The most frequent next event of these is review requested (900).",
  ]);
});

test("those who come to the worst step too late are told as that", () => {
  const late = steps.map((row) => (row.step === 3 ? { ...row, selector: "delivered" } : row));
  const tables = { steps: late, instead: [{ step: 3, touchpoint: "delivered", cases: 900 }] };
  const loss = (options: Record<string, string>): string | undefined =>
    texts(funnelHeadlines(result("funnel", tables, { within: "14d", ...options })))[1];
  assert.match(loss({}) ?? "", / 900 of these get there later than 14d after they began\.$/);
  assert.match(loss({ same: "cart" }) ?? "", /most frequent next event of these is delivered/);
});

test("a funnel of too few tells no rate, one that nobody begins no more than that", () => {
  const few = steps.map((row) => ({ ...row, conversion_start: null, conversion_previous: null }));
  assert.deepEqual(texts(funnelHeadlines(result("funnel", { steps: few }))),
                   ["2,000 customers begin the funnel: not enough to tell a rate."]);
  const none = steps.map((row) => ({ ...row, reached: 0, dropped: 0 }));
  assert.deepEqual(texts(funnelHeadlines(result("funnel", { steps: none }, { count: "all" }))),
                   ["No chains begin with order placed."]);
  assert.deepEqual(funnelHeadlines(result("funnel", { steps }, { by: "carrier" })), []);
  assert.deepEqual(funnelHeadlines(result("funnel", {})), []);
});

test("a compared funnel says what it was; those who did nothing are said to", () => {
  const compared = steps.map((row) => ({ ...row, conversion_before: 0.25 }));
  const lines = texts(funnelHeadlines(result("funnel", { steps: compared, instead: [
    { step: 3, touchpoint: "(nothing)", cases: 800 }] }, { within: "14d" })));
  assert.match(lines[0]!, /in the earlier period it was 25\.0%\.$/);
  assert.match(lines[1]!, /800 of them have no event after that\.$/);
  assert.equal(worstStep(steps)?.step, 3);
});

test("a step's time is told with its n, or not at all", () => {
  assert.match(timeHeadlines(steps[2])[0]!.text, /within 1\.0\sd .* 5\.0\sd \(n = 400\)\.$/);
  assert.deepEqual(timeHeadlines(steps[0]), []);
  assert.deepEqual(timeHeadlines(undefined), []);
});

test("paths say what comes most often, and how many have nothing", () => {
  const nodes: readonly Row[] = [
    { id: 0, parent: null, touchpoint: "delivered", cases: 200, share: 1 },
    { id: 1, parent: 0, touchpoint: "(other)", cases: 120, share: 0.6, mean_ms: 1 },
    { id: 2, parent: 0, touchpoint: "review_requested", cases: 60, share: 0.3,
      mean_ms: 3_600_000 },
    { id: 3, parent: 0, touchpoint: "(end)", cases: 20, share: 0.1, mean_ms: null },
  ];
  assert.deepEqual(texts(pathsHeadlines(result("paths", { nodes }, { after: "delivered" })))
    .map((text) => text.replaceAll("\u202f", " ")), [
    "Next after delivered most often comes review requested: 30.0% of 200, 1.0 h later on average.",
    "10.0% have no event after it (20).",
  ]);
  assert.match(pathsHeadlines(result("paths", { nodes }, { before: "delivered" }))[0]!.text,
               /^Most often just before delivered comes review requested: .* before on average\.$/);
  assert.deepEqual(pathsHeadlines(result("paths", { nodes: [] })), []);
});

test("retention tells the period after and the estimate, with enough to tell", () => {
  const curve = [{ period: 0, share: 0.9, size: 500 },
                 { period: 1, share: 0.135, size: 504, share_low: 0.108, share_high: 0.168 }];
  const again = [{ days: 30, at_risk: 100, share: 0.1 }, { days: 90, at_risk: 60, share: 0.276 },
                 { days: 180, at_risk: 50, share: 0.4 }];
  const returns = [{ started: 600 }];
  assert.deepEqual(texts(retentionHeadlines(result("retention", { curve, again, returns },
                                                   { per: "month", start: "order_placed" }))), [
    "13.5% of 504 come back (order placed) in the month after the first time " +
    "(95 % interval 10.8% to 16.8%).",
    "Within 90 days 27.6% are back, counting those seen for less time as long as they were seen.",
  ]);
  // Of whom too few are still watched nothing is said.
  const thin = again.map((row) => ({ ...row, at_risk: row.days === 30 ? 20 : 5 }));
  assert.match(texts(retentionHeadlines(result("retention", { again: thin })))[0]!,
               /^Within 30 days 10\.0%/);
  assert.deepEqual(texts(retentionHeadlines(result("retention", { returns }))),
                   ["600 started: not enough, or not long enough ago, to tell how many come " +
                    "back."]);
});
