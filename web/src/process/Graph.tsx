// SPDX-License-Identifier: Apache-2.0
// The process map drawn: touchpoints are buttons (arrow keys go from one to the next), edges can be
// chosen, and the whole scrolls, zooms and prints.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { NOTHING, formatCount, formatDuration } from "../format.ts";
import { Icon } from "../parts/Icon.tsx";
import { words } from "../words/en.ts";
import { textWidth } from "../parts/letters.ts";
import { drawn, edgeKey, isTime, lineWidth, neighbour, placeFigures } from "./graph.ts";
import type { Figures, Layout, LayoutEdge, LayoutNode, Measure } from "./graph.ts";

const texts = words.pages.process;
const ZOOM_MIN = 0.15;
const ZOOM_MAX = 2.5;
// Smaller type than 9.6 px is not read: the picture scrolls instead.
const SCALE_LEGIBLE = 0.8;
const ZOOM_STEP = 1.25;
// More figures would cover one another; those of the thin lines are in titles and tables.
const LABELS_MAX = 90;

export interface Marked {
  readonly text: string;
  readonly kind: "skipped" | "inserted" | "wrong_order" | "too_late";
}

export interface GraphProps {
  readonly layout: Layout;
  readonly edges: readonly LayoutEdge[];
  readonly figures: Figures;
  readonly measure: Measure;
  // The greatest figures, which several pictures may share.
  readonly most: { readonly node: number; readonly edge: number };
  readonly title: string;
  readonly selected: string; // a touchpoint's name, or an edge's key
  readonly lit: ReadonlySet<string> | undefined; // edges that stand out
  readonly marks: ReadonlyMap<string, Marked>; // by touchpoint
  readonly onSelect: (what: string) => void;
  readonly picture?: RefObject<SVGSVGElement | null>;
}

function shown(value: number | undefined, measure: Measure): string {
  if (value === undefined) return NOTHING;
  return isTime(measure) ? formatDuration(value) : formatCount(value);
}

function nameOf(name: string | null, end: "start" | "end"): string {
  return name ?? texts.markers[end];
}

// Not to the ramp's end, on which text would be hard to read.
function shade(share: number): string {
  return `color-mix(in oklab, var(--ramp-high) ${Math.round(60 * share)}%, var(--ramp-low))`;
}

function thickness(edge: LayoutEdge, value: number | undefined, most: number): number {
  return lineWidth(value, most) * (edge.from === null || edge.to === null ? 0.5 : 1);
}

// Where figures stand, of those edges that have one.
function usePlaces({ layout, edges, figures, measure, most }: GraphProps) {
  return useMemo(() => placeFigures(layout, edges.map((edge) => {
    const value = figures.edge(edge, measure);
    const worded = value !== undefined && (edge.main || edges.length <= LABELS_MAX);
    return { edge, line: thickness(edge, value, most.edge),
             text: worded ? textWidth(shown(value, measure)) + 2 : 0 };
  })), [layout, edges, figures, measure, most.edge]);
}

function EdgeView({ edge, props, place }: {
  edge: LayoutEdge;
  props: GraphProps;
  place: readonly [number, number] | undefined; // of its figure; undefined: it has none
}) {
  const { figures, measure, most, selected, lit, onSelect } = props;
  const key = edgeKey(edge);
  const value = figures.edge(edge, measure);
  const count = figures.edge(edge, "occurrences");
  const marker = edge.from === null || edge.to === null;
  const width = thickness(edge, value, most.edge);
  const path = useMemo(() => drawn(edge.path, 7 + width), [edge, width]);
  const classes = ["edge", marker ? "marker" : "", selected === key ? "selected" : "",
                   lit === undefined ? "" : lit.has(key) ? "lit" : "dim",
                   count === undefined ? "absent" : ""].join(" ");
  const title = texts.edgeTitle(nameOf(edge.from, "start"), nameOf(edge.to, "end"),
                                shown(value, measure), texts.measures[measure].toLowerCase());
  // There may be hundreds, of which a slider changes few.
  return useMemo(() => (
    <g class={classes} onClick={() => onSelect(key)} data-edge={key}>
      <title>{title}</title>
      <path class="edge-hit" d={path.line} />
      <path class="edge-line" d={path.line} style={{ strokeWidth: `${width}px` }} />
      <path class="edge-head" d={path.head} />
      {place !== undefined && value !== undefined && (
        <text x={place[0]} y={place[1] + 4}>{shown(value, measure)}</text>
      )}
    </g>
  ), [path, classes, title, place?.[0], place?.[1], onSelect]);
}

function NodeView({ node, props, first, onMove }: {
  node: LayoutNode;
  props: GraphProps;
  first: boolean;
  onMove: (key: string) => void;
}) {
  const { figures, measure, most, selected, marks, lit, onSelect } = props;
  const place = { transform: `translate(${node.x}px, ${node.y}px)` };
  if (node.marker !== undefined)
    return (
      <g class="node marker" style={place}>
        <ellipse rx={node.width / 2} ry={node.height / 2} />
        <text y="4">{texts.markers[node.marker]}</text>
      </g>
    );
  const name = node.touchpoint ?? "";
  const value = figures.node(name, measure);
  const share = value === undefined || most.node <= 0 ? 0 : value / most.node;
  const mark = marks.get(name);
  const on = lit === undefined || [...lit].some((key) =>
    (JSON.parse(key) as (string | null)[]).includes(name));
  const top = -node.height / 2;
  return (
    <g class={`node ${selected === name ? "selected" : ""} ${on ? "" : "dim"}`} style={place}
       role="button" tabindex={first ? 0 : -1} aria-pressed={selected === name}
       data-touchpoint={name} onClick={() => onSelect(name)}
       onKeyDown={(event) => {
         if (event.key === "Enter" || event.key === " ") onSelect(name);
         else if (event.key.startsWith("Arrow")) onMove(event.key);
         else return;
         event.preventDefault();
       }}>
      <title>{texts.nodeTitle(name, shown(value, measure), mark?.text ?? "")}</title>
      <rect x={-node.width / 2} y={top} width={node.width} height={node.height} rx="7"
            style={{ fill: shade(share) }} />
      {node.lines.map((line, i) => (
        <text key={i} y={top + 19 + 16 * i} class="node-name">{line.replaceAll("_", " ")}</text>
      ))}
      <text y={top + 19 + 16 * node.lines.length}>{shown(value, measure)}</text>
      {mark !== undefined && (
        <g class={`mark ${mark.kind}`} style={{ transform: `translateY(${8 - top}px)` }}>
          <rect x={-4 - 3.2 * mark.text.length} y="-8" width={8 + 6.4 * mark.text.length}
                height="16" rx="8" />
          <text y="4">{mark.text}</text>
        </g>
      )}
    </g>
  );
}

function Zoom({ onZoom, onFit }: { onZoom: (factor: number) => void; onFit: () => void }) {
  return (
    <div class="graph-zoom no-print" role="group" aria-label={texts.zoom}>
      <button type="button" class="small" aria-label={texts.zoomIn} title={texts.zoomIn}
              onClick={() => onZoom(ZOOM_STEP)}>+</button>
      <button type="button" class="small" aria-label={texts.zoomOut} title={texts.zoomOut}
              onClick={() => onZoom(1 / ZOOM_STEP)}>−</button>
      <button type="button" class="small" onClick={onFit}>
        <Icon name="open" />{texts.fit}
      </button>
    </div>
  );
}

// Drags the box with the mouse; touch and keys scroll it by themselves.
function useDrag(box: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const element = box.current!;
    let last: { x: number; y: number; moved: boolean } | undefined;
    const down = (event: PointerEvent): void => {
      if (event.pointerType === "mouse" && event.button === 0)
        last = { x: event.clientX, y: event.clientY, moved: false };
    };
    const move = (event: PointerEvent): void => {
      if (last === undefined) return;
      const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
      if (!last.moved && Math.hypot(dx, dy) < 4) return;
      if (!last.moved) element.classList.add("dragged");
      last = { x: event.clientX, y: event.clientY, moved: true };
      element.scrollBy(-dx, -dy);
    };
    const up = (): void => {
      last = undefined;
      // A click follows at once, which is then no choice of anything.
      window.setTimeout(() => element.classList.remove("dragged"), 0);
    };
    const click = (event: MouseEvent): void => {
      if (element.classList.contains("dragged")) event.stopPropagation();
    };
    element.addEventListener("pointerdown", down);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    element.addEventListener("click", click, { capture: true });
    return () => {
      element.removeEventListener("pointerdown", down);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      element.removeEventListener("click", click, { capture: true });
    };
  }, []);
}

// The same function for as long as the component lives, which calls the latest given.
function useLatest(given: (what: string) => void): (what: string) => void {
  const latest = useRef(given);
  latest.current = given;
  return useMemo(() => (what: string) => latest.current(what), []);
}

export function Graph(given: GraphProps) {
  const props = { ...given, onSelect: useLatest(given.onSelect) };
  const { layout, edges, measure, picture } = props;
  const box = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(layout.width);
  // A size that was chosen holds for this layout; another begins as wide as there is room.
  const [chosen, setChosen] = useState<{ readonly scale: number; readonly of: Layout }>();
  useDrag(box);
  const now = chosen?.of === layout ? chosen.scale
    : Math.min(1, Math.max(SCALE_LEGIBLE, (room - 4) / layout.width));
  const setScale = (scale: number): void =>
    setChosen({ scale: Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, scale)), of: layout });
  const zoom = (factor: number): void => setScale(now * factor);
  const fit = (): void => setScale(Math.min(1, (room - 4) / layout.width,
                                            0.72 * window.innerHeight / layout.height));
  useLayoutEffect(() => {
    const measure = (): void => setRoom(box.current?.clientWidth ?? layout.width);
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    measure();
    return () => observer.disconnect();
  }, []);
  // A picture that is wider than its room begins where journeys do.
  const start = layout.nodes.find((node) => node.marker === "start");
  useLayoutEffect(() => {
    const element = box.current!;
    if (start !== undefined) element.scrollLeft = start.x * now - element.clientWidth / 2;
  }, [layout, room]);
  useEffect(() => {
    const element = box.current!;
    const wheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 300));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  });
  const touchpoints = layout.nodes.filter((node) => node.touchpoint !== undefined);
  const top = touchpoints.reduce<LayoutNode | undefined>(
    (best, node) => (best === undefined || node.y < best.y ? node : best), undefined);
  const move = (from: LayoutNode, key: string): void => {
    const next = neighbour(touchpoints, from, key)?.touchpoint;
    if (next === undefined) return;
    for (const element of box.current!.querySelectorAll<SVGGElement>("[data-touchpoint]"))
      if (element.dataset.touchpoint === next) element.focus();
  };
  const ended = new Set(edges.map((edge) => (edge.from === null ? "start"
                                             : edge.to === null ? "end" : "")));
  const places = usePlaces(props);
  // The most frequent lines lie on top.
  const drawnEdges = useMemo(() => [...edges].reverse(), [edges]);
  return (
    <div class="graph">
      <Zoom onZoom={zoom} onFit={fit} />
      <div class="graph-box" ref={box} tabIndex={0} role="region" aria-label={props.title}
           onKeyDown={(event) => {
             if (event.key === "+" || event.key === "=") zoom(ZOOM_STEP);
             else if (event.key === "-") zoom(1 / ZOOM_STEP);
             else if (event.key === "0") fit();
           }}>
        <svg ref={picture ?? null} role="group" aria-label={props.title}
             viewBox={`0 0 ${layout.width} ${layout.height}`}
             width={layout.width * now} height={layout.height * now}>
          {drawnEdges.map((edge) => (
            <EdgeView key={edgeKey(edge)} edge={edge} props={props}
                      place={places.get(edgeKey(edge)) ??
                             (props.selected === edgeKey(edge) ? edge.label : undefined)} />
          ))}
          {layout.nodes.filter((node) => node.marker === undefined || ended.has(node.marker))
            .map((node) => (
              <NodeView key={node.touchpoint ?? `marker ${node.marker}`} node={node} props={props}
                        first={node === top} onMove={(key) => move(node, key)} />
            ))}
        </svg>
      </div>
      <p class="quiet graph-legend">{texts.legend(texts.measures[measure], isTime(measure),
                                                  measure === "total_ms")}</p>
    </div>
  );
}
