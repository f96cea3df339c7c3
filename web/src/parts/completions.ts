// SPDX-License-Identifier: Apache-2.0
// What could stand where somebody types in an expression: names of the store, words of the
// language.
import type { ExpressionKind } from "../answers/source.ts";
import type { LanguageWord, Store } from "../answers/types.ts";
import { words } from "../words/en.ts";

export interface Completion {
  readonly text: string; // what is put in
  readonly kind: string; // what it is, in a word
  readonly more: string; // what helps to choose
}

// What the names and words are taken from.
export interface Known {
  readonly store: Pick<Store, "touchpoints" | "properties" | "case_keys" | "segments">;
  readonly language: readonly LanguageWord[];
}

const MOST = 12;
function quotedName(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_.]*$/u.test(name) ? name : `'${name.replaceAll("'", "''")}'`;
}

function candidates({ store, language }: Known, kind: ExpressionKind): readonly Completion[] {
  const touchpoints = [...store.touchpoints].sort((a, b) => b.events - a.events).map((each) => (
    { text: quotedName(each.name), kind: words.expression.touchpoint, more: each.stage }));
  const properties = store.properties.map((each) => (
    { text: quotedName(each.name), kind: words.expression.property, more: each.type }));
  const keys = store.case_keys.map((each) => (
    { text: each.name, kind: words.expression.caseKey, more: "" }));
  const segments = store.segments.map((each) => (
    { text: `segment('${each.name}')`, kind: words.expression.segment, more: each.condition }));
  const of = (wheres: readonly string[]): Completion[] => language
    .filter((word) => wheres.includes(word.where) && /^[a-z]/.test(word.name))
    .map((word) => ({ text: word.kind === "function" && word.usage.startsWith(`${word.name}(`)
                        ? `${word.name}(` : word.name,
                      kind: words.expression.word, more: word.meaning }))
    .filter((word, i, all) => all.findIndex((other) => other.text === word.text) === i);
  switch (kind) {
    case "event": return [...properties, ...keys, ...of(["event"])];
    case "case": return [...segments, ...of(["case", "event"]), ...touchpoints, ...properties];
    case "selector": return [...touchpoints, ...of(["selector"]), ...properties];
  }
}

// The word that ends where the caret is, and what could replace it.
export function completionsAt(known: Known, kind: ExpressionKind, text: string, caret: number,
): { readonly start: number; readonly list: readonly Completion[] } {
  const before = text.slice(0, caret);
  // Within a quoted value there is nothing to complete.
  if ((before.match(/'/g)?.length ?? 0) % 2 === 1) return { start: caret, list: [] };
  const word = /[\p{L}\p{N}_.]*$/u.exec(before)?.[0] ?? "";
  const wanted = word.toLowerCase();
  const all = candidates(known, kind).filter((each) => each.text.toLowerCase() !== wanted);
  const starts = all.filter((each) => each.text.toLowerCase().startsWith(wanted));
  const holds = wanted.length < 2 ? [] : all.filter(
    (each) => !starts.includes(each) && each.text.toLowerCase().includes(wanted));
  return { start: caret - word.length, list: [...starts, ...holds].slice(0, MOST) };
}
