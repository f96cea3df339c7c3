// SPDX-License-Identifier: Apache-2.0
// The pages: a row each. A path that ends in / takes what follows as its argument. Rows with a
// group stand in the menu, in this order.
import type { ComponentType } from "preact";
import { BoardPage, BoardsPage } from "../pages/Boards.tsx";
import { CustomerPage } from "../pages/Customer.tsx";
import { DeliveryPage } from "../pages/Delivery.tsx";
import { FindPage } from "../pages/Find.tsx";
import { FunnelPage } from "../pages/Funnel.tsx";
import { MapPage } from "../pages/Map.tsx";
import { Overview } from "../pages/Overview.tsx";
import { PathsPage } from "../pages/Paths.tsx";
import { ProcessPage } from "../pages/Process.tsx";
import { QualityPage } from "../pages/Quality.tsx";
import { QuestionPage, Questions } from "../pages/Question.tsx";
import { RetentionPage } from "../pages/Retention.tsx";
import { SegmentsPage } from "../pages/Segments.tsx";
import { SqlPage } from "../pages/Sql.tsx";
import { words } from "../words/en.ts";

export interface PageProps {
  readonly argument: string;
}

export interface Page {
  readonly path: string;
  readonly title: string;
  readonly component: ComponentType<PageProps>;
  readonly group?: keyof typeof words.groups;
  // Not in a report: it asks what a report cannot hold.
  readonly serverOnly?: boolean;
  // Whether it shows two periods beside one another, or compares in a way of its own; else the bar
  // says that it does not.
  readonly compares?: "periods" | "own";
  // The bar says nothing to it.
  readonly noBar?: boolean;
}

const titles = words.pages;

export const pages: readonly Page[] = [
  { path: "/", title: titles.overview.title, component: Overview, group: "see",
    compares: "periods" },
  { path: "/map", title: titles.map.title, component: MapPage, group: "see" },
  { path: "/process", title: titles.process.title, component: ProcessPage, group: "see" },
  { path: "/funnel", title: titles.funnel.title, component: FunnelPage, group: "see",
    compares: "periods" },
  { path: "/paths", title: titles.paths.title, component: PathsPage, group: "see",
    compares: "periods" },
  { path: "/retention", title: titles.retention.title, component: RetentionPage, group: "see",
    compares: "periods" },
  { path: "/delivery", title: titles.delivery.title, component: DeliveryPage, group: "run",
    compares: "periods" },
  { path: "/boards", title: titles.boards.title, component: BoardsPage, group: "see",
    serverOnly: true, noBar: true },
  { path: "/boards/", title: titles.boards.one, component: BoardPage, compares: "periods" },
  { path: "/segments", title: titles.segments.title, component: SegmentsPage, group: "people",
    serverOnly: true, compares: "own" },
  { path: "/find", title: titles.find.title, component: FindPage, group: "people",
    serverOnly: true },
  { path: "/customer", title: titles.customer.title, component: CustomerPage, noBar: true,
    serverOnly: true },
  { path: "/quality", title: titles.quality.title, component: QualityPage, group: "run" },
  { path: "/sql", title: titles.sql.title, component: SqlPage, group: "ask", serverOnly: true,
    noBar: true },
  { path: "/question", title: titles.question.all, component: Questions, group: "ask",
    serverOnly: true, noBar: true },
  { path: "/question/", title: titles.question.title, component: QuestionPage,
    compares: "periods" },
];

export function pageOf(path: string): { page: Page; argument: string } | undefined {
  for (const page of pages) {
    if (page.path === path) return { page, argument: "" };
    if (page.path.length > 1 && page.path.endsWith("/") && path.startsWith(page.path) &&
        path.length > page.path.length)
      return { page, argument: decodeURIComponent(path.slice(page.path.length)) };
  }
  return undefined;
}
