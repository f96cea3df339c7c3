// SPDX-License-Identifier: Apache-2.0
// Events of a shop that records 60 touchpoints: the first of the catalogue's, by their stages, and
// those of any stage after them. Made up, always the same.
import { readFileSync } from "node:fs";

const TOUCHPOINTS = 60;
const ORDERS = 400;
const HOUR_MS = 3_600_000;
const START_MS = Date.parse("2024-01-01T08:00:00Z");
// Some that every journey has, so that it is one, and those that carry figures.
const USUAL = new Map([
  ["order_placed", 1], ["order_packed", 0.97], ["carrier_collected", 0.96],
  ["shipment_in_transit", 0.95], ["out_for_delivery", 0.93], ["delivered", 0.92],
  ["review_requested", 0.85], ["review_submitted", 0.25], ["survey_sent", 0.4],
  ["csat_submitted", 0.1],
]);
const CHANNELS = ["email", "chat", "phone", "social"];

// Numbers in [0, 1) that look random.
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

// Names with stages, from the catalogue's data.
function catalogue(file) {
  const [, rows] = readFileSync(file, "utf8").split("[touchpoints]\n");
  return rows.split("\n\n")[0].split("\n").filter((line) => !line.startsWith("#"))
    .map((line) => line.split("\t")).map(([name, stage]) => ({ name, stage }));
}

function chosen(file) {
  const all = catalogue(file);
  const placed = all.filter(({ stage }) => stage !== "any");
  const any = all.filter(({ stage }) => stage === "any");
  // Evenly from both, and never without the usual ones.
  const wanted = TOUCHPOINTS - USUAL.size;
  const rest = [...placed, ...any].filter(({ name }) => !USUAL.has(name));
  const kept = new Set(rest.filter((_, i) =>
    Math.floor((i + 1) * wanted / rest.length) > Math.floor(i * wanted / rest.length))
    .map(({ name }) => name));
  return all.filter(({ name }) => USUAL.has(name) || kept.has(name));
}

function event(order, { name }, at, random) {
  return {
    event: name, time: new Date(at).toISOString(), customer_id: `C${order % 310}`,
    order_id: `O${order}`, source_id: `${order}/${name}/${at}`, channel: CHANNELS[order % 4],
    ...(name === "order_placed" ? { promise_until: new Date(START_MS + (order + 150) * HOUR_MS)
      .toISOString().slice(0, 10) } : {}),
    ...(name === "review_submitted" ? { stars: 1 + Math.floor(5 * random()) } : {}),
  };
}

// The lines that `doorstep append` takes; `file` is the catalogue's data.
export function manyTouchpoints(file) {
  const random = randomOf(7);
  const touchpoints = chosen(file);
  const staged = touchpoints.filter(({ stage }) => stage !== "any");
  const any = touchpoints.filter(({ stage }) => stage === "any");
  const lines = [];
  for (let order = 0; order < ORDERS; order++) {
    let at = START_MS + order * HOUR_MS;
    for (const [i, touchpoint] of staged.entries()) {
      if (random() >= (USUAL.get(touchpoint.name) ?? 0.06 + 0.5 * ((i * 7) % 10) / 10)) continue;
      at += Math.floor(12 * HOUR_MS * random()) + 1000;
      lines.push(event(order, touchpoint, at, random));
      if (random() < 0.12) {
        at += Math.floor(4 * HOUR_MS * random()) + 1000;
        lines.push(event(order, any[Math.floor(random() * any.length)], at, random));
      }
    }
  }
  return lines.map((line) => JSON.stringify(line)).join("\n") + "\n";
}
