// SPDX-License-Identifier: Apache-2.0
// The journey map: stages, lanes, touchpoints; a click opens the touchpoint.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { change, changedHref, useAddress } from "../address/address.ts";
import { valueOf } from "../answers/key.ts";
import { useAnswer, useBar } from "../answers/use.ts";
import { formatCount } from "../format.ts";
import { headlinesOf } from "../headlines/headlines.ts";
import { AnsweredCard, Card, CardFoot, Headlines } from "../parts/Card.tsx";
import type { View } from "../parts/Card.tsx";
import { Heading } from "../parts/Heading.tsx";
import { Answered } from "../parts/States.tsx";
import { Table } from "../parts/Table.tsx";
import { Select } from "../parts/fields.tsx";
import { PictureTools } from "../parts/PictureTools.tsx";
import { useMedia, usePrinting } from "../parts/printing.ts";
import { Journey, TOUCHPOINTS_SHOWN } from "../map/Journey.tsx";
import { TouchpointDrawer } from "../map/TouchpointDrawer.tsx";
import { mapGroups, shortList, stagesOf } from "../map/journey.ts";
import { tableLabel } from "../format.ts";
import { words } from "../words/en.ts";

const texts = words.pages.map;
// How wide the picture is laid out for paper, which makes it as small as the sheet asks for:
// upright its width does, across its height, so that there wider columns leave larger letters.
const PAPER_WIDTH = 1040;
const PAPER_WIDTH_ACROSS = 1640;
// What the page shows of what is asked; the question's own page has all.
const ANSWER_COLUMNS = ["stage", "touchpoint", "answered_by", "asked", "answered", "unanswered",
                        "answered_share"];

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(box.current?.clientWidth ?? 0));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return { box, width };
}

export function MapPage() {
  const { options } = useAddress();
  const asked = useBar("map");
  const answer = useAnswer("map", asked);
  const { result } = answer;
  const groups = useMemo(() => (result === undefined ? [] : mapGroups(result)), [result]);
  const group = groups.includes(valueOf(options, "group")) ? valueOf(options, "group") : groups[0];
  const stages = useMemo(() => (result === undefined ? [] : stagesOf(result, group)),
                         [result, group]);
  const by = valueOf(options, "by");
  const answerColumns = by === "" ? ANSWER_COLUMNS : [by, ...ANSWER_COLUMNS];
  const { box, width } = useWidth();
  const printing = usePrinting();
  const across = useMedia("print and (orientation: landscape)");
  const picture = useRef<SVGSVGElement>(null);
  const [view, setView] = useState<View>("chart");
  const [all, setAll] = useState(false);
  const hidden = stages.reduce((sum, stage) => sum + stage.touchpoints.length -
    shortList(stage.touchpoints, TOUCHPOINTS_SHOWN).length, 0);
  const open = valueOf(options, "touchpoint");
  const touchpoint = stages.flatMap((stage) => stage.touchpoints)
    .find((each) => `${each.stage}/${each.name}` === open);
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      <Card title={texts.map} wide
            tools={<PictureTools picture={picture} name="journey-map" view={view}
                                 onView={setView} />}>
        <div ref={box}>
          <Answered answer={answer} given={result?.options ?? {}}>
            {result !== undefined && (
              <>
                <Headlines lines={headlinesOf(result)} />
                {groups.length > 1 && (
                  <Select label={texts.group} value={group ?? ""}
                          choices={groups.map((each) => ({ value: each, text: each }))}
                          onChange={(value) => change({ group: value }, true)} />
                )}
                {view === "chart" && width > 0 ? (
                  <div class="journey-box" tabIndex={0} role="region" aria-label={texts.map}>
                    <Journey result={result} stages={stages} all={all} picture={picture}
                             width={across ? PAPER_WIDTH_ACROSS : printing ? PAPER_WIDTH : width}
                             hrefOf={(each) => changedHref(
                               { touchpoint: `${each.stage}/${each.name}` })} />
                  </div>
                ) : (
                  <>
                    <Table result={result} table="stages" />
                    <Table result={result} table="touchpoints" />
                  </>
                )}
                {view === "chart" && (hidden > 0 || all) && (
                  <button type="button" class="small no-print" aria-expanded={all}
                          onClick={() => setAll(!all)}>
                    {all ? texts.fewer : texts.more(formatCount(hidden))}
                  </button>
                )}
                <p class="quiet journey-legend">{texts.legend}</p>
                <CardFoot result={result} options={asked} tables={Object.keys(result.tables)} />
              </>
            )}
          </Answered>
        </div>
      </Card>
      <div class="cards">
        {["pains", "answers", "routes", "promises"].filter((table) =>
          (result?.tables[table]?.length ?? 0) > 0).map((table) => (
          <AnsweredCard key={table} question="map" options={asked} answer={answer} table={table}
                        wide title={tableLabel(table)} headlines="none" repeated
                        {...(table === "answers" ? { columns: answerColumns } : {})}
                        {...(table === "promises" ? {} : { chart: "none" as const })} />
        ))}
      </div>
      {result !== undefined && touchpoint !== undefined &&
        <TouchpointDrawer key={open} result={result} touchpoint={touchpoint} />}
    </>
  );
}
