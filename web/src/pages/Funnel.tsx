// SPDX-License-Identifier: Apache-2.0
// Funnel: how many get through the steps, how long it takes, what the others do, how it changes.
import { useMemo } from "preact/hooks";
import { change, useAddress } from "../address/address.ts";
import { changed, optionRows, valueOf, valuesOf } from "../answers/key.ts";
import { withRows } from "../answers/derive.ts";
import type { Options, Result, Row } from "../answers/types.ts";
import { useAnswer, useBar, useGround } from "../answers/use.ts";
import type { Answer } from "../answers/use.ts";
import { formatCount } from "../format.ts";
import { FunnelBars } from "../flow/FunnelBars.tsx";
import { timeHeadlines } from "../headlines/funnel.ts";
import { figureOf, spoken, textOf } from "../headlines/headline.ts";
import { AnsweredCard } from "../parts/Card.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Message } from "../parts/States.tsx";
import { Steps } from "../parts/Steps.tsx";
import { Select, TextField } from "../parts/fields.tsx";
import { Expression } from "../parts/Expression.tsx";
import { Icon } from "../parts/Icon.tsx";
import { usualSteps, withoutOf, withoutText } from "../parts/selector.ts";
import { words } from "../words/en.ts";

const texts = words.pages.funnel;
const OWN = ["within", "order", "ties", "count", "same", "value", "without", "min-n"];

// What the question calls its steps.
function useStepsName(): string {
  const { questions } = useGround();
  return optionRows(questions, "funnel").find((row) => row.positional)?.name ?? "step";
}

function useFunnelOptions(): { steps: readonly string[]; options: Options } {
  const { store } = useGround();
  const address = useAddress();
  const name = useStepsName();
  const bar = useBar("funnel");
  const given = valuesOf(address.options, name);
  const steps = given.length > 0 ? given : usualSteps(store);
  const own = Object.fromEntries(OWN.map((each) => [each, valuesOf(address.options, each)]));
  const per = valueOf(address.options, "per") || "month";
  return { steps, options: changed({ ...bar, ...own, [name]: steps },
                                   { per, times: "true" }) };
}

function Withouts({ count }: { count: number }) {
  const { options } = useAddress();
  const values = valuesOf(options, "without");
  const give = (next: readonly string[]): void => change({ without: next });
  const numbers = Array.from({ length: count }, (_, i) => (
    { value: String(i + 1), text: texts.stepName(i + 1) }));
  return (
    <fieldset class="withouts">
      <legend>{texts.withouts}</legend>
      {values.map(withoutOf).map((without, at) => {
        const put = (part: Partial<typeof without>): void =>
          give(values.map((old, j) => (j === at ? withoutText({ ...without, ...part }) : old)));
        return (
          <div key={at} class="without">
            <Expression label={texts.without(at + 1)} hideLabel kind="selector" check={false}
                        value={without.selector} onChange={(selector) => put({ selector })} />
            <Select label={texts.after} value={without.first} choices={numbers.slice(0, -1)}
                    onChange={(first) => put({ first })} />
            <Select label={texts.before} value={without.last} choices={numbers.slice(1)}
                    onChange={(last) => put({ last })} />
            <button type="button" class="plain"
                    aria-label={words.form.remove(texts.without(at + 1))}
                    onClick={() => give(values.filter((_, j) => j !== at))}>
              <Icon name="close" />
            </button>
          </div>
        );
      })}
      <Expression key={values.length} label={texts.addWithout} kind="selector" check={false}
                  value="" example={texts.withoutExample}
                  onChange={(selector) => give([...values,
                    withoutText({ selector, first: "1", last: "2" })])} />
    </fieldset>
  );
}

function Form({ steps }: { steps: readonly string[] }) {
  const { store } = useGround();
  const { options } = useAddress();
  const name = useStepsName();
  const order = valueOf(options, "order") || "sequence";
  const choice = (option: string, preset: string, all: Readonly<Record<string, string>>) => (
    <Select label={texts.options[option as keyof typeof texts.options]}
            value={valueOf(options, option) || preset}
            choices={Object.entries(all).map(([value, text]) => ({ value, text }))}
            onChange={(value) => change({ [option]: value === preset ? undefined : value })} />
  );
  const given = ["ties", "count", "same", "value", "without"].filter(
    (each) => valueOf(options, each) !== "").length;
  return (
    <form class="question-form no-print" onSubmit={(event) => event.preventDefault()}>
      <Steps values={steps} optional={order !== "any"}
             onChange={(next) => change({ [name]: next })} />
      <div class="form-grid">
        <TextField label={texts.options.within} value={valueOf(options, "within")}
                   example={texts.withinExample} onChange={(within) => change({ within })} />
        {choice("order", "sequence", texts.orders)}
        {choice("per", "month", texts.pers)}
      </div>
      <details class="fold" open={given > 0}>
        <summary>{words.form.options}{given > 0 && ` (${given})`}</summary>
        <div class="form-grid">
          {choice("count", "cases", texts.counts)}
          {choice("ties", "either", texts.ties)}
          <TextField label={texts.options.same} value={valueOf(options, "same")}
                     list={store.properties.map((each) => each.name)}
                     onChange={(same) => change({ same })} />
          <TextField label={texts.options.value} value={valueOf(options, "value")}
                     list={store.properties.filter((each) => each.type === "number")
                       .map((each) => each.name)}
                     onChange={(value) => change({ value })} />
          {order !== "any" && <div class="full"><Withouts count={steps.length} /></div>}
        </div>
      </details>
    </form>
  );
}

// Which step the cards below are about: the last, unless one was chosen.
function StepChoice({ rows, step }: { rows: readonly Row[]; step: number }) {
  const choices = new Map<number, string>();
  for (const row of rows)
    if (typeof row.step === "number" && row.step > 1)
      choices.set(row.step, `${row.step}. ${spoken(textOf(row, "selector"))}`);
  return (
    <Select label={texts.about} value={String(step)}
            choices={[...choices].map(([value, text]) => ({ value: String(value), text }))}
            onChange={(value) => change({ about: value })} />
  );
}

function Details({ answer, options, result }: {
  answer: Answer;
  options: Options;
  result: Result;
}) {
  const rows = result.tables.steps ?? [];
  const last = rows.reduce((most, row) => Math.max(most, figureOf(row, "step") ?? 0), 0);
  const wanted = Number(valueOf(useAddress().options, "about"));
  const step = wanted > 1 && wanted <= last ? wanted : last;
  const by = result.options.by;
  const part = useMemo(() => ["times", "instead", "periods"].reduce(
    (made, table) => withRows(made, table, (row) => row.step === step), result), [result, step]);
  const own = { ...answer, result: part };
  const row = rows.find((each) => each.step === step);
  const split = by === undefined ? {} : { split: by };
  const name = spoken(textOf(row, "selector"));
  const common = { question: "funnel", options, answer: own, compares: false,
                   repeated: true } as const;
  return (
    <>
      <div class="about"><StepChoice rows={rows} step={step} /></div>
      <div class="cards">
        <AnsweredCard {...common} title={texts.timesTitle(name)} table="times"
                      headlines={() => (by === undefined ? timeHeadlines(row) : [])}
                      chart={{ kind: "columns", x: "time", y: ["cases"], ...split }} />
        <AnsweredCard {...common} title={texts.insteadTitle(name)} table="instead"
                      headlines="none"
                      chart={{ kind: "bars", x: "touchpoint", y: ["cases"], ...split }} />
        <AnsweredCard {...common} title={texts.trendTitle(name)} table="periods" wide
                      headlines="none"
                      chart={{ kind: "line", x: "period", y: ["conversion_start"],
                               low: "conversion_start_low", high: "conversion_start_high",
                               complete: "complete", ...split }} />
      </div>
    </>
  );
}

export function FunnelPage() {
  const { source } = useGround();
  const { steps, options } = useFunnelOptions();
  const answer = useAnswer("funnel", steps.length < 2 ? undefined : options);
  const { result } = answer;
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      {source.kind === "server" && <Form steps={steps} />}
      {steps.length < 2 ? <Message title={texts.begin} advice={texts.beginAdvice} /> : (
        <>
          <AnsweredCard question="funnel" options={options} answer={answer} table="steps" wide
                        title={texts.bars(formatCount(steps.length))}>
            {(shown) => <FunnelBars result={shown} />}
          </AnsweredCard>
          {result !== undefined && answer.problem === undefined &&
            <Details answer={answer} options={options} result={result} />}
        </>
      )}
    </>
  );
}
