// SPDX-License-Identifier: Apache-2.0
// Figures as a person reads them off the page, to be compared with the answer they are of. It reads
// texts by itself, without the code that wrote them: 1,234 or 56.7% or 3.4 d.
import type { Page } from "playwright-core";
import { OPEN } from "../../web/src/address/address.ts";
import { parseAnswerKey, valueOf } from "../../web/src/answers/key.ts";
import type { Cell, Column, Options, Result, Row } from "../../web/src/answers/types.ts";
import { columnLabel, tableLabel } from "../../web/src/format.ts";
import { words } from "../../web/src/words/en.ts";
import type { Asked } from "./browser.ts";

const CHARTS_MAX = 50;
const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000,
};

// Whether a text says a value, to the digits that it shows.
export function says(text: string, value: Cell, column: Pick<Column, "type" | "unit">): boolean {
  if (value === null) return text === "–";
  if (typeof value !== "number") return true;
  const match = /^(-?[\d,]*\.?\d+)\s*(%|[a-z]+)?$/.exec(text.replace("−", "-").trim());
  if (match === null) return false;
  const digits = match[1]!.replaceAll(",", "");
  const shown = Number(digits);
  const unit = match[2] ?? "";
  if (shown === 0 && value === 0) return true; // nothing needs no unit
  const scale = column.type === "share" ? 0.01 : column.type === "duration"
    ? UNITS_MS[unit] ?? NaN : 1;
  if ((column.type === "share") !== (unit === "%")) return false;
  if (column.type === "count") return shown === value;
  const step = 10 ** -(digits.split(".")[1]?.length ?? 0);
  const near = column.type === "number" ? Math.max(step, Math.abs(value) * 1e-3) : step;
  return Math.abs(shown * scale - value) <= (near / 2) * scale * 1.0001;
}

interface ShownRow {
  readonly index: number;
  readonly cells: readonly string[];
  readonly figures: readonly boolean[];
}

interface ShownTable {
  readonly caption: string;
  readonly heads: readonly string[];
  readonly rows: readonly ShownRow[];
}

function shownTables(page: Page): Promise<ShownTable[]> {
  return page.evaluate(() => [...document.querySelectorAll("main .table table")].map((table) => ({
    caption: table.querySelector("caption")?.textContent ?? "",
    heads: [...table.querySelectorAll("thead th")].map((th) => (th.textContent ?? "").trim()),
    rows: [...table.querySelectorAll("tbody tr[aria-rowindex]")].map((tr) => ({
      index: Number(tr.getAttribute("aria-rowindex")) - 2,
      cells: [...tr.querySelectorAll("td")].map((td) => (td.textContent ?? "").trim()),
      figures: [...tr.querySelectorAll("td")].map((td) => td.classList.contains("figure")),
    })),
  })));
}

// Whether every row of a table on the page is one of this table: the page may show some of its
// rows, and some of its columns.
function mismatch(shown: ShownTable, result: Result, table: string): string | undefined {
  const all = result.columns[table] ?? [];
  const columns = shown.heads.map((head) => all.find((column) => columnLabel(column) === head));
  const missing = columns.indexOf(undefined);
  if (missing >= 0) return `no column "${shown.heads[missing]}"`;
  const rows = result.tables[table] ?? [];
  const wrong = (row: Row, { cells, figures }: ShownRow): Column | undefined =>
    columns.find((column, at) => figures[at] === true &&
                                 !says(cells[at]!, row[column!.name] ?? null, column!));
  for (const each of shown.rows) {
    const here = rows[each.index];
    if (here !== undefined && wrong(here, each) === undefined) continue;
    if (!rows.some((row) => wrong(row, each) === undefined))
      return `no row of the answer says ${each.cells.join(" | ")}`;
  }
  return undefined;
}

// Has every chart show its table.
export async function showTables(page: Page): Promise<void> {
  const charts = page.getByRole("button", { name: words.chart.asTable, exact: true,
                                            pressed: false });
  for (let round = 0; round < CHARTS_MAX && await charts.count() > 0; round++)
    await charts.first().click();
}

// Every table on the page against the answers that the page got.
export async function tableFaults(page: Page, asked: readonly Asked[],
): Promise<{ faults: string[]; cells: number }> {
  const faults: string[] = [];
  let cells = 0;
  const results = asked.map(({ body }) => JSON.parse(body) as Result);
  for (const shown of await shownTables(page)) {
    if (shown.rows.length === 0) continue;
    const reasons = results.flatMap((result) => Object.keys(result.tables)
      .filter((table) => tableLabel(table) === shown.caption)
      .map((table) => mismatch(shown, result, table)));
    if (reasons.length === 0) faults.push(`table "${shown.caption}" is of no answer`);
    else if (!reasons.includes(undefined)) faults.push(`${shown.caption}: ${reasons[0]}`);
    cells += shown.rows.reduce((sum, row) => sum + row.cells.length, 0);
  }
  return { faults, cells };
}

// A figure on the page that opens a list.
export interface Listed {
  readonly href: string;
  readonly text: string;
  readonly question: string;
  readonly options: Options; // with `list`
}

export async function listedFigures(page: Page): Promise<Listed[]> {
  const links = await page.evaluate(() =>
    [...document.querySelectorAll("main a[href]")].map((link) => ({
      href: link.getAttribute("href") ?? "",
      text: (link.textContent ?? "").trim(),
    })));
  return links.flatMap(({ href, text }) => {
    const key = new URL(href.replace(/^#/, ""), "http://host").searchParams.get(OPEN) ?? "";
    const { question, options } = parseAnswerKey(key);
    return valueOf(options, "list") === "" ? [] : [{ href, text, question, options }];
  });
}

// The count that a link's text says: a number alone, or the first of a sentence.
export function countIn(text: string): number | undefined {
  const match = /(?<![\d.,])\d[\d,]*(?![\d,]*[.%]|[\d,]*\s?(?:d|h|min|s|ms|[KM])\b)/.exec(text);
  return match === null ? undefined : Number(match[0].replaceAll(",", ""));
}

// Evenly some of many.
export function some<T>(all: readonly T[], max: number): T[] {
  if (all.length <= max) return [...all];
  return Array.from({ length: max }, (_, i) => all[Math.floor((i * all.length) / max)]!);
}
