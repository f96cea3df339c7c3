// SPDX-License-Identifier: Apache-2.0
// Segments, find and the customer's story: what is said of an answer, and what is made of it.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Result, Row, Touchpoint } from "../../web/src/answers/types.ts";
import { findHeadlines, foundCount } from "../../web/src/headlines/find.ts";
import { moveHeadlines, overlapHeadlines, seriesHeadlines, sizeHeadlines }
  from "../../web/src/headlines/segment.ts";
import { keptOf, mainKey, timelineHeadlines } from "../../web/src/headlines/timeline.ts";
import { isPersonal } from "../../web/src/address/personal.ts";
import { nameOf, pairOf, perOf, versusOf } from "../../web/src/parts/segments.ts";
import { gapHeight, neighbours, storyOf } from "../../web/src/parts/story.ts";

function answer(question: string, tables: Record<string, readonly Row[]>,
                notes: readonly string[] = [], options: Record<string, string> = {}): Result {
  return { question, tables, options, columns: {}, definition: "", as_of: null,
           notes: notes.map((text) => ({ level: "info" as const, text })) };
}

const texts = (lines: readonly { text: string }[]): string[] => lines.map((line) => line.text);

test("sizes say the largest segment, as of few when it is near", () => {
  const rows = [{ name: "lapsed", members: 750, cases: 1000, share: 0.75 },
                { name: "at_risk", members: 180, cases: 1000, share: 0.18 },
                { name: "silent", members: null, cases: 1000, share: null }];
  assert.deepEqual(texts(sizeHeadlines(answer("segment", { segments: rows }))),
    ["3 of 4 of 1,000 customers are in the largest segment, lapsed (n = 750)."]);
  assert.deepEqual(texts(sizeHeadlines(answer("segment", { segments: [rows[1]!] }, [],
                                              { case: "order_id" }))),
    ["18.0% of 1,000 cases are at risk (n = 180)."]);
  assert.deepEqual(sizeHeadlines(answer("segment", { segments: [rows[2]!] })), []);
});

test("moves say the largest from one segment to another, none from outside", () => {
  const rows = [{ from: "active", to: "active", members: 900, share: 0.9 },
                { from: "active", to: "at_risk", members: 78, share: 0.078 },
                { from: "(not yet)", to: "active", members: 800, share: 0.9 }];
  assert.deepEqual(texts(moveHeadlines(answer("segment", { moves: rows }))),
    ["Most moved from active to at risk: 78 customers, 7.8% of those who were there."]);
  const still = [{ ...rows[1]!, members: 0 }];
  assert.deepEqual(texts(moveHeadlines(answer("segment", { moves: still }))),
    ["Nobody moved from one of these segments to another."]);
  assert.deepEqual(moveHeadlines(answer("segment", { moves: [rows[2]!] })), []);
});

test("a series says what changed most over twelve periods", () => {
  const at = (month: number): string => new Date(Date.UTC(2023, month, 1)).toISOString();
  const rows = Array.from({ length: 20 }, (_, i) => [
    { at: at(i), name: "a", members: i, cases: 100, share: i / 100 },
    { at: at(i), name: "b", members: 50, cases: 100, share: i === 0 ? 0.99 : 0.5 }]).flat();
  assert.deepEqual(texts(seriesHeadlines(answer("segment", { series: rows }))),
    ["A grew most: from 7.0% (n = 7) on Aug 1, 2023 to 19.0% (n = 19) on Aug 1, 2024."]);
  assert.deepEqual(seriesHeadlines(answer("segment", { series: rows.slice(0, 2) })), []);
});

test("an overlap says the two that share most", () => {
  const rows = [{ name: "lapsed", other: "churned", both: 80, share_either: 0.8 },
                { name: "lapsed", other: "active", both: 0, share_either: 0 }];
  assert.deepEqual(texts(overlapHeadlines(answer("segment", { overlap: rows }))),
    ["Lapsed and churned share most: 80 customers, 80.0% of those in either."]);
  assert.deepEqual(overlapHeadlines(answer("segment", { overlap: [rows[1]!] })), []);
});

test("a pair is found whichever segment comes first, with the share of the first", () => {
  const rows = [{ name: "a", other: "b", both: 3, share: 0.1, share_other: 0.2 }];
  assert.equal(pairOf(rows, "a", "b")?.share, "share");
  assert.equal(pairOf(rows, "b", "a")?.share, "share_other");
  assert.equal(pairOf(rows, "a", "c"), undefined);
});

test("periods and what is compared follow from what the store spans", () => {
  const store = { first: "2023-01-01T18:00:00Z", last: "2024-12-31T23:00:00Z" };
  assert.deepEqual(perOf("", store), { per: "month", since: undefined });
  assert.deepEqual(perOf("day", store), { per: "day", since: "2024-09-02" });
  assert.equal(perOf("", { first: "2024-12-01T00:00:00Z", last: "2024-12-20T00:00:00Z" }).per,
               "day");
  assert.equal(versusOf("2024-12-31T23:00:00Z", store.first), "2024-10-02");
  const short = versusOf("2024-12-20T00:00:00Z", "2024-12-10T00:00:00Z");
  assert.ok(short > "2024-12-10" && short < "2024-12-20");
  assert.equal(versusOf("2024-12-10T05:00:00Z", "2024-12-10T00:00:00Z"), "");
  assert.equal(versusOf("", null), "");
});

test("names for segments.yaml are plain words", () => {
  assert.equal(nameOf("  Big spenders, 2024! "), "big_spenders_2024");
  assert.equal(nameOf("?"), "");
});

test("find says how many there are, also those that are not shown", () => {
  const rows = [{ customer: "C1", last: "2024-01-02T00:00:00Z", touchpoint: "delivered" },
                { customer: "C2", last: "2024-03-02T10:00:00Z", touchpoint: "review_submitted" }];
  const result = answer("find", { found: rows }, ["found: 2 of 1,062 rows are shown."]);
  assert.equal(foundCount(result), 1062);
  assert.deepEqual(texts(findHeadlines(result)),
    ["1,062 customers; the latest event of theirs is review submitted on " +
     "Mar 2, 2024, 10:00\u00a0AM."]);
  assert.deepEqual(findHeadlines(answer("find", { found: [] })), []);
});

test("e-mail addresses and phone numbers stay out of the address", () => {
  for (const personal of ["anna@example.com", "+49 30 1234567", "030 1234 5678", "(030) 12345678",
                          "did(any[email = 'a@b'])", "phone = '+49 30 1234567'"])
    assert.equal(isPersonal(personal), true, personal);
  for (const plain of ["C17", "O272", "12345678901", "customer_id=C17", "count(any) >= 2",
                       "2024-01-01", "did(any[stars <= 2])"])
    assert.equal(isPersonal(plain), false, plain);
});

const event = (time: string, touchpoint: string, cases: readonly string[], more: Row = {}): Row => (
  { time, touchpoint, cases, stage: "order", gap_ms: 0, promised: null, details: null, ...more });
const story = answer("timeline", {
  customer: [{ customer: "customer_id=C1", events: 6, cases: 3, duration_ms: 1,
               longest_gap_ms: 4 * 86_400_000 }],
  cases: [
    { key: "order_id", case: "O1", events: 4, promised: "2024-01-05", promise: "2 days late",
      delivered: "2024-01-07T10:00:00Z", late_ms: 2 * 86_400_000 },
    { key: "parcel_id", case: "P1", events: 9, promised: null, promise: null, delivered: null,
      late_ms: null },
    { key: "order_id", case: "O2", events: 1, promised: "2024-03-05", promise: "open",
      delivered: null, late_ms: -86_400_000 },
  ],
  events: [
    event("2024-01-01T10:00:00Z", "order_placed", ["order_id=O1"],
          { promised: "2024-01-05", details: ["value=7", "note=a b=c", "email=(sealed)"] }),
    event("2024-01-03T10:00:00Z", "page_viewed", []),
    event("2024-01-07T10:00:00Z", "delivered", ["order_id=O1", "parcel_id=P1"],
          { gap_ms: 4 * 86_400_000 }),
    event("2024-01-07T10:00:00Z", "delivered", ["order_id=O1", "parcel_id=P1"]),
    event("2024-01-08T10:00:00Z", "review_submitted", ["order_id=O1"], { details: ["score=2"] }),
    event("2024-03-01T10:00:00Z", "ticket", ["order_id=O2"]),
  ],
});
const touchpoints: readonly Touchpoint[] = [
  { name: "ticket", stage: "any", channel: "mail", owner: "support", actor: "customer",
    events: 1 }];

test("a story has a chapter for each order, the latest first, the rest behind", () => {
  const chapters = storyOf(story, touchpoints);
  assert.deepEqual(chapters.map((each) => [each.title, each.kept]),
    [["Order O2", "open"], ["Order O1", "late"], ["", undefined]]);
  const [second, first, none] = chapters;
  assert.equal(second?.events[0]?.contact, true);
  assert.deepEqual(
    first?.events.map((each) => [each.touchpoint, each.times, each.gapMs, each.stars]),
    [["order_placed", 1, 0, undefined], ["delivered", 2, 6 * 86_400_000, undefined],
     ["review_submitted", 1, 86_400_000, 2]]);
  assert.deepEqual(first?.events[0]?.details,
    [{ name: "value", value: "7", sealed: false }, { name: "note", value: "a b=c", sealed: false },
     { name: "email", value: "", sealed: true }]);
  assert.deepEqual(first?.events[1]?.others, ["parcel_id=P1"]);
  assert.deepEqual(first?.events.map((each) => each.stage), ["order", "", ""]);
  assert.deepEqual(none?.events.map((each) => each.touchpoint), ["page_viewed"]);
});

test("a timeline says which promise was missed and where the longest silence lies", () => {
  assert.equal(mainKey(story), "order_id");
  assert.deepEqual(texts(timelineHeadlines(story)),
    ["Order O1: promised for 2024-01-05, 2 days late.",
     "The longest silence, 4.0 d, lies between page viewed and delivered."]);
  const many = answer("timeline", { ...story.tables, cases: Array.from({ length: 3 }, (_, i) => (
    { ...story.tables.cases![0]!, case: `O${i}` })) });
  assert.equal(texts(timelineHeadlines(many))[0], "3 promises were missed, of 3.");
  assert.deepEqual(timelineHeadlines(answer("timeline", { customer: [{ events: 0 }] })), []);
});

test("a promise is kept, late, open or overdue by data, not by words", () => {
  const of = (delivered: string | null, late_ms: number | null) => keptOf({ delivered, late_ms });
  assert.deepEqual([of("x", 0), of("x", 1), of(null, 0), of(null, 1), of("x", null)],
                   ["kept", "late", "open", "overdue", undefined]);
});

test("silences grow with their logarithm and have an end", () => {
  const hours = [0, 0.5, 1, 24, 24 * 7, 24 * 365].map((each) => gapHeight(each * 3_600_000));
  assert.deepEqual(hours.slice(0, 3), [0, 0, 8]);
  assert.ok(hours[3]! > hours[2]! && hours[4]! > hours[3]! && hours[5] === 72);
});

test("neighbours in a list, each once", () => {
  const rows = ["C1", "C2", "C2", "C3"].map((customer) => ({ customer }));
  assert.deepEqual(neighbours(rows, "customer", "C2"), { at: 1, of: 3, before: "C1", after: "C3" });
  assert.deepEqual(neighbours(rows, "customer", "C9"), { at: -1, of: 3, before: "", after: "" });
});
