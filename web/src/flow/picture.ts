// SPDX-License-Identifier: Apache-2.0
// A flow as a picture of its own: on the page its boxes are links and buttons over the ribbons, in
// a file they are drawn. Pure: places in, SVG out.
import type { Theme } from "../charts/theme.ts";
import { formatCount, formatShare } from "../format.ts";
import { spoken } from "../headlines/headline.ts";
import { words } from "../words/en.ts";
import type { Flow, FlowBox, FlowRibbon } from "./flow.ts";

const [EDGE_PX, INSET_PX, MARGIN_PX, TITLE_PX] = [5, 12, 8, 30];
const LETTER_PX = 6.4;

export interface FlowSize {
  readonly box: number; // the width of a box
  readonly width: number;
  readonly left: (column: number) => number;
  readonly backwards: boolean;
}

// The ribbon between two boxes, from the nearer to the root to the one that hangs on it.
export function ribbonPath({ column, from, to, width }: FlowRibbon, size: FlowSize): string {
  const { box, left, backwards } = size;
  const [near, far] = backwards ? [left(column - 1), left(column) + box]
                                : [left(column - 1) + box, left(column)];
  const middle = (near + far) / 2;
  return `M${near} ${from}C${middle} ${from} ${middle} ${to} ${far} ${to}v${width}` +
         `C${middle} ${to + width} ${middle} ${from + width} ${near} ${from + width}z`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// What a box says: its name, cut to its width, and its figures.
function boxTexts(box: FlowBox, total: number, most: number): readonly [string, string] {
  const node = box.nodes.length === 1 ? box.nodes[0] : undefined;
  const name = node === undefined ? words.pages.paths.more(formatCount(box.nodes.length))
                                  : spoken(node.name);
  const share = node?.share ?? (total === 0 ? undefined : box.count / total);
  return [name.length <= most ? name : `${name.slice(0, most - 1)}…`,
          formatCount(box.count) + (share === undefined ? "" : `  ${formatShare(share)}`)];
}

function boxSvg(box: FlowBox, total: number, size: FlowSize, theme: Theme): string {
  const x = size.left(box.column), middle = box.y + box.height / 2;
  const node = box.nodes.length === 1 ? box.nodes[0] : undefined;
  const rest = node === undefined || /^\(/.test(node.name);
  const [name, figures] = boxTexts(box, total, Math.floor((size.box - INSET_PX) / LETTER_PX));
  const text = (y: number, said: string, weight: number): string =>
    `<text x="${x + INSET_PX}" y="${y}" font-size="12" font-weight="${weight}" ` +
    `fill="${theme.ink}">${escaped(said)}</text>`;
  return `<rect x="${x}" y="${box.y}" width="${size.box}" height="${box.height}" rx="4" ` +
         `fill="${rest ? theme.line : theme.ramp[0]}"/>` +
         `<rect x="${x}" y="${box.y}" width="${EDGE_PX}" height="${box.height}" ` +
         `fill="${rest ? theme.quiet : theme.series[0]!}"/>` +
         text(middle - 3, name, 400) + text(middle + 12, figures, 600);
}

export function flowSvg(flow: Flow, title: string, size: FlowSize, theme: Theme,
): { readonly text: string; readonly width: number; readonly height: number } {
  const width = size.width + 2 * MARGIN_PX, height = flow.height + 2 * MARGIN_PX + TITLE_PX;
  const total = flow.boxes.find((box) => box.column === 0)?.count ?? 0;
  const ribbons = flow.ribbons.map((ribbon) =>
    `<path d="${ribbonPath(ribbon, size)}" fill="${theme.series[0]!}" opacity="0.24"/>`);
  const boxes = flow.boxes.map((box) => boxSvg(box, total, size, theme));
  return {
    width, height,
    text: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
          `viewBox="0 0 ${width} ${height}" font-family="${escaped(theme.font)
            .replaceAll('"', "'")}">` +
          `<rect width="100%" height="100%" fill="${theme.paper}"/>` +
          `<text x="${MARGIN_PX}" y="${MARGIN_PX + 14}" font-size="15" font-weight="600" ` +
          `fill="${theme.ink}">${escaped(title)}</text>` +
          `<g transform="translate(${MARGIN_PX} ${MARGIN_PX + TITLE_PX})">` +
          `${ribbons.join("")}${boxes.join("")}</g></svg>`,
  };
}
