// SPDX-License-Identifier: Apache-2.0
// What is suggested where somebody types.
import assert from "node:assert/strict";
import test from "node:test";
import { completionsAt } from "../../web/src/parts/completions.ts";
import type { Known } from "../../web/src/parts/completions.ts";

const touchpoint = { stage: "", channel: "", owner: "", actor: "", events: 1 };
const known: Known = {
  store: {
    touchpoints: [{ ...touchpoint, name: "delivered" },
                  { ...touchpoint, name: "Order Completed", events: 9 }],
    properties: [{ name: "carrier", type: "string" }], case_keys: [],
    segments: [{ name: "lapsed", condition: "since(any) > 90d" }],
  },
  language: [
    { name: "count", kind: "function", where: "case", usage: "count(S)", meaning: "" },
    { name: "<=", kind: "operator", where: "event", usage: "a <= 1", meaning: "" },
    { name: "contains", kind: "function", where: "event", usage: "contains(a, b)", meaning: "" },
  ],
};

function suggested(kind: "event" | "case" | "selector", text: string, caret = text.length) {
  return completionsAt(known, kind, text, caret);
}

test("names that begin so come first, then those that hold it", () => {
  assert.deepEqual(suggested("event", "value > 1 and ca").list.map((each) => each.text),
                   ["carrier"]);
  assert.equal(suggested("event", "value > 1 and ca").start, 14);
  assert.deepEqual(suggested("event", "con").list.map((each) => each.text), ["contains("]);
  assert.deepEqual(suggested("case", "laps").list.map((each) => each.text), ["segment('lapsed')"]);
});

test("names with spaces are quoted, the most frequent touchpoint first", () => {
  assert.deepEqual(suggested("selector", "").list.map((each) => each.text),
                   ["'Order Completed'", "delivered", "carrier"]);
});

test("within a quoted value, and for a whole name, nothing is suggested", () => {
  assert.deepEqual(suggested("event", "carrier = 'ca").list, []);
  assert.deepEqual(suggested("event", "carrier").list, []);
});
