// SPDX-License-Identifier: Apache-2.0
// The rules of each question, by its name.
import type { Result } from "../answers/types.ts";
import { conformanceHeadlines } from "./conformance.ts";
import { deliveryHeadlines } from "./delivery.ts";
import { funnelHeadlines } from "./funnel.ts";
import { findHeadlines } from "./find.ts";
import { mapHeadlines } from "./map.ts";
import { pathsHeadlines } from "./paths.ts";
import { processHeadlines } from "./process.ts";
import { qualityHeadlines } from "./quality.ts";
import { retentionHeadlines } from "./retention.ts";
import { segmentHeadlines } from "./segment.ts";
import { timelineHeadlines } from "./timeline.ts";
import { trackingHeadlines } from "./tracking.ts";
import { trendHeadlines } from "./trend.ts";
import { variantsHeadlines } from "./variants.ts";
import type { Headline, Rule } from "./headline.ts";

const RULES: Readonly<Record<string, Rule>> = {
  conformance: conformanceHeadlines,
  delivery: deliveryHeadlines,
  funnel: funnelHeadlines,
  find: findHeadlines,
  map: mapHeadlines,
  paths: pathsHeadlines,
  process: processHeadlines,
  quality: qualityHeadlines,
  retention: retentionHeadlines,
  segment: segmentHeadlines,
  timeline: timelineHeadlines,
  tracking: trackingHeadlines,
  trend: trendHeadlines,
  variants: variantsHeadlines,
};

// What a Result shows in words; a list of what a figure counts, and a question without rules, say
// nothing.
export function headlinesOf(result: Result): readonly Headline[] {
  return "list" in result.options ? [] : RULES[result.question]?.(result) ?? [];
}
