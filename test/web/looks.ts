// SPDX-License-Identifier: Apache-2.0
// What every page must be, whatever it shows: within its width, readable by rule (axe-core), worked
// by the keyboard. Each check gives the faults that it found, a line each.
import fs from "node:fs";
import type { Page } from "playwright-core";
import { need } from "./browser.ts";

export const WIDTHS = [1280, 768, 390] as const;
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const TABS_MAX = 1500;
const TABS_AT_ONCE = 25;

const axe = fs.readFileSync(need.resolve("axe-core/axe.min.js"), "utf8");

// The page scrolls not sideways, nothing sticks out of it, no text is cut off without a title.
export function layoutFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth)
      faults.push(`scrolls sideways: ${root.scrollWidth} in ${root.clientWidth} px`);
    const name = (element: Element): string =>
      `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}"> ` +
      `"${(element.textContent ?? "").trim().slice(0, 40)}"`;
    const boxed = (element: Element): boolean => {
      for (let at = element.parentElement; at !== null && at !== document.body;
           at = at.parentElement)
        if (getComputedStyle(at).overflowX !== "visible") return true;
      return false;
    };
    for (const element of document.body.querySelectorAll<HTMLElement>("*")) {
      if (element.closest(".sr, .skip, svg, script") !== null || !element.checkVisibility())
        continue;
      const box = element.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) continue;
      if ((box.right > root.clientWidth + 1 || box.left < -1) && !boxed(element))
        faults.push(`sticks out (${Math.round(box.left)} to ${Math.round(box.right)}): ` +
                    name(element));
      const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE &&
                                                         (node.textContent ?? "").trim() !== "");
      if (own && getComputedStyle(element).overflowX === "hidden" &&
          element.scrollWidth > element.clientWidth + 1 && element.closest("[title]") === null)
        faults.push(`text cut off: ${name(element)}`);
    }
    return faults;
  });
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly target: readonly unknown[];
                               readonly failureSummary?: string }[];
  }[];
}

interface AxeWindow extends Window {
  readonly axe: { run(root: Document | string, options: unknown): Promise<AxeResults> };
}

// Violations of WCAG 2.2 AA that a program can see, on the page or in a part of it.
export async function axeFaults(page: Page, part = "html"): Promise<string[]> {
  if (!await page.evaluate(() => "axe" in window)) await page.evaluate(axe);
  const { violations } = await page.evaluate(({ rules, within }) =>
    (window as unknown as AxeWindow).axe.run(within === "html" ? document : within, {
      runOnly: { type: "tag", values: rules }, resultTypes: ["violations"],
    }), { rules: RULES, within: part });
  return violations.map(({ id, help, nodes }) =>
    `${id}: ${help}: ${nodes.length} × ${nodes.slice(0, 3)
      .map((node) => `${node.target.join(" ")} (${(node.failureSummary ?? "").split("\n")
        .slice(1, 2).join("").trim()})`).join("; ")}`);
}

interface TabWindow extends Window {
  reached: Set<Element>;
  unseen: string[];
}

// Everything that can be pressed is reached by Tab, and what has the focus shows it.
export async function keyboardFaults(page: Page): Promise<string[]> {
  await page.evaluate(() => {
    const view = window as unknown as TabWindow;
    view.reached = new Set();
    view.unseen = [];
    (document.activeElement as HTMLElement | null)?.blur();
    window.getSelection()?.removeAllRanges();
    document.addEventListener("focusin", ({ target }) => {
      if (!(target instanceof Element) || view.reached.has(target)) return;
      view.reached.add(target);
      const style = getComputedStyle(target);
      const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
      // In a picture the shape that has the focus gets a thicker line.
      const line = target instanceof SVGElement &&
        [...target.children].some((each) => parseFloat(getComputedStyle(each).strokeWidth) >= 2 &&
                                            getComputedStyle(each).stroke !== "none");
      if (!ring && !line && style.boxShadow === "none" && !target.matches("main"))
        view.unseen.push(target.outerHTML.slice(0, 120));
    });
  });
  // A round ends when Tab finds nothing new.
  for (let tabs = 0, before = -1; tabs < TABS_MAX; tabs += TABS_AT_ONCE) {
    await Promise.all(Array.from({ length: TABS_AT_ONCE }, () => page.keyboard.press("Tab")));
    const count = await page.evaluate(() => (window as unknown as TabWindow).reached.size);
    if (count === before) break;
    before = count;
  }
  return page.evaluate(() => {
    const { reached, unseen } = window as unknown as TabWindow;
    const faults = unseen.map((html) => `focus is not seen: ${html}`);
    const pressed = "a[href], button, input, select, textarea, summary, [role=button]";
    const native = `${pressed}, [tabindex]`;
    const inGroup = (element: Element): boolean => {
      // One of a group is reached by Tab, its sisters by arrows.
      const group = element.closest("[role=tablist], [role=radiogroup], [role=listbox], " +
                                    "[role=grid], [role=tree], [role=toolbar], fieldset, svg, " +
                                    ".table-box"); // its rows are drawn as it scrolls
      return group !== null && [...reached].some((each) => group.contains(each));
    };
    for (const element of document.body.querySelectorAll<HTMLElement>("*")) {
      if (!element.checkVisibility({ visibilityProperty: true }) ||
          element.closest("[inert], :disabled, dialog:not([open])") !== null) continue;
      if (element.matches(native)) {
        // Others with tabindex -1 are places to jump to.
        if ((element.tabIndex >= 0 || element.matches(pressed)) && !reached.has(element) &&
            !inGroup(element))
          faults.push(`Tab does not reach ${element.outerHTML.slice(0, 120)}`);
      } else if (getComputedStyle(element).cursor === "pointer" &&
                 element.closest(`${native}, label`) === null && element.tagName !== "CANVAS") {
        faults.push(`pressed by the pointer only: ${element.outerHTML.slice(0, 120)}`);
      }
    }
    return [...new Set(faults)];
  });
}

// One h1, no level left out, a title, a language.
export function headingFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const levels = [...document.querySelectorAll("main :is(h1, h2, h3, h4)")]
      .filter((each) => each.checkVisibility()).map((each) => Number(each.tagName[1]));
    if (levels.filter((level) => level === 1).length !== 1)
      faults.push(`${levels.filter((level) => level === 1).length} headings h1`);
    levels.forEach((level, at) => {
      if (at > 0 && level > levels[at - 1]! + 1)
        faults.push(`h${level} after h${levels[at - 1]}`);
    });
    if (document.title.trim() === "") faults.push("no title");
    return faults;
  });
}
