// SPDX-License-Identifier: Apache-2.0
// What a card says of a comparison: with which period, and the table with both and the differences.
import { useMemo } from "preact/hooks";
import { useAddress } from "../address/address.ts";
import { valueOf } from "../answers/key.ts";
import type { Column, Row } from "../answers/types.ts";
import { useGround } from "../answers/use.ts";
import { formatCell, formatDifference } from "../format.ts";
import { Loading } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import type { TableProps } from "../parts/Table.tsx";
import { figureHref } from "../parts/figures.ts";
import { words } from "../words/en.ts";
import { BEFORE, DIFFERENCE, comparedTable, earlierPeriod, isMeasure } from "./compare.ts";
import type { Against, Both } from "./use.ts";

const texts = words.compare;
// Of a wider table only what its chart shows is compared.
const MEASURES_MAX = 3;

// With what a card is compared, or why it is not.
export function AgainstLine({ against, both, rows, alone = false }: {
  against: Against;
  both: Both | undefined;
  rows: number; // that there are to be compared
  alone?: boolean; // the chart cannot show both
}) {
  const { answer } = against;
  if (answer.problem !== undefined)
    return (
      <p class="against note warning">
        <span>{texts.failed}: {answer.problem.message}</span>
      </p>
    );
  if (answer.stopped)
    return (
      <p class="against quiet">
        {words.states.stopped}{" "}
        <button type="button" class="small" onClick={answer.again}>{words.states.again}</button>
      </p>
    );
  if (both === undefined) return <Loading answer={answer} />;
  return (
    <p class="against quiet">
      {texts.with(against.period, against.year)}
      {against.remark !== "" && ` ${against.remark}`}
      {both.pairs.size === 0 ? rows > 0 && ` ${texts.nothing}` : alone && ` ${texts.alone}`}
    </p>
  );
}

// What stands in a part of a page that compares nothing, while the page does.
export function AloneLine() {
  const { source } = useGround();
  const { options } = useAddress();
  const compare = valueOf(options, "compare");
  return source.kind !== "server" || compare === "" ||
    earlierPeriod(options, compare) === undefined ? null
    : <p class="against quiet">{texts.here}</p>;
}

function stem(column: Column, end: string): string | undefined {
  return column.name.endsWith(end) ? column.name.slice(0, -end.length) : undefined;
}

// A table with the figures of both periods; `y`: the columns of its chart.
export function ComparedTable({ both, y, ...props }: TableProps & {
  both: Both;
  y?: readonly string[] | undefined;
}) {
  const { result, table, columns } = props;
  const shown = useMemo(() => {
    const all = (result.columns[table] ?? []).filter((column) =>
      columns === undefined || columns.includes(column.name));
    const measures = all.filter(isMeasure).map((column) => column.name);
    const few = measures.length <= MEASURES_MAX || y === undefined ? measures.slice(0, 6)
      : measures.filter((name) => y.includes(name) || name === "n");
    const made = comparedTable(result, table, both.pairs, few);
    const order = columns === undefined ? undefined : columns.flatMap((name) => (
      few.includes(name) ? [name, name + BEFORE, name + DIFFERENCE] : [name]));
    return { made, order };
  }, [result, table, both, y?.join(), columns?.join()]);
  const rows = new Map((shown.made.tables[table] ?? []).map(
    (row, at) => [row, (result.tables[table] ?? [])[at]!]));
  const cell = (row: Row, column: Column) => {
    const changed = stem(column, DIFFERENCE);
    const value = row[column.name];
    if (changed !== undefined && typeof value === "number") return formatDifference(value, column);
    const name = stem(column, BEFORE);
    const other = both.pairs.get(rows.get(row)!);
    if (name === undefined || other === undefined) return props.cell?.(row, column);
    const text = formatCell(other[name], column);
    const href = figureHref(both.before, table, other, name);
    return href === undefined ? text
      : <a href={href} title={words.table.openList(text)}>{text}</a>;
  };
  return <Table {...props} result={shown.made} cell={cell}
                {...(shown.order === undefined ? {} : { columns: shown.order })} />;
}
