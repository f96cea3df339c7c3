// SPDX-License-Identifier: Apache-2.0
// The shell of a report: the document, and behind the title of a tile that question by itself.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { hrefOf, useAddress } from "../address/address.ts";
import { embeddedSource } from "../answers/embedded.ts";
import type { Embedded } from "../answers/embedded.ts";
import { GroundContext } from "../answers/use.ts";
import { setTimeZone } from "../format.ts";
import { QuestionPage } from "../pages/Question.tsx";
import { Message } from "../parts/States.tsx";
import { words } from "../words/en.ts";
import { ReportView } from "./Report.tsx";

const QUESTION = "/question/";

export function ReportApp({ embedded }: { embedded: Embedded }) {
  const { path } = useAddress();
  const main = useRef<HTMLElement>(null);
  const seen = useRef(path);
  const ground = useMemo(() => {
    setTimeZone(embedded.store.time_zone);
    return { source: embeddedSource(embedded), questions: embedded.questions,
             store: embedded.store, language: [] };
  }, [embedded]);
  useEffect(() => {
    if (seen.current !== path) main.current?.focus();
    seen.current = path;
  }, [path]);
  const board = embedded.boards[0];
  return (
    <GroundContext.Provider value={ground}>
      <main id="content" class="report-page" ref={main} tabIndex={-1}>
        {path.startsWith(QUESTION) && (
          <>
            <p class="no-print"><a href={hrefOf("/")}>{words.report.back}</a></p>
            <QuestionPage key={path} argument={path.slice(QUESTION.length)} />
          </>
        )}
        {!path.startsWith(QUESTION) && (board === undefined
          ? <Message title={words.report.empty} />
          : <ReportView report={embedded.report} board={board} />)}
      </main>
    </GroundContext.Provider>
  );
}
