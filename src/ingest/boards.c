// SPDX-License-Identifier: Apache-2.0
#include "ingest/boards.h"

#include <assert.h>

#include "base/limits.h"

enum { LIST_BYTES_MAX = DS_BOARDS_BYTES_MAX };

// What is being read. An anchor can stand for one long text many times, so the texts are counted.
typedef struct reading {
  ds_yaml *yaml;
  ds_board_source source;
  bool answered; // the text is one that GET gave: what it adds is passed over
  size_t bytes;
} reading;

const char *ds_board_source_name(ds_board_source source) {
  static const char *const names[] = {[DS_BOARD_SETTINGS] = "settings", [DS_BOARD_SAVED] = "saved",
                                      [DS_BOARD_SHIPPED] = "shipped"};
  static_assert(sizeof names / sizeof *names == DS_BOARD_SOURCES_COUNT, "one each");
  return names[source];
}

// JSON's way of saying nothing.
static bool is_nothing(const yaml_node_t *node) {
  return ds_yaml_is_null(node) ||
         (node->type == YAML_SCALAR_NODE && ds_yaml_column(node) != 0 &&
          ds_str_equal(ds_yaml_scalar(node), ds_str_of("null")));
}

// A text of one line, which may be absent.
static ds_code line_get(ds_yaml *yaml, const yaml_node_t *map, const char *key, const char **text,
                        ds_error *err) {
  const yaml_node_t *node = ds_yaml_get(yaml, map, key);
  if (node == NULL || is_nothing(node))
    return DS_OK;
  yaml->where = key;
  TRY(ds_yaml_text(yaml, node, text, err));
  for (const char *c = *text; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7F)
      return ds_yaml_fail(yaml, node, err, "holds a control character");
  if (strlen(*text) > DS_NAME_BYTES_MAX)
    return ds_yaml_fail(yaml, node, err, "is longer than %u bytes", DS_NAME_BYTES_MAX);
  return DS_OK;
}

static size_t size_of(const char *text) { return text == NULL ? 0 : strlen(text); }

static ds_code count_bytes(reading *in, const yaml_node_t *node, const ds_tile *tile,
                           ds_error *err) {
  for (uint32_t i = 0; i < tile->words.arguments_count; i++)
    in->bytes += size_of(tile->words.arguments[i]);
  for (uint32_t i = 0; i < tile->words.options_count; i++)
    in->bytes += size_of(tile->words.options[i].name) + size_of(tile->words.options[i].text);
  if (in->bytes > LIST_BYTES_MAX)
    return ds_yaml_fail(in->yaml, node, err, "the boards hold more than %u KiB of text",
                        LIST_BYTES_MAX >> 10);
  return DS_OK;
}

// A tile asks a question in its own words, or in those of a saved one.
static ds_code words_read(const reading *in, const yaml_node_t *node, ds_tile *tile,
                          ds_error *err) {
  static const char *const own[] = {"question", "arguments", "options"};
  ds_yaml *yaml = in->yaml;
  if (ds_yaml_get(yaml, node, "saved") == NULL) {
    TRY(ds_yaml_need_text(yaml, node, "question", &tile->words.question, err));
    return ds_saved_words_read(yaml, node, &tile->words, err);
  }
  yaml->where = "saved";
  TRY(ds_yaml_text(yaml, ds_yaml_get(yaml, node, "saved"), &tile->words.name, err));
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (!in->answered && ds_yaml_get(yaml, node, own[i]) != NULL)
      return ds_yaml_fail(yaml, node, err, "a tile of a saved question has its words from there: "
                          "take %s away", own[i]);
  return DS_OK;
}

static ds_code tile_read(reading *in, const yaml_node_t *node, ds_tile *tile, ds_error *err) {
  const char *const known[] = {"title", "question", "saved", "arguments", "options", "chart",
                               in->answered ? "error" : NULL, NULL};
  ds_yaml *yaml = in->yaml;
  yaml->where = "tiles";
  TRY(ds_yaml_map(yaml, node, known, err));
  tile->words.line = ds_yaml_line(node);
  TRY(line_get(yaml, node, "title", &tile->title, err));
  TRY(line_get(yaml, node, "chart", &tile->chart, err));
  TRY(words_read(in, node, tile, err));
  return count_bytes(in, node, tile, err);
}

static ds_code tiles_read(reading *in, const yaml_node_t *map, ds_board *board, ds_error *err) {
  ds_yaml *yaml = in->yaml;
  const yaml_node_t *node = ds_yaml_get(yaml, map, "tiles");
  static const ds_yaml_part part = {"tiles", "tiles", "question", DS_BOARD_TILES_MAX,
                                    sizeof(ds_tile)};
  void *rows;
  uint32_t count;
  TRY(ds_yaml_rows(yaml, node, &part, &rows, &count, err));
  ds_tile *tiles = rows;
  for (uint32_t i = 0; i < count; i++)
    TRY(tile_read(in, ds_yaml_item(yaml, node, i), &tiles[i], err));
  board->tiles = tiles;
  board->tiles_count = count;
  return DS_OK;
}

static ds_code board_read(reading *in, const yaml_node_t *node, ds_board *board, ds_error *err) {
  static const char *const known[] = {"name", "title", "tiles", NULL};
  in->yaml->where = "boards";
  TRY(ds_yaml_map(in->yaml, node, known, err));
  *board = (ds_board){.source = in->source, .file = in->yaml->file, .line = ds_yaml_line(node)};
  TRY(ds_saved_name_read(in->yaml, node, &board->name, err));
  TRY(line_get(in->yaml, node, "title", &board->title, err));
  return tiles_read(in, node, board, err);
}

ds_code ds_boards_read(ds_yaml *yaml, const yaml_node_t *node, ds_board_source source,
                       ds_board_list *ret_list, ds_error *err) {
  reading in = {.yaml = yaml, .source = source};
  static const ds_yaml_part part = {"boards", "boards", "name", DS_BOARDS_MAX, sizeof(ds_board)};
  void *rows;
  uint32_t count;
  *ret_list = (ds_board_list){.count = 0};
  TRY(ds_yaml_rows(yaml, node, &part, &rows, &count, err));
  ds_board *items = rows;
  for (uint32_t i = 0; i < count; i++) {
    const yaml_node_t *item = ds_yaml_item(yaml, node, i);
    TRY(board_read(&in, item, &items[i], err));
    for (uint32_t before = 0; before < i; before++)
      if (strcmp(items[before].name, items[i].name) == 0)
        return ds_saved_name_taken(yaml, item, items[i].name, items[before].line, err);
  }
  *ret_list = (ds_board_list){items, count};
  return DS_OK;
}

static ds_code list_take(ds_yaml *yaml, ds_board_source source, ds_board_list *ret_list,
                         ds_error *err) {
  static const char *const known[] = {"boards", NULL};
  const yaml_node_t *root = ds_yaml_root(yaml);
  *ret_list = (ds_board_list){.count = 0};
  if (root == NULL || ds_yaml_is_null(root))
    return DS_OK;
  TRY(ds_yaml_map(yaml, root, known, err));
  return ds_boards_read(yaml, ds_yaml_get(yaml, root, "boards"), source, ret_list, err);
}

ds_code ds_boards_parse(ds_str text, const char *file, ds_board_source source, ds_arena *arena,
                        ds_board_list *ret_list, ds_error *err) {
  ds_yaml yaml;
  if (text.size > DS_BOARDS_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "%s is larger than %u KiB", file, DS_BOARDS_BYTES_MAX >> 10);
  TRY(ds_yaml_load(&yaml, text, file, arena, err));
  const ds_code code = list_take(&yaml, source, ret_list, err);
  ds_yaml_done(&yaml);
  return code;
}

static ds_code board_take(ds_yaml *yaml, const char *name, ds_board *board, ds_error *err) {
  static const char *const known[] = {"name", "title", "tiles", "source", NULL};
  reading in = {.yaml = yaml, .source = DS_BOARD_SAVED, .answered = true};
  yaml_node_t *root = ds_yaml_root(yaml);
  if (root == NULL)
    return ds_fail(err, DS_INPUT, "the board is empty: {\"title\": …, \"tiles\": […]} is expected");
  TRY(ds_yaml_map(yaml, root, known, err));
  *board = (ds_board){.name = name, .source = DS_BOARD_SAVED, .file = yaml->file,
                      .line = ds_yaml_line(root)};
  if (ds_yaml_get(yaml, root, "name") != NULL)
    TRY(ds_saved_name_read(yaml, root, &board->name, err));
  if (strcmp(board->name, name) != 0)
    return ds_yaml_fail(yaml, root, err, "the board is called `%s` here, and `%.64s` in the "
                        "address", board->name, name);
  TRY(line_get(yaml, root, "title", &board->title, err));
  return tiles_read(&in, root, board, err);
}

ds_code ds_board_parse(ds_str text, const char *name, ds_arena *arena, ds_board *ret_board,
                       ds_error *err) {
  ds_yaml yaml;
  ds_board board;
  if (!ds_saved_is_name(name))
    return ds_fail(err, DS_USAGE, "`%.64s` is no name of a board: letters, digits, - and _ make "
                   "one, %u at most", name, DS_SAVED_NAME_BYTES_MAX);
  if (text.size > DS_BOARDS_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "the board is larger than %u KiB", DS_BOARDS_BYTES_MAX >> 10);
  TRY(ds_yaml_load(&yaml, text, "the board", arena, err));
  const ds_code code = board_take(&yaml, name, &board, err);
  ds_yaml_done(&yaml);
  if (code == DS_OK)
    *ret_board = board;
  return code;
}

const ds_board *ds_board_find(const ds_board_list *list, const char *name) {
  for (uint32_t i = 0; i < list->count; i++)
    if (strcmp(list->items[i].name, name) == 0)
      return &list->items[i];
  return NULL;
}
