// SPDX-License-Identifier: Apache-2.0
// The form of any question, made from the rows of its options. It changes the address; the page
// asks what the address says.
import { useEffect, useState } from "preact/hooks";
import { BAR, change, useAddress } from "../address/address.ts";
import { valueOf, valuesOf } from "../answers/key.ts";
import type { OptionRow, QuestionRow } from "../answers/types.ts";
import { useGround } from "../answers/use.ts";
import { label } from "../format.ts";
import { words } from "../words/en.ts";
import { Expression } from "./Expression.tsx";
import { Icon } from "./Icon.tsx";
import { Select, TextField, Tick } from "./fields.tsx";

// Common options that the bar holds, or that the table does better.
const ELSEWHERE = new Set<string>([...BAR.filter((name) => name !== "range" && name !== "attach"),
                                   "list", "sort"]);

// Whether a question cannot be asked without it: "STEP STEP..." and "WHO", but not "[ID]".
export function isNeeded(option: OptionRow): boolean {
  return option.positional && !/^\[[^\]]*\](\.\.\.)?$/.test(option.argument);
}

function presetText(option: OptionRow): string {
  return option.preset === "" ? option.argument : words.form.preset(option.preset);
}

// Several values in an order: add, change, move, remove. An empty one is not in the address.
export function ValueList({ option, values, onChange }: {
  option: OptionRow;
  values: readonly string[];
  onChange: (values: readonly string[]) => void;
}) {
  const least = isNeeded(option) ? option.argument.split(" ").length : 1;
  const [draft, setDraft] = useState<readonly string[]>(values);
  useEffect(() => setDraft(values), [values.join("\n")]);
  const rows = draft.length < least
    ? [...draft, ...new Array<string>(least - draft.length).fill("")] : draft;
  const give = (next: readonly string[]): void => {
    setDraft(next);
    onChange(next.filter((value) => value !== ""));
  };
  const moved = (from: number, to: number): string[] => {
    const next = [...rows];
    next.splice(to, 0, ...next.splice(from, 1));
    return next;
  };
  return (
    <fieldset class="value-list">
      <legend title={option.help}>{label(option.name)}</legend>
      <ol>
        {rows.map((value, i) => {
          const name = `${label(option.name)} ${i + 1}`;
          return (
            <li key={i}>
              <Expression label={name} hideLabel kind="selector" check={false} value={value}
                          onChange={(text) => give(rows.map((old, j) => (j === i ? text : old)))} />
              <button type="button" class="plain" disabled={i === 0}
                      aria-label={words.form.up(name)} onClick={() => give(moved(i, i - 1))}>
                <Icon name="up" />
              </button>
              <button type="button" class="plain" disabled={i === rows.length - 1}
                      aria-label={words.form.down(name)} onClick={() => give(moved(i, i + 1))}>
                <Icon name="down" />
              </button>
              <button type="button" class="plain" aria-label={words.form.remove(name)}
                      onClick={() => give(rows.filter((_, j) => j !== i))}>
                <Icon name="close" />
              </button>
            </li>
          );
        })}
      </ol>
      <button type="button" class="small" onClick={() => setDraft([...rows, ""])}>
        <Icon name="plus" />{words.form.add}
      </button>
    </fieldset>
  );
}

// One option as the field that fits its type.
export function OptionField({ option }: { option: OptionRow }) {
  const { store } = useGround();
  const { options } = useAddress();
  const value = valueOf(options, option.name);
  const give = (next: string | readonly string[] | undefined): void =>
    change({ [option.name]: next });
  const name = label(option.name);
  if (option.repeated)
    return <ValueList option={option} values={valuesOf(options, option.name)} onChange={give} />;
  switch (option.type) {
    case "choice":
      return (
        <Select label={name} value={value} help={option.help} onChange={give}
                choices={[{ value: "", text: words.form.preset(option.preset) },
                          ...option.choices.filter((choice) => choice !== option.preset)
                            .map((choice) => ({ value: choice, text: label(choice) }))]} />
      );
    case "flag":
      return <Tick label={name} value={value !== ""} help={option.help}
                   onChange={(on) => give(on ? "true" : undefined)} />;
    case "expression":
    case "argument":
      return <Expression label={name} kind={option.name === "where" ? "event" : "selector"}
                         check={option.name === "where"} value={value}
                         example={presetText(option)} onChange={give} />;
    case "time":
      return <TextField type="date" label={name} value={value.slice(0, 10)} help={option.help}
                        onChange={give} />;
    case "count":
      return <TextField type="number" label={name} value={value} help={option.help}
                        example={presetText(option)} onChange={give} />;
    default:
      return <TextField label={name} value={value} help={option.help} example={presetText(option)}
                        list={option.type === "name" ? store.properties.map((each) => each.name)
                                                     : []} onChange={give} />;
  }
}

// What a field means, in the words of the command's help.
function Helped({ option }: { option: OptionRow }) {
  return (
    <div class={`helped ${option.repeated ? "full" : ""}`}>
      <OptionField option={option} />
      <p class="quiet">{option.help}</p>
    </div>
  );
}

export function QuestionForm({ question }: { question: QuestionRow }) {
  const { questions } = useGround();
  const { options } = useAddress();
  const first = question.options.filter((option) => option.positional);
  const own = question.options.filter((option) => !option.positional &&
                                                  !BAR.some((name) => name === option.name));
  const common = questions.common_options.filter((option) => !ELSEWHERE.has(option.name));
  const given = [...own, ...common].filter((option) => valueOf(options, option.name) !== "").length;
  return (
    <form class="question-form no-print" onSubmit={(event) => event.preventDefault()}>
      {first.map((option) => <Helped key={option.name} option={option} />)}
      <details class="fold" open={given > 0}>
        <summary>{words.form.options}{given > 0 && ` (${given})`}</summary>
        <div class="form-grid">
          {[...own, ...common].map((option) => <Helped key={option.name} option={option} />)}
        </div>
      </details>
    </form>
  );
}
