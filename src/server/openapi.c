// SPDX-License-Identifier: Apache-2.0
#include "server/openapi.h"

#include <stdio.h>

#include "base/json.h"
#include "render/cell.h"
#include "server/api.h"
#include "server/embedded_schemas.h"

#define JSON_TYPE "application/json"

// What a route takes and gives, beside what stands in the table of routes.
typedef struct shape {
  ds_http_method method;
  const char *path;
  const char *id;     // of the operation
  const char *body;   // schema of what is sent, or NULL
  const char *schema; // of the answer; NULL: it is no JSON
  const char *type;   // of the answer; NULL: JSON
  uint32_t status;    // of success
} shape;

static const shape shapes[] = {
    {DS_HTTP_GET, "/healthz", "health", NULL, NULL, "text/plain", 200},
    {DS_HTTP_GET, "/openapi.yaml", "describe", NULL, NULL, "application/yaml", 200},
    {DS_HTTP_GET, "/v1/questions", "list_questions", NULL, "Questions", NULL, 200},
    {DS_HTTP_GET, "/v1/questions/{name}", "ask_", NULL, "Result", NULL, 200},
    {DS_HTTP_POST, "/v1/questions/{name}", "post_", "Asked", "Result", NULL, 200},
    {DS_HTTP_GET, "/v1/store", "describe_store", NULL, "Store", NULL, 200},
    {DS_HTTP_GET, "/v1/language", "describe_language", NULL, "Language", NULL, 200},
    {DS_HTTP_POST, "/v1/explain", "explain", "Expression", "Result", NULL, 200},
    {DS_HTTP_POST, "/v1/sql", "run_sql", "Statement", "Result", NULL, 200},
    {DS_HTTP_GET, "/v1/boards", "list_boards", NULL, "Boards", NULL, 200},
    {DS_HTTP_GET, "/v1/boards/{name}", "read_board", NULL, "Board", NULL, 200},
    {DS_HTTP_PUT, "/v1/boards/{name}", "save_board", "Board", "Board", NULL, 200},
    {DS_HTTP_DELETE, "/v1/boards/{name}", "remove_board", NULL, "Done", NULL, 200},
    {DS_HTTP_GET, "/v1/requests/{name}", "watch_request", NULL, NULL, "text/event-stream", 200},
    {DS_HTTP_DELETE, "/v1/requests/{name}", "stop_request", NULL, NULL, NULL, 204},
};

static const shape *shape_of(const ds_route *route) {
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    if (shapes[s].method == route->method && strcmp(shapes[s].path, route->path) == 0)
      return &shapes[s];
  return NULL;
}

static const char *method_name(ds_http_method method) {
  switch (method) {
  case DS_HTTP_POST: return "post";
  case DS_HTTP_PUT: return "put";
  case DS_HTTP_DELETE: return "delete";
  default: return "get";
  }
}

static void text_member(ds_json *json, const char *name, const char *text) {
  ds_json_key(json, name);
  ds_json_text(json, ds_str_of(text));
}

static void reference_member(ds_json *json, const char *section, const char *name) {
  char text[128];
  snprintf(text, sizeof text, "#/components/%s/%s", section, name);
  text_member(json, "$ref", text);
}

// "schema": {"$ref": …}
static void schema_member(ds_json *json, const char *name) {
  ds_json_key(json, "schema");
  ds_json_begin_object(json);
  reference_member(json, "schemas", name);
  ds_json_end_object(json);
}

// One form of a body: TYPE: {"schema": …}.
static void form_member(ds_json *json, const char *type, const char *schema) {
  ds_json_key(json, type);
  ds_json_begin_object(json);
  if (schema != NULL) {
    schema_member(json, schema);
  } else {
    ds_json_key(json, "schema");
    ds_json_begin_object(json);
    text_member(json, "type", "string");
    ds_json_end_object(json);
  }
  ds_json_end_object(json);
}

static void choices_member(ds_json *json, const char *choices) {
  ds_json_key(json, "enum");
  ds_json_begin_array(json);
  for (const char *at = choices; *at != '\0';) {
    const size_t size = strcspn(at, "|");
    ds_json_text(json, (ds_str){at, (uint32_t)size});
    at += size + (at[size] == '|');
  }
  ds_json_end_array(json);
}

static bool is_repeated(const ds_option *option) {
  return option->type == DS_OPTION_ARGUMENTS || option->type == DS_OPTION_TEXTS;
}

// The schema of an option's value.
static void option_schema(ds_json *json, const ds_option *option) {
  const char *type = option->type == DS_OPTION_FLAG    ? "boolean"
                     : option->type == DS_OPTION_COUNT ? "integer"
                     : option->type == DS_OPTION_SHARE ? "number"
                     : is_repeated(option)             ? "array"
                                                       : "string";
  ds_json_begin_object(json);
  text_member(json, "type", type);
  if (is_repeated(option)) {
    ds_json_key(json, "items");
    ds_json_begin_object(json);
    text_member(json, "type", "string");
    ds_json_end_object(json);
  }
  if (option->type == DS_OPTION_COUNT) {
    ds_json_key(json, "minimum");
    ds_json_i64(json, 0);
  }
  if (option->choices != NULL && *option->choices != '\0')
    choices_member(json, option->choices);
  if (option->preset != NULL && *option->preset != '\0') {
    const bool number = strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    ds_json_key(json, "default");
    if (number)
      ds_json_number(json, ds_str_of(option->preset));
    else
      ds_json_text(json, ds_str_of(option->preset));
  }
  ds_json_end_object(json);
}

static void parameter(ds_json *json, const char *name, const char *in, const char *meaning,
                      const ds_option *option) {
  static const ds_option text = {"", DS_OPTION_TEXT, "", "", NULL, ""};
  ds_json_begin_object(json);
  json->pretty = false;
  text_member(json, "name", name);
  text_member(json, "in", in);
  text_member(json, "description", meaning);
  if (strcmp(in, "path") == 0) {
    ds_json_key(json, "required");
    ds_json_bool(json, true);
  }
  ds_json_key(json, "schema");
  option_schema(json, option == NULL ? &text : option);
  ds_json_end_object(json);
  json->pretty = true;
}

// What every answer to a question can be asked for beside its options.
static const ds_option forms[] = {
    {"format", DS_OPTION_CHOICE, "", "json", "json|csv|svg|layout|sql",
     "how the answer is written"},
    {"table", DS_OPTION_TEXT, "", "", NULL, "of csv: which table; else the main one"},
};

static void reference_item(ds_json *json, const char *name) {
  ds_json_begin_object(json);
  json->pretty = false;
  reference_member(json, "parameters", name);
  ds_json_end_object(json);
  json->pretty = true;
}

static void question_parameters(ds_json *json, const ds_question *question) {
  ds_json_key(json, "parameters");
  ds_json_begin_array(json);
  for (uint32_t o = 0; o < question->options_count; o++)
    if (strcmp(question->options[o].name, "personal") != 0)
      parameter(json, question->options[o].name, "query", question->options[o].help,
                &question->options[o]);
  for (uint32_t o = 0; o < ds_common_options_count; o++)
    reference_item(json, ds_common_options[o].name);
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
    reference_item(json, forms[f].name);
  ds_json_end_array(json);
}

static void responses_member(ds_json *json, const shape *of, bool is_question) {
  char status[8];
  snprintf(status, sizeof status, "%u", of->status);
  ds_json_key(json, "responses");
  ds_json_begin_object(json);
  ds_json_key(json, status);
  ds_json_begin_object(json);
  json->pretty = false;
  text_member(json, "description", of->status == 204 ? "done" : "the answer");
  if (of->status != 204) {
    ds_json_key(json, "content");
    ds_json_begin_object(json);
    form_member(json, of->type == NULL ? JSON_TYPE : of->type, of->schema);
    if (is_question) {
      form_member(json, "text/csv", NULL);
      form_member(json, "image/svg+xml", NULL);
      form_member(json, "text/plain", NULL);
    }
    ds_json_end_object(json);
  }
  ds_json_end_object(json);
  json->pretty = true;
  ds_json_key(json, "default");
  ds_json_begin_object(json);
  json->pretty = false;
  reference_member(json, "responses", "Problem");
  ds_json_end_object(json);
  json->pretty = true;
  ds_json_end_object(json);
}

// One operation, of a question when that is not NULL.
static void operation(ds_json *json, const ds_route *route, const shape *of,
                      const ds_question *question) {
  char id[64];
  snprintf(id, sizeof id, "%s%s", of->id, question == NULL ? "" : question->name);
  ds_json_key(json, method_name(route->method));
  ds_json_begin_object(json);
  text_member(json, "operationId", id);
  text_member(json, "summary", question == NULL ? route->purpose : question->purpose);
  if (question != NULL && route->method == DS_HTTP_GET)
    question_parameters(json, question);
  if (question == NULL && strstr(route->path, "{name}") != NULL) {
    ds_json_key(json, "parameters");
    ds_json_begin_array(json);
    parameter(json, "name", "path", "its name", NULL);
    ds_json_end_array(json);
  }
  if (of->body != NULL) {
    ds_json_key(json, "requestBody");
    ds_json_begin_object(json);
    json->pretty = false;
    ds_json_key(json, "content");
    ds_json_begin_object(json);
    form_member(json, JSON_TYPE, of->body);
    ds_json_end_object(json);
    ds_json_end_object(json);
    json->pretty = true;
  }
  responses_member(json, of, question != NULL);
  ds_json_end_object(json);
}

// All methods of the path of route r; `question` stands for {name}.
static ds_code path_member(ds_json *json, uint32_t r, const ds_question *question,
                           ds_error *err) {
  char path[128];
  const char *pattern = ds_routes[r].path;
  snprintf(path, sizeof path, "%.*s%s", question == NULL ? 127 : (int)strcspn(pattern, "{"),
           pattern, question == NULL ? "" : question->name);
  ds_json_key(json, path);
  ds_json_begin_object(json);
  for (uint32_t same = r; same < ds_routes_count; same++) {
    if (strcmp(ds_routes[same].path, pattern) != 0)
      continue;
    const shape *of = shape_of(&ds_routes[same]);
    if (of == NULL)
      return ds_fail(err, DS_UNSUPPORTED, "the route %s %s is not described",
                     method_name(ds_routes[same].method), pattern);
    operation(json, &ds_routes[same], of, question);
  }
  ds_json_end_object(json);
  return DS_OK;
}

static bool stands_before(uint32_t r) {
  for (uint32_t before = 0; before < r; before++)
    if (strcmp(ds_routes[before].path, ds_routes[r].path) == 0)
      return true;
  return false;
}

static ds_code paths_member(ds_json *json, ds_error *err) {
  ds_json_key(json, "paths");
  ds_json_begin_object(json);
  for (uint32_t r = 0; r < ds_routes_count; r++) {
    const bool questions = strcmp(ds_routes[r].path, "/v1/questions/{name}") == 0;
    if (stands_before(r))
      continue;
    if (!questions)
      TRY(path_member(json, r, NULL, err));
    for (uint32_t q = 0; questions && q < ds_questions_count; q++)
      TRY(path_member(json, r, &ds_questions[q], err));
  }
  ds_json_end_object(json);
  return DS_OK;
}

static const char *code_name(uint32_t code) { return ds_code_name((ds_code)code); }
static const char *type_name(uint32_t type) { return ds_cell_type_name((ds_cell_type)type); }

// A schema of names that stand in a table of the program.
static void names_member(ds_json *json, const char *schema, const char *meaning,
                         const char *(*name)(uint32_t), uint32_t count) {
  ds_json_key(json, schema);
  ds_json_begin_object(json);
  json->pretty = false;
  text_member(json, "description", meaning);
  text_member(json, "type", "string");
  ds_json_key(json, "enum");
  ds_json_begin_array(json);
  for (uint32_t n = 0; n < count; n++)
    ds_json_text(json, ds_str_of(name(n)));
  ds_json_end_array(json);
  ds_json_end_object(json);
  json->pretty = true;
}

// The shapes of bodies: the members of schemas.json, and the names that tables have.
static void schemas_member(ds_json *json) {
  const char *text = (const char *)ds_embedded_schemas[0].bytes;
  const char *begin = strchr(text, '"'), *end = strrchr(text, '}');
  while (end[-1] == '\n' || end[-1] == ' ')
    end--;
  ds_json_key(json, "schemas");
  ds_json_begin_object(json);
  names_member(json, "Code", "what kind of error it is; see docs/exit-status.md", code_name,
               DS_CODES_COUNT);
  names_member(json, "CellType", "how a cell is read: times are ISO 8601, durations milliseconds, "
               "shares 0 to 1; lists and items are arrays", type_name, DS_CELL_EXACT + 1);
  ds_buf_text(json->out, ",\n  ");
  ds_buf_append(json->out, begin, (size_t)(end - begin));
  ds_json_end_object(json);
}

static void components_member(ds_json *json) {
  ds_json_key(json, "components");
  ds_json_begin_object(json);
  ds_json_key(json, "parameters");
  ds_json_begin_object(json);
  for (uint32_t o = 0; o < ds_common_options_count; o++) {
    ds_json_key(json, ds_common_options[o].name);
    parameter(json, ds_common_options[o].name, "query", ds_common_options[o].help,
              &ds_common_options[o]);
  }
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
    ds_json_key(json, forms[f].name);
    parameter(json, forms[f].name, "query", forms[f].help, &forms[f]);
  }
  ds_json_end_object(json);
  ds_json_key(json, "responses");
  ds_json_begin_object(json);
  ds_json_key(json, "Problem");
  ds_json_begin_object(json);
  text_member(json, "description", "what is wrong");
  ds_json_key(json, "content");
  ds_json_begin_object(json);
  form_member(json, "application/problem+json", "Problem");
  ds_json_end_object(json);
  ds_json_end_object(json);
  ds_json_end_object(json);
  schemas_member(json);
  ds_json_end_object(json);
}

ds_code ds_openapi_write(ds_buf *out, ds_error *err) {
  ds_json json = ds_json_to(out, true);
  ds_json_begin_object(&json);
  text_member(&json, "openapi", "3.1.0");
  ds_json_key(&json, "info");
  ds_json_begin_object(&json);
  text_member(&json, "title", "Doorstep");
  text_member(&json, "version", DS_PROGRAM_VERSION);
  text_member(&json, "description",
              "Questions about what customers live through after they have bought; see "
              "docs/api.md. Options are those of the command line without dashes.");
  ds_json_end_object(&json);
  TRY(paths_member(&json, err));
  components_member(&json);
  ds_json_end_object(&json);
  ds_buf_u8(out, '\n');
  return ds_buf_check(out, "the description of the API", err);
}

ds_code ds_answer_openapi(ds_call *call, ds_reply *reply, ds_error *err) {
  (void)call;
  reply->type = "application/yaml";
  return ds_openapi_write(&reply->body, err);
}
