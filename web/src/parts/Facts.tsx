// SPDX-License-Identifier: Apache-2.0
// A table of one row: its figures side by side, each with its meaning, its interval beneath.
import type { Column, Result, Row } from "../answers/types.ts";
import { difference, isMeasure } from "../compare/compare.ts";
import type { Both } from "../compare/use.ts";
import { NOTHING, columnLabel, formatCell, formatDifference } from "../format.ts";
import { words } from "../words/en.ts";
import { figureHref } from "./figures.ts";
import { isFigure } from "./rows.ts";

// The figure of the period before, and what has changed since.
function Before({ both, row, table, column }: {
  both: Both;
  row: Row;
  table: string;
  column: Column;
}) {
  const other = both.before.tables[table]?.[0];
  const change = difference(row[column.name], other?.[column.name]);
  if (other === undefined || !isMeasure(column)) return null;
  const text = formatCell(other[column.name], column);
  const href = figureHref(both.before, table, other, column.name);
  return (
    <dd class="fact-before">
      {words.compare.before} {href === undefined ? text
        : <a href={href} title={words.table.openList(text)}>{text}</a>}
      {change !== null && ` (${formatDifference(change, column)})`}
    </dd>
  );
}

export function Facts({ result, table, columns, both }: {
  result: Result;
  table: string;
  columns?: readonly string[];
  both?: Both | undefined;
}) {
  const row = result.tables[table]?.[0];
  const all = result.columns[table] ?? [];
  if (row === undefined) return null;
  const isEnd = (column: Column): boolean => /_(low|high)$/.test(column.name);
  const find = (name: string): Column | undefined => all.find((column) => column.name === name);
  const shown = columns === undefined ? all.filter((column) => !isEnd(column))
    : columns.flatMap((name) => find(name) ?? []);
  return (
    <dl class="facts">
      {shown.map((column) => {
        const text = formatCell(row[column.name], column);
        const href = figureHref(result, table, row, column.name);
        const [low, high] = [find(`${column.name}_low`), find(`${column.name}_high`)];
        return (
          <div key={column.name} class={`fact ${isFigure(column.type) ? "" : "text"}`}>
            <dt title={column.meaning}>{columnLabel(column)}</dt>
            <dd>
              {href === undefined ? text
                : <a href={href} title={words.table.openList(text)}>{text}</a>}
              {low !== undefined && high !== undefined && text !== NOTHING && (
                <small title={words.chart.interval}>
                  {formatCell(row[low.name], low)} – {formatCell(row[high.name], high)}
                </small>
              )}
            </dd>
            {both !== undefined && <Before both={both} row={row} table={table} column={column} />}
            <dd class="fact-meaning">{column.meaning}</dd>
          </div>
        );
      })}
    </dl>
  );
}
