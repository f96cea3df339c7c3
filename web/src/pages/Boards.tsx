// SPDX-License-Identifier: Apache-2.0
// Boards: the list of them, and one with its tiles, which can be moved, renamed and removed.
import { useEffect, useState } from "preact/hooks";
import type { PageProps } from "../app/pages.ts";
import { go, pageHref } from "../address/address.ts";
import { commandOf } from "../answers/key.ts";
import type { Board, Tile } from "../answers/types.ts";
import { useBar, useGround } from "../answers/use.ts";
import { BoardTile } from "../boards/BoardTile.tsx";
import { moved, overlaid, retitled, without } from "../boards/change.ts";
import { useBoards, useSaving } from "../boards/use.ts";
import type { Saving } from "../boards/use.ts";
import { Heading } from "../parts/Heading.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Failed, Message } from "../parts/States.tsx";
import { TextField } from "../parts/fields.tsx";
import { words } from "../words/en.ts";

const texts = words.pages.boards;

export function BoardsPage() {
  const { boards, problem, again } = useBoards();
  return (
    <>
      <Heading title={texts.title} lead={texts.lead} />
      {problem !== undefined && <Failed problem={problem} again={again} />}
      <ul class="question-list">
        {(boards ?? []).map((board) => (
          <li key={board.name}>
            <a href={pageHref(`/boards/${board.name}`)}>
              <b>{board.title}</b>
              <span class="quiet">{texts.tiles(board.tiles.length)}, {texts.sources[board.source]}
              </span>
              <code>doorstep report {board.name}</code>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

function Tiled({ tile }: { tile: Tile }) {
  return <BoardTile tile={tile} options={overlaid(tile.options, useBar(tile.question))} />;
}

// A tile while the board is changed: a line with its title and what can be done to it.
function TileRow({ board, at, onChange }: {
  board: Board;
  at: number;
  onChange: (board: Board) => void;
}) {
  const { questions } = useGround();
  const tile = board.tiles[at]!;
  return (
    <li class="tile-row">
      <div>
        <TextField label={texts.tileTitle(at + 1)} value={tile.title}
                   onChange={(title) => onChange(retitled(board, at, title))} />
        <code class="quiet">{commandOf(questions, tile.question, tile.options)}</code>
      </div>
      <button type="button" aria-label={texts.up(tile.title)} disabled={at === 0}
              onClick={() => onChange(moved(board, at, at - 1))}><Icon name="up" /></button>
      <button type="button" aria-label={texts.down(tile.title)}
              disabled={at === board.tiles.length - 1}
              onClick={() => onChange(moved(board, at, at + 1))}><Icon name="down" /></button>
      <button type="button" aria-label={texts.remove(tile.title)}
              onClick={() => onChange(without(board, at))}><Icon name="close" /></button>
    </li>
  );
}

function SavingState({ saving }: { saving: Saving }) {
  return (
    <p class="saving-state" role="status">
      {saving.state === "saving" && texts.saving}
      {saving.state === "saved" && texts.saved}
      {saving.problem !== undefined && `${texts.notSaved}: ${saving.problem.message}`}
    </p>
  );
}

function Editor({ board, saving, onDone, onRemoved }: {
  board: Board;
  saving: Saving;
  onDone: () => void;
  onRemoved: () => void;
}) {
  const [draft, setDraft] = useState(board);
  const save = (): void => void saving.save(draft).then((done) => {
    if (done) onDone();
  });
  const remove = (): void => {
    if (window.confirm(texts.removeSure(board.title)))
      void saving.remove(board.name).then((done) => {
        if (done) onRemoved();
      });
  };
  return (
    <section class="board-editor" aria-label={texts.edit}>
      {board.source === "shipped" && <p class="quiet">{texts.readOnly.shipped}</p>}
      <TextField label={texts.boardTitle} value={draft.title}
                 onChange={(title) => setDraft({ ...draft, title })} />
      <ol class="tile-rows">
        {draft.tiles.map((tile, at) => (
          <TileRow key={`${tile.question} ${at} ${draft.tiles.length}`} board={draft} at={at}
                   onChange={setDraft} />
        ))}
      </ol>
      <div class="card-tools">
        <button type="button" class="main" onClick={save} disabled={saving.state === "saving"}>
          {texts.save}
        </button>
        <button type="button" onClick={onDone}>{texts.cancel}</button>
        {board.source === "saved" &&
          <button type="button" class="plain" onClick={remove}>{texts.removeBoard}</button>}
        <SavingState saving={saving} />
      </div>
    </section>
  );
}

function BoardContent({ board, again }: { board: Board; again: () => void }) {
  const [editing, setEditing] = useState(false);
  const saving = useSaving();
  useEffect(() => setEditing(false), [board]);
  return (
    <>
      <Heading title={board.title}
               lead={`${texts.tiles(board.tiles.length)}, ${texts.sources[board.source]}`}>
        <code class="quiet">doorstep report {board.name} -o report.html</code>
        {board.source !== "settings" && !editing && (
          <button type="button" onClick={() => setEditing(true)}>{texts.edit}</button>
        )}
      </Heading>
      {board.source === "settings" && <p class="quiet">{texts.readOnly.settings}</p>}
      {editing && <Editor board={board} saving={saving}
                          onDone={() => { setEditing(false); again(); }}
                          onRemoved={() => go(pageHref("/boards"))} />}
      {board.tiles.length === 0 && <Message title={texts.empty} advice={texts.emptyAdvice} />}
      {!editing && board.tiles.map((tile, at) => (
        <Tiled key={`${at} ${tile.question}`} tile={tile} />
      ))}
    </>
  );
}

export function BoardPage({ argument }: PageProps) {
  const { boards, problem, again } = useBoards();
  const board = boards?.find((each) => each.name === argument);
  if (problem !== undefined) return <Failed problem={problem} again={again} />;
  if (boards === undefined) return <Message title={words.states.loading} />;
  return board === undefined
    ? <Message title={texts.none} advice={texts.noneAdvice}>
        <a href={pageHref("/boards")}>{texts.title}</a>
      </Message>
    : <BoardContent board={board} again={again} />;
}
