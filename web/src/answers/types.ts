// SPDX-License-Identifier: Apache-2.0
// What a server or a report gives: the Result of a question, the question table, the store.

export type CellType =
  "text" | "count" | "number" | "duration" | "share" | "time" | "list" | "items" | "exact";

// null means "not enough data".
export type Cell = string | number | boolean | null | readonly string[];

export interface Column {
  readonly name: string;
  readonly type: CellType;
  readonly unit: string;
  readonly meaning: string;
}

export type Row = Readonly<Record<string, Cell>>;

export interface Note {
  readonly level: "info" | "warning";
  readonly text: string;
}

// Which figures of a table can be listed: `list=TABLE key=value … column=COLUMN`. The first
// `needed` keys are never null; rows whose first key is among `except` have nothing to list.
export interface Figures {
  readonly keys: readonly string[];
  readonly needed: number;
  readonly columns: readonly string[];
  readonly except?: readonly string[];
}

export interface Result {
  readonly question: string;
  readonly options: Readonly<Record<string, string>>;
  readonly as_of: string | null;
  readonly tables: Readonly<Record<string, readonly Row[]>>;
  readonly columns: Readonly<Record<string, readonly Column[]>>;
  readonly notes: readonly Note[];
  readonly definition: string;
  readonly figures?: Readonly<Record<string, Figures>>;
}

export type OptionType =
  "text" | "flag" | "count" | "share" | "time" | "expression" | "name" | "choice" | "files" |
  "argument" | "arguments";

// An option of a question, as the command line knows it.
export interface OptionRow {
  readonly name: string;
  readonly type: OptionType;
  readonly argument: string;
  readonly preset: string;
  readonly choices: readonly string[];
  readonly help: string;
  readonly positional: boolean;
  readonly repeated: boolean;
}

export interface QuestionRow {
  readonly name: string;
  readonly purpose: string;
  readonly example: string;
  readonly options: readonly OptionRow[];
}

export interface QuestionTable {
  readonly questions: readonly QuestionRow[];
  readonly common_options: readonly OptionRow[];
}

export interface Touchpoint {
  readonly name: string;
  readonly stage: string;
  readonly channel: string;
  readonly owner: string;
  readonly actor: string;
  readonly events: number;
}

export interface Annotation {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

export interface Store {
  readonly name: string;
  readonly version: string;
  readonly snapshot: string;
  readonly events: number;
  readonly customers: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly time_zone: string;
  readonly case_keys: readonly { readonly name: string; readonly cases: number }[];
  readonly touchpoints: readonly Touchpoint[];
  readonly properties: readonly { readonly name: string; readonly type: string }[];
  readonly segments: readonly { readonly name: string; readonly condition: string }[];
  readonly annotations: readonly Annotation[];
}

export interface Tile {
  readonly title: string;
  readonly question: string;
  readonly options: Readonly<Record<string, string | readonly string[]>>;
  readonly chart?: string;
  // The saved question whose words these are.
  readonly saved?: string;
  // Why it cannot be asked.
  readonly error?: string;
}

export interface Board {
  readonly name: string;
  readonly title: string;
  readonly source: "settings" | "saved" | "shipped";
  readonly tiles: readonly Tile[];
}

// A word of the journey language, as /v1/language gives it.
export interface LanguageWord {
  readonly name: string;
  readonly kind: "function" | "operator" | "value" | "selector" | "window" | "pattern";
  readonly where: "event" | "case" | "selector";
  readonly usage: string;
  readonly meaning: string;
}

// What an expression means.
export interface Explained {
  readonly expression: string;
  readonly [part: string]: unknown;
}

// A question's options by name. A value may be several (a step each); an empty one is not given;
// a flag is "true".
export type Options = Readonly<Record<string, string | readonly string[]>>;
