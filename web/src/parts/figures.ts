// SPDX-License-Identifier: Apache-2.0
// From a figure to the list behind it, and from a row of that list to the journey.
import { OPEN, changedHref, pageHref } from "../address/address.ts";
import { namesAPerson } from "../address/personal.ts";
import { askedOptions } from "../answers/asked.ts";
import { answerKey, listCell } from "../answers/key.ts";
import type { Options, Result, Row } from "../answers/types.ts";

export const LIST_MAX = 100_000;

// Whether figures of a table can be listed at all: not in a report, nor those of a person.
export function opensLists(result: Result, table: string): boolean {
  const options = askedOptions(result);
  return result.figures?.[table] !== undefined && options !== undefined && !namesAPerson(options);
}

// The options that list a figure; undefined: it cannot be listed.
export function figureOptions(result: Result, table: string, row: Row, column: string,
): Options | undefined {
  const figures = result.figures?.[table];
  const options = askedOptions(result);
  if (figures === undefined || options === undefined) return undefined;
  const list = listCell(table, figures, row, column);
  // Links name no person: what such an answer counts is listed by its command.
  return list === undefined || namesAPerson(options) ? undefined
    : { ...options, list, limit: String(LIST_MAX) };
}

// The address that opens the list behind a figure.
export function figureHref(result: Result, table: string, row: Row, column: string,
): string | undefined {
  const options = figureOptions(result, table, row, column);
  return options === undefined ? undefined
    : changedHref({ [OPEN]: answerKey(result.question, options) });
}

// The page of one customer's journey, or one case's; `of` is the key of the answer that lists it.
export function journeyHref(who: string, key?: string, of?: string): string {
  return pageHref("/customer", { who, ...(key === undefined ? {} : { case: key }),
                                 ...(of === undefined ? {} : { of }) });
}
