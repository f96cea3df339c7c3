// SPDX-License-Identifier: Apache-2.0
// How wide a text is drawn, so that what is shown fits and nothing is cut that has room.

// Of the size, per letter, where there is no page to measure in.
const AMPLE = 0.62;
const known = new Map<string, number>();
let canvas: CanvasRenderingContext2D | null | undefined;

export function textWidth(text: string, size = 12, weight = 400): number {
  if (typeof document === "undefined") return AMPLE * size * text.length;
  canvas ??= document.createElement("canvas").getContext("2d");
  if (canvas === null) return AMPLE * size * text.length;
  const family = getComputedStyle(document.documentElement).getPropertyValue("--font");
  const font = `${weight} ${size}px ${family}`;
  const key = `${font}\n${text}`;
  let width = known.get(key);
  if (width === undefined) {
    canvas.font = font;
    width = canvas.measureText(text).width;
    known.set(key, width);
  }
  return width;
}
