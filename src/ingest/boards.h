// SPDX-License-Identifier: Apache-2.0
// Boards: questions that are looked at together, each a tile. Those of doorstep.yaml (`boards`),
// those saved from the dashboard (boards.yaml in the store's folder, of the same form), those that
// ship with the program. What the words of a tile mean is for ask/board.h to say. docs/boards.md.
// May use base/, io/, model/, store/definitions.h, ingest/saved, ingest/yaml.
#ifndef DS_INGEST_BOARDS_H
#define DS_INGEST_BOARDS_H

#include "base/buf.h"
#include "ingest/saved.h"
#include "io/io.h"

// Where a board stands; of boards of one name the first of these is seen.
typedef enum ds_board_source {
  DS_BOARD_SETTINGS, DS_BOARD_SAVED, DS_BOARD_SHIPPED, DS_BOARD_SOURCES_COUNT
} ds_board_source;

// "settings", "saved", "shipped".
const char *ds_board_source_name(ds_board_source source);

// One question on a board.
typedef struct ds_tile {
  const char *title; // NULL: the purpose of the question
  const char *chart; // NULL: the one that fits
  ds_saved words;    // the question and its words; or the name of a saved question, and no others
} ds_tile;

// Its tiles stand below one another, in this order.
typedef struct ds_board {
  const char *name;
  const char *title; // NULL: the name
  ds_board_source source;
  const char *file; // what messages call it
  uint32_t line;    // of the file
  const ds_tile *tiles;
  uint32_t tiles_count;
} ds_board;

// Boards in the order of their file; in the arena they were read into.
typedef struct ds_board_list {
  const ds_board *items;
  uint32_t count;
} ds_board_list;

// Reads the list `node`; NULL: there is none. DS_INPUT with file, line and key.
DS_CHECKED ds_code ds_boards_read(ds_yaml *yaml, const yaml_node_t *node, ds_board_source source,
                                  ds_board_list *ret_list, ds_error *err);

// Reads a text that holds `boards: …` and nothing else, which errors call `file`.
DS_CHECKED ds_code ds_boards_parse(ds_str text, const char *file, ds_board_source source,
                                   ds_arena *arena, ds_board_list *ret_list, ds_error *err);

// Reads one board, YAML or JSON, as a request brings it: `name` may be absent and must be that
// given, and what GET adds to it is passed over.
DS_CHECKED ds_code ds_board_parse(ds_str text, const char *name, ds_arena *arena,
                                  ds_board *ret_board, ds_error *err);

// Writes boards as such a text, which reads back the same.
void ds_boards_write(const ds_board *boards, uint32_t count, ds_buf *out);

// All boards of the store in `folder`, whose doorstep.yaml has `settings`: by source, each name
// once.
DS_CHECKED ds_code ds_boards_load(ds_io *io, const char *folder, const ds_board_list *settings,
                                  ds_arena *arena, ds_board_list *ret_list, ds_error *err);

// The board of a name, or NULL.
const ds_board *ds_board_find(const ds_board_list *list, const char *name);

// Saves boards, in place of those saved under their names, all or none; removes one. Durable on
// return. DS_MISSING: there is none to remove. Errors of ds_definitions_change.
DS_CHECKED ds_code ds_boards_save(ds_io *io, const char *folder, const ds_board *boards,
                                  uint32_t count, ds_error *err);
DS_CHECKED ds_code ds_boards_remove(ds_io *io, const char *folder, const char *name,
                                    ds_error *err);

#endif
