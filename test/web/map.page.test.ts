// SPDX-License-Identifier: Apache-2.0
// The journey map in a browser: its figures are the command line's, a touchpoint opens and closes
// by keyboard, and stages stack where there is no room.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Result } from "../../web/src/answers/types.ts";
import { barriers } from "./barriers.ts";
import { assertCount, leave, many, open, say, shop } from "./browser.ts";
import { seen } from "./legible.ts";

const PATH = "/map?case=order_id";

after(leave);

function told(server = shop): Result {
  return JSON.parse(say("doorstep map --case order_id --format json", server)) as Result;
}

test("stages and touchpoints carry the figures of the command line", async () => {
  const { page, faults, close } = await open(PATH);
  const more = page.getByRole("button", { name: /more touchpoints/ });
  if (await more.count() > 0) await more.click();
  const heads = await page.locator(".stage-head").allTextContents();
  const { stages = [], touchpoints = [] } = told().tables;
  assert.deepEqual(heads, stages.map((row) => `${String(row.stage).replaceAll("_", " ")}` +
    `${Number(row.cases).toLocaleString("en-US")} journeys`));
  const labels = (await page.locator(".touchpoint > title").allTextContents()).map(
    (title) => title.replace(/( journeys),.*/, "$1"));
  assert.deepEqual(labels.sort(), touchpoints.map((row) =>
    `${String(row.touchpoint).replaceAll("_", " ")} in ${row.stage}: ` +
    `${Number(row.cases).toLocaleString("en-US")} journeys`).sort());
  assert.deepEqual(faults, []);
  await close();
});

test("a touchpoint opens and closes by keyboard", async () => {
  const { page, settled, faults, close } = await open(PATH);
  await page.locator(".touchpoint").first().focus();
  await page.keyboard.press("Enter");
  await settled();
  const drawer = page.locator(".touchpoint-drawer");
  assert.equal(await drawer.locator(".card").count(), 3);
  assert.match(page.url(), /touchpoint=/);
  await page.keyboard.press("Escape");
  await assertCount(drawer, 0);
  assert.doesNotMatch(page.url(), /touchpoint=/);
  assert.deepEqual(faults, []);
  await close();
});

test("what is asked and not answered is the command line's on the page", async () => {
  const { page, settled, faults, close } = await open(
    `${PATH}&touchpoint=feedback/review_requested`);
  const row = (told().tables.answers ?? []).find((each) => each.touchpoint === "review_requested");
  assert.ok(row !== undefined);
  const unanswered = Number(row.unanswered).toLocaleString("en-US");
  const drawer = page.locator(".touchpoint-drawer");
  const facts = drawer.locator(".row-facts").nth(1);
  assert.match(await facts.textContent() ?? "", new RegExp(`Unanswered${unanswered}Answered share` +
    `${(100 * Number(row.answered_share)).toFixed(1)}%`));
  await drawer.locator(`a`, { hasText: unanswered }).first().click();
  await settled();
  assert.equal(await page.getByText(`${unanswered} entries`, { exact: true }).count(), 1);
  const lane = await open(PATH);
  assert.match((await lane.page.locator(".journey-box").textContent() ?? "").replaceAll(" ", ""),
    new RegExp(`${Math.round(100 * (1 - Number(row.answered_share)))}%ofreviewrequestsunanswered`));
  assert.equal(await lane.page.getByText(
    `${unanswered} of ${Number(row.asked).toLocaleString("en-US")}`).count(), 1);
  assert.deepEqual([...faults, ...lane.faults], []);
  await lane.close();
  await close();
});

test("the list behind a stage has as many rows as it says", async () => {
  const { page, settled, close } = await open(PATH);
  const figure = page.locator(".stage-head a").nth(1);
  const said = (await figure.textContent() ?? "").replace(" journeys", "");
  await figure.click();
  await settled();
  assert.equal(await page.locator(".drawer .headline").textContent(), `${said} entries`);
  await close();
});

test("a split shows one group at a time", async () => {
  const { page, settled, faults, close } = await open(`${PATH}&by=carrier`);
  const first = await page.locator(".stage-head").first().textContent();
  await page.getByLabel("Shown").selectOption({ index: 1 });
  await settled();
  assert.notEqual(await page.locator(".stage-head").first().textContent(), first);
  assert.deepEqual(faults, []);
  await close();
});

test("the picture saved stands by itself", async () => {
  const { page, close } = await open(PATH);
  const [file] = await Promise.all([page.waitForEvent("download"),
                                    page.getByRole("button", { name: "SVG" }).first().click()]);
  let text = "";
  for await (const piece of await file.createReadStream()) text += String(piece);
  assert.match(text, /^<svg/);
  assert.match(text, /fulfilment/);
  assert.doesNotMatch(text, /var\(--/);
  await close();
});

for (const width of [390, 768, 1280])
  test(`60 touchpoints are legible at ${width} pixels`, async () => {
    const { page, faults, close } = await open(PATH, { server: many, width });
    await page.getByRole("button", { name: /more touchpoints/ }).click();
    const { touchpoints = [] } = told(many).tables;
    assert.equal(new Set(touchpoints.map((row) => row.touchpoint)).size, 60);
    assert.equal(await page.locator(".touchpoint").count(), touchpoints.length);
    const picture = await seen(page, ".journey-box svg", ".touchpoint");
    assert.ok(picture.texts > 4 * touchpoints.length);
    assert.deepEqual({ ...picture, texts: 0, smallest: picture.smallest >= 10 },
                     { texts: 0, overlaps: [], outside: [], cut: [], smallest: true });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
    assert.ok(await page.locator(".journey-box").evaluate(
      (box) => box.scrollWidth <= box.clientWidth));
    assert.deepEqual(faults, []);
    await close();
  });

for (const width of [390, 768, 1280])
  for (const dark of [false, true])
    test(`fits ${width} pixels, ${dark ? "dark" : "light"}, without barriers`, async () => {
      const { page, faults, close } = await open(PATH, { width, dark });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
      assert.deepEqual(await barriers(page), []);
      assert.deepEqual(faults, []);
      await close();
    });
