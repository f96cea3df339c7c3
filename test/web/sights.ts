// SPDX-License-Identifier: Apache-2.0
// The addresses that are looked at: every row of the table of pages, every question by its generic
// page. A page that shows nothing without being asked something has its options here; a new page is
// looked at by being in the table.
import { pages } from "../../web/src/app/pages.ts";
import { optionRows } from "../../web/src/answers/key.ts";
import { hrefOf } from "../../web/src/address/address.ts";
import type { Options, QuestionTable } from "../../web/src/answers/types.ts";

export interface Sight {
  readonly name: string;
  readonly address: string;
  // The generic page of a question.
  readonly generic: boolean;
}

const STEPS = ["order_placed", "delivered", "review_submitted"];

const ASKED: Readonly<Record<string, Options>> = {
  "/sql": { statement: "select touchpoint, count(*) as events from events group by 1 order by 1" },
  "/funnel": { step: STEPS, case: "order_id", within: "30d" },
  "/paths": { after: "delivered", case: "order_id" },
  "/customer": { who: "C17" },
  "/timeline": { who: "C17" },
  "/find": { has: "review_submitted[stars <= 2]", case: "order_id" },
};

// Words as a shell reads them, of what the examples use.
function shellWords(text: string): string[] {
  return (text.match(/(?:[^\s']|'[^']*')+/g) ?? []).map((word) => word.replaceAll("'", ""));
}

// The options that an example of the command line gives.
export function exampleOptions(table: QuestionTable, question: string): Options {
  const rows = optionRows(table, question);
  const example = table.questions.find((row) => row.name === question)?.example ?? "";
  const words = shellWords(example).slice(2);
  const positional = rows.filter((row) => row.positional);
  const options: Record<string, string[]> = {};
  const add = (name: string, value: string): void => void (options[name] ??= []).push(value);
  for (let at = 0, place = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-")) {
      const row = positional[Math.min(place, positional.length - 1)];
      if (row !== undefined) add(row.name, word);
      if (row?.repeated !== true) place++;
      continue;
    }
    const row = rows.find((each) => `--${each.name}` === word);
    if (row?.type === "flag") add(row.name, "true");
    else if (row !== undefined) add(row.name, words[++at] ?? "");
    else at++; // where its output goes is no matter of the question
  }
  return options;
}

// What follows in the address of a page that takes an argument, but for questions, which are all.
const ARGUMENTS: Readonly<Record<string, string>> = {
  "/boards/": "overview",
};

function addressOf(path: string): string {
  return hrefOf(path + (ARGUMENTS[path] ?? ""), ASKED[path]);
}

export function sightsOf(table: QuestionTable): Sight[] {
  return [
    ...pages.filter((page) => page.path !== "/question/").map(({ path }) => ({
      name: path, address: addressOf(path), generic: false,
    })),
    ...table.questions.map(({ name }) => ({
      name: `/question/${name}`, generic: true,
      address: hrefOf(`/question/${name}`, exampleOptions(table, name)),
    })),
  ];
}
