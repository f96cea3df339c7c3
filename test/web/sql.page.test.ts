// SPDX-License-Identifier: Apache-2.0
// The console: what is typed is asked, stands in the address, and an error says why.
import assert from "node:assert/strict";
import test, { after } from "node:test";
import { words } from "../../web/src/words/en.ts";
import { leave, open } from "./browser.ts";

after(leave);

test("a statement is answered, and its address asks it again", async () => {
  const { page, settled, faults, close } = await open("/sql");
  await page.getByLabel("Statement").fill("select 6 * 7 as answer, 'a,b' as word");
  await page.keyboard.press("Control+Enter");
  await page.locator("tbody td").first().waitFor();
  assert.deepEqual(await page.locator("tbody td").allInnerTexts(), ["42", "a,b"]);
  await page.reload();
  await settled();
  assert.deepEqual(await page.locator("tbody td").allInnerTexts(), ["42", "a,b"]);
  assert.deepEqual(faults, []);
  await close();
});

test("a statement that cannot be read says why, and nothing can be written", async () => {
  const wrong = await open(`/sql?statement=${encodeURIComponent("selec 1")}`);
  assert.match(await wrong.page.locator("main .state.bad").innerText(), /selec/i);
  assert.equal(await wrong.page.getByRole("button", { name: words.states.again }).count(), 0,
               "asked again, the same is refused again");
  await wrong.close();
  const placed = await open(
    `/sql?statement=${encodeURIComponent("select 1,\n  cuont(*) from events")}`);
  assert.equal(await placed.page.locator("main pre.caret").innerText(),
               "  cuont(*) from events\n  ^");
  await placed.close();
  const writing = await open(`/sql?statement=${encodeURIComponent("create table t (a int)")}`);
  assert.equal(await writing.page.locator("main .state.bad").count(), 1);
  await writing.close();
});
