// SPDX-License-Identifier: Apache-2.0
#include "ask/board.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

enum { VALUES_MAX = 256, NAMES_MAX = 128 };

// What is being found out.
typedef struct asking {
  const ds_board *board;
  const ds_saved *words;
  bool is_saved; // they stand in doorstep.yaml, not with the board
  ds_arena *arena;
  const ds_question *question;
  ds_option_value values[VALUES_MAX];
  uint32_t count;
} asking;

// "boards.yaml line 12, funnel: …"
static ds_code fail_at(const asking *work, ds_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static ds_code fail_at(const asking *work, ds_error *err, const char *format, ...) {
  char what[320];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  const char *name = work->words->question;
  return ds_fail_at(err, DS_INPUT, work->words->line, 0, "%s line %u, %.64s: %s",
                    work->is_saved ? "doorstep.yaml" : work->board->file, work->words->line,
                    name == NULL ? "saved" : name, what);
}

static const ds_option *option_of(const ds_question *question, const char *name) {
  for (uint32_t i = 0; i < ds_common_options_count; i++)
    if (strcmp(ds_common_options[i].name, name) == 0)
      return &ds_common_options[i];
  for (uint32_t i = 0; i < question->options_count; i++)
    if (strcmp(question->options[i].name, name) == 0)
      return &question->options[i];
  return NULL;
}

static bool is_argument(const ds_option *option) {
  return option->type == DS_OPTION_ARGUMENT || option->type == DS_OPTION_ARGUMENTS;
}

static const ds_option *argument_of(const ds_question *question) {
  for (uint32_t i = 0; i < question->options_count; i++)
    if (is_argument(&question->options[i]))
      return &question->options[i];
  return NULL;
}

static ds_code unknown_question(const asking *work, ds_error *err) {
  const char *names[NAMES_MAX];
  uint32_t count = 0;
  for (; count < ds_questions_count && count < NAMES_MAX; count++)
    names[count] = ds_questions[count].name;
  const char *near = ds_str_nearest(ds_str_of(work->words->question), names, count);
  return fail_at(work, err, "there is no such question%s%s%s",
                 near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
                 near == NULL ? "" : "?");
}

static ds_code unknown_option(const asking *work, const char *name, ds_error *err) {
  const char *names[NAMES_MAX];
  uint32_t count = 0;
  for (uint32_t i = 0; i < ds_common_options_count; i++)
    names[count++] = ds_common_options[i].name;
  for (uint32_t i = 0; i < work->question->options_count && count < NAMES_MAX; i++)
    names[count++] = work->question->options[i].name;
  const char *near = ds_str_nearest(ds_str_of(name), names, count);
  return fail_at(work, err, "%s has no option %.64s%s%s%s", work->question->name, name,
                 near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
                 near == NULL ? "" : "?");
}

static ds_code add(asking *work, const char *name, const char *text, ds_error *err) {
  if (work->count == VALUES_MAX)
    return fail_at(work, err, "more than %d options", VALUES_MAX);
  work->values[work->count++] = (ds_option_value){name, text};
  return DS_OK;
}

static ds_option_value *value_of(asking *work, const char *name) {
  for (uint32_t i = 0; i < work->count; i++)
    if (strcmp(work->values[i].name, name) == 0)
      return &work->values[i];
  return NULL;
}

// Values of an option that takes several words lie in one text, a line each.
static ds_code add_line(asking *work, const ds_option *option, const char *text, ds_error *err) {
  ds_option_value *before = value_of(work, option->name);
  const size_t size = strlen(text), begin = before == NULL ? 0 : strlen(before->text) + 1;
  char *joined = ds_arena_array(work->arena, begin + size + 1, 1);
  if (joined == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  if (before != NULL) {
    memcpy(joined, before->text, begin - 1);
    joined[begin - 1] = '\n';
  }
  memcpy(joined + begin, text, size + 1);
  if (before == NULL)
    return add(work, option->name, joined, err);
  before->text = joined;
  return DS_OK;
}

static ds_code add_option(asking *work, const ds_option_value *given, ds_error *err) {
  const ds_option *option = option_of(work->question, given->name);
  if (option == NULL)
    return unknown_option(work, given->name, err);
  if (strcmp(option->name, "personal") == 0 || strcmp(option->name, "list") == 0)
    return fail_at(work, err, "a tile takes no option %s: it shows figures, not people",
                   option->name);
  if (option->type == DS_OPTION_ARGUMENTS)
    return add_line(work, option, given->text, err);
  if (option->type != DS_OPTION_FLAG)
    return add(work, option->name, given->text, err);
  if (strcmp(given->text, "true") == 0)
    return value_of(work, option->name) == NULL ? add(work, option->name, "", err) : DS_OK;
  return strcmp(given->text, "false") == 0
             ? DS_OK
             : fail_at(work, err, "%s is true or false", option->name);
}

static ds_code add_arguments(asking *work, ds_error *err) {
  const ds_option *argument = argument_of(work->question);
  if (work->words->arguments_count == 0)
    return DS_OK;
  if (argument == NULL)
    return fail_at(work, err, "%s takes no arguments", work->question->name);
  if (argument->type == DS_OPTION_ARGUMENT && work->words->arguments_count > 1)
    return fail_at(work, err, "%s takes only one argument, %s", work->question->name,
                   argument->argument);
  for (uint32_t i = 0; i < work->words->arguments_count; i++) {
    const ds_option_value given = {argument->name, work->words->arguments[i]};
    TRY(add_option(work, &given, err));
  }
  return DS_OK;
}

// Two conditions, of which both are to hold.
static ds_code join_conditions(asking *work, ds_option_value *have, const char *more,
                               ds_error *err) {
  const size_t size = strlen(have->text) + strlen(more) + sizeof "() and ()";
  char *joined = ds_arena_array(work->arena, size, 1);
  if (joined == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  (void)snprintf(joined, size, "(%s) and (%s)", have->text, more);
  have->text = joined;
  return DS_OK;
}

static bool is_condition(const char *name) {
  return strcmp(name, "where") == 0 || strcmp(name, "cases") == 0;
}

// Options given for the whole board take the place of the tile's, but that conditions hold beside
// them. Unknown ones are for other tiles.
static ds_code add_more(asking *work, const ds_option_set *more, ds_error *err) {
  for (uint32_t i = 0; i < more->count; i++) {
    if (option_of(work->question, more->values[i].name) == NULL)
      continue;
    ds_option_value *have = value_of(work, more->values[i].name);
    if (have != NULL && is_condition(have->name))
      TRY(join_conditions(work, have, more->values[i].text, err));
    else if (have != NULL)
      have->text = more->values[i].text;
    else
      TRY(add(work, more->values[i].name, more->values[i].text, err));
  }
  return DS_OK;
}

static ds_code find_words(asking *work, const ds_tile *tile, const ds_saved_list *saved,
                          ds_error *err) {
  const char *names[DS_SAVED_MAX];
  work->words = &tile->words;
  if (tile->words.name == NULL)
    return DS_OK;
  for (uint32_t i = 0; i < saved->count; i++) {
    names[i] = saved->items[i].name;
    if (strcmp(names[i], tile->words.name) == 0) {
      work->words = &saved->items[i];
      work->is_saved = true;
      return DS_OK;
    }
  }
  const char *near = ds_str_nearest(ds_str_of(tile->words.name), names, saved->count);
  return fail_at(work, err, "doorstep.yaml has no question %.64s%s%s%s", tile->words.name,
                 near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
                 near == NULL ? "" : "?");
}

static bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

static void put_escaped(ds_buf *out, const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (is_plain(text[i]))
      ds_buf_u8(out, (uint8_t)text[i]);
    else
      ds_buf_printf(out, "%%%02X", (unsigned char)text[i]);
  }
}

// The values of an option as they stand in an address: a word each, "true" for a flag.
static void put_values(ds_buf *out, const ds_question *question, const ds_option_value *value,
                       const char **sign) {
  const ds_option *option = option_of(question, value->name);
  const char *text = option->type == DS_OPTION_FLAG ? "true" : value->text;
  for (const char *at = text; at != NULL;) {
    const char *end = option->type == DS_OPTION_ARGUMENTS ? strchr(at, '\n') : NULL;
    const size_t size = end == NULL ? strlen(at) : (size_t)(end - at);
    ds_buf_text(out, *sign);
    put_escaped(out, value->name, strlen(value->name));
    ds_buf_u8(out, '=');
    put_escaped(out, at, size);
    *sign = "&";
    at = end == NULL ? NULL : end + 1;
  }
}

static ds_code make_key(const asking *work, const char **ret_key, ds_error *err) {
  ds_buf text;
  const char *sign = "?";
  ds_buf_init(&text, 4u * DS_BOARDS_BYTES_MAX);
  ds_buf_text(&text, work->question->name);
  for (uint32_t i = 0; i < work->count; i++)
    put_values(&text, work->question, &work->values[i], &sign);
  if (work->count == 0)
    ds_buf_u8(&text, '?');
  ds_code code = ds_buf_check(&text, "a question", err);
  if (code == DS_OK)
    *ret_key = ds_buf_keep(&text, work->arena);
  ds_buf_done(&text);
  if (code == DS_OK && *ret_key == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory");
  return code;
}

// By name; of one name in the order given.
static void sort_values(asking *work) {
  for (uint32_t i = 1; i < work->count; i++) {
    const ds_option_value value = work->values[i];
    uint32_t at = i;
    for (; at > 0 && strcmp(work->values[at - 1].name, value.name) > 0; at--)
      work->values[at] = work->values[at - 1];
    work->values[at] = value;
  }
}

static ds_code ask_tile(asking *work, const ds_tile *tile, const ds_saved_list *saved,
                        const ds_option_set *more, ds_tile_question *ret_asked, ds_error *err) {
  const char *key = NULL;
  TRY(find_words(work, tile, saved, err));
  work->question = ds_question_find(ds_str_of(work->words->question));
  if (work->question == NULL)
    return unknown_question(work, err);
  for (uint32_t i = 0; i < work->words->options_count; i++)
    TRY(add_option(work, &work->words->options[i], err));
  TRY(add_arguments(work, err));
  TRY(add_more(work, more, err));
  sort_values(work);
  TRY(make_key(work, &key, err));
  ds_option_value *values = ds_arena_array(work->arena, work->count + 1u, sizeof *values);
  if (values == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  memcpy(values, work->values, work->count * sizeof *values);
  *ret_asked = (ds_tile_question){work->question, values, work->count, key};
  return DS_OK;
}

ds_code ds_tile_ask(const ds_board *board, const ds_tile *tile, const ds_saved_list *saved,
                    const ds_option_set *more, ds_arena *arena, ds_tile_question *ret_asked,
                    ds_error *err) {
  asking *work = calloc(1, sizeof *work);
  if (work == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  work->board = board;
  work->arena = arena;
  const ds_code code = ask_tile(work, tile, saved, more, ret_asked, err);
  free(work);
  return code;
}

ds_code ds_board_check(const ds_board *board, const ds_saved_list *saved, ds_arena *arena,
                       ds_error *err) {
  const ds_option_set none = {.count = 0};
  for (uint32_t i = 0; i < board->tiles_count; i++) {
    ds_tile_question asked;
    TRY(ds_tile_ask(board, &board->tiles[i], saved, &none, arena, &asked, err));
  }
  return DS_OK;
}

const char *ds_tile_title(const ds_tile *tile, const ds_tile_question *asked) {
  return tile->title != NULL ? tile->title : asked->question->purpose;
}

static void text_member(ds_json *json, const char *name, const char *text) {
  ds_json_key(json, name);
  ds_json_text(json, ds_str_of(text));
}

static void lines_value(ds_json *json, const char *text) {
  ds_json_begin_array(json);
  for (const char *at = text; at != NULL;) {
    const char *end = strchr(at, '\n');
    ds_json_text(json, (ds_str){at, end == NULL ? (uint32_t)strlen(at) : (uint32_t)(end - at)});
    at = end == NULL ? NULL : end + 1;
  }
  ds_json_end_array(json);
}

static void option_value(ds_json *json, const ds_option *option, const char *text) {
  if (option->type == DS_OPTION_FLAG)
    ds_json_text(json, ds_str_of("true"));
  else if (option->type == DS_OPTION_ARGUMENTS)
    lines_value(json, text);
  else
    ds_json_text(json, ds_str_of(text));
}

// Values of one name follow one another.
void ds_tile_options_json(const ds_tile_question *asked, ds_json *json) {
  ds_json_begin_object(json);
  for (uint32_t i = 0; asked != NULL && i < asked->options_count;) {
    const ds_option_value *value = &asked->options[i];
    const ds_option *option = option_of(asked->question, value->name);
    uint32_t end = i + 1;
    while (end < asked->options_count && strcmp(asked->options[end].name, value->name) == 0)
      end++;
    ds_json_key(json, value->name);
    if (end - i > 1)
      ds_json_begin_array(json);
    for (uint32_t k = i; k < end; k++)
      option_value(json, option, asked->options[k].text);
    if (end - i > 1)
      ds_json_end_array(json);
    i = end;
  }
  ds_json_end_object(json);
}

static ds_code tile_json(const ds_board *board, const ds_tile *tile, const ds_saved_list *saved,
                         const ds_option_set *more, ds_arena *arena, ds_json *json,
                         ds_error *err) {
  ds_tile_question asked;
  ds_error why = {.message = ""};
  const ds_code code = ds_tile_ask(board, tile, saved, more, arena, &asked, &why);
  if (code == DS_MEMORY)
    return ds_fail(err, code, "%s", why.message);
  ds_json_begin_object(json);
  text_member(json, "title", code == DS_OK ? ds_tile_title(tile, &asked)
                             : tile->title != NULL ? tile->title : "");
  if (tile->words.name != NULL)
    text_member(json, "saved", tile->words.name);
  text_member(json, "question", code == DS_OK                  ? asked.question->name
                                : tile->words.question != NULL ? tile->words.question
                                                               : "");
  ds_json_key(json, "options");
  ds_tile_options_json(code == DS_OK ? &asked : NULL, json);
  if (code != DS_OK)
    text_member(json, "error", why.message);
  if (tile->chart != NULL)
    text_member(json, "chart", tile->chart);
  ds_json_end_object(json);
  return DS_OK;
}

ds_code ds_board_json(const ds_board *board, const ds_saved_list *saved, const ds_option_set *more,
                      ds_arena *arena, ds_json *json, ds_error *err) {
  ds_json_begin_object(json);
  text_member(json, "name", board->name);
  text_member(json, "title", board->title != NULL ? board->title : board->name);
  text_member(json, "source", ds_board_source_name(board->source));
  ds_json_key(json, "tiles");
  ds_json_begin_array(json);
  for (uint32_t i = 0; i < board->tiles_count; i++)
    TRY(tile_json(board, &board->tiles[i], saved, more, arena, json, err));
  ds_json_end_array(json);
  ds_json_end_object(json);
  return DS_OK;
}
