// SPDX-License-Identifier: Apache-2.0
// Who goes the expected way, and how the others deviate: the answer of `conformance`, whose
// deviations the map marks.
import { change } from "../address/address.ts";
import type { Options, Result } from "../answers/types.ts";
import type { Answer } from "../answers/use.ts";
import { formatCount } from "../format.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { Card, CardFoot, Headlines } from "../parts/Card.tsx";
import { Facts } from "../parts/Facts.tsx";
import { Answered } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { TextField, Tick } from "../parts/fields.tsx";
import { words } from "../words/en.ts";
import type { Marked } from "./Graph.tsx";

const texts = words.pages.process;

// The most frequent deviation at each touchpoint, as the map marks it.
export function marksOf(result: Result | undefined): ReadonlyMap<string, Marked> {
  const marks = new Map<string, Marked>();
  for (const row of result?.tables.deviations ?? []) {
    const what = String(row.what);
    const kind = String(row.kind) as Marked["kind"];
    if (marks.has(what) || !(kind in texts.deviations)) continue;
    marks.set(what, { kind, text: texts.deviations[kind](formatCount(Number(row.cases))) });
  }
  return marks;
}

export function Expected({ answer, options, pattern, suggested, shown }: {
  answer: Answer;
  options: Options;
  pattern: string;   // as given; "" = the suggested one
  suggested: string; // the most frequent way of several touchpoints
  shown: boolean;
}) {
  const { result } = answer;
  return (
    <Card title={texts.expected} wide tools={
      <Tick label={texts.showDeviations} value={shown}
            onChange={(on) => change({ deviations: on ? "true" : undefined }, true)} />}>
      <div class="expected-path no-print">
        <TextField label={texts.expectedPath} value={pattern} example={suggested}
                   onChange={(value) => change({ pattern: value })} />
        {pattern === "" && <p class="quiet">{texts.suggested}</p>}
      </div>
      <Answered answer={answer} given={result?.options ?? {}}>
        {result !== undefined && (
          <>
            <Headlines lines={headlinesOf(result)} />
            <Facts result={result} table="overall" />
            <Table result={result} table="deviations" />
            <CardFoot result={result} options={options}
                      tables={["overall", "kinds", "deviations"]} />
          </>
        )}
      </Answered>
    </Card>
  );
}
