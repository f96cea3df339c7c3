// SPDX-License-Identifier: Apache-2.0
#include "render/report.h"

#include <stdlib.h>

#include "base/limits.h"
#include "render/page.h"
#include "render/render.h"

// An answer past ANSWER_BYTES is asked for again with --limit ROWS, which says so in a note.
#define ANSWER_BYTES ((size_t)512 << 10)
#define ROWS "500"
#define REPORT_BYTES_MAX ((size_t)256 << 20)

// A tile, what it asks, and why there is no answer.
typedef struct answered {
  const char *title;
  ds_tile_question asked;
  bool is_asked; // else the tile cannot be
  ds_error why;  // DS_OK: there is an answer
} answered;

typedef struct making {
  const ds_report *report;
  ds_arena arena;   // of the whole report
  answered *tiles;
  ds_option_set more; // of the report, and what keeps people out of it
  ds_buf answers;   // `"key": answer` for each that is there
  ds_buf text;      // of one
  ds_report_outcome outcome;
} making;

const char *ds_report_preset(const ds_ask *ask) {
  const ds_names *keys = &ask->snapshot->space.keys;
  return ds_names_find(keys, ds_str_of("order_id")) == DS_NONE ? "basic" : "overview";
}

// Questions whose answer is a list of people, or shows identifiers as examples; `word`: with this
// option only.
static const struct {
  const char *question, *word;
} people[] = {
    {"find", NULL}, {"timeline", NULL}, {"features", NULL}, {"schema", NULL}, {"tracking", "id"},
};

static bool shows_people(const ds_tile_question *asked) {
  const ds_option_set options = {.values = asked->options, .count = asked->options_count};
  for (size_t i = 0; i < sizeof people / sizeof *people; i++)
    if (strcmp(people[i].question, asked->question->name) == 0 &&
        (people[i].word == NULL || ds_option_get(&options, people[i].word) != NULL))
      return true;
  return false;
}

// What is drawn by where things stand has that beside its tables: the page cannot lay it out. Where
// it cannot be laid out here either, the tables are all there is.
static ds_code render(const ds_result *result, ds_buf *out, ds_error *err) {
  const ds_render_options options = {.columns = 0};
  ds_error why = {.code = DS_OK};
  const ds_code code = ds_render_layout(result, &options, out, &why);
  if (code == DS_OK || code == DS_MEMORY)
    return code == DS_OK ? DS_OK : ds_fail(err, code, "%s", why.message);
  ds_buf_reset(out);
  return ds_render_json(result, &options, out, err);
}

static ds_code ask_once(making *work, const ds_tile_question *asked, ds_error *err) {
  const ds_ask *ask = work->report->ask;
  ds_arena arena;
  ds_request request;
  ds_arena_init(&arena, ask->memory_bytes);
  ds_code code = ds_ask_request(ask, asked->question, asked->options, asked->options_count, &arena,
                                &request, err);
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  if (code == DS_OK && result == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory");
  if (code == DS_OK) {
    request.progress = work->report->progress;
    ds_result_init(result, &arena, asked->question->name);
    ds_buf_reset(&work->text);
    code = ds_question_run(asked->question, &request, result, err);
    if (code == DS_OK)
      code = render(result, &work->text, err);
  }
  ds_arena_done(&arena);
  return code;
}

// The same question with one more option.
static ds_code with_limit(making *work, ds_tile_question *asked, ds_error *err) {
  const ds_board board = {.file = "the report"};
  const ds_option_value limit = {"limit", ROWS};
  const ds_option_set more = {.values = &limit, .count = 1};
  const ds_saved_list none = {.count = 0};
  ds_option_value *values =
      ds_arena_array(&work->arena, asked->options_count + 1u, sizeof *values);
  if (values == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  for (uint32_t i = 0; i < asked->options_count; i++) {
    values[i] = asked->options[i];
    if (*values[i].text == '\0')
      values[i].text = "true";
  }
  const ds_tile tile = {.words = {.question = asked->question->name, .options = values,
                                  .options_count = asked->options_count}};
  return ds_tile_ask(&board, &tile, &none, &more, &work->arena, asked, err);
}

static bool has_limit(const ds_tile_question *asked) {
  for (uint32_t i = 0; i < asked->options_count; i++)
    if (strcmp(asked->options[i].name, "limit") == 0)
      return true;
  return false;
}

static ds_code ask_tile(making *work, answered *tile, ds_error *err) {
  if (!work->report->people && shows_people(&tile->asked))
    return ds_fail(err, DS_USAGE, "%s lists people or what identifies them: a report shows it when "
                   "it is made with --personal", tile->asked.question->name);
  TRY(ask_once(work, &tile->asked, err));
  if (work->text.size <= ANSWER_BYTES || has_limit(&tile->asked))
    return DS_OK;
  TRY(with_limit(work, &tile->asked, err));
  return ask_once(work, &tile->asked, err);
}

static bool is_there(const making *work, uint32_t count, const char *key) {
  for (uint32_t i = 0; i < count; i++)
    if (work->tiles[i].is_asked && work->tiles[i].why.code == DS_OK &&
        strcmp(work->tiles[i].asked.key, key) == 0)
      return true;
  return false;
}

static void keep_answer(making *work, const char *key) {
  ds_json json = ds_json_to(&work->answers, false);
  if (work->answers.size > 0)
    ds_buf_text(&work->answers, ",\n");
  ds_json_text(&json, ds_str_of(key));
  ds_buf_u8(&work->answers, ':');
  ds_buf_append(&work->answers, work->text.data, work->text.size);
}

// What ends the making of the report; all else is one tile's.
static bool is_final(ds_code code) { return code == DS_INTERRUPTED || code == DS_CORRUPT; }

static ds_code take_tile(making *work, uint32_t index, ds_error *err) {
  const ds_report *report = work->report;
  const ds_tile *tile = &report->board->tiles[index];
  answered *to = &work->tiles[index];
  const ds_code asked = ds_tile_ask(report->board, tile, &report->ask->settings.saved,
                                    &work->more, &work->arena, &to->asked, &to->why);
  to->is_asked = asked == DS_OK;
  to->title = to->is_asked ? ds_tile_title(tile, &to->asked)
              : tile->title != NULL ? tile->title : tile->words.question;
  if (to->is_asked && is_there(work, index, to->asked.key))
    return DS_OK;
  if (to->is_asked && ask_tile(work, to, &to->why) == DS_OK) {
    keep_answer(work, to->asked.key);
    return DS_OK;
  }
  if (is_final(to->why.code))
    return ds_fail(err, to->why.code, "%s", to->why.message);
  work->outcome.failed++;
  if (work->outcome.first == DS_OK)
    work->outcome.first = to->why.code;
  if (report->failed != NULL)
    report->failed(report->context, to->title == NULL ? "" : to->title, &to->why);
  return DS_OK;
}

// --- what the script reads

static void text_member(ds_json *json, const char *name, const char *text) {
  ds_json_key(json, name);
  ds_json_text(json, ds_str_of(text));
}

// The board as it was asked: every tile in words of its own.
static void board_member(const making *work, ds_json *json) {
  const ds_report *report = work->report;
  ds_json_key(json, "boards");
  ds_json_begin_array(json);
  ds_json_begin_object(json);
  text_member(json, "name", report->board->name);
  text_member(json, "title", report->title != NULL          ? report->title
                             : report->board->title != NULL ? report->board->title
                                                            : report->board->name);
  text_member(json, "source", ds_board_source_name(report->board->source));
  ds_json_key(json, "tiles");
  ds_json_begin_array(json);
  for (uint32_t i = 0; i < report->board->tiles_count; i++) {
    const answered *tile = &work->tiles[i];
    ds_json_begin_object(json);
    text_member(json, "title", tile->title == NULL ? "" : tile->title);
    text_member(json, "question", tile->is_asked ? tile->asked.question->name : "");
    ds_json_key(json, "options");
    ds_tile_options_json(tile->is_asked ? &tile->asked : NULL, json);
    if (report->board->tiles[i].chart != NULL)
      text_member(json, "chart", report->board->tiles[i].chart);
    if (tile->why.code != DS_OK)
      text_member(json, "error", tile->why.message);
    ds_json_end_object(json);
  }
  ds_json_end_array(json);
  ds_json_end_object(json);
  ds_json_end_array(json);
}

static void report_member(const making *work, ds_json *json) {
  const ds_report *report = work->report;
  ds_json_key(json, "report");
  ds_json_begin_object(json);
  text_member(json, "board", report->board->name);
  text_member(json, "command", report->command);
  ds_json_key(json, "options");
  ds_json_begin_object(json);
  for (uint32_t i = 0; i < report->more.count; i++)
    text_member(json, report->more.values[i].name, report->more.values[i].text);
  ds_json_end_object(json);
  ds_json_end_object(json);
}

static ds_code write_data(making *work, ds_buf *out, ds_error *err) {
  const ds_ask *ask = work->report->ask;
  char identity[DS_ASK_IDENTITY_BYTES];
  ds_json json = ds_json_to(out, false);
  // Not of the clock: the same store gives the same bytes.
  ds_ask_identity(ask, ask->snapshot->time_max_ms, identity);
  ds_json_begin_object(&json);
  report_member(work, &json);
  board_member(work, &json);
  ds_json_key(&json, "questions");
  ds_describe_questions(&json);
  ds_json_key(&json, "store");
  TRY(ds_describe_store(ask, identity, ask->memory_bytes, work->report->progress, &json, err));
  ds_json_key(&json, "answers");
  ds_buf_u8(out, '{');
  ds_buf_append(out, work->answers.data, work->answers.size);
  ds_buf_text(out, "}}\n");
  return ds_buf_check(out, "the report", err);
}

static ds_code write_page(making *work, ds_buf *out, ds_error *err) {
  static const char words[] =
      "<p class=\"boot\">This report needs JavaScript: it draws the answers in your browser. "
      "Nothing is fetched, nothing is sent.</p>";
  const ds_report *report = work->report;
  ds_buf data;
  ds_buf_init(&data, REPORT_BYTES_MAX);
  ds_code code = write_data(work, &data, err);
  if (code == DS_OK) {
    const char *title = report->title != NULL          ? report->title
                        : report->board->title != NULL ? report->board->title
                                                       : report->board->name;
    const ds_page page = {.title = ds_str_of(title),
                          .script = report->script,
                          .style = report->style,
                          .data = {(const char *)data.data, (uint32_t)data.size},
                          .id = "doorstep-answers",
                          .words = words};
    code = ds_render_page(&page, out, err);
  }
  ds_buf_done(&data);
  return code;
}

// Options for the whole board are wrong for every tile: that is told once, before any is asked.
static ds_code check_more(making *work, ds_error *err) {
  const ds_report *report = work->report;
  const ds_question *question = ds_question_find(ds_str_of("map"));
  ds_request request;
  ds_plan plan;
  TRY(ds_ask_request(report->ask, question, report->more.values, report->more.count, &work->arena,
                     &request, err));
  return ds_question_select(&request, "report", &plan, err);
}

// What a question knows as --anonymous, every tile is asked with.
static ds_code take_more(making *work, ds_error *err) {
  const ds_option_set *given = &work->report->more;
  ds_option_value *values = ds_arena_array(&work->arena, given->count + 1u, sizeof *values);
  if (values == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the report");
  for (uint32_t i = 0; i < given->count; i++)
    values[i] = given->values[i];
  values[given->count] = (ds_option_value){"anonymous", ""};
  work->more = (ds_option_set){.values = values,
                               .count = given->count + (work->report->people ? 0 : 1)};
  return DS_OK;
}

static ds_code make(making *work, ds_buf *out, ds_error *err) {
  const ds_board *board = work->report->board;
  TRY(check_more(work, err));
  TRY(take_more(work, err));
  work->outcome.tiles = board->tiles_count;
  work->tiles = ds_arena_array(&work->arena, board->tiles_count + 1u, sizeof *work->tiles);
  if (work->tiles == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the report");
  memset(work->tiles, 0, board->tiles_count * sizeof *work->tiles);
  for (uint32_t i = 0; i < board->tiles_count; i++)
    TRY(take_tile(work, i, err));
  TRY(ds_buf_check(&work->answers, "the answers of the report", err));
  return write_page(work, out, err);
}

ds_code ds_report_make(const ds_report *report, ds_buf *out, ds_report_outcome *ret_outcome,
                       ds_error *err) {
  making work = {.report = report};
  ds_arena_init(&work.arena, (size_t)64 << 20);
  ds_buf_init(&work.answers, REPORT_BYTES_MAX);
  ds_buf_init(&work.text, REPORT_BYTES_MAX);
  const ds_code code = make(&work, out, err);
  ds_buf_done(&work.text);
  ds_buf_done(&work.answers);
  ds_arena_done(&work.arena);
  if (code == DS_OK)
    *ret_outcome = work.outcome;
  return code;
}
