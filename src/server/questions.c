// SPDX-License-Identifier: Apache-2.0
// A question over HTTP: its options are those of the command line, its answer the same bytes.
// Options come as parameters of the address, or as {"options": {NAME: VALUE or [VALUES]}}.
#include <stdio.h>

#include "ingest/ndjson_parse.h"
#include "render/render.h"
#include "server/routes.h"

// Options as given, and what is not the question's: the form of the answer.
typedef struct given {
  ds_call *call;
  ds_option_value *options;
  uint32_t count;
  const char *format; // NULL: JSON
  const char *table;  // NULL: the main one
} given;

static ds_code put(given *in, const char *name, const char *text, ds_error *err) {
  if (strcmp(name, "format") == 0) {
    in->format = text;
  } else if (strcmp(name, "table") == 0) {
    in->table = text;
  } else if (in->count == DS_ASK_OPTIONS_MAX) {
    return ds_fail(err, DS_LIMIT, "more than %d options", DS_ASK_OPTIONS_MAX);
  } else {
    in->options[in->count++] = (ds_option_value){name, text};
  }
  return DS_OK;
}

// --- from JSON

static ds_code put_node(given *in, const char *name, const ds_ndjson_node *node, ds_error *err) {
  char number[32];
  ds_str text = node->text;
  switch (node->kind) {
  case DS_NDJSON_TEXT:
    break;
  case DS_NDJSON_BOOL:
    text = ds_str_of(node->i != 0 ? "true" : "false");
    break;
  case DS_NDJSON_INTEGER:
    snprintf(number, sizeof number, "%lld", (long long)node->i);
    text = ds_str_of(number);
    break;
  case DS_NDJSON_NUMBER:
    snprintf(number, sizeof number, "%.15g", node->number);
    text = ds_str_of(number);
    break;
  case DS_NDJSON_NULL:
    return DS_OK;
  default:
    return ds_fail(err, DS_USAGE, "--%.60s: its value is a text, a number, true, false or a list "
                   "of these", name);
  }
  const char *copy = ds_arena_text(in->call->arena, text.data, text.size);
  if (copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the options");
  if (strlen(copy) != text.size)
    return ds_fail(err, DS_USAGE, "--%.60s: a text without NUL is expected", name);
  return put(in, name, copy, err);
}

static ds_code put_member(given *in, const ds_ndjson_node *nodes, uint32_t at, ds_error *err) {
  const ds_ndjson_node *node = &nodes[at];
  const char *name = ds_arena_text(in->call->arena, node->key.data, node->key.size);
  if (name == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the options");
  if (node->kind != DS_NDJSON_ARRAY)
    return put_node(in, name, node, err);
  for (uint32_t item = at + 1; item < node->next; item = nodes[item].next)
    TRY(put_node(in, name, &nodes[item], err));
  return DS_OK;
}

static ds_code put_object(given *in, const ds_ndjson_node *nodes, ds_error *err) {
  if (nodes[0].kind != DS_NDJSON_OBJECT)
    return ds_fail(err, DS_USAGE, "the body: expected {\"options\": {…}}");
  for (uint32_t at = 1; at < nodes[0].next; at = nodes[at].next) {
    if (!ds_str_equal(nodes[at].key, ds_str_of("options")) || nodes[at].kind != DS_NDJSON_OBJECT)
      return ds_fail_at(err, DS_USAGE, 0, 0, "the body: expected {\"options\": {…}}");
    for (uint32_t option = at + 1; option < nodes[at].next; option = nodes[option].next)
      TRY(put_member(in, nodes, option, err));
  }
  return DS_OK;
}

static ds_code read_body(given *in, ds_error *err) {
  const ds_str body = in->call->request->body;
  const ds_ndjson_node *nodes = NULL;
  uint32_t count = 0, column = 0;
  if (body.size == 0)
    return DS_OK;
  ds_ndjson *parser = ds_ndjson_new();
  if (parser == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the request");
  const char *wrong = ds_ndjson_read(parser, body.data, body.size, &nodes, &count, &column);
  ds_code code = DS_OK;
  if (wrong == ds_ndjson_no_memory)
    code = ds_fail(err, DS_MEMORY, "out of memory for the request");
  else if (wrong != NULL)
    code = ds_fail_at(err, DS_USAGE, 1, column, "the body: %s", wrong);
  else
    code = put_object(in, nodes, err);
  ds_ndjson_free(parser);
  return code;
}

// --- answered

static ds_code read_options(given *in, ds_error *err) {
  const ds_query *query = &in->call->request->target;
  in->options = (ds_option_value *)ds_arena_array(in->call->arena, DS_ASK_OPTIONS_MAX,
                                                  sizeof *in->options);
  if (in->options == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the options");
  for (uint32_t i = 0; i < query->parameters_count; i++)
    TRY(put(in, query->parameters[i].name, query->parameters[i].value, err));
  return read_body(in, err);
}

static ds_code find(const char *name, const ds_question **ret_question, ds_error *err) {
  enum { MAX = 64 };
  const char *names[MAX];
  uint32_t count = 0;
  *ret_question = ds_question_find(ds_str_of(name));
  for (; count < ds_questions_count && count < MAX; count++)
    names[count] = ds_questions[count].name;
  if (*ret_question != NULL)
    return DS_OK;
  const char *near = ds_str_nearest(ds_str_of(name), names, count);
  return ds_fail(err, DS_MISSING, "there is no question '%.60s'%s%s%s", name,
                 near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

// How an answer is written: a format of the command line, or the question's SQL text.
typedef struct form {
  const char *name;
  const char *type;
} form;

static ds_code form_of(const char *name, const form **ret_form, ds_error *err) {
  static const form forms[] = {
      {"json", "application/json"},
      {"csv", "text/csv; charset=utf-8; header=present"},
      {"svg", "image/svg+xml"},
      {"layout", "application/json"},
      {"sql", "text/plain; charset=utf-8"},
  };
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
    if (name == NULL || strcmp(forms[f].name, name) == 0) {
      *ret_form = &forms[f];
      return DS_OK;
    }
  return ds_fail(err, DS_USAGE, "--format takes one of json|csv|svg|layout|sql, not '%.60s'", name);
}

static ds_code run(const given *in, const ds_question *question, const form *as,
                   const ds_request *request, ds_reply *reply, ds_error *err) {
  if (strcmp(as->name, "sql") == 0) {
    TRY(ds_question_sql(question, request, &reply->body, err));
    if (reply->body.size == 0 || reply->body.data[reply->body.size - 1] != '\n')
      ds_buf_text(&reply->body, "\n");
    return DS_OK;
  }
  const ds_render_options options = {.table = in->table};
  const ds_format *format = ds_format_of_name(ds_str_of(as->name));
  ds_result *result = (ds_result *)ds_arena_alloc(in->call->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the answer");
  ds_result_init(result, in->call->arena, question->name);
  TRY(ds_question_run(question, request, result, err));
  return format->render(result, &options, &reply->body, err);
}

ds_code ds_answer_question(ds_call *call, ds_reply *reply, ds_error *err) {
  given in = {.call = call};
  const ds_question *question = NULL;
  const form *as = NULL;
  const ds_option *blamed = NULL;
  const char *text = NULL;
  ds_error why = {.code = DS_OK};
  ds_request request = {.snapshot = NULL};
  TRY(find(call->name, &question, err));
  TRY(read_options(&in, err));
  TRY(form_of(in.format, &as, err));
  reply->type = as->type;
  ds_code code = ds_ask_request(call->ask, question, in.options, in.count, call->arena, &request,
                                &why);
  request.progress = call->progress;
  request.threads = call->threads;
  request.memory_bytes = call->memory_bytes;
  if (code == DS_OK)
    code = run(&in, question, as, &request, reply, &why);
  if (code == DS_OK)
    return DS_OK;
  if (ds_ask_blame(question, in.options, in.count, &why, &blamed, &text))
    reply->option = blamed->name;
  if (err != NULL)
    *err = why;
  return code;
}
