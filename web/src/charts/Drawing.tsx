// SPDX-License-Identifier: Apache-2.0
// A place where ECharts draws: sized with its box, drawn anew when appearance changes, described
// for those who do not see it. Any option goes in; pages with special charts use this directly.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useAppearance } from "../parts/appearance.ts";
import { echarts } from "./echarts.ts";
import type { ChartOption } from "./echarts.ts";
import { readTheme } from "./theme.ts";
import type { Theme } from "./theme.ts";

export interface DrawingProps {
  // Makes the option for the colours of now. A new function draws anew: keep it with useCallback.
  readonly option: (theme: Theme) => ChartOption;
  readonly height: number;
  readonly description: string;
  readonly onClick?: (event: { readonly name: string; readonly dataIndex: number;
                               readonly seriesName?: string; readonly data: unknown }) => void;
  // Gets the chart while it is drawn, for export.
  readonly onReady?: (chart: ReturnType<typeof echarts.init> | undefined) => void;
}

export function Drawing({ option, height, description, onClick, onReady }: DrawingProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ReturnType<typeof echarts.init> | undefined>(undefined);
  const appearance = useAppearance();
  const made = useMemo(() => option(readTheme()), [option, appearance]);
  useEffect(() => {
    const element = box.current!;
    const drawn = echarts.init(element, undefined, { renderer: "svg" });
    chart.current = drawn;
    onReady?.(drawn);
    // With its own size as view box the picture can be made to fit a sheet of paper by style alone.
    drawn.on("finished", () => {
      const svg = element.querySelector("svg");
      const [wide, high] = [svg?.getAttribute("width"), svg?.getAttribute("height")];
      if (wide && high) svg?.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    });
    const observer = new ResizeObserver(() => drawn.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      onReady?.(undefined);
      drawn.dispose();
      chart.current = undefined;
    };
  }, []);
  useEffect(() => {
    const drawn = chart.current;
    if (drawn === undefined || onClick === undefined) return undefined;
    const listener = onClick as (event: unknown) => void;
    drawn.on("click", listener);
    return () => {
      drawn.off("click", listener);
    };
  }, [onClick]);
  useEffect(() => {
    chart.current?.setOption(made, { notMerge: true });
  }, [made]);
  return (
    <div class="drawing" role="img" aria-label={description} ref={box}
         style={{ height: `${height}px` }} />
  );
}
