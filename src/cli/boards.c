// SPDX-License-Identifier: Apache-2.0
// boards: lists the boards of doorstep.yaml, those saved from the dashboard and the shipped ones;
// writes them as YAML, takes them from YAML, removes a saved one.
#include <stdlib.h>
#include <string.h>

#include "ask/board.h"
#include "base/limits.h"
#include "cli/cli.h"

typedef struct boards_work {
  cli *run;
  ds_settings settings;
  ds_board_list list;
} boards_work;

ds_code cli_unknown_board(const ds_board_list *list, const char *name, ds_error *err) {
  const char *names[3 * DS_BOARDS_MAX];
  for (uint32_t i = 0; i < list->count; i++)
    names[i] = list->items[i].name;
  const char *near = ds_str_nearest(ds_str_of(name), names, list->count);
  return ds_fail(err, DS_USAGE, "there is no board '%.100s'%s%s%s", name,
                 near == NULL ? "; doorstep boards lists them" : "; did you mean '",
                 near == NULL ? "" : near, near == NULL ? "" : "'?");
}

static ds_code boards_load(boards_work *work, ds_error *err) {
  cli *run = work->run;
  bool exists = false;
  ds_io *io = ds_io_posix();
  TRY(cli_find_store(run, false, &exists, err));
  TRY(ds_settings_read(io, run->store, &run->arena, &work->settings, err));
  return ds_boards_load(io, run->store, &work->settings.boards, &run->arena, &work->list, err);
}

static ds_code boards_list(boards_work *work, ds_error *err) {
  static const ds_column columns[] = {
      {"name", DS_CELL_TEXT, "", "as in doorstep report NAME", false},
      {"tiles", DS_CELL_COUNT, "", "how many questions it asks", false},
      {"source", DS_CELL_TEXT, "", "settings: doorstep.yaml; saved: the dashboard", false},
      {"title", DS_CELL_TEXT, "", "its heading", false},
      {"trouble", DS_CELL_TEXT, "", "the first of its tiles that cannot be asked", false},
  };
  cli *run = work->run;
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, "boards");
  result->definition = "Boards are questions that are looked at together: doorstep report NAME "
                       "makes one file of a board.";
  ds_table *table = ds_result_table(result, "boards", "Boards", columns, 5);
  if (table != NULL)
    table->bar = "";
  for (uint32_t i = 0; table != NULL && i < work->list.count; i++) {
    const ds_board *board = &work->list.items[i];
    ds_error why = {.message = ""};
    ds_code code = ds_board_check(board, &work->settings.saved, &run->arena, &why);
    ds_cell *cells = ds_table_row(result, table);
    if (cells == NULL || code == DS_MEMORY)
      return ds_fail(err, DS_MEMORY, "out of memory for a board");
    cells[0] = ds_cell_text(result, ds_str_of(board->name));
    cells[1] = ds_cell_i64(board->tiles_count);
    cells[2] = ds_cell_text(result, ds_str_of(ds_board_source_name(board->source)));
    cells[3] = ds_cell_text(result, ds_str_of(board->title == NULL ? board->name : board->title));
    if (code != DS_OK)
      cells[4] = ds_cell_text(result, ds_str_of(why.message));
  }
  if (table == NULL || run->arena.refused)
    return ds_fail(err, DS_MEMORY, "out of memory");
  return cli_show(run, result, err);
}

static ds_code boards_export(boards_work *work, const char *name, ds_error *err) {
  const bool all = cli_flag(work->run, "all");
  if (all == (name != NULL))
    return ds_fail(err, DS_USAGE, "boards export takes the name of a board, or --all");
  const ds_board *board = name == NULL ? work->list.items : ds_board_find(&work->list, name);
  if (board == NULL)
    return cli_unknown_board(&work->list, name, err);
  ds_buf text;
  ds_buf_init(&text, 4u * DS_BOARDS_BYTES_MAX);
  ds_boards_write(board, all ? work->list.count : 1, &text);
  ds_code code = ds_buf_check(&text, "the boards", err);
  if (code == DS_OK)
    code = cli_show_text(work->run, &text, err);
  ds_buf_done(&text);
  return code;
}

// A board that would not be seen, because doorstep.yaml has one of its name, is not taken.
static ds_code check_free(const boards_work *work, const ds_board *board, ds_error *err) {
  const ds_board *settings = ds_board_find(&work->settings.boards, board->name);
  if (settings == NULL)
    return DS_OK;
  return ds_fail(err, DS_USAGE, "the board '%s' stands in doorstep.yaml, line %u: change it there",
                 settings->name, settings->line);
}

static ds_code file_read(cli *run, const char *path, ds_board_list *ret_list, ds_error *err) {
  char *text = NULL;
  size_t size = 0;
  ds_error why = {.message = ""};
  const char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  const ds_code code =
      ds_io_read_file(ds_io_posix(), path, DS_BOARDS_BYTES_MAX, &text, &size, &why);
  if (code == DS_LIMIT)
    return ds_fail(err, code, "%.200s is larger than %u KiB", name, DS_BOARDS_BYTES_MAX >> 10);
  if (code != DS_OK)
    return ds_fail(err, code == DS_MISSING ? DS_INPUT : code, "%s", why.message);
  const ds_code read = ds_boards_parse((ds_str){text, (uint32_t)size}, name, DS_BOARD_SAVED,
                                       &run->arena, ret_list, err);
  free(text);
  return read;
}

// All boards of the file, or none.
static ds_code boards_import(boards_work *work, const char *path, ds_error *err) {
  cli *run = work->run;
  ds_board_list list;
  if (path == NULL)
    return ds_fail(err, DS_USAGE, "boards import takes a file: doorstep boards import boards.yaml");
  TRY(file_read(run, path, &list, err));
  if (list.count == 0)
    return ds_fail(err, DS_INPUT, "%.200s holds no board: `boards:` and a list are expected", path);
  for (uint32_t i = 0; i < list.count; i++) {
    TRY(check_free(work, &list.items[i], err));
    TRY(ds_board_check(&list.items[i], &work->settings.saved, &run->arena, err));
  }
  TRY(ds_boards_save(ds_io_posix(), run->store, list.items, list.count, err));
  cli_say(run, "%u board%s saved", list.count, list.count == 1 ? "" : "s");
  return DS_OK;
}

static ds_code boards_remove(boards_work *work, const char *name, ds_error *err) {
  if (name == NULL)
    return ds_fail(err, DS_USAGE, "boards remove takes the name of a board");
  const ds_board *board = ds_board_find(&work->list, name);
  if (board == NULL)
    return cli_unknown_board(&work->list, name, err);
  TRY(check_free(work, board, err));
  if (board->source == DS_BOARD_SHIPPED)
    return ds_fail(err, DS_USAGE, "the board '%s' ships with the program: it cannot be removed",
                   name);
  TRY(ds_boards_remove(ds_io_posix(), work->run->store, name, err));
  cli_say(work->run, "%s is removed", name);
  return DS_OK;
}

ds_code cli_run_boards(cli *run, ds_error *err) {
  static const struct {
    const char *name;
    ds_code (*run)(boards_work *work, const char *word, ds_error *err);
  } actions[] = {{"export", boards_export}, {"import", boards_import}, {"remove", boards_remove}};
  boards_work work = {.run = run};
  const char *names[3];
  TRY(boards_load(&work, err));
  if (run->arguments_count == 0)
    return boards_list(&work, err);
  for (uint32_t i = 0; i < 3; i++) {
    names[i] = actions[i].name;
    if (strcmp(names[i], run->arguments[0]) == 0)
      return actions[i].run(&work, run->arguments_count > 1 ? run->arguments[1] : NULL, err);
  }
  const char *near = ds_str_nearest(ds_str_of(run->arguments[0]), names, 3);
  return ds_fail(err, DS_USAGE, "boards takes export, import or remove, not '%.100s'%s%s%s",
                 run->arguments[0], near == NULL ? "" : "; did you mean ",
                 near == NULL ? "" : near, near == NULL ? "" : "?");
}
