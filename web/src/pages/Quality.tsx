// SPDX-License-Identifier: Apache-2.0
// Data quality: what the data can bear, before any figure is believed.
import { useMemo } from "preact/hooks";
import type { Column, Row } from "../answers/types.ts";
import { useAnswer, useBar } from "../answers/use.ts";
import { label } from "../format.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { Card, CardFoot, Headlines } from "../parts/Card.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Answered } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { figureHref } from "../parts/figures.ts";
import { formatCount, formatShare } from "../format.ts";
import { figureOf, textOf } from "../headlines/headline.ts";
import type { Result } from "../answers/types.ts";
import { words } from "../words/en.ts";

const texts = words.pages.quality;

// A problem is to be read whole: what, how often, an example, what to do.
function Problem({ result, row }: { result: Result; row: Row }) {
  const count = formatCount(figureOf(row, "count") ?? 0);
  const share = figureOf(row, "share");
  const href = figureHref(result, "problems", row, "count");
  return (
    <li>
      <h3>{label(textOf(row, "kind"))}</h3>
      <p class="finding-count">
        {href === undefined ? count
          : <a href={href} title={words.table.openList(count)}>{count}</a>} {textOf(row, "of")}
        {share !== undefined && <span class="quiet"> · {formatShare(share)}</span>}
      </p>
      <p>{textOf(row, "advice")}</p>
      {textOf(row, "example") !== "" &&
        <p class="quiet">{texts.example}: <code>{textOf(row, "example")}</code></p>}
    </li>
  );
}

export function QualityPage() {
  const options = useBar("quality");
  const answer = useAnswer("quality", options);
  const { result } = answer;
  const lines = useMemo(() => (result === undefined ? [] : headlinesOf(result)), [result]);
  const known = useMemo(() => (row: Row, column: Column) =>
    (column.name === "known" && row.known === "no" ? <b>{texts.unknown}</b> : undefined), []);
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      <Answered answer={answer} given={result?.options ?? {}}>
        {result !== undefined && (
          <>
            <Card title={texts.problems} wide>
              <Headlines lines={lines} />
              <ul class="findings">
                {(result.tables.problems ?? []).map((row, i) => (
                  <Problem key={i} result={result} row={row} />
                ))}
              </ul>
              <CardFoot result={result} options={options} tables={Object.keys(result.tables)} />
            </Card>
            <Card title={texts.touchpoints} wide>
              <Table result={result} table="touchpoints" cell={known} />
            </Card>
            <Card title={texts.properties} wide>
              <Table result={result} table="properties" />
            </Card>
          </>
        )}
      </Answered>
    </>
  );
}
