// SPDX-License-Identifier: Apache-2.0
// A picture of the page's own (SVG styled by the stylesheet) as a file that stands by itself: what
// the stylesheet says is written into its elements.
import { saveText } from "../charts/save.ts";
import { readTheme } from "../charts/theme.ts";

const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray",
                "stroke-opacity", "opacity", "font-family", "font-size", "font-weight",
                "text-anchor", "paint-order", "stroke-linejoin", "transform", "display",
                "visibility"] as const;

function inline(from: Element, to: Element): void {
  const style = getComputedStyle(from);
  const target = to as SVGElement;
  for (const name of STYLES) {
    const value = style.getPropertyValue(name);
    if (value !== "") target.style.setProperty(name, value);
  }
  for (const [i, child] of [...from.children].entries()) inline(child, to.children[i]!);
}

export function savePicture(svg: SVGSVGElement | null, form: "svg" | "png", name: string): void {
  if (svg === null) return;
  const copy = svg.cloneNode(true) as SVGSVGElement;
  inline(svg, copy);
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(Math.round(width)));
  copy.setAttribute("height", String(Math.round(height)));
  copy.style.removeProperty("transform");
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  paper.setAttribute("width", "100%");
  paper.setAttribute("height", "100%");
  paper.setAttribute("fill", readTheme().paper);
  copy.prepend(paper);
  void saveText(new XMLSerializer().serializeToString(copy), { width, height }, form, name);
}
