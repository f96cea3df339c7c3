// SPDX-License-Identifier: Apache-2.0
// An answer on a page: title, what is seen in words, chart or table, and beneath what it rests on:
// notes, definition, CSV and the command that gives the same. `AnswerCard` asks by itself; a page
// that has its answer already uses `Card` and puts anything inside.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { commandOf } from "../answers/key.ts";
import { hrefOf } from "../address/address.ts";
import type { Note, Options, Result } from "../answers/types.ts";
import { useAnswer, useGround } from "../answers/use.ts";
import type { Answer } from "../answers/use.ts";
import { SaveToBoard } from "../boards/SaveToBoard.tsx";
import { Chart } from "../charts/Chart.tsx";
import { defaultSpec, holdsTwo } from "../charts/spec.ts";
import { AgainstLine, AloneLine, ComparedTable } from "../compare/Compared.tsx";
import { isComparable } from "../compare/compare.ts";
import { useAgainst, useBoth } from "../compare/use.ts";
import type { Against, Both } from "../compare/use.ts";
import type { ChartSpec } from "../charts/spec.ts";
import { questionLabel, tableLabel } from "../format.ts";
import type { Headline } from "../headlines/headline.ts";
import { comparedHeadlines } from "../headlines/compare.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { words } from "../words/en.ts";
import { Facts } from "./Facts.tsx";
import { Icon } from "./Icon.tsx";
import { Answered } from "./States.tsx";
import { Table } from "./Table.tsx";
import { offerFile } from "./files.ts";
import type { TableProps } from "./Table.tsx";

export function Notes({ notes }: { notes: readonly Note[] }) {
  const warnings = notes.filter((note) => note.level === "warning");
  const others = notes.filter((note) => note.level !== "warning");
  return (
    <>
      {warnings.map((note) => (
        <p key={note.text} class="note warning">
          <Icon name="warn" /><span><b>{words.card.warning}:</b> {note.text}</span>
        </p>
      ))}
      {others.length > 0 && (
        <details class="fold">
          <summary>{words.card.notes} ({others.length})</summary>
          {others.map((note) => <p key={note.text} class="note">{note.text}</p>)}
        </details>
      )}
    </>
  );
}

export function CopyCommand({ question, options }: { question: string; options: Options }) {
  const { questions } = useGround();
  return <CopyText text={commandOf(questions, question, options)} />;
}

// A button that puts a command on the clipboard.
export function CopyText({ text, name = words.card.command }: { text: string; name?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = window.setTimeout(() => setCopied(false), 2000);
    return () => window.clearTimeout(timer);
  }, [copied]);
  return (
    <button type="button" class="plain small" title={text}
            onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}>
      <Icon name="copy" /><span aria-live="polite">
        {copied ? words.card.copied : name}</span>
    </button>
  );
}

// What an answer rests on, under it.
export function CardFoot({ result, options, tables, against, repeated = false }: {
  result: Result;
  options: Options;
  tables: readonly string[];
  repeated?: boolean; // the same stands under another card: paper has it once
  against?: Against | undefined;
}) {
  const { source, questions } = useGround();
  const command = commandOf(questions, result.question, options);
  return (
    <footer class={`card-foot ${repeated ? "repeated" : ""}`}>
      <Notes notes={result.notes} />
      <details class="fold">
        <summary>{words.card.definition}</summary>
        <p>{result.definition}</p>
        <p class="quiet no-print">{words.card.asked}: <code>{command}</code></p>
      </details>
      <div class="card-tools no-print">
        {tables.map((table) => {
          const href = source.href(result.question, options, "csv", table);
          const file = `${result.question}-${table}.csv`;
          const name = <><Icon name="file" />{tables.length === 1 ? words.card.csv
            : words.card.csvOf(tableLabel(table))}</>;
          return href !== undefined
            ? <a key={table} class="tool" href={href} download={file}>{name}</a>
            : source.kind === "server" && (
              <button key={table} type="button" class="plain small" onClick={() =>
                void source.csv(result.question, options, table).then(
                  (blob) => offerFile(blob, file), () => undefined)}>
                {name}
              </button>
            );
        })}
        <CopyCommand question={result.question} options={options} />
        {against !== undefined &&
          <CopyText text={commandOf(questions, result.question, against.options)}
                    name={words.compare.command} />}
        <SaveToBoard question={result.question} options={options} />
      </div>
      <p class="command only-print"><code>{command}</code></p>
    </footer>
  );
}

export function Headlines({ lines }: { lines: readonly Headline[] }) {
  return (
    <>
      {lines.map((line) => (
        <p key={line.text} class={`headline ${line.tone ?? ""}`}>{line.text}</p>
      ))}
    </>
  );
}

// The frame: a title as a heading of the page, tools at its right, anything inside.
export function Card({ title, href, tools, children, wide = false }: {
  title: string;
  href?: string | undefined;
  tools?: ComponentChildren;
  children: ComponentChildren;
  wide?: boolean;
}) {
  return (
    <section class={`card ${wide ? "wide" : ""}`} aria-label={title}>
      <header class="card-head">
        <h2>{href === undefined ? title : <a href={href}>{title}</a>}</h2>
        <div class="card-tools no-print">{tools}</div>
      </header>
      {children}
    </section>
  );
}

export type View = "chart" | "table";

export function ViewSwitch({ view, onView }: { view: View; onView: (view: View) => void }) {
  return (
    <div class="switch" role="group" aria-label={words.chart.show}>
      {(["chart", "table"] as const).map((each) => (
        <button key={each} type="button" aria-pressed={view === each} onClick={() => onView(each)}>
          <Icon name={each} />{each === "chart" ? words.chart.asChart : words.chart.asTable}
        </button>
      ))}
    </div>
  );
}

// A table of an answer with its chart: one row as figures, else chart or table by the switch.
export function TableOrChart({ result, table, spec, view, both, ...rest }:
                             Omit<TableProps, "result"> & {
  result: Result;
  spec: ChartSpec | undefined;
  view: View;
  both?: Both | undefined;
}) {
  if ((result.tables[table] ?? []).length === 1 && spec === undefined)
    return <Facts result={result} table={table} both={both} />;
  if (spec !== undefined && view === "chart")
    return <Chart result={result} table={table} spec={spec} beside={both} />;
  return both === undefined || both.pairs.size === 0
    ? <Table result={result} table={table} {...rest} />
    : <ComparedTable result={result} table={table} both={both} y={spec?.y} {...rest} />;
}

// What a picture shows of a comparison: as its spec can; one of its own shows both, or this period
// alone.
export type Shows = "spec" | "both" | "one";

// What a table is compared with, in words and for its picture: the line stands above it.
export function useCompared(result: Result | undefined, table: string,
                            spec: ChartSpec | undefined, against: Against | undefined,
                            shows: Shows = "spec") {
  const comparable = result === undefined || isComparable(result, table);
  const both = useBoth(result, comparable ? against : undefined, table,
                       spec?.kind === "line" ? spec.x : undefined);
  const line = against === undefined ? null
    : !comparable ? <p class="against quiet">{words.compare.single}</p> : (
    <>
      {result !== undefined && both !== undefined && shows === "spec" &&
        <Headlines lines={comparedHeadlines(result, table, spec, both.pairs)} />}
      <AgainstLine against={against} both={both} rows={result?.tables[table]?.length ?? 0}
                   alone={shows === "one" || (shows === "spec" && spec !== undefined &&
                                              !holdsTwo(spec))} />
    </>
  );
  return { both, line };
}

// The table that tells most of an answer: the first of several rows.
export function mainTable(result: Result): string {
  const names = Object.keys(result.tables);
  return names.find((name) => (result.tables[name]?.length ?? 0) > 1) ?? names[0] ?? "";
}

export interface AnswerCardProps {
  readonly title?: string;
  readonly question: string;
  readonly options: Options;
  // Which table; else the main one.
  readonly table?: string;
  readonly columns?: readonly string[];
  // A spec; "none": only the table; not given: the default of the table.
  readonly chart?: ChartSpec | "none";
  // Rules of its own; not given: the question's (headlines/).
  readonly headlines?: ((result: Result) => readonly Headline[]) | "none";
  readonly wide?: boolean;
  readonly href?: string;
  // The page has told the same answer's notes and definition already.
  readonly repeated?: boolean;
  // What the children show of a comparison, where it is not both.
  readonly shows?: Shows;
  // Not given: as `against` says; false: never, and the card says so where the page compares.
  readonly compares?: false;
  // In place of chart and table.
  readonly children?: (result: Result, both: Both | undefined) => ComponentChildren;
}

// A card around an answer that somebody else asked for.
export function AnsweredCard({ answer, options, against, ...props }: AnswerCardProps & {
  answer: Answer;
  against?: Against | undefined; // with what it is compared
}) {
  const [view, setView] = useState<View>("chart");
  const { result } = answer;
  const table = props.table ?? (result === undefined ? "" : mainTable(result));
  const spec = useMemo(() => (result === undefined || props.chart === "none" ? undefined
    : props.chart ?? defaultSpec(result, table)), [result, table, props.chart]);
  const lines = useMemo(() => (result === undefined || props.headlines === "none" ? []
    : (props.headlines ?? headlinesOf)(result)), [result, props.headlines]);
  const title = props.title ?? questionLabel(props.question);
  const { both, line } = useCompared(answer.loading ? undefined : result, table, spec, against,
                                     props.shows ?? (props.children === undefined ? "spec"
                                                                                  : "both"));
  return (
    <Card title={title} wide={props.wide ?? false}
          href={props.href ?? hrefOf(`/question/${props.question}`, options)}
          tools={spec !== undefined && props.children === undefined &&
                 <ViewSwitch view={view} onView={setView} />}>
      <Answered answer={answer} given={result?.options ?? {}}>
        {result !== undefined && (
          <>
            <Headlines lines={lines} />
            {props.compares === false ? <AloneLine /> : line}
            {props.children?.(result, both) ?? (
              <TableOrChart result={result} table={table} spec={spec} view={view} both={both}
                            {...(props.columns === undefined ? {} : { columns: props.columns })} />
            )}
            <CardFoot result={result} options={options} tables={[table]} against={against}
                      repeated={props.repeated ?? false} />
          </>
        )}
      </Answered>
    </Card>
  );
}

export function AnswerCard(props: AnswerCardProps) {
  const answer = useAnswer(props.question, props.options);
  const against = useAgainst(props.question, props.compares === false ? undefined : props.options);
  return <AnsweredCard {...props} answer={answer} against={against} />;
}
