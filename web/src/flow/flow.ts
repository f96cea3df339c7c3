// SPDX-License-Identifier: Apache-2.0
// The tree of `paths` as a picture: a column per step, a box per row, a ribbon to each from the one
// it hangs on. Boxes keep a readable height however few they count; small ones beside one another
// are put together until somebody opens them. Pure: rows in, places out.
import type { Row } from "../answers/types.ts";

export interface FlowNode {
  readonly id: number;
  readonly parent: number | undefined;
  readonly depth: number;
  readonly name: string;
  readonly count: number;
  readonly share: number | undefined;
  readonly meanMs: number | undefined;
  readonly row: Row;
  readonly children: readonly FlowNode[];
}

// What somebody folded and opened.
export interface FlowState {
  readonly folded: ReadonlySet<number>; // nodes whose next steps are not shown
  readonly opened: ReadonlySet<number>; // nodes of which the small next steps are, too
}

export interface FlowBox {
  readonly key: string;
  readonly column: number;
  readonly y: number;
  readonly height: number;
  // One node; or several small ones of a parent together.
  readonly nodes: readonly FlowNode[];
  readonly count: number;
  readonly parent: FlowNode | undefined;
  readonly hides: number; // next steps that are folded away
}

export interface FlowRibbon {
  readonly key: string;
  readonly column: number; // of the box that it leads to
  readonly from: number; // top at the parent, and below at the box
  readonly to: number;
  readonly width: number;
}

export interface Flow {
  readonly boxes: readonly FlowBox[];
  readonly ribbons: readonly FlowRibbon[];
  readonly columns: number;
  readonly height: number;
}

export const BOX_MIN_PX = 38;
const GAP_PX = 6;
const ROOT_PX = 300;
// Next steps of fewer of all anchors are put together, when they are several.
const SMALL_SHARE = 0.03;

function number(row: Row, column: string): number | undefined {
  const cell = row[column];
  return typeof cell === "number" ? cell : undefined;
}

// The tree of the rows of a group (undefined: there are none); `count` is the column that counts.
export function treeOf(rows: readonly Row[], count: string): FlowNode | undefined {
  interface Growing extends FlowNode { readonly children: FlowNode[] }
  const nodes = new Map<number, Growing>();
  let root: Growing | undefined;
  for (const row of rows) {
    const id = number(row, "id");
    if (id === undefined) continue;
    const parent = number(row, "parent");
    const node: Growing = {
      id, parent, depth: number(row, "depth") ?? 0, name: String(row.touchpoint ?? ""),
      count: number(row, count) ?? 0, share: number(row, "share"), meanMs: number(row, "mean_ms"),
      row, children: [],
    };
    nodes.set(id, node);
    if (parent === undefined) root ??= node;
    else nodes.get(parent)?.children.push(node);
  }
  return root;
}

export function nodesOf(root: FlowNode): readonly FlowNode[] {
  return [root, ...root.children.flatMap(nodesOf)];
}

// The next steps of a node as they are shown: one by one, and the small ones together.
export function shownChildren(node: FlowNode, total: number, state: FlowState,
): readonly (readonly FlowNode[])[] {
  if (state.folded.has(node.id)) return [];
  const alone = node.children.map((child) => [child]);
  if (state.opened.has(node.id)) return alone;
  const isSmall = (child: FlowNode): boolean => child.count < total * SMALL_SHARE;
  const small = node.children.filter(isSmall);
  return small.length < 2 ? alone
    : [...alone.filter(([child]) => !isSmall(child!)), small];
}

interface Making {
  readonly boxes: FlowBox[];
  readonly ribbons: FlowRibbon[];
  readonly perCount: number;
  readonly total: number;
  readonly state: FlowState;
  readonly slots: Map<FlowNode, number>;
}

// The height that a node and all that hangs on it take.
function slotOf(node: FlowNode, making: Making): number {
  const known = making.slots.get(node);
  if (known !== undefined) return known;
  const own = Math.max(BOX_MIN_PX, node.count * making.perCount);
  const shown = shownChildren(node, making.total, making.state);
  const slot = Math.max(own, shown.reduce((sum, group) => sum + slotOfGroup(group, making), 0) +
                             GAP_PX * Math.max(0, shown.length - 1));
  making.slots.set(node, slot);
  return slot;
}

function slotOfGroup(group: readonly FlowNode[], making: Making): number {
  return group.length === 1 ? slotOf(group[0]!, making)
    : Math.max(BOX_MIN_PX, countOf(group) * making.perCount);
}

function countOf(group: readonly FlowNode[]): number {
  return group.reduce((sum, node) => sum + node.count, 0);
}

function place(group: readonly FlowNode[], parent: FlowNode | undefined, top: number,
               making: Making): FlowBox {
  const count = countOf(group);
  const slot = slotOfGroup(group, making);
  const height = Math.max(BOX_MIN_PX, count * making.perCount);
  const alone = group.length === 1 ? group[0]! : undefined;
  const shown = alone === undefined ? [] : shownChildren(alone, making.total, making.state);
  const box: FlowBox = {
    key: alone === undefined ? `rest ${parent?.id}` : `node ${alone.id}`,
    column: group[0]!.depth, y: top + (slot - height) / 2, height, nodes: group, count, parent,
    hides: alone !== undefined && shown.length === 0 ? alone.children.length : 0,
  };
  making.boxes.push(box);
  const all = shown.reduce((sum, each) => sum + slotOfGroup(each, making), 0) +
              GAP_PX * Math.max(0, shown.length - 1);
  let at = top + (slot - all) / 2;
  let from = box.y + (height - count * making.perCount) / 2;
  for (const each of shown) {
    const child = place(each, alone, at, making);
    const width = Math.max(1, child.count * making.perCount);
    making.ribbons.push({ key: child.key, column: child.column, from,
                          to: child.y + (child.height - width) / 2, width });
    from += child.count * making.perCount;
    at += slotOfGroup(each, making) + GAP_PX;
  }
  return box;
}

export function flowOf(root: FlowNode, state: FlowState): Flow {
  const making: Making = { boxes: [], ribbons: [], total: root.count, state, slots: new Map(),
                           perCount: root.count === 0 ? 0 : ROOT_PX / root.count };
  const height = slotOf(root, making);
  place([root], undefined, 0, making);
  const columns = making.boxes.reduce((most, box) => Math.max(most, box.column + 1), 0);
  return { boxes: making.boxes, ribbons: making.ribbons, columns, height };
}

// All opened, as far as that makes no more than about `most` boxes: the nodes nearest to the root
// and most frequent first, what hangs on the others is folded.
export function openedWithin(root: FlowNode, most: number): FlowState & { readonly all: boolean } {
  const inner = nodesOf(root).filter((node) => node.children.length > 0)
    .sort((a, b) => a.depth - b.depth || b.count - a.count);
  let boxes = 1;
  const opened = new Set<number>();
  const folded = new Set<number>();
  for (const node of inner) {
    const fits = boxes + node.children.length <= most || node === root;
    boxes += fits ? node.children.length : 0;
    (fits ? opened : folded).add(node.id);
  }
  return { opened, folded, all: folded.size === 0 };
}

// The way from the root to a node, for those who do not see where it hangs.
export function wayTo(nodes: ReadonlyMap<number, FlowNode>, node: FlowNode): readonly string[] {
  const before = node.parent === undefined ? undefined : nodes.get(node.parent);
  return before === undefined ? [node.name] : [...wayTo(nodes, before), node.name];
}
