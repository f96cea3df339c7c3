// SPDX-License-Identifier: Apache-2.0
// What the tests in a browser stand on: a simulated shop, an empty store and one of many
// touchpoints, each served by the program under test on a port of its own, and one browser for all
// tests.
import { execFileSync, spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { manyTouchpoints } from "./many.mjs";

const ORDERS = 2000;
const START_MS = 20_000;

const CATALOGUE = fileURLToPath(new URL("../../src/model/touchpoints.tsv", import.meta.url));

function runDoorstep(program, args, input = "") {
  try {
    execFileSync(program, args, { input, stdio: ["pipe", "pipe", "pipe"] });
  } catch (failure) {
    throw new Error(`doorstep ${args.join(" ")}: ${String(failure.stderr).trim()}`);
  }
}

// A server of a store, once it listens.
function serve(program, store) {
  const child = spawn(program, ["--store", store, "serve", "--listen", "127.0.0.1:0"],
                      { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let said = "";
    const fail = (why) => {
      child.kill();
      reject(new Error(`doorstep serve ${why}: ${said.trim()}`));
    };
    const timer = setTimeout(() => fail("does not listen"), START_MS);
    const onText = (text) => {
      said += text;
      const url = /listening on (http:\/\/\S+)/.exec(said)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve({ child, url, store });
    };
    child.stdout.on("data", onText);
    child.stderr.on("data", onText);
    child.once("exit", (status) => {
      clearTimeout(timer);
      fail(`ended with ${status}`);
    });
    child.once("error", reject);
  });
}

// Environment of the tests, and what ends it all.
export async function setStage(modules, program, folder, orders = ORDERS) {
  const { chromium } = createRequire(path.join(modules, "."))("playwright-core");
  const [shop, empty, many] = ["shop", "empty", "many"].map((name) =>
    path.join(folder, `${name}.store`));
  runDoorstep(program, ["simulate", "--orders", String(orders), "--seed", "1", "--into", shop,
                        "--quiet"]);
  runDoorstep(program, ["--store", empty, "init"]);
  runDoorstep(program, ["--store", many, "append"], manyTouchpoints(CATALOGUE));
  const servers = [];
  for (const store of [shop, empty, many]) servers.push(await serve(program, store));
  const browser = await chromium.launchServer({
    executablePath: process.env.DOORSTEP_CHROMIUM ?? "/usr/bin/chromium-headless-shell",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  return {
    env: {
      DOORSTEP: program,
      DOORSTEP_BROWSER: browser.wsEndpoint(),
      DOORSTEP_SHOP: JSON.stringify({ url: servers[0].url, store: shop }),
      DOORSTEP_EMPTY: JSON.stringify({ url: servers[1].url, store: empty }),
      DOORSTEP_MANY: JSON.stringify({ url: servers[2].url, store: many }),
    },
    end: async () => {
      await browser.close();
      for (const { child } of servers) {
        child.removeAllListeners("exit");
        child.kill();
      }
    },
  };
}
