// SPDX-License-Identifier: Apache-2.0
// A console for SQL, read only. The statement stands in the address, so that it can be kept and
// sent.
import { useEffect, useId, useState } from "preact/hooks";
import { change, changedHref, useAddress } from "../address/address.ts";
import { shellWord, valueOf } from "../answers/key.ts";
import { useGround, useWork } from "../answers/use.ts";
import { Chart } from "../charts/Chart.tsx";
import { defaultSpec } from "../charts/spec.ts";
import { formatCount } from "../format.ts";
import { Card, CopyText, Notes, ViewSwitch } from "../parts/Card.tsx";
import type { View } from "../parts/Card.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import type { Result } from "../answers/types.ts";
import { csvBlob, offerFile } from "../parts/files.ts";
import { words } from "../words/en.ts";

const texts = words.pages.sql;
export const SQL_ROWS_MAX = 10_000;

function SqlResult({ result, table, statement }: {
  result: Result;
  table: string;
  statement: string;
}) {
  const spec = defaultSpec(result, table);
  const [view, setView] = useState<View>("table");
  const rows = result.tables[table] ?? [];
  return (
    <Card title={texts.rows(formatCount(rows.length))} wide
          tools={spec !== undefined && <ViewSwitch view={view} onView={setView} />}>
      {rows.length === SQL_ROWS_MAX && <p>{texts.limited(formatCount(SQL_ROWS_MAX))}</p>}
      {spec !== undefined && view === "chart"
        ? <Chart result={result} table={table} spec={spec} />
        : <Table result={result} table={table} height={18} />}
      <footer class="card-foot">
        <Notes notes={result.notes} />
        <div class="card-tools no-print">
          <button type="button" class="plain small"
                  onClick={() => offerFile(csvBlob(result, table), `${table}.csv`)}>
            <Icon name="file" />{words.card.csv}
          </button>
          <CopyText text={`doorstep sql ${shellWord(statement)}`} />
        </div>
      </footer>
    </Card>
  );
}

// What can be asked about: a click shows a table's rows.
function Tables() {
  const { store } = useGround();
  return (
    <details class="fold sql-tables">
      <summary>{texts.tables}</summary>
      <ul>
        {texts.known.map((each) => (
          <li key={each.name}>
            <a href={changedHref({ statement: `select * from ${each.name} limit 100` })}>
              <code>{each.name}</code>
            </a> <span class="quiet">{each.what}</span>
          </li>
        ))}
      </ul>
      <p class="quiet">
        {texts.properties}: {store.properties.map((each) => each.name).join(", ")}
      </p>
    </details>
  );
}

export function SqlPage() {
  const { source } = useGround();
  const statement = valueOf(useAddress().options, "statement");
  const [text, setText] = useState(statement === "" ? texts.example : statement);
  const field = useId();
  useEffect(() => {
    if (statement !== "") setText(statement);
  }, [statement]);
  const answer = useWork(statement === "" ? undefined : statement, undefined,
                         (signal, onProgress) =>
                           source.sql(statement, SQL_ROWS_MAX, { signal, onProgress }));
  const { result } = answer;
  const ask = (): void => {
    if (text.trim() === statement) answer.again();
    else change({ statement: text.trim() });
  };
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      <form class="question-form" onSubmit={(event) => { event.preventDefault(); ask(); }}>
        <label for={field} class="sr">{texts.statement}</label>
        <textarea id={field} class="sql" spellcheck={false} value={text}
                  rows={Math.min(16, Math.max(5, text.split("\n").length + 1))}
                  onInput={(event) => setText(event.currentTarget.value)}
                  onKeyDown={(event) => {
                    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
                      event.preventDefault();
                      ask();
                    }
                  }} />
        <div class="card-tools">
          <button type="submit" class="main">{texts.run}</button>
          <span class="quiet">{texts.keys}</span>
        </div>
        <Tables />
      </form>
      <Answered answer={answer} given={{ statement }}>
        {result !== undefined && Object.keys(result.tables).map((table) => (
          <SqlResult key={table} result={result} table={table} statement={statement} />
        ))}
      </Answered>
    </>
  );
}
