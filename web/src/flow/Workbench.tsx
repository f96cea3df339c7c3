// SPDX-License-Identifier: Apache-2.0
// Which promise would be kept how often: a slider for the level, or for the days, over one answer.
import { useId, useMemo, useState } from "preact/hooks";
import type { Cell, Result } from "../answers/types.ts";
import { NOTHING, formatCount, formatShare, formatTenths, formatWholeShare } from "../format.ts";
import { figureHref } from "../parts/figures.ts";
import { words } from "../words/en.ts";
import { keptWithin, promiseFor, promiseGroups } from "./promise.ts";
import type { PromiseGroup } from "./promise.ts";

const texts = words.pages.delivery;
const LEVELS = [80, 90, 95] as const;

function nameOf(group: Cell): string {
  return Array.isArray(group) ? group.join(" → ") : String(group ?? "");
}

function Slider({ label, value, min, max, text, onChange }: {
  label: string;
  value: number;
  min: number;
  max: number;
  text: string;
  onChange: (value: number) => void;
}) {
  const id = useId();
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <input id={id} type="range" min={min} max={max} step={1} value={value} aria-valuetext={text}
             onInput={(event) => onChange(Number(event.currentTarget.value))} />
      <output for={id}>{text}</output>
    </div>
  );
}

// The curve in small, with the chosen days marked.
function Curve({ group, days }: { group: PromiseGroup; days: number | undefined }) {
  const last = Math.max(1, group.kept.length - 1);
  const path = group.kept.map((kept, day) =>
    `${day === 0 ? "M" : "H"}${(100 * day) / last}${day === 0 ? " " : "V"}${20 - 20 * kept}`)
    .join("");
  return (
    <svg class="curve" viewBox="0 -1 100 22" preserveAspectRatio="none" aria-hidden="true">
      <path d={path} />
      {days !== undefined && days <= last &&
        <line x1={(100 * days) / last} x2={(100 * days) / last} y1="0" y2="20" />}
    </svg>
  );
}

function GroupRow({ result, group, level, days }: {
  result: Result;
  group: PromiseGroup;
  level: number;
  days: number;
}) {
  const choice = promiseFor(group, level / 100);
  const kept = keptWithin(group, days);
  const href = figureHref(result, "promises", group.row, "deliveries");
  const deliveries = formatCount(group.deliveries);
  const own = nameOf(group.from) === nameOf(group.group);
  const by = result.options.by;
  return (
    <tr>
      {by !== undefined && <td>{String(group.row[by] ?? "")}</td>}
      <th scope="row">
        {nameOf(group.group)}
        {!own && <small class="quiet"> {texts.learntFrom(nameOf(group.from))}</small>}
      </th>
      <td class="figure">{href === undefined ? deliveries : <a href={href}>{deliveries}</a>}</td>
      <td class="figure">
        {group.promisedDays === undefined ? NOTHING : formatTenths(group.promisedDays)}
      </td>
      <td class="figure chosen">
        {choice === undefined ? NOTHING
          : <>{choice.days} <small class="quiet">({formatShare(choice.kept)})</small></>}
      </td>
      <td class="figure chosen">{kept === undefined ? NOTHING : formatShare(kept)}</td>
      {LEVELS.map((each) => (
        <td key={each} class="figure">{promiseFor(group, each / 100)?.days ?? NOTHING}</td>
      ))}
      <td><Curve group={group} days={days} /></td>
    </tr>
  );
}

export function Workbench({ result }: { result: Result }) {
  const groups = useMemo(() => promiseGroups(result), [result]);
  const [level, setLevel] = useState(90);
  const longest = groups.reduce((most, group) => Math.max(most, group.kept.length - 1), 1);
  const usual = promiseFor(groups[0] ?? { kept: [] } as unknown as PromiseGroup, 0.9)?.days ?? 7;
  const [days, setDays] = useState<number>();
  const chosen = days ?? usual;
  if (groups.length === 0) return <p class="quiet">{words.states.notEnough}</p>;
  return (
    <>
      <div class="sliders no-print">
        <Slider label={texts.levelSlider} value={level} min={50} max={99}
                text={formatWholeShare(level / 100)} onChange={setLevel} />
        <Slider label={texts.daysSlider} value={chosen} min={0} max={Math.min(longest, 90)}
                text={texts.days(formatCount(chosen))} onChange={setDays} />
      </div>
      <div class="grid-box" tabIndex={0} role="region" aria-label={texts.workbench}>
        <table class="grid workbench">
          <caption class="sr">{texts.workbench}</caption>
          <thead>
            <tr>
              {result.options.by !== undefined && <th scope="col">{result.options.by}</th>}
              <th scope="col">{texts.group}</th>
              <th scope="col" class="figure">{texts.deliveries}</th>
              <th scope="col" class="figure">{texts.promisedDays}</th>
              <th scope="col" class="figure">{texts.daysFor(formatWholeShare(level / 100))}</th>
              <th scope="col" class="figure">{texts.keptIn(formatCount(chosen))}</th>
              {LEVELS.map((each) => (
                <th key={each} scope="col" class="figure">{formatWholeShare(each / 100)}</th>
              ))}
              <th scope="col">{texts.curve}</th>
            </tr>
          </thead>
          <tbody>
            {groups.map((group) => (
              <GroupRow key={`${nameOf(group.group)} ${String(group.row[result.options.by ?? ""])}`}
                        result={result} group={group} level={level} days={chosen} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="quiet">{texts.workbenchLegend}</p>
    </>
  );
}
