// SPDX-License-Identifier: Apache-2.0
// The chart of an answer's table by a spec, with its export. The table beside it is the card's
// business, and every card has one.
import { useCallback, useMemo, useRef } from "preact/hooks";
import type { Result } from "../answers/types.ts";
import { columnLabel, formatCount, label } from "../format.ts";
import { Message } from "../parts/States.tsx";
import { words } from "../words/en.ts";
import { Drawing } from "./Drawing.tsx";
import type { DrawingProps } from "./Drawing.tsx";
import { chartHeight, chartOption } from "./option.ts";
import { columnOf, plotBeside, plotOf } from "./spec.ts";
import type { Beside, ChartSpec } from "./spec.ts";
import type { Theme } from "./theme.ts";
import { saveDrawing } from "./save.ts";
import type { Drawn } from "./save.ts";

export interface ChartProps {
  readonly result: Result;
  readonly table: string;
  readonly spec: ChartSpec;
  readonly height?: number;
  // Another period's rows, drawn as second lines.
  readonly beside?: Beside | undefined;
  readonly onPlace?: (place: string, series: string) => void;
}

export function Chart({ result, table, spec, height, beside, onPlace }: ChartProps) {
  const plot = useMemo(() => {
    const own = plotOf(result, table, spec);
    return beside === undefined ? own : plotBeside(result, table, spec, own, beside);
  }, [result, table, spec, beside]);
  const option = useCallback((theme: Theme) => chartOption(plot, spec, theme), [plot, spec]);
  const drawn = useRef<Drawn>(undefined);
  const y = spec.y.map((name) => {
    const column = columnOf(result, table, name);
    return column === undefined ? label(name) : columnLabel(column);
  }).join(", ");
  const points = plot.series.reduce(
    (sum, series) => sum + series.values.filter((value) => value !== null).length, 0);
  const onClick: DrawingProps["onClick"] = onPlace === undefined ? undefined
    : (event) => onPlace(plot.places[event.dataIndex] ?? event.name, event.seriesName ?? "");
  // An empty field would look as if something were missing.
  if (points === 0)
    return <Message title={words.states.notEnough} advice={words.chart.nothing} />;
  return (
    <figure class="chart">
      <Drawing option={option} height={height ?? chartHeight(spec, plot)}
               description={words.chart.describe(words.chart.kinds[spec.kind], y, label(spec.x),
                                                 formatCount(points))}
               onReady={(chart) => { drawn.current = chart; }}
               {...(onClick === undefined ? {} : { onClick })} />
      <figcaption>
        {plot.hidden > 0 &&
          <span class="quiet">{words.chart.others(formatCount(plot.hidden))}</span>}
        <span class="chart-tools">
          <button type="button" class="plain small"
                  onClick={() => saveDrawing(drawn.current, "svg", `${result.question}-${table}`)}>
            {words.chart.svg}
          </button>
          <button type="button" class="plain small"
                  onClick={() => saveDrawing(drawn.current, "png", `${result.question}-${table}`)}>
            {words.chart.png}
          </button>
        </span>
      </figcaption>
    </figure>
  );
}
