// SPDX-License-Identifier: Apache-2.0
// The bar on top: period, case, segment, filter, split, compare. It holds nothing itself: each
// control reads the address and changes it.
import { useState } from "preact/hooks";
import { BAR, change, useAddress } from "../address/address.ts";
import { valueOf } from "../answers/key.ts";
import type { Options, Store } from "../answers/types.ts";
import type { Page } from "../app/pages.ts";
import { earlierPeriod } from "../compare/compare.ts";
import { useGround } from "../answers/use.ts";
import { formatPeriod, formatTime, label } from "../format.ts";
import { words } from "../words/en.ts";
import { Expression } from "./Expression.tsx";
import { Icon } from "./Icon.tsx";
import { Popover, Select, TextField, Tick } from "./fields.tsx";
import { presetsOf } from "./periods.ts";

function periodText(from: string, to: string, asOf: string): string {
  const period = from === "" && to === "" ? words.bar.allTime : formatPeriod(from, to);
  return asOf === "" ? period : `${period}, ${words.shell.asOf(formatTime(asOf))}`;
}

function Period({ store }: { store: Store }) {
  const { options } = useAddress();
  const [from, to, asOf] = [valueOf(options, "from"), valueOf(options, "to"),
                            valueOf(options, "as-of")];
  return (
    <Popover label={words.bar.period} button={periodText(from, to, asOf)}
             given={from + to + asOf !== ""}>
      {(close) => (
        <>
          <div class="presets">
            {presetsOf(store).map((preset) => (
              <button key={preset.text} type="button"
                      aria-pressed={from === preset.from && to === preset.to}
                      onClick={() => { change({ from: preset.from, to: preset.to }); close(); }}>
                {preset.text}
              </button>
            ))}
          </div>
          <div class="field-row">
            <TextField type="date" label={words.bar.from} value={from.slice(0, 10)}
                       onChange={(value) => change({ from: value })} />
            <TextField type="date" label={words.bar.to} value={to.slice(0, 10)}
                       onChange={(value) => change({ to: value })} />
          </div>
          <TextField type="date" label={words.bar.asOf} value={asOf.slice(0, 10)}
                     help={words.bar.asOfHelp} onChange={(value) => change({ "as-of": value })} />
          <p class="quiet">{words.bar.asOfHelp}. {words.shell.zone(store.time_zone)}.</p>
        </>
      )}
    </Popover>
  );
}

// A segment is the condition segment('NAME'); any other condition is the user's own.
function segmentOf(condition: string): string | undefined {
  return /^segment\('([^']*)'\)$/.exec(condition)?.[1];
}

function SegmentPicker({ store }: { store: Store }) {
  const condition = valueOf(useAddress().options, "cases");
  const segment = segmentOf(condition);
  const text = condition === "" ? words.bar.everyone
    : segment === undefined ? words.bar.ownCondition : label(segment);
  return (
    <Popover label={words.bar.segment} button={text} given={condition !== ""}>
      {(close) => (
        <>
          <ul class="choices" aria-label={words.bar.segmentsOfStore}>
            {[{ name: "", condition: "" }, ...store.segments].map((each) => (
              <li key={each.name}>
                <button type="button" aria-pressed={(segment ?? condition) === each.name}
                        onClick={() => {
                          change({ cases: each.name === "" ? undefined
                                                           : `segment('${each.name}')` });
                          close();
                        }}>
                  <span>{each.name === "" ? words.bar.everyone : label(each.name)}</span>
                  {each.condition !== "" && <small>{each.condition}</small>}
                </button>
              </li>
            ))}
          </ul>
          <Expression label={words.bar.condition} kind="case" value={condition}
                      example={words.bar.conditionExample}
                      onChange={(value) => change({ cases: value })} />
        </>
      )}
    </Popover>
  );
}

// What the choice to compare comes to on this page.
function compareText(compares: Page["compares"], options: Options): string {
  const period = earlierPeriod(options, valueOf(options, "compare"));
  return compares === undefined ? words.bar.notCompared
    : compares === "own" ? words.bar.comparedOwn
    : period === undefined ? words.bar.comparePeriod
    : words.bar.comparing(formatPeriod(period.from, period.to));
}

export function Bar({ compares }: { compares: Page["compares"] }) {
  const { store, source } = useGround();
  const { options } = useAddress();
  const [open, setOpen] = useState(false);
  if (source.kind === "report") return null;
  const given = BAR.filter((name) => valueOf(options, name) !== "");
  const key = valueOf(options, "case");
  const compare = valueOf(options, "compare");
  const keys = store.case_keys.map((each) => (
    { value: each.name, text: words.bar.oneOf(each.name) }));
  const splits = store.properties.map((each) => ({ value: each.name, text: label(each.name) }));
  return (
    <div class={`bar no-print ${open ? "open" : ""}`} role="search" aria-label={words.bar.label}>
      <button type="button" class="bar-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="filter" />{words.bar.given(given.length)}
      </button>
      <div class="bar-fields">
        <Period store={store} />
        <Select label={words.bar.cases} value={key} given={key !== ""}
                onChange={(value) => change({ case: value })}
                choices={[{ value: "", text: words.bar.wholeCustomer }, ...keys]} />
        <SegmentPicker store={store} />
        <Expression label={words.bar.where} kind="event" value={valueOf(options, "where")}
                    example={words.bar.whereExample}
                    onChange={(value) => change({ where: value })} />
        <Select label={words.bar.by} value={valueOf(options, "by")}
                given={valueOf(options, "by") !== ""}
                onChange={(value) => change({ by: value })}
                choices={[{ value: "", text: words.bar.noSplit }, ...splits]} />
        <Popover label={words.bar.more} button={words.bar.more}
                 given={valueOf(options, "derive") + compare !== ""}>
          {() => (
            <>
              <Select label={words.bar.compare} value={compare} disabled={compares !== "periods"}
                      onChange={(value) => change({ compare: value })}
                      choices={[{ value: "", text: words.bar.noCompare },
                                { value: "previous", text: words.bar.previous },
                                { value: "year", text: words.bar.yearBefore }]} />
              <p class="quiet">{compareText(compares, options)}</p>
              <Tick label={words.bar.derive} value={valueOf(options, "derive") !== ""}
                    help={words.bar.deriveHelp}
                    onChange={(value) => change({ derive: value ? "true" : undefined })} />
              <p class="quiet">{words.bar.deriveHelp}.</p>
            </>
          )}
        </Popover>
        {compare !== "" && (
          <p class="compare-note quiet" role="status">{compareText(compares, options)}</p>
        )}
        {given.length > 0 && (
          <button type="button" class="plain" onClick={() =>
            change(Object.fromEntries(BAR.map((name) => [name, undefined])))}>
            <Icon name="close" />{words.bar.clear}
          </button>
        )}
      </div>
    </div>
  );
}
