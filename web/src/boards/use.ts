// SPDX-License-Identifier: Apache-2.0
// The boards of the store, and saving them.
import { useCallback, useEffect, useState } from "preact/hooks";
import { problemOf } from "../answers/source.ts";
import type { Problem } from "../answers/source.ts";
import type { Board } from "../answers/types.ts";
import { useGround } from "../answers/use.ts";

export interface Boards {
  readonly boards: readonly Board[] | undefined;
  readonly problem: Problem | undefined;
  readonly again: () => void;
}

export function useBoards(wanted = true): Boards {
  const { source } = useGround();
  const [boards, setBoards] = useState<readonly Board[]>();
  const [problem, setProblem] = useState<Problem>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (!wanted) return undefined;
    let current = true;
    setProblem(undefined);
    source.boards().then(
      (found) => {
        if (current) setBoards(found);
      },
      (failure: unknown) => {
        if (current) setProblem(problemOf(failure));
      },
    );
    return () => {
      current = false;
    };
  }, [source, round, wanted]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { boards, problem, again };
}

export interface Saving {
  readonly state: "idle" | "saving" | "saved";
  readonly problem: Problem | undefined;
  // Whether it is on disk.
  readonly save: (board: Board) => Promise<boolean>;
  readonly remove: (name: string) => Promise<boolean>;
}

export function useSaving(): Saving {
  const { source } = useGround();
  const [state, setState] = useState<Saving["state"]>("idle");
  const [problem, setProblem] = useState<Problem>();
  const run = (work: Promise<void>): Promise<boolean> => {
    setState("saving");
    setProblem(undefined);
    return work.then(
      () => {
        setState("saved");
        return true;
      },
      (failure: unknown) => {
        setState("idle");
        setProblem(problemOf(failure));
        return false;
      },
    );
  };
  return { state, problem, save: (board) => run(source.saveBoard(board)),
           remove: (name) => run(source.deleteBoard(name)) };
}
