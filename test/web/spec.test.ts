// SPDX-License-Identifier: Apache-2.0
// The chart of any table, and what a chart draws of it.
import assert from "node:assert/strict";
import test from "node:test";
import type { CellType, Column, Result, Row } from "../../web/src/answers/types.ts";
import { durationStep } from "../../web/src/charts/option.ts";
import { defaultSpec, plotOf } from "../../web/src/charts/spec.ts";

function tableOf(columns: Record<string, CellType>, rows: Row[],
                 options: Record<string, string> = {}): Result {
  const described: Column[] = Object.entries(columns).map(([name, type]) => (
    { name, type, unit: "", meaning: "" }));
  return { question: "q", options, as_of: null, tables: { t: rows }, columns: { t: described },
           notes: [], definition: "" };
}

test("periods make a line with its interval, marks and open ends", () => {
  const result = tableOf({ period: "text", n: "count", value: "share", value_low: "share",
                           value_high: "share", complete: "text", anomaly: "text" },
                         [{ period: "a", value: 1 }, { period: "b", value: 0 }]);
  assert.deepEqual(defaultSpec(result, "t"), {
    kind: "line", x: "period", y: ["value"], split: undefined, low: "value_low",
    high: "value_high", mark: "anomaly", complete: "complete" });
});

test("cohorts and periods make a heat map", () => {
  const result = tableOf({ cohort: "text", size: "count", period: "count", active: "count",
                           share: "share" }, [{ cohort: "a" }, { cohort: "b" }]);
  assert.deepEqual(defaultSpec(result, "t"),
                   { kind: "heat", x: "period", y: ["share"], split: "cohort" });
});

test("names make bars; single cases, one row or no figure make none", () => {
  const rows = [{ stage: "a", cases: 1 }, { stage: "b", cases: 2 }];
  assert.equal(defaultSpec(tableOf({ stage: "text", cases: "count" }, rows), "t")?.kind, "bars");
  assert.equal(defaultSpec(tableOf({ stage: "text", cases: "count" }, rows.slice(1)), "t"),
               undefined);
  assert.equal(defaultSpec(tableOf({ customer: "text", events: "count" },
                                   [{ customer: "x" }, { customer: "y" }]), "t"), undefined);
  assert.equal(defaultSpec(tableOf({ a: "text", b: "text" }, [{ a: "1" }, { a: "2" }]), "t"),
               undefined);
});

test("a split makes a series of each value; missing figures stay gaps", () => {
  const result = tableOf({ carrier: "text", stage: "text", cases: "count" }, [
    { carrier: "x", stage: "a", cases: 1 }, { carrier: "x", stage: "b", cases: null },
    { carrier: "y", stage: "b", cases: 3 }], { by: "carrier" });
  const plot = plotOf(result, "t", defaultSpec(result, "t")!);
  assert.deepEqual(plot.places, ["a", "b"]);
  assert.deepEqual(plot.series.map((series) => [series.name, series.values]),
                   [["x", [1, null]], ["y", [null, 3]]]);
  assert.equal(plot.hidden, 0);
});

test("rows beyond what can be read are left to the table and counted", () => {
  const rows = Array.from({ length: 60 }, (_, i) => ({ stage: `s${i}`, cases: i }));
  const result = tableOf({ stage: "text", cases: "count" }, rows);
  const plot = plotOf(result, "t", defaultSpec(result, "t")!);
  assert.equal(plot.places.length, 24);
  assert.equal(plot.hidden, 36);
});

test("marks of an axis of durations are whole seconds, minutes, hours or days", () => {
  const [second, hour, day] = [1000, 3_600_000, 86_400_000];
  for (const [largest, step] of [[4 * second, second], [17 * second, 5 * second], [90 * second,
    60 * second], [5 * hour, hour], [13 * hour, 6 * hour], [20 * day, 5 * day],
    [46.3 * day, 10 * day], [0.4 * second, undefined], [9000 * day, undefined]] as const)
    assert.equal(durationStep(largest), step, String(largest));
});
