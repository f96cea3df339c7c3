// SPDX-License-Identifier: Apache-2.0
// A funnel's steps as bars beneath one another, each with its counts, rates and intervals; between
// two, who was lost. With a split the groups stand side by side.
import { useState } from "preact/hooks";
import type { Result, Row } from "../answers/types.ts";
import { NOTHING, formatCount, formatDifference, formatDuration, formatShare } from "../format.ts";
import { figureOf, rowsOf, spoken, textOf } from "../headlines/headline.ts";
import { ViewSwitch } from "../parts/Card.tsx";
import type { View } from "../parts/Card.tsx";
import { Table } from "../parts/Table.tsx";
import { figureHref, opensLists } from "../parts/figures.ts";
import { words } from "../words/en.ts";

const texts = words.pages.funnel;
const GROUPS_MAX = 12;

function Figure({ result, row, column }: { result: Result; row: Row; column: string }) {
  const value = figureOf(row, column);
  if (value === undefined) return <span class="nothing">{NOTHING}</span>;
  const text = formatCount(value);
  const href = figureHref(result, "steps", row, column);
  return href === undefined || value === 0 ? <>{text}</>
    : <a href={href} title={words.table.openList(text)}>{text}</a>;
}

// The share as a bar; the interval a line with ends; an earlier period an outline.
function Bar({ row, began, beganBefore }: { row: Row; began: number; beganBefore: number }) {
  const reached = figureOf(row, "reached") ?? 0;
  const before = figureOf(row, "reached_before");
  const [low, high] = [figureOf(row, "conversion_start_low"),
                       figureOf(row, "conversion_start_high")];
  const first = row.step === 1;
  return (
    <svg class="funnel-bar" viewBox="0 0 1000 24" preserveAspectRatio="none" aria-hidden="true">
      <rect class="funnel-ground" width="1000" height="24" />
      <rect class="funnel-share" width={began === 0 ? 0 : (1000 * reached) / began} height="24" />
      {before !== undefined && beganBefore > 0 && (
        <rect class="funnel-before" width={(1000 * before) / beganBefore} height="24" />
      )}
      {!first && low !== undefined && high !== undefined && (
        <path class="funnel-interval"
              d={`M${1000 * low} 12H${1000 * high}M${1000 * low} 7v10M${1000 * high} 7v10`} />
      )}
    </svg>
  );
}

function Lost({ result, row }: { result: Result; row: Row }) {
  const [dropped, open, median] = ["dropped", "open", "median_ms"].map(
    (name) => figureOf(row, name));
  return (
    <p class="funnel-lost">
      {dropped !== undefined && (
        <span>↳ <Figure result={result} row={row} column="dropped" /> {texts.lost}</span>
      )}
      {open !== undefined && open > 0 && (
        <span><Figure result={result} row={row} column="open" /> {texts.open}</span>
      )}
      {median !== undefined && <span>{texts.median(formatDuration(median))}</span>}
    </p>
  );
}

function Rate({ row, beganBefore }: { row: Row; beganBefore: number }) {
  const share = figureOf(row, "conversion_start");
  const [low, high] = [figureOf(row, "conversion_start_low"),
                       figureOf(row, "conversion_start_high")];
  const previous = figureOf(row, "conversion_previous");
  const before = figureOf(row, "conversion_before");
  if (row.step === 1) return null;
  if (share === undefined) return <span class="quiet">{words.table.notEnough}</span>;
  return (
    <>
      <b>{formatShare(share)}</b>
      {low !== undefined && high !== undefined && (
        <span class="quiet" title={words.chart.interval}>
          {` ${formatShare(low)} – ${formatShare(high)}`}
        </span>
      )}
      {previous !== undefined && row.step !== 2 && (
        <span class="quiet"> · {texts.ofPrevious(formatShare(previous))}</span>
      )}
      {before !== undefined && (
        <span class="quiet">
          {" · "}{texts.beforeWas(formatShare(before), formatCount(beganBefore),
                                  formatDifference(share - before, { type: "share", unit: "" }))}
        </span>
      )}
    </>
  );
}

function Group({ result, name, rows }: { result: Result; name: string; rows: readonly Row[] }) {
  const began = figureOf(rows[0], "reached") ?? 0;
  const beganBefore = figureOf(rows[0], "reached_before") ?? 0;
  return (
    <section class="funnel-group" {...(name === "" ? {} : { "aria-label": name })}>
      {name !== "" && <h3>{name}</h3>}
      <ol>
        {rows.map((row) => (
          <li key={String(row.step)}>
            {row.step !== 1 && <Lost result={result} row={row} />}
            <div class="funnel-step">
              <span class="funnel-name">{`${row.step}. ${spoken(textOf(row, "selector"))}`}</span>
              <span class="funnel-count">
                <Figure result={result} row={row} column="reached" />
                {figureOf(row, "value") !== undefined && (
                  <span class="quiet"> · {texts.value(formatCount(figureOf(row, "value")!))}</span>
                )}
              </span>
              <span class="funnel-rate"><Rate row={row} beganBefore={beganBefore} /></span>
              <Bar row={row} began={began} beganBefore={beganBefore} />
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function FunnelBars({ result }: { result: Result }) {
  const [view, setView] = useState<View>("chart");
  const by = result.options.by;
  const groups = new Map<string, Row[]>();
  for (const row of rowsOf(result, "steps")) {
    const name = by === undefined ? "" : String(row[by] ?? words.pages.funnel.noValue);
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  const shown = [...groups].slice(0, GROUPS_MAX);
  return (
    <>
      <div class="card-tools view-tools no-print"><ViewSwitch view={view} onView={setView} /></div>
      {view === "table" ? <Table result={result} table="steps" /> : (
        <div class={`funnel ${by === undefined ? "" : "many"}`}>
          {shown.map(([name, rows]) => (
            <Group key={name} result={result} name={name} rows={rows} />
          ))}
        </div>
      )}
      {groups.size > GROUPS_MAX && (
        <p class="quiet">{words.chart.others(formatCount(groups.size - GROUPS_MAX))}</p>
      )}
      <p class="quiet funnel-legend">
        {texts.legend}
        {result.options.compare !== undefined && ` ${texts.legendBefore}`}
        {opensLists(result, "steps") && ` ${words.table.everyOpens}`}
      </p>
    </>
  );
}
