// SPDX-License-Identifier: Apache-2.0
// The questions that have a picture of their own on a tile; all others are drawn from their
// columns.
import type { ComponentType } from "preact";
import type { Options, Result } from "../answers/types.ts";
import type { Both } from "../compare/use.ts";
import { FunnelBars } from "../flow/FunnelBars.tsx";
import { DeliveryTile } from "../pages/Delivery.tsx";
import { Cohorts } from "../pages/Retention.tsx";
import { StageStrip } from "../parts/StageStrip.tsx";
import { ProcessPicture } from "../process/Picture.tsx";

export interface TileViewProps {
  readonly result: Result;
  readonly both?: Both | undefined; // with what it is compared, of those that can show it
  readonly options: Options;
}

export const tileViews: Readonly<Record<string, ComponentType<TileViewProps>>> = {
  delivery: DeliveryTile,
  funnel: FunnelBars,
  map: StageStrip,
  process: ProcessPicture,
  retention: Cohorts,
};

// What a tile asks beside its options, where its picture needs more than the tables.
export const tileForms: Readonly<Record<string, Options>> = { process: { format: "layout" } };

// Those that can show two periods; the others show theirs alone, and the tile says so.
export const showingBoth: ReadonlySet<string> = new Set(["map", "retention"]);
