// SPDX-License-Identifier: Apache-2.0
// Steps as texts, paths as a picture, cohorts as a grid, promises by level.
import assert from "node:assert/strict";
import test from "node:test";
import type { Result, Row } from "../../web/src/answers/types.ts";
import { gridOf, shadeOf, shareChange } from "../../web/src/flow/cohorts.ts";
import { BOX_MIN_PX, flowOf, nodesOf, openedWithin, shownChildren, treeOf, wayTo }
  from "../../web/src/flow/flow.ts";
import type { FlowBox, FlowState } from "../../web/src/flow/flow.ts";
import { keptWithin, promiseFor, promiseGroups } from "../../web/src/flow/promise.ts";
import { moved, stepOf, stepText, usualSteps, withoutOf, withoutText }
  from "../../web/src/parts/selector.ts";

test("a step is taken apart and put together again", () => {
  for (const text of ["delivered", "review_submitted[stars <= 2]", "stage:returns?",
                      "'Order [1]'[value > 3]?", "(a[x = ']'] or b)", "any[x in ('a', '[')]"])
    assert.equal(stepText(stepOf(text)), text);
  assert.deepEqual(stepOf("review_submitted[stars <= 2]?"),
                   { selector: "review_submitted", condition: "stars <= 2", optional: true });
  // The brackets here are those of a part only.
  assert.equal(stepOf("(a[x = 1] or b[y = 2])").condition, "");
  assert.equal(stepText({ selector: " ", condition: "x = 1", optional: true }), "");
});

test("a without names two steps", () => {
  assert.deepEqual(withoutOf("stage:returns:1-3"),
                   { selector: "stage:returns", first: "1", last: "3" });
  assert.equal(withoutText(withoutOf("stage:returns:1-3")), "stage:returns:1-3");
  assert.equal(withoutText({ selector: "", first: "1", last: "2" }), "");
});

test("steps move within their list and nowhere else", () => {
  assert.deepEqual(moved(["a", "b", "c"], 0, 2), ["b", "c", "a"]);
  assert.deepEqual(moved(["a", "b", "c"], 2, 1), ["a", "c", "b"]);
  assert.deepEqual(moved(["a", "b"], 1, 2), ["a", "b"]);
});

test("a funnel begins with what the store has", () => {
  const touchpoint = (name: string) =>
    ({ name, stage: "", channel: "", owner: "", actor: "", events: 1 });
  const touchpoints = ["delivered", "order_placed"].map(touchpoint);
  assert.deepEqual(usualSteps({ touchpoints }), ["order_placed", "delivered"]);
  assert.deepEqual(usualSteps({ touchpoints: [touchpoint("delivered")] }), []);
});

// A tree of `breadth` next steps a step, down to `depth`, whose counts add up.
function rowsOf(breadth: number, depth: number, total: number): Row[] {
  const rows: Row[] = [{ id: 0, parent: null, depth: 0, touchpoint: "root", cases: total,
                         share: 1, mean_ms: null }];
  const grow = (parent: number, level: number, count: number): void => {
    let left = count;
    for (let i = 0; i < breadth && level <= depth; i++) {
      const own = i + 1 === breadth ? left : Math.min(left, Math.ceil(left / 2));
      left -= own;
      const id = rows.length;
      rows.push({ id, parent, depth: level, touchpoint: `t${level}.${i}`, cases: own,
                  share: own / total, mean_ms: 1000 });
      grow(id, level + 1, own);
    }
  };
  grow(0, 1, total);
  return rows;
}

const NONE: FlowState = { folded: new Set(), opened: new Set() };

function overlaps(a: FlowBox, b: FlowBox): boolean {
  return a.column === b.column && a.y < b.y + b.height - 1e-6 && b.y < a.y + a.height - 1e-6;
}

test("every level of a picture adds up, and nothing lies on anything else", () => {
  for (const [breadth, depth] of [[2, 3], [5, 3], [60, 1], [12, 2]] as const) {
    const root = treeOf(rowsOf(breadth, depth, 10_000), "cases")!;
    const all = new Set(nodesOf(root).map((node) => node.id));
    for (const state of [NONE, { folded: new Set([1]), opened: new Set([0]) },
                         { folded: new Set<number>(), opened: all }]) {
      const flow = flowOf(root, state);
      for (const [i, box] of flow.boxes.entries()) {
        assert.ok(box.height >= BOX_MIN_PX && box.y >= -1e-6 &&
                  box.y + box.height <= flow.height + 1e-6);
        for (const other of flow.boxes.slice(i + 1)) assert.ok(!overlaps(box, other));
        const next = flow.boxes.filter((other) => other.parent?.id === box.nodes[0]!.id);
        if (next.length > 0)
          assert.equal(next.reduce((sum, other) => sum + other.count, 0), box.count);
      }
      assert.equal(flow.ribbons.length, flow.boxes.length - 1);
    }
  }
});

test("with 60 touchpoints the small ones stand together until they are opened", () => {
  const root = treeOf(rowsOf(60, 1, 100_000), "cases")!;
  const shown = flowOf(root, NONE).boxes;
  assert.ok(shown.length < 10, `${shown.length} boxes`);
  const rest = shown.find((box) => box.nodes.length > 1)!;
  assert.equal(rest.count, rest.nodes.reduce((sum, node) => sum + node.count, 0));
  assert.ok(rest.nodes.every((node) => node.count < 3_000));
  assert.equal(flowOf(root, { ...NONE, opened: new Set([0]) }).boxes.length, 61);
});

test("a picture of thousands opens no more than can be read", () => {
  const root = treeOf(rowsOf(20, 3, 1_000_000), "cases")!;
  const open = openedWithin(root, 500);
  const boxes = flowOf(root, open).boxes.length;
  assert.ok(nodesOf(root).length > 8_000 && !open.all);
  assert.ok(boxes > 400 && boxes <= 500, `${boxes} boxes`);
  assert.ok(openedWithin(root, 1e6).all);
  assert.equal(flowOf(root, openedWithin(root, 1e6)).boxes.length, nodesOf(root).length);
});

test("what is folded hides its next steps and says how many", () => {
  const root = treeOf(rowsOf(2, 2, 100), "cases")!;
  const flow = flowOf(root, { ...NONE, folded: new Set([1]) });
  assert.equal(flow.boxes.find((box) => box.key === "node 1")!.hides, 2);
  assert.deepEqual(shownChildren(root.children[0]!, 100, { ...NONE, folded: new Set([1]) }), []);
});

test("nobody at all makes a picture, too", () => {
  const root = treeOf([{ id: 0, parent: null, depth: 0, touchpoint: "a", cases: 0, share: null }],
                      "cases")!;
  assert.equal(flowOf(root, NONE).boxes.length, 1);
  assert.equal(treeOf([], "cases"), undefined);
});

test("a node knows its way", () => {
  const root = treeOf(rowsOf(2, 2, 100), "cases")!;
  const nodes = new Map(nodesOf(root).map((node) => [node.id, node]));
  assert.deepEqual(wayTo(nodes, root.children[1]!.children[0]!), ["root", "t1.1", "t2.0"]);
});

test("cohorts make a grid; what is missing stays missing", () => {
  const cell = (cohort: string, period: number | string, share: number | null, complete = "yes") =>
    ({ cohort, period, share, size: 40, active: 4, complete });
  const grid = gridOf([cell("2024-01", 0, 0.1), cell("2024-01", 1, 0.4),
                       cell("2024-02", 0, 0.2), cell("2024-02", 1, 0.9, "no")]);
  assert.deepEqual(grid.periods, ["0", "1"]);
  assert.deepEqual(grid.cohorts.map((cohort) => [cohort.name, cohort.size]),
                   [["2024-01", 40], ["2024-02", 40]]);
  assert.equal(grid.largest, 0.4);
  assert.equal(shadeOf(grid.cohorts[0]!.cells[0]!, grid.largest), 0.25);
  assert.equal(shadeOf(cell("x", 1, null), 1), undefined);
  assert.equal(gridOf([cell("a", "2-3", 0.1), { ...cell("b", 0, 0.2) }]).cohorts[0]!.cells[1],
               undefined);
});

test("a cell is compared where both periods are over, and says whether intervals meet", () => {
  const cell = (share: number | null, low: number, high: number, complete = "yes"): Row =>
    ({ share, share_low: low, share_high: high, complete });
  const now = cell(0.5, 0.4, 0.6);
  const with_ = (before: Row, row = now) => shareChange(row, new Map([[row, before]]));
  assert.equal(with_(cell(0.25, 0.2, 0.41))?.points, 0.25);
  assert.equal(with_(cell(0.25, 0.2, 0.41))?.apart, false);
  assert.equal(with_(cell(0.25, 0.2, 0.39))?.apart, true);
  assert.equal(with_(cell(0.75, 0.61, 0.8))?.apart, true);
  assert.equal(with_(cell(0.25, 0.2, 0.3, "no")), undefined);
  assert.equal(with_(cell(null, 0, 1)), undefined);
  assert.equal(with_(now, cell(0.5, 0.4, 0.6, "no")), undefined);
  assert.equal(shareChange(now, new Map()), undefined);
  assert.equal(shareChange(now, undefined), undefined);
});

test("a level asks for the least promise that reaches it", () => {
  const curve = (group: string, shares: readonly number[]) => shares.map((share, days) =>
    ({ group: [group], days, would_be_kept: share, from: [group] }));
  const promise = (group: string, level: number) =>
    ({ group: [group], level, deliveries: 50, promised_days: 3, from: [group] });
  const result: Result = {
    question: "delivery", options: {}, as_of: null, columns: {}, notes: [], definition: "",
    tables: { curve: [...curve("all", [0, 0.5, 0.9 - 1e-12, 1])],
              promises: [promise("all", 0.8), promise("all", 0.9), promise("thin", 0.8)] },
  };
  const groups = promiseGroups(result);
  assert.equal(groups.length, 1);
  assert.deepEqual(promiseFor(groups[0]!, 0.9), { days: 2, kept: 0.9 - 1e-12 });
  assert.equal(promiseFor({ ...groups[0]!, kept: [0, 0.5] }, 0.9), undefined);
  assert.equal(keptWithin(groups[0]!, 1), 0.5);
  assert.equal(keptWithin(groups[0]!, 99), 1);
  assert.equal(keptWithin(groups[0]!, -1), undefined);
});
