// SPDX-License-Identifier: Apache-2.0
// A step of a funnel as its parts: what it means, a condition on it, whether it may be left out.
// Only what is written is taken apart: "review_submitted[stars <= 2]?"; the engine alone judges it.
import type { Store } from "../answers/types.ts";

export interface Step {
  readonly selector: string;
  readonly condition: string;
  readonly optional: boolean;
}

// Where the last [ that a final ] closes begins, outside quotes; -1: there is none.
function bracketOf(text: string): number {
  if (!text.endsWith("]")) return -1;
  const open: number[] = [];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const sign = text[i];
    if (sign === "'") quoted = !quoted;
    else if (!quoted && sign === "[") open.push(i);
    else if (!quoted && sign === "]") {
      const begin = open.pop() ?? -1;
      if (i === text.length - 1) return open.length === 0 ? begin : -1;
    }
  }
  return -1;
}

export function stepOf(text: string): Step {
  const optional = text.endsWith("?");
  const rest = (optional ? text.slice(0, -1) : text).trim();
  const at = bracketOf(rest);
  // "[x]" alone, or in brackets that belong to a part only, is left as it stands.
  if (at <= 0) return { selector: rest, condition: "", optional };
  return { selector: rest.slice(0, at).trim(), condition: rest.slice(at + 1, -1).trim(), optional };
}

export function stepText({ selector, condition, optional }: Step): string {
  if (selector.trim() === "") return "";
  const filter = condition.trim() === "" ? "" : `[${condition.trim()}]`;
  return `${selector.trim()}${filter}${optional ? "?" : ""}`;
}

// Moves one of a list; out of its bounds nothing moves.
export function moved<T>(list: readonly T[], from: number, to: number): readonly T[] {
  if (from === to || list[from] === undefined || to < 0 || to >= list.length) return list;
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

// "support_ticket_opened:1-2": not between two steps.
export interface Without {
  readonly selector: string;
  readonly first: string;
  readonly last: string;
}

export function withoutOf(text: string): Without {
  const found = /^(.*):(\d+)-(\d+)$/.exec(text);
  return found === null ? { selector: text, first: "1", last: "2" }
    : { selector: found[1]!, first: found[2]!, last: found[3]! };
}

export function withoutText({ selector, first, last }: Without): string {
  return selector.trim() === "" ? "" : `${selector.trim()}:${first}-${last}`;
}

// What a funnel begins with before anybody chose: the way of an order, as far as the store tells.
const USUAL = ["order_placed", "payment_approved", "carrier_collected", "delivered",
               "review_submitted"];

export function usualSteps(store: Pick<Store, "touchpoints">): readonly string[] {
  const names = store.touchpoints.map((each) => each.name);
  const usual = USUAL.filter((name) => names.includes(name));
  return usual.length >= 2 ? usual : [];
}

// The first of such touchpoints that the store has; else its most frequent one, else "".
export function usualTouchpoint(store: Pick<Store, "touchpoints">, wanted: readonly string[],
): string {
  const names = store.touchpoints.map((each) => each.name);
  const most = [...store.touchpoints].sort((a, b) => b.events - a.events)[0]?.name ?? "";
  return wanted.find((name) => names.includes(name)) ?? most;
}
