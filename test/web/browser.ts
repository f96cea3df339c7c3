// SPDX-License-Identifier: Apache-2.0
// The browser for tests named NAME.page.test.ts. `open` opens a page of the dashboard and watches
// it: whatever it asks of another host, says in its console or does against its policy is a fault.
// test/web/stage.mjs has started the browser and the servers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import type * as playwright from "playwright-core";
import type { Browser, BrowserContext, Locator, Page, Request } from "playwright-core";
import { optionsOf } from "../../web/src/answers/key.ts";
import type { Options, QuestionTable, Result } from "../../web/src/answers/types.ts";

export interface Server {
  readonly url: string;
  readonly store: string;
}

function given(name: string): string {
  const value = process.env[name];
  assert.ok(value !== undefined, `${name} is not set: start this test with test/web/run`);
  return value;
}

export const shop = JSON.parse(given("DOORSTEP_SHOP")) as Server;
export const empty = JSON.parse(given("DOORSTEP_EMPTY")) as Server;
export const many = JSON.parse(given("DOORSTEP_MANY")) as Server;
export const thorough = process.env.DS_STRESS === "1";
// Of what is looked at, the part that is this process's: test/web/run starts several.
export function ownPart<T>(all: readonly T[]): readonly T[] {
  const [part, parts] = [Number(given("DOORSTEP_PART")), Number(given("DOORSTEP_PARTS"))];
  return all.filter((_, at) => at % parts === part);
}

export const need = createRequire(`${given("DOORSTEP_WEB_MODULES")}/`);

const { chromium } = need("playwright-core") as typeof playwright;
let connected: Promise<Browser> | undefined;

function browser(): Promise<Browser> {
  connected ??= chromium.connect(given("DOORSTEP_BROWSER"));
  return connected;
}

// Call it after the last test: the process ends only then.
export async function leave(): Promise<void> {
  await (await connected)?.close();
}

// The body of GET PATH.
export async function get(path: string, server = shop): Promise<string> {
  const response = await fetch(server.url + path);
  const text = await response.text();
  assert.ok(response.ok, `${path}: ${response.status} ${text}`);
  return text;
}

export async function getResult(address: string, server = shop): Promise<Result> {
  return JSON.parse(await get(address, server)) as Result;
}

export async function questionTable(server = shop): Promise<QuestionTable> {
  return JSON.parse(await get("/v1/questions", server)) as QuestionTable;
}

// What a command prints. It is a shell's text, as the dashboard gives it to be copied.
export function say(command: string, server = shop): string {
  return execFileSync("sh", ["-c", `doorstep() { "$DOORSTEP" "$@"; }\n${command}`], {
    encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DOORSTEP_STORE: server.store },
  });
}

// A question that the page asked, with the answer as it came.
export interface Asked {
  readonly question: string;
  readonly options: Options;
  readonly body: string;
}

export interface Opened {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly asked: readonly Asked[];
  readonly faults: string[];
  // Waits until nothing is asked, counted or drawn any more.
  readonly settled: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface Look {
  readonly server?: Server;
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  // Before the page is opened: to route requests to failures.
  readonly before?: (page: Page) => Promise<void>;
}

const QUESTION = /^\/v1\/(?:questions\/([\w-]+)|(sql))$/;
const QUIET_MS = 60;
const DRAWN_MS = 10000; // a machine at other work draws late

// That so many are there, once what was done last is drawn.
export async function assertCount(locator: Locator, wanted: number): Promise<void> {
  const until = Date.now() + DRAWN_MS;
  while (await locator.count() !== wanted && Date.now() < until)
    await locator.page().waitForTimeout(QUIET_MS);
  assert.equal(await locator.count(), wanted);
}

// `home` is what the address of every request begins with.
function watchFaults(page: Page, home: string, faults: string[]): void {
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!url.href.startsWith(home) && !["data:", "blob:"].includes(url.protocol))
      faults.push(`asked ${url.href}`);
  });
}

// Requests under way. A stream of progress never ends by itself and is not waited for.
function watchRequests(page: Page): Set<Request> {
  const running = new Set<Request>();
  page.on("request", (request) => {
    if (!request.url().includes("/v1/requests/")) running.add(request);
  });
  page.on("requestfinished", (request) => running.delete(request));
  page.on("requestfailed", (request) => running.delete(request));
  return running;
}

function watchAnswers(page: Page, asked: Asked[]): Promise<void>[] {
  const reading: Promise<void>[] = [];
  page.on("response", (response) => {
    const url = new URL(response.url());
    const [, named, sql] = QUESTION.exec(url.pathname) ?? [];
    const question = named ?? sql;
    if (question === undefined || response.status() !== 200) return;
    const posted = response.request().postDataJSON() as { statement?: string;
                                                          options?: Options } | null;
    const options = posted?.statement === undefined
      ? { ...optionsOf(url.search), ...posted?.options } : { statement: posted.statement };
    reading.push(response.text().then(
      (body) => void asked.push({ question, options, body }),
      () => undefined, // a request that the page gave up
    ));
  });
  return reading;
}

// Opens an address of the server, or a file by its file: address.
export async function open(path: string, look: Look = {}): Promise<Opened> {
  const { server = shop, width = 1280, height = 900, dark = false } = look;
  const context = await (await browser()).newContext({
    viewport: { width, height }, colorScheme: dark ? "dark" : "light", reducedMotion: "reduce",
    locale: "en-US", baseURL: server.url, serviceWorkers: "block",
  });
  const page = await context.newPage();
  const faults: string[] = [];
  const asked: Asked[] = [];
  watchFaults(page, path.startsWith("file:") ? path.replace(/#.*/, "") : `${server.url}/`, faults);
  const running = watchRequests(page);
  const reading = watchAnswers(page, asked);
  const settled = async (): Promise<void> => {
    do {
      await page.waitForFunction(() => document.querySelector(
        ".boot, .loading, [aria-busy=true]") === null);
      await page.waitForTimeout(QUIET_MS);
    } while (running.size > 0 || (await page.locator(".loading, [aria-busy=true]").count()) > 0);
    await Promise.all(reading);
  };
  await look.before?.(page);
  await page.goto(path);
  await settled();
  return { page, context, asked, faults, settled, close: () => context.close() };
}
