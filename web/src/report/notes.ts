// SPDX-License-Identifier: Apache-2.0
// What stands on the cover of a report: what its answers are about, and what to bear in mind.
import type { Options, Result, Tile } from "../answers/types.ts";

// The latest instant that any answer is about; undefined: no answer.
export function asOf(results: readonly Result[]): string | undefined {
  return results.map((result) => result.as_of).filter((at): at is string => at !== null).sort()
    .at(-1);
}

// The warnings of all answers, each once, with the tiles that it is about.
export interface Remark {
  readonly text: string;
  readonly tiles: readonly number[];
}

export function remarks(tiles: readonly Tile[], answerOf: (question: string, options: Options) =>
                        Result | undefined): readonly Remark[] {
  const found = new Map<string, number[]>();
  tiles.forEach((tile, at) => {
    for (const note of answerOf(tile.question, tile.options)?.notes ?? [])
      if (note.level === "warning") found.set(note.text, [...found.get(note.text) ?? [], at]);
  });
  return [...found].map(([text, all]) => ({ text, tiles: all }));
}

// The options that the tiles of a report share, for its cover: given to the report as a whole.
export function given(options: Readonly<Record<string, string>>): readonly [string, string][] {
  return Object.entries(options).filter(([name]) => name !== "title");
}
