// SPDX-License-Identifier: Apache-2.0
// The process map on a tile: as much of it as a first look bears. What is chosen stands out.
import { useMemo, useState } from "preact/hooks";
import type { TileViewProps } from "../boards/views.ts";
import { defaultSpec } from "../charts/spec.ts";
import { TableOrChart, mainTable } from "../parts/Card.tsx";
import { words } from "../words/en.ts";
import { Graph } from "./Graph.tsx";
import { Figures, groupsOf, isLaidOut, layoutOf, mostOf, seenEdges } from "./graph.ts";
import type { LaidOut, Layout } from "./graph.ts";

const NO_MARKS = new Map<string, never>();

function Drawn({ result, layout }: { result: LaidOut; layout: Layout }) {
  const [selected, setSelected] = useState("");
  const { seen, figures, most } = useMemo(() => {
    const edges = seenEdges(layout, undefined);
    const all = new Figures(result);
    return { seen: edges, figures: all, most: mostOf(layout, edges, [all], "occurrences") };
  }, [result, layout]);
  return (
    <Graph layout={layout} edges={seen} figures={figures} most={most} measure="occurrences"
           title={words.pages.process.map} selected={selected} lit={undefined} marks={NO_MARKS}
           onSelect={(what) => setSelected(what === selected ? "" : what)} />
  );
}

// Where it was not laid out, and of groups side by side, which a tile has no room for, the chart of
// its columns.
export function ProcessPicture({ result, both }: TileViewProps) {
  const layout = isLaidOut(result) && groupsOf(result).length < 2 ? layoutOf(result, undefined)
    : undefined;
  if (isLaidOut(result) && layout !== undefined) return <Drawn result={result} layout={layout} />;
  const main = mainTable(result);
  return <TableOrChart result={result} table={main} spec={defaultSpec(result, main)} view="chart"
                       both={both} />;
}
