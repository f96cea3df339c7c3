// SPDX-License-Identifier: Apache-2.0
// Every page, looked at as people look at it: figures, lists, keyboard, widths, light and dark,
// rules of accessibility, failures, an empty store.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Page, Route } from "playwright-core";
import { answerKey, commandOf, queryOf, shellWord, valueOf } from "../../web/src/answers/key.ts";
import { words } from "../../web/src/words/en.ts";
import { empty, getResult, leave, open, ownPart, questionTable, say, thorough }
  from "./browser.ts";
import type { Asked, Opened } from "./browser.ts";
import { countIn, listedFigures, showTables, some, tableFaults } from "./figures.ts";
import type { Listed } from "./figures.ts";
import { WIDTHS, axeFaults, headingFaults, keyboardFaults, layoutFaults } from "./looks.ts";
import { sightsOf } from "./sights.ts";
import type { Sight } from "./sights.ts";

const SHOWN_MAX = 15;
const GENERIC = "/question/map";
// A page has no more answers than that to be asked for again.
const ROUNDS_MAX = 20;
const WORDS_MIN = 6;
const LISTS_MAX = thorough ? 200 : 6;

const SCHEMES = ["light", "dark"] as const;
// Rules are read at an end of widths and colours, from page to page at the other one, for they take
// longest; everywhere when thorough.
const READ = [{ scheme: "light", width: 1280 }, { scheme: "dark", width: 390 }] as const;

const table = await questionTable();
after(leave);

// The faults of one sight: all are told at once.
class Faults {
  private readonly all: string[] = [];
  add(where: string, faults: readonly (string | undefined)[]): void {
    for (const fault of faults) if (fault !== undefined) this.all.push(`${where}: ${fault}`);
  }
  // Ends the test.
  tell(): void {
    const shown = this.all.slice(0, SHOWN_MAX);
    assert.ok(this.all.length === 0, [`${this.all.length} faults`, ...shown].join("\n  "));
  }
}

// Runs with one opened page, and with it closed after.
async function at(opening: Promise<Opened>,
                  work: (opened: Opened, faults: Faults) => Promise<void>): Promise<void> {
  const opened = await opening;
  const faults = new Faults();
  try {
    await work(opened, faults);
  } finally {
    await opened.close();
  }
  faults.tell();
}

const said = new Map<string, string>();

// The command that the page gives to be copied tells what the page was told, byte for byte.
function commandFault({ question, options, body }: Asked): string | undefined {
  const asked = question === "sql" ? `doorstep sql ${shellWord(valueOf(options, "statement"))}`
                                   : commandOf(table, question, options);
  const command = options.format === undefined ? `${asked} --format json` : asked;
  if (!said.has(command)) said.set(command, say(command));
  return said.get(command)!.trim() === body.trim() ? undefined
    : `the server's answer is not that of: ${command}`;
}

async function listFault({ question, options, text }: Listed): Promise<string | undefined> {
  const count = countIn(text);
  const result = await getResult(`/v1/questions/${question}?${queryOf(options)}`);
  const listed = Object.values(result.tables)[0]?.length ?? 0;
  return count === undefined || listed === count ? undefined
    : `"${text}" lists ${listed}: ${valueOf(options, "list")}`;
}

async function checkFigures({ page, asked }: Opened, faults: Faults): Promise<void> {
  await showTables(page);
  faults.add("table", (await tableFaults(page, asked)).faults);
  const answers = new Map(asked.map((each) => [answerKey(each.question, each.options), each]));
  faults.add("command", [...answers.values()].map(commandFault));
  for (const listed of some(await listedFigures(page), LISTS_MAX))
    faults.add("list", [await listFault(listed)]);
}

// Opens a list with Enter, closes it with Esc; the focus comes back to the figure.
async function checkDrawer({ page, settled }: Opened, faults: Faults): Promise<void> {
  const [first] = (await listedFigures(page)).filter(({ text }) => countIn(text) !== undefined);
  if (first === undefined) return;
  const link = page.locator(`main a[href="${first.href}"]`).first();
  await link.focus();
  await page.keyboard.press("Enter");
  const drawer = page.locator("dialog[open]");
  await drawer.waitFor();
  await settled();
  const rows = Number(await drawer.locator("table").first().getAttribute("aria-rowcount")) - 1;
  if (rows !== countIn(first.text)) faults.add("drawer", [`${rows} rows behind ${first.text}`]);
  faults.add("drawer", await axeFaults(page, "dialog[open]"));
  faults.add("drawer", await layoutFaults(page));
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  const back = await page.evaluate(() => document.activeElement?.getAttribute("href"));
  if (back !== first.href) faults.add("drawer", [`Esc leaves the focus at ${back}`]);
}

async function checkLooks({ page, settled }: Opened, faults: Faults,
                          read: typeof READ[number]): Promise<void> {
  faults.add("headings", await headingFaults(page));
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await settled();
    faults.add(`${width} px`, await layoutFaults(page));
    for (const colorScheme of SCHEMES) {
      if (!thorough && (read.width !== width || read.scheme !== colorScheme)) continue;
      await page.emulateMedia({ colorScheme });
      faults.add(`${width} px, ${colorScheme}`, await axeFaults(page));
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
}

const ANSWERS = "**/v1/{questions/*,sql,store,boards}*";

const FAILURES = {
  error: (route: Route) => route.fulfill({
    status: 500, contentType: "application/problem+json",
    body: JSON.stringify({ title: "Out of memory", status: 500, detail: "it needs more" }),
  }),
  dropped: (route: Route) => route.abort("connectionreset"),
  none: (route: Route) => route.continue(),
};

// Each failure is told and offers to ask again; the last time it works.
async function checkFailure({ address }: Sight): Promise<void> {
  let now: keyof typeof FAILURES = "error";
  const before = async (page: Page): Promise<void> =>
    void await page.route(ANSWERS, (route) => FAILURES[now](route));
  await at(open(address, { before }), async ({ page, settled, faults: seen }, faults) => {
    const alerts = (): Promise<string[]> => page.getByRole("alert").allTextContents();
    const again = page.getByRole("button", { name: words.states.again });
    const expect = async (text: string): Promise<void> => {
      if (!(await alerts()).some((alert) => alert.includes(text)))
        faults.add(now, [`the page does not say "${text}": ${(await alerts()).join("; ")}`]);
      faults.add(now, await layoutFaults(page));
    };
    await expect("it needs more");
    now = "dropped";
    await again.first().press("Enter");
    await settled();
    await expect(words.errors.unreachable);
    now = "none";
    for (let round = 0; round < ROUNDS_MAX && await again.count() > 0; round++) {
      await again.first().press("Enter");
      await settled();
    }
    faults.add("after asking again", await alerts());
    faults.add("page", seen.filter((each) => !each.startsWith("console: Failed to load")));
  });
}

async function checkEmpty({ address }: Sight): Promise<void> {
  await at(open(address, { server: empty }), async ({ page, faults: seen }, faults) => {
    faults.add("headings", await headingFaults(page));
    faults.add("layout", await layoutFaults(page));
    faults.add("axe", await axeFaults(page));
    faults.add("page", seen.filter((each) => !/Failed to load resource.* (400|404)/.test(each)));
    const text = await page.locator("main").innerText();
    if (text.split(/\s+/).length < WORDS_MIN) faults.add("text", [`only: ${text}`]);
  });
}

// Generic pages are one component: one of them is looked at whole, the others for their figures
// and whether they fit a phone, where tables are widest.
for (const { sight, read } of ownPart(sightsOf(table).map((each, place) => (
  { sight: each, read: READ[place % READ.length]! })))) {
  const whole = thorough || !sight.generic || sight.name === GENERIC;
  test(`${sight.name} tells what server and command line tell, and looks right`, () =>
    at(open(sight.address, { width: whole ? 1280 : 390 }), async (opened, faults) => {
      const { page } = opened;
      faults.add("alert", await page.getByRole("alert").allTextContents());
      if (whole) {
        await checkLooks(opened, faults, read);
        faults.add("keyboard", await keyboardFaults(page));
      } else {
        faults.add("390 px", await layoutFaults(page));
      }
      await checkFigures(opened, faults);
      if (whole) await checkDrawer(opened, faults);
      faults.add("page", opened.faults);
    }));
  if (!whole) continue;
  test(`${sight.name} of an empty store`, () => checkEmpty(sight));
  test(`${sight.name} when the server fails`, () => checkFailure(sight));
}
