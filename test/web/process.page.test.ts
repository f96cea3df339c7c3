// SPDX-License-Identifier: Apache-2.0
// The process page in a browser: its figures are the command line's, its sliders ask nothing, it
// works by keyboard, and what is chosen filters.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Result } from "../../web/src/answers/types.ts";
import type { LaidOut } from "../../web/src/process/graph.ts";
import { barriers } from "./barriers.ts";
import { assertCount, getResult, leave, many, open, say } from "./browser.ts";
import { crossed, seen } from "./legible.ts";

const PATH = "/process?case=order_id";

after(leave);

test("boxes and lines carry the figures of the command line", async () => {
  const { page, faults, close } = await open(`${PATH}&touchpoints=99&paths=100`);
  const told = JSON.parse(say("doorstep process --case order_id --format json")) as Result;
  const labels = await page.locator(".graph [data-touchpoint] > title").allTextContents();
  assert.deepEqual(labels.sort(), (told.tables.nodes ?? []).map((row) =>
    `${row.touchpoint}: ${Number(row.occurrences).toLocaleString("en-US")}`).sort());
  const edges = await page.locator(".graph [data-edge] > title").allTextContents();
  for (const row of told.tables.edges ?? [])
    assert.ok(edges.includes(`${row.from} → ${row.to}: ` +
      `${Number(row.occurrences).toLocaleString("en-US")} (how often)`));
  assert.deepEqual(faults, []);
  await close();
});

test("the sliders choose from one answer", async () => {
  const { page, asked, settled, faults, close } = await open(PATH);
  const before = asked.length;
  const { layouts } = await getResult(
    "/v1/questions/process?case=order_id&rework=true&format=layout") as LaidOut;
  const [touchpoints, paths] = [page.locator("input[type=range]").first(),
                                page.locator("input[type=range]").last()];
  for (const [i, layout] of [...layouts].reverse().entries()) {
    await touchpoints.fill(String(i));
    await paths.fill("100");
    await assertCount(page.locator(".graph [data-touchpoint]"), layout.touchpoints);
    await assertCount(page.locator(".graph [data-edge]"), layout.edges.length);
    await paths.fill("0");
    await assertCount(page.locator(".graph [data-edge]"),
                      layout.edges.filter((edge) => edge.kept).length);
  }
  await settled();
  assert.equal(asked.length, before);
  assert.match(page.url(), /paths=0/);
  assert.deepEqual(faults, []);
  await close();
});

test("by keyboard: from box to box, choose, filter, and take the filter away", async () => {
  const { page, settled, faults, close } = await open(PATH);
  await page.locator(".graph [data-touchpoint][tabindex='0']").focus();
  await page.keyboard.press("ArrowDown");
  const name = await page.evaluate(() =>
    (document.activeElement as SVGElement).dataset.touchpoint ?? "");
  assert.notEqual(name, "");
  await page.keyboard.press("Enter");
  await page.locator(".selection").waitFor();
  assert.match(page.url(), new RegExp(`selected=${name}`));
  await page.locator(".selection-filters button").first().focus();
  await page.keyboard.press("Enter");
  await settled();
  assert.match(page.url(), new RegExp(`closed=${name}`));
  await page.locator(".given-filters button").focus();
  await page.keyboard.press("Enter");
  await settled();
  assert.doesNotMatch(page.url(), /closed=/);
  assert.deepEqual(faults, []);
  await close();
});

test("the list behind a line has as many rows as its figure says", async () => {
  const selected = encodeURIComponent(JSON.stringify(["out_for_delivery", "delivered"]));
  const { page, settled, close } = await open(`${PATH}&selected=${selected}`);
  const figure = page.locator(".selection .row-facts a").first();
  const said = await figure.textContent();
  await figure.click();
  await settled();
  assert.equal(await page.locator(".drawer .headline").textContent(), `${said} entries`);
  await close();
});

test("a way of whole journeys stands out, and deviations are marked", async () => {
  const { page, settled, faults, close } = await open(`${PATH}&touchpoints=99&paths=100`);
  await page.locator(".variant").first().click();
  await settled();
  const variants = JSON.parse(say(
    "doorstep variants --case order_id --limit 12 --format json")) as Result;
  const steps = variants.tables.variants?.[0]?.touchpoints as readonly string[];
  const pairs = steps.map((to, i) => `${steps[i - 1]} ${to}`);
  assert.equal(await page.locator(".graph .edge.lit").count(), new Set(pairs).size + 1);
  await page.locator(".card-tools input[type=checkbox]").check();
  assert.ok(await page.locator(".graph .mark").count() > 0);
  assert.deepEqual(faults, []);
  await close();
});

test("a split shows two groups in the same places", async () => {
  const { page, faults, close } = await open(`${PATH}&by=carrier`);
  assert.equal(await page.locator(".graph-box svg").count(), 2);
  const places = await page.locator(".graph-box svg").evaluateAll((pictures) => pictures.map(
    (picture) => [...picture.querySelectorAll<SVGElement>("[data-touchpoint]")].map(
      (node) => `${node.dataset.touchpoint} ${node.style.transform}`).join("\n")));
  assert.equal(places[0], places[1]);
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
  assert.match(text, /order placed/);
  assert.doesNotMatch(text, /var\(--/);
  await close();
});

for (const width of [390, 768, 1280])
  test(`60 touchpoints are legible at ${width} pixels`, async () => {
    for (const own of ["", "&touchpoints=60", "&touchpoints=60&paths=20&show=median_ms"]) {
      const { page, faults, close } = await open(PATH + own, { server: many, width });
      const boxes = await page.locator(".graph [data-touchpoint]").count();
      assert.ok(own === "" ? boxes >= 20 && boxes <= 40 : boxes === 60);
      assert.ok(await page.locator(".graph .edge text").count() > boxes / 2);
      const picture = await seen(page, ".graph-box svg", ".node:not(.marker)");
      assert.deepEqual({ ...picture, texts: 0, smallest: picture.smallest >= 9.5 },
                       { texts: 0, overlaps: [], outside: [], cut: [], smallest: true });
      assert.deepEqual(await crossed(page), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
      // Where journeys begin is in sight.
      assert.ok(await page.locator(".graph-box").evaluate((box) => {
        const [room, start] = [box, box.querySelector(".node.marker")!].map(
          (element) => element.getBoundingClientRect());
        return start!.left >= room!.left && start!.right <= room!.right;
      }));
      assert.deepEqual(faults, []);
      await close();
    }
  });

for (const width of [390, 768, 1280])
  for (const dark of [false, true])
    test(`fits ${width} pixels, ${dark ? "dark" : "light"}, without barriers`, async () => {
      const { page, faults, close } = await open(`${PATH}&selected=delivered`, { width, dark });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
      assert.deepEqual(await barriers(page), []);
      assert.deepEqual(faults, []);
      await close();
    });
