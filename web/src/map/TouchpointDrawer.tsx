// SPDX-License-Identifier: Apache-2.0
// One touchpoint of the journey map beside it: its figures with their lists, how it goes over time,
// what comes right before and after it, and the properties of its events.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { change, pageHref } from "../address/address.ts";
import { valueOf } from "../answers/key.ts";
import type { Options, Result, Row } from "../answers/types.ts";
import { useAnswer, useBar } from "../answers/use.ts";
import { NOTHING, columnLabel, formatCell, formatCount, formatDuration, formatWholeShare }
  from "../format.ts";
import { AnswerCard, Card, CardFoot } from "../parts/Card.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { figureHref } from "../parts/figures.ts";
import { words } from "../words/en.ts";
import type { Touchpoint } from "./journey.ts";

const texts = words.pages.map;

// The bar's condition on events, and that they are of the touchpoint.
function only(bar: Options, touchpoint: string): string {
  const condition = `touchpoint = '${touchpoint.replaceAll("'", "''")}'`;
  const given = valueOf(bar, "where");
  return given === "" ? condition : `(${given}) and ${condition}`;
}

// The columns that the others, or the drawer's title, say already.
const SAID = ["stage", "touchpoint", "actor"];

function Figures({ result, table, row }: { result: Result; table: string; row: Row }) {
  const columns = (result.columns[table] ?? []).filter((column) => !SAID.includes(column.name));
  return (
    <dl class="row-facts">
      {columns.map((column) => {
        const text = formatCell(row[column.name], column);
        const href = figureHref(result, table, row, column.name);
        return text === NOTHING ? null : (
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

function Neighbours({ title, none, result, rows, other }: {
  title: string;
  none: string;
  result: Result;
  rows: readonly Row[];
  other: "from" | "to";
}) {
  const all = rows.reduce((sum, row) => sum + Number(row.occurrences), 0);
  const shown = [...rows].sort((a, b) => Number(b.occurrences) - Number(a.occurrences)).slice(0, 8);
  return (
    <div class="ways">
      <h4>{title}</h4>
      {shown.length === 0 && <p class="quiet">{none}</p>}
      <ul>
        {shown.map((row) => {
          const count = formatCount(Number(row.occurrences));
          const href = figureHref(result, "edges", row, "occurrences");
          return (
            <li key={String(row[other])}>
              <span class="way-name">{String(row[other]).replaceAll("_", " ")}</span>
              <span>{formatWholeShare(Number(row.occurrences) / all)}</span>
              <span>{href === undefined ? count
                : <a href={href} title={words.table.openList(count)}>{count}</a>}</span>
              <span class="quiet">{typeof row.median_ms === "number"
                ? formatDuration(row.median_ms) : ""}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Around({ name }: { name: string }) {
  const options = useBar("process", ["by"]);
  const answer = useAnswer("process", options);
  const { result } = answer;
  const edges = result?.tables.edges ?? [];
  return (
    <Card title={texts.around}>
      <Answered answer={answer} given={{}}>
        {result !== undefined && (
          <>
            <Neighbours title={texts.before} none={texts.nothingBefore} result={result}
                        other="from" rows={edges.filter((row) => row.to === name)} />
            <Neighbours title={texts.after} none={texts.nothingAfter} result={result}
                        other="to" rows={edges.filter((row) => row.from === name)} />
            <p><a href={pageHref("/process", { selected: name })}>{texts.inProcess}</a></p>
            <CardFoot result={result} options={options} tables={["edges"]} />
          </>
        )}
      </Answered>
    </Card>
  );
}

// The properties that its events have: those of the store's, with their types and examples.
function Properties({ name }: { name: string }) {
  const bar = useBar("schema", ["by", "case", "cases", "attach", "range"]);
  const options = useMemo(() => ({ ...bar, where: only(bar, name) }), [JSON.stringify(bar), name]);
  const answer = useAnswer("schema", options);
  const { result } = answer;
  return (
    <Card title={texts.properties}>
      <Answered answer={answer} given={{}}>
        {result !== undefined && (
          <>
            <Table result={result} table="properties" height={14} />
            <CardFoot result={result} options={options} tables={["properties"]} />
          </>
        )}
      </Answered>
    </Card>
  );
}

export function TouchpointDrawer({ result, touchpoint }: {
  result: Result;
  touchpoint: Touchpoint;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const trend = useBar("trend", ["by"]);
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
  }, []);
  const close = (): void => change({ touchpoint: undefined });
  const { name, stage } = touchpoint;
  const trendOptions = useMemo(() => ({ ...trend, measure: "cases", per: "month",
                                        where: only(trend, name) }),
                               [JSON.stringify(trend), name]);
  return (
    <dialog class="drawer" ref={dialog} aria-labelledby="touchpoint-title"
            onCancel={(event) => { event.preventDefault(); close(); }}
            onClick={(event) => { if (event.target === dialog.current) close(); }}>
      <div class="drawer-inside touchpoint-drawer">
        <header class="card-head">
          <h2 id="touchpoint-title">{name.replaceAll("_", " ")} <small class="quiet">
            {stage.replaceAll("_", " ")}</small></h2>
          <button type="button" class="plain" onClick={close} aria-label={texts.close}>
            <Icon name="close" />
          </button>
        </header>
        <Figures result={result} table="touchpoints" row={touchpoint.row} />
        {touchpoint.answers !== undefined && (
          <section>
            <h3>{texts.answers}</h3>
            <Figures result={result} table="answers" row={touchpoint.answers} />
          </section>
        )}
        <AnswerCard title={texts.overTime} question="trend" options={trendOptions} />
        <Around name={name} />
        <Properties name={name} />
      </div>
    </dialog>
  );
}
