// SPDX-License-Identifier: Apache-2.0
// What a tile says on paper beside its chart: its tables, cut to what a sheet bears, its notes and
// its definition. It lies in the page all the time, out of sight, because a browser does not wait
// for a page to be changed when it prints; it is made when the browser has nothing else to do.
import { Fragment } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Column, Result, Row } from "../answers/types.ts";
import { defaultSpec } from "../charts/spec.ts";
import { columnLabel, formatCell, formatCount, tableLabel } from "../format.ts";
import { isFigure } from "../parts/rows.ts";
import { words } from "../words/en.ts";

const texts = words.pages.boards;
const ROWS_MAX = 25;
const MANY_COLUMNS = 11; // are told in smaller letters

function useIdle(): boolean {
  const [idle, setIdle] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setIdle(true), 300);
    return () => window.clearTimeout(timer);
  }, []);
  return idle;
}

// Of periods the last rows, of all else the first.
function someRows(result: Result, table: string): readonly Row[] {
  const rows = result.tables[table] ?? [];
  return defaultSpec(result, table)?.kind === "line" ? rows.slice(-ROWS_MAX)
    : rows.slice(0, ROWS_MAX);
}

// The columns in which any of these rows says something.
function saying(columns: readonly Column[], rows: readonly Row[]): readonly Column[] {
  return columns.filter((column) =>
    rows.some((row) => row[column.name] !== null && row[column.name] !== undefined));
}

// A text that breaks after the words of a name, and in what has none; figures stay whole.
function Breakable({ text }: { text: string }) {
  return <>{(text.match(/\s+|[^\s_,]{1,18}[_,]?|[_,]/g) ?? []).map((part, i) => (
    <Fragment key={i}>{i > 0 && <wbr />}{part}</Fragment>))}</>;
}

function PaperTable({ result, table }: { result: Result; table: string }) {
  const rows = someRows(result, table);
  const columns = saying(result.columns[table] ?? [], rows);
  const hidden = (result.tables[table] ?? []).length - rows.length;
  if (rows.length === 0) return null;
  return (
    <section class="paper-table">
      <h3>{tableLabel(table)}</h3>
      <table class={columns.length > MANY_COLUMNS ? "many" : ""}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={isFigure(column.type) ? "figure" : ""}>
                <Breakable text={columnLabel(column)} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {columns.map((column) => (
                <td key={column.name} class={isFigure(column.type) ? "figure" : ""}>
                  {isFigure(column.type) ? formatCell(row[column.name], column)
                    : <Breakable text={formatCell(row[column.name], column)} />}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {hidden > 0 && <p class="quiet">{texts.notOnPaper(formatCount(hidden))}</p>}
    </section>
  );
}

export function Paper({ result, main }: { result: Result; main: string }) {
  const idle = useIdle();
  if (!idle) return null;
  const others = Object.keys(result.tables).filter((table) => table !== main);
  return (
    <div class="paper only-print">
      {[main, ...others].map((table) => (
        <PaperTable key={table} result={result} table={table} />
      ))}
      <p>{result.definition}</p>
      {result.notes.filter((note) => note.level !== "warning").map((note) => (
        <p key={note.text} class="quiet">{note.text}</p>
      ))}
    </div>
  );
}
