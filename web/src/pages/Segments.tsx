// SPDX-License-Identifier: Apache-2.0
// Segments: sizes now and over time, who is in two of them, who moved from one to another between
// two instants, and a definition that is counted while it is written. One answer serves all.
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { change, go, useAddress } from "../address/address.ts";
import { changed, valueOf, valuesOf } from "../answers/key.ts";
import type { Options, Result, Row } from "../answers/types.ts";
import { useAnswer, useBar, useGround } from "../answers/use.ts";
import type { Answer } from "../answers/use.ts";
import { Chart } from "../charts/Chart.tsx";
import type { ChartSpec } from "../charts/spec.ts";
import { formatCell, formatDay, formatTime, label } from "../format.ts";
import { figureOf, rowsOf, textOf } from "../headlines/headline.ts";
import type { Headline } from "../headlines/headline.ts";
import { moveHeadlines, overlapHeadlines, seriesHeadlines, sizeHeadlines }
  from "../headlines/segment.ts";
import { Card, CardFoot, Headlines, ViewSwitch } from "../parts/Card.tsx";
import type { View } from "../parts/Card.tsx";
import { Definition } from "../parts/Definition.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Matrix } from "../parts/Matrix.tsx";
import type { MatrixCell } from "../parts/Matrix.tsx";
import { SegmentSizes } from "../parts/SegmentSizes.tsx";
import { Answered, Message } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { Select, TextField } from "../parts/fields.tsx";
import { figureHref } from "../parts/figures.ts";
import { pairOf, perOf, versusOf } from "../parts/segments.ts";
import { words } from "../words/en.ts";

const texts = words.pages.segments;

// A card of this page: a picture or its table.
function Part({ answer, options, table, title, headlines, children }: {
  answer: Answer;
  options: Options;
  table: string;
  title: string;
  headlines: (result: Result) => readonly Headline[];
  children: (result: Result) => ComponentChildren;
}) {
  const [view, setView] = useState<View>("chart");
  const { result } = answer;
  const there = result?.tables[table] !== undefined;
  return (
    <Card title={title} wide tools={there && <ViewSwitch view={view} onView={setView} />}>
      <Answered answer={answer} given={result?.options ?? {}}>
        {result !== undefined && there && (
          <>
            <Headlines lines={headlines(result)} />
            {view === "chart" ? children(result) : <Table result={result} table={table} />}
            <CardFoot result={result} options={options} tables={[table]} />
          </>
        )}
      </Answered>
    </Card>
  );
}

// The largest at the end: more lines nobody can tell apart.
const LINES_MAX = 5;

function largestOf(result: Result): ReadonlySet<string> {
  const rows = rowsOf(result, "series");
  const last = rows.filter((row) => row.at === rows.at(-1)?.at)
    .sort((a, b) => (figureOf(b, "members") ?? 0) - (figureOf(a, "members") ?? 0));
  return new Set(last.slice(0, LINES_MAX).map((row) => textOf(row, "name")));
}

// The day of a point; the last is the instant of the answer.
function dayOf(row: Row, rows: readonly Row[]): string {
  const at = textOf(row, "at");
  return at === rows.at(-1)?.at ? formatTime(at) : formatDay(at);
}

// The series with days in place of instants, for the axis.
function withDays(result: Result): Result {
  const largest = largestOf(result);
  const rows = rowsOf(result, "series").filter((row) => largest.has(textOf(row, "name")));
  return { ...result, tables: { ...result.tables, series: rows.map((row) => (
             { ...row, at: dayOf(row, rows), name: label(textOf(row, "name")) })) },
           columns: { ...result.columns, series: (result.columns.series ?? []).map((column) => (
             column.name === "at" ? { ...column, type: "text" as const } : column)) } };
}

function OverTime({ result, measure }: { result: Result; measure: string }) {
  const shown = useMemo(() => withDays(result), [result]);
  const names = new Set(rowsOf(result, "series").map((row) => textOf(row, "name")));
  const spec = useMemo((): ChartSpec => ({
    kind: "line", x: "at", y: [measure], split: "name",
    ...(names.size === 1 && measure === "share" ? { low: "share_low", high: "share_high" } : {}),
  }), [measure, names.size]);
  const open = (place: string, series: string): void => {
    const row = rowsOf(result, "series").find((each, _, all) =>
      label(textOf(each, "name")) === series && dayOf(each, all) === place);
    const href = row === undefined ? undefined : figureHref(result, "series", row, "members");
    if (href !== undefined) go(href);
  };
  return (
    <>
      <Chart result={shown} table="series" spec={spec} height={320} onPlace={open} />
      {names.size > LINES_MAX && <p class="quiet">{texts.largest(LINES_MAX, names.size)}</p>}
    </>
  );
}

function Overlap({ result }: { result: Result }) {
  const rows = rowsOf(result, "overlap");
  const sizes = rowsOf(result, "segments");
  const of = (wanted: (members: number | undefined) => boolean): string[] =>
    sizes.filter((row) => wanted(figureOf(row, "members"))).map((row) => textOf(row, "name"));
  const names = of((members) => members !== undefined && members > 0);
  const empty = of((members) => members === 0);
  const cell = (row: string, column: string): MatrixCell | undefined => {
    if (row === column) {
      const own = sizes.find((each) => each.name === row);
      return own === undefined ? undefined : {
        count: figureOf(own, "members") ?? 0, same: true,
        href: figureHref(result, "segments", own, "members") };
    }
    const pair = pairOf(rows, row, column);
    return pair === undefined ? undefined : {
      count: figureOf(pair.row, "both") ?? 0, share: figureOf(pair.row, pair.share),
      href: figureHref(result, "overlap", pair.row, "both") };
  };
  if (names.length < 2)
    return <Message title={names.length === 0 ? texts.nobodyAtAll : texts.one} />;
  return (
    <>
      <Matrix rows={names} columns={names} corner={texts.overlapCorner} caption={texts.overlap}
              cell={cell} />
      {empty.length > 0 && <p class="quiet">{texts.nobody(empty.map(label).join(", "))}</p>}
    </>
  );
}

function Moves({ result }: { result: Result }) {
  const rows = rowsOf(result, "moves");
  const from = [...new Set(rows.map((row) => textOf(row, "from")))];
  const to = [...new Set(rows.map((row) => textOf(row, "to")))];
  const find = (a: string, b: string): Row | undefined =>
    rows.find((row) => row.from === a && row.to === b);
  const count = { name: "members", type: "count", unit: "", meaning: "" } as const;
  return (
    <Matrix rows={from} columns={to} corner={texts.movesCorner} caption={texts.moves}
            cell={(a, b) => {
              const row = find(a, b);
              return row === undefined ? undefined : {
                count: figureOf(row, "members") ?? 0, share: figureOf(row, "share"),
                same: a === b, href: figureHref(result, "moves", row, "members") };
            }}
            rowFoot={{ title: texts.before, of: (a) => formatCell(to.reduce(
              (sum, b) => sum + (figureOf(find(a, b), "members") ?? 0), 0), count) }} />
  );
}

function Picker({ chosen }: { chosen: readonly string[] }) {
  const { store } = useGround();
  const own = chosen.filter((name) => !store.segments.some((each) => each.name === name));
  const names = [...store.segments.map((each) => each.name), ...own];
  const toggled = (name: string): readonly string[] =>
    (chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  return (
    <fieldset class="picker">
      <legend>{texts.pick}</legend>
      <div class="presets">
        <button type="button" aria-pressed={chosen.length === 0}
                onClick={() => change({ segment: undefined })}>
          {texts.all}
        </button>
        {names.map((name) => (
          <button key={name} type="button" aria-pressed={chosen.includes(name)}
                  title={store.segments.find((each) => each.name === name)?.condition}
                  onClick={() => change({ segment: toggled(name) })}>
            {own.includes(name) ? <code>{name}</code> : label(name)}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

export function SegmentsPage() {
  const { store } = useGround();
  const address = useAddress();
  const [measure, setMeasure] = useState("share");
  const bar = useBar("segment", ["by"]);
  const chosen = valuesOf(address.options, "segment");
  const per = perOf(valueOf(address.options, "per"), store);
  const until = valueOf(bar, "as-of") || (store.last ?? "");
  const versus = valueOf(address.options, "versus") || versusOf(until, store.first);
  const options = changed(bar, { segment: chosen, per: per.per, since: per.since, versus,
                                 overlap: "true" });
  const answer = useAnswer("segment", options);
  const days = [versus, until].sort().map(formatDay);
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      <section class="question-form" aria-label={texts.pick}>
        <Picker chosen={chosen} />
        <div class="form-grid">
          <Select label={texts.per} value={per.per} onChange={(value) => change({ per: value })}
                  choices={(["day", "week", "month"] as const).map(
                    (each) => ({ value: each, text: texts[each] }))} />
          <TextField type="date" label={texts.versus} value={versus.slice(0, 10)}
                     onChange={(value) => change({ versus: value })} />
          <Select label={texts.measure} value={measure} onChange={setMeasure}
                  choices={(["share", "members"] as const).map(
                    (each) => ({ value: each, text: texts[each] }))} />
        </div>
      </section>
      <div class="cards">
        <Part answer={answer} options={options} table="segments" title={texts.sizes}
              headlines={sizeHeadlines}>
          {(result) => <SegmentSizes result={result} versus={versus} />}
        </Part>
        <Part answer={answer} options={options} table="series" title={texts.overTime}
              headlines={seriesHeadlines}>
          {(result) => <OverTime result={result} measure={measure} />}
        </Part>
        <Part answer={answer} options={options} table="overlap" title={texts.overlap}
              headlines={overlapHeadlines}>
          {(result) => <Overlap result={result} />}
        </Part>
        {versus === "" ? <Card title={texts.moves} wide><Message title={texts.noMoves} /></Card> : (
          <Part answer={answer} options={options} table="moves" headlines={moveHeadlines}
                title={`${texts.moves}: ${texts.movesLead(days[0] ?? "", days[1] ?? "")}`}>
            {(result) => <Moves result={result} />}
          </Part>
        )}
        <Definition bar={bar} onAdd={(condition) => {
          if (!chosen.includes(condition)) change({ segment: [...chosen, condition] });
        }} />
      </div>
    </>
  );
}

