// SPDX-License-Identifier: Apache-2.0
// Comparing with the period before in the browser: both figures are the API's and open their lists,
// charts have a second line, and a page that does not compare says so.
import assert from "node:assert/strict";
import test, { after } from "node:test";
import type { Options, Row } from "../../web/src/answers/types.ts";
import { formatCount, formatDifference, formatShare } from "../../web/src/format.ts";
import { barriers } from "./barriers.ts";
import { getResult, leave, open } from "./browser.ts";
import type { Opened } from "./browser.ts";
import { layoutFaults } from "./looks.ts";

after(leave);

const [FROM, TO, BEFORE] = ["2024-07-01", "2024-10-01", "2024-03-31"];
const NOW = `from=${FROM}&to=${TO}`;
const PERIOD = `${NOW}&compare=previous`;

// What the page asked of the period before.
function before(opened: Opened, question: string): readonly Options[] {
  return opened.asked.filter((each) => each.question === question &&
                                       String(each.options.from) === BEFORE)
    .map((each) => each.options);
}

test("delivery shows both periods with their difference, and each opens its list", async () => {
  const opened = await open(`/delivery?${PERIOD}`);
  const { page, settled } = opened;
  const [now, then] = (await Promise.all([NOW, `from=${BEFORE}&to=${FROM}`].map((query) =>
    getResult(`/v1/questions/delivery?${query}`)))).map((each) => each.tables.overall![0]!) as
    [Row, Row];
  assert.notEqual(now.late, then.late);
  const fact = page.locator(".fact", { hasText: "Late share" });
  const share = { type: "share", unit: "" } as const;
  assert.equal(await fact.locator(".fact-before").innerText(),
               `the earlier period ${formatShare(Number(then.late_share))} (` +
               `${formatDifference(Number(now.late_share) - Number(then.late_share), share)})`);
  assert.match(await page.locator(".against").first().innerText(),
               /^Compared with Mar 31, 2024 – Jul 1, 2024, the period of the same length before/);
  const late = page.locator(".fact", { has: page.locator("dt", { hasText: /^Late$/ }) });
  const link = late.locator(".fact-before a");
  assert.equal(await link.innerText(), formatCount(Number(then.late)));
  await link.click();
  await settled();
  assert.equal(await page.locator("dialog.drawer .headline").innerText(),
               `${formatCount(Number(then.late))} entries`);
  await page.keyboard.press("Escape");
  assert.match(await page.locator(".drawing text", { hasText: "the earlier period" }).first()
    .textContent() ?? "", /earlier/);
  // What is not compared says so.
  for (const title of ["Parcels that need somebody now", "Which promise would be kept"])
    assert.match(await page.getByRole("region", { name: title, exact: true }).locator(".against")
      .innerText(), /the chosen period alone/, title);
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("a chart's table has both figures and the difference, place by place", async () => {
  const opened = await open(`/question/trend?${PERIOD}&per=month`);
  const { page } = opened;
  const [now, then] = (await Promise.all([NOW, `from=${BEFORE}&to=${FROM}`].map((query) =>
    getResult(`/v1/questions/trend?${query}&per=month`))))
    .map((each) => each.tables.periods!) as [readonly Row[], readonly Row[]];
  await page.getByRole("button", { name: "Table", exact: true }).click();
  const heads = (await page.locator("main thead th").allInnerTexts()).map((each) => each.trim());
  const at = (name: string): number => heads.findIndex((each) => each.startsWith(name));
  const rows = await page.locator("main tbody tr[aria-rowindex]").all();
  assert.equal(rows.length, now.length);
  for (const [back, row] of [...rows].reverse().entries()) {
    const cells = (await row.locator("td").allInnerTexts()).map((each) => each.trim());
    const [mine, theirs] = [now.at(-1 - back)!, then.at(-1 - back)!];
    assert.equal(cells[at("Value before")], formatCount(Number(theirs.value)));
    assert.equal(cells[at("Value difference")],
                 formatDifference(Number(mine.value) - Number(theirs.value),
                                  { type: "count", unit: "" }));
  }
  assert.equal(before(opened, "trend").length, 1);
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("the grid says by how many points each cohort differs from the one before", async () => {
  const opened = await open(`/retention?${PERIOD}`);
  const [now, then] = (await Promise.all([NOW, `from=${BEFORE}&to=${FROM}`].map((query) =>
    getResult(`/v1/questions/retention?${query}`)))).map((each) => each.tables.cells!) as
    [readonly Row[], readonly Row[]];
  const row = opened.page.locator(".grid tbody tr", { hasText: "with 2024-05" });
  assert.match(await row.locator("th").innerText(), /^2024-08/);
  const told = await row.locator(".grid-change").allInnerTexts();
  const share = (rows: readonly Row[], cohort: string, period: number): number => {
    const cell = rows.find((each) => each.cohort === cohort && each.period === period)!;
    return Number(cell.active) / Number(cell.size);
  };
  // Of the period that is not over nothing is said.
  assert.equal(told.length, 4);
  for (const [period, text] of told.entries()) {
    const points = 100 * (share(now, "2024-08", period) - share(then, "2024-05", period));
    const [, sign, size] = /^([+−±])([\d.]+)/.exec(text)!;
    assert.ok(Math.abs((sign === "−" ? -1 : 1) * Number(size) - points) < 0.051, text);
  }
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("every page that compares asks the same of the period before", async () => {
  for (const [path, question] of [["/", "trend"], ["/", "map"], ["/retention", "retention"],
                                  ["/paths", "paths"], ["/boards/overview", "trend"]] as const) {
    const opened = await open(`${path}?${PERIOD}`);
    // A board asks once it knows its tiles.
    await opened.page.locator(".against").first().waitFor();
    await opened.settled();
    assert.ok(before(opened, question).length > 0, `${path}: ${question}`);
    for (const options of before(opened, question))
      assert.ok(opened.asked.some((each) => JSON.stringify({ ...each.options, from: 0, to: 0 }) ===
        JSON.stringify({ ...options, from: 0, to: 0 }) && String(each.options.from) === FROM),
                `${path}: ${JSON.stringify(options)}`);
    // A tile asks once of each period, also where its picture is laid out by the engine.
    if (path.startsWith("/boards"))
      assert.equal(opened.asked.filter((each) => each.question === "process").length, 2);
    // A picture that cannot hold two periods says so.
    assert.equal((await opened.page.locator(".against").allInnerTexts())
      .some((each) => each.includes("shows this period alone")),
                 path === "/paths" || path.startsWith("/boards"), path);
    assert.deepEqual(opened.faults, [], path);
    await opened.close();
  }
});

test("the same dates a year before can be compared with, and the card names them", async () => {
  const opened = await open("/?from=2024-03-01&to=2024-04-01&compare=year");
  await opened.page.locator(".against").first().waitFor();
  await opened.settled();
  assert.ok(opened.asked.some(({ question, options }) => question === "trend" &&
    String(options.from) === "2023-03-01" && String(options.to) === "2023-04-01"));
  assert.match((await opened.page.locator(".against").allInnerTexts()).join(" "),
               /Mar.* 2023, the same dates a year before\./);
  assert.deepEqual(opened.faults, []);
  await opened.close();
});

test("a funnel says by how much a rate changed, and of how many", async () => {
  const opened = await open(`/funnel?${PERIOD}&case=order_id`);
  const row = opened.asked.find((each) => each.question === "funnel");
  const steps = (JSON.parse(row?.body ?? "{}") as { tables: { steps: Row[] } }).tables.steps;
  const rates = await opened.page.locator(".funnel-rate").allInnerTexts();
  const [first, second] = steps as [Row, Row];
  assert.ok(rates[1]?.includes(`before ${formatShare(Number(second.conversion_before))} of ` +
                               formatCount(Number(first.reached_before))), rates[1]);
  await opened.close();
});

test("a page that does not compare, and a period without an end, are told", async () => {
  for (const [address, said] of [
    [`/process?${PERIOD}`, /compares nothing/], [`/segments?${PERIOD}`, /a day of its own/],
    ["/?compare=previous", /choose a period with a beginning and an end/],
    [`/funnel?compare=previous&from=${FROM}`, /choose a period/],
    [`/?${PERIOD}`, /^Compared with Mar 31, 2024 – Jul 1, 2024$/]] as const) {
    const opened = await open(address);
    assert.match(await opened.page.locator(".compare-note").innerText(), said, address);
    await opened.page.getByRole("button", { name: "More: More" }).click();
    const choice = opened.page.getByLabel("Compare with", { exact: true });
    assert.equal(await choice.isDisabled(), /process|segments/.test(address), address);
    assert.equal(await opened.page.getByRole("alert").count(), 0, address);
    await opened.close();
  }
});

test("what is compared fits and can be read, light and dark", async () => {
  for (const [path, width, dark] of [["/", 390, true], ["/delivery", 1280, false],
                                     ["/question/map", 768, true]] as const) {
    const opened = await open(`${path}?${PERIOD}`, { width, dark });
    assert.deepEqual(await barriers(opened.page), [], `${path} at ${width}`);
    assert.deepEqual(await layoutFaults(opened.page), [], `${path} at ${width}`);
    await opened.close();
  }
});
