// SPDX-License-Identifier: Apache-2.0
// What is chosen in the process map: its figures with their lists, what leads to it and away, how
// its times are spread, and filters that keep only such journeys.
import { useMemo, useState } from "preact/hooks";
import { change } from "../address/address.ts";
import type { Options, Result, Row } from "../answers/types.ts";
import { useAnswer } from "../answers/use.ts";
import { Chart } from "../charts/Chart.tsx";
import { columnLabel, formatCell, formatCount, formatDuration } from "../format.ts";
import { ViewSwitch } from "../parts/Card.tsx";
import type { View } from "../parts/Card.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { LIST_MAX, figureHref, figureOptions } from "../parts/figures.ts";
import { words } from "../words/en.ts";
import { edgeFilter, edgeKey, groupColumn, histogram, selector } from "./graph.ts";
import type { Ends } from "./graph.ts";

const texts = words.pages.process;

function RowFacts({ result, table, row }: { result: Result; table: string; row: Row }) {
  const columns = (result.columns[table] ?? []).filter((column) =>
    !["from", "to", "touchpoint", groupColumn(result)].includes(column.name));
  return (
    <dl class="row-facts">
      {columns.map((column) => {
        const text = formatCell(row[column.name], column);
        const href = figureHref(result, table, row, column.name);
        return (
          <div key={column.name}>
            <dt title={column.meaning}>{columnLabel(column)}</dt>
            <dd>{href === undefined ? text
              : <a href={href} title={words.table.openList(text)}>{text}</a>}</dd>
          </div>
        );
      })}
    </dl>
  );
}

function Filters({ choices }: {
  choices: readonly { readonly text: string; readonly options: Options }[];
}) {
  return (
    <div class="selection-filters no-print" role="group" aria-label={texts.filterBy}>
      {choices.map(({ text, options }) => (
        <button key={text} type="button" class="small" onClick={() => change(options)}>
          <Icon name="filter" />{text}
        </button>
      ))}
    </div>
  );
}

// How often each time between occurs: from the list of all pairs, asked for when it is wanted.
function spreadOf(list: Result): Result {
  const times = (Object.values(list.tables)[0] ?? []).map((row) => Number(row.gap_ms));
  const rows = histogram(times).map(({ up_to, count }) => (
    { up_to: Number.isFinite(up_to) ? texts.upTo(formatDuration(up_to)) : texts.longer,
      pairs: count }));
  return {
    ...list, tables: { spread: rows },
    columns: { spread: [{ name: "up_to", type: "text", unit: "", meaning: texts.timeBetween },
                        { name: "pairs", type: "count", unit: "pairs", meaning: texts.pairs }] },
    figures: {},
  };
}

function Spread({ options }: { options: Options }) {
  const answer = useAnswer("process", options);
  const [view, setView] = useState<View>("chart");
  const spread = useMemo(() => (answer.result === undefined ? undefined : spreadOf(answer.result)),
                         [answer.result]);
  const pairs = Object.values(answer.result?.tables ?? {})[0]?.length ?? 0;
  return (
    <Answered answer={answer} given={{}}>
      {spread !== undefined && (
        <>
          <div class="spread-head">
            <span class="quiet">{texts.spreadOf(formatCount(pairs))}</span>
            <ViewSwitch view={view} onView={setView} />
          </div>
          {pairs === LIST_MAX && <p class="note">{words.list.limited(formatCount(LIST_MAX))}</p>}
          {view === "chart"
            ? <Chart result={spread} table="spread"
                     spec={{ kind: "bars", x: "up_to", y: ["pairs"] }} />
            : <Table result={spread} table="spread" />}
        </>
      )}
    </Answered>
  );
}

function Ways({ title, rows, other, onSelect }: {
  title: string;
  rows: readonly Row[];
  other: "from" | "to";
  onSelect: (what: string) => void;
}) {
  const all = rows.reduce((sum, row) => sum + Number(row.occurrences), 0);
  if (rows.length === 0) return null;
  return (
    <div class="ways">
      <h4>{title}</h4>
      <ul>
        {[...rows].sort((a, b) => Number(b.occurrences) - Number(a.occurrences)).slice(0, 6)
          .map((row) => (
            <li key={String(row[other])}>
              <button type="button" class="plain small" onClick={() => onSelect(
                edgeKey({ from: String(row.from), to: String(row.to) }))}>
                {String(row[other]).replaceAll("_", " ")}
              </button>
              <meter min={0} max={all} value={Number(row.occurrences)}
                     aria-label={texts.share} />
              <span>{formatCount(Number(row.occurrences))}</span>
              <span class="quiet">{typeof row.median_ms === "number"
                ? formatDuration(row.median_ms) : ""}</span>
            </li>
          ))}
      </ul>
    </div>
  );
}

interface SelectionProps {
  readonly result: Result;
  readonly group: string | undefined;
  // Filters speak of touchpoints: without them when something else stands in their place.
  readonly filters: boolean;
  readonly onSelect: (what: string) => void;
}

function inGroup(result: Result, group: string | undefined): (row: Row) => boolean {
  const column = groupColumn(result);
  return (row) => column === undefined || row[column] === group;
}

function NodeSelection({ name, result, group, filters, onSelect }: SelectionProps & {
  name: string;
}) {
  const own = inGroup(result, group);
  const row = (result.tables.nodes ?? []).find((each) => own(each) && each.touchpoint === name);
  const edges = (result.tables.edges ?? []).filter(own);
  if (row === undefined) return <p class="quiet">{texts.notHere}</p>;
  const one = selector(name);
  return (
    <>
      <RowFacts result={result} table="nodes" row={row} />
      {filters && (
        <Filters choices={[
          { text: texts.withIt, options: { closed: one } },
          { text: texts.withoutIt, options: { open: one } },
          { text: texts.startingWith, options: { "starts-with": one } },
          { text: texts.endingWith, options: { "ends-with": one } },
        ]} />
      )}
      <Ways title={texts.before} other="from" onSelect={onSelect}
            rows={edges.filter((edge) => edge.to === name)} />
      <Ways title={texts.after} other="to" onSelect={onSelect}
            rows={edges.filter((edge) => edge.from === name)} />
    </>
  );
}

function EdgeSelection({ ends, result, group, filters }: SelectionProps & { ends: Ends }) {
  const [asked, setAsked] = useState(false);
  const own = inGroup(result, group);
  const inner = ends.from !== null && ends.to !== null;
  const row = (result.tables.edges ?? []).find((each) =>
    own(each) && each.from === ends.from && each.to === ends.to);
  const node = (result.tables.nodes ?? []).find((each) =>
    own(each) && each.touchpoint === (ends.to ?? ends.from));
  if (inner ? row === undefined : node === undefined)
    return <p class="quiet">{texts.notHere}</p>;
  const list = row === undefined ? undefined
    : figureOptions(result, "edges", row, "occurrences");
  return (
    <>
      {row !== undefined && <RowFacts result={result} table="edges" row={row} />}
      {!inner && node !== undefined && <RowFacts result={result} table="nodes" row={node} />}
      {filters && <Filters choices={[
        { text: texts.alongIt, options: edgeFilter(ends) },
        ...(inner ? [{ text: texts.notAlongIt,
                       options: { avoids: edgeFilter(ends).follows ?? "" } }] : []),
      ]} />}
      {list !== undefined && (asked ? <Spread options={list} />
        : <button type="button" class="small no-print" onClick={() => setAsked(true)}>
            <Icon name="chart" />{texts.showSpread}
          </button>)}
    </>
  );
}

export function Selection({ what, ...props }: SelectionProps & { what: string }) {
  const ends = what.startsWith("[") ? (JSON.parse(what) as [string | null, string | null])
                                    : undefined;
  const spoken = (name: string | null, end: "start" | "end"): string =>
    (name ?? texts.markers[end]).replaceAll("_", " ");
  const title = ends === undefined ? spoken(what, "start")
    : `${spoken(ends[0], "start")} → ${spoken(ends[1], "end")}`;
  return (
    <section class="selection" aria-label={texts.selected} key={what}>
      <header class="card-head">
        <h3 aria-live="polite">{title}</h3>
        <button type="button" class="plain small" aria-label={texts.unselect}
                onClick={() => props.onSelect("")}>
          <Icon name="close" />
        </button>
      </header>
      {ends === undefined ? <NodeSelection name={what} {...props} />
        : <EdgeSelection ends={{ from: ends[0], to: ends[1] }} {...props} />}
    </section>
  );
}
