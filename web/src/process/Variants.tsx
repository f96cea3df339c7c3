// SPDX-License-Identifier: Apache-2.0
// The most frequent ways that whole journeys take; the chosen one stands out in the map.
import { change } from "../address/address.ts";
import type { Options, Row } from "../answers/types.ts";
import type { Answer } from "../answers/use.ts";
import { formatCount, formatDuration, formatShare } from "../format.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { CardFoot, Headlines } from "../parts/Card.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered } from "../parts/States.tsx";
import { figureHref } from "../parts/figures.ts";
import { words } from "../words/en.ts";

const texts = words.pages.process;

export function touchpointsOf(row: Row | undefined): readonly string[] {
  const list = row?.touchpoints;
  return Array.isArray(list) ? (list as readonly string[]) : [];
}

export function Variants({ answer, options, group, chosen }: {
  answer: Answer;
  options: Options;
  group: string | undefined;
  chosen: string; // the rank that stands out
}) {
  const { result } = answer;
  const first = result?.columns.variants?.[0]?.name;
  const rows = (result?.tables.variants ?? []).filter(
    (row) => first === "rank" || row[first ?? ""] === group);
  const most = Math.max(1, ...rows.map((row) => Number(row.cases)));
  return (
    <section class="variants" aria-label={texts.variants}>
      <header class="card-head"><h3>{texts.variants}</h3></header>
      <Answered answer={answer} given={{}}>
        {result !== undefined && (
          <>
            <Headlines lines={headlinesOf(result)} />
            <ol>
              {rows.map((row) => {
                const rank = String(row.rank);
                const on = rank === chosen;
                const href = figureHref(result, "variants", row, "cases");
                const cases = formatCount(Number(row.cases));
                return (
                  <li key={rank} class={on ? "on" : ""}>
                    <button type="button" class="variant" aria-pressed={on}
                            onClick={() => change({ way: on ? undefined : rank }, true)}>
                      <span class="variant-rank">{rank}</span>
                      <span class="variant-bar">
                        <i style={{ width: `${100 * Number(row.cases) / most}%` }} />
                      </span>
                      <span>{formatShare(Number(row.share))}</span>
                      <span class="quiet">{texts.steps(touchpointsOf(row).length)}</span>
                      <span class="quiet">{typeof row.median_ms === "number"
                        ? formatDuration(row.median_ms) : ""}</span>
                    </button>
                    {on && (
                      <div class="variant-more">
                        <p>{touchpointsOf(row).map((name) => name.replaceAll("_", " "))
                          .join(" → ")}</p>
                        <div class="selection-filters">
                          {href !== undefined && <a href={href}>{texts.journeys(cases)}</a>}
                          <button type="button" class="small no-print"
                                  onClick={() => change({ variant: rank, way: undefined })}>
                            <Icon name="filter" />{texts.onlyVariant}
                          </button>
                        </div>
                      </div>
                    )}
                  </li>
                );
              })}
            </ol>
            <CardFoot result={result} options={options} tables={["variants"]} />
          </>
        )}
      </Answered>
    </section>
  );
}
