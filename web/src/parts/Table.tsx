// SPDX-License-Identifier: Apache-2.0
// A table of an answer: typed cells, sorting, finding, 100,000 rows of which only those in sight
// are drawn, and a link on every figure that can list what it counted.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import type { Column, Result, Row } from "../answers/types.ts";
import { NOTHING, columnLabel, formatCell, formatCount, tableLabel } from "../format.ts";
import { words } from "../words/en.ts";
import { Icon } from "./Icon.tsx";
import { figureHref } from "./figures.ts";
import { TableIndex, isFigure } from "./rows.ts";
import type { Sorting } from "./rows.ts";
import { usePrinting } from "./printing.ts";

const ROW_PX = 33;
const MARGIN_ROWS = 12;
// A table this long gets a field to find rows by.
const FINDABLE = 12;
const PRINTED_MAX = 500;
const WIDTH_SAMPLE = 200;
const LETTERS_MAX = 46;
const LETTER_REM = 0.51;
const PADDING_REM = 1.6;

export interface TableProps {
  readonly result: Result;
  readonly table: string;
  // Another way to show a cell; undefined: as usual.
  readonly cell?: (row: Row, column: Column) => ComponentChildren | undefined;
  // Only these columns, in this order.
  readonly columns?: readonly string[];
  // Rows in sight before the table scrolls.
  readonly height?: number;
}

// Figures stand at the right, and numbers of SQL, too.
function standsRight(rows: readonly Row[], column: Column): boolean {
  return isFigure(column.type) || (column.type === "exact" &&
    typeof rows.find((row) => row[column.name] !== null)?.[column.name] === "number");
}

// How wide a column wants to be: as its longest cell, within reason.
function widthOf(rows: readonly Row[], column: Column): number {
  let longest = Math.min(columnLabel(column).length + 1, 22);
  for (const row of rows.slice(0, WIDTH_SAMPLE))
    longest = Math.max(longest, formatCell(row[column.name], column).length);
  return Math.min(longest, LETTERS_MAX) * LETTER_REM + PADDING_REM;
}

// The ends of an interval are shares without a bar of their own.
function hasBar(column: Column): boolean {
  return column.type === "share" && !/_(low|high)$/.test(column.name);
}

// The part of 0..1 that a figure is of the largest, drawn as a bar behind shares.
function ShareBar({ share }: { share: number }) {
  return (
    <svg class="share-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      <rect width={Math.max(0, Math.min(1, share)) * 100} height="4" />
    </svg>
  );
}

function CellContent({ result, table, row, column, cell }:
                     TableProps & { row: Row; column: Column }) {
  const own = cell?.(row, column);
  if (own !== undefined) return <>{own}</>;
  const value = row[column.name];
  const text = formatCell(value, column);
  if (text === NOTHING) return <span class="nothing" title={words.table.notEnough}>{text}</span>;
  const href = figureHref(result, table, row, column.name);
  const shown = href === undefined ? text
    : <a href={href} title={words.table.openList(text)}>{text}</a>;
  if (!hasBar(column) || typeof value !== "number") return <>{shown}</>;
  return <>{shown}<ShareBar share={value} /></>;
}

function Header({ column, right, sorting, onSort }: {
  column: Column;
  right: boolean;
  sorting: Sorting | undefined;
  onSort: () => void;
}) {
  const here = sorting?.column === column.name ? sorting : undefined;
  return (
    <th scope="col" class={right ? "figure" : ""}
        aria-sort={here === undefined ? "none" : here.down ? "descending" : "ascending"}>
      <button type="button" onClick={onSort} title={column.meaning}>
        <span>{columnLabel(column)}</span>
        {here !== undefined && <Icon name={here.down ? "down" : "up"} />}
      </button>
    </th>
  );
}

// The index of a table; while nothing else is to be done, it gets ready.
function useIndex(rows: readonly Row[], columns: readonly Column[]): TableIndex {
  const index = useMemo(() => new TableIndex(rows, columns), [rows, columns]);
  useEffect(() => {
    if (rows.length <= FINDABLE || !("requestIdleCallback" in window)) return undefined;
    let handle = 0;
    const more = (): void => {
      if (index.prepare()) handle = window.requestIdleCallback(more);
    };
    handle = window.requestIdleCallback(more);
    return () => window.cancelIdleCallback(handle);
  }, [index]);
  return index;
}

// The first row in sight, as the table scrolls.
function useWindow(count: number, height: number) {
  const box = useRef<HTMLDivElement>(null);
  const [first, setFirst] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    let frame = 0;
    const onScroll = (): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const at = Math.floor(element.scrollTop / ROW_PX);
        // Drawn anew only when the margin is half used up.
        setFirst((before) => (Math.abs(at - before) < MARGIN_ROWS / 2 ? before : at));
      });
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("scroll", onScroll);
    };
  }, []);
  const top = Math.max(0, Math.min(first, count - height) - MARGIN_ROWS);
  return { box, top, bottom: Math.min(count, top + height + 2 * MARGIN_ROWS) };
}

export function Table(props: TableProps) {
  const { result, table, height = 14 } = props;
  const rows = result.tables[table] ?? [];
  const columns = useMemo(() => {
    const all = result.columns[table] ?? [];
    return props.columns === undefined ? all
      : props.columns.flatMap((name) => all.filter((column) => column.name === name));
  }, [result, table, props.columns?.join()]);
  const [needle, setNeedle] = useState("");
  const [sorting, setSorting] = useState<Sorting>();
  const printing = usePrinting();
  const index = useIndex(rows, columns);
  const numbers = useMemo(() => index.view(needle, sorting), [index, needle, sorting]);
  const widths = useMemo(() => columns.map((column) => widthOf(rows, column)), [rows, columns]);
  const right = useMemo(() => columns.map((column) => standsRight(rows, column)),
                        [rows, columns]);
  const { box, top, bottom } = useWindow(numbers.length, height);
  const field = useId();

  const sortBy = (column: Column): void => setSorting((before) => {
    const firstDown = isFigure(column.type);
    if (before?.column !== column.name) return { column: column.name, down: firstDown };
    return before.down === firstDown ? { column: column.name, down: !firstDown } : undefined;
  });
  const total = widths.reduce((sum, width) => sum + width, 0);
  const [from, to] = printing ? [0, Math.min(numbers.length, PRINTED_MAX)] : [top, bottom];
  const seen = Array.from(numbers.subarray(from, to));
  return (
    <div class="table">
      {rows.length > FINDABLE && (
        <div class="table-find">
          <label for={field} class="sr">{words.table.filter}</label>
          <input id={field} type="search" placeholder={words.table.filter} value={needle}
                 onInput={(event) => setNeedle(event.currentTarget.value)} />
          <span class="quiet" role="status">
            {words.table.rows(formatCount(numbers.length), formatCount(rows.length))}
          </span>
        </div>
      )}
      <div class="table-box" ref={box} tabIndex={0} role="region"
           aria-label={words.table.label(tableLabel(table))}
           style={{ maxHeight: `${(height + 1.5) * ROW_PX}px` }}>
        <table aria-rowcount={numbers.length + 1} style={{ minWidth: `${total}rem` }}>
          <caption class="sr">{tableLabel(table)}</caption>
          <colgroup>
            {widths.map((width, i) => (
              <col key={columns[i]!.name} style={{ width: `${(100 * width) / total}%` }} />
            ))}
          </colgroup>
          <thead>
            <tr>
              {columns.map((column, i) => (
                <Header key={column.name} column={column} right={right[i]!} sorting={sorting}
                        onSort={() => sortBy(column)} />
              ))}
            </tr>
          </thead>
          <tbody>
            {from > 0 && <tr class="gap" aria-hidden="true"
                             style={{ height: `${from * ROW_PX}px` }}><td /></tr>}
            {seen.map((number, at) => {
              const row = rows[number]!;
              return (
                <tr key={number} aria-rowindex={from + at + 2}
                    class={(from + at) % 2 === 1 ? "odd" : ""}>
                  {columns.map((column, i) => (
                    <td key={column.name} class={right[i]! ? "figure" : ""}
                        title={right[i]! ? undefined : formatCell(row[column.name], column)}>
                      <CellContent {...props} row={row} column={column} />
                    </td>
                  ))}
                </tr>
              );
            })}
            {to < numbers.length && !printing && (
              <tr class="gap" aria-hidden="true"
                  style={{ height: `${(numbers.length - to) * ROW_PX}px` }}><td /></tr>
            )}
          </tbody>
        </table>
        {numbers.length === 0 && (
          <p class="table-none">{rows.length === 0 ? words.table.empty : words.table.none}</p>
        )}
      </div>
    </div>
  );
}
