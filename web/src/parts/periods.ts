// SPDX-License-Identifier: Apache-2.0
// Periods by name, counted back from the store's latest event: half-open days, as --from and --to.
import type { Store } from "../answers/types.ts";
import { words } from "../words/en.ts";

const DAY_MS = 86_400_000;

export interface Preset {
  readonly text: string;
  readonly from: string;
  readonly to: string;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export function presetsOf(store: Pick<Store, "first" | "last">): readonly Preset[] {
  const all = { text: words.bar.allTime, from: "", to: "" };
  if (store.first === null || store.last === null) return [all];
  // The day after the latest event's ends every preset.
  const end = Date.parse(dayOf(Date.parse(store.last))) + DAY_MS;
  const [firstYear, lastYear] = [store.first, store.last].map((time) => Number(time.slice(0, 4)));
  const years: Preset[] = [];
  for (let year = lastYear!; year >= firstYear! && years.length < 3; year--)
    years.push({ text: words.bar.thisYear(String(year)), from: `${year}-01-01`,
                 to: `${year + 1}-01-01` });
  return [
    all,
    ...[7, 30, 90].map((days) => ({ text: words.bar.last(days), from: dayOf(end - days * DAY_MS),
                                    to: dayOf(end) })),
    { text: words.bar.lastYear, from: dayOf(end - 365 * DAY_MS), to: dayOf(end) },
    ...years,
  ];
}
