// SPDX-License-Identifier: Apache-2.0
// A report: cover, contents, the tiles of its board one below the other. It is a document: it is
// read from top to bottom, on a screen or on paper, and holds all it shows.
import { useEffect, useMemo } from "preact/hooks";
import type { Report } from "../answers/embedded.ts";
import type { Board, Result, Tile } from "../answers/types.ts";
import { useGround } from "../answers/use.ts";
import { BoardTile } from "../boards/BoardTile.tsx";
import { formatCount, formatDay, formatTime, label } from "../format.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { Headlines } from "../parts/Card.tsx";
import { Icon } from "../parts/Icon.tsx";
import { words } from "../words/en.ts";
import { asOf, given, remarks } from "./notes.ts";

const texts = words.report;

function anchor(at: number): string {
  return `tile-${at + 1}`;
}

// Within a report an address behind # is a page, so what it jumps to is brought into sight here;
// on paper and in PDF the link works by itself.
function jump(event: Event, at: number): void {
  event.preventDefault();
  const target = document.getElementById(anchor(at));
  target?.scrollIntoView({ block: "start" });
  target?.focus({ preventScroll: true });
}

function Jump({ at, children }: { at: number; children: string }) {
  return <a href={`#${anchor(at)}`} onClick={(event) => jump(event, at)}>{children}</a>;
}

function Facts({ report, results }: { report: Report; results: readonly Result[] }) {
  const { store } = useGround();
  const instant = asOf(results);
  const rows: (readonly [string, string])[] = [
    [texts.store, store.name],
    [texts.period, store.first === null || store.last === null ? texts.empty
      : texts.fromTo(formatDay(store.first), formatDay(store.last))],
    ...(instant === undefined ? [] : [[texts.asOf, formatTime(instant)] as const]),
    [texts.zone, store.time_zone],
    [texts.events, formatCount(store.events)],
    [texts.customers, formatCount(store.customers)],
    ...store.case_keys.map((key) =>
      [texts.cases(label(key.name.replace(/_id$/, ""))), formatCount(key.cases)] as const),
    ...given(report.options),
  ];
  return (
    <dl class="report-facts">
      {rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

function Remarks({ tiles }: { tiles: readonly Tile[] }) {
  const { source } = useGround();
  const all = useMemo(() => remarks(tiles, (question, options) => source.kept(question, options)),
                      [tiles, source]);
  const quality = tiles.findIndex((tile) => tile.question === "quality");
  const result = quality < 0 ? undefined
    : source.kept("quality", tiles[quality]?.options ?? {});
  const lines = result === undefined ? [] : headlinesOf(result);
  return (
    <section class="report-remarks" aria-labelledby="remarks">
      <h2 id="remarks">{texts.remarks}</h2>
      <Headlines lines={lines} />
      {all.length === 0 && lines.length === 0 && <p>{texts.noRemarks}</p>}
      {all.map((remark) => (
        <p key={remark.text} class="note warning">
          <Icon name="warn" />
          <span>
            {remark.text}{" "}
            {remark.tiles.map((at) => (
              <span key={at} class="report-ref"><Jump at={at}>{String(at + 1)}</Jump></span>
            ))}
          </span>
        </p>
      ))}
    </section>
  );
}

function Contents({ tiles }: { tiles: readonly Tile[] }) {
  return (
    <nav class="report-contents" aria-labelledby="contents">
      <h2 id="contents">{texts.contents}</h2>
      <ol>
        {tiles.map((tile, at) => (
          <li key={at}>
            <Jump at={at}>{tile.title}</Jump>
            {tile.error !== undefined && <span class="quiet"> – {texts.noAnswer}</span>}
          </li>
        ))}
      </ol>
    </nav>
  );
}

export function ReportView({ report, board }: { report: Report; board: Board }) {
  const { source } = useGround();
  const results = useMemo(() => board.tiles.flatMap((tile) =>
    source.kept(tile.question, tile.options) ?? []), [board, source]);
  useEffect(() => {
    document.title = board.title;
  }, [board]);
  return (
    <article class="report">
      <header class="report-cover">
        <p class="quiet">{texts.kind}</p>
        <h1>{board.title}</h1>
        <button type="button" class="no-print report-print" onClick={() => window.print()}>
          <Icon name="print" />{texts.print}
        </button>
        <Facts report={report} results={results} />
        <p class="report-command quiet">{texts.again} <code>{report.command}</code></p>
      </header>
      <Remarks tiles={board.tiles} />
      <Contents tiles={board.tiles} />
      {board.tiles.map((tile, at) => (
        <div key={at} id={anchor(at)} class="report-tile" tabIndex={-1}>
          <BoardTile tile={{ ...tile, title: `${at + 1}. ${tile.title}` }} options={tile.options} />
        </div>
      ))}
      <footer class="report-end quiet"><p>{texts.end}</p></footer>
    </article>
  );
}
