// SPDX-License-Identifier: Apache-2.0
// Overview: what goes worst in words, how much happens and how well it goes over time, the journey
// in small.
import { useMemo } from "preact/hooks";
import { pageHref, useAddress } from "../address/address.ts";
import { valueOf } from "../answers/key.ts";
import type { Options, Store } from "../answers/types.ts";
import { useAnswer, useBar, useGround } from "../answers/use.ts";
import { questionPath } from "../app/paths.ts";
import { AloneLine } from "../compare/Compared.tsx";
import { useAgainst } from "../compare/use.ts";
import type { ChartSpec } from "../charts/spec.ts";
import { formatDay, questionLabel } from "../format.ts";
import { largestProblems } from "../headlines/problems.ts";
import { AnswerCard, AnsweredCard, Card } from "../parts/Card.tsx";
import { Heading } from "../parts/Heading.tsx";
import { StageStrip } from "../parts/StageStrip.tsx";
import { Loading, Message } from "../parts/States.tsx";
import { words } from "../words/en.ts";

const texts = words.pages.overview;
const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
// What begins late in the data is left out of rates: it may still get there.
const SETTLED_DAYS = 30;
const RATES_MAX = 4;

// Rates that tell how a shop does, the first that the store can answer.
const RATES = [
  { of: "delivered", title: texts.delivered },
  { of: "review_submitted", title: texts.reviewed },
  { of: "return_requested", title: texts.returned },
  { of: "support_ticket_opened", title: texts.contacted },
  { of: "complaint_submitted", title: texts.complained },
  { of: "subscription_renewed", title: texts.renewed },
] as const;

function trendSpec(store: Store): ChartSpec {
  return { kind: "line", x: "period", y: ["value"], mark: "anomaly", complete: "complete",
           low: "value_low", high: "value_high", annotations: store.annotations };
}

// Long histories go by month: a week of a rate is mostly chance.
function periodOf(store: Store): string {
  if (store.first === null || store.last === null) return "week";
  return Date.parse(store.last) - Date.parse(store.first) > YEAR_MS ? "month" : "week";
}

// The day until which journeys have had their time.
function settledDay(store: Store): string {
  return store.last === null ? ""
    : new Date(Date.parse(store.last) - SETTLED_DAYS * DAY_MS).toISOString().slice(0, 10);
}

function Problems({ caseKey, map }: { caseKey: Options; map: ReturnType<typeof useAnswer> }) {
  const delivery = useAnswer("delivery", useBar("delivery", ["by", "case"]));
  const tracking = useAnswer("tracking", useBar("tracking", ["by", "case"]));
  const quality = useAnswer("quality", { ...useBar("quality", ["by", "case"]), ...caseKey });
  const all = [map, delivery, tracking, quality];
  const found = useMemo(() => largestProblems(
    { map: map.result, delivery: delivery.result, tracking: tracking.result,
      quality: quality.result }), all.map((answer) => answer.result));
  const waiting = all.find((answer) => answer.loading);
  return (
    <Card title={texts.problems} wide>
      <AloneLine />
      {found.length > 0 && (
        <ol class="problems">
          {found.map((each) => (
            <li key={each.text}>
              <p>{each.text}</p>
              <a href={pageHref(questionPath(each.question))}>
                {texts.look(questionLabel(each.question))}
              </a>
            </li>
          ))}
        </ol>
      )}
      {waiting !== undefined && <Loading answer={waiting} />}
      {found.length === 0 && waiting === undefined && <Message title={texts.noProblems} />}
    </Card>
  );
}

export function Overview() {
  const { store } = useGround();
  const { options } = useAddress();
  const trend = useBar("trend");
  // Rates are of orders, where there are any and nothing else was chosen.
  const hasOrders = store.case_keys.some((key) => key.name === "order_id");
  const caseKey: Options = valueOf(options, "case") === "" && hasOrders ? { case: "order_id" } : {};
  const mapOptions = { ...useBar("map", ["by"]), ...caseKey };
  const map = useAnswer("map", mapOptions);
  const mapBefore = useAgainst("map", mapOptions);
  const spec = useMemo(() => trendSpec(store), [store]);
  const known = new Set(store.touchpoints.map((each) => each.name));
  const rates = RATES.filter((rate) => known.has(rate.of)).slice(0, RATES_MAX);
  const settled = settledDay(store);
  const until: Options = valueOf(options, "to") === "" && settled > (valueOf(options, "from"))
    ? { to: settled } : {};
  return (
    <>
      <Heading title={texts.title} lead={texts.lead(store.name)} />
      <div class="cards">
        <Problems caseKey={caseKey} map={map} />
        <AnsweredCard question="map" answer={map} options={mapOptions} table="stages" wide
                      title={texts.journey} headlines="none" href={pageHref(questionPath("map"))}
                      against={mapBefore}>
          {(result, both) => <StageStrip result={result} both={both} />}
        </AnsweredCard>
        <AnswerCard question="trend" title={texts.events} chart={spec}
                    wide={rates.length % 2 === 0}
                    options={{ ...trend, anomalies: "true" }} />
        {rates.map((rate) => (
          <AnswerCard key={rate.of} question="trend" title={rate.title} chart={spec}
                      options={{ ...trend, ...caseKey, ...until, measure: "rate", of: rate.of,
                                 per: periodOf(store), anomalies: "true" }} />
        ))}
      </div>
      {"to" in until && <p class="quiet page-note">{texts.settled(formatDay(settled))}</p>}
    </>
  );
}
