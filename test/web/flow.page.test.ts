// SPDX-License-Identifier: Apache-2.0
// Funnel, paths, retention and delivery in a browser: what is on the page is what the question
// says, over HTTP and on the command line; steps move by keys and by dragging; boxes fold; sliders
// choose rows of the answer.
import assert from "node:assert/strict";
import test, { after } from "node:test";
import type { Page } from "playwright-core";
import type { Result, Row } from "../../web/src/answers/types.ts";
import { words } from "../../web/src/words/en.ts";
import { assertCount, getResult, leave, open, say } from "./browser.ts";
import type { Opened } from "./browser.ts";

after(leave);

async function shownSteps(page: Page): Promise<readonly string[]> {
  const values: string[] = [];
  for (const row of await page.locator("li.step").all())
    values.push(await row.getByRole("combobox").first().inputValue());
  return values;
}

// The last answer to a question that the page had.
function lastAnswer(opened: Opened, question: string): Result {
  const found = opened.asked.filter((each) => each.question === question).at(-1);
  assert.ok(found !== undefined, `${question} was not asked`);
  return JSON.parse(found.body) as Result;
}

function count(text: string | null): number {
  return Number((text ?? "").replaceAll(",", ""));
}

async function listOf(opened: Opened): Promise<number> {
  await opened.page.waitForSelector("dialog.drawer .headline");
  await opened.settled();
  const text = await opened.page.locator("dialog.drawer .headline").textContent();
  await opened.page.keyboard.press("Escape");
  return count((text ?? "").replace(/ entr.*/, ""));
}

const FUNNEL = "/funnel?case=order_id&step=order_placed&step=delivered&step=review_submitted" +
               "&within=30d";
const COMMAND = "doorstep funnel order_placed delivered review_submitted --case order_id " +
                "--within 30d --format json";

test("a funnel's figures are the command line's, and each opens as many", async () => {
  const opened = await open(FUNNEL);
  const { page } = opened;
  const told = JSON.parse(say(COMMAND)) as Result;
  const reached = (told.tables.steps ?? []).map((row) => row.reached);
  const links = page.locator(".funnel-count a");
  assert.deepEqual((await links.allTextContents()).map(count), reached);
  await page.getByText(words.table.everyOpens).waitFor();
  for (const [at, wanted] of reached.entries()) {
    await links.nth(at).click();
    assert.equal(await listOf(opened), wanted);
  }
  const lost = page.locator(".funnel-lost").last().locator("a").first();
  const dropped = count(await lost.textContent());
  assert.equal(dropped, told.tables.steps?.at(-1)?.dropped);
  await lost.click();
  assert.equal(await listOf(opened), dropped);
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("steps are put in order by keys and by dragging, and asked for anew", async () => {
  const opened = await open(FUNNEL);
  const { page } = opened;
  const before = ["order_placed", "delivered", "review_submitted"];
  assert.deepEqual(await shownSteps(page), before);
  await page.getByRole("button", { name: "Move Step 3 up" }).focus();
  await page.keyboard.press("Enter");
  await opened.settled();
  const turned = ["order_placed", "review_submitted", "delivered"];
  assert.deepEqual(await shownSteps(page), turned);
  assert.deepEqual(new URL(page.url()).searchParams.getAll("step"), turned);
  // The button that moved the step is still the one under the finger.
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")),
               "Move Step 2 up");
  await page.locator(".step-grip").nth(1).dragTo(page.locator("li.step").nth(2));
  await opened.settled();
  assert.deepEqual(await shownSteps(page), before);
  await page.goBack();
  await opened.settled();
  assert.deepEqual(await shownSteps(page), turned);
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("conditions and optional steps stand in the address as the engine writes them", async () => {
  const opened = await open(FUNNEL);
  const { page } = opened;
  await page.getByRole("combobox", { name: "Step 3: condition" }).fill("stars <= 2");
  await page.keyboard.press("Enter");
  await opened.settled();
  await page.getByLabel("optional").first().check();
  await opened.settled();
  assert.deepEqual(new URL(page.url()).searchParams.getAll("step"),
                   ["order_placed", "delivered?", "review_submitted[stars <= 2]"]);
  const rows = lastAnswer(opened, "funnel").tables.steps ?? [];
  assert.deepEqual(rows.map((row) => row.selector),
                   ["order_placed", "delivered?", "review_submitted[stars <= 2]"]);
  await opened.close();
});

test("paths show the answer's rows as boxes that fold, open and list", async () => {
  const opened = await open("/paths?case=order_id&after=delivered");
  const { page } = opened;
  const rows = (await getResult("/v1/questions/paths?case=order_id&after=delivered"))
    .tables.nodes ?? [];
  await page.getByRole("button", { name: /^Open/ }).click();
  const boxes = page.locator(".flow-box");
  await assertCount(boxes, rows.length);
  const shown = (await page.locator(".flow-figures a").allTextContents()).map(count);
  assert.deepEqual([...shown].sort((a, b) => a - b),
                   rows.map((row) => Number(row.cases)).sort((a, b) => a - b));
  await page.locator(".flow-figures a").nth(1).click();
  assert.equal(await listOf(opened), shown[1]);
  await page.getByRole("button", { name: "Next steps of delivered" }).first().focus();
  await page.keyboard.press("Enter");
  await assertCount(boxes, 1);
  await page.getByRole("button", { name: "As at first" }).click();
  await opened.settled();
  const first = await boxes.count();
  assert.ok(first > 1 && first < rows.length);
  await page.locator("button.flow-rest").first().focus();
  await page.keyboard.press("Enter");
  await opened.settled();
  assert.ok(await boxes.count() > first);
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("paths are saved as a picture with every box that is shown", async () => {
  const opened = await open("/paths?case=order_id&after=delivered");
  const { page } = opened;
  const saved = async (form: string): Promise<Buffer> => {
    const file = page.waitForEvent("download");
    await page.getByRole("button", { name: form, exact: true }).click();
    const parts: Buffer[] = [];
    for await (const part of await (await file).createReadStream()) parts.push(part as Buffer);
    return Buffer.concat(parts);
  };
  const text = (await saved("SVG")).toString();
  const figures = (await page.locator(".flow-figures").allInnerTexts())
    .map((each) => /^[\d,]+/.exec(each.trim())?.[0] ?? "");
  assert.ok(figures.length > 3);
  const shown = await page.evaluate((svg) => [...new DOMParser()
    .parseFromString(svg, "image/svg+xml").querySelectorAll("text")]
    .map((each) => each.textContent ?? ""), text);
  assert.equal(shown[0], "What comes after delivered");
  assert.deepEqual(shown.slice(1).filter((_, at) => at % 2 === 1)
    .map((each) => /^[\d,]+/.exec(each)?.[0]), figures);
  // A file of its own: colours and letters are said in it.
  assert.ok(!/class=|var\(|href=|url\(/.test(text));
  assert.equal((await saved("PNG")).subarray(1, 4).toString(), "PNG");
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("cohorts show every share of the answer, and what is not over as such", async () => {
  const opened = await open("/retention?periods=4");
  const cells = (await getResult("/v1/questions/retention?periods=4")).tables.cells ?? [];
  const { page } = opened;
  const partial = cells.filter((row) => row.complete === "no").length;
  assert.equal(await page.locator(".grid-cell").count(), cells.length);
  assert.equal(await page.locator(".grid-cell.partial").count(), partial);
  const one = cells.find((row: Row) => row.period === 1 && Number(row.active) > 3)!;
  const link = page.locator(".grid tbody tr").filter({ hasText: String(one.cohort) })
    .locator(".grid-cell a").nth(Number(cells.find((row) => row.cohort === one.cohort &&
                                                            row.period === 0)?.active) > 0 ? 1 : 0);
  await link.click();
  assert.equal(await listOf(opened), one.active);
  assert.deepEqual(opened.faults, []);
  await opened.close();
  const perOrder = await open("/retention?case=order_id");
  await perOrder.page.getByText("none of them comes back").waitFor();
  await perOrder.page.getByRole("link", { name: "Look at whole customers instead" }).click();
  await perOrder.settled();
  assert.equal(new URL(perOrder.page.url()).search, "");
  await perOrder.close();
});

test("the workbench tells rows of the curve, by keys", async () => {
  const opened = await open("/delivery");
  const { page } = opened;
  const curve = (JSON.parse(say("doorstep delivery --curve --format json")) as Result)
    .tables.curve ?? [];
  const all = curve.filter((row) => String(row.group) === "all");
  const level = page.getByLabel("To be kept this often");
  await level.focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
  assert.equal(await level.inputValue(), "95");
  const wanted = all.find((row) => Number(row.would_be_kept) >= 0.95)!;
  const [chosen, kept] = await page.locator(".workbench tbody tr").first().locator("td.chosen")
    .allTextContents();
  assert.equal(Number(/^\d+/.exec(chosen ?? "")?.[0]), wanted.days);
  const days = Number(await page.getByLabel("If so many days were promised").inputValue());
  const share = Number(all.find((row) => row.days === days)?.would_be_kept);
  assert.equal(kept, `${(100 * share).toFixed(1)}%`);
  const overall = page.locator(".facts a").first();
  const deliveries = count(await overall.textContent());
  await overall.click();
  assert.equal(await listOf(opened), deliveries);
  assert.deepEqual(opened.faults, []);
  await opened.close();
});
