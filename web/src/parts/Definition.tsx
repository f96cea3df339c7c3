// SPDX-License-Identifier: Apache-2.0
// A segment being defined: who meets the condition is counted while it is written; an older count
// is stopped when the text changes.
import { useEffect, useState } from "preact/hooks";
import { change, pageHref } from "../address/address.ts";
import { changed } from "../answers/key.ts";
import type { Options } from "../answers/types.ts";
import { useAnswer } from "../answers/use.ts";
import type { Answer } from "../answers/use.ts";
import { formatCount, formatShare } from "../format.ts";
import { figureOf, rowsOf } from "../headlines/headline.ts";
import { words } from "../words/en.ts";
import { Card } from "./Card.tsx";
import { Expression } from "./Expression.tsx";
import { Icon } from "./Icon.tsx";
import { TextField } from "./fields.tsx";
import { figureHref } from "./figures.ts";
import { nameOf } from "./segments.ts";

const texts = words.pages.segments;
const COUNT_AFTER_MS = 350;

// The text once it has stood for a while.
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), COUNT_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return settled;
}

function LiveCount({ bar, answer, asked }: { bar: Options; answer: Answer; asked: boolean }) {
  const { result } = answer;
  const row = result === undefined ? undefined : rowsOf(result, "segments")[0];
  const members = figureOf(row, "members");
  if (!asked) return <p class="quiet">{texts.waiting}</p>;
  // What is wrong with the text, the field itself says.
  if (answer.problem !== undefined || result === undefined || row === undefined ||
      members === undefined)
    return <p class="quiet live-count">{answer.loading ? words.states.loading : "–"}</p>;
  const [share, low, high] = ["share", "share_low", "share_high"].map(
    (column) => figureOf(row, column));
  const text = texts.count(formatCount(members), formatCount(figureOf(row, "cases") ?? 0),
                           bar.case === undefined ? texts.customers : texts.cases);
  const href = figureHref(result, "segments", row, "members");
  return (
    <p class={`live-count ${answer.loading ? "stale" : ""}`}>
      <b>{href === undefined || members === 0 ? text : <a href={href}>{text}</a>}</b>
      {share !== undefined && <span>{formatShare(share)}</span>}
      {low !== undefined && high !== undefined &&
        <small class="quiet">{texts.interval(formatShare(low), formatShare(high))}</small>}
    </p>
  );
}

function Copy({ line }: { line: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => setCopied(false), [line]);
  return (
    <button type="button" onClick={() =>
      void navigator.clipboard.writeText(`${line}\n`).then(() => setCopied(true))}>
      <Icon name="copy" /><span aria-live="polite">{copied ? texts.copied : texts.copy}</span>
    </button>
  );
}

export function Definition({ bar, onAdd }: {
  bar: Options;
  onAdd: (condition: string) => void;
}) {
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const condition = text.trim();
  const settled = useSettled(condition);
  const asked = settled.includes("(");
  const answer = useAnswer("segment", asked ? changed(bar, { segment: settled, "min-n": "1" })
                                            : undefined);
  const line = `${nameOf(name) || "my_segment"}: ${condition}`;
  return (
    <Card title={texts.editor} wide>
      <p class="quiet">{texts.editorLead}</p>
      <div class="definition">
        <TextField label={texts.name} value={name} example="my_segment" onChange={setName} />
        {/* The field holds its text: handing it back would race with the next key. */}
        <Expression label={texts.condition} kind="case" value="" onText={setText}
                    onChange={setText} example={texts.conditionExample} />
      </div>
      <div aria-live="polite"><LiveCount bar={bar} answer={answer} asked={asked} /></div>
      {condition.includes("(") && answer.problem === undefined && (
        <>
          <p><span class="quiet">{texts.line}</span> <code>{line}</code></p>
          <div class="card-tools">
            <Copy line={line} />
            <button type="button" onClick={() => change({ cases: condition })}>
              <Icon name="filter" />{texts.filter}
            </button>
            <button type="button" onClick={() => onAdd(condition)}>{texts.add}</button>
            <a class="tool" href={pageHref("/find", { id: condition })}>{texts.find}</a>
          </div>
        </>
      )}
    </Card>
  );
}
