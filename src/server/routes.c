// SPDX-License-Identifier: Apache-2.0
#include "server/routes.h"

#include "server/api.h"
#include "server/server_state.h"

#define QUESTION "/v1/questions/{name}"
#define BOARD "/v1/boards/{name}"
#define REQUEST "/v1/requests/{name}"

const ds_route ds_routes[] = {
    {DS_HTTP_GET, "/healthz", "whether the server answers", NULL, false, ds_server_health},
    {DS_HTTP_GET, QUESTION, "the answer to a question, options as parameters", ds_answer_question,
     true, NULL},
    {DS_HTTP_POST, QUESTION, "the same, options as JSON in the body", ds_answer_question, true,
     NULL},
    {DS_HTTP_GET, "/v1/boards", "all boards", ds_answer_boards, false, NULL},
    {DS_HTTP_GET, BOARD, "one board", ds_answer_board, false, NULL},
    {DS_HTTP_PUT, BOARD, "save a board", ds_answer_board_put, false, NULL},
    {DS_HTTP_DELETE, BOARD, "remove a saved board", ds_answer_board_delete, false, NULL},
    {DS_HTTP_GET, "/openapi.yaml", "the API described, OpenAPI 3.1", ds_answer_openapi, true, NULL},
    {DS_HTTP_GET, "/v1/questions", "the question table, with options", ds_answer_questions, true,
     NULL},
    {DS_HTTP_GET, "/v1/store", "what the store holds to ask about", ds_answer_store, true, NULL},
    {DS_HTTP_GET, "/v1/language", "the words of the journey language", ds_answer_language, true,
     NULL},
    {DS_HTTP_POST, "/v1/explain", "what an expression means", ds_answer_explain, true, NULL},
    {DS_HTTP_POST, "/v1/sql", "rows of a statement of SQL, which only reads", ds_answer_sql, false,
     NULL},
    {DS_HTTP_GET, REQUEST, "how far a request is, as server-sent events", NULL, false,
     ds_server_watch},
    {DS_HTTP_DELETE, REQUEST, "stop a request", NULL, false, ds_server_stop_request},
};
const uint32_t ds_routes_count = sizeof ds_routes / sizeof *ds_routes;

// Whether a path fits a pattern; *ret_name is what stands in place of {name}.
static bool fits(const char *pattern, const char *path, const char **ret_name) {
  const char *open = strchr(pattern, '{');
  if (open == NULL)
    return strcmp(pattern, path) == 0;
  const size_t size = (size_t)(open - pattern);
  if (strncmp(pattern, path, size) != 0 || path[size] == '\0' || strchr(path + size, '/') != NULL)
    return false;
  *ret_name = path + size;
  return true;
}

const ds_route *ds_route_find(const char *path, ds_http_method method, const char **ret_name,
                              unsigned *ret_methods) {
  const ds_route *found = NULL;
  *ret_methods = 0;
  *ret_name = "";
  for (uint32_t r = 0; r < ds_routes_count; r++) {
    if (!fits(ds_routes[r].path, path, ret_name))
      continue;
    *ret_methods |= ds_routes[r].method;
    if (ds_routes[r].method == method)
      found = &ds_routes[r];
  }
  return found;
}
