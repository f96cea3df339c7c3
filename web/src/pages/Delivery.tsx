// SPDX-License-Identifier: Apache-2.0
// Delivery: are promises kept, where not, why, which would be, and which parcels need somebody now.
import { useMemo } from "preact/hooks";
import { change, useAddress } from "../address/address.ts";
import { withTable, withoutNotes } from "../answers/derive.ts";
import { changed, chosen, valueOf } from "../answers/key.ts";
import type { Options, Result } from "../answers/types.ts";
import { useAnswer, useBar, useGround } from "../answers/use.ts";
import type { Answer } from "../answers/use.ts";
import { useAgainst } from "../compare/use.ts";
import type { Against } from "../compare/use.ts";
import type { ChartSpec } from "../charts/spec.ts";
import { Workbench } from "../flow/Workbench.tsx";
import { figureOf, spoken } from "../headlines/headline.ts";
import { AnsweredCard, AnswerCard, TableOrChart } from "../parts/Card.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Facts } from "../parts/Facts.tsx";
import { Table } from "../parts/Table.tsx";
import { Select, TextField, Tick } from "../parts/fields.tsx";
import { words } from "../words/en.ts";

const texts = words.pages.delivery;
const OWN = ["promise", "against", "arrival", "by-day"];
// What parcels are usually told apart by, as far as the store has it.
const DIMENSIONS = ["carrier", "lane", "service", "state"];
const SAME: Made = (result) => result;
const LATE: ChartSpec = { kind: "bars", x: "group", y: ["late_share"], low: "late_share_low",
                          high: "late_share_high" };
const FACTS = ["deliveries", "promised", "kept", "late", "late_share", "first_attempt_share",
               "click_to_deliver_median_ms", "click_to_deliver_p90_ms", "open", "overdue"];
const GROUP_COLUMNS = ["group", "deliveries", "promised", "late", "late_share", "late_share_low",
                       "late_share_high", "first_attempt_share", "click_to_deliver_median_ms",
                       "open", "overdue"];

function Form() {
  const { store } = useGround();
  const { options } = useAddress();
  const choice = (name: keyof typeof texts.choices, preset: string) => (
    <Select label={texts.options[name]} value={valueOf(options, name) || preset}
            choices={Object.entries(texts.choices[name]).map(([value, text]) => (
              { value, text }))}
            onChange={(value) => change({ [name]: value === preset ? undefined : value })} />
  );
  return (
    <form class="question-form no-print" onSubmit={(event) => event.preventDefault()}>
      <div class="form-grid">
        {choice("against", "original")}
        {choice("arrival", "attempt")}
        {choice("over", "month")}
        <TextField label={texts.options.promise} value={valueOf(options, "promise")}
                   list={store.properties.filter((each) => /date|time/.test(each.type))
                     .map((each) => each.name)}
                   example={texts.usual} onChange={(promise) => change({ promise })} />
        <TextField label={texts.options.groups} value={valueOf(options, "groups")}
                   list={[...store.properties.map((each) => each.name), "weekday"]}
                   example={texts.groupsExample} onChange={(groups) => change({ groups })} />
        <Tick label={texts.options.byDay} value={valueOf(options, "by-day") !== ""}
              onChange={(on) => change({ "by-day": on ? "true" : undefined })} />
      </div>
    </form>
  );
}

type Made = (result: Result) => Result;

// Groups that something arrived of; with `sorted` in the order of their names: periods.
function groupsOf(sorted: boolean): Made {
  return (result) => {
    const rows = (result.tables.groups ?? []).filter(
      (row) => (figureOf(row, "deliveries") ?? 0) > 0);
    return withTable(result, "groups", sorted
      ? [...rows].sort((a, b) => (String(a.group) < String(b.group) ? -1 : 1)) : rows);
  };
}

const ARRIVED = groupsOf(false);
const IN_ORDER = groupsOf(true);

// An answer whose result is shown in part, without the remarks that the first card makes.
function useShown(answer: Answer, said: Result | undefined, make: Made): Answer {
  const { result } = answer;
  const shown = useMemo(() => (result === undefined ? undefined
    : withoutNotes(make(result), said)), [result, said, make]);
  return { ...answer, result: shown };
}

interface GroupedProps {
  readonly options: Options;
  readonly groups: string;
  readonly title: string;
  readonly said: Result | undefined;
}

function columnsFor(options: Options): readonly string[] {
  const by = valueOf(options, "by");
  return by === "" ? GROUP_COLUMNS : [by, ...GROUP_COLUMNS];
}

function splitFor(options: Options): { split?: string } {
  const by = valueOf(options, "by");
  return by === "" ? {} : { split: by };
}

// The share late by one thing or several.
function By({ options, groups, title, said }: GroupedProps) {
  const own = { ...options, groups };
  const answer = useShown(useAnswer("delivery", own), said, ARRIVED);
  return (
    <AnsweredCard question="delivery" options={own} answer={answer} table="groups" title={title}
                  columns={columnsFor(options)} chart={{ ...LATE, ...splitFor(options) }}
                  headlines="none" against={useAgainst("delivery", own, ARRIVED)} />
  );
}

function OverTime({ options, groups, title, said }: GroupedProps) {
  const { store } = useGround();
  const own = { ...options, groups };
  const answer = useShown(useAnswer("delivery", own), said, IN_ORDER);
  return (
    <AnsweredCard question="delivery" options={own} answer={answer} table="groups" wide
                  title={title} headlines="none" columns={columnsFor(options)}
                  against={useAgainst("delivery", own, IN_ORDER)}
                  chart={{ ...LATE, kind: "line", annotations: store.annotations,
                           ...splitFor(options) }} />
  );
}

function Tracking() {
  const { options } = useAddress();
  const own = changed({ ...useBar("tracking"), ...chosen(options, ["promise", "by-day"]) }, {});
  const by = valueOf(own, "by");
  return (
    <AnswerCard question="tracking" options={own} title={texts.now} wide table="states"
                chart="none" compares={false}
                columns={[...(by === "" ? [] : [by]), "state", "parcels", "orders", "stalled",
                          "at_risk", "missed", "lost", "median_ms", "longest_ms"]} />
  );
}

// What the whole of all parcels says, over the one answer.
function Whole({ options, answer, against }: {
  options: Options;
  answer: Answer;
  against: Against | undefined;
}) {
  const rest = useShown(answer, answer.result, SAME);
  const common = { question: "delivery", options, answer: rest, headlines: "none",
                   against, repeated: true } as const;
  const promised = answer.result?.tables.bases !== undefined;
  const split = splitFor(options);
  return (
    <>
      {(answer.result?.tables.exceptions ?? []).length > 0 && (
        <AnsweredCard {...common} title={texts.exceptions} table="exceptions"
                      chart={{ kind: "bars", x: "reason",
                               y: split.split === undefined ? ["parcels", "late"] : ["late"],
                               ...split }} />
      )}
      <AnsweredCard {...common} title={texts.stages} table="stages"
                    chart={{ kind: "bars", x: "stage",
                             y: split.split === undefined ? ["median_ms", "p90_ms"]
                                                          : ["median_ms"], ...split }} />
      {promised && (
        <>
          <AnsweredCard {...common} title={texts.workbench} table="curve" wide against={undefined}
                        compares={false}>
            {(result) => <Workbench result={result} />}
          </AnsweredCard>
          <AnsweredCard {...common} title={texts.lateness} table="lateness"
                        chart={{ kind: "bars", x: "lateness", y: ["score"], low: "score_low",
                                 high: "score_high", ...split }} />
          <AnsweredCard {...common} title={texts.again} table="lateness"
                        chart={{ kind: "bars", x: "lateness", y: ["again_share"],
                                 low: "again_share_low", high: "again_share_high", ...split }} />
          <AnsweredCard {...common} title={texts.bases} table="bases" wide chart="none" />
        </>
      )}
    </>
  );
}

// On a tile: the promise as figures, then the share late of those told apart.
export function DeliveryTile({ result }: { result: Result }) {
  const arrived = useMemo(() => ARRIVED(result), [result]);
  const split = splitFor(result.options);
  const groups = (arrived.tables.groups ?? []).length > 1;
  return (
    <>
      {split.split === undefined && <Facts result={result} table="overall" columns={FACTS} />}
      {groups ? (
        <>
          <h3>{texts.lateShare}</h3>
          <TableOrChart result={arrived} table="groups" view="chart"
                        spec={{ ...LATE, ...split }} />
        </>
      ) : split.split !== undefined && <Table result={result} table="overall" />}
    </>
  );
}

export function DeliveryPage() {
  const { source, store } = useGround();
  const address = useAddress();
  const options = changed({ ...useBar("delivery"), ...chosen(address.options, OWN) }, {});
  const groups = valueOf(address.options, "groups");
  const dimensions = DIMENSIONS.filter(
    (name) => store.properties.some((each) => each.name === name)).slice(0, 2);
  const told = groups !== "" ? groups : dimensions.join(",");
  const main = changed(options, { curve: "true", groups: told });
  const answer = useAnswer("delivery", main);
  const against = useAgainst("delivery", main);
  const said = answer.result;
  const cards = told === "" || dimensions.includes(told) ? dimensions : [...dimensions, told];
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      {source.kind === "server" && <Form />}
      <div class="cards">
        <AnsweredCard question="delivery" options={main} answer={answer} title={texts.overall}
                      table="overall" wide against={against}>
          {(result, both) => (valueOf(options, "by") === ""
            ? <Facts result={result} table="overall" columns={FACTS} both={both} /> : undefined)}
        </AnsweredCard>
        <Tracking />
        <OverTime options={options} groups={valueOf(address.options, "over") || "month"}
                  title={texts.overTime} said={said} />
        {cards.map((name) => (
          <By key={name} options={options} groups={name} said={said}
              title={texts.lateBy(name.split(",").map(spoken).join(", "))} />
        ))}
        <Whole options={main} answer={answer} against={against} />
      </div>
    </>
  );
}
