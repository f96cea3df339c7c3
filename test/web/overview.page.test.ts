// SPDX-License-Identifier: Apache-2.0
// The overview: its problems are those of the rules over the API's answers, its figures are the
// API's, and each link leads to a page that answers.
import assert from "node:assert/strict";
import test, { after } from "node:test";
import type { Result } from "../../web/src/answers/types.ts";
import { formatShare } from "../../web/src/format.ts";
import { largestProblems } from "../../web/src/headlines/problems.ts";
import { empty, getResult, leave, open } from "./browser.ts";

after(leave);

test("problems and stages are those of the API", async () => {
  const { page, faults, close } = await open("/");
  const [map, delivery, tracking, quality] = await Promise.all(
    ["map?case=order_id", "delivery", "tracking", "quality?case=order_id"]
      .map((path) => getResult(`/v1/questions/${path}`))) as [Result, Result, Result, Result];
  const expected = largestProblems({ map, delivery, tracking, quality });
  assert.ok(expected.length > 0);
  assert.deepEqual(await page.locator(".problems li > p").allInnerTexts(),
                   expected.map((each) => each.text));
  assert.deepEqual(await page.locator(".strip-reach").allInnerTexts(),
                   map.tables.stages!.map((row) => formatShare(Number(row.reach))));
  assert.deepEqual(faults, []);
  await close();
});

test("each problem leads to a page that shows more", async () => {
  const { page, settled, close } = await open("/");
  const links = await page.locator(".problems a").evaluateAll((all) =>
    all.map((link) => link.getAttribute("href") ?? ""));
  for (const link of links) {
    await page.goto(link);
    await settled();
    assert.equal(await page.locator("main .state.bad").count(), 0, link);
    assert.ok(await page.locator("main .card").count() > 0, link);
  }
  await close();
});

test("the first stop of the keyboard leads past the menu, by Enter", async () => {
  const { page, settled, close } = await open("/?case=order_id");
  const before = page.url();
  await page.keyboard.press("Tab");
  const focused = (): Promise<string> =>
    page.evaluate(() => document.activeElement?.id || (document.activeElement?.className ?? ""));
  assert.equal(await focused(), "skip");
  const box = await page.locator(".skip").boundingBox();
  assert.ok(box !== null && box.y >= 0, "it is seen");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "content");
  assert.equal(page.url(), before);
  // What comes next lies in the page's content.
  await settled();
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() =>
    document.querySelector("main")?.contains(document.activeElement) === true));
  await close();
});

test("an empty store has an overview that says so", async () => {
  const { page, faults, close } = await open("/", { server: empty });
  assert.match(await page.locator("main").innerText(), /None of the rules finds a problem/);
  assert.deepEqual(faults.filter((fault) => fault.startsWith("script")), []);
  await close();
});
