// SPDX-License-Identifier: Apache-2.0
// A tile of a board, of the dashboard and of a report alike: the answer to its question in the view
// that its question has, else chart and tables from the columns.
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { hrefOf } from "../address/address.ts";
import { rememberAsked } from "../answers/asked.ts";
import { answerKey } from "../answers/key.ts";
import type { Options, Result, Tile } from "../answers/types.ts";
import { useAnswer, useGround } from "../answers/use.ts";
import type { Answer } from "../answers/use.ts";
import { useAgainst } from "../compare/use.ts";
import type { Against } from "../compare/use.ts";
import { defaultSpec } from "../charts/spec.ts";
import { formatCount, tableLabel } from "../format.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { Card, CardFoot, Headlines, TableOrChart, ViewSwitch, mainTable, useCompared }
  from "../parts/Card.tsx";
import type { View } from "../parts/Card.tsx";
import { Answered, Message } from "../parts/States.tsx";
import { words } from "../words/en.ts";
import { Paper } from "./Paper.tsx";
import { showingBoth, tileForms, tileViews } from "./views.ts";

// A table that is not the main one: behind a heading that opens it.
function MoreTable({ result, table }: { result: Result; table: string }) {
  const rows = (result.tables[table] ?? []).length;
  if (rows === 0) return null;
  return (
    <details class="fold tile-more no-print">
      <summary>{tableLabel(table)} ({formatCount(rows)})</summary>
      <TableOrChart result={result} table={table} spec={undefined} view="table" />
    </details>
  );
}

function Shown({ tile, result, view, against }: {
  tile: Tile;
  result: Result;
  view: View;
  against: Against | undefined;
}) {
  const main = mainTable(result);
  const View = tile.chart === "table" ? undefined : tileViews[result.question];
  const spec = useMemo(() => (tile.chart === "table" ? undefined : defaultSpec(result, main)),
                       [tile.chart, result, main]);
  const { both, line } = useCompared(result, main, spec, against, View === undefined ? "spec"
    : showingBoth.has(result.question) ? "both" : "one");
  const others = Object.keys(result.tables).filter((table) => table !== main);
  const drawn = view === "chart" && (View !== undefined || spec !== undefined);
  return (
    <>
      <Headlines lines={headlinesOf(result)} />
      {line}
      {drawn && View !== undefined &&
        <div class="tile-view"><View result={result} options={tile.options} both={both} /></div>}
      {(!drawn || View === undefined) && (
        <div class={drawn ? "" : "no-print"}>
          <TableOrChart result={result} table={main} spec={spec} view={view} both={both} />
        </div>
      )}
      {others.map((table) => <MoreTable key={table} result={result} table={table} />)}
      <Paper result={result} main={main} />
    </>
  );
}

// The tile's answer. It is asked once, in the form that its picture needs; what cannot be had in
// that form is asked for as it is. Its lists are those of the plain question.
function useTile(tile: Tile, options: Options): Answer {
  const { source } = useGround();
  const asked = tile.question === "" ? undefined : options;
  const form = tile.chart === "table" ? undefined : tileForms[tile.question];
  const formed = useAnswer(tile.question, form && asked && { ...asked, ...form });
  const instead = form === undefined || formed.problem !== undefined;
  const plain = useAnswer(tile.question, instead ? asked : undefined);
  const { result } = formed;
  const listed = useMemo(() => (result === undefined || source.kind !== "server" ? result
    : rememberAsked({ ...result }, options)), [result, answerKey(tile.question, options)]);
  return instead ? plain : { ...formed, result: listed };
}

export function BoardTile({ tile, options, tools }: {
  tile: Tile;
  options: Options; // the tile's, with those of the bar
  tools?: ComponentChildren;
}) {
  const answer = useTile(tile, options);
  const against = useAgainst(tile.question, tile.question === "" ? undefined : options);
  const { result } = answer;
  const [view, setView] = useState<View>(tile.chart === "table" ? "table" : "chart");
  const drawable = result !== undefined && tile.chart !== "table" &&
    (tileViews[result.question] !== undefined ||
     defaultSpec(result, mainTable(result)) !== undefined);
  return (
    <Card title={tile.title} wide
          href={tile.question === "" ? undefined : hrefOf(`/question/${tile.question}`, options)}
          tools={<>{drawable && <ViewSwitch view={view} onView={setView} />}{tools}</>}>
      {tile.question === "" || (tile.error !== undefined && result === undefined)
        ? <Message tone="bad" title={words.states.failed} advice={tile.error} />
        : (
          <Answered answer={answer} given={result?.options ?? {}}>
            {result !== undefined && (
              <>
                <Shown tile={tile} result={result} view={view} against={against} />
                <CardFoot result={result} options={options} tables={[mainTable(result)]}
                          against={against} />
              </>
            )}
          </Answered>
        )}
    </Card>
  );
}
