// SPDX-License-Identifier: Apache-2.0
// Draws a flow: ribbons as SVG, boxes as links and buttons over it, so that they are read and
// reached as such. Who goes backwards sees the anchor at the right.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Result } from "../answers/types.ts";
import { formatCount, formatDuration, formatShare } from "../format.ts";
import { spoken } from "../headlines/headline.ts";
import { saveText } from "../charts/save.ts";
import { readTheme } from "../charts/theme.ts";
import { Icon } from "../parts/Icon.tsx";
import { PictureButtons } from "../parts/PictureTools.tsx";
import { useMedia } from "../parts/printing.ts";
import { figureHref, opensLists } from "../parts/figures.ts";
import { words } from "../words/en.ts";
import { flowOf, nodesOf, openedWithin, wayTo } from "./flow.ts";
import type { FlowBox, FlowNode, FlowState } from "./flow.ts";
import { flowSvg, ribbonPath } from "./picture.ts";

// Widths of a box and of the ribbons beside it; the narrow ones where the window is.
const WIDE = { box: 186, ribbon: 68 };
const NARROW = { box: 134, ribbon: 30 };
const texts = words.pages.paths;
// More boxes than this nobody reads, and a browser draws them slowly.
const OPEN_MAX = 1000;

interface Look {
  readonly result: Result;
  readonly count: string; // the column that counts
  readonly box: number; // its width
  readonly left: (column: number) => number;
  readonly nodes: ReadonlyMap<number, FlowNode>;
  readonly toggle: (part: keyof FlowState, id: number) => void;
  readonly state: FlowState;
}

function toggled(set: ReadonlySet<number>, id: number): ReadonlySet<number> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}

function Figures({ box, look }: { box: FlowBox; look: Look }) {
  const node = box.nodes.length === 1 ? box.nodes[0] : undefined;
  const total = look.nodes.get(0)?.count ?? 0;
  const share = node?.share ?? (total === 0 ? undefined : box.count / total);
  const href = node === undefined ? undefined
    : figureHref(look.result, "nodes", node.row, look.count);
  const text = formatCount(box.count);
  return (
    <span class="flow-figures">
      {href === undefined ? <b>{text}</b>
        : <a href={href} title={words.table.openList(text)}>{text}</a>}
      {share !== undefined && <span class="quiet"> {formatShare(share)}</span>}
    </span>
  );
}

function RestBox({ box, look }: { box: FlowBox; look: Look }) {
  const parent = box.parent?.id ?? 0;
  return (
    <button type="button" class="flow-rest" title={box.nodes.map((node) => node.name).join(", ")}
            onClick={() => look.toggle("opened", parent)}>
      <Icon name="plus" />
      <span class="flow-text">
        <span class="flow-name">{texts.more(formatCount(box.nodes.length))}</span>
        <Figures box={box} look={look} />
      </span>
    </button>
  );
}

function NodeBox({ node, box, look }: { node: FlowNode; box: FlowBox; look: Look }) {
  const folded = look.state.folded.has(node.id);
  const way = wayTo(look.nodes, node).map(spoken).join(" → ");
  const time = node.meanMs === undefined ? ""
    : ` · ${texts.mean(formatDuration(node.meanMs))}`;
  return (
    <>
      {node.children.length > 0 && (
        <button type="button" class="plain flow-fold" aria-expanded={!folded}
                aria-label={texts.next(spoken(node.name))}
                onClick={() => look.toggle("folded", node.id)}>
          <Icon name={folded ? "right" : "down"} />
        </button>
      )}
      <span class="flow-text">
        <span class="flow-name" title={`${way}${time}`}>{spoken(node.name)}</span>
        <Figures box={box} look={look} />
      </span>
      {box.hides > 0 && <span class="sr">{texts.hidden(formatCount(box.hides))}</span>}
    </>
  );
}

function Box({ box, look }: { box: FlowBox; look: Look }) {
  const node = box.nodes.length === 1 ? box.nodes[0] : undefined;
  const name = node?.name ?? "";
  const kind = node === undefined || name === "(other)" ? "rest"
    : name === "(end)" || name === "(start)" ? "end" : "";
  return (
    <li class={`flow-box ${kind}`}
        style={{ left: `${look.left(box.column)}px`, top: `${box.y}px`, width: `${look.box}px`,
                 height: `${box.height}px` }}>
      {node === undefined ? <RestBox box={box} look={look} />
                          : <NodeBox node={node} box={box} look={look} />}
    </li>
  );
}

export function FlowPicture({ result, title, root, count, backwards }: {
  result: Result;
  title: string; // of the picture in a file
  root: FlowNode;
  count: string;
  backwards: boolean;
}) {
  const [state, setState] = useState<FlowState>({ folded: new Set(), opened: new Set() });
  const flow = useMemo(() => flowOf(root, state), [root, state]);
  const nodes = useMemo(() => new Map(nodesOf(root).map((node) => [node.id, node])), [root]);
  const { box, ribbon: between } = useMedia("(max-width: 760px)") ? NARROW : WIDE;
  const width = flow.columns * (box + between) - between;
  const scroll = useRef<HTMLDivElement>(null);
  // Where one reads from stands in sight.
  useEffect(() => {
    if (backwards && scroll.current !== null) scroll.current.scrollLeft = width;
  }, [backwards, width]);
  const left = (column: number): number =>
    (backwards ? flow.columns - 1 - column : column) * (box + between);
  const toggle = (part: keyof FlowState, id: number): void =>
    setState((before) => ({ ...before, [part]: toggled(before[part], id) }));
  const size = { box, width, left, backwards };
  const save = (form: "svg" | "png"): void => {
    const { text, ...drawn } = flowSvg(flow, title, size, readTheme());
    void saveText(text, drawn, form, "paths");
  };
  const look: Look = { result, count, box, left, nodes, toggle, state };
  const inner = [...nodes.values()].filter((node) => node.children.length > 0);
  const open = useMemo(() => openedWithin(root, OPEN_MAX), [root]);
  return (
    <>
      <div class="card-tools no-print flow-tools">
        <button type="button" class="small" onClick={() => setState(open)}>
          {open.all ? texts.openAll : texts.openMost}
        </button>
        <button type="button" class="small" onClick={() =>
          setState({ folded: new Set(inner.filter((node) => node.depth > 0)
                                          .map((node) => node.id)), opened: new Set() })}>
          {texts.foldAll}
        </button>
        <button type="button" class="small" onClick={() =>
          setState({ folded: new Set(), opened: new Set() })}>
          {texts.asBefore}
        </button>
        <span class="chart-tools"><PictureButtons save={save} /></span>
      </div>
      <div class="flow-scroll" ref={scroll} tabIndex={0} role="region" aria-label={texts.picture}>
        <div class="flow" style={{ width: `${width}px`, height: `${flow.height}px` }}>
          <svg width={width} height={flow.height} aria-hidden="true">
            {flow.ribbons.map((ribbon) => (
              <path key={ribbon.key} class="flow-ribbon" d={ribbonPath(ribbon, size)} />
            ))}
          </svg>
          <ul>{flow.boxes.map((box) => <Box key={box.key} box={box} look={look} />)}</ul>
        </div>
      </div>
      <p class="quiet flow-legend">
        {texts.legend}{opensLists(result, "nodes") && ` ${words.table.everyOpens}`}
      </p>
    </>
  );
}
