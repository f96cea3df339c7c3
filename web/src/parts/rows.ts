// SPDX-License-Identifier: Apache-2.0
// Which rows of a table are seen, and in which order: fast enough for 100,000 of them while
// somebody types. What costs (an order, the texts to find in) is made once. Needs no page, so that
// it can be tested and timed alone.
import type { Cell, CellType, Column, Row } from "../answers/types.ts";

export interface Sorting {
  readonly column: string;
  readonly down: boolean;
}

// Columns of these types are read from the largest down at the first click.
const FIGURES: ReadonlySet<CellType> = new Set(["count", "number", "duration", "share"]);
const IDLE_ROWS = 2000;
// So many characters of a text fit a number exactly, a byte each.
const KEY_CHARACTERS = 6;

export function isFigure(type: CellType): boolean {
  return FIGURES.has(type);
}

function lowered(cell: Cell | undefined): string {
  return String(cell ?? "").toLowerCase();
}

// Rows with a value in ascending order, equal ones as they came; the rank of each, equal for equal
// values; rows without a value.
interface Order {
  readonly rows: Uint32Array;
  readonly rank: Uint32Array;
  readonly without: Uint32Array;
}

// How many characters all texts begin with.
function commonPrefix(texts: readonly string[]): number {
  const first = texts[0] ?? "";
  let size = first.length;
  for (const text of texts) {
    let same = 0;
    while (same < size && text.charCodeAt(same) === first.charCodeAt(same)) same++;
    size = same;
  }
  return size;
}

// The beginning of a text, after `from`, as a number of the same order. Characters beyond a byte
// count as one: what they hide is settled by comparing texts.
function keyOf(text: string, from: number): number {
  let key = 0;
  for (let i = from; i < from + KEY_CHARACTERS; i++)
    key = key * 256 + (i < text.length ? Math.min(255, text.charCodeAt(i)) : 0);
  return key;
}

const DIGIT = 0xffff;
const DIGITS = 4;

// The places of `keys` in ascending order, stable: by the digits of their bits from the lowest on
// (radix sort), which for whole columns is several times as fast as comparing. -0 is 0.
function byKey(keys: Float64Array): Uint32Array {
  // As whole numbers the bits of floats are in their order once those of negative ones are turned
  // over, and the sign of the others.
  const values = new Float64Array(keys.length);
  const bits = new Uint32Array(values.buffer);
  let order = new Uint32Array(keys.length);
  let next = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    values[i] = keys[i]! + 0;
    const negative = bits[2 * i + 1]! >> 31;
    bits[2 * i]! ^= negative;
    bits[2 * i + 1]! ^= negative | 0x8000_0000;
    order[i] = i;
  }
  const starts = new Uint32Array(DIGIT + 2);
  for (let digit = 0; digit < DIGITS; digit++) {
    const [word, shift] = [digit >> 1, 16 * (digit & 1)];
    starts.fill(0);
    for (let i = word; i < bits.length; i += 2) starts[((bits[i]! >>> shift) & DIGIT) + 1]!++;
    for (let d = 0; d <= DIGIT; d++) starts[d + 1]! += starts[d]!;
    for (let at = 0; at < order.length; at++) {
      const i = order[at]!;
      next[starts[(bits[2 * i + word]! >>> shift) & DIGIT]!++] = i;
    }
    [order, next] = [next, order];
  }
  return order;
}

// Sorts each run of one key by its whole texts.
function settle(order: Uint32Array, keys: Float64Array, texts: readonly string[]): void {
  for (let begin = 0, end = 0; begin < order.length; begin = end) {
    while (end < order.length && keys[order[end]!] === keys[order[begin]!]) end++;
    if (end - begin > 1)
      order.subarray(begin, end).sort((a, b) => (
        texts[a]! < texts[b]! ? -1 : texts[a]! > texts[b]! ? 1 : a - b));
  }
}

function orderOf(rows: readonly Row[], column: Column): Order {
  const [present, without]: [number[], number[]] = [[], []];
  const cells: NonNullable<Cell>[] = [];
  let numeric = true;
  for (let i = 0; i < rows.length; i++) {
    const cell = rows[i]![column.name] ?? null;
    (cell === null ? without : present).push(i);
    if (cell === null) continue;
    cells.push(cell);
    numeric &&= typeof cell === "number";
  }
  const texts = numeric ? [] : cells.map(lowered);
  const prefix = commonPrefix(texts);
  const keys = new Float64Array(cells.length);
  for (let i = 0; i < keys.length; i++)
    keys[i] = numeric ? cells[i] as number : keyOf(texts[i]!, prefix);
  const order = byKey(keys);
  if (!numeric) settle(order, keys, texts);
  const rank = new Uint32Array(rows.length);
  const sorted = new Uint32Array(order.length);
  let at = 0;
  for (let i = 0; i < order.length; i++) {
    const [here, before] = [order[i]!, order[i - 1]];
    if (before !== undefined && (numeric ? keys[here] !== keys[before]
                                         : texts[here] !== texts[before])) at++;
    sorted[i] = present[here]!;
    rank[sorted[i]!] = at;
  }
  return { rows: sorted, rank, without: Uint32Array.from(without) };
}

export class TableIndex {
  private readonly orders = new Map<string, Order>();
  private readonly hay: string[] = [];

  constructor(private readonly rows: readonly Row[], private readonly columns: readonly Column[]) {}

  // Prepares some more of what finding and sorting need; false: all is ready.
  prepare(): boolean {
    if (this.hay.length < this.rows.length) {
      this.prepareTexts(IDLE_ROWS);
      return true;
    }
    const column = this.columns.find((each) => !this.orders.has(each.name));
    if (column !== undefined) this.order(column);
    return column !== undefined;
  }

  private prepareTexts(rows: number): void {
    const end = Math.min(this.rows.length, this.hay.length + rows);
    for (let i = this.hay.length; i < end; i++) {
      let text = "";
      for (const column of this.columns) text += `${String(this.rows[i]![column.name] ?? "")}\n`;
      this.hay.push(text.toLowerCase());
    }
  }

  private order(column: Column): Order {
    let order = this.orders.get(column.name);
    if (order === undefined) this.orders.set(column.name, order = orderOf(this.rows, column));
    return order;
  }

  // The numbers of the rows that hold `needle` anywhere, in the order asked for. Rows without a
  // value come last either way, equal ones keep their order.
  view(needle: string, sorting: Sorting | undefined): Uint32Array {
    const wanted = needle.trim().toLowerCase();
    const kept = wanted === "" ? undefined : this.holding(wanted);
    const all = this.ordered(sorting);
    return kept === undefined ? all : all.filter((i) => kept[i] === 1);
  }

  private holding(wanted: string): Uint8Array {
    this.prepareTexts(this.rows.length);
    const kept = new Uint8Array(this.rows.length);
    for (let i = 0; i < kept.length; i++) kept[i] = this.hay[i]!.includes(wanted) ? 1 : 0;
    return kept;
  }

  private ordered(sorting: Sorting | undefined): Uint32Array {
    const column = this.columns.find((each) => each.name === sorting?.column);
    const all = new Uint32Array(this.rows.length);
    if (column === undefined || sorting === undefined) {
      for (let i = 0; i < all.length; i++) all[i] = i;
      return all;
    }
    const { rows, rank, without } = this.order(column);
    if (!sorting.down) {
      all.set(rows);
    } else {
      // Runs of equal rows from the last to the first, each as it stands.
      for (let end = rows.length, at = 0, begin = end; end > 0; end = begin) {
        while (begin > 0 && rank[rows[begin - 1]!] === rank[rows[end - 1]!]) begin--;
        for (let i = begin; i < end; i++) all[at++] = rows[i]!;
      }
    }
    all.set(without, rows.length);
    return all;
  }
}
