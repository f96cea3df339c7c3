// SPDX-License-Identifier: Apache-2.0
// The journey map as it is drawn, from a map's answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Result, Row } from "../../web/src/answers/types.ts";
import { bandsOf, channelsIn, cut, fitting, heightIn, mapGroups, shortList, stagesOf, wrap }
  from "../../web/src/map/journey.ts";

function result(tables: Readonly<Record<string, readonly Row[]>>, by = ""): Result {
  const names = by === "" ? ["stage"] : [by, "stage"];
  return { question: "map", options: {}, as_of: null, tables, notes: [], definition: "",
           columns: { stages: names.map((name) => (
             { name, type: "text", unit: "", meaning: "" })) } };
}

const MAP = result({
  stages: [{ stage: "order", cases: 10 }, { stage: "delivery", cases: 8 }],
  touchpoints: [{ stage: "(none)", touchpoint: "login", cases: 1 },
                { stage: "order", touchpoint: "order_placed", cases: 10 },
                { stage: "delivery", touchpoint: "delivered", cases: 8 },
                { stage: "delivery", touchpoint: "notification_sent", cases: 2 }],
  answers: [{ stage: "order", touchpoint: "order_placed", asked: 10, answered: 10, unanswered: 0,
              answered_share: 1 },
            { stage: "delivery", touchpoint: "notification_sent", asked: 2, answered: 1,
              unanswered: 1, answered_share: 0.5 },
            { stage: "delivery", touchpoint: "delivered", asked: 8, answered: 0, unanswered: 8,
              answered_share: null }],
  promises: [{ deliveries: 8, promised: 8, kept: 6, late: 2 }],
  pains: [{ rank: 1, stage: "delivery", touchpoint: "notification_sent" }],
});

test("stages keep their order; events before any stage come first", () => {
  const stages = stagesOf(MAP, undefined);
  assert.deepEqual(stages.map(({ name }) => name), ["(none)", "order", "delivery"]);
  assert.equal(stages[0]!.row, undefined);
  assert.deepEqual(stages[2]!.touchpoints.map(({ name, pain }) => [name, pain]),
                   [["delivered", undefined], ["notification_sent", 1]]);
});

test("promises stand where deliveries are, and only when there are some", () => {
  assert.deepEqual(stagesOf(MAP, undefined).map(({ promise }) => promise?.late),
                   [undefined, undefined, 2]);
  const none = result({ ...MAP.tables, promises: [{ deliveries: 8, promised: 0 }] });
  assert.ok(stagesOf(none, undefined).every(({ promise }) => promise === undefined));
});

test("a stage tells what most leave unanswered, where enough were asked", () => {
  const [, order, delivery] = stagesOf(MAP, undefined);
  assert.equal(order!.request, undefined);
  assert.equal(delivery!.request?.touchpoint, "notification_sent");
  assert.equal(order!.touchpoints[0]!.answers?.asked, 10);
  assert.equal(delivery!.touchpoints[1]!.answers?.answered, 1);
});

test("a breakdown shows one group at a time", () => {
  const split = result({
    stages: [{ carrier: "x", stage: "order", cases: 1 },
             { carrier: "y", stage: "order", cases: 2 }],
    touchpoints: [{ carrier: "y", stage: "order", touchpoint: "order_placed", cases: 2 }],
  }, "carrier");
  assert.deepEqual(mapGroups(split), ["x", "y"]);
  assert.deepEqual(mapGroups(MAP), []);
  assert.equal(stagesOf(split, "y")[0]!.touchpoints.length, 1);
  assert.equal(stagesOf(split, "x")[0]!.touchpoints.length, 0);
});

test("the short list has the most frequent, and every pain point", () => {
  const delivery = stagesOf(MAP, undefined)[2]!.touchpoints;
  assert.deepEqual(shortList(delivery, 1).map(({ name }) => name),
                   ["delivered", "notification_sent"]);
  assert.deepEqual(shortList(stagesOf(MAP, undefined)[1]!.touchpoints, 0), []);
});

const letters = (text: string): number => text.length;

test("names break between words and are cut at the end", () => {
  assert.deepEqual(wrap("confirmation_email_clicked", 18, letters, 2),
                   ["confirmation email", "clicked"]);
  assert.deepEqual(wrap("delivered", 18, letters, 2), ["delivered"]);
  assert.deepEqual(wrap("delivery_change_requested", 12, letters, 3),
                   ["delivery", "change", "requested"]);
  assert.deepEqual(wrap("a_very_long_name_that_never_ends", 10, letters, 2),
                   ["a very", "long name…"]);
  assert.equal(cut("abcdef", 4, letters), "abc…");
  assert.equal(cut("abcd", 4, letters), "abcd");
});

test("of several ways to say it the longest that fits is taken", () => {
  assert.equal(fitting(["12,345 journeys", "12.3K journeys", "12,345"], 15, letters),
               "12,345 journeys");
  assert.equal(fitting(["12,345 journeys", "12,345"], 8, letters), "12,345");
  assert.equal(channelsIn("email 60 %, chat 24 %, other 16 %", 40, letters),
               "email 60 %, chat 24 %, other 16 %");
  assert.equal(channelsIn("email 60 %, chat 24 %, other 16 %", 15, letters), "email 60 % +2");
  assert.equal(channelsIn("email/sms/push", 20, letters), "email, sms, push");
  assert.equal(channelsIn("email/sms/push", 14, letters), "email, sms +1");
  assert.equal(channelsIn("carrier", 20, letters), "carrier");
});

test("stages that have no room side by side stand in rows of about equal lengths", () => {
  assert.deepEqual(bandsOf([1, 2, 3, 4, 5, 6, 7, 8, 9], 7), [[1, 2, 3, 4, 5], [6, 7, 8, 9]]);
  assert.deepEqual(bandsOf([1, 2], 7), [[1, 2]]);
  assert.deepEqual(bandsOf([1, 2, 3], 0), [[1], [2], [3]]);
  assert.deepEqual(bandsOf([], 7), []);
});

test("scores lie between the least and the greatest; alike ones in the middle", () => {
  assert.equal(heightIn(4, [3, 4, 5]), 0.5);
  assert.equal(heightIn(5, [3, 4, 5]), 1);
  assert.equal(heightIn(4, [4, 4]), 0.5);
});
