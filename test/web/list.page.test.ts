// SPDX-License-Identifier: Apache-2.0
// A list of 100,000 rows: only those in sight are in the page, whatever is done with it. What it
// takes is told, not judged: bench/results/dashboard.md has it of a quiet machine.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Page } from "playwright-core";
import type { Result } from "../../web/src/answers/types.ts";
import { leave, open } from "./browser.ts";
import { listedFigures } from "./figures.ts";

const ROWS = 100_000;
const DRAWN_MAX = 200;
after(leave);

// The answer of a list, as long as can be. The rows are made up: this is about the table.
function longList(): Result {
  const times = Array.from({ length: ROWS }, (_, i) => ({
    time: new Date(Date.UTC(2024, 0, 1) + i * 61_000).toISOString(),
    customer: `customer_id=C${(i * 7919) % ROWS}`,
    gap_ms: (i * 104_729) % 900_000_000,
  }));
  const column = (name: string, type: "time" | "text" | "duration") => (
    { name, type, unit: "", meaning: name });
  return {
    question: "map", options: {}, as_of: null, notes: [], definition: "",
    tables: { list: times },
    columns: { list: [column("time", "time"), column("customer", "text"),
                      column("gap_ms", "duration")] },
  };
}

// What an action takes until its frame is drawn, by the page's own clock; then the rows drawn.
function timed(page: Page, what: "sort" | "find" | "scroll"): Promise<readonly [number, number]> {
  return page.evaluate(async (action) => {
    const drawer = document.querySelector("dialog[open]")!;
    const box = drawer.querySelector(".table-box")!;
    const start = performance.now();
    if (action === "sort") {
      drawer.querySelectorAll<HTMLElement>("thead button")[2]!.click();
    } else if (action === "find") {
      const field = drawer.querySelector<HTMLInputElement>("input[type=search]")!;
      field.value = "C7777";
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    } else {
      box.scrollTop = box.scrollHeight / 2;
    }
    // A frame's callback comes before it is painted, the message after.
    await new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => done();
      channel.port2.postMessage(null);
    })));
    return [performance.now() - start, drawer.querySelectorAll("tbody tr").length] as const;
  }, what);
}

test("a list of 100,000 rows draws only what is in sight", async (t) => {
  const body = JSON.stringify(longList());
  const { page, settled, close, faults } = await open("/question/map?case=order_id", {
    before: async (each) => void await each.route(/[?&]list=/, (route) => route.fulfill({
      contentType: "application/json", body })),
  });
  try {
    const [figure] = await listedFigures(page);
    assert.ok(figure !== undefined);
    await page.locator(`main a[href="${figure.href}"]`).first().click();
    await page.locator("dialog[open] table").waitFor();
    await settled();
    assert.equal(await page.locator("dialog[open] table").getAttribute("aria-rowcount"),
                 String(ROWS + 1));
    for (const action of ["scroll", "sort", "scroll", "find"] as const) {
      const [ms, drawn] = await timed(page, action);
      t.diagnostic(`measured ${action} of a list of ${ROWS} rows: ${ms.toFixed(0)} ms`);
      assert.ok(drawn > 0 && drawn < DRAWN_MAX, `${action}: ${drawn} rows are drawn`);
    }
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});

test("the first paint of a page", async (t) => {
  const { page, close } = await open("/");
  const [paint, drawn] = await page.evaluate(() => [
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
    performance.now()] as const);
  await close();
  t.diagnostic(`measured first paint ${paint.toFixed(0)} ms, all of it ${drawn.toFixed(0)} ms`);
  assert.ok(Number.isFinite(paint), "nothing was painted");
});
