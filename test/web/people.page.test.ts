// SPDX-License-Identifier: Apache-2.0
// Segments, find and the customer's story in the browser: what they show is what the program says,
// by keyboard, and nobody's e-mail address gets into an address.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { getResult, leave, need, open, say } from "./browser.ts";
import type { Opened } from "./browser.ts";
import type { Result } from "../../web/src/answers/types.ts";

const { source: axe } = need("axe-core") as { source: string };
after(leave);

function answerOf(opened: Opened, question: string): Result {
  const asked = opened.asked.filter((each) => each.question === question).at(-1);
  assert.ok(asked !== undefined, `${question} was not asked`);
  return JSON.parse(asked.body) as Result;
}

// Faults of accessibility, by rule.
async function violations(opened: Opened): Promise<readonly string[]> {
  await opened.page.evaluate(axe);
  return opened.page.evaluate(async () => {
    const run = (window as unknown as { axe: { run: (options: object) => Promise<{
      violations: { id: string; nodes: { html: string }[] }[] }> } }).axe.run;
    const found = await run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
    return found.violations.map((each) => `${each.id}: ${each.nodes[0]?.html ?? ""}`);
  });
}

async function fitsWidth(opened: Opened): Promise<boolean> {
  return opened.page.evaluate(() =>
    document.documentElement.scrollWidth <= document.documentElement.clientWidth);
}

test("segments show the members that the command counts, and a move lists whom it counts",
     async () => {
  const opened = await open("/segments");
  const { page, settled } = opened;
  const told = say("doorstep segment lapsed --format csv").split("\n")[1]?.split(",")[1] ?? "";
  const row = page.locator(".sizes tbody tr", { hasText: "Lapsed" }).first();
  assert.equal((await row.locator("td a").first().innerText()).replaceAll(",", ""), told);

  const result = answerOf(opened, "segment");
  const move = result.tables.moves?.find((each) => each.from !== each.to &&
                                                   (each.members as number) > 0);
  assert.ok(move !== undefined);
  const cell = page.locator(".matrix a", { hasText: new RegExp(`^${String(move.members)}$`) });
  await cell.last().focus();
  await page.keyboard.press("Enter");
  await settled();
  assert.equal(answerOf(opened, "segment").tables.list?.length, move.members);
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("a definition is counted while it is written, and says where it is wrong", async () => {
  const opened = await open("/segments");
  const { page } = opened;
  const field = page.locator(".definition").getByLabel("Condition");
  await field.focus();
  await page.keyboard.type("count(order_placed) >= 2");
  const count = page.locator(".live-count b");
  await count.waitFor();
  const told = say("doorstep segment 'count(order_placed) >= 2' --format csv --min-n 1")
    .split("\n")[1]?.split(",") ?? [];
  const members = told[1] ?? "", cases = told[2] ?? "";
  assert.equal((await count.innerText()).replaceAll(",", ""), `${members} of ${cases} customers`);
  assert.match(await page.locator("code", { hasText: "my_segment:" }).innerText(),
               /^my_segment: count\(order_placed\) >= 2$/);
  await page.getByRole("button", { name: "Add to the sizes above" }).click();
  assert.equal(new URL(page.url()).searchParams.get("segment"), "count(order_placed) >= 2");

  await field.fill("count(order_plced) >= 2");
  const problem = page.locator(".definition .field-problem");
  await problem.waitFor();
  const [text = "", caret = ""] = (await problem.locator("pre").innerText()).split("\n");
  assert.equal(text.slice(caret.indexOf("^")), "order_plced) >= 2");
  await page.getByRole("button", { name: "Copy the line for segments.yaml" })
    .waitFor({ state: "detached" });
  // What is wrong is answered with 400, which a browser tells in its console.
  assert.deepEqual(opened.faults.filter((fault) => !fault.includes("400")), []);
  await opened.close();
});

// Every address that a page goes to, asks or links.
async function addresses({ page }: Opened, asked: readonly string[]): Promise<readonly string[]> {
  const links = await page.locator("a[href]").evaluateAll((all) =>
    all.map((link) => (link as HTMLAnchorElement).href));
  const state = await page.evaluate(() => JSON.stringify(window.history.state));
  return [page.url(), state, ...links, ...asked].map(decodeURIComponent);
}

test("an e-mail address is found without getting into any address", async () => {
  const asked: string[] = [];
  const opened = await open("/find", { before: async (page) => {
    page.on("request", (request) => void asked.push(request.url()));
    page.on("framenavigated", (frame) => void asked.push(frame.url()));
  } });
  const { page, settled } = opened;
  const clean = async (): Promise<void> => assert.deepEqual(
    (await addresses(opened, asked)).filter((each) => each.includes("@")), []);
  const field = page.getByLabel("Identifier or condition");
  await field.fill("c17@example.com");
  await page.keyboard.press("Enter");
  await settled();
  await clean();
  assert.match(await page.locator(".personal-note").innerText(), /not part of the address/);
  assert.equal(await page.getByRole("button", { name: "Save to board" }).count(), 0);
  // The file comes without an address, too, and is the command line's.
  const file = page.waitForEvent("download");
  await page.getByRole("button", { name: "CSV" }).click();
  const stream = await (await file).createReadStream();
  let csv = "";
  for await (const part of stream) csv += String(part);
  assert.equal(csv, say("doorstep find c17@example.com --limit 5000 --format csv"));
  // A change of the bar keeps it, and so do steps back and forth.
  await page.getByLabel("A journey is").selectOption("order_id");
  await settled();
  assert.equal(await field.inputValue(), "c17@example.com");
  assert.equal(answerOf(opened, "find").options.case, "order_id");
  await page.goBack();
  await settled();
  assert.equal(await field.inputValue(), "c17@example.com");
  await clean();
  const who = answerOf(opened, "find").tables.found?.[0]?.customer;
  assert.equal(who, "customer_id=C17");
  await page.getByRole("link", { name: "customer_id=C17" }).click();
  await settled();
  await clean();
  assert.equal(await page.locator("h1").innerText(), "customer_id=C17");
  assert.equal(await page.locator(".personal-note").count(), 0);
  await page.goBack();
  await settled();
  assert.equal(await field.inputValue(), "c17@example.com");
  await page.reload();
  await settled();
  assert.equal(await field.inputValue(), "");
  await clean();
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("an e-mail address in a question's form, or in an address that came, goes the same way",
     async () => {
  const opened = await open("/question/timeline");
  const { page, settled } = opened;
  await page.getByRole("combobox", { name: "Who" }).fill("c17@example.com");
  await page.keyboard.press("Enter");
  await settled();
  assert.equal(answerOf(opened, "timeline").tables.customer?.[0]?.customer, "customer_id=C17");
  assert.deepEqual((await addresses(opened, [])).filter((each) => each.includes("@")), []);
  await opened.close();
  const came = await open("/customer?who=c17%40example.com");
  assert.match(await came.page.locator("h1").innerText(), /C17$/);
  assert.deepEqual((await addresses(came, [])).filter((each) => each.includes("@")), []);
  assert.deepEqual([...opened.faults, ...came.faults], []);
  await came.close();
});

test("from a list one goes on through it", async () => {
  const opened = await open("/find?has=review_submitted");
  const { page, settled } = opened;
  const found = answerOf(opened, "find").tables.found ?? [];
  assert.ok(found.length > 2);
  await page.locator(".table-box td a").first().click();
  await settled();
  for (const at of [1, 2]) {
    await page.getByRole("link", { name: "Next" }).focus();
    await page.keyboard.press("Enter");
    await settled();
    assert.equal(await page.locator("h1").innerText(), found[at]?.customer);
  }
  await page.getByRole("link", { name: "Previous" }).click();
  await settled();
  assert.equal(await page.locator("h1").innerText(), found[1]?.customer);
  await opened.close();
});

test("a story tells every event of the timeline", async () => {
  const opened = await open("/customer?who=C17");
  const result = await getResult("/v1/questions/timeline?who=C17");
  const events = result.tables.events ?? [];
  assert.ok(events.length > 5);
  assert.equal(await opened.page.locator(".story-event").count(), events.length);
  const missed = (result.tables.cases ?? []).filter((row) => row.key === "order_id" &&
                                                             (row.late_ms as number) > 0);
  assert.equal(await opened.page.locator(".chapter .promise.bad").count(), missed.length);
  await opened.close();
});

test("the pages can be read by everybody, on any screen", async () => {
  for (const [path, width, dark] of [
    ["/segments", 1280, false], ["/segments", 390, true], ["/find?id=C17", 768, true],
    ["/customer?who=C17", 390, false], ["/customer?who=C17", 1280, true]] as const) {
    const opened = await open(path, { width, dark });
    assert.deepEqual(await violations(opened), [], `${path} at ${width}`);
    assert.ok(await fitsWidth(opened), `${path} at ${width} px is wider than the screen`);
    await opened.close();
  }
});
