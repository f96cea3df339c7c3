// SPDX-License-Identifier: Apache-2.0
// One customer's journey, or one case's: a story by order, the events as a table beside it, and the
// way on in the list one came from. Personal values stay sealed: nothing here opens them.
import { useMemo } from "preact/hooks";
import { change, changedHref, useAddress } from "../address/address.ts";
import { chosen, parseAnswerKey, valueOf } from "../answers/key.ts";
import type { Options, Result } from "../answers/types.ts";
import { useAnswer, useGround } from "../answers/use.ts";
import type { Answer } from "../answers/use.ts";
import { formatCount, formatDay, formatDuration } from "../format.ts";
import { figureOf, rowsOf, textOf } from "../headlines/headline.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { AnsweredCard, Headlines, Notes } from "../parts/Card.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Answered, Message } from "../parts/States.tsx";
import { Story } from "../parts/Story.tsx";
import { Tick } from "../parts/fields.tsx";
import { neighbours, storyOf } from "../parts/story.ts";
import { words } from "../words/en.ts";

const texts = words.pages.customer;

// Before and after in the list that `of` names.
function ListLinks({ of, who, byCase }: { of: string; who: string; byCase: boolean }) {
  const asked = useMemo(() => parseAnswerKey(of), [of]);
  const { result } = useAnswer(asked.question, asked.options);
  if (result === undefined) return null;
  const rows = rowsOf(result, Object.keys(result.tables)[0] ?? "");
  const place = neighbours(rows, byCase ? "case" : "customer", who);
  if (place.at < 0) return null;
  const link = (to: string, text: string) => (to === ""
    ? <span class="quiet">{text}</span> : <a href={changedHref({ who: to })}>{text}</a>);
  return (
    <nav class="list-links no-print" aria-label={texts.list}>
      {link(place.before, texts.before)}
      <span class="quiet">{texts.place(formatCount(place.at + 1), formatCount(place.of))}</span>
      {link(place.after, texts.after)}
    </nav>
  );
}

function Lead({ result }: { result: Result }) {
  const row = rowsOf(result, "customer")[0];
  const events = figureOf(row, "events") ?? 0;
  if (row === undefined || events === 0) return <Message title={texts.nothing} />;
  return (
    <p class="lead">
      {texts.events(events)}, {formatDay(textOf(row, "first"))} – {formatDay(textOf(row, "last"))}
      {" "}({formatDuration(figureOf(row, "duration_ms") ?? 0)})
    </p>
  );
}

function Told({ answer, options }: { answer: Answer; options: Options }) {
  const { store } = useGround();
  const { result } = answer;
  const chapters = useMemo(() => (result === undefined ? [] : storyOf(result, store.touchpoints)),
                           [result, store]);
  return (
    <Answered answer={answer}>
      {result !== undefined && (
        <>
          <Lead result={result} />
          <Headlines lines={headlinesOf(result)} />
          <Notes notes={result.notes} />
          <div class="beside">
            <div><Story chapters={chapters} options={options} /></div>
            <div>
              <AnsweredCard answer={answer} question="timeline" options={options} table="cases"
                            title={texts.cases} chart="none" headlines="none"
                            columns={["case", "key", "promised", "promise", "events"]} />
              <AnsweredCard answer={answer} question="timeline" options={options} table="events"
                            title={texts.raw} chart="none" headlines="none" />
            </div>
          </div>
        </>
      )}
    </Answered>
  );
}

export function CustomerPage() {
  const address = useAddress();
  const who = valueOf(address.options, "who"), of = valueOf(address.options, "of");
  const byCase = valueOf(address.options, "case") !== "" && of !== "";
  const options = chosen(address.options, ["who", "as-of", "derive"]);
  const answer = useAnswer("timeline", who === "" ? undefined : options);
  const row = answer.result === undefined ? undefined : rowsOf(answer.result, "customer")[0];
  const name = textOf(row, "customer");
  if (who === "")
    return (
      <>
        <Heading title={texts.title} />
        <Message title={texts.nobody} advice={texts.nobodyAdvice} />
      </>
    );
  return (
    <>
      <Heading title={name === "" || name.endsWith(who) ? who : `${who} · ${name}`}>
        {of !== "" && <ListLinks of={of} who={who} byCase={byCase} />}
        <Tick label={words.bar.derive} value={"derive" in options} help={words.bar.deriveHelp}
              onChange={(value) => change({ derive: value ? "true" : undefined })} />
      </Heading>
      <Told answer={answer} options={options} />
    </>
  );
}
