// SPDX-License-Identifier: Apache-2.0
// Answers that lie in the page itself, which is then a report: one JSON text in
// <script type="application/json" id="doorstep-answers">.
import { answerKey, changed, valueOf } from "./key.ts";
import { Problem } from "./source.ts";
import type { Source } from "./source.ts";
import type { Board, Options, QuestionTable, Result, Store } from "./types.ts";
import { words } from "../words/en.ts";

// What the report was made of, and the command that makes it again.
export interface Report {
  readonly board: string;
  readonly command: string;
  readonly options: Readonly<Record<string, string>>;
}

// The bodies of the server's routes, and the answers by their canonical keys.
export interface Embedded {
  readonly report: Report;
  readonly questions: QuestionTable;
  readonly store: Store;
  readonly boards: readonly Board[];
  readonly answers: Readonly<Record<string, Result>>;
}

export function embeddedSource(embedded: Embedded): Source {
  const refuse = (): Promise<never> =>
    Promise.reject(new Problem(words.errors.notInReport, words.errors.notInReportAdvice));
  // What is drawn by where things stand has that beside its tables (`layouts`), where it could be
  // laid out.
  const kept = (question: string, options: Options): Result | undefined => {
    const laidOut = valueOf(options, "format") === "layout";
    const asked = laidOut ? changed(options, { format: undefined }) : options;
    const result = embedded.answers[answerKey(question, asked)];
    return laidOut && result !== undefined && !("layouts" in result) ? undefined : result;
  };
  // Tiles that had no answer when the report was made, by what they ask.
  const failures = new Map(embedded.boards.flatMap((board) => board.tiles).flatMap((tile) =>
    tile.error === undefined ? [] : [[answerKey(tile.question, tile.options), tile.error]]));
  return {
    kind: "report",
    questions: () => Promise.resolve(embedded.questions),
    store: () => Promise.resolve(embedded.store),
    language: () => Promise.resolve([]),
    kept,
    ask: (question, options) => {
      const result = kept(question, options);
      if (result !== undefined) return Promise.resolve(result);
      const why = failures.get(answerKey(question, options));
      return why === undefined ? refuse() : Promise.reject(new Problem(words.states.failed, why));
    },
    explain: refuse,
    sql: refuse,
    boards: () => Promise.resolve(embedded.boards),
    saveBoard: refuse,
    deleteBoard: refuse,
    csv: refuse,
    href: () => undefined,
  };
}

// The report that this page is, or undefined.
export function embeddedIn(page: Document): Embedded | undefined {
  const script = page.getElementById("doorstep-answers");
  return script === null ? undefined : (JSON.parse(script.textContent ?? "") as Embedded);
}
