// SPDX-License-Identifier: Apache-2.0
// The steps of a funnel: each a touchpoint with a condition, put in order by dragging or by the
// buttons beside it. It changes the address when a step is whole.
import { useEffect, useRef, useState } from "preact/hooks";
import { words } from "../words/en.ts";
import { Expression } from "./Expression.tsx";
import { Icon } from "./Icon.tsx";
import { Tick } from "./fields.tsx";
import { moved, stepOf, stepText } from "./selector.ts";
import type { Step } from "./selector.ts";

const texts = words.pages.funnel;
const STEPS_MAX = 64;

interface RowProps {
  readonly step: Step;
  readonly at: number;
  readonly count: number;
  readonly optional: boolean; // whether steps may be
  readonly onChange: (step: Step) => void;
  readonly onMove: (to: number) => void;
  readonly onRemove: () => void;
  readonly onDrag: (over: number | undefined) => void;
  readonly marked: boolean;
}

function StepRow(props: RowProps) {
  const { step, at, count, onChange, onMove } = props;
  const name = texts.stepName(at + 1);
  const [holding, setHolding] = useState(false);
  return (
    <li class={`step ${props.marked ? "marked" : ""}`} data-step={at} draggable={holding}
        onDragStart={(event) => {
          event.dataTransfer?.setData("text/plain", String(at));
          props.onDrag(at);
        }}
        onDragEnd={() => { setHolding(false); props.onDrag(undefined); }}>
      <span class="step-grip" aria-hidden="true" title={texts.drag}
            onPointerDown={() => setHolding(true)} onPointerUp={() => setHolding(false)}>
        {at + 1}
      </span>
      <Expression label={name} hideLabel kind="selector" check={false} value={step.selector}
                  example={texts.touchpoint}
                  onChange={(selector) => onChange({ ...step, selector })} />
      <Expression label={texts.conditionOf(name)} hideLabel kind="event" check={false}
                  value={step.condition} example={texts.condition}
                  onChange={(condition) => onChange({ ...step, condition })} />
      {props.optional && at > 0
        ? <Tick label={texts.optional} value={step.optional}
                onChange={(optional) => onChange({ ...step, optional })} />
        : <span />}
      <span class="step-tools">
        <button type="button" class="plain" disabled={at === 0}
                aria-label={words.form.up(name)} onClick={() => onMove(at - 1)}>
          <Icon name="up" />
        </button>
        <button type="button" class="plain" disabled={at === count - 1}
                aria-label={words.form.down(name)} onClick={() => onMove(at + 1)}>
          <Icon name="down" />
        </button>
        <button type="button" class="plain" aria-label={words.form.remove(name)}
                onClick={props.onRemove}>
          <Icon name="close" />
        </button>
      </span>
    </li>
  );
}

export function Steps({ values, optional, onChange }: {
  values: readonly string[];
  optional: boolean;
  onChange: (values: readonly string[]) => void;
}) {
  const [steps, setSteps] = useState<readonly Step[]>(() => values.map(stepOf));
  const [drag, setDrag] = useState<{ from: number; over: number }>();
  const list = useRef<HTMLOListElement>(null);
  const focusOn = useRef<{ at: number; button: number } | undefined>(undefined);
  useEffect(() => setSteps(values.map(stepOf)), [values.join("\n")]);
  // The button that moved a step stays under the finger, wherever the step went.
  useEffect(() => {
    const wanted = focusOn.current;
    if (wanted === undefined) return;
    focusOn.current = undefined;
    const row = list.current?.querySelectorAll("li.step")[wanted.at];
    const buttons = [...(row?.querySelectorAll<HTMLButtonElement>(".step-tools button") ?? [])];
    (buttons[wanted.button]?.disabled === true ? buttons[1 - wanted.button]
                                               : buttons[wanted.button])?.focus();
  });
  const give = (next: readonly Step[]): void => {
    setSteps(next);
    // The first step is never optional.
    const all = next.map((step, at) => stepText(at === 0 || !optional
      ? { ...step, optional: false } : step)).filter((text) => text !== "");
    if (all.join("\n") !== values.join("\n")) onChange(all);
  };
  const move = (from: number, to: number): void => {
    focusOn.current = { at: to, button: to < from ? 0 : 1 };
    give(moved(steps, from, to));
  };
  const placeOf = (event: DragEvent): number | undefined => {
    const row = event.target instanceof Element ? event.target.closest("li.step") : null;
    return row instanceof HTMLElement ? Number(row.dataset.step) : undefined;
  };
  return (
    <fieldset class="steps">
      <legend class="sr">{texts.steps}</legend>
      <ol ref={list}
          onDragOver={(event) => {
            const over = placeOf(event);
            if (drag === undefined || over === undefined) return;
            event.preventDefault();
            if (over !== drag.over) setDrag({ ...drag, over });
          }}
          onDrop={(event) => {
            event.preventDefault();
            if (drag !== undefined) give(moved(steps, drag.from, drag.over));
            setDrag(undefined);
          }}>
        {steps.map((step, at) => (
          <StepRow key={at} step={step} at={at} count={steps.length} optional={optional}
                   marked={drag?.over === at && drag.from !== at}
                   onChange={(next) => give(steps.map((old, j) => (j === at ? next : old)))}
                   onMove={(to) => move(at, to)}
                   onRemove={() => give(steps.filter((_, j) => j !== at))}
                   onDrag={(from) => setDrag(from === undefined ? undefined
                                                                : { from, over: from })} />
        ))}
      </ol>
      <button type="button" class="small" disabled={steps.length >= STEPS_MAX}
              onClick={() => setSteps([...steps, { selector: "", condition: "",
                                                   optional: false }])}>
        <Icon name="plus" />{texts.addStep}
      </button>
    </fieldset>
  );
}
