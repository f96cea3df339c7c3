// SPDX-License-Identifier: Apache-2.0
// What the words of a board's tile ask: the question of the table, its options by name, in the
// order of their names, so that one question has one key (decision 42, point 5). May use what
// stands below floor 7.
#ifndef DS_ASK_BOARD_H
#define DS_ASK_BOARD_H

#include "base/json.h"
#include "ingest/boards.h"
#include "question/question.h"

// A tile's question, ready to be asked. Options of several values stand there once, a value a line,
// as the command line gives them; a flag has the text "".
typedef struct ds_tile_question {
  const ds_question *question;
  const ds_option_value *options; // by name
  uint32_t options_count;
  const char *key; // "map?case=order_id": what names the answer
} ds_tile_question;

// Finds out what a tile asks; a saved question is one of `saved`. `more` (may be empty) are options
// given for the whole board: they take the place of the tile's, where the question knows them; of
// `where` and `cases` both hold.
// DS_INPUT says where the tile stands, what is wrong and the nearest name. In the arena.
DS_CHECKED ds_code ds_tile_ask(const ds_board *board, const ds_tile *tile,
                               const ds_saved_list *saved, const ds_option_set *more,
                               ds_arena *arena, ds_tile_question *ret_asked, ds_error *err);

// Every tile of a board can be asked: no more than its words is looked at.
DS_CHECKED ds_code ds_board_check(const ds_board *board, const ds_saved_list *saved,
                                  ds_arena *arena, ds_error *err);

// Writes a board as a value of JSON: {"name", "title", "source", "tiles": [{"title", "question",
// "options", "chart"}]}. A tile of a saved question has "saved" too; one that cannot be asked
// "error". DS_MEMORY alone.
DS_CHECKED ds_code ds_board_json(const ds_board *board, const ds_saved_list *saved,
                                 const ds_option_set *more, ds_arena *arena, ds_json *json,
                                 ds_error *err);

// Writes the options of a tile as an object of JSON; NULL: an empty one.
void ds_tile_options_json(const ds_tile_question *asked, ds_json *json);

// What a tile is called: its title, else what the question is for.
const char *ds_tile_title(const ds_tile *tile, const ds_tile_question *asked);

#endif
