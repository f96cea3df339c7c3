// SPDX-License-Identifier: Apache-2.0
// Answers for components: asked when the question or its options change, stopped when nobody waits.
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import { BAR, useAddress } from "../address/address.ts";
import { rememberAsked } from "./asked.ts";
import { answerKey, changed, chosen, optionRows } from "./key.ts";
import { problemOf } from "./source.ts";
import type { Problem, Progress, Source } from "./source.ts";
import type { LanguageWord, Options, QuestionTable, Result, Store } from "./types.ts";

// What the whole application stands on; the shell provides it once all is there.
export interface Ground {
  readonly source: Source;
  readonly questions: QuestionTable;
  readonly store: Store;
  readonly language: readonly LanguageWord[];
}

export const GroundContext = createContext<Ground | undefined>(undefined);

export function useGround(): Ground {
  const ground = useContext(GroundContext);
  if (ground === undefined) throw new Error("no ground");
  return ground;
}

export interface Answer {
  readonly result: Result | undefined; // while loading: the last one, to be shown dimmed
  readonly loading: boolean;
  readonly stopped: boolean;
  readonly progress: Progress | undefined;
  readonly problem: Problem | undefined;
  readonly stop: () => void;
  readonly again: () => void;
}

type State = Omit<Answer, "stop" | "again">;

const IDLE: State = { result: undefined, loading: false, stopped: false, progress: undefined,
                      problem: undefined };

// Runs `work` whenever `key` changes; undefined: does not run. The hook of any answer.
export function useWork(key: string | undefined, kept: Result | undefined,
                        work: (signal: AbortSignal, onProgress: (p: Progress) => void) =>
                          Promise<Result>): Answer {
  const [state, setState] = useState<State>(IDLE);
  const [round, setRound] = useState(0);
  const running = useRef<AbortController | undefined>(undefined);
  useEffect(() => {
    if (key === undefined) {
      setState(IDLE);
      return undefined;
    }
    const control = new AbortController();
    let current = true;
    running.current = control;
    setState((before) => ({ ...IDLE, loading: true, result: kept ?? before.result }));
    work(control.signal, (progress) => {
      if (current) setState((before) => (before.loading ? { ...before, progress } : before));
    }).then(
      (result) => {
        if (current) setState({ ...IDLE, result });
      },
      (failure: unknown) => {
        const problem = problemOf(failure);
        if (current) setState({ ...IDLE, problem, stopped: problem === undefined });
      },
    );
    return () => {
      current = false;
      control.abort();
    };
    // `work` and `kept` are what `key` says.
  }, [key, round]);
  const stop = useCallback(() => running.current?.abort(), []);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, stop, again };
}

// The answer to a question; undefined options: not asked yet.
export function useAnswer(question: string, options: Options | undefined): Answer {
  const { source } = useGround();
  const key = options === undefined ? undefined : answerKey(question, options);
  const kept = options === undefined ? undefined : source.kept(question, options);
  return useWork(key, kept, async (signal, onProgress) => {
    const result = await source.ask(question, options ?? {}, { signal, onProgress });
    return source.kind === "server" ? rememberAsked(result, options ?? {}) : result;
  });
}

// The bar's options that a question takes, without those named in `except`.
export function useBar(question: string, except: readonly string[] = []): Options {
  const { questions } = useGround();
  const { options } = useAddress();
  const taken = new Set(optionRows(questions, question).map((row) => row.name));
  const bar = chosen(options, BAR.filter((name) => taken.has(name) && !except.includes(name)));
  // These say how another option is meant, and are refused without it.
  return changed(bar, {
    ...("from" in bar || "to" in bar ? {} : { range: undefined }),
    ...("case" in bar ? {} : { attach: undefined }),
    ...("from" in bar && "to" in bar ? {} : { compare: undefined }),
  });
}
