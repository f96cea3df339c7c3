// SPDX-License-Identifier: Apache-2.0
// Segments one under the other: members, share with its interval, how the share went, who came and
// went, and a link that makes one the filter of every page.
import { changedHref } from "../address/address.ts";
import type { Result, Row } from "../answers/types.ts";
import { formatCount, formatDay, formatShare, label } from "../format.ts";
import { figureOf, rowsOf, textOf } from "../headlines/headline.ts";
import { words } from "../words/en.ts";
import { Icon } from "./Icon.tsx";
import { figureHref } from "./figures.ts";

const texts = words.pages.segments;
const [WIDTH, HEIGHT] = [132, 30];

function Spark({ rows }: { rows: readonly Row[] }) {
  const shares = rows.map((row) => figureOf(row, "share"));
  const known = shares.filter((share): share is number => share !== undefined);
  if (known.length < 2) return null;
  const top = Math.max(...known, 1e-9);
  const points = shares.flatMap((share, i) => (share === undefined ? []
    : [`${((WIDTH - 4) * i) / (shares.length - 1) + 2},` +
       `${HEIGHT - 3 - ((HEIGHT - 6) * share) / top}`]));
  const text = texts.sparkline(formatShare(known[0]!), formatShare(known.at(-1)!));
  const end = points.at(-1)!.split(",");
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} role="img" aria-label={text}>
      <title>{text}</title>
      <line x1="2" x2={WIDTH - 2} y1={HEIGHT - 3} y2={HEIGHT - 3} />
      <polyline points={points.join(" ")} />
      <circle cx={end[0]} cy={end[1]} r="2.5" />
    </svg>
  );
}

function Figure({ result, row, column, text }: {
  result: Result;
  row: Row;
  column: string;
  text: string;
}) {
  const href = figureHref(result, "segments", row, column);
  return href === undefined || figureOf(row, column) === 0 ? <>{text}</>
    : <a href={href} title={words.table.openList(text)}>{text}</a>;
}

function Change({ result, row }: { result: Result; row: Row }) {
  const [members, before] = [figureOf(row, "members"), figureOf(row, "versus")];
  const [entered, left] = [figureOf(row, "entered"), figureOf(row, "left")];
  if (members === undefined || before === undefined) return null;
  const change = members - before;
  return (
    <>
      <b>{change > 0 ? "+" : change < 0 ? "−" : "±"}{formatCount(Math.abs(change))}</b>
      <small>
        <Figure result={result} row={row} column="entered"
                text={texts.entered(formatCount(entered ?? 0))} />,{" "}
        <Figure result={result} row={row} column="left"
                text={texts.left(formatCount(left ?? 0))} />
      </small>
    </>
  );
}

function Size({ result, row, series }: { result: Result; row: Row; series: readonly Row[] }) {
  const name = textOf(row, "name"), members = figureOf(row, "members");
  const share = figureOf(row, "share");
  const [low, high] = [figureOf(row, "share_low"), figureOf(row, "share_high")];
  const condition = name.includes("(") ? name : `segment('${name}')`;
  return (
    <tr class={members === undefined ? "unborne" : ""}>
      <th scope="row">
        {name.includes("(") ? <code>{name}</code> : label(name)}
        {textOf(row, "condition") !== name && <code>{textOf(row, "condition")}</code>}
      </th>
      {members === undefined ? <td colSpan={4}>{texts.unborne}</td> : (
        <>
          <td class="figure">
            <b><Figure result={result} row={row} column="members"
                       text={formatCount(members)} /></b>
            {share !== undefined && (
              <small title={low === undefined || high === undefined ? undefined
                : texts.interval(formatShare(low), formatShare(high))}>
                {formatShare(share)}
              </small>
            )}
            {share !== undefined && (
              <svg class="size-bar" viewBox="0 0 100 4" preserveAspectRatio="none"
                   aria-hidden="true">
                <rect class="rail" width="100" height="4" />
                <rect width={share * 100} height="4" />
              </svg>
            )}
          </td>
          <td><Spark rows={series.filter((each) => each.name === name)} /></td>
          <td class="figure"><Change result={result} row={row} /></td>
          <td class="no-print">
            <a class="tool" href={changedHref({ cases: condition })}>
              <Icon name="filter" />{texts.filter}<span class="sr">: {label(name)}</span>
            </a>
          </td>
        </>
      )}
    </tr>
  );
}

export function SegmentSizes({ result, versus }: { result: Result; versus: string }) {
  const series = rowsOf(result, "series");
  return (
    <div class="matrix sizes" tabIndex={0} role="region" aria-label={texts.sizes}>
      <table>
        <caption class="sr">{texts.sizes}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.segment}</th>
            <th scope="col" class="figure">{texts.size}</th>
            <th scope="col">{texts.trend}</th>
            <th scope="col" class="figure">
              {versus === "" ? texts.change : texts.changeSince(formatDay(versus))}
            </th>
            <th scope="col" class="no-print"><span class="sr">{texts.filter}</span></th>
          </tr>
        </thead>
        <tbody>
          {rowsOf(result, "segments").map((row) => (
            <Size key={textOf(row, "name")} result={result} row={row} series={series} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
