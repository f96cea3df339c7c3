// SPDX-License-Identifier: Apache-2.0
// Sorting and finding rows, also against the plain sort of the language.
import assert from "node:assert/strict";
import test from "node:test";
import type { Column, Row } from "../../web/src/answers/types.ts";
import { TableIndex } from "../../web/src/parts/rows.ts";

const columns: readonly Column[] = [{ name: "name", type: "text", unit: "", meaning: "" },
                                    { name: "cases", type: "count", unit: "", meaning: "" }];
const rows: readonly Row[] = [
  { name: "delivered", cases: 10 }, { name: "Order placed", cases: null },
  { name: "returned", cases: 2 }, { name: "delivered late", cases: 10 },
];

function seen(needle: string, column?: string, down = false): number[] {
  return [...new TableIndex(rows, columns).view(needle, column === undefined ? undefined
                                                                             : { column, down })];
}

test("figures sort as numbers, those without a value last, equal ones in their order", () => {
  assert.deepEqual(seen("", "cases"), [2, 0, 3, 1]);
  assert.deepEqual(seen("", "cases", true), [0, 3, 2, 1]);
});

test("texts sort without regard to case", () => {
  assert.deepEqual(seen("", "name"), [0, 3, 1, 2]);
  assert.deepEqual(seen("", "name", true), [2, 1, 3, 0]);
});

test("rows are found by any part of any cell, in the order asked for", () => {
  assert.deepEqual(seen(" DELIVER "), [0, 3]);
  assert.deepEqual(seen("10"), [0, 3]);
  assert.deepEqual(seen(""), [0, 1, 2, 3]);
  assert.deepEqual(seen("nothing"), []);
  assert.deepEqual(seen("e", "name", true), [2, 1, 3, 0]);
  assert.deepEqual(seen("deliver", "name", true), [3, 0]);
});

test("numbers of any size and sign sort by their value, and 0 is -0", () => {
  const cells = [1e300, -1e300, 0.1, 5e-324, -0, -5e-324, 0, -2, 3, -0.1, 2 ** 53, -Infinity,
                 Infinity, -(2 ** 53), 0.1];
  const index = new TableIndex(cells.map((cases) => ({ cases })), columns);
  const expected = cells.map((_, i) => i).sort((a, b) => (cells[a]! < cells[b]! ? -1
    : cells[a]! > cells[b]! ? 1 : 0));
  assert.deepEqual([...index.view("", { column: "cases", down: false })], expected);
});

test("many rows sort as the language sorts them", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  const many: Row[] = Array.from({ length: 3000 }, (_, i) => ({
    name: random(9) === 0 ? null : `id=${["é", "z", "中", ""][random(4)]}${random(500)}`,
    cases: random(9) === 0 ? null : random(40) / 8 - 2, at: i,
  }));
  const index = new TableIndex(many, columns);
  for (const name of ["name", "cases"])
    for (const down of [false, true]) {
      const plain = many.filter((row) => row[name] !== null).sort((a, b) => (
        (a[name]! < b[name]! ? -1 : a[name]! > b[name]! ? 1 : 0) * (down ? -1 : 1)));
      const expected = [...plain, ...many.filter((row) => row[name] === null)];
      assert.deepEqual([...index.view("", { column: name, down })],
                       expected.map((row) => row.at));
    }
});
