// SPDX-License-Identifier: Apache-2.0
// Options as words: keys of answers, commands, cells of lists.
import assert from "node:assert/strict";
import test from "node:test";
import { answerKey, changed, commandOf, entriesOf, listCell, optionsOf, parseAnswerKey, shellWord }
  from "../../web/src/answers/key.ts";
import type { OptionRow, QuestionTable } from "../../web/src/answers/types.ts";

function option(name: string, more: Partial<OptionRow> = {}): OptionRow {
  return { name, type: "text", argument: "", preset: "", choices: [], help: "", positional: false,
           repeated: false, ...more };
}

const table: QuestionTable = {
  questions: [{ name: "funnel", purpose: "", example: "", options: [
    option("steps", { type: "arguments", positional: true, repeated: true }), option("within"),
    option("by-day", { type: "flag" })] }],
  common_options: [option("case", { type: "name" }), option("where")],
};

test("a key has its options in the order of names, values in theirs", () => {
  assert.equal(answerKey("funnel", { within: "30d", steps: ["b", "a"], case: "order_id" }),
               "funnel?case=order_id&steps=b&steps=a&within=30d");
  assert.equal(answerKey("map", {}), "map?");
  assert.equal(answerKey("map", { case: "", where: [] }), "map?");
});

test("a key escapes all but the unreserved characters", () => {
  assert.equal(answerKey("map", { where: "a != 'b (c)*'" }),
               "map?where=a%20%21%3D%20%27b%20%28c%29%2A%27");
});

test("a key can be read again", () => {
  const options = { where: "x = 'a&b=c'", steps: ["one two", "+%"] };
  const read = parseAnswerKey(answerKey("funnel", options));
  assert.equal(read.question, "funnel");
  assert.deepEqual(entriesOf(read.options), entriesOf(options));
  assert.deepEqual(optionsOf("a=1&a=2"), { a: ["1", "2"] });
});

test("changes add, replace and take away", () => {
  assert.deepEqual(changed({ a: "1", b: "2" }, { a: undefined, b: "3", c: "" }), { b: "3" });
});

test("a command is quoted for a shell", () => {
  assert.equal(shellWord("review_submitted"), "review_submitted");
  assert.equal(shellWord("it's"), "'it'\\''s'");
  assert.equal(shellWord("$(rm)"), "'$(rm)'");
  assert.equal(commandOf(table, "funnel", { steps: ["order_placed", "review_submitted[stars <= 2]"],
                                            within: "30d", "by-day": "true", case: "order_id" }),
               "doorstep funnel order_placed 'review_submitted[stars <= 2]' --by-day " +
               "--case order_id --within 30d");
});

test("a command keeps a word that begins with a dash from being an option", () => {
  assert.equal(commandOf(table, "funnel", { steps: ["-x", "b"], case: "k" }),
               "doorstep funnel --case k -- -x b");
});

test("the cell of a list names table, keys and column", () => {
  const figures = { keys: ["from", "to"], needed: 2, columns: ["cases"] };
  assert.equal(listCell("edges", figures, { from: "a", to: "it's b", cases: 3 }, "cases"),
               "edges from=a to='it''s b' column=cases");
  assert.equal(listCell("edges", figures, { from: "a", to: null, cases: 3 }, "cases"), undefined);
  assert.equal(listCell("edges", figures, { from: "a", to: "b", cases: null }, "cases"), undefined);
  assert.equal(listCell("edges", figures, { from: "a", to: "b", mean: 3 }, "mean"), undefined);
  assert.equal(listCell("groups", { keys: ["group"], needed: 1, columns: ["late"] },
                        { group: ["x>y", "z"], late: 1 }, "late"),
               "groups group='x>>y > z' column=late");
  assert.equal(listCell("p", { keys: ["kind"], needed: 1, columns: ["count"], except: ["gap"] },
                        { kind: "gap", count: 1 }, "count"), undefined);
});
