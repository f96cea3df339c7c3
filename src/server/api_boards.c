// SPDX-License-Identifier: Apache-2.0
// Boards over HTTP: read from where they stand at every request, for another process may save one.
// A save waits for nobody but another save (decision 45).
#include "ask/board.h"
#include "base/limits.h"
#include "server/routes.h"

static const ds_option_set none = {.count = 0};

static ds_code load(const ds_call *call, ds_board_list *ret_list, ds_error *err) {
  return ds_boards_load(call->ask->io, call->ask->path, &call->ask->settings.boards, call->arena,
                        ret_list, err);
}

static ds_code put_board(ds_call *call, ds_reply *reply, const ds_board *board, ds_error *err) {
  ds_json json = ds_json_to(&reply->body, true);
  TRY(ds_board_json(board, &call->ask->settings.saved, &none, call->arena, &json, err));
  ds_buf_u8(&reply->body, '\n');
  return DS_OK;
}

ds_code ds_answer_boards(ds_call *call, ds_reply *reply, ds_error *err) {
  ds_board_list list;
  TRY(load(call, &list, err));
  ds_json json = ds_json_to(&reply->body, true);
  ds_json_begin_object(&json);
  ds_json_key(&json, "boards");
  ds_json_begin_array(&json);
  for (uint32_t i = 0; i < list.count; i++)
    TRY(ds_board_json(&list.items[i], &call->ask->settings.saved, &none, call->arena, &json, err));
  ds_json_end_array(&json);
  ds_json_end_object(&json);
  ds_buf_u8(&reply->body, '\n');
  return DS_OK;
}

static ds_code unknown(const ds_board_list *list, const char *name, ds_error *err) {
  const char *names[3 * DS_BOARDS_MAX];
  for (uint32_t i = 0; i < list->count; i++)
    names[i] = list->items[i].name;
  const char *near = ds_str_nearest(ds_str_of(name), names, list->count);
  return ds_fail(err, DS_MISSING, "there is no board '%.64s'%s%s%s", name,
                 near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

ds_code ds_answer_board(ds_call *call, ds_reply *reply, ds_error *err) {
  ds_board_list list;
  TRY(load(call, &list, err));
  const ds_board *board = ds_board_find(&list, call->name);
  return board == NULL ? unknown(&list, call->name, err) : put_board(call, reply, board, err);
}

// What stands in doorstep.yaml is changed there: a saved board of its name would not be seen.
static ds_code check_free(const ds_call *call, ds_error *err) {
  const ds_board *settings = ds_board_find(&call->ask->settings.boards, call->name);
  if (settings == NULL)
    return DS_OK;
  return ds_fail(err, DS_USAGE, "the board '%s' stands in doorstep.yaml, line %u: change it there",
                 settings->name, settings->line);
}

ds_code ds_answer_board_put(ds_call *call, ds_reply *reply, ds_error *err) {
  ds_board board;
  TRY(check_free(call, err));
  TRY(ds_board_parse(call->request->body, call->name, call->arena, &board, err));
  TRY(ds_board_check(&board, &call->ask->settings.saved, call->arena, err));
  TRY(ds_boards_save(call->ask->io, call->ask->path, &board, 1, err));
  return put_board(call, reply, &board, err);
}

ds_code ds_answer_board_delete(ds_call *call, ds_reply *reply, ds_error *err) {
  ds_board_list list;
  TRY(check_free(call, err));
  TRY(load(call, &list, err));
  const ds_board *board = ds_board_find(&list, call->name);
  if (board == NULL)
    return unknown(&list, call->name, err);
  if (board->source == DS_BOARD_SHIPPED)
    return ds_fail(err, DS_USAGE, "the board '%s' ships with the program: it cannot be removed",
                   board->name);
  TRY(ds_boards_remove(call->ask->io, call->ask->path, call->name, err));
  ds_buf_text(&reply->body, "{}\n");
  return DS_OK;
}
