// SPDX-License-Identifier: Apache-2.0
// Process: how journeys move from touchpoint to touchpoint. One answer holds the picture at every
// place of its two sliders; beside it what is chosen and the ways of whole journeys, beneath it the
// expected path, what comes again, and who hands over to whom.
import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { change, useAddress } from "../address/address.ts";
import { rememberAsked } from "../answers/asked.ts";
import { chosen, valueOf } from "../answers/key.ts";
import type { Options } from "../answers/types.ts";
import { useAnswer, useBar, useGround } from "../answers/use.ts";
import { formatCount, formatShare, label } from "../format.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { AnswerCard, Card, CardFoot, Headlines } from "../parts/Card.tsx";
import type { View } from "../parts/Card.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { Select } from "../parts/fields.tsx";
import { PictureTools } from "../parts/PictureTools.tsx";
import { Expected, marksOf } from "../process/Expected.tsx";
import { Graph } from "../process/Graph.tsx";
import type { GraphProps } from "../process/Graph.tsx";
import { Selection } from "../process/Selection.tsx";
import { Variants, touchpointsOf } from "../process/Variants.tsx";
import { Figures, MEASURES, edgesOf, expectedWay, groupColumn, groupsOf, isLaidOut, layoutOf,
         mainPaths, mostOf, patternOf, seenEdges } from "../process/graph.ts";
import type { LaidOut, Layout, LayoutEdge, Measure } from "../process/graph.ts";
import { words } from "../words/en.ts";

const texts = words.pages.process;
// What chooses journeys here, under the names of the options.
const FILTERS = ["variant", "follows", "avoids", "starts-with", "ends-with", "closed", "open",
                 "min-duration", "max-duration", "coverage", "hours", "holidays"];
const OWN = [...FILTERS, "node", "min-edge"];
const VARIANTS_SHOWN = "12";

function Given({ options }: { options: Options }) {
  const given = FILTERS.filter((name) => valueOf(options, name) !== "");
  if (given.length === 0) return null;
  return (
    <ul class="given-filters no-print" aria-label={texts.filters}>
      {given.map((name) => (
        <li key={name}>
          <button type="button" class="small" onClick={() => change({ [name]: undefined })}
                  aria-label={texts.removeFilter(label(name), valueOf(options, name))}>
            <span>{texts.filterNames[name] ?? label(name)}</span>
            <code>{valueOf(options, name)}</code><Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}

// A slider that shows at once and goes into the address when it is let go.
function Slider({ title, value, min, max, step = 1, text, onInput, onDone }: {
  title: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  text: string;
  onInput: (value: number) => void;
  onDone: (value: number) => void;
}) {
  return (
    <label class="process-slider">
      <span>{title}</span>
      <input type="range" min={min} max={max} step={step} value={value} aria-valuetext={text}
             onInput={(event) => onInput(Number(event.currentTarget.value))}
             onChange={(event) => onDone(Number(event.currentTarget.value))} />
      <output>{text}</output>
    </label>
  );
}

function Sliders({ result, layout, seen, paths, onLayout, onPaths }: {
  result: LaidOut;
  layout: Layout;
  seen: readonly LayoutEdge[];
  paths: number | undefined;
  onLayout: (touchpoints: number) => void;
  onPaths: (paths: number) => void;
}) {
  const levels = [...result.layouts].reverse();
  const at = levels.indexOf(layout);
  const all = new Set((result.tables.nodes ?? []).map((row) => row.touchpoint)).size;
  const possible = layout.edges.length + layout.edges_left_out;
  const figures = useMemo(() => sumsOf(result), [result]);
  const moves = (edges: readonly LayoutEdge[]): number =>
    edges.reduce((sum, edge) => sum + (figures.get(`${edge.from} ${edge.to}`) ?? 0), 0);
  const covered = figures.get("all") === 0 ? 1 : moves(seen) / (figures.get("all") ?? 1);
  return (
    <>
      <Slider title={texts.touchpoints} min={0} max={levels.length - 1} value={at}
              text={texts.of(formatCount(layout.touchpoints), formatCount(all))}
              onInput={(value) => onLayout(levels[value]!.touchpoints)}
              onDone={(value) =>
                change({ touchpoints: String(levels[value]!.touchpoints) }, true)} />
      <Slider title={texts.paths} min={0} max={100} value={paths ?? mainPaths(layout)}
              text={texts.pathsOf(formatCount(seen.length), formatCount(possible),
                                  formatShare(covered))}
              onInput={onPaths}
              onDone={(value) => change({ paths: String(value) }, true)} />
    </>
  );
}

// Moves between touchpoints, of all groups: by "from to", and under "all".
function sumsOf(result: LaidOut): ReadonlyMap<string, number> {
  const sums = new Map<string, number>([["all", 0]]);
  const add = (key: string, count: number): void => {
    sums.set(key, (sums.get(key) ?? 0) + count);
    sums.set("all", sums.get("all")! + count);
  };
  for (const row of result.tables.edges ?? [])
    add(`${row.from} ${row.to}`, Number(row.occurrences));
  for (const row of result.tables.nodes ?? []) {
    add(`null ${row.touchpoint}`, Number(row.starts));
    add(`${row.touchpoint} null`, Number(row.ends));
  }
  return sums;
}

function numberOf(options: Options, name: string): number | undefined {
  const value = valueOf(options, name);
  return value === "" || Number.isNaN(Number(value)) ? undefined : Number(value);
}

// Which groups of a breakdown stand side by side.
function Sides({ groups, sides }: { groups: readonly string[]; sides: readonly string[] }) {
  return (
    <>
      {sides.map((side, i) => (
        <Select key={i} label={i === 0 ? texts.left : texts.right} value={side}
                choices={groups.map((group) => ({ value: group, text: group }))}
                onChange={(value) =>
                  change({ sides: sides.map((old, j) => (j === i ? value : old)) }, true)} />
      ))}
    </>
  );
}

// The sliders with the pictures that they change: what stands about them is not drawn again while
// they move.
function Pictures({ result, figures, pictures, measure, selects, side, table, graph }: {
  result: LaidOut;
  figures: readonly Figures[];
  pictures: readonly (string | undefined)[]; // the groups side by side
  measure: Measure;
  selects: ComponentChildren;
  side: ComponentChildren;
  table: ComponentChildren; // in place of the pictures; undefined: the pictures
  graph: Pick<GraphProps, "selected" | "lit" | "marks" | "onSelect" | "picture">;
}) {
  const { options } = useAddress();
  const [moving, setMoving] = useState<{ touchpoints?: number; paths?: number }>({});
  const paths = moving.paths ?? numberOf(options, "paths");
  const layout = layoutOf(result, moving.touchpoints ?? numberOf(options, "touchpoints"));
  const seen = useMemo(() => (layout === undefined ? [] : seenEdges(layout, paths)),
                       [layout, paths]);
  const most = useMemo(() => (layout === undefined ? { node: 0, edge: 0 }
    : mostOf(layout, seen, figures, measure)), [layout, seen, figures, measure]);
  if (layout === undefined) return null;
  return (
    <>
      <div class="process-controls no-print">
        {selects}
        <Sliders result={result} layout={layout} seen={seen} paths={paths}
                 onLayout={(value) => setMoving({ ...moving, touchpoints: value })}
                 onPaths={(value) => setMoving({ ...moving, paths: value })} />
      </div>
      <div class={`process-body ${pictures.length > 1 ? "several" : ""}`}>
        {table ?? (
          <div class="process-pictures">
            {pictures.map((each, i) => (
              <figure key={each ?? ""}>
                {each !== undefined && <figcaption>{each}</figcaption>}
                <Graph layout={layout} edges={seen} figures={figures[i]!} most={most}
                       measure={measure} selected={graph.selected} lit={graph.lit}
                       marks={graph.marks} onSelect={graph.onSelect}
                       title={each === undefined ? texts.map : `${texts.map}: ${each}`}
                       {...(i === 0 ? { picture: graph.picture! } : {})} />
              </figure>
            ))}
          </div>
        )}
        <div class="process-side">{side}</div>
      </div>
    </>
  );
}

export function ProcessPage() {
  const { options } = useAddress();
  const { store } = useGround();
  const bar = useBar("process");
  const own = chosen(options, OWN);
  const asked = { ...bar, ...own, rework: "true" };
  const answer = useAnswer("process", { ...asked, format: "layout" });
  // Its lists are asked for in plain JSON.
  const result = useMemo(() => (isLaidOut(answer.result)
    ? rememberAsked({ ...answer.result }, asked) as LaidOut : undefined), [answer.result]);
  const { variant: _, ...others } = { ...bar, ...own, limit: VARIANTS_SHOWN } as Options;
  const variantOptions = chosen(others, Object.keys(others).filter((name) =>
    name !== "min-edge" && name !== "coverage"));
  const variants = useAnswer("variants", variantOptions);

  const measure = MEASURES.find((each) => each === valueOf(options, "show")) ?? "occurrences";
  const groups = useMemo(() => (result === undefined ? [] : groupsOf(result)), [result]);
  const wanted = options.sides === undefined ? [] : [options.sides].flat();
  const sides = groups.length < 2 ? groups.slice(0, 1)
    : [0, 1].map((i) => (groups.includes(wanted[i] ?? "") ? wanted[i]! : groups[i]!));
  const pictures: readonly (string | undefined)[] = sides.length === 0 ? [undefined] : sides;
  const figures = useMemo(() => (result === undefined ? []
    : pictures.map((group) => new Figures(result, group))), [result, pictures.join("\n")]);

  const group = pictures[0];
  const variantRows = (variants.result?.tables.variants ?? []).filter((row) =>
    group === undefined || row[groupColumn(result!) ?? ""] === group);
  const way = valueOf(options, "way");
  const wayRow = variantRows.find((row) => String(row.rank) === way);
  const lit = useMemo(() => (wayRow === undefined ? undefined : edgesOf(touchpointsOf(wayRow))),
                      [wayRow]);

  const byTouchpoint = valueOf(own, "node") === "" || valueOf(own, "node") === "touchpoint";
  const pattern = valueOf(options, "pattern");
  const suggested = patternOf(expectedWay(variantRows.map(touchpointsOf)));
  const conformanceBar = useBar("conformance", ["by"]);
  const expectedOptions = { ...conformanceBar, ...chosen(own, FILTERS.filter((name) =>
    !["coverage", "hours", "holidays"].includes(name))), pattern: pattern || suggested };
  const expected = useAnswer("conformance",
    byTouchpoint && (pattern !== "" || suggested !== "") ? expectedOptions : undefined);
  const deviations = valueOf(options, "deviations") !== "";
  const marks = useMemo(() => (deviations ? marksOf(expected.result) : new Map()),
                        [deviations, expected.result]);

  const selected = valueOf(options, "selected");
  const select = (what: string): void =>
    change({ selected: what === selected ? undefined : what }, true);
  const [view, setView] = useState<View>("chart");
  const picture = useRef<SVGSVGElement>(null);
  const nodeChoices = ["touchpoint", "owner", "actor", ...store.properties
    .filter((each) => each.type === "string").map((each) => each.name)];
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      <Given options={own} />
      <Card title={texts.map} wide
            tools={<PictureTools picture={picture} name="process" view={view}
                                 onView={setView} />}>
        <Answered answer={answer} given={result?.options ?? {}}>
          {result !== undefined && (
            <>
              <Headlines lines={headlinesOf(result)} />
              <Pictures result={result} figures={figures} pictures={pictures} measure={measure}
                        graph={{ selected, lit, marks, onSelect: select, picture }}
                        selects={<>
                          <Select label={texts.show} value={measure}
                                  choices={MEASURES.map((each) => ({ value: each,
                                                                     text: texts.measures[each] }))}
                                  onChange={(value) => change({ show: value }, true)} />
                          <Select label={texts.between} value={valueOf(own, "node") || "touchpoint"}
                                  choices={nodeChoices.map((each) => (
                                    { value: each, text: label(each) }))}
                                  onChange={(value) => change({
                                    node: value === "touchpoint" ? undefined : value,
                                    selected: undefined, way: undefined })} />
                          <Sides groups={groups} sides={sides} />
                        </>}
                        table={view === "chart" ? undefined : (
                          <div>
                            <Table result={result} table="nodes" />
                            <Table result={result} table="edges" />
                          </div>
                        )}
                        side={<>
                          {selected !== "" && (
                            <Selection key={selected} what={selected} result={result}
                                       group={group} filters={byTouchpoint} onSelect={select} />
                          )}
                          <Variants answer={variants} options={variantOptions} group={group}
                                    chosen={way} />
                        </>} />
              <CardFoot result={result} options={asked} tables={["nodes", "edges"]} />
            </>
          )}
        </Answered>
      </Card>
      {byTouchpoint && (
        <Expected answer={expected} options={expectedOptions} pattern={pattern}
                  suggested={suggested} shown={deviations} />
      )}
      <div class="cards">
        {(result?.tables.rework?.length ?? 0) > 0 && result !== undefined && (
          <Card title={texts.rework}>
            <Table result={result} table="rework" />
          </Card>
        )}
        {byTouchpoint && (
          <AnswerCard title={texts.handover} question="process" table="edges" chart="none"
                      headlines="none" options={{ ...bar, ...own, node: "owner" }} />
        )}
      </div>
    </>
  );
}
