// SPDX-License-Identifier: Apache-2.0
// A page for any question, made from its row alone: a form from the options, a table for each
// table, a chart from the types of columns.
import { useMemo, useState } from "preact/hooks";
import type { PageProps } from "../app/pages.ts";
import { BAR, pageHref, useAddress } from "../address/address.ts";
import { chosen, optionRows, valuesOf } from "../answers/key.ts";
import type { Options, QuestionRow, Result } from "../answers/types.ts";
import { useAnswer, useBar, useGround } from "../answers/use.ts";
import { useAgainst } from "../compare/use.ts";
import type { Against } from "../compare/use.ts";
import { defaultSpec } from "../charts/spec.ts";
import { questionLabel, tableLabel } from "../format.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { Card, CardFoot, Headlines, TableOrChart, ViewSwitch, mainTable, useCompared }
  from "../parts/Card.tsx";
import type { View } from "../parts/Card.tsx";
import { QuestionForm, isNeeded } from "../parts/Form.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Answered, Message } from "../parts/States.tsx";
import { words } from "../words/en.ts";

const texts = words.pages.question;

function TableCard({ result, table, options, main, against }: {
  result: Result;
  table: string;
  options: Options;
  main: boolean;
  against: Against | undefined;
}) {
  const spec = useMemo(() => defaultSpec(result, table), [result, table]);
  const { both, line } = useCompared(result, table, spec, against);
  const [view, setView] = useState<View>(main ? "chart" : "table");
  return (
    <Card title={tableLabel(table)} wide
          tools={spec !== undefined && <ViewSwitch view={view} onView={setView} />}>
      {main && <Headlines lines={headlinesOf(result)} />}
      {line}
      <TableOrChart result={result} table={table} spec={spec} view={view} both={both} />
      {main && <CardFoot result={result} options={options} tables={Object.keys(result.tables)}
                         against={against} />}
    </Card>
  );
}

function Asked({ row }: { row: QuestionRow }) {
  const { questions } = useGround();
  const address = useAddress();
  const names = optionRows(questions, row.name).map((option) => option.name);
  const own = names.filter((name) => !BAR.some((each) => each === name));
  const options = { ...chosen(address.options, own), ...useBar(row.name) };
  const ready = row.options.every((option) => !isNeeded(option) ||
    valuesOf(options, option.name).length >= option.argument.split(" ").length);
  const answer = useAnswer(row.name, ready ? options : undefined);
  const against = useAgainst(row.name, ready ? options : undefined);
  const { result } = answer;
  const main = result === undefined ? "" : mainTable(result);
  const given = Object.fromEntries(names.map((name) => [name, valuesOf(options, name).join(" ")]));
  if (!ready) return <Message title={words.form.begin} advice={row.example} />;
  return (
    <Answered answer={answer} given={given}>
      {result !== undefined && [main, ...Object.keys(result.tables).filter((name) => name !== main)]
        .map((table) => (
          <TableCard key={`${table} ${Object.keys(result.tables).length}`} result={result}
                     table={table} options={options} main={table === main} against={against} />
        ))}
    </Answered>
  );
}

export function QuestionPage({ argument }: PageProps) {
  const { questions, source } = useGround();
  const row = questions.questions.find((each) => each.name === argument);
  if (row === undefined) return <Message title={texts.unknown} />;
  return (
    <>
      <Heading title={questionLabel(row.name)} lead={row.purpose} />
      {source.kind === "server" && <QuestionForm question={row} />}
      <Asked row={row} />
    </>
  );
}

export function Questions() {
  const { questions } = useGround();
  return (
    <>
      <Heading title={texts.all} lead={texts.lead} />
      <ul class="question-list">
        {questions.questions.map((row) => (
          <li key={row.name}>
            <a href={pageHref(`/question/${row.name}`)}>
              <b>{questionLabel(row.name)}</b>
              <span>{row.purpose}</span>
              <code>{row.example}</code>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}
