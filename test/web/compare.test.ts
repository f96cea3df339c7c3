// SPDX-License-Identifier: Apache-2.0
// A comparison: which period is the one before, which rows of two answers belong together, what the
// table and the sentence of both say, and what may stand in an address.
import assert from "node:assert/strict";
import test from "node:test";
import { parted } from "../../web/src/address/personal.ts";
import type { Column, Result, Row } from "../../web/src/answers/types.ts";
import { named } from "../../web/src/charts/option.ts";
import { plotBeside, plotOf } from "../../web/src/charts/spec.ts";
import type { ChartSpec } from "../../web/src/charts/spec.ts";
import { comparedTable, isComparable, optionsBefore, pairRows, earlierPeriod }
  from "../../web/src/compare/compare.ts";
import { formatDifference, formatNumber } from "../../web/src/format.ts";
import { comparedHeadlines } from "../../web/src/headlines/compare.ts";

function column(name: string, type: Column["type"]): Column {
  return { name, type, unit: "", meaning: "" };
}

function resultOf(table: string, columns: readonly Column[], rows: readonly Row[],
                  more: Partial<Result> = {}): Result {
  return { question: "trend", options: {}, as_of: null, tables: { [table]: rows },
           columns: { [table]: columns }, notes: [], definition: "", ...more };
}

const PERIODS = [column("period", "text"), column("n", "count"), column("value", "share"),
                 column("value_low", "share"), column("value_high", "share"),
                 column("complete", "text")];

function period(name: string, n: number, value: number | null, complete = "yes"): Row {
  return { period: name, n, value, complete, value_low: value === null ? null : value - 0.01,
           value_high: value === null ? null : value + 0.01 };
}

const SPEC: ChartSpec = { kind: "line", x: "period", y: ["value"], low: "value_low",
                          high: "value_high", complete: "complete" };
const NOW = resultOf("periods", PERIODS,
                     [period("2018-04", 90, 0.5), period("2018-05", 80, 0.6),
                      period("2018-06", 70, 0.7)], { options: { to: "2018-07-01" } });
// One more, cut at its beginning: periods of equal length do not begin where months do.
const BEFORE = resultOf("periods", PERIODS,
                        [period("2017-12", 2, null, "no"), period("2018-01", 60, 0.4),
                         period("2018-02", 50, 0.45), period("2018-03", 40, 0.5)],
                        { options: { from: "2017-12-31", to: "2018-04-01" } });

test("the period before has the same length and ends where this one begins", () => {
  assert.deepEqual(earlierPeriod({ from: "2018-04-01", to: "2018-07-01" }, "previous"),
                   { from: "2017-12-31", to: "2018-04-01" });
  // Over a leap day and a change of clocks: days are counted, not hours.
  assert.deepEqual(earlierPeriod({ from: "2024-03-01", to: "2024-04-01" }, "previous"),
                   { from: "2024-01-30", to: "2024-03-01" });
  assert.deepEqual(earlierPeriod({ from: "2018-01-01T03:00Z", to: "2018-01-01T05:30Z" },
                                 "previous"),
                   { from: "2018-01-01T00:30:00.000Z", to: "2018-01-01T03:00Z" });
  for (const options of [{ from: "2018-04-01" }, { to: "2018-04-01" }, {},
                         { from: "2018-04-01", to: "2018-04-01" },
                         { from: "2018-05-01", to: "2018-04-01" },
                         { from: "2018-04-01", to: "2018-05-01T00:00Z" },
                         { from: "2018", to: "2019" }])
    for (const compare of ["previous", "year"])
      assert.equal(earlierPeriod(options, compare), undefined, JSON.stringify(options));
  assert.deepEqual(optionsBefore({ from: "2018-01-02", to: "2018-01-03", by: "state" }, "previous"),
                   { from: "2018-01-01", to: "2018-01-02", by: "state" });
});

test("a year before are the same dates, whatever the year has", () => {
  const year = (from: string, to: string) => earlierPeriod({ from, to }, "year");
  assert.deepEqual(year("2018-11-19", "2018-12-01"), { from: "2017-11-19", to: "2017-12-01" });
  assert.deepEqual(year("2024-02-01", "2024-02-29"), { from: "2023-02-01", to: "2023-03-01" });
  assert.deepEqual(year("2025-02-01", "2025-03-01"), { from: "2024-02-01", to: "2024-03-01" });
  assert.equal(year("2024-02-29", "2024-03-01"), undefined);
  assert.deepEqual(year("2018-01-01T03:00Z", "2018-01-01T05:30Z"),
                   { from: "2017-01-01T03:00:00.000Z", to: "2017-01-01T05:30:00.000Z" });
});

test("periods belong together that are as far from the end, in each group by itself", () => {
  const pairs = pairRows(NOW, BEFORE, "periods");
  assert.deepEqual([...pairs].map(([a, b]) => [a.period, b.period]),
                   [["2018-04", "2018-01"], ["2018-05", "2018-02"], ["2018-06", "2018-03"]]);
  // A period of which nothing is told leaves its place empty, on either side.
  const without = (result: Result, name: string): Result => resultOf("periods", PERIODS,
    result.tables.periods!.filter((row) => row.period !== name), { options: result.options });
  assert.deepEqual([...pairRows(without(NOW, "2018-06"), without(BEFORE, "2018-02"), "periods")]
    .map(([a, b]) => [a.period, b.period]), [["2018-04", "2018-01"]]);
  const days = (to: string, ...names: readonly string[]): Result => resultOf("periods", PERIODS,
    names.map((name) => period(name, 1, 1)), { options: { to } });
  const paired = (now: Result, then: Result): readonly unknown[] =>
    [...pairRows(now, then, "periods")].map(([a, b]) => [a.period, b.period]);
  // Weeks by their Mondays: 90 days are no whole number of them.
  assert.deepEqual(paired(days("2018-06-30", "2018-04-02", "2018-06-18", "2018-06-25"),
                          days("2018-04-01", "2018-01-01", "2018-03-19", "2018-03-26")),
                   [["2018-04-02", "2018-01-01"], ["2018-06-18", "2018-03-19"],
                    ["2018-06-25", "2018-03-26"]]);
  assert.deepEqual(paired(days("2018-01-05", "2018-01-03", "2018-01-04"),
                          days("2018-01-03", "2018-01-01", "2018-01-02")),
                   [["2018-01-03", "2018-01-01"], ["2018-01-04", "2018-01-02"]]);
  const split = (result: Result, groups: readonly string[]): Result => resultOf(
    "periods", [column("state", "text"), ...PERIODS],
    groups.flatMap((state) => result.tables.periods!.map((row) => ({ state, ...row }))),
    { options: result.options });
  const both = pairRows(split(NOW, ["SP", "RJ"]), split(BEFORE, ["RJ", "AC"]), "periods");
  assert.deepEqual(new Set([...both].map(([a, b]) => `${a.state} ${b.state}`)),
                   new Set(["RJ RJ"]));
  assert.equal(both.size, 3);
});

test("groups belong together by name, tables by the keys of their lists, trees by the way", () => {
  const groups = [column("group", "list"), column("late", "count")];
  const of = (rows: readonly Row[]): Result => resultOf("groups", groups, rows,
    { figures: { groups: { keys: ["group"], needed: 1, columns: ["late"] } } });
  const pairs = pairRows(of([{ group: ["SP", "x"], late: 1 }, { group: ["RJ", "x"], late: 2 }]),
                         of([{ group: ["RJ", "x"], late: 3 }, { group: ["AC", "x"], late: 4 }]),
                         "groups");
  assert.deepEqual([...pairs].map(([a, b]) => [a.late, b.late]), [[2, 3]]);

  const nodes = ["id", "parent", "cases"].map((name) => column(name, "count"))
    .concat(column("touchpoint", "text"));
  const node = (id: number, parent: number | null, touchpoint: string, cases: number): Row =>
    ({ id, parent, touchpoint, cases });
  const tree = (rows: readonly Row[]): Result => resultOf("nodes", nodes, rows,
    { figures: { nodes: { keys: ["id"], needed: 1, columns: ["cases"] } } });
  const ways = pairRows(
    tree([node(0, null, "delivered", 9), node(1, 0, "review", 5), node(2, 1, "return", 2)]),
    tree([node(0, null, "delivered", 8), node(1, 0, "return", 4), node(2, 0, "review", 3),
          node(3, 2, "return", 1)]), "nodes");
  assert.deepEqual([...ways].map(([a, b]) => [a.cases, b.cases]), [[9, 8], [5, 3], [2, 1]]);

  // What a name does not tell apart belongs to nothing.
  const same = of([{ group: ["SP"], late: 1 }, { group: ["SP"], late: 2 }]);
  assert.equal(pairRows(same, same, "groups").size, 0);
});

test("a table holds both figures and the difference, and nothing where one is missing", () => {
  const made = comparedTable(NOW, "periods", pairRows(NOW, BEFORE, "periods"), ["n", "value"]);
  assert.deepEqual(made.columns.periods!.map((each) => each.name),
                   ["period", "n", "n_before", "value", "value_before", "value_difference",
                    "value_low", "value_high", "complete"]);
  const last = made.tables.periods!.at(-1)!;
  assert.deepEqual([last.n, last.n_before, last.value_before], [70, 40, 0.5]);
  assert.ok(Math.abs(Number(last.value_difference) - 0.2) < 1e-12);
  const alone = comparedTable(NOW, "periods", new Map(), ["value"]).tables.periods![0]!;
  assert.deepEqual([alone.value_before, alone.value_difference], [null, null]);
  assert.ok(isComparable(NOW, "periods"));
  assert.ok(!isComparable(resultOf("found", [column("customer", "text"), column("n", "count")],
                                   []), "found"));
});

test("a second line stands at the place of its own period, and says which it is of", () => {
  const pairs = pairRows(NOW, BEFORE, "periods");
  const plot = plotBeside(NOW, "periods", SPEC, plotOf(NOW, "periods", SPEC), { pairs });
  assert.deepEqual(plot.series.map((series) => series.title), ["this period",
                                                               "the earlier period"]);
  assert.deepEqual(plot.series[1]!.values, [0.4, 0.45, 0.5]);
  assert.deepEqual(plot.series[1]!.places, ["2018-01", "2018-02", "2018-03"]);
  // Of many lines each stays alone.
  const split = { ...SPEC, split: "complete" };
  const many = plotOf(NOW, "periods", split);
  assert.equal(plotBeside(NOW, "periods", split, many, { pairs }), many);
});

test("a sentence tells the last whole period, or the group that changed most, with n", () => {
  const pairs = pairRows(NOW, BEFORE, "periods");
  assert.deepEqual(comparedHeadlines(NOW, "periods", SPEC, pairs).map((line) => line.text), [
    "2018-06: 70.0% (n = 70), in 2018-03, of the earlier period, 50.0% (n = 40): +20.0 points; " +
    "the intervals lie apart."]);
  const cut = resultOf("periods", PERIODS, [period("2018-04", 90, 0.5),
                                            period("2018-05", 80, 0.46, "no")],
                       { options: { to: "2018-06-01" } });
  assert.match(comparedHeadlines(cut, "periods", SPEC, pairRows(cut, BEFORE, "periods"))[0]!.text,
               /^2018-04: 50.0% \(n = 90\), in 2018-02, /);
  const groups = [column("state", "text"), column("cases", "count"), column("late", "share")];
  const of = (...late: number[]): Result => resultOf("groups", groups, late.map((each, at) => (
    { state: ["SP", "RJ"][at]!, cases: 10, late: each })));
  const bars: ChartSpec = { kind: "bars", x: "state", y: ["late"] };
  const [now, then] = [of(0.1, 0.2), of(0.11, 0.4)];
  assert.deepEqual(comparedHeadlines(now, "groups", bars, pairRows(now, then, "groups")),
                   [{ text: "Most changed: RJ, 20.0% (n = 10), before 40.0% (n = 10): " +
                            "−20.0 points." }]);
  assert.deepEqual(comparedHeadlines(now, "groups", bars, new Map()), []);
});

test("differences have a sign, and none when nothing is to be seen of them", () => {
  const share = { type: "share", unit: "" } as const;
  assert.equal(formatDifference(0.0123, share), "+1.2 points");
  assert.equal(formatDifference(-0.0001, share), "±0.0 points");
  assert.equal(formatDifference(-1203, { type: "count", unit: "" }), "−1,203");
  assert.equal(formatDifference(3_600_000, { type: "duration", unit: "ms" }), "+1.0 h");
});

test("numbers of a column have as many digits", () => {
  assert.deepEqual([4.2518, 4.3, 2.6764].map((value) => formatNumber(value)),
                   ["4.25", "4.30", "2.68"]);
  assert.deepEqual([formatNumber(4, false), formatNumber(4), formatNumber(0.0123),
                    formatNumber(-1234.5)], ["4.00", "4", "0.012", "-1,235"]);
});

test("of neighbours that stand out the farthest alone is named", () => {
  const point = (x: number, y: number, name: string) => ({ value: [x, y] as const, name });
  const points = [point(1, 5, "high"), point(50, 7, "high"), point(51, 9, "high"),
                  point(52, 8, "high"), point(52, 1, "low"), point(53, 0, "low")];
  assert.deepEqual([...named(points, 100)].map(({ value }) => value[0]).sort((a, b) => a - b),
                   [1, 51, 53]);
});

test("what names a person may not stand in an address, wherever it is written", () => {
  const { open, personal } = parted({
    id: "anna@example.com", where: "email = 'anna@example.com' and value > 3",
    who: "+49 170 123456",
    drawer: "find?id=anna%40example.com&list=found", of: "timeline?who=%2B49%20170%20123456",
    cases: "phone = '+49 170 123456'", step: ["delivered", "b@c.de"],
    from: "2018-01-01", to: "2018-02", segment: "count(order_placed) >= 2",
    has: "review[stars <= 2]",
  });
  assert.deepEqual(Object.keys(open).sort(), ["from", "has", "segment", "to"]);
  assert.deepEqual(Object.keys(personal).sort(),
                   ["cases", "drawer", "id", "of", "step", "where", "who"]);
});
