// SPDX-License-Identifier: Apache-2.0
// A field for an expression of the journey language: suggests names as one types, tells an error
// with its caret, and hands on what was written, at Enter or when the field is left.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { problemOf } from "../answers/source.ts";
import type { ExpressionKind, Problem } from "../answers/source.ts";
import { useGround } from "../answers/use.ts";
import { words } from "../words/en.ts";
import { completionsAt } from "./completions.ts";
import type { Completion } from "./completions.ts";
import { Caret } from "./States.tsx";

const CHECK_AFTER_MS = 300;

// What is wrong with a text; undefined: nothing, or nobody can say.
function useProblem(text: string, kind: ExpressionKind, check: boolean): Problem | undefined {
  const { source } = useGround();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    if (!check || text.trim() === "" || source.kind === "report") {
      setProblem(undefined);
      return undefined;
    }
    const control = new AbortController();
    const timer = window.setTimeout(() => {
      source.explain(text, kind, control.signal).then(
        () => setProblem(undefined),
        (failure: unknown) => {
          const told = problemOf(failure);
          // Only what is wrong with the text: not that nobody could be asked.
          setProblem(told !== undefined && (told.line > 0 || told.status === 400) ? told
                                                                                  : undefined);
        },
      );
    }, CHECK_AFTER_MS);
    return () => {
      window.clearTimeout(timer);
      control.abort();
    };
  }, [text, kind]);
  return problem;
}

export interface ExpressionProps {
  readonly label: string;
  readonly kind: ExpressionKind;
  readonly value: string;
  readonly onChange: (value: string) => void;
  // Told at every key, too.
  readonly onText?: (text: string) => void;
  readonly example?: string;
  readonly hideLabel?: boolean;
  // False where the engine alone knows what may stand here (a pattern, a name).
  readonly check?: boolean;
}

function Suggestions({ id, list, at, onTake }: {
  id: string;
  list: readonly Completion[];
  at: number;
  onTake: (choice: Completion) => void;
}) {
  return (
    <ul class="suggestions" id={id} role="listbox" aria-label={words.expression.choices}>
      {list.map((choice, i) => (
        <li key={choice.text + choice.kind} id={`${id}-${i}`} role="option"
            aria-selected={i === at}
            onMouseDown={(event) => { event.preventDefault(); onTake(choice); }}>
          <span>{choice.text}</span>
          <small>{[choice.kind, choice.more].filter((text) => text !== "").join(" · ")}</small>
        </li>
      ))}
    </ul>
  );
}

export function Expression(props: ExpressionProps) {
  const { label, kind, value, onChange, example, hideLabel, check = true } = props;
  const ground = useGround();
  const [text, setText] = useState(value);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [caret, setCaret] = useState(0);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const problem = useProblem(text, kind, check);
  useEffect(() => setText(value), [value]);
  const { start, list } = completionsAt(ground, kind, text, caret);
  const shown = open && list.length > 0;

  const give = (): void => {
    setOpen(false);
    if (text.trim() !== value) onChange(text.trim());
  };
  const take = (choice: Completion): void => {
    const next = text.slice(0, start) + choice.text + text.slice(caret);
    const end = start + choice.text.length;
    setText(next);
    props.onText?.(next);
    setCaret(end);
    setAt(-1);
    setOpen(false);
    requestAnimationFrame(() => field.current?.setSelectionRange(end, end));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt((before) => (before + step + list.length + 1) % (list.length + 1));
    } else if (event.key === "Escape" && shown) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    } else if (event.key === "Enter" || (event.key === "Tab" && shown && at >= 0)) {
      const choice = shown ? list[at] : undefined;
      if (choice !== undefined) {
        event.preventDefault();
        take(choice);
      } else if (event.key === "Enter") {
        event.preventDefault();
        give();
      }
    }
  };
  return (
    <div class="field expression">
      <label for={id} class={hideLabel === true ? "sr" : ""}>{label}</label>
      <div class="combo">
        <input ref={field} id={id} type="text" value={text} placeholder={example ?? ""}
               role="combobox" autocomplete="off" spellcheck={false} autocapitalize="off"
               aria-autocomplete="list" aria-expanded={shown} aria-controls={`${id}-list`}
               aria-invalid={problem !== undefined}
               {...(shown && at >= 0 ? { "aria-activedescendant": `${id}-list-${at}` } : {})}
               {...(problem !== undefined && !shown ? { "aria-describedby": `${id}-problem` } : {})}
               onInput={(event) => {
                 setText(event.currentTarget.value);
                 props.onText?.(event.currentTarget.value);
                 setCaret(event.currentTarget.selectionStart ?? event.currentTarget.value.length);
                 setAt(-1);
                 setOpen(true);
               }}
               onClick={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
               onFocus={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
               onKeyDown={onKeyDown} onBlur={give} />
        {shown && <Suggestions id={`${id}-list`} list={list} at={at} onTake={take} />}
      </div>
      {problem !== undefined && !shown && (
        <div class="field-problem" id={`${id}-problem`} role="alert">
          {problem.line > 0 && <Caret text={text} line={problem.line} column={problem.column} />}
          <p>{problem.detail === "" ? problem.title : problem.detail}</p>
        </div>
      )}
    </div>
  );
}
