// SPDX-License-Identifier: Apache-2.0
// The list behind a figure, beside the page: the address names it (`open`), so it can be sent.
// Exactly as many rows as the figure says, each with a link to the journey.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { OPEN, change, useAddress } from "../address/address.ts";
import { answerKey, parseAnswerKey, valueOf } from "../answers/key.ts";
import type { Column, Options, Row } from "../answers/types.ts";
import { useAnswer } from "../answers/use.ts";
import { formatCount, label, questionLabel, tableLabel } from "../format.ts";
import { words } from "../words/en.ts";
import { CardFoot } from "./Card.tsx";
import { Icon } from "./Icon.tsx";
import { LIST_MAX, journeyHref } from "./figures.ts";
import { Answered } from "./States.tsx";
import { Table } from "./Table.tsx";

// "edges from=A to=B column=cases" as a title: cases in edges, from A, to B.
function titleOf(question: string, list: string): string {
  const parts = list.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
  const plain = (text: string): string => text.replaceAll("'", "");
  const [table = "", ...rest] = parts.map(plain);
  const column = rest.find((part) => part.startsWith("column="))?.slice("column=".length) ?? "";
  const keys = rest.filter((part) => !part.startsWith("column="))
    .map((part) => part.replaceAll("_", " ").replace("=", ": "));
  const what = words.list.of(tableLabel(table).toLowerCase(), label(column));
  return [`${questionLabel(question)}: ${what}`, ...keys].join(", ");
}

function ListContent({ question, options }: { question: string; options: Options }) {
  const answer = useAnswer(question, options);
  const { result } = answer;
  const table = Object.keys(result?.tables ?? {})[0] ?? "";
  const rows = result?.tables[table] ?? [];
  const caseKey = valueOf(options, "case");
  const key = answerKey(question, options);
  const cell = useMemo(() => (row: Row, column: Column) => {
    const value = row[column.name];
    if (typeof value !== "string") return undefined;
    const href = column.name === "customer" ? journeyHref(value, undefined, key)
      : column.name === "case" && caseKey !== "" ? journeyHref(value, caseKey, key) : undefined;
    return href === undefined ? undefined
      : <a href={href} title={words.list.journey(value)}>{value}</a>;
  }, [caseKey, key]);
  return (
    <Answered answer={answer} given={result?.options ?? {}}>
      {result !== undefined && (
        <>
          <p class="headline">{words.list.entries(formatCount(rows.length))}</p>
          {rows.length === LIST_MAX && <p>{words.list.limited(formatCount(LIST_MAX))}</p>}
          <Table result={result} table={table} cell={cell} height={18} />
          <CardFoot result={result} options={options} tables={[table]} />
        </>
      )}
    </Answered>
  );
}

export function Drawer() {
  const open = valueOf(useAddress().options, OPEN);
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = open !== "";
  useEffect(() => {
    const from = document.activeElement;
    if (dialog.current?.open === false) dialog.current.showModal();
    // Once it is closed, what opened it has the focus again.
    return () => {
      if (shown && (from instanceof HTMLElement || from instanceof SVGElement)) from.focus();
    };
  }, [shown]);
  const asked = useMemo(() => parseAnswerKey(open), [open]);
  if (open === "") return null;
  const close = (): void => change({ [OPEN]: undefined });
  return (
    <dialog class="drawer" ref={dialog} aria-labelledby="drawer-title"
            onCancel={(event) => { event.preventDefault(); close(); }}
            onClick={(event) => { if (event.target === dialog.current) close(); }}>
      <div class="drawer-inside">
        <header class="card-head">
          <h2 id="drawer-title">{titleOf(asked.question, valueOf(asked.options, "list"))}</h2>
          <button type="button" class="plain" onClick={close} aria-label={words.list.close}>
            <Icon name="close" />
          </button>
        </header>
        <ListContent question={asked.question} options={asked.options} />
      </div>
    </dialog>
  );
}
