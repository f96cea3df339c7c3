// SPDX-License-Identifier: Apache-2.0
// What stands where an answer is to be: counting, stopped, failed, nothing.
import type { ComponentChildren } from "preact";
import type { Answer } from "../answers/use.ts";
import type { Problem } from "../answers/source.ts";
import { formatCompact } from "../format.ts";
import { words } from "../words/en.ts";
import { Icon } from "./Icon.tsx";

export function Loading({ answer }: { answer: Answer }) {
  const { progress } = answer;
  const share = progress === undefined || progress.total <= 0 ? undefined
    : progress.done / progress.total;
  return (
    <div class="state loading" role="status">
      <progress {...(share === undefined ? {} : { value: share })}
                aria-label={words.states.loading} />
      <span class="quiet">
        {progress === undefined ? words.states.loading
          : words.states.progress(progress.phase, formatCompact(progress.done),
                                  formatCompact(progress.total), progress.unit)}
      </span>
      <button type="button" class="small" onClick={answer.stop}>{words.states.stop}</button>
    </div>
  );
}

export function Message({ title, advice, tone = "quiet", children }: {
  title: string;
  advice?: string | undefined;
  tone?: "quiet" | "bad";
  children?: ComponentChildren;
}) {
  return (
    <div class={`state message ${tone}`} role={tone === "bad" ? "alert" : undefined}>
      <p class="state-title">{tone === "bad" && <Icon name="warn" />}{title}</p>
      {advice !== undefined && advice !== "" && <p>{advice}</p>}
      {children}
    </div>
  );
}

// The text that a problem points into, with a caret under the place.
export function Caret({ text, line, column }: { text: string; line: number; column: number }) {
  const shown = text.split("\n")[line - 1] ?? "";
  return <pre class="caret">{shown}{"\n"}{" ".repeat(Math.max(0, column - 1))}^</pre>;
}

// The status of what was asked wrongly: asked again it is refused again.
const REFUSED = 400;

export function Failed({ problem, again, given }: {
  problem: Problem;
  again?: () => void;
  // The options asked with, for the expression that a problem points into.
  given?: Readonly<Record<string, string>>;
}) {
  const text = given?.[problem.option] ?? "";
  const refused = problem.status === REFUSED;
  return (
    <Message tone="bad" title={problem.detail === "" ? words.states.failed
                               : refused ? words.errors.refused : problem.title}
             advice={problem.detail === "" ? problem.title : problem.detail}>
      {problem.line > 0 && text !== "" &&
        <Caret text={text} line={problem.line} column={problem.column} />}
      {again !== undefined && !refused &&
        <button type="button" class="small" onClick={again}>{words.states.again}</button>}
    </Message>
  );
}

// An answer's states around what is made of its result.
export function Answered({ answer, given, children }: {
  answer: Answer;
  given?: Readonly<Record<string, string>>;
  children: ComponentChildren;
}) {
  if (answer.problem !== undefined)
    return <Failed problem={answer.problem} again={answer.again} {...(given ? { given } : {})} />;
  if (answer.stopped)
    return (
      <Message title={words.states.stopped} advice={words.states.stoppedAdvice}>
        <button type="button" class="small" onClick={answer.again}>{words.states.again}</button>
      </Message>
    );
  return (
    <>
      {answer.loading && <Loading answer={answer} />}
      {answer.result !== undefined &&
        <div class={answer.loading ? "stale" : ""} aria-busy={answer.loading}>{children}</div>}
    </>
  );
}
