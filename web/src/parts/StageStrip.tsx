// SPDX-License-Identifier: Apache-2.0
// The journey map in small: the stages across, how many journeys reach each, how many go on, after
// how long.
import type { Result } from "../answers/types.ts";
import type { Both } from "../compare/use.ts";
import { NOTHING, formatCount, formatDifference, formatDuration, formatShare, label }
  from "../format.ts";
import { figureOf, textOf } from "../headlines/headline.ts";
import { words } from "../words/en.ts";
import { figureHref } from "./figures.ts";

const texts = words.pages.overview;
const BAR_PX = 56;

export function StageStrip({ result, both }: { result: Result; both?: Both | undefined }) {
  const rows = result.tables.stages ?? [];
  return (
    <ol class="strip">
      {rows.map((row) => {
        const stage = textOf(row, "stage");
        const [cases, reach] = [figureOf(row, "cases") ?? 0, figureOf(row, "reach") ?? 0];
        const [median, next] = [figureOf(row, "median_ms"), figureOf(row, "conversion_next")];
        const href = figureHref(result, "stages", row, "cases");
        const count = formatCount(cases);
        const other = both?.pairs.get(row);
        const before = figureOf(other, "reach");
        return (
          <li key={stage}>
            <svg class="strip-bar" viewBox={`0 0 10 ${BAR_PX}`} preserveAspectRatio="none"
                 aria-hidden="true">
              <rect width="10" y={BAR_PX * (1 - Math.min(1, reach))}
                    height={BAR_PX * Math.min(1, reach)} />
            </svg>
            <h3>{label(stage)}</h3>
            <p class="strip-reach">{formatShare(reach)}</p>
            {before !== undefined && (
              <div class="strip-before">
                {texts.before(formatShare(before), formatCount(figureOf(other, "cases") ?? 0))}
                {" "}({formatDifference(reach - before, { type: "share", unit: "" })})
              </div>
            )}
            <p>
              {href === undefined ? count
                : <a href={href} title={words.table.openList(count)}>{count}</a>} {texts.reachIt}
            </p>
            <p class="quiet">
              {median === undefined ? NOTHING : texts.after(formatDuration(median))}
            </p>
            <p class="quiet">{next === undefined ? NOTHING : texts.goOn(formatShare(next))}</p>
          </li>
        );
      })}
    </ol>
  );
}
