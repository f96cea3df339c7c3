// SPDX-License-Identifier: Apache-2.0
// What axe-core finds on a page against WCAG 2.2 AA, in words.
import type { Page } from "playwright-core";
import { need } from "./browser.ts";

const axe = need("axe-core") as { readonly source: string };

interface Found {
  readonly violations: readonly { readonly id: string;
                                  readonly nodes: readonly { readonly html: string }[] }[];
}

export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (options: object) => Promise<Found> } };
    const found = await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa",
                                            "wcag22aa"] });
    return found.violations.map((each) => `${each.id}: ${each.nodes[0]?.html ?? ""}`);
  });
}
