// SPDX-License-Identifier: Apache-2.0
// A matrix of counts by two names: a real table, so that it is read without a picture; the shade of
// a cell repeats the share that stands in it.
import type { ComponentChildren } from "preact";
import { formatCount, formatShare, label } from "../format.ts";
import { words } from "../words/en.ts";

export interface MatrixCell {
  readonly count: number;
  readonly share?: number | undefined;
  readonly href?: string | undefined;
  // One's own: of the diagonal.
  readonly same?: boolean;
}

function CellOf({ cell, title }: { cell: MatrixCell | undefined; title: string }) {
  if (cell === undefined) return <td class="nothing">–</td>;
  const text = formatCount(cell.count);
  const share = cell.same === true && cell.share === undefined ? undefined : cell.share;
  return (
    <td class={cell.same === true ? "same" : ""} title={title}>
      {share !== undefined && (
        <svg class="shade" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          <rect width="1" height="1" opacity={Math.min(1, share)} />
        </svg>
      )}
      <span class="matrix-text">
        {cell.href === undefined || cell.count === 0 ? text
          : <a href={cell.href} aria-label={`${words.table.openList(text)}: ${title}`}>{text}</a>}
        {share !== undefined && <small>{formatShare(share)}</small>}
      </span>
    </td>
  );
}

export function Matrix({ rows, columns, corner, caption, cell, rowFoot }: {
  rows: readonly string[];
  columns: readonly string[];
  corner: string;
  caption: string;
  cell: (row: string, column: string) => MatrixCell | undefined;
  // What stands behind a row's cells, under a heading.
  rowFoot?: { readonly title: string; readonly of: (row: string) => ComponentChildren };
}) {
  return (
    <div class="matrix" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="sr">{caption}</caption>
        <thead>
          <tr>
            <th scope="col" class="corner">{corner}</th>
            {columns.map((column) => <th key={column} scope="col">{label(column)}</th>)}
            {rowFoot !== undefined && <th scope="col">{rowFoot.title}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row}>
              <th scope="row">{label(row)}</th>
              {columns.map((column) => (
                <CellOf key={column} cell={cell(row, column)}
                        title={`${label(row)} → ${label(column)}`} />
              ))}
              {rowFoot !== undefined && <td class="foot">{rowFoot.of(row)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
