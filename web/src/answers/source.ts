// SPDX-License-Identifier: Apache-2.0
// Where answers come from: a server, or the report that the page is. The pages know only this.
import type {
  Board, Explained, LanguageWord, Options, QuestionTable, Result, Store,
} from "./types.ts";

// How far an answer is.
export interface Progress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

export interface Asking {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Source {
  readonly kind: "server" | "report";
  questions(): Promise<QuestionTable>;
  store(): Promise<Store>;
  // The words of the journey language, to be suggested where somebody types; none in a report.
  language(): Promise<readonly LanguageWord[]>;
  ask(question: string, options: Options, asking?: Asking): Promise<Result>;
  // An answer that was had before, for showing at once while it is asked for again.
  kept(question: string, options: Options): Result | undefined;
  explain(expression: string, kind: ExpressionKind, signal?: AbortSignal): Promise<Explained>;
  sql(statement: string, limit: number, asking?: Asking): Promise<Result>;
  boards(): Promise<readonly Board[]>;
  saveBoard(board: Board): Promise<void>;
  deleteBoard(name: string): Promise<void>;
  // An answer's table as CSV, where it has no address.
  csv(question: string, options: Options, table: string): Promise<Blob>;
  // Where an answer lies in another form; undefined: nowhere (a report), or it names a person.
  href(question: string, options: Options, form: "csv" | "svg" | "json" | "sql",
       table?: string): string | undefined;
}

export type ExpressionKind = "event" | "case" | "selector";

// Why there is no answer, as application/problem+json says it.
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly title: string,
    readonly detail: string,
    readonly status = 0,
    readonly code = "",
    readonly option = "",
    readonly line = 0,
    readonly column = 0,
  ) {
    super(detail === "" ? title : detail);
  }
}

// Any failure as a Problem; undefined for one that the user asked for (stop).
export function problemOf(failure: unknown): Problem | undefined {
  if (failure instanceof Problem) return failure;
  if (failure instanceof DOMException && failure.name === "AbortError") return undefined;
  return new Problem(failure instanceof Error ? failure.message : String(failure), "");
}
