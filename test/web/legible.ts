// SPDX-License-Identifier: Apache-2.0
// What makes a picture legible, as the browser has drawn it: no text over another or out of its
// box, none too small or cut.
import type { Page } from "playwright-core";

export interface Seen {
  readonly texts: number;
  readonly overlaps: readonly string[]; // pairs of texts
  readonly outside: readonly string[]; // of their boxes
  readonly cut: readonly string[];
  readonly smallest: number; // height of type in pixels
}

// The texts of the svg of this selector; `boxes` selects groups whose first rect holds their texts.
export function seen(page: Page, picture: string, boxes: string): Promise<Seen> {
  return page.evaluate(([svg, groups]) => {
    const apart = 0.75; // antialiasing is no overlap
    const root = document.querySelector(svg!)!;
    const texts = [...root.querySelectorAll("text")].map((element) => (
      { text: element.textContent ?? "", box: element.getBoundingClientRect(),
        size: Number.parseFloat(getComputedStyle(element).fontSize), element }))
      .filter(({ text }) => text.trim() !== "");
    const scale = root.getBoundingClientRect().width /
                  Number(root.getAttribute("viewBox")!.split(" ")[2]);
    const overlaps: string[] = [];
    texts.sort((a, b) => a.box.top - b.box.top);
    for (const [i, a] of texts.entries())
      for (let j = i + 1; j < texts.length && texts[j]!.box.top < a.box.bottom; j++) {
        const b = texts[j]!.box;
        // The room above and beneath letters is not drawn on.
        const high = Math.min(a.box.bottom, b.bottom) - b.top - 0.3 * Math.min(a.box.height,
                                                                              b.height);
        const wide = Math.min(a.box.right, b.right) - Math.max(a.box.left, b.left);
        if (high > apart && wide > apart) overlaps.push(`${a.text} / ${texts[j]!.text}`);
      }
    const outside = [...root.querySelectorAll(groups!)].flatMap((group) => {
      const box = group.querySelector("rect")!.getBoundingClientRect();
      return [...group.querySelectorAll("text")].filter((element) => {
        const own = element.getBoundingClientRect();
        return own.width > 0 && (own.left < box.left - apart || own.right > box.right + apart ||
                                 own.top < box.top - apart || own.bottom > box.bottom + apart);
      }).map((element) => element.textContent ?? "");
    });
    return { texts: texts.length, overlaps, outside,
             cut: texts.map(({ text }) => text).filter((text) => text.includes("…")),
             smallest: scale * Math.min(...texts.map(({ size }) => size)) };
  }, [picture, boxes]);
}

// How many figures lie on a line of the process map, or on a box.
export function crossed(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const svg = document.querySelector<SVGSVGElement>(".graph-box svg")!;
    const figures = [...svg.querySelectorAll<SVGTextElement>(".edge text")].map((element) => (
      { text: element.textContent ?? "", box: element.getBBox() }));
    const found: string[] = [];
    const on = (x: number, y: number): void => {
      for (const { text, box } of figures)
        if (x > box.x && x < box.x + box.width && y > box.y + 3 && y < box.y + box.height - 3)
          found.push(text);
    };
    for (const line of svg.querySelectorAll<SVGPathElement>(".edge-line"))
      for (let at = 0; at < line.getTotalLength(); at += 3) {
        const { x, y } = line.getPointAtLength(at);
        on(x, y);
      }
    for (const node of svg.querySelectorAll<SVGGElement>(".node")) {
      const { e, f } = node.transform.baseVal.consolidate()?.matrix ??
                       new DOMMatrix(getComputedStyle(node).transform);
      const { x, y, width, height } = node.getBBox();
      for (let dx = 0; dx <= width; dx += 6)
        for (let dy = 0; dy <= height; dy += 6) on(e + x + dx, f + y + dy);
    }
    return found;
  });
}
