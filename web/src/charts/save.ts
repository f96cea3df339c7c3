// SPDX-License-Identifier: Apache-2.0
// A drawing as a file: SVG as it is, PNG by way of a canvas at twice the size.
import type { echarts } from "./echarts.ts";
import { offerFile } from "../parts/files.ts";
import { readTheme } from "./theme.ts";

export type Drawn = ReturnType<typeof echarts.init> | undefined;
const PNG_SCALE = 2;

export function svgText(element: SVGSVGElement): string {
  const copy = element.cloneNode(true) as SVGSVGElement;
  const { width, height } = element.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(Math.round(width)));
  copy.setAttribute("height", String(Math.round(height)));
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  paper.setAttribute("width", "100%");
  paper.setAttribute("height", "100%");
  paper.setAttribute("fill", readTheme().paper);
  copy.prepend(paper);
  return new XMLSerializer().serializeToString(copy);
}

// The text of a drawing as a file.
export async function saveText(text: string, { width, height }: { width: number; height: number },
                               form: "svg" | "png", name: string): Promise<void> {
  if (form === "svg") {
    offerFile(new Blob([text], { type: "image/svg+xml" }), `${name}.svg`);
    return;
  }
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * PNG_SCALE);
  canvas.height = Math.round(height * PNG_SCALE);
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => {
    if (blob !== null) offerFile(blob, `${name}.png`);
  });
}

export function saveDrawing(drawn: Drawn, form: "svg" | "png", name: string): void {
  const svg = drawn?.getDom().querySelector("svg") ?? null;
  if (svg !== null)
    void saveText(svgText(svg), svg.getBoundingClientRect(), form, name);
}
