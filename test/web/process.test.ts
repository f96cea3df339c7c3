// SPDX-License-Identifier: Apache-2.0
// What the process page makes of one answer: which layout and paths are seen, the figures on them,
// arrows that end where paths end, and filters in the language.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Result, Row } from "../../web/src/answers/types.ts";
import { Figures, drawn, edgeFilter, edgeKey, edgesOf, expectedWay, groupsOf, histogram,
         layoutOf, lineWidth, mainPaths, neighbour, patternOf, placeFigures, seenEdges, selector }
  from "../../web/src/process/graph.ts";
import type { LaidOut, Layout, LayoutEdge, LayoutNode } from "../../web/src/process/graph.ts";

function edge(from: string | null, to: string | null, kept: boolean, main: boolean): LayoutEdge {
  return { from, to, kept, main, label: [0, 0], path: [0, 0, 0, 10, 0, 20, 0, 30] };
}

function node(touchpoint: string, x: number, y: number): LayoutNode {
  return { touchpoint, lines: [touchpoint], rank: 0, x, y, width: 10, height: 10 };
}

function layout(touchpoints: number, edges: readonly LayoutEdge[]): Layout {
  return { touchpoints, width: 100, height: 100, nodes: [], edges, edges_left_out: 0 };
}

const EDGES = [edge(null, "a", true, true), edge("a", "b", true, true), edge("b", "a", false, true),
               edge("a", "c", false, true), edge("c", "b", false, false),
               edge("b", null, false, false)];

function result(tables: Readonly<Record<string, readonly Row[]>>, group = false): Result {
  const names = group ? ["carrier", "touchpoint"] : ["touchpoint"];
  return { question: "process", options: {}, as_of: null, tables, notes: [], definition: "",
           columns: { nodes: names.map((name) => (
             { name, type: "text", unit: "", meaning: "" })) } };
}

const PLAIN = result({
  nodes: [{ touchpoint: "a", occurrences: 90, cases: 50, starts: 50, ends: 0 },
          { touchpoint: "b", occurrences: 9, cases: 9, starts: 0, ends: 9 },
          { touchpoint: "c", occurrences: 1, cases: 1, starts: 0, ends: 1 }],
  edges: [{ from: "a", to: "b", occurrences: 8, cases: 8, median_ms: 100, total_ms: 900 },
          { from: "c", to: "b", occurrences: 2, cases: 2, median_ms: 7, total_ms: 100 }],
});

test("the first look has as many touchpoints as hold 95 % of the events", () => {
  const laid: LaidOut = { ...PLAIN, layouts: [layout(3, []), layout(2, []), layout(1, [])] };
  assert.equal(layoutOf(laid, undefined)?.touchpoints, 2);
  assert.equal(layoutOf(laid, 1)?.touchpoints, 1);
  assert.equal(layoutOf(laid, 3)?.touchpoints, 3);
  assert.equal(layoutOf(laid, 99)?.touchpoints, 3);
  assert.equal(layoutOf(laid, 0)?.touchpoints, 1);
  assert.equal(layoutOf({ ...PLAIN, layouts: [] }, 3), undefined);
});

test("paths come the most frequent first, and what holds the picture together stays", () => {
  const all = layout(3, EDGES);
  assert.deepEqual(seenEdges(all, 0), EDGES.slice(0, 2));
  assert.deepEqual(seenEdges(all, 50), EDGES.slice(0, 4));
  assert.deepEqual(seenEdges(all, 100), EDGES);
  assert.deepEqual(seenEdges(all, undefined), EDGES.slice(0, 4));
  assert.equal(mainPaths(all), 50);
  assert.equal(mainPaths(layout(1, [])), 100);
});

test("figures are those of the tables; times of a box are of the ways to it", () => {
  const figures = new Figures(PLAIN);
  assert.equal(figures.node("a", "cases"), 50);
  assert.equal(figures.node("b", "total_ms"), 1000);
  assert.equal(figures.node("b", "median_ms"), 100);
  assert.equal(figures.node("a", "total_ms"), undefined);
  assert.equal(figures.edge({ from: "a", to: "b" }, "median_ms"), 100);
  assert.equal(figures.edge({ from: null, to: "a" }, "occurrences"), 50);
  assert.equal(figures.edge({ from: "b", to: null }, "cases"), 9);
  assert.equal(figures.edge({ from: "b", to: null }, "p90_ms"), undefined);
  assert.equal(figures.edge({ from: "b", to: "c" }, "cases"), undefined);
});

test("groups of a breakdown have figures of their own", () => {
  const grouped = result({
    nodes: [{ carrier: "x", touchpoint: "a", occurrences: 1, cases: 1, starts: 1, ends: 1 },
            { carrier: "y", touchpoint: "a", occurrences: 5, cases: 4, starts: 4, ends: 4 }],
    edges: [],
  }, true);
  assert.deepEqual(groupsOf(grouped), ["y", "x"]);
  assert.deepEqual(groupsOf(PLAIN), []);
  assert.equal(new Figures(grouped, "x").node("a", "cases"), 1);
  assert.equal(new Figures(grouped, "y").node("a", "cases"), 4);
});

test("a variant's edges run from the start to the end", () => {
  assert.deepEqual([...edgesOf(["a", "b"])], [edgeKey({ from: null, to: "a" }),
    edgeKey({ from: "a", to: "b" }), edgeKey({ from: "b", to: null })]);
});

test("touchpoints as selectors, paths and filters of the language", () => {
  assert.equal(selector("order_placed"), "order_placed");
  assert.equal(selector("Order Completed"), "'Order Completed'");
  assert.equal(selector("it's"), "'it''s'");
  assert.equal(patternOf(["a", "b", "b", "b", "a"]), "a then b+ then a");
  assert.equal(patternOf([]), "");
  assert.deepEqual(expectedWay([["a"], ["a", "a"], ["b", "a"], ["a", "b"]]), ["b", "a"]);
  assert.deepEqual(expectedWay([["a", "a"], ["b"]]), ["a", "a"]);
  assert.deepEqual(expectedWay([]), []);
  assert.deepEqual(edgeFilter({ from: "a", to: "b" }), { follows: "a then immediately b" });
  assert.deepEqual(edgeFilter({ from: null, to: "b" }), { "starts-with": "b" });
  assert.deepEqual(edgeFilter({ from: "a", to: null }), { "ends-with": "a" });
});

test("a line stops before its arrow, whose tip is the path's end", () => {
  const { line, head } = drawn([0, 0, 0, 10, 0, 20, 0, 30], 10);
  assert.ok(head.startsWith("M0.0,30.0L"));
  const [x, y] = line.split(" ").at(-1)!.split(",").map(Number);
  assert.ok(Math.abs(x!) < 0.1 && Math.abs(y! - 20) < 0.1);
  assert.ok(line.startsWith("M0.0,0.0C"));
  const two = drawn([0, 0, 1, 1, 2, 2, 3, 3, 13, 3, 23, 3, 33, 3], 5).line;
  assert.equal(two.slice(two.indexOf("C") + 1).split(" ").length, 6);
});

test("arrow keys go to the nearest box in their direction", () => {
  const nodes = [node("top", 50, 0), node("left", 10, 50), node("middle", 50, 60),
                 node("under", 50, 100)];
  const name = (from: number, key: string): string | undefined =>
    neighbour(nodes, nodes[from]!, key)?.touchpoint;
  assert.equal(name(0, "ArrowDown"), "middle");
  assert.equal(name(2, "ArrowUp"), "top");
  assert.equal(name(2, "ArrowLeft"), "left");
  assert.equal(name(3, "ArrowDown"), undefined);
  assert.equal(name(1, "ArrowRight"), "middle");
});

test("lines are thicker for more, and never vanish", () => {
  assert.ok(lineWidth(1, 10_000) > 1 && lineWidth(1, 10_000) < lineWidth(100, 10_000));
  assert.equal(lineWidth(undefined, 10), lineWidth(0, 10));
  assert.equal(lineWidth(5, 0), lineWidth(0, 10));
});

test("times in classes: each is counted once, with no class left out between", () => {
  const classes = histogram([0, 500, 2e3, 36e5, 1e12]);
  assert.equal(classes.reduce((sum, { count }) => sum + count, 0), 5);
  assert.deepEqual(classes[0], { up_to: 1000, count: 2 });
  assert.deepEqual(classes.at(-1), { up_to: Infinity, count: 1 });
  assert.deepEqual(histogram([]), []);
  assert.ok(classes.some(({ up_to, count }) => up_to === 36e5 && count === 1));
});

test("every place of the slider shows as many paths as it says", () => {
  const names = Array.from({ length: 60 }, (_, i) => `touchpoint_${i}`);
  const edges = names.flatMap((from, i) => names.slice(0, 7).map((to, j) =>
    edge(from, to, j === 0, (i + j) % 3 === 0)));
  for (let paths = 0; paths <= 100; paths++) {
    const seen = seenEdges(layout(60, edges), paths);
    assert.equal(seen.length, 60 + Math.round(360 * paths / 100));
  }
});

test("figures stand beside their lines, on no box, line or other figure", () => {
  const line = (to: string, x: number): LayoutEdge => (
    { from: "a", to, kept: true, main: true, label: [x, 60],
      path: [x, 20, x, 50, x, 70, x, 100] });
  const nodes = [{ ...node("a", 60, 14), width: 100 }, { ...node("b", 60, 106), width: 100 }];
  const room: Layout = { ...layout(2, []), width: 120, height: 120, nodes };
  const [left, right] = [line("b", 40), line("c", 70)];
  const said = (edge: LayoutEdge, text: number) => ({ edge, line: 4, text });
  const places = placeFigures(room, [said(left, 20), said(right, 20)]);
  const [a, b] = [places.get(edgeKey(left))!, places.get(edgeKey(right))!];
  // Where the engine put them they would lie on the lines.
  assert.ok(a[0] + 10 <= 38 || (a[0] - 10 >= 42 && a[0] + 10 <= 68));
  assert.ok(b[0] - 10 >= 72 || (b[0] - 10 >= 42 && b[0] + 10 <= 68));
  assert.ok(Math.abs(a[0] - b[0]) >= 20 || Math.abs(a[1] - b[1]) >= 12);
  for (const [, y] of [a, b]) assert.ok(y - 6 >= 19 && y + 6 <= 101);
  // Without room there is no figure, and without a figure no room is taken.
  assert.equal(placeFigures(room, [said(left, 200)]).size, 0);
  assert.deepEqual([...placeFigures(room, [said(left, 0), said(right, 20)]).keys()],
                   [edgeKey(right)]);
});

test("the first look has no more touchpoints than can be seen at once", () => {
  const names = Array.from({ length: 60 }, (_, i) => `t${i}`);
  const many: LaidOut = { ...result({ nodes: names.map((touchpoint) => (
    { touchpoint, occurrences: 10, cases: 1, starts: 0, ends: 0 })) }),
    layouts: [60, 45, 33, 24, 12].map((count) => layout(count, [])) };
  assert.equal(layoutOf(many, undefined)!.touchpoints, 33);
  assert.equal(layoutOf(many, 60)!.touchpoints, 60);
});
