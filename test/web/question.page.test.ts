// SPDX-License-Identifier: Apache-2.0
// The page of any question: its figures are those of the API and of the command line; the bar
// changes them; the list behind a figure has exactly as many rows; a server that is gone leaves
// the page usable.
import assert from "node:assert/strict";
import test, { after } from "node:test";
import type { Page } from "playwright-core";
import { OPEN } from "../../web/src/address/address.ts";
import type { Result } from "../../web/src/answers/types.ts";
import { formatCell } from "../../web/src/format.ts";
import { get, leave, open, questionTable, say } from "./browser.ts";

after(leave);

const MAP = "/question/map?case=order_id";

// The texts of a table on the page, row by row.
async function cellsOf(page: Page, title: string): Promise<string[][]> {
  const card = page.locator(`section[aria-label="${title}"]`);
  const toTable = card.getByRole("button", { name: "Table", exact: true });
  if (await toTable.count() > 0) await toTable.click();
  return card.locator("tbody tr:not(.gap)").evaluateAll((rows) => rows.map((row) =>
    [...row.querySelectorAll("td")].map((cell) => cell.innerText.trim())));
}

test("no option of a question has the name by which the address holds the list",
     async () => {
  const table = await questionTable();
  const rows = [...table.questions.flatMap((row) => row.options), ...table.common_options];
  assert.deepEqual(rows.filter((row) => row.name === OPEN), []);
});

test("page, API and command line give the same figures", async () => {
  const options = { case: "order_id", where: "carrier = 'swiftship'" };
  const query = new URLSearchParams(options);
  const body = await get(`/v1/questions/map?${query}`);
  assert.equal(body, say(`doorstep map --case order_id --where "carrier = 'swiftship'" ` +
                         "--format json"));
  const result = JSON.parse(body) as Result;
  const { page, faults, close } = await open(`/question/map?${query}`);
  const expected = result.tables.stages!.map((row) =>
    result.columns.stages!.map((column) => formatCell(row[column.name], column)));
  assert.deepEqual(await cellsOf(page, "Stages"), expected);
  assert.deepEqual(faults, []);
  await close();
});

test("a filter typed into the bar changes address and figures", async () => {
  const { page, settled, close } = await open(MAP);
  const all = await cellsOf(page, "Stages");
  await page.getByLabel("Only events with").fill("carrier = 'swiftship'");
  await page.keyboard.press("Enter");
  await page.waitForURL(/where=carrier/);
  await settled();
  assert.notDeepEqual(await cellsOf(page, "Stages"), all);
  await page.goBack();
  await settled();
  assert.deepEqual(await cellsOf(page, "Stages"), all);
  await close();
});

test("names are suggested where one types, and taken by the keyboard", async () => {
  const { page, close } = await open(MAP);
  const field = page.getByLabel("Only events with");
  await field.pressSequentially("carri");
  await page.getByRole("option", { name: /^carrier/ }).first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.equal(await field.inputValue(), "carrier");
  await close();
});

test("an expression that cannot be read is shown with its caret", async () => {
  const { page, close } = await open(MAP);
  const field = page.getByLabel("Only events with");
  await field.fill("carier = 'swiftship'");
  await page.keyboard.press("Escape");
  const problem = page.locator(".field-problem");
  await problem.waitFor();
  assert.match(await problem.locator("pre").innerText(), /^carier = 'swiftship'\n\^/);
  assert.match(await problem.innerText(), /did you mean/);
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await close();
});

test("a figure opens its list, with exactly that many rows and links to journeys", async () => {
  const { page, faults, close } = await open(MAP);
  await cellsOf(page, "Stages");
  const figure = page.locator("section[aria-label=Stages] td.figure a").first();
  const count = Number((await figure.innerText()).replace(/\D/g, ""));
  assert.ok(count > 0);
  await figure.click();
  const drawer = page.locator("dialog.drawer");
  await drawer.locator("tbody tr").first().waitFor();
  assert.equal(Number(await drawer.locator("table").getAttribute("aria-rowcount")), count + 1);
  assert.match(await drawer.locator("tbody a").first().getAttribute("href") ?? "", /^\/customer\?/);
  const sent = page.url();
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  assert.ok(!page.url().includes("open="));
  await page.goto(sent);
  await drawer.locator("tbody tr").first().waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test("the command that a card copies gives the same answer", async () => {
  const { page, context, asked, close } = await open(
    "/question/trend?per=month&measure=rate&of=delivered&case=order_id");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy as command" }).first().click();
  await page.getByText("Copied").first().waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(command,
               "doorstep trend --case order_id --measure rate --of delivered --per month");
  assert.equal(say(`${command} --format json`), asked.at(-1)?.body);
  await close();
});

test("CSV of a card is that of the API", async () => {
  const { page, close } = await open(MAP);
  const href = await page.locator("a.tool").first().getAttribute("href") ?? "";
  assert.equal(await get(href), say("doorstep map --case order_id --format csv --table stages"));
  await close();
});

test("a server that is gone leaves a page that can go on", async () => {
  const { page, close } = await open(MAP);
  await page.route("**/v1/questions/**", (route) => route.abort());
  await page.getByLabel("Split by").selectOption("carrier");
  await page.locator("main .state.bad").waitFor();
  assert.match(await page.locator("main .state.bad").innerText(), /does not answer/);
  await page.unroute("**/v1/questions/**");
  await page.getByRole("button", { name: "Ask again" }).click();
  await page.locator("section[aria-label=Stages]").waitFor();
  await close();
});
