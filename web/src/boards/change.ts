// SPDX-License-Identifier: Apache-2.0
// Changes to a board, each a new board.
import { valueOf } from "../answers/key.ts";
import type { Board, Options, Tile } from "../answers/types.ts";

const CONDITIONS = ["where", "cases"];

// A tile's options with those of the bar in their place; of two conditions both are to hold, as in
// a report.
export function overlaid(own: Options, bar: Options): Options {
  const both = CONDITIONS.filter((name) => valueOf(own, name) !== "" && valueOf(bar, name) !== "")
    .map((name) => [name, `(${valueOf(own, name)}) and (${valueOf(bar, name)})`] as const);
  return { ...own, ...bar, ...Object.fromEntries(both) };
}

export function moved(board: Board, from: number, to: number): Board {
  const tiles = [...board.tiles];
  const [tile] = tiles.splice(from, 1);
  if (tile !== undefined) tiles.splice(to, 0, tile);
  return { ...board, tiles };
}

export function without(board: Board, at: number): Board {
  return { ...board, tiles: board.tiles.filter((_, each) => each !== at) };
}

export function retitled(board: Board, at: number, title: string): Board {
  return { ...board, tiles: board.tiles.map((tile, each) => (each === at ? { ...tile, title }
                                                                        : tile)) };
}

export function withTile(board: Board, tile: Tile): Board {
  return { ...board, tiles: [...board.tiles, tile] };
}

export function isName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/.test(text);
}
