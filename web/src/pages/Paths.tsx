// SPDX-License-Identifier: Apache-2.0
// Paths: what comes after an event, what led to it, or what lies between two.
import { useMemo } from "preact/hooks";
import { change, useAddress } from "../address/address.ts";
import { changed, chosen, valueOf } from "../answers/key.ts";
import type { Column, Options, Result, Row } from "../answers/types.ts";
import { useAnswer, useBar, useGround } from "../answers/use.ts";
import { ComparedTable } from "../compare/Compared.tsx";
import { useAgainst } from "../compare/use.ts";
import { FlowPicture } from "../flow/Flow.tsx";
import { treeOf } from "../flow/flow.ts";
import { spoken } from "../headlines/headline.ts";
import { countColumn } from "../headlines/paths.ts";
import { AnsweredCard } from "../parts/Card.tsx";
import { Expression } from "../parts/Expression.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Message } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { Select, TextField, Tick } from "../parts/fields.tsx";
import { usualTouchpoint } from "../parts/selector.ts";
import { words } from "../words/en.ts";

const texts = words.pages.paths;
type Way = "after" | "before" | "between";
const OWN = ["anchor", "depth", "children", "min-share", "collapse"];
const GROUPS_MAX = 6;

// Which way is looked, and from where; a way that nobody chose begins with what is usual.
function usePaths(): { way: Way; after: string; before: string; options: Options } {
  const { store } = useGround();
  const { options } = useAddress();
  const bar = useBar("paths");
  const [givenAfter, givenBefore] = [valueOf(options, "after"), valueOf(options, "before")];
  const wanted = valueOf(options, "way");
  const way: Way = wanted === "before" || wanted === "between" || wanted === "after" ? wanted
    : givenBefore === "" ? "after" : givenAfter === "" ? "before" : "between";
  const after = givenAfter || usualTouchpoint(store, way === "between"
    ? ["order_placed"] : ["delivered", "order_placed"]);
  const before = givenBefore || usualTouchpoint(store, way === "between"
    ? ["delivered"] : ["support_ticket_opened", "return_requested", "review_submitted"]);
  const own = chosen(options, OWN);
  return { way, after, before, options: changed({ ...bar, ...own }, {
    after: way === "before" ? undefined : after, before: way === "after" ? undefined : before,
  }) };
}

function Form({ way, after, before }: { way: Way; after: string; before: string }) {
  const { options } = useAddress();
  const numbers = ["1", "2", "3", "4", "5", "6", "8", "10"].map((value) => (
    { value, text: value }));
  return (
    <form class="question-form no-print" onSubmit={(event) => event.preventDefault()}>
      <div class="form-grid">
        <Select label={texts.way} value={way}
                choices={Object.entries(texts.ways).map(([value, text]) => ({ value, text }))}
                onChange={(value) => change({
                  way: value,
                  ...(value === "after" ? { before: undefined } : {}),
                  ...(value === "before" ? { after: undefined } : {}) })} />
        {way !== "before" &&
          <Expression label={texts.from} kind="selector" check={false} value={after}
                      onChange={(value) => change({ after: value })} />}
        {way !== "after" &&
          <Expression label={texts.to} kind="selector" check={false} value={before}
                      onChange={(value) => change({ before: value })} />}
        <Select label={texts.depth} value={valueOf(options, "depth") || "3"} choices={numbers}
                onChange={(depth) => change({ depth: depth === "3" ? undefined : depth })} />
        <Select label={texts.anchor} value={valueOf(options, "anchor") || "first"}
                choices={Object.entries(texts.anchors).map(([value, text]) => ({ value, text }))}
                onChange={(value) => change({ anchor: value === "first" ? undefined : value })} />
        <TextField type="number" label={texts.children} value={valueOf(options, "children")}
                   example="5" onChange={(children) => change({ children })} />
        <TextField label={texts.minShare} value={valueOf(options, "min-share")} example="0.01"
                   onChange={(share) => change({ "min-share": share })} />
        <Tick label={texts.collapse} value={valueOf(options, "collapse") !== ""}
              onChange={(on) => change({ collapse: on ? "true" : undefined })} />
      </div>
    </form>
  );
}

// Groups of a split, each a tree of its own.
function groupsOf(result: Result): ReadonlyMap<string, readonly Row[]> {
  const by = result.options.by;
  const groups = new Map<string, Row[]>();
  for (const row of result.tables.nodes ?? []) {
    const name = by === undefined ? "" : String(row[by] ?? "");
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return groups;
}

function Picture({ result, title, backwards }: {
  result: Result;
  title: string;
  backwards: boolean;
}) {
  const count = countColumn(result);
  const trees = useMemo(() => [...groupsOf(result)].slice(0, GROUPS_MAX).map(([name, rows]) => (
    { name, root: treeOf(rows, count) })), [result, count]);
  if (trees.every(({ root }) => root === undefined || root.count === 0))
    return <Message title={words.states.empty} advice={texts.emptyAdvice} />;
  return (
    <>
      {trees.map(({ name, root }) => root !== undefined && root.count > 0 && (
        <section key={name} class="flow-group">
          {name !== "" && <h3>{name}</h3>}
          <FlowPicture result={result} root={root} count={count} backwards={backwards}
                       title={name === "" ? title : `${title}: ${name}`} />
        </section>
      ))}
    </>
  );
}

// A row stands as far in as it is steps from the anchor.
function indented(row: Row, column: Column) {
  const depth = typeof row.depth === "number" ? row.depth : 0;
  return column.name !== "touchpoint" ? undefined
    : <span style={{ paddingLeft: `${depth * 1.1}rem` }}>{spoken(String(row.touchpoint))}</span>;
}

function Asked({ options, title, backwards }: {
  options: Options;
  title: string;
  backwards: boolean;
}) {
  const answer = useAnswer("paths", options);
  const against = useAgainst("paths", options);
  const by = valueOf(options, "by");
  const shown = (result: Result) => ({
    result, table: "nodes", cell: indented, height: 12,
    columns: [...(by === "" ? [] : [by]), "touchpoint", countColumn(result), "share", "mean_ms"],
  });
  return (
    <AnsweredCard question="paths" options={options} answer={answer} table="nodes" wide
                  title={title} against={against} shows="one">
      {(result, both) => (
        <>
          <Picture result={result} title={title} backwards={backwards} />
          <details class="fold flow-table" open>
            <summary>{texts.asTable}</summary>
            {both === undefined ? <Table {...shown(result)} />
                                : <ComparedTable {...shown(result)} both={both} />}
          </details>
        </>
      )}
    </AnsweredCard>
  );
}

export function PathsPage() {
  const { source } = useGround();
  const { way, after, before, options } = usePaths();
  const title = way === "after" ? texts.titleAfter(spoken(after))
    : way === "before" ? texts.titleBefore(spoken(before))
    : texts.titleBetween(spoken(after), spoken(before));
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      {source.kind === "server" && <Form way={way} after={after} before={before} />}
      {after === "" && before === ""
        ? <Message title={texts.begin} advice={texts.beginAdvice} />
        : <Asked options={options} title={title} backwards={way === "before"} />}
    </>
  );
}
