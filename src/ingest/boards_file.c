// SPDX-License-Identifier: Apache-2.0
// Boards written as YAML, and boards.yaml, which holds those that were saved.
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/boards.h"
#include "ingest/embedded_boards.h"
#include "store/definitions.h"

// --- written

static bool is_plain(const char *text) {
  static const char *const words[] = {"null", "yes", "no", "on", "off", "y", "n"};
  if (*text == '\0' || strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_") != strlen(text))
    return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (ds_str_equal_nocase(ds_str_of(text), ds_str_of(words[i])))
      return false;
  return !(*text >= '0' && *text <= '9') || strspn(text, "0123456789") == strlen(text);
}

// The code point that begins at `at`, valid UTF-8; its bytes.
static uint32_t point_at(const unsigned char *at, uint32_t *ret_size) {
  const uint32_t size = *at < 0x80 ? 1 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : 4;
  uint32_t point = size == 1 ? *at : *at & (0xFFu >> (size + 1));
  for (uint32_t i = 1; i < size; i++)
    point = point << 6 | (at[i] & 0x3F);
  *ret_size = size;
  return point;
}

// What YAML does not take as it is: controls, line separators, the byte order mark.
static bool needs_escape(uint32_t point) {
  return point < ' ' || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029 ||
         point == 0xFEFF || point == 0xFFFE || point == 0xFFFF;
}

static void put_text(ds_buf *out, const char *text) {
  if (is_plain(text)) {
    ds_buf_text(out, text);
    return;
  }
  ds_buf_u8(out, '"');
  uint32_t size;
  for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at += size) {
    const uint32_t point = point_at(at, &size);
    if (point == '\n')
      ds_buf_text(out, "\\n");
    else if (needs_escape(point))
      ds_buf_printf(out, "\\u%04X", point);
    else {
      if (point == '"' || point == '\\')
        ds_buf_u8(out, '\\');
      ds_buf_append(out, at, size);
    }
  }
  ds_buf_u8(out, '"');
}

static void put_member(ds_buf *out, const char *key, const char *text) {
  if (text == NULL)
    return;
  ds_buf_text(out, key);
  put_text(out, text);
  ds_buf_u8(out, '\n');
}

// Values of one option stand together, as a list; they need not in what was read.
static void put_options(ds_buf *out, const ds_saved *words) {
  for (uint32_t i = 0; i < words->options_count; i++) {
    const char *name = words->options[i].name;
    uint32_t count = 0;
    bool first = true;
    for (uint32_t k = 0; k < words->options_count; k++) {
      const bool same = strcmp(words->options[k].name, name) == 0;
      first = first && !(same && k < i);
      count += same;
    }
    if (!first)
      continue;
    ds_buf_text(out, "          ");
    put_text(out, name);
    ds_buf_text(out, count > 1 ? ": [" : ": ");
    for (uint32_t k = i, put = 0; k < words->options_count; k++)
      if (strcmp(words->options[k].name, name) == 0) {
        ds_buf_text(out, put++ == 0 ? "" : ", ");
        put_text(out, words->options[k].text);
      }
    ds_buf_text(out, count > 1 ? "]\n" : "\n");
  }
}

static void put_tile(ds_buf *out, const ds_tile *tile) {
  const ds_saved *words = &tile->words;
  if (words->name != NULL)
    put_member(out, "      - saved: ", words->name);
  else
    put_member(out, "      - question: ", words->question);
  put_member(out, "        title: ", tile->title);
  put_member(out, "        chart: ", tile->chart);
  if (words->arguments_count > 0) {
    ds_buf_text(out, "        arguments: [");
    for (uint32_t i = 0; i < words->arguments_count; i++) {
      ds_buf_text(out, i == 0 ? "" : ", ");
      put_text(out, words->arguments[i]);
    }
    ds_buf_text(out, "]\n");
  }
  if (words->options_count > 0) {
    ds_buf_text(out, "        options:\n");
    put_options(out, words);
  }
}

void ds_boards_write(const ds_board *boards, uint32_t count, ds_buf *out) {
  ds_buf_text(out, count == 0 ? "boards: []\n" : "boards:\n");
  for (uint32_t i = 0; i < count; i++) {
    put_member(out, "  - name: ", boards[i].name);
    put_member(out, "    title: ", boards[i].title);
    ds_buf_text(out, boards[i].tiles_count == 0 ? "    tiles: []\n" : "    tiles:\n");
    for (uint32_t t = 0; t < boards[i].tiles_count; t++)
      put_tile(out, &boards[i].tiles[t]);
  }
}

// --- all there are

static ds_code shipped_read(ds_arena *arena, ds_board_list *ret_list, ds_error *err) {
  const ds_embedded_file *file = &ds_embedded_boards[0];
  return ds_boards_parse((ds_str){(const char *)file->bytes, (uint32_t)file->size},
                         "the shipped boards", DS_BOARD_SHIPPED, arena, ret_list, err);
}

static ds_code saved_read(ds_io *io, const char *folder, ds_arena *arena, ds_board_list *ret_list,
                          ds_error *err) {
  char *text = NULL;
  size_t size = 0;
  TRY(ds_definitions_read(io, folder, DS_BOARDS_FILE, &text, &size, err));
  const ds_code code = ds_boards_parse((ds_str){text, (uint32_t)size}, DS_BOARDS_FILE,
                                       DS_BOARD_SAVED, arena, ret_list, err);
  free(text);
  return code;
}

ds_code ds_boards_load(ds_io *io, const char *folder, const ds_board_list *settings,
                       ds_arena *arena, ds_board_list *ret_list, ds_error *err) {
  ds_board_list lists[DS_BOARD_SOURCES_COUNT] = {[DS_BOARD_SETTINGS] = *settings};
  TRY(saved_read(io, folder, arena, &lists[DS_BOARD_SAVED], err));
  TRY(shipped_read(arena, &lists[DS_BOARD_SHIPPED], err));
  ds_board *items = ds_arena_array(arena, 3u * DS_BOARDS_MAX, sizeof *items);
  if (items == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for boards");
  ds_board_list all = {items, 0};
  for (uint32_t s = 0; s < DS_BOARD_SOURCES_COUNT; s++)
    for (uint32_t i = 0; i < lists[s].count; i++)
      if (ds_board_find(&all, lists[s].items[i].name) == NULL)
        items[all.count++] = lists[s].items[i];
  *ret_list = all;
  return DS_OK;
}

// --- saved

// What is to be done to boards.yaml: boards put there, or one removed.
typedef struct saving {
  const ds_board *boards;
  uint32_t count;
  const char *removed;
  ds_arena arena;
} saving;

static const ds_board *new_of(const saving *work, const ds_board *old) {
  for (uint32_t i = 0; i < work->count; i++)
    if (strcmp(work->boards[i].name, old->name) == 0)
      return &work->boards[i];
  return old;
}

// A board that is replaced keeps its place, a new one comes last.
static ds_code boards_merge(saving *work, const ds_board_list *old, ds_board *merged,
                            uint32_t *ret_count, ds_error *err) {
  uint32_t count = 0;
  bool found = false;
  for (uint32_t i = 0; i < old->count; i++) {
    const bool goes = work->removed != NULL && strcmp(old->items[i].name, work->removed) == 0;
    found = found || goes;
    if (!goes)
      merged[count++] = *new_of(work, &old->items[i]);
  }
  if (work->removed != NULL && !found)
    return ds_fail(err, DS_MISSING, "no board called %.64s was saved", work->removed);
  for (uint32_t i = 0; i < work->count; i++) {
    if (ds_board_find(old, work->boards[i].name) != NULL)
      continue;
    if (count == DS_BOARDS_MAX)
      return ds_fail(err, DS_LIMIT, "more than %u boards: remove one first", DS_BOARDS_MAX);
    merged[count++] = work->boards[i];
  }
  *ret_count = count;
  return DS_OK;
}

static ds_code boards_edit(void *context, ds_str old, ds_buf *out, ds_error *err) {
  saving *work = context;
  ds_board_list have;
  uint32_t count = 0;
  TRY(ds_boards_parse(old, DS_BOARDS_FILE, DS_BOARD_SAVED, &work->arena, &have, err));
  ds_board *merged = ds_arena_array(&work->arena, DS_BOARDS_MAX, sizeof *merged);
  if (merged == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for boards");
  TRY(boards_merge(work, &have, merged, &count, err));
  ds_buf_text(out, "# Boards saved from the dashboard; docs/boards.md. `doorstep boards` lists "
                   "them.\n");
  ds_boards_write(merged, count, out);
  return out->no_memory ? ds_fail(err, DS_MEMORY, "out of memory for boards") : DS_OK;
}

static ds_code boards_change(ds_io *io, const char *folder, saving *work, ds_error *err) {
  ds_arena_init(&work->arena, (size_t)256 << 20);
  const ds_code code = ds_definitions_change(io, folder, DS_BOARDS_FILE, boards_edit, work, err);
  ds_arena_done(&work->arena);
  return code;
}

ds_code ds_boards_save(ds_io *io, const char *folder, const ds_board *boards, uint32_t count,
                       ds_error *err) {
  saving work = {.boards = boards, .count = count};
  return boards_change(io, folder, &work, err);
}

ds_code ds_boards_remove(ds_io *io, const char *folder, const char *name, ds_error *err) {
  saving work = {.removed = name};
  return boards_change(io, folder, &work, err);
}
