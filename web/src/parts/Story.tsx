// SPDX-License-Identifier: Apache-2.0
// The chapters of a customer's story: what happened after what silence, promises, stars, contacts.
import { valueOf } from "../answers/key.ts";
import type { Options } from "../answers/types.ts";
import { useAnswer } from "../answers/use.ts";
import { formatDay, formatDuration, formatMoment, formatTime, label } from "../format.ts";
import { figureOf, rowsOf, spoken, textOf } from "../headlines/headline.ts";
import { words } from "../words/en.ts";
import { gapHeight } from "./story.ts";
import type { Chapter, Detail, StoryEvent } from "./story.ts";

const texts = words.pages.customer;
const DAY_MS = 86_400_000;
// Of many details these are read first, and so many are shown before one opens the rest.
const FIRST = ["value", "currency", "items", "category", "method", "carrier", "reason", "score",
               "channel", "text", "comment"];
const DETAILS_SHOWN = 5;

function Stars({ stars }: { stars: number }) {
  return (
    <span class="stars" role="img" aria-label={texts.stars(stars)} title={texts.stars(stars)}>
      {"★".repeat(stars)}<span class="quiet">{"☆".repeat(5 - stars)}</span>
    </span>
  );
}

function DetailItem({ detail }: { detail: Detail }) {
  return (
    <li>
      <span class="quiet">{spoken(detail.name)}</span>{" "}
      {detail.sealed ? <i title={texts.sealedHelp}>{texts.sealed}</i> : detail.value}
    </li>
  );
}

function Gap({ ms }: { ms: number }) {
  const height = gapHeight(ms);
  if (height === 0) return null;
  return (
    <li class={`story-gap ${ms >= DAY_MS ? "long" : ""}`} style={{ minHeight: `${height}px` }}>
      <span>{ms >= DAY_MS ? texts.silence(formatDuration(ms)) : texts.later(formatDuration(ms))}
      </span>
    </li>
  );
}

// Without what is told in another way, the first to be read in front.
function readableDetails(event: StoryEvent): readonly Detail[] {
  const place = (detail: Detail): number =>
    (FIRST.indexOf(detail.name) + FIRST.length + 1) % (FIRST.length + 1);
  return event.details
    .filter((each) => each.name !== "stars" && (each.value !== event.promised ||
                                                each.value === ""))
    .map((detail, at) => ({ detail, at }))
    .sort((a, b) => place(a.detail) - place(b.detail) || a.at - b.at)
    .map(({ detail }) => detail);
}

function Details({ event }: { event: StoryEvent }) {
  const details = readableDetails(event);
  const few = details.length <= DETAILS_SHOWN + 1 ? details : details.slice(0, DETAILS_SHOWN);
  const rest = details.slice(few.length);
  if (details.length + event.others.length === 0) return null;
  return (
    <>
      <ul class="story-details">
        {event.others.map((other) => (
          <li key={other}>{spoken(other.replace(/_id=|=/, " "))}</li>
        ))}
        {few.map((detail) => <DetailItem key={detail.name} detail={detail} />)}
      </ul>
      {rest.length > 0 && (
        <details class="fold">
          <summary>{texts.more(rest.length)}</summary>
          <ul class="story-details">
            {rest.map((detail) => <DetailItem key={detail.name} detail={detail} />)}
          </ul>
        </details>
      )}
    </>
  );
}

function EventItem({ event }: { event: StoryEvent }) {
  return (
    <li class={`story-event ${event.actor} ${event.contact ? "contact" : ""}`}>
      <time dateTime={event.time} title={formatTime(event.time)}>{formatMoment(event.time)}</time>
      <div>
        <p>
          <b>{label(event.touchpoint)}</b>
          {event.times > 1 && <span> {texts.times(event.times)}</span>}
          {event.stars !== undefined && <> <Stars stars={event.stars} /></>}
          {event.actor !== "" && <span class="quiet"> · {texts.by(event.actor)}</span>}
          {event.contact && <span class="badge">{texts.contact}</span>}
          {event.stage !== "" && <span class="badge stage">{label(event.stage)}</span>}
        </p>
        {event.promised !== "" && <p>{texts.promised(promiseText(event.promised))}</p>}
        <Details event={event} />
      </div>
    </li>
  );
}

// A day is a date of the store's calendar and no instant.
export function promiseText(promised: string): string {
  return promised.length > 10 ? formatTime(promised) : promised;
}

// Where the order's parcels are, by `tracking`.
function Parcels({ id, options }: { id: string; options: Options }) {
  const { result } = useAnswer("tracking", { ...options, id });
  const parcels = result === undefined ? []
    : rowsOf(result, "parcels").filter((row) => textOf(row, "parcel") !== "");
  if (parcels.length === 0) return null;
  return (
    <ul class="parcels">
      {parcels.map((row) => (
        <li key={textOf(row, "parcel")}>
          <span class="quiet">{texts.parcel}</span> {textOf(row, "parcel")}:{" "}
          <b>{spoken(textOf(row, "state"))}</b>{" "}
          {texts.since(formatTime(textOf(row, "since")))},{" "}
          {texts.scans(figureOf(row, "scans") ?? 0)}
          {(["stalled", "at_risk", "missed", "lost"] as const)
            .filter((trouble) => textOf(row, trouble) !== "").map((trouble) => (
              <span key={trouble} class="badge bad">{spoken(trouble)}</span>
            ))}
        </li>
      ))}
    </ul>
  );
}

function PromiseLine({ chapter }: { chapter: Chapter }) {
  const { row, kept } = chapter;
  if (row === undefined || kept === undefined) return null;
  const bad = kept === "late" || kept === "overdue";
  return (
    <p class={`promise ${bad ? "bad" : kept === "kept" ? "good" : ""}`}>
      <b>{texts.kept[kept]}</b>
      {": "}{texts.until(promiseText(textOf(row, "promised")))}, {textOf(row, "promise")}
      {textOf(row, "delivered") !== "" && ` (${formatTime(textOf(row, "delivered"))})`}
    </p>
  );
}

export function Story({ chapters, options }: {
  chapters: readonly Chapter[];
  options: Options; // as the timeline was asked, for its parcels
}) {
  const asOf = chosenAsOf(options);
  return (
    <>
      {chapters.map((chapter, i) => (
        <details key={chapter.id} class="card chapter" open={i < 3 || chapters.length <= 5}>
          <summary>
            <h2>{chapter.id === "" ? texts.without : chapter.title}</h2>
            <span class="quiet">
              {formatDay(chapter.begun)}, {texts.events(chapter.events.length)}
            </span>
          </summary>
          <PromiseLine chapter={chapter} />
          {chapter.id !== "" && chapter.events.some((event) =>
            event.others.some((other) => other.startsWith("parcel_id="))) &&
            <Parcels id={chapter.id} options={asOf} />}
          <ol class="story">
            {chapter.events.map((event, at) => (
              <StoryLine key={at} event={event} />
            ))}
          </ol>
        </details>
      ))}
    </>
  );
}

function StoryLine({ event }: { event: StoryEvent }) {
  return (
    <>
      <Gap ms={event.gapMs} />
      <EventItem event={event} />
    </>
  );
}

function chosenAsOf(options: Options): Options {
  const asOf = valueOf(options, "as-of");
  return asOf === "" ? {} : { "as-of": asOf };
}
