// SPDX-License-Identifier: Apache-2.0
#include "server/problem.h"

#include "base/json.h"

uint32_t ds_problem_status(const ds_error *err, uint32_t status) {
  return status != 0 ? status : (uint32_t)ds_code_http(err->code);
}

// The NAME of a message "--NAME…: …", else the empty text.
static ds_str option_of(const char *message) {
  if (strncmp(message, "--", 2) != 0)
    return (ds_str){"", 0};
  return (ds_str){message + 2, (uint32_t)strcspn(message + 2, " :,=")};
}

// What RFC 9110 calls a status.
static const char *title_of(uint32_t status) {
  static const struct {
    uint32_t status;
    const char *title;
  } titles[] = {
      {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
      {405, "Method Not Allowed"}, {409, "Conflict"}, {413, "Content Too Large"},
      {421, "Misdirected Request"}, {422, "Unprocessable Content"}, {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
      {501, "Not Implemented"}, {503, "Service Unavailable"}, {507, "Insufficient Storage"},
  };
  for (size_t t = 0; t < sizeof titles / sizeof *titles; t++)
    if (titles[t].status == status)
      return titles[t].title;
  return "Error";
}

void ds_problem_write(const ds_error *err, uint32_t status, const char *blamed, ds_buf *out) {
  ds_json json = ds_json_to(out, false);
  const ds_str option = blamed != NULL ? ds_str_of(blamed) : option_of(err->message);
  ds_json_begin_object(&json);
  ds_json_key(&json, "type");
  ds_json_text(&json, ds_str_of("about:blank"));
  ds_json_key(&json, "title");
  ds_json_text(&json, ds_str_of(title_of(ds_problem_status(err, status))));
  ds_json_key(&json, "status");
  ds_json_u64(&json, ds_problem_status(err, status));
  ds_json_key(&json, "detail");
  ds_json_text(&json, ds_str_of(err->message));
  ds_json_key(&json, "code");
  ds_json_text(&json, ds_str_of(ds_code_name(err->code)));
  if (option.size > 0) {
    ds_json_key(&json, "option");
    ds_json_text(&json, option);
  }
  if (err->line > 0) {
    ds_json_key(&json, "line");
    ds_json_u64(&json, err->line);
  }
  if (err->column > 0) {
    ds_json_key(&json, "column");
    ds_json_u64(&json, err->column);
  }
  ds_json_end_object(&json);
  ds_buf_u8(out, '\n');
}
