// SPDX-License-Identifier: Apache-2.0
// Retention: who comes back, in which period after the first time, and how soon.
import { useState } from "preact/hooks";
import { change, changedHref, useAddress } from "../address/address.ts";
import { withRows } from "../answers/derive.ts";
import { changed, chosen, valueOf } from "../answers/key.ts";
import type { Result, Row } from "../answers/types.ts";
import { useAnswer, useBar, useGround } from "../answers/use.ts";
import { ComparedTable } from "../compare/Compared.tsx";
import { useAgainst } from "../compare/use.ts";
import type { Both } from "../compare/use.ts";
import { gridOf, isComplete, shadeOf, shareChange } from "../flow/cohorts.ts";
import type { Cohort, ShareChange } from "../flow/cohorts.ts";
import { spoken } from "../headlines/headline.ts";
import { NOTHING, formatCount, formatPoints, formatShare } from "../format.ts";
import { AnsweredCard, ViewSwitch } from "../parts/Card.tsx";
import type { View } from "../parts/Card.tsx";
import { Expression } from "../parts/Expression.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Message } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { Select, TextField } from "../parts/fields.tsx";
import { figureHref, opensLists } from "../parts/figures.ts";
import { words } from "../words/en.ts";

const texts = words.pages.retention;
const OWN = ["start", "again", "per", "periods", "mode", "clock", "brackets"];

function Form() {
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
        <Expression label={texts.options.start} kind="selector" check={false}
                    value={valueOf(options, "start")} example="order_placed"
                    onChange={(start) => change({ start })} />
        <Expression label={texts.options.again} kind="selector" check={false}
                    value={valueOf(options, "again")} example={texts.sameAsStart}
                    onChange={(again) => change({ again })} />
        {choice("per", "month")}
        <TextField type="number" label={texts.options.periods} example="12"
                   value={valueOf(options, "periods")}
                   onChange={(periods) => change({ periods, brackets: undefined })} />
        {choice("mode", "recurring")}
        {choice("clock", "calendar")}
        <TextField label={texts.options.brackets} value={valueOf(options, "brackets")}
                   example="1,3,6"
                   onChange={(brackets) => change({ brackets, periods: undefined })} />
      </div>
    </form>
  );
}

function changeText({ points, before }: ShareChange): string {
  return `; ${texts.changed(formatPoints(points), formatShare(Number(before.share)),
                            formatCount(Number(before.active)), formatCount(Number(before.size)))}`;
}

function GridCell({ result, row, largest, change: moved }: {
  result: Result;
  row: Row | undefined;
  largest: number;
  change: ShareChange | undefined;
}) {
  if (row === undefined) return <td class="grid-none" />;
  const shade = shadeOf(row, largest);
  const active = typeof row.active === "number" ? row.active : undefined;
  const text = typeof row.share === "number" ? formatShare(row.share) : NOTHING;
  const href = active === undefined || active === 0 ? undefined
    : figureHref(result, "cells", row, "active");
  const [low, high] = [row.share_low, row.share_high];
  const interval = typeof low === "number" && typeof high === "number"
    ? `, ${words.chart.interval} ${formatShare(low)} – ${formatShare(high)}` : "";
  const over = isComplete(row);
  const about = `${formatCount(active ?? 0)}${interval}${over ? "" : `, ${texts.notOver}`}` +
                (moved === undefined ? "" : changeText(moved));
  return (
    <td class={`grid-cell ${!over ? "partial" : shade === undefined ? "" : "shaded"}`} title={about}
        {...(shade === undefined || !over ? {} : { style: {
          "--shade": shade.toFixed(3) } })}>
      {href === undefined ? text : <a href={href} title={about}>{text}</a>}
      {!over && <span class="sr"> ({texts.notOver})</span>}
      {moved !== undefined && (
        <small class={moved.apart ? "grid-change apart" : "grid-change"}>
          {formatPoints(moved.points)}<span class="sr"> {words.compare.points}</span>
        </small>
      )}
    </td>
  );
}

// The cohort of before that a row is compared with.
function besideOf(cohort: Cohort, both: Both | undefined): string | undefined {
  const other = both?.pairs.get(cohort.row)?.cohort;
  return typeof other === "string" ? other : undefined;
}

export function Cohorts({ result, both }: { result: Result; both?: Both | undefined }) {
  const grid = gridOf(result.tables.cells ?? []);
  if (grid.cohorts.length === 0) return <Message title={words.states.notEnough} />;
  return (
    <div class="grid-box" tabIndex={0} role="region" aria-label={texts.gridTitle}>
      <table class="grid">
        <caption class="sr">{texts.gridTitle}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.cohort}</th>
            <th scope="col" class="figure">{texts.size}</th>
            {grid.periods.map((period) => <th key={period} scope="col">{period}</th>)}
          </tr>
        </thead>
        <tbody>
          {grid.cohorts.map((cohort) => {
            const href = figureHref(result, "cells", cohort.row, "size");
            const size = cohort.size === undefined ? NOTHING : formatCount(cohort.size);
            const beside = besideOf(cohort, both);
            return (
              <tr key={cohort.name}>
                <th scope="row">
                  {cohort.name}
                  {beside !== undefined && <small class="quiet">{texts.beside(beside)}</small>}
                </th>
                <td class="figure">{href === undefined ? size : <a href={href}>{size}</a>}</td>
                {cohort.cells.map((row, at) => (
                  <GridCell key={grid.periods[at]} result={result} row={row}
                            largest={grid.largest}
                            change={shareChange(row, both?.pairs)} />
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function GridView({ result, both }: { result: Result; both: Both | undefined }) {
  const [view, setView] = useState<View>("chart");
  const by = result.options.by;
  const groups = by === undefined ? []
    : [...new Set((result.tables.cells ?? []).map((row) => String(row[by] ?? "")))];
  const [group, setGroup] = useState("");
  const shown = groups.includes(group) ? group : groups[0];
  const part = by === undefined || shown === undefined ? result
    : withRows(result, "cells", (row) => String(row[by] ?? "") === shown);
  return (
    <>
      <div class="card-tools view-tools no-print">
        {by !== undefined && shown !== undefined && (
          <Select label={texts.group} value={shown} onChange={setGroup}
                  choices={groups.map((value) => ({ value, text: value }))} />
        )}
        <ViewSwitch view={view} onView={setView} />
      </div>
      {view === "chart" ? <Cohorts result={part} both={both} />
        : both === undefined || both.pairs.size === 0 ? <Table result={part} table="cells" />
        : <ComparedTable result={part} table="cells" both={both} y={["share"]} />}
      <p class="quiet">
        {texts.legend}
        {both !== undefined && both.pairs.size > 0 && ` ${texts.legendBefore}`}
        {opensLists(part, "cells") && ` ${words.table.everyOpens}`}
      </p>
    </>
  );
}

export function RetentionPage() {
  const { source } = useGround();
  const { options: asked } = useAddress();
  const options = changed({ ...useBar("retention"), ...chosen(asked, OWN) }, {});
  const answer = useAnswer("retention", options);
  const by = valueOf(options, "by");
  const split = by === "" ? {} : { split: by };
  const compared = { question: "retention", options, answer,
                     against: useAgainst("retention", options) } as const;
  const interval = { low: "share_low", high: "share_high" };
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      {source.kind === "server" && <Form />}
      {valueOf(options, "case") !== "" && answer.result?.tables.returns?.[0]?.returned === 0 && (
        <p class="note warning">
          <span>{texts.perCase(spoken(valueOf(options, "case").replace(/_id$/, "")))} {" "}
            <a href={changedHref({ case: undefined })}>{texts.perCustomer}</a>
          </span>
        </p>
      )}
      <div class="cards">
        <AnsweredCard {...compared} title={texts.gridTitle} table="cells" wide>
          {(result, both) => <GridView result={result} both={both} />}
        </AnsweredCard>
        <AnsweredCard {...compared} repeated title={texts.curveTitle} table="curve" headlines="none"
                      chart={{ kind: "line", x: "period", y: ["share"], ...interval, ...split }} />
        <AnsweredCard {...compared} repeated title={texts.soonTitle} table="again" headlines="none"
                      chart={{ kind: "line", x: "days", y: ["share"], ...interval, ...split }} />
        <AnsweredCard {...compared} repeated title={texts.allTitle} table="returns" chart="none"
                      headlines="none" />
      </div>
    </>
  );
}
