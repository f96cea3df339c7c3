// SPDX-License-Identifier: Apache-2.0
// Puts an answer as it stands on a page onto a board that was saved, or onto a new one.
import { useId, useState } from "preact/hooks";
import { pageHref } from "../address/address.ts";
import { namesAPerson } from "../address/personal.ts";
import type { Board, Options } from "../answers/types.ts";
import { useGround } from "../answers/use.ts";
import { questionLabel } from "../format.ts";
import { Icon } from "../parts/Icon.tsx";
import { words } from "../words/en.ts";
import { isName, withTile } from "./change.ts";
import { useBoards, useSaving } from "./use.ts";

const texts = words.pages.boards;
const NEW = "";

function Choosing({ question, options, close }: {
  question: string;
  options: Options;
  close: () => void;
}) {
  const { boards, problem } = useBoards();
  const saving = useSaving();
  const own = (boards ?? []).filter((board) => board.source === "saved");
  const [chosen, setChosen] = useState<string>();
  const [name, setName] = useState("");
  const [title, setTitle] = useState(questionLabel(question));
  const [onto, setOnto] = useState<Board>();
  const id = useId();
  const at = chosen ?? own[0]?.name ?? NEW;
  const taken = (boards ?? []).some((board) => board.name === name);
  const wrong = at !== NEW ? "" : taken ? texts.nameTaken
    : name !== "" && !isName(name) ? texts.nameWrong : "";
  const save = (event: Event): void => {
    event.preventDefault();
    const board = own.find((each) => each.name === at) ??
      { name, title: name, source: "saved" as const, tiles: [] };
    void saving.save(withTile(board, { title, question, options })).then((done) => {
      if (done) setOnto(board);
    });
  };
  if (onto !== undefined)
    return (
      <p class="save-done" role="status">
        {texts.added(onto.title)}{" "}
        <a href={pageHref(`/boards/${onto.name}`)}>{texts.openBoard}</a>
      </p>
    );
  return (
    <form class="save-to-board" onSubmit={save}>
      <div class="field">
        <label for={`${id}-board`}>{texts.addTo}</label>
        <select id={`${id}-board`} value={at}
                onChange={(event) => setChosen(event.currentTarget.value)}>
          {own.map((board) => <option key={board.name} value={board.name}>{board.title}</option>)}
          <option value={NEW}>{texts.newBoard}</option>
        </select>
      </div>
      {at === NEW && (
        <div class="field">
          <label for={`${id}-name`}>{texts.newName} ({texts.nameHelp})</label>
          <input id={`${id}-name`} value={name} required aria-invalid={wrong !== ""}
                 aria-describedby={`${id}-wrong`}
                 onInput={(event) => setName(event.currentTarget.value)} />
          <p id={`${id}-wrong`} class="quiet" role="status">{wrong}</p>
        </div>
      )}
      <div class="field">
        <label for={`${id}-title`}>{texts.titleOfTile}</label>
        <input id={`${id}-title`} value={title} required
               onInput={(event) => setTitle(event.currentTarget.value)} />
      </div>
      <div class="card-tools">
        <button type="submit" class="main small"
                disabled={boards === undefined || wrong !== "" || saving.state === "saving"}>
          {texts.save}
        </button>
        <button type="button" class="small" onClick={close}>{texts.cancel}</button>
        <p class="saving-state" role="status">
          {saving.state === "saving" && texts.saving}
          {(saving.problem ?? problem) !== undefined &&
            `${texts.notSaved}: ${(saving.problem ?? problem)?.message ?? ""}`}
        </p>
      </div>
    </form>
  );
}

export function SaveToBoard({ question, options }: { question: string; options: Options }) {
  const { source } = useGround();
  const [open, setOpen] = useState(false);
  // Lists are of people, as is what names one; and a report holds its own board.
  if (source.kind !== "server" || "list" in options || namesAPerson(options)) return null;
  return (
    <>
      <button type="button" class="plain small" aria-expanded={open}
              onClick={() => setOpen(!open)}>
        <Icon name="plus" />{texts.add}
      </button>
      {open && <Choosing question={question} options={options} close={() => setOpen(false)} />}
    </>
  );
}
