// SPDX-License-Identifier: Apache-2.0
// Options as words: in an address, in a request, as the key of an embedded answer, in a command.
import type { Cell, Figures, OptionRow, Options, QuestionTable, Row } from "./types.ts";

// (name, value) of each value that is given, in the order of names; the values of one name keep
// theirs, for it means something (steps).
export function entriesOf(options: Options): readonly (readonly [string, string])[] {
  return Object.keys(options)
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .flatMap((name) => valuesOf(options, name).map((value) => [name, value] as const));
}

export function valuesOf(options: Options, name: string): readonly string[] {
  const value = options[name];
  const all = value === undefined ? [] : typeof value === "string" ? [value] : value;
  return all.filter((text) => text !== "");
}

// The only value of an option, or "".
export function valueOf(options: Options, name: string): string {
  return valuesOf(options, name)[0] ?? "";
}

// All but the unreserved characters of RFC 3986 become %XX, so that every maker of keys agrees.
function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function queryOf(options: Options): string {
  return entriesOf(options).map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join("&");
}

// The canonical name of an answer: `map?case=order_id&min-n=5`; `map?` without options.
export function answerKey(question: string, options: Options): string {
  return `${question}?${queryOf(options)}`;
}

export function optionsOf(query: string): Options {
  const options: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(query))
    (options[name] ??= []).push(value);
  return options;
}

export function parseAnswerKey(key: string): { question: string; options: Options } {
  const at = key.indexOf("?");
  return at < 0 ? { question: key, options: {} }
                : { question: key.slice(0, at), options: optionsOf(key.slice(at + 1)) };
}

// `options` with `changes` made; undefined or "" takes one away.
export function changed(options: Options,
                        changes: Readonly<Record<string, string | readonly string[] | undefined>>,
): Options {
  const merged = { ...options, ...changes };
  return Object.fromEntries(Object.entries(merged).filter(
    (entry): entry is [string, string | readonly string[]] =>
      entry[1] !== undefined && entry[1].length > 0));
}

// Only the options of such names.
export function chosen(options: Options, names: readonly string[]): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name)));
}

// The rows of a question's options, its own first.
export function optionRows(table: QuestionTable, question: string): readonly OptionRow[] {
  const row = table.questions.find((each) => each.name === question);
  return row === undefined ? [] : [...row.options, ...table.common_options];
}

// A word as a POSIX shell reads it.
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// The command line that gives the same answer.
export function commandOf(table: QuestionTable, question: string, options: Options): string {
  const words: string[] = [];
  const named: string[] = [];
  const rows = optionRows(table, question);
  for (const [name, value] of entriesOf(options)) {
    const row = rows.find((each) => each.name === name);
    if (row?.positional === true) words.push(shellWord(value));
    else if (row?.type === "flag") named.push(`--${name}`);
    else named.push(`--${name} ${shellWord(value)}`);
  }
  const dashed = words.some((word) => /^'?-/.test(word));
  return ["doorstep", question, ...(dashed ? [...named, "--", ...words] : [...words, ...named])]
    .join(" ");
}

// What `list` is to say for a figure; undefined: it cannot be listed.
export function listCell(table: string, figures: Figures, row: Row, column: string,
): string | undefined {
  if (!figures.columns.includes(column) || (row[column] ?? null) === null) return undefined;
  const first = row[figures.keys[0] ?? ""];
  if (typeof first === "string" && figures.except?.includes(first) === true) return undefined;
  const parts: string[] = [];
  for (const [at, key] of figures.keys.entries()) {
    const value = row[key] ?? null;
    if (value === null && at < figures.needed) return undefined;
    if (value !== null) parts.push(`${quoted(key)}=${quoted(itemsOf(value))}`);
  }
  return [quoted(table), ...parts, `column=${quoted(column)}`].join(" ");
}

function itemsOf(value: Cell): string {
  return Array.isArray(value) ? value.map((item: string) => item.replaceAll(">", ">>")).join(" > ")
                              : String(value);
}

// A name or value of `list`: in quotes unless it is a plain word, a quote within doubled.
function quoted(text: string): string {
  return /^[\w.:-]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
}
