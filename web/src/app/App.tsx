// SPDX-License-Identifier: Apache-2.0
// The shell: menu, bar, page, list. It waits for the question table and the store, which all pages
// stand on.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { pageHref, useAddress } from "../address/address.ts";
import { problemOf } from "../answers/source.ts";
import type { Problem, Source } from "../answers/source.ts";
import type { Store } from "../answers/types.ts";
import { GroundContext } from "../answers/use.ts";
import type { Ground } from "../answers/use.ts";
import { formatCompact, formatTime, setTimeZone } from "../format.ts";
import { Bar } from "../parts/Bar.tsx";
import { Drawer } from "../parts/Drawer.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Failed, Message } from "../parts/States.tsx";
import { appearanceChoice, chooseAppearance } from "../parts/appearance.ts";
import type { Choice } from "../parts/appearance.ts";
import { words } from "../words/en.ts";
import { pageOf, pages } from "./pages.ts";

function useGroundOf(source: Source) {
  const [ground, setGround] = useState<Ground>();
  const [problem, setProblem] = useState<Problem>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    setProblem(undefined);
    Promise.all([source.questions(), source.store(), source.language()]).then(
      ([questions, store, language]) => {
        setTimeZone(store.time_zone);
        setGround({ source, questions, store, language });
      },
      (failure: unknown) => setProblem(problemOf(failure)),
    );
  }, [round]);
  return { ground, problem, again: () => setRound(round + 1) };
}

function Appearance() {
  const [choice, setChoice] = useState(appearanceChoice);
  const texts: Record<Choice, string> = { system: words.shell.system, light: words.shell.light,
                                          dark: words.shell.dark };
  return (
    <label class="appearance">
      <span class="sr">{words.shell.appearance}</span><Icon name="moon" />
      <select value={choice} onChange={(event) => {
        const next = event.currentTarget.value as Choice;
        setChoice(next);
        chooseAppearance(next);
      }}>
        {(Object.keys(texts) as Choice[]).map((each) => (
          <option key={each} value={each}>{texts[each]}</option>
        ))}
      </select>
    </label>
  );
}

function StoreFacts({ store }: { store: Store }) {
  return (
    <p class="store-facts">
      <b>{store.name}</b>
      <span>{words.shell.events(formatCompact(store.events))}</span>
      <span>{words.shell.customers(formatCompact(store.customers))}</span>
      {store.last !== null && <span>{words.shell.asOf(formatTime(store.last))}</span>}
    </p>
  );
}

function Menu({ path, source }: { path: string; source: Source }) {
  const groups = Object.keys(words.groups) as (keyof typeof words.groups)[];
  return (
    <nav aria-label={words.shell.pages}>
      {groups.map((group) => {
        const own = pages.filter((page) => page.group === group &&
                                           !(page.serverOnly === true && source.kind === "report"));
        return own.length === 0 ? null : (
          <div key={group} class="menu-group">
            <h2>{words.groups[group]}</h2>
            <ul>
              {own.map((page) => (
                <li key={page.path}>
                  <a href={pageHref(page.path)}
                     {...(page.path === path ? { "aria-current": "page" as const } : {})}>
                    {page.title}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

function Brand() {
  return (
    <a class="brand" href={pageHref("/")}>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" />
        <path d="M10 25V7h12v18M6 25h20M18.5 16.5v1" />
      </svg>
      <span>{words.product}</span>
    </a>
  );
}

export function App({ source }: { source: Source }) {
  const { path, options, personal } = useAddress();
  const { ground, problem, again } = useGroundOf(source);
  const [menuOpen, setMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const found = useMemo(() => pageOf(path), [path]);
  const title = found?.page.title ?? words.shell.notFound;
  const seen = useRef(path);
  useEffect(() => {
    setMenuOpen(false);
    // Another page begins at its heading, for those who read with the keyboard.
    if (seen.current !== path) main.current?.focus();
    seen.current = path;
  }, [path]);
  useEffect(() => {
    document.title = `${title} · ${words.product}`;
  }, [title]);
  const Component = found?.page.component;
  return (
    <div class={`shell ${menuOpen ? "menu-open" : ""}`}>
      <a class="skip" href="#content"
         onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>
        {words.shell.skip}
      </a>
      <div class="side no-print">
        <div class="side-head">
          <Brand />
          <button type="button" class="menu-toggle" aria-expanded={menuOpen}
                  onClick={() => setMenuOpen(!menuOpen)}>
            <Icon name={menuOpen ? "close" : "menu"} />{words.shell.menu}
          </button>
        </div>
        <div class="side-body" key={JSON.stringify(options)}>
          <Menu path={path} source={source} />
          <div class="side-foot">
            {ground !== undefined && <StoreFacts store={ground.store} />}
            <Appearance />
          </div>
        </div>
      </div>
      <GroundContext.Provider value={ground}>
        <div class="page">
          {ground !== undefined && found?.page.noBar !== true &&
            <Bar compares={found?.page.compares} />}
          <main id="content" ref={main} tabIndex={-1}>
            {personal && <p class="note personal-note" role="status">{words.shell.personal}</p>}
            {problem !== undefined && <Failed problem={problem} again={again} />}
            {ground !== undefined && (Component === undefined
              ? <Message title={words.shell.notFound} advice={words.shell.notFoundAdvice} />
              : <Component key={path} argument={found?.argument ?? ""} />)}
          </main>
        </div>
        {ground !== undefined && <Drawer />}
      </GroundContext.Provider>
    </div>
  );
}
