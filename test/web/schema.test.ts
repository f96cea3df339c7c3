// SPDX-License-Identifier: Apache-2.0
// The shapes that the dashboard reads are those that the server describes: by the compiler, and the
// file is what docs/openapi.yaml makes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import type { Column, Figures, Note, QuestionTable, Result, Row, Store }
  from "../../web/src/answers/types.ts";
import type { components } from "../../web/src/api/schema.ts";

type Sent = components["schemas"];

// Only types: what the server sends can be read as what the dashboard takes.
export function read(result: Sent["Result"], questions: Sent["Questions"], store: Sent["Store"]) {
  const taken: readonly [Omit<Result, "figures">, Store] = [result, store];
  const rows: readonly Row[] = Object.values(result.tables).flat();
  const columns: readonly Column[] = Object.values(result.columns).flat();
  const notes: readonly Note[] = result.notes;
  const names: readonly string[] = Object.values(result.figures)
    .flatMap((figures: Pick<Figures, "keys" | "columns">) => [...figures.keys]);
  const table: QuestionTable = questions;
  return { taken, rows, columns, notes, names, table };
}

test("the shapes are made of the description of the API", () => {
  // The runner stands in web/.
  const done = spawnSync(process.execPath, ["api.mjs", "--check"], { encoding: "utf8" });
  assert.equal(done.stdout + done.stderr, "");
  assert.equal(done.status, 0);
});
