// SPDX-License-Identifier: Apache-2.0
// The address is the state: which page, the bar's options and the page's own. On a server it is the
// path and the query; in a report, a file, it lies behind the #. What names a person is the one
// exception: it lies in this page's memory, beside its place in the history, and in no link.
import { useEffect, useState } from "preact/hooks";
import { changed, chosen, optionsOf, queryOf } from "../answers/key.ts";
import type { Options } from "../answers/types.ts";
import { parted } from "./personal.ts";

// What the bar holds, under the names of the questions' options.
export const BAR = ["case", "from", "to", "where", "cases", "by", "as-of", "derive", "compare",
                    "range", "attach"] as const;
// Which list is open beside the page: the key of its answer. No option has this name.
export const OPEN = "drawer";

export interface Address {
  readonly path: string;
  readonly options: Options;
  // Whether some of the options are not in the address, as they name a person.
  readonly personal: boolean;
}

type Shown = Omit<Address, "personal">;

let inHash = false;
// What is kept out of addresses, by the name of the place in the history.
const kept = new Map<string, Options>();

// A report calls this before anything reads the address.
export function useHashAddresses(): void {
  inHash = true;
}

function parse(text: string): Shown {
  const at = text.indexOf("?");
  const path = at < 0 ? text : text.slice(0, at);
  return { path: path.replace(/\/+$/, "") || "/",
           options: at < 0 ? {} : optionsOf(text.slice(at)) };
}

function shownAddress(): Shown {
  const { pathname, search, hash } = window.location;
  return parse(inHash ? decodeURI(hash.slice(1)) || "/" : pathname + search);
}

function keptHere(): Options {
  const state: unknown = window.history.state;
  return typeof state === "string" ? kept.get(state) ?? {} : {};
}

export function currentAddress(): Address {
  const { path, options } = shownAddress();
  const personal = keptHere();
  return { path, options: { ...options, ...personal },
           personal: Object.keys(personal).length > 0 };
}

// What names a person is left out.
export function hrefOf(path: string, options: Options = {}): string {
  const query = queryOf(parted(options).open);
  return `${inHash ? "#" : ""}${path}${query === "" ? "" : `?${query}`}`;
}

// The address of another page, with the bar as it is here.
export function pageHref(path: string, own: Options = {}): string {
  return hrefOf(path, { ...chosen(currentAddress().options, BAR), ...own });
}

// This address with changes; undefined or "" takes an option away.
export function changedHref(changes: Parameters<typeof changed>[1]): string {
  const { path, options } = currentAddress();
  return hrefOf(path, changed(options, changes));
}

const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) listener();
}

// Goes to an address, with what it may not show. Names in the history are of no use elsewhere:
// after a reload they lead to nothing.
function put(href: string, personal: Options, replace: boolean): void {
  const place = Object.keys(personal).length === 0 ? null : crypto.randomUUID();
  if (place !== null) kept.set(place, personal);
  if (replace) window.history.replaceState(place, "", href);
  else window.history.pushState(place, "", href);
  tell();
}

// Goes to an address that hrefOf or a sister made. `replace` leaves no step behind: for what
// changes while it is being chosen. What is kept out of the address stays as long as its page, of
// the bar always.
export function go(href: string, replace = false): void {
  const { path, options } = parse(inHash ? href.slice(1) : href);
  const { open, personal } = parted(options);
  const stays = Object.entries(keptHere()).filter(([name]) => !(name in options) &&
    (path === shownAddress().path || BAR.some((each) => each === name)));
  put(hrefOf(path, open), { ...Object.fromEntries(stays), ...personal }, replace);
}

export function change(changes: Parameters<typeof changed>[1], replace = false): void {
  const { path, options } = currentAddress();
  const { open, personal } = parted(changed(options, changes));
  put(hrefOf(path, open), personal, replace);
}

// An address that was opened with something personal in it loses it: call once, at the beginning.
export function cleanAddress(): void {
  const { path, options } = shownAddress();
  const { open, personal } = parted(options);
  if (Object.keys(personal).length > 0) put(hrefOf(path, open), personal, true);
}

export function useAddress(): Address {
  const [address, set] = useState(currentAddress);
  useEffect(() => {
    const listener = (): void => set(currentAddress());
    listeners.add(listener);
    window.addEventListener("popstate", listener);
    return () => {
      listeners.delete(listener);
      window.removeEventListener("popstate", listener);
    };
  }, []);
  return address;
}

// Lets plain links move within the page: call once.
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey ||
        event.shiftKey || event.altKey || !(event.target instanceof Element)) return;
    const link = event.target.closest("a[href]");
    if (!(link instanceof HTMLAnchorElement) && !(link instanceof SVGAElement)) return;
    const href = link.getAttribute("href") ?? "";
    const ours = inHash ? href.startsWith("#/")
                        : href.startsWith("/") && !href.startsWith("/v1/");
    if (!ours || link.hasAttribute("download") || link.hasAttribute("target")) return;
    event.preventDefault();
    const before = currentAddress().path;
    go(href);
    if (currentAddress().path !== before) window.scrollTo(0, 0);
  });
}
