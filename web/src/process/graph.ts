// SPDX-License-Identifier: Apache-2.0
// The process map as the engine laid it out, what of it is seen, and the figures on it. Pure: the
// sliders only choose from one answer.
import type { Options, Result, Row } from "../answers/types.ts";

export interface LayoutNode {
  readonly touchpoint?: string;
  readonly marker?: "start" | "end";
  readonly lines: readonly string[];
  readonly rank: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

// From a touchpoint to another; null is the start or the end.
export interface Ends {
  readonly from: string | null;
  readonly to: string | null;
}

export interface LayoutEdge extends Ends {
  readonly kept: boolean;
  readonly main: boolean;
  readonly label: readonly [number, number];
  readonly path: readonly number[];
}

export interface Layout {
  readonly touchpoints: number;
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
  readonly edges_left_out: number;
}

export interface LaidOut extends Result {
  readonly layouts: readonly Layout[];
}

export function isLaidOut(result: Result | undefined): result is LaidOut {
  return result !== undefined && Array.isArray((result as Partial<LaidOut>).layouts);
}

export function edgeKey({ from, to }: Ends): string {
  return JSON.stringify([from, to]);
}

// --- What is seen

// The layout of so many touchpoints, or of the next fewer; the first has all.
export function layoutOf(result: LaidOut, touchpoints: number | undefined): Layout | undefined {
  const wanted = touchpoints ?? comfortable(result);
  return result.layouts.find((layout) => layout.touchpoints <= wanted) ?? result.layouts.at(-1);
}

// More are too many to see anything at the first look; the slider has all.
const COMFORTABLE_MAX = 30;

// As many touchpoints as hold 95 % of the events: the rest crowds the first look.
function comfortable(result: LaidOut): number {
  const sums = new Map<unknown, number>();
  for (const { touchpoint, occurrences } of result.tables.nodes ?? [])
    sums.set(touchpoint, (sums.get(touchpoint) ?? 0) + Number(occurrences));
  const counts = [...sums.values()].sort((a, b) => b - a);
  const all = counts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  const needed = Math.min(COMFORTABLE_MAX,
                          counts.findIndex((count) => (seen += count) >= 0.95 * all) + 1);
  return result.layouts.findLast((layout) => layout.touchpoints >= needed)?.touchpoints ?? needed;
}

function besides(layout: Layout): number {
  return layout.edges.filter((edge) => !edge.kept).length;
}

// How much of the paths the picture was laid out for, in percent of those that can come and go.
export function mainPaths(layout: Layout): number {
  const main = layout.edges.filter((edge) => edge.main && !edge.kept).length;
  const all = besides(layout);
  return all === 0 ? 100 : Math.round(100 * main / all);
}

// What holds the picture together, and so many percent of the other edges, the most frequent.
export function seenEdges(layout: Layout, paths: number | undefined): readonly LayoutEdge[] {
  if (paths === undefined) return layout.edges.filter((edge) => edge.main);
  let left = Math.round(besides(layout) * paths / 100);
  return layout.edges.filter((edge) => edge.kept || left-- > 0);
}

// --- Figures

export const MEASURES = ["occurrences", "cases", "median_ms", "p90_ms", "total_ms"] as const;
export type Measure = typeof MEASURES[number];

export function isTime(measure: Measure): boolean {
  return measure.endsWith("_ms");
}

export class Figures {
  private readonly nodes = new Map<string, Row>();
  private readonly edges = new Map<string, Row>();
  private readonly before = new Map<string, { total: number; moves: number }>();

  // `group`: only what one group of a breakdown has.
  constructor(result: Result, group?: string) {
    const column = groupColumn(result);
    const own = (row: Row): boolean => column === undefined || row[column] === group;
    for (const row of (result.tables.nodes ?? []).filter(own))
      this.nodes.set(String(row.touchpoint), row);
    for (const row of (result.tables.edges ?? []).filter(own)) {
      this.edges.set(edgeKey({ from: String(row.from), to: String(row.to) }), row);
      const sum = this.before.get(String(row.to)) ?? { total: 0, moves: 0 };
      this.before.set(String(row.to), { total: sum.total + Number(row.total_ms ?? 0),
                                        moves: sum.moves + Number(row.occurrences) });
    }
  }

  nodeRow(touchpoint: string): Row | undefined {
    return this.nodes.get(touchpoint);
  }

  edgeRow(ends: Ends): Row | undefined {
    return this.edges.get(edgeKey(ends));
  }

  // How often, or the time on the way to it: all of it, or for a median and 90th percentile, which
  // cannot be put together from those of the ways, the mean.
  node(touchpoint: string, measure: Measure): number | undefined {
    if (!isTime(measure)) return figure(this.nodes.get(touchpoint), measure);
    const sum = this.before.get(touchpoint);
    if (sum === undefined || sum.moves === 0) return undefined;
    return measure === "total_ms" ? sum.total : sum.total / sum.moves;
  }

  // The start's and end's edges have counts only.
  edge(ends: Ends, measure: Measure): number | undefined {
    if (ends.from !== null && ends.to !== null) return figure(this.edgeRow(ends), measure);
    if (isTime(measure)) return undefined;
    return ends.from === null ? figure(this.nodes.get(ends.to ?? ""), "starts")
                              : figure(this.nodes.get(ends.from), "ends");
  }
}

// The greatest figures of what is seen, which several pictures share.
export function mostOf(layout: Layout, seen: readonly LayoutEdge[], all: readonly Figures[],
                       measure: Measure): { node: number; edge: number } {
  const greatest = (values: readonly (number | undefined)[]): number =>
    values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  return {
    node: greatest(all.flatMap((figures) => layout.nodes.map(
      (node) => figures.node(node.touchpoint ?? "", measure)))),
    edge: greatest(all.flatMap((figures) => seen.map((edge) => figures.edge(edge, measure)))),
  };
}

function figure(row: Row | undefined, column: string): number | undefined {
  const value = row?.[column];
  return typeof value === "number" ? value : undefined;
}

export function groupColumn(result: Result): string | undefined {
  const first = result.columns.nodes?.[0]?.name;
  return first === "touchpoint" ? undefined : first;
}

// The groups of a breakdown, those with most events first.
export function groupsOf(result: Result): readonly string[] {
  const column = groupColumn(result);
  if (column === undefined) return [];
  const events = new Map<string, number>();
  for (const row of result.tables.nodes ?? [])
    events.set(String(row[column]), (events.get(String(row[column])) ?? 0) +
                                    Number(row.occurrences));
  return [...events].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

// --- Ways through it

// The edges that a journey through these touchpoints goes along.
export function edgesOf(touchpoints: readonly string[]): ReadonlySet<string> {
  const stops = [null, ...touchpoints, null];
  return new Set(stops.slice(1).map((to, i) => edgeKey({ from: stops[i]!, to })));
}

// A name as a selector of the language.
export function selector(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `'${name.replaceAll("'", "''")}'`;
}

// Touchpoints as an expected path: what comes several times in a row is expected so.
export function patternOf(touchpoints: readonly string[]): string {
  const steps: string[] = [];
  for (const [i, name] of touchpoints.entries()) {
    if (name !== touchpoints[i - 1]) steps.push(selector(name));
    else if (steps.at(-1)?.endsWith("+") === false) steps[steps.length - 1] += "+";
  }
  return steps.join(" then ");
}

// Of ways, the most frequent first, the first that leads from one touchpoint to another: who was
// seen at one alone went no way that could be expected of the others.
export function expectedWay(ways: readonly (readonly string[])[]): readonly string[] {
  return ways.find((way) => way.some((name) => name !== way[0])) ?? ways[0] ?? [];
}

// What chooses the journeys that go along an edge.
export function edgeFilter({ from, to }: Ends): Options {
  if (from === null) return { "starts-with": selector(to ?? "") };
  if (to === null) return { "ends-with": selector(from) };
  return { follows: `${selector(from)} then immediately ${selector(to)}` };
}

// --- Drawing

// A length that grows as the square root: rare ways stay visible beside frequent ones.
export function lineWidth(value: number | undefined, most: number): number {
  return value === undefined || most <= 0 ? 1.2 : 1.2 + 7 * Math.sqrt(Math.max(0, value) / most);
}

type Point = readonly [number, number];

function between(a: Point, b: Point, t: number): Point {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
}

function points(path: readonly number[]): Point[] {
  return Array.from({ length: path.length >> 1 }, (_, i) => [path[2 * i]!, path[2 * i + 1]!]);
}

const text = (point: Point): string => `${point[0].toFixed(1)},${point[1].toFixed(1)}`;

// The line up to its arrow, and the arrow, whose tip stands at the path's end.
export function drawn(path: readonly number[], arrow: number): { line: string; head: string } {
  const all = points(path);
  const [a, b, c, tip] = all.slice(-4) as [Point, Point, Point, Point];
  const at = (t: number): { left: readonly Point[]; point: Point } => {
    const [ab, bc, cd] = [between(a, b, t), between(b, c, t), between(c, tip, t)];
    const [abc, bcd] = [between(ab, bc, t), between(bc, cd, t)];
    const point = between(abc, bcd, t);
    return { left: [ab, abc, point], point };
  };
  let [low, high] = [0, 1];
  for (let i = 0; i < 20; i++) {
    const middle = (low + high) / 2;
    const { point } = at(middle);
    if (Math.hypot(point[0] - tip[0], point[1] - tip[1]) > arrow) low = middle;
    else high = middle;
  }
  const { left, point } = at(low);
  const length = Math.hypot(tip[0] - point[0], tip[1] - point[1]) || 1;
  const side: Point = [(tip[1] - point[1]) / length * arrow * 0.45,
                       (point[0] - tip[0]) / length * arrow * 0.45];
  const curve = [...all.slice(1, -3), ...left].map(text).join(" ");
  return {
    line: `M${text(all[0]!)}C${curve}`,
    head: `M${text(tip)}L${text([point[0] + side[0], point[1] + side[1]])}L` +
          `${text([point[0] - side[0], point[1] - side[1]])}Z`,
  };
}

// --- Figures beside lines

// Of each point of a path four numbers, where it is and the direction across it: a map of hundreds
// of paths has a hundred thousand points.
const SPOT = 4;
const spotsOf = new WeakMap<LayoutEdge, Float64Array>();

const mix = (a: number, b: number, t: number): number => a + (b - a) * t;

// Points of an edge's path, about `CELL` apart.
function spots(edge: LayoutEdge): Float64Array {
  const known = spotsOf.get(edge);
  if (known !== undefined) return known;
  const { path } = edge;
  const found: number[] = [];
  for (let i = 0; i + 7 < path.length; i += 6) {
    const [ax, ay, bx, by, cx, cy, dx, dy] = path.slice(i, i + 8) as
      [number, number, number, number, number, number, number, number];
    const length = Math.hypot(bx - ax, by - ay) + Math.hypot(cx - bx, cy - by) +
                   Math.hypot(dx - cx, dy - cy);
    const steps = Math.max(1, Math.ceil(length / CELL));
    for (let s = 0; s < steps; s++) {
      const t = (s + 0.5) / steps;
      const [mx, my] = [mix(bx, cx, t), mix(by, cy, t)];
      const [fromX, fromY] = [mix(mix(ax, bx, t), mx, t), mix(mix(ay, by, t), my, t)];
      const [toX, toY] = [mix(mx, mix(cx, dx, t), t), mix(my, mix(cy, dy, t), t)];
      const far = Math.hypot(toX - fromX, toY - fromY) || 1;
      found.push(mix(fromX, toX, t), mix(fromY, toY, t), (toY - fromY) / far,
                 (fromX - toX) / far);
    }
  }
  const all = Float64Array.from(found);
  spotsOf.set(edge, all);
  return all;
}

// What a figure on an edge needs: how thick its line is, how wide the text.
export interface Worded {
  readonly edge: LayoutEdge;
  readonly line: number;
  readonly text: number; // 0: none
}

const CELL = 4;
const TEXT_HEIGHT = 12;
const [LINE, FULL] = [1, 2];
const FEW = 40; // paths, each of which has its figure
const HEAD_ROOM = 5; // beside an arrow's tip
// Along a line from its middle outwards.
const ALONG = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82];

// The picture as a grid of what is taken already.
class Taken {
  private readonly columns: number;
  private readonly rows: number;
  private readonly cells: Uint8Array;

  constructor(width: number, height: number) {
    this.columns = Math.ceil(width / CELL) + 1;
    this.rows = Math.ceil(height / CELL) + 1;
    this.cells = new Uint8Array(this.columns * this.rows);
  }

  // A line may be written on where there is no other place (LINE), a box or figure never (FULL).
  take(x: number, y: number, width: number, height: number, by = FULL): void {
    const left = Math.max(0, Math.floor((x - width / 2) / CELL));
    const right = Math.min(this.columns, Math.ceil((x + width / 2) / CELL));
    const low = Math.min(this.rows, Math.ceil((y + height / 2) / CELL));
    for (let row = Math.max(0, Math.floor((y - height / 2) / CELL)); row < low; row++)
      for (let column = left; column < right; column++)
        this.cells[row * this.columns + column] = by;
  }

  // Whether a box lies within the picture and on nothing.
  isFree([x, y]: Point, width: number, height: number, from = LINE): boolean {
    const [left, top] = [Math.floor((x - width / 2) / CELL), Math.floor((y - height / 2) / CELL)];
    const [right, low] = [Math.ceil((x + width / 2) / CELL), Math.ceil((y + height / 2) / CELL)];
    if (left < 0 || top < 0 || right > this.columns || low > this.rows) return false;
    for (let row = top; row < low; row++)
      for (let column = left; column < right; column++)
        if (this.cells[row * this.columns + column]! >= from) return false;
    return true;
  }
}

// Where the figures stand: beside their lines, on no box, no line and no other figure. The first
// edges choose first; one for which there is no such place has none, but where there are few.
export function placeFigures(layout: Layout, all: readonly Worded[]): ReadonlyMap<string, Point> {
  const taken = new Taken(layout.width, layout.height);
  for (const { edge, line } of all) {
    const path = spots(edge);
    for (let i = 0; i < path.length; i += SPOT)
      taken.take(path[i]!, path[i + 1]!, line, line, LINE);
    const tip = path.length - SPOT;
    if (tip >= 0)
      taken.take(path[tip]!, path[tip + 1]!, line + HEAD_ROOM, line + HEAD_ROOM, LINE);
  }
  for (const { x, y, width, height } of layout.nodes) taken.take(x, y, width, height);
  const found = new Map<string, Point>();
  for (const { edge, line, text: width } of all) {
    if (width === 0) continue;
    const path = spots(edge);
    const places = ALONG.flatMap((t) => {
      const at = SPOT * Math.floor(t * path.length / SPOT);
      const [x, y, acrossX, acrossY] = path.subarray(at, at + SPOT) as unknown as
        readonly [number, number, number, number];
      const off = line / 2 + CELL + Math.abs(acrossX) * width / 2 +
                  Math.abs(acrossY) * TEXT_HEIGHT / 2;
      return [off, -off].map((by): Point => [x + acrossX * by, y + acrossY * by]);
    });
    const laidOut: Point = [edge.label[0] + line / 2, edge.label[1]];
    const place = [laidOut, ...places].find((each) => taken.isFree(each, width, TEXT_HEIGHT)) ??
      (all.length > FEW ? undefined
        : [laidOut, ...places].find((each) => taken.isFree(each, width, TEXT_HEIGHT, FULL)));
    if (place === undefined) continue;
    taken.take(...place, width, TEXT_HEIGHT);
    found.set(edgeKey(edge), place);
  }
  return found;
}

// The node that an arrow key leads to: the nearest in its direction, straight ahead before aside.
export function neighbour(nodes: readonly LayoutNode[], from: LayoutNode,
                          key: string): LayoutNode | undefined {
  const [dx, dy] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0],
                     ArrowRight: [1, 0] }[key] ?? [0, 0];
  let best: LayoutNode | undefined;
  let least = Infinity;
  for (const node of nodes) {
    const ahead = (node.x - from.x) * dx! + (node.y - from.y) * dy!;
    const aside = Math.abs((node.x - from.x) * dy!) + Math.abs((node.y - from.y) * dx!);
    const cost = ahead + 2 * aside;
    if (ahead > 1 && cost < least) [best, least] = [node, cost];
  }
  return best;
}

// --- Times

// Durations in classes, each twice or thrice the one before; `up_to` is its upper end.
const STEPS_MS = [1e3, 1e4, 6e4, 3e5, 9e5, 36e5, 144e5, 432e5, 864e5, 1728e5, 2592e5, 432e6, 6048e5,
                  12096e5, 2592e6, 5184e6, 10368e6, 31536e6];

export function histogram(times: readonly number[]): readonly { up_to: number; count: number }[] {
  const counts = new Array<number>(STEPS_MS.length + 1).fill(0);
  for (const time of times) {
    const at = STEPS_MS.findIndex((step) => time <= step);
    counts[at < 0 ? STEPS_MS.length : at]!++;
  }
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  if (first < 0) return [];
  return counts.slice(first, last + 1).map((count, i) => (
    { up_to: STEPS_MS[first + i] ?? Infinity, count }));
}
