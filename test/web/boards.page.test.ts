// SPDX-License-Identifier: Apache-2.0
// Boards in the browser: what is saved is what the store keeps, by keyboard too; and the report,
// opened as a file: whole, without a request, with the command line's figures.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import type { Page } from "playwright-core";
import { words } from "../../web/src/words/en.ts";
import { leave, open, say } from "./browser.ts";

const texts = words.pages.boards;

after(leave);

interface Told {
  readonly boards: readonly { readonly name: string; readonly title: string;
                              readonly tiles: readonly { readonly title: string }[] }[];
}

async function titles(page: Page): Promise<string[]> {
  return page.locator("main h2").allTextContents();
}

function kept(name: string): string {
  return say(`doorstep boards export ${name}`);
}

test("an answer is saved to a new board, from the keyboard", async () => {
  const { page, faults, settled, close } = await open("/question/map?case=order_id");
  await page.getByRole("button", { name: texts.add }).first().focus();
  await page.keyboard.press("Enter");
  await page.getByLabel(texts.newName).fill("no name");
  await page.getByText(texts.nameWrong).waitFor();
  await page.getByLabel(texts.newName).fill("mine");
  await page.getByLabel(texts.titleOfTile).fill("First");
  await page.keyboard.press("Enter");
  await page.getByText(texts.openBoard).click();
  await settled();
  assert.deepEqual(await titles(page), ["First"]);
  assert.equal(kept("mine"), "boards:\n  - name: mine\n    title: mine\n    tiles:\n" +
    "      - question: map\n        title: First\n        options:\n          case: order_id\n");
  assert.deepEqual(faults, []);
  await close();
});

test("another answer goes onto the same board; tiles move, are renamed and go", async () => {
  const { page, faults, settled, close } = await open("/question/quality");
  await page.getByRole("button", { name: texts.add }).first().click();
  await page.getByLabel(texts.titleOfTile).fill("Second");
  await page.getByRole("button", { name: texts.save, exact: true }).click();
  await page.getByText(texts.openBoard).click();
  await settled();
  assert.deepEqual(await titles(page), ["First", "Second"]);
  await page.getByRole("button", { name: texts.edit }).press("Enter");
  await page.getByRole("button", { name: texts.up("Second") }).press("Enter");
  await page.getByLabel(texts.tileTitle(1)).fill("The data");
  await page.getByLabel(texts.boardTitle).fill("Mine: \"all\"");
  await page.getByRole("button", { name: texts.remove("First") }).press("Enter");
  await page.getByRole("button", { name: texts.save, exact: true }).press("Enter");
  await page.getByRole("heading", { level: 1, name: "Mine" }).waitFor();
  await settled();
  assert.deepEqual(await titles(page), ["The data"]);
  assert.equal(kept("mine"), "boards:\n  - name: mine\n    title: \"Mine: \\\"all\\\"\"\n" +
    "    tiles:\n      - question: quality\n        title: \"The data\"\n");
  assert.deepEqual(faults, []);
  await close();
});

test("a save that fails says so and loses nothing", async () => {
  const { page, close } = await open("/boards/mine", { before: async (each) => {
    await each.route("**/v1/boards/mine", (route) => route.fulfill({
      status: 409, contentType: "application/problem+json",
      body: JSON.stringify({ title: "Conflict", detail: "somebody holds it", status: 409 }) }));
  } });
  await page.getByRole("button", { name: texts.edit }).click();
  await page.getByLabel(texts.boardTitle).fill("Changed");
  await page.getByRole("button", { name: texts.save, exact: true }).click();
  await page.getByText("somebody holds it").waitFor();
  assert.equal(await page.getByLabel(texts.boardTitle).inputValue(), "Changed");
  await close();
});

test("a board is removed; a shipped one is shown whole", async () => {
  const { page, faults, settled, close } = await open("/boards/mine");
  page.on("dialog", (dialog) => void dialog.accept());
  await page.getByRole("button", { name: texts.edit }).click();
  await page.getByRole("button", { name: texts.removeBoard }).click();
  await page.getByRole("heading", { level: 1, name: texts.title, exact: true }).waitFor();
  await settled();
  assert.doesNotMatch(say("doorstep boards --format csv"), /^mine,/m);
  await page.getByText("After the buy button").click();
  await settled();
  const told = JSON.parse(await (await page.request.get("/v1/boards")).text()) as Told;
  assert.deepEqual(await titles(page), told.boards.find((board) => board.name === "overview")
    ?.tiles.map((tile) => tile.title));
  assert.deepEqual(faults, []);
  await close();
});

test("a report opens as a file, asks nothing, and shows the command line's figures", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "doorstep-report-"));
  const file = path.join(folder, "report.html");
  say(`doorstep report -o ${file} --title 'A & <b>' -q`);
  const { context, close } = await open("/");
  const page = await context.newPage();
  const asked: string[] = [], faults: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(`file://${file}`);
  await page.locator(".report-tile .card-foot").last().waitFor();
  assert.equal(await page.locator("h1").textContent(), "A & <b>");
  assert.equal(await page.locator(".report-tile").count(), 11);
  const orders = /order_placed,(\d+)/.exec(
    say("doorstep sql \"select touchpoint, count(*) from events where touchpoint = " +
        "'order_placed' group by 1\" --format csv"))?.[1];
  const shown = await page.locator(".strip-reach + p").first().textContent();
  assert.equal(shown?.replace(/\D/g, ""), orders);
  // A jump of the contents stays within the document; a title opens that question by itself.
  await page.locator(".report-contents a").nth(4).click();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "tile-5");
  await page.locator("#tile-5 h2 a").click();
  await page.getByText(words.report.back).click();
  await page.locator(".report-tile .card-foot").last().waitFor();
  // On paper: every tile has its table and definition, and nothing is wider than the sheet.
  await page.locator(".paper").last().waitFor({ state: "attached" });
  await page.setViewportSize({ width: 700, height: 1000 });
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".paper:visible").count(), 11);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 700);
  assert.deepEqual(asked, [`file://${file}`]);
  assert.deepEqual(faults, []);
  await close();
  fs.rmSync(folder, { recursive: true });
});
