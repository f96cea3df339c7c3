// SPDX-License-Identifier: Apache-2.0
// The journey map drawn: stages across with lanes beneath them and their touchpoints, or, where
// there is no room, one stage beneath the other. One picture for page, paper and file.
import type { ComponentChildren, RefObject } from "preact";
import type { Result, Row } from "../answers/types.ts";
import { formatCompact, formatCount, formatDuration, formatNumber, formatShare, formatWholeShare }
  from "../format.ts";
import { figureHref } from "../parts/figures.ts";
import { words } from "../words/en.ts";
import { bandsOf, channelsIn, cut, fitting, heightIn, shortList, wrap } from "./journey.ts";
import type { Stage, Touchpoint } from "./journey.ts";
import { textWidth } from "../parts/letters.ts";

const texts = words.pages.map;
const GUTTER = 96;
const STAGE_MIN = 112;
const STAGE_MAX = 240;
const GAP = 8;
const HEAD = 50;
const LINE = 15; // from one line of a name to the next
const CARDS_APART = 6;
const BANDS_APART = 26;
const SHARE_FROM = 130; // a narrower card has room for the count and the time alone
const NAME_LINES = 3;

const strong = (text: string): number => textWidth(text, 12, 700);
const usual = (text: string): number => textWidth(text, 12);
const small = (text: string): number => textWidth(text, 11);

export const STACKED_BELOW = 700;
export const TOUCHPOINTS_SHOWN = 7;

export interface JourneyProps {
  readonly result: Result;
  readonly stages: readonly Stage[];
  readonly width: number;
  readonly all: boolean; // every touchpoint is shown
  readonly hrefOf: (touchpoint: Touchpoint) => string;
  readonly picture: RefObject<SVGSVGElement | null>;
}

function scoreText(score: number): string {
  return formatNumber(score, false);
}

function number(row: Row | undefined, column: string): number | undefined {
  const value = row?.[column];
  return typeof value === "number" ? value : undefined;
}

// A figure that opens its list.
function Figure({ result, table, row, column, children }: {
  result: Result;
  table: string;
  row: Row | undefined;
  column: string;
  children: ComponentChildren;
}) {
  const href = row === undefined ? undefined : figureHref(result, table, row, column);
  return href === undefined ? <>{children}</> : <a href={href}>{children}</a>;
}

interface Lane {
  readonly name: string;
  readonly height: number;
  readonly has: boolean;
  readonly draw: (stage: Stage, index: number, width: number) => ComponentChildren;
}

function Two({ above, beneath }: { above: ComponentChildren; beneath: ComponentChildren }) {
  return <><g>{above}</g><g style={{ transform: "translateY(17px)" }}>{beneath}</g></>;
}

function curveY(score: number, scores: readonly number[]): number {
  return 24 + 26 * (1 - heightIn(score, scores));
}

// Those without an answer, of what most are asked for in vain.
function Unanswered({ result, stage, width }: { result: Result; stage: Stage; width: number }) {
  if (stage.request === undefined) return null;
  return (
    <Figure result={result} table="answers" row={stage.request} column="unanswered">
      {unansweredLines(stage, width).map((line, i) => (
        <text key={i} y={12 + 14 * i} class="quiet">{line}</text>
      ))}
    </Figure>
  );
}

function unansweredLines({ request }: Stage, width: number): readonly string[] {
  return request === undefined ? [] : wrap(texts.unanswered(
    formatWholeShare(1 - Number(request.answered_share)),
    words.requests[String(request.touchpoint)] ?? String(request.touchpoint)), width, small, 4);
}

// Of these stages, in columns of so much room; scores are compared over all.
function lanesOf(result: Result, all: readonly Stage[], stages: readonly Stage[], room: number,
                 stacked = false): readonly Lane[] {
  const scores = all.flatMap((stage) => number(stage.row, "satisfaction") ?? []);
  const unanswered = Math.max(0, ...stages.map((stage) => unansweredLines(stage, room).length));
  const { lanes } = texts;
  const every: Lane[] = [
    { name: lanes.volume, height: 34, has: true, draw: (stage, _, width) => {
      const reach = formatShare(number(stage.row, "reach") ?? 0);
      return (
        <>
          <text y="12">{fitting([texts.ofAll(reach), reach], width, usual)}</text>
          <rect class="track" y="19" width={width} height="7" rx="2" />
          <rect class="bar-fill" y="19" height="7" rx="2"
                width={width * (number(stage.row, "reach") ?? 0)} />
        </>
      );
    } },
    { name: lanes.conversion, height: 44 + 14 * unanswered, has: true,
      draw: (stage, _, width) => {
      const [next, dropped] = [number(stage.row, "conversion_next"), number(stage.row, "dropped")];
      return (
        <>
          <Two
            above={<text y="12" class="strong">
              {next === undefined ? "–" : formatShare(next)}</text>}
            beneath={dropped === undefined || next === undefined ? null : (
              <Figure result={result} table="stages" row={stage.row} column="dropped">
                <text y="12" class="quiet">
                  {fitting([formatCount(dropped), formatCompact(dropped)].map(
                    (count) => texts.endHere(count)), width, small)}
                </text>
              </Figure>
            )} />
          <g style={move(0, 32)}><Unanswered result={result} stage={stage} width={width} /></g>
        </>
      );
    } },
    { name: lanes.time, height: 44, has: true, draw: (stage, _, width) => {
      const [median, p90] = [number(stage.row, "median_ms"), number(stage.row, "p90_ms")];
      return <Two
        above={<text y="12" class="strong">
          {median === undefined ? "–" : formatDuration(median)}</text>}
        beneath={p90 === undefined ? null
          : <text y="12" class="quiet">
              {fitting([texts.p90(formatDuration(p90)), texts.p90Short(formatDuration(p90))],
                       width, small)}
            </text>} />;
    } },
    { name: lanes.satisfaction, height: stacked ? 44 : 78, has: scores.length > 0,
      draw: (stage, _, width) => {
      const score = number(stage.row, "satisfaction");
      if (score === undefined) return <text y="36" class="quiet">–</text>;
      const y = curveY(score, scores);
      const n = texts.n(formatCount(number(stage.row, "satisfaction_n") ?? 0));
      if (stacked)
        return <Two above={<text y="12" class="strong">{texts.score(scoreText(score))}</text>}
                    beneath={<text y="12" class="quiet">{n}</text>} />;
      return (
        <>
          <circle cx={width / 2} cy={y} r="5" class="dot" />
          <text x={width / 2} y={y - 9} class="strong middle">{scoreText(score)}</text>
          <text x={width / 2} y={y + 18} class="quiet middle">{n}</text>
        </>
      );
    } },
    { name: lanes.promise, height: 44, has: stages.some((stage) => stage.promise !== undefined),
      draw: ({ promise }) => (promise === undefined ? null : <Two
        above={<text y="12" class="strong">
          {number(promise, "kept_share") === undefined ? "–"
            : formatShare(number(promise, "kept_share")!)}</text>}
        beneath={
          <Figure result={result} table="promises" row={promise} column="late">
            <text y="12" class="quiet">
              {texts.late(formatCount(number(promise, "late") ?? 0))}
            </text>
          </Figure>} />) },
  ];
  return every.filter((lane) => lane.has);
}

function Head({ stage, width, props }: { stage: Stage; width: number; props: JourneyProps }) {
  const cases = number(stage.row, "cases");
  const room = width - 32;
  return (
    <g class="stage-head">
      <path d={`M0 0H${width - 10}L${width} ${HEAD / 2}L${width - 10} ${HEAD}H0L8 ${HEAD / 2}Z`} />
      <text x="18" y="21" class="stage-name">
        {cut(stage.name.replaceAll("_", " "), room, (text) => textWidth(text, 14, 700))}
      </text>
      {cases !== undefined && (
        <Figure result={props.result} table="stages" row={stage.row} column="cases">
          <text x="18" y="39">
            {fitting([texts.journeys(formatCount(cases)), texts.journeys(formatCompact(cases)),
                      formatCount(cases)], room, usual)}
          </text>
        </Figure>
      )}
    </g>
  );
}

// Where the lines of a card stand, from its names' and whether it tells scores.
interface CardShape {
  readonly base: number; // the last line of a name
  readonly height: number;
}

// The shape of the cards of a row, which stand side by side.
function shapeOf(row: readonly Touchpoint[], width: number): CardShape {
  const lines = Math.max(1, ...row.map(
    (each) => wrap(each.name, width - 16, strong, NAME_LINES).length));
  const scored = row.some((each) => each.pain !== undefined ||
                                    number(each.row, "satisfaction") !== undefined);
  const base = 17 + LINE * (lines - 1);
  return { base, height: base + (scored ? 79 : 64) };
}

// Rows of cards, one beneath the other.
interface CardRows {
  readonly shapes: readonly CardShape[];
  readonly tops: readonly number[];
  readonly height: number;
}

function cardRows(rows: readonly (readonly Touchpoint[])[], width: number): CardRows {
  const shapes = rows.map((row) => shapeOf(row, width));
  const heights = shapes.map((shape) => shape.height + CARDS_APART);
  return { shapes, tops: topsOf(heights), height: heights.reduce((sum, each) => sum + each, 0) };
}

function Card({ touchpoint, width, shape, props }: {
  touchpoint: Touchpoint;
  width: number;
  shape: CardShape;
  props: JourneyProps;
}) {
  const { row, name, stage, pain, answers } = touchpoint;
  const { base } = shape;
  const reach = number(row, "reach") ?? 0;
  const [median, score] = [number(row, "median_ms"), number(row, "satisfaction")];
  const cases = number(row, "cases") ?? 0;
  const inner = width - 16;
  const said = (column: string): string =>
    (typeof row[column] === "string" ? String(row[column]).replaceAll("_", " ") : "");
  const time = median === undefined ? "" : formatDuration(median);
  const whole = inner < SHARE_FROM ? [] : [`${formatCount(cases)} (${formatWholeShare(reach)})`];
  const volume = fitting([...whole, formatCount(cases), formatCompact(cases)],
                         inner - usual(time) - 6, usual);
  const share = number(answers, "answered_share");
  return (
    <a href={props.hrefOf(touchpoint)} class={`touchpoint ${pain === undefined ? "" : "pain"}`}>
      <title>
        {[texts.touchpointTitle(name.replaceAll("_", " "), stage, formatCount(cases)),
          said("owner"), said("channel"), pain === undefined ? "" : texts.pain(pain),
          share === undefined ? "" : texts.answered(formatShare(share))]
          .filter((each) => each !== "").join(", ")}
      </title>
      <rect width={width} height={shape.height} rx="6" />
      <g style={{ transform: "translateX(8px)" }}>
        {wrap(name, inner, strong, NAME_LINES).map((line, i) => (
          <text key={i} y={17 + LINE * i} class="strong">{line}</text>
        ))}
        <text y={base + 17}>{volume}</text>
        {time !== "" && <text x={inner} y={base + 17} class="end">{time}</text>}
        <rect class="track" y={base + 22} width={inner} height="3" />
        <rect class="bar-fill" y={base + 22} width={inner * reach} height="3" />
        <text y={base + 39} class="small">{cut(said("owner"), inner, small)}</text>
        <text y={base + 54} class="small">{channelsIn(said("channel"), inner, small)}</text>
        {score !== undefined &&
          <text y={base + 69} class="small">{texts.score(scoreText(score))}</text>}
        {pain !== undefined &&
          <text x={inner} y={base + 69} class="pain-mark">{`▾ ${pain}`}</text>}
      </g>
    </a>
  );
}

// The line of satisfaction from stage to stage; the scale is that of all stages.
function Curve({ stages, all, xOf }: {
  stages: readonly Stage[];
  all: readonly Stage[];
  xOf: (index: number) => number;
}) {
  const scores = all.flatMap((stage) => number(stage.row, "satisfaction") ?? []);
  const points = stages.flatMap((stage, i) => {
    const score = number(stage.row, "satisfaction");
    return score === undefined ? [] : [`${xOf(i)},${curveY(score, scores)}`];
  });
  return <polyline class="curve" points={points.join(" ")} />;
}

function visible(stage: Stage, all: boolean): readonly Touchpoint[] {
  return all ? stage.touchpoints : shortList(stage.touchpoints, TOUCHPOINTS_SHOWN);
}

function move(x: number, y: number) {
  return { transform: `translate(${x}px, ${y}px)` };
}

// Where each of some heights, one beneath the other, begins.
function topsOf(heights: readonly number[], first = 0): readonly number[] {
  return heights.map((_, i) => first + heights.slice(0, i).reduce((sum, each) => sum + each, 0));
}

function stageTitle({ name, row }: Stage): string {
  return texts.stageTitle(name, formatCount(number(row, "cases") ?? 0),
                          formatShare(number(row, "reach") ?? 0));
}

function LaneName({ lane }: { lane: Lane }) {
  return <>{wrap(lane.name, GUTTER - 8, usual, 3).map((line, i) => (
    <text key={i} y={12 + LINE * i} class="lane-name">{line}</text>
  ))}</>;
}

// Some stages side by side, as they lie in the picture.
interface Band {
  readonly stages: readonly Stage[];
  readonly lanes: readonly Lane[];
  readonly tops: readonly number[]; // of the lanes
  readonly cards: number; // where the cards begin
  readonly rows: CardRows;
  readonly height: number;
}

function bandOf(stages: readonly Stage[], column: number, props: JourneyProps): Band {
  const lanes = lanesOf(props.result, props.stages, stages, column - 20);
  const tops = topsOf(lanes.map((lane) => lane.height), HEAD + 12);
  const cards = (tops.at(-1) ?? HEAD) + (lanes.at(-1)?.height ?? 0) + 12;
  const shown = stages.map((stage) => visible(stage, props.all));
  const most = Math.max(0, ...shown.map((each) => each.length));
  const rows = cardRows(Array.from({ length: most }, (_, j) =>
    shown.flatMap((each) => each[j] ?? [])), column - 4);
  return { stages, lanes, tops, cards, rows, height: cards + rows.height };
}

function BandView({ band, column, width, props }: {
  band: Band;
  column: number;
  width: number;
  props: JourneyProps;
}) {
  const { stages, lanes, tops, cards, rows } = band;
  const xOf = (index: number): number => GUTTER + index * (column + GAP);
  return (
    <>
      {lanes.map((lane, i) => (
        <g key={lane.name} style={move(0, tops[i]!)}>
          <line class="rule" x2={width} y1="-4" y2="-4" />
          <LaneName lane={lane} />
          {lane.name === texts.lanes.satisfaction &&
            <Curve stages={stages} all={props.stages}
                   xOf={(index) => xOf(index) + 10 + (column - 20) / 2} />}
          {stages.map((stage, j) => (
            <g key={stage.name} style={move(xOf(j) + 10, 0)}>{lane.draw(stage, j, column - 20)}</g>
          ))}
        </g>
      ))}
      <g style={move(0, cards)}>
        <line class="rule" x2={width} y1="-6" y2="-6" />
        <text y="16" class="lane-name">{texts.touchpoints}</text>
      </g>
      {stages.map((stage, i) => (
        <g key={stage.name} style={move(xOf(i), 0)} role="group" aria-label={stageTitle(stage)}>
          <Head stage={stage} width={column + GAP - 1} props={props} />
          {visible(stage, props.all).map((touchpoint, j) => (
            <g key={touchpoint.name} style={move(2, cards + rows.tops[j]!)}>
              <Card touchpoint={touchpoint} width={column - 4} shape={rows.shapes[j]!}
                    props={props} />
            </g>
          ))}
        </g>
      ))}
    </>
  );
}

// As many stages side by side as there is room for, the rest in further rows.
function Across({ props }: { props: JourneyProps }) {
  const { stages, width, picture } = props;
  const rows = bandsOf(stages, Math.floor((width - GUTTER) / (STAGE_MIN + GAP)));
  const most = Math.max(1, rows[0]?.length ?? 0);
  const column = Math.min(STAGE_MAX, (width - GUTTER) / most - GAP);
  const bands = rows.map((row) => bandOf(row, column, props));
  const tops = topsOf(bands.map((band) => band.height + BANDS_APART));
  const [w, h] = [GUTTER + most * (column + GAP), (tops.at(-1) ?? 0) + (bands.at(-1)?.height ?? 0)];
  return (
    <svg ref={picture} role="group" aria-label={texts.map} viewBox={`0 0 ${w} ${h}`}
         width={w} height={h}>
      {bands.map((band, i) => (
        <g key={band.stages[0]!.name} style={move(0, tops[i]!)}>
          <BandView band={band} column={column} width={w} props={props} />
        </g>
      ))}
    </svg>
  );
}

function Stacked({ props }: { props: JourneyProps }) {
  const { stages, width, all, picture } = props;
  const columns = width >= 300 ? 2 : 1;
  const cardWidth = (width - (columns - 1) * GAP) / columns;
  const room = width - GUTTER - 16;
  const lanes = stages.map((stage) => lanesOf(props.result, stages, [stage], room, true));
  const cards = stages.map((stage) => cardRows(bandsOf(visible(stage, all), columns), cardWidth));
  const rooms = lanes.map((own) => own.reduce((sum, lane) => sum + lane.height, 0));
  const heights = stages.map((_, i) => HEAD + 14 + rooms[i]! + cards[i]!.height + 22);
  const tops = topsOf(heights);
  const h = heights.reduce((sum, each) => sum + each, 0);
  return (
    <svg ref={picture} role="group" aria-label={texts.map} viewBox={`0 0 ${width} ${h}`}
         width={width} height={h}>
      {stages.map((stage, i) => (
        <g key={stage.name} style={move(0, tops[i]!)} role="group" aria-label={stageTitle(stage)}>
          <Head stage={stage} width={width} props={props} />
          {lanes[i]!.map((lane, j) => (
            <g key={lane.name}
               style={move(0, topsOf(lanes[i]!.map((each) => each.height), HEAD + 14)[j]!)}>
              <LaneName lane={lane} />
              <g style={move(GUTTER + 8, 0)}>{lane.draw(stage, i, room)}</g>
            </g>
          ))}
          {visible(stage, all).map((touchpoint, j) => (
            <g key={touchpoint.name} style={move((j % columns) * (cardWidth + GAP),
              HEAD + 16 + rooms[i]! + cards[i]!.tops[Math.floor(j / columns)]!)}>
              <Card touchpoint={touchpoint} width={cardWidth}
                    shape={cards[i]!.shapes[Math.floor(j / columns)]!} props={props} />
            </g>
          ))}
        </g>
      ))}
    </svg>
  );
}

export function Journey(props: JourneyProps) {
  return props.width < STACKED_BELOW ? <Stacked props={props} /> : <Across props={props} />;
}
