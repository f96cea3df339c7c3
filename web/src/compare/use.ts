// SPDX-License-Identifier: Apache-2.0
// The answer that the bar says to compare with, beside the one of the page.
import { useMemo } from "preact/hooks";
import { useAddress } from "../address/address.ts";
import { answerKey, valueOf } from "../answers/key.ts";
import type { Options, Result, Row } from "../answers/types.ts";
import { useAnswer, useGround } from "../answers/use.ts";
import type { Answer } from "../answers/use.ts";
import { formatDay, formatPeriod } from "../format.ts";
import { words } from "../words/en.ts";
import { beginsBefore, earlierPeriod, optionsBefore, pairRows } from "./compare.ts";

export interface Against {
  readonly options: Options;
  readonly answer: Answer;
  readonly period: string; // as text
  readonly year: boolean;  // of the same dates a year before, else just before
  readonly remark: string; // "": the period is whole in the data
}

// Undefined: nothing is compared, or the question does it by itself (`compare` of funnel). `make`
// leaves out what the page does not show of its own answer.
export function useAgainst(question: string, options: Options | undefined,
                           make?: (result: Result) => Result): Against | undefined {
  const { source, store } = useGround();
  const compare = valueOf(useAddress().options, "compare");
  const wanted = compare !== "" && source.kind === "server" &&
    options !== undefined && valueOf(options, "compare") === "";
  const before = useMemo(() => (wanted && options !== undefined ? optionsBefore(options, compare)
                                                                : undefined),
                         [wanted, compare,
                          options === undefined ? "" : answerKey(question, options)]);
  const told = useAnswer(question, before);
  const { result } = told;
  const made = useMemo(() => (result === undefined || make === undefined ? result : make(result)),
                       [result, make]);
  const period = options === undefined ? undefined : earlierPeriod(options, compare);
  if (before === undefined || period === undefined) return undefined;
  const cut = beginsBefore(period, store.first);
  return { options: before, answer: { ...told, result: made },
           period: formatPeriod(period.from, period.to), year: compare === "year",
           remark: cut ? words.compare.cut(formatDay(store.first ?? "")) : "" };
}

// Both answers, once they are there.
export interface Both {
  readonly before: Result;
  readonly pairs: ReadonlyMap<Row, Row>;
  readonly period: string;
}

export function useBoth(result: Result | undefined, against: Against | undefined, table: string,
                        x?: string): Both | undefined {
  const before = against?.answer.loading === false ? against.answer.result : undefined;
  return useMemo(() => (result === undefined || before === undefined || against === undefined
    ? undefined : { before, pairs: pairRows(result, before, table, x), period: against.period }),
                 [result, before, table, x, against?.period]);
}
