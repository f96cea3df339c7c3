// SPDX-License-Identifier: Apache-2.0
// A report opened from the disk: its figures are the command line's, it asks for nothing, it is
// readable by rule and worked by the keyboard.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { commandOf, parseAnswerKey } from "../../web/src/answers/key.ts";
import type { Embedded } from "../../web/src/answers/embedded.ts";
import type { Result } from "../../web/src/answers/types.ts";
import { isLaidOut } from "../../web/src/process/graph.ts";
import { words } from "../../web/src/words/en.ts";
import { leave, open, say, shop, thorough } from "./browser.ts";
import { showTables, some, tableFaults } from "./figures.ts";
import { WIDTHS, axeFaults, headingFaults, keyboardFaults, layoutFaults } from "./looks.ts";

const ANSWERS_MAX = thorough ? 100 : 6;

const file = path.join(path.dirname(shop.store), "report.html");
say(`doorstep report -o '${file}' --quiet`);
const address = pathToFileURL(file).href;
after(leave);

function embedded(): Embedded {
  const text = /<script type="application\/json" id="doorstep-answers">([^]*?)<\/script>/
    .exec(fs.readFileSync(file, "utf8"))?.[1];
  assert.ok(text !== undefined, "the report holds no answers");
  return JSON.parse(text) as Embedded;
}

test("the answers in a report are those of the command line", () => {
  const { questions, answers } = embedded();
  const keys = Object.keys(answers);
  assert.ok(keys.length > 0);
  for (const key of some(keys, ANSWERS_MAX)) {
    const { question, options } = parseAnswerKey(key);
    const form = isLaidOut(answers[key]) ? "layout" : "json";
    const told = JSON.parse(say(`${commandOf(questions, question, options)} --format ${form}`));
    assert.deepEqual(answers[key], told as Result, key);
  }
});

test("a report looks right from the disk, and asks for nothing", async () => {
  const { page, faults, settled, close } = await open(address);
  const found: string[] = [];
  try {
    found.push(...await headingFaults(page));
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      await settled();
      found.push(...(await layoutFaults(page)).map((fault) => `${width} px: ${fault}`));
    }
    found.push(...(await axeFaults(page)).map((fault) => `390 px, light: ${fault}`));
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 1280, height: 900 });
    await settled();
    found.push(...(await axeFaults(page)).map((fault) => `1280 px, dark: ${fault}`));
    found.push(...await keyboardFaults(page));
    await showTables(page);
    const asked = Object.entries(embedded().answers).map(([key, answer]) => (
      { ...parseAnswerKey(key), body: JSON.stringify(answer) }));
    const tables = await tableFaults(page, asked);
    found.push(...tables.faults, ...faults);
    assert.ok(tables.cells > 0, "no table is shown");
    assert.equal(await page.getByRole("alert").count(), 0);
    // There are no lists in it.
    assert.equal(await page.getByText(words.table.everyOpens).count(), 0);
  } finally {
    await close();
  }
  assert.deepEqual(found, []);
});

test("the process is drawn in a report, whole also on paper", async () => {
  const { page, faults, settled, close } = await open(address);
  try {
    await settled();
    const result = Object.values(embedded().answers).find((answer) => isLaidOut(answer));
    assert.ok(isLaidOut(result), "no answer is laid out");
    const graph = page.locator(".report-tile .graph");
    const drawn = await graph.locator("[data-touchpoint]").evaluateAll(
      (nodes) => nodes.map((node) => (node as SVGElement).dataset.touchpoint ?? ""));
    const counted = new Map((result.tables.nodes ?? []).map((row) => [row.touchpoint, row]));
    assert.ok(drawn.length >= 4 && drawn.every((name) => counted.has(name)), drawn.join());
    const node = graph.locator("[data-touchpoint]").first();
    await node.focus();
    await page.keyboard.press("Enter");
    assert.equal(await node.getAttribute("aria-pressed"), "true");
    await page.emulateMedia({ media: "print" });
    await settled();
    const over = await graph.locator(".graph-box").evaluate((box) => {
      const [room, picture] = [box, box.querySelector("svg")!].map((each) =>
        each.getBoundingClientRect());
      return [picture!.width - room!.width, picture!.height - room!.height];
    });
    assert.ok(over.every((pixels) => pixels <= 1), `cut off on paper by ${over.join(" and ")} px`);
    // Upright paper: no figure is broken, and no table wider than the sheet.
    await page.setViewportSize({ width: 688, height: 1000 });
    await settled();
    assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll(".paper td.figure")]
      .filter((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return new Set([...range.getClientRects()].map((each) => each.top)).size > 1;
      }).map((cell) => cell.textContent)), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 688));
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});
