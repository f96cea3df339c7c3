// SPDX-License-Identifier: Apache-2.0
// A plot as ECharts' option. Series differ by dash, mark and pattern as well as by colour.
import type { Annotation, Column } from "../answers/types.ts";
import { columnLabel, formatAxis, formatCount, formatDifference, formatFigure, label }
  from "../format.ts";
import { words } from "../words/en.ts";
import type { ChartOption } from "./echarts.ts";
import type { ChartSpec, Plot, Series } from "./spec.ts";
import { DASHES, MARKS } from "./theme.ts";
import type { Theme } from "./theme.ts";

const BAR_ROW_PX = 27;
const LABEL_PX = 6.6;
const LEGEND_PX = 22;
const CARD_PX = 460;
// From here up an axis of shares ends at 100 %.
const SHARE_FULL = 0.8;

export function chartHeight(spec: ChartSpec, plot: Plot): number {
  if (spec.kind === "bars")
    return 56 + BAR_ROW_PX * plot.places.length * (plot.series.length > 1
      ? Math.max(1, plot.series.length * 0.55) : 1);
  if (spec.kind === "heat") return Math.min(640, 90 + 26 * plot.series.length);
  return plot.series.length > 1 ? 300 : 264;
}

function axisBase(theme: Theme) {
  return {
    axisLine: { show: false }, axisTick: { show: false },
    axisLabel: { color: theme.quiet, fontFamily: theme.font, fontSize: 12 },
    splitLine: { lineStyle: { color: theme.line } },
  };
}

// One line of a tooltip; built as elements, for a strict policy forbids styles in markup.
export function tooltipRow(name: string, value: string): HTMLElement {
  const row = document.createElement("div");
  row.className = "tip-row";
  const [left, right] = [document.createElement("span"), document.createElement("strong")];
  left.textContent = name;
  right.textContent = value;
  row.append(left, right);
  return row;
}

export function tooltipBox(title: string, rows: readonly HTMLElement[]): HTMLElement {
  const box = document.createElement("div");
  box.className = "tip";
  const head = document.createElement("div");
  head.className = "tip-title";
  head.textContent = title;
  box.append(head, ...rows);
  return box;
}

function seriesName(series: Series, plot: Plot): string {
  if (series.title !== undefined) return series.title;
  const alone = plot.series.every((other) => other.column === series.column);
  return alone && plot.series.length > 1 ? series.name : columnLabel(series.column);
}

// What a place says: each series' figure with its interval, then marks.
export function tooltipOf(plot: Plot, spec: ChartSpec, at: number): HTMLElement {
  const rows: HTMLElement[] = [];
  for (const series of plot.series) {
    const value = series.values[at];
    if (value === null || value === undefined) continue;
    const [low, high] = [series.low[at], series.high[at]];
    const interval = typeof low === "number" && typeof high === "number"
      ? ` (${formatFigure(low, series.column)} – ${formatFigure(high, series.column)})` : "";
    const place = series.places?.[at] ?? "";
    const when = place === "" || place === plot.places[at] ? "" : `, ${place}`;
    rows.push(tooltipRow(seriesName(series, plot) + when,
                         formatFigure(value, series.column) + interval));
    const n = series.rows[at]?.n;
    if (typeof n === "number") rows.push(tooltipRow("n", formatCount(n)));
    const mark = spec.mark === undefined ? null : series.rows[at]?.[spec.mark] ?? null;
    if (mark !== null) rows.push(tooltipRow(words.chart.marked, String(mark)));
    if (spec.complete !== undefined && series.rows[at]?.[spec.complete] === "no")
      rows.push(tooltipRow(words.chart.incomplete, ""));
    const own = series.places === undefined ? null
      : plot.series[plot.series.indexOf(series) - 1]?.values[at] ?? null;
    if (own !== null)
      rows.push(tooltipRow(words.compare.difference,
                           formatDifference(own - value, series.column)));
  }
  return tooltipBox(plot.places[at] ?? "", rows);
}

export function tooltipBase(theme: Theme) {
  return {
    confine: true, backgroundColor: theme.paper, borderColor: theme.line, borderWidth: 1,
    padding: 0, textStyle: { color: theme.ink, fontFamily: theme.font, fontSize: 13 },
    extraCssText: "box-shadow: 0 2px 10px rgb(0 0 0 / .14); border-radius: 6px;",
  };
}

function tooltip(plot: Plot, spec: ChartSpec, theme: Theme) {
  return {
    ...tooltipBase(theme),
    trigger: "axis" as const,
    axisPointer: { type: spec.kind === "line" ? "line" as const : "shadow" as const,
                   lineStyle: { color: theme.quiet },
                   shadowStyle: { color: theme.line, opacity: 0.35 } },
    formatter: (items: unknown) => {
      const first = (Array.isArray(items) ? items[0] : items) as { dataIndex?: number } | undefined;
      return tooltipOf(plot, spec, first?.dataIndex ?? 0);
    },
  };
}

// Dated notes of the store, where they fall on the axis.
function noteLines(annotations: readonly Annotation[], places: readonly string[], theme: Theme) {
  const data = annotations.flatMap((note) => {
    const at = places.findLastIndex((place) => place <= note.from);
    const place = places[at] ?? "";
    return at < 0 || (at === places.length - 1 && note.from.slice(0, place.length) !== place)
      ? [] : [{ xAxis: at, label: { formatter: note.text } }];
  });
  return data.length === 0 ? {} : {
    markLine: { silent: true, symbol: "none", data,
                lineStyle: { color: theme.quiet, type: "dashed" as const },
                label: { color: theme.quiet, fontSize: 11, position: "insideEndTop" as const } },
  };
}

// The interval of a line, as an area between its ends.
function band(series: Series, color: string, index: number) {
  if (series.low.every((value) => value === null)) return [];
  const common = { type: "line", stack: `band ${index}`, symbol: "none", silent: true,
                   lineStyle: { opacity: 0 }, tooltip: { show: false }, animation: false };
  return [
    { ...common, name: `${series.name} ${words.chart.low}`, data: series.low },
    { ...common, name: `${series.name} ${words.chart.high}`,
      data: series.high.map((high, i) => (high === null || series.low[i] === null ? null
                                                       : high - (series.low[i] ?? 0))),
      areaStyle: { color, opacity: 0.14 } },
  ];
}

function lineSeries(plot: Plot, spec: ChartSpec, theme: Theme) {
  const alone = plot.series.filter((series) => series.places === undefined).length === 1;
  return plot.series.flatMap((series, index) => {
    const beside = series.places !== undefined;
    const color = beside ? theme.quiet : theme.series[index % theme.series.length]!;
    const few = plot.places.length <= 40;
    return [
      ...(alone && !beside ? band(series, color, index) : []),
      {
        type: "line", name: seriesName(series, plot), color, symbol: MARKS[index % MARKS.length],
        symbolSize: few ? 6 : 4, showSymbol: few, animation: false, connectNulls: false,
        lineStyle: { width: 2, type: DASHES[index % DASHES.length] },
        data: [...series.values],
        ...(index === 0 ? noteLines(spec.annotations ?? [], plot.places, theme) : {}),
      },
      ...(beside ? [] : marks(series, spec, theme)),
    ];
  });
}

interface Marked {
  readonly value: readonly [number, number];
  readonly name: string;
}

// Of neighbours that stand out in one way the farthest alone is named; all have their diamond.
const NEIGHBOURS_SHARE = 0.08;

export function named(points: readonly Marked[], places: number): ReadonlySet<Marked> {
  const reach = Math.max(1, Math.ceil(places * NEIGHBOURS_SHARE));
  const rank = ({ value: [, y], name }: Marked): number => (name === "low" ? -y : y);
  const told: Marked[] = [];
  for (const point of [...points].sort((a, b) => rank(b) - rank(a)))
    if (told.every((other) => other.name !== point.name ||
                              Math.abs(other.value[0] - point.value[0]) > reach))
      told.push(point);
  return new Set(told);
}

// A name stands over a high point and beside a low one, where its line comes from above.
function markLabel(point: Marked, places: number, theme: Theme) {
  const side = point.value[0] > places / 2 ? "left" : "right";
  return { show: true, position: point.name === "low" ? side : "top", color: theme.ink,
           fontFamily: theme.font, fontSize: 12, formatter: point.name };
}

// Points that stand out, and those of periods that are not complete, over the line.
function marks(series: Series, spec: ChartSpec, theme: Theme) {
  const of = (kind: "out" | "partial", name: string | undefined,
              test: (cell: unknown) => boolean) => {
    const points = series.values.flatMap((value, at): Marked[] => {
      const cell = name === undefined ? null : series.rows[at]?.[name] ?? null;
      return value !== null && test(cell) ? [{ value: [at, value], name: String(cell) }] : [];
    });
    const places = series.values.length;
    const told = kind === "out" ? named(points, places) : new Set<Marked>();
    const data = points.map((point) => (told.has(point)
      ? { ...point, label: markLabel(point, places, theme) } : point));
    const common = { type: "scatter", silent: true, animation: false, data, z: 5,
                     tooltip: { show: false } };
    return data.length === 0 ? [] : [kind === "out"
      ? { ...common, symbol: "diamond", symbolSize: 14,
          itemStyle: { color: theme.bad, borderColor: theme.paper, borderWidth: 1.5 },
          labelLayout: { hideOverlap: true } }
      : { ...common, symbol: "circle", symbolSize: 8,
          itemStyle: { color: theme.paper, borderColor: theme.quiet, borderWidth: 1.5 } }];
  };
  return [...of("partial", spec.complete, (cell) => cell === "no"),
          ...of("out", spec.mark, (cell) => cell !== null)];
}

function whiskers(series: Series, theme: Theme, horizontal: boolean) {
  if (series.low.every((value) => value === null)) return [];
  const data = series.values.map((_, i) => [i, series.low[i], series.high[i]]);
  return [{
    type: "custom", silent: true, animation: false, tooltip: { show: false }, z: 4, data,
    encode: horizontal ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
    renderItem: (_: unknown, api: { value: (i: number) => number;
                                    coord: (at: number[]) => number[] }) => {
      const [place, low, high] = [api.value(0), api.value(1), api.value(2)];
      if (Number.isNaN(low) || Number.isNaN(high)) return undefined;
      const a = api.coord(horizontal ? [low, place] : [place, low]);
      const b = api.coord(horizontal ? [high, place] : [place, high]);
      const line = { type: "line", shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] },
                     style: { stroke: theme.ink, lineWidth: 1.5, opacity: 0.55 } };
      const value = series.values[place!] ?? null;
      // The figure stands behind the interval, where no line crosses it.
      return !horizontal || value === null ? line : { type: "group", children: [line, {
        type: "text", x: b[0]! + 6, y: b[1],
        style: { text: formatFigure(value, series.column), fill: theme.ink, fontSize: 12,
                 fontFamily: theme.font, verticalAlign: "middle" } }] };
    },
  }];
}

function barSeries(plot: Plot, theme: Theme, horizontal: boolean) {
  const labelled = horizontal && plot.series.length <= 3 &&
    (plot.series.length > 1 || plot.series.every(({ low }) => low.every((end) => end === null)));
  return plot.series.flatMap((series, index) => [
    {
      type: "bar", name: seriesName(series, plot), animation: false, barMaxWidth: 22,
      color: series.places === undefined ? theme.series[index % theme.series.length] : theme.quiet,
      itemStyle: { borderRadius: horizontal ? [0, 2, 2, 0] : [2, 2, 0, 0],
                   // What was before is an outline, as in a funnel.
                   ...(series.places === undefined ? {} : {
                     color: theme.paper, borderColor: theme.quiet, borderWidth: 1.2 }) },
      data: series.values,
      label: { show: labelled, position: "right", color: theme.ink,
               fontFamily: theme.font, fontSize: 12,
               formatter: ({ value }: { value: number }) => formatFigure(value, series.column) },
    },
    ...(plot.series.length === 1 ? whiskers(series, theme, horizontal) : []),
  ]);
}

// How many lines a legend takes in a card of a page in two columns.
function legendRows(plot: Plot): number {
  const wide = plot.series.reduce((sum, series) =>
    sum + 42 + LABEL_PX * seriesName(series, plot).length, 0);
  return plot.series.length < 2 ? 0 : Math.ceil(wide / CARD_PX);
}

function legend(plot: Plot, theme: Theme) {
  return plot.series.length < 2 ? {} : {
    legend: { top: 0, left: 0, type: "plain" as const, itemWidth: 26, itemGap: 16,
              data: plot.series.map((series) => seriesName(series, plot)),
              textStyle: { color: theme.ink, fontFamily: theme.font, fontSize: 12 } },
    aria: { enabled: false, decal: { show: true } },
  };
}

const [SECOND, HOUR, DAY] = [1000, 3_600_000, 86_400_000];
const DURATION_STEPS: readonly number[] = [
  ...[1, 5, 15, 60, 300, 900].map((seconds) => seconds * SECOND),
  ...[1, 2, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((days) => days * DAY)];

// How far apart the marks of an axis of durations stand, that they are whole hours or days;
// undefined: as the chart finds, where they are shorter or longer than people speak of.
export function durationStep(largest: number): number | undefined {
  return largest < SECOND ? undefined : DURATION_STEPS.find((step) => largest <= 5 * step);
}

function valueAxis(plot: Plot, theme: Theme) {
  const column: Column | undefined = plot.series[0]?.column;
  const largest = Math.max(0, ...plot.series.flatMap((series) =>
    [...series.values, ...series.high].map((value) => Math.abs(value ?? 0))));
  const step = column?.type === "duration" ? durationStep(largest) : undefined;
  return {
    ...axisBase(theme), type: "value" as const, scale: false, splitNumber: 4,
    ...(column?.type === "count" ? { minInterval: 1 } : {}),
    ...(column?.type === "share" && largest > SHARE_FULL && largest <= 1
      ? { min: 0, max: 1, interval: 0.25 } : {}),
    ...(step === undefined ? {} : { interval: step, max: step * Math.ceil(largest / step) }),
    axisLabel: { ...axisBase(theme).axisLabel, hideOverlap: true,
                 formatter: (value: number) => (column === undefined ? String(value)
                                                                     : formatAxis(value, column)) },
  };
}

// Long names of places are cut in the picture, in their middle, for sequences differ at their end;
// the tooltip and the table have them whole.
function cut(text: string, most: number): string {
  const half = Math.floor((most - 1) / 2);
  return text.length <= most ? text : `${text.slice(0, half)}…${text.slice(-half)}`;
}

function heatOption(plot: Plot, spec: ChartSpec, theme: Theme): ChartOption {
  const column = plot.series[0]?.column;
  const data = plot.series.flatMap((series, y) =>
    series.values.map((value, x) => [x, y, value ?? "-"]));
  const numbers = data.map((cell) => cell[2]).filter((v): v is number => typeof v === "number");
  return {
    grid: { left: 8, right: 8, top: 8, bottom: 46, containLabel: true },
    xAxis: { ...axisBase(theme), type: "category", data: [...plot.places], name: label(spec.x),
             nameLocation: "middle", nameGap: 24, nameTextStyle: { color: theme.quiet },
             splitLine: { show: false } },
    yAxis: { ...axisBase(theme), type: "category", inverse: true,
             data: plot.series.map((series) => series.name), splitLine: { show: false } },
    visualMap: { show: false, min: 0, max: Math.max(...numbers, 0) || 1,
                 inRange: { color: [...theme.ramp] } },
    tooltip: {
      ...tooltipBase(theme),
      formatter: (item: { value: [number, number, number | string] }) => {
        const [x, y, value] = item.value;
        const series = plot.series[y]!;
        return tooltipBox(`${series.name}, ${plot.places[x] ?? ""}`, [
          tooltipRow(columnLabel(series.column),
                     typeof value === "number" ? formatFigure(value, series.column) : "–")]);
      },
    },
    series: [{ type: "heatmap", data, animation: false,
               label: { show: plot.places.length <= 16, fontSize: 11,
                        formatter: (item: { value: [number, number, number | string] }) =>
                          (typeof item.value[2] === "number" && column !== undefined
                            ? formatAxis(item.value[2], column) : "") },
               itemStyle: { borderColor: theme.paper, borderWidth: 1 } }],
  };
}

export function chartOption(plot: Plot, spec: ChartSpec, theme: Theme): ChartOption {
  if (spec.kind === "heat") return heatOption(plot, spec, theme);
  const horizontal = spec.kind === "bars";
  const longest = Math.max(...plot.places.map((place) => Math.min(place.length, 34)), 4);
  const places = {
    ...axisBase(theme), type: "category" as const, data: [...plot.places],
    splitLine: { show: false },
    ...(horizontal ? { inverse: true }
                   : { axisLine: { show: true, lineStyle: { color: theme.line } } }),
    axisLabel: { ...axisBase(theme).axisLabel, hideOverlap: true,
                 formatter: (text: string) => cut(text, 34),
                 ...(horizontal ? { interval: 0, width: longest * LABEL_PX, color: theme.ink }
                                : {}) },
  };
  const values = valueAxis(plot, theme);
  const top = 18 + LEGEND_PX * legendRows(plot);
  return {
    grid: { left: 8, right: horizontal ? 72 : 16, top, bottom: 4, containLabel: true },
    ...(horizontal
      ? { xAxis: { ...values, axisLabel: { ...values.axisLabel, show: plot.series.length > 3 } },
          yAxis: places }
      : { xAxis: places, yAxis: values }),
    tooltip: tooltip(plot, spec, theme),
    ...legend(plot, theme),
    series: spec.kind === "line" ? lineSeries(plot, spec, theme)
                                 : barSeries(plot, theme, horizontal),
  };
}
