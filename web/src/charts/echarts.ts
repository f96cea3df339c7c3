// SPDX-License-Identifier: Apache-2.0
// The parts of ECharts that the face uses, registered once. A chart of another kind adds its part
// here, so that the size of the whole is seen in one place.
import { BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import {
  AriaComponent, DataZoomInsideComponent, GridComponent, LegendComponent, MarkAreaComponent,
  MarkLineComponent, MarkPointComponent, TooltipComponent, VisualMapContinuousComponent,
} from "echarts/components";
import * as echarts from "echarts/core";
import { LabelLayout } from "echarts/features";
import { SVGRenderer } from "echarts/renderers";

echarts.use([
  AriaComponent, BarChart, CustomChart, DataZoomInsideComponent, GridComponent, HeatmapChart,
  LabelLayout, LegendComponent, LineChart, MarkAreaComponent, MarkLineComponent,
  MarkPointComponent, SVGRenderer, ScatterChart, TooltipComponent, VisualMapContinuousComponent,
]);

export { echarts };
export type { EChartsCoreOption as ChartOption } from "echarts/core";
