// SPDX-License-Identifier: Apache-2.0
// Find customers or cases: by an identifier, by a condition, by an event that they have.
import { useMemo } from "preact/hooks";
import { change, useAddress } from "../address/address.ts";
import { namesAPerson } from "../address/personal.ts";
import { answerKey, changed, chosen, valueOf } from "../answers/key.ts";
import type { Column, Options, Row, Store } from "../answers/types.ts";
import { useAnswer, useBar, useGround } from "../answers/use.ts";
import { findHeadlines } from "../headlines/find.ts";
import { Expression } from "../parts/Expression.tsx";
import { CardFoot, Headlines } from "../parts/Card.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Answered, Message } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { TextField } from "../parts/fields.tsx";
import { journeyHref } from "../parts/figures.ts";
import { words } from "../words/en.ts";

const texts = words.pages.find;
const SHOWN = "5000";

// Conditions to begin with, of what the store holds.
function examplesOf(store: Store): readonly Readonly<Record<string, string>>[] {
  const has = (name: string): boolean => store.touchpoints.some((each) => each.name === name);
  const segment = store.segments[0];
  return [
    ...(has("review_submitted") && store.properties.some((each) => each.name === "stars")
      ? [{ has: "review_submitted[stars <= 2]" }] : []),
    ...(has("delivery_attempt_failed") ? [{ has: "delivery_attempt_failed" }] : []),
    ...(has("order_placed") ? [{ id: "count(order_placed) >= 2" }] : []),
    ...(segment === undefined ? [] : [{ id: `segment('${segment.name}')` }]),
  ];
}

function Examples({ store }: { store: Store }) {
  return (
    <Message title={texts.begin} advice={texts.beginAdvice}>
      <div class="presets">
        {examplesOf(store).map((example) => (
          <button key={Object.values(example).join()} type="button"
                  onClick={() => change({ id: undefined, has: undefined, ...example })}>
            <code>{Object.values(example).join()}</code>
          </button>
        ))}
      </div>
    </Message>
  );
}

function Found({ options }: { options: Options }) {
  const answer = useAnswer("find", options);
  const { result } = answer;
  // The way back through a list that names a person would be in every link.
  const key = namesAPerson(options) ? undefined : answerKey("find", options);
  const caseKey = valueOf(options, "case");
  const cell = useMemo(() => (row: Row, column: Column) => {
    const value = row[column.name];
    if (typeof value !== "string") return undefined;
    const href = column.name === "customer"
      ? journeyHref(value, undefined, caseKey === "" ? key : undefined)
      : column.name === "case" ? journeyHref(value, caseKey, key) : undefined;
    return href === undefined ? undefined
      : <a href={href} title={words.list.journey(value)}>{value}</a>;
  }, [key, caseKey]);
  const given = Object.fromEntries(
    Object.keys(options).map((name) => [name, valueOf(options, name)]));
  return (
    <section class="card" aria-label={texts.found}>
      <Answered answer={answer} given={given}>
        {result !== undefined && (
          <>
            <Headlines lines={findHeadlines(result)} />
            {(result.tables.found ?? []).length === 0
              ? <Message title={texts.none} advice={texts.noneAdvice} />
              : <Table result={result} table="found" cell={cell} height={20} />}
            <CardFoot result={result} options={options} tables={["found"]} />
          </>
        )}
      </Answered>
    </section>
  );
}

export function FindPage() {
  const { store } = useGround();
  const address = useAddress();
  const own = chosen(address.options, ["id", "has"]);
  const [id, has] = [valueOf(own, "id"), valueOf(own, "has")];
  const bar = useBar("find", has === "" ? ["by"] : ["by", "where"]);
  const asked = changed(bar, { id, has });
  const ready = id !== "" || has !== "" ||
    ["where", "from", "to", "cases"].some((name) => valueOf(bar, name) !== "");
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      <section class="question-form" role="search" aria-label={texts.title}>
        <div class="form-grid halves">
          <div class="helped">
            <TextField label={texts.id} value={id} type="search" example={texts.idExample}
                       onChange={(value) => change({ id: value })} />
            <p class="quiet">{texts.idHelp}</p>
          </div>
          <div class="helped">
            <Expression label={texts.has} kind="selector" value={has}
                        example={texts.hasExample} onChange={(value) => change({ has: value })} />
            <p class="quiet">{texts.hasHelp}</p>
          </div>
        </div>
      </section>
      {ready ? <Found options={{ ...asked, limit: SHOWN }} />
             : <Examples store={store} />}
    </>
  );
}
