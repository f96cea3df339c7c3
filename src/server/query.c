// SPDX-License-Identifier: Apache-2.0
#include "server/query.h"

#include <utf8proc.h>

static int hex_of(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  const char folded = (char)(c | 0x20);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

// Valid UTF-8; control characters only where `lines` allows tabs and ends of lines.
static bool is_text(const char *text, size_t size, bool lines) {
  for (size_t at = 0; at < size;) {
    utf8proc_int32_t code = -1;
    const utf8proc_ssize_t taken =
        utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(size - at), &code);
    if (taken <= 0 || code == 0x7f)
      return false;
    if (code < 0x20 && !(lines && (code == '\n' || code == '\r' || code == '\t')))
      return false;
    at += (size_t)taken;
  }
  return true;
}

// Decodes %XX, and '+' as a space in a query; `what` is named in errors.
static ds_code decode(ds_str raw, bool query, const char *what, ds_arena *arena,
                      const char **ret_text, ds_error *err) {
  char *text = (char *)ds_arena_alloc(arena, (size_t)raw.size + 1);
  size_t size = 0;
  if (text == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the request");
  for (uint32_t i = 0; i < raw.size; i++) {
    char c = raw.data[i];
    if (c == '%') {
      const int high = i + 2 < raw.size ? hex_of(raw.data[i + 1]) : -1;
      const int low = i + 2 < raw.size ? hex_of(raw.data[i + 2]) : -1;
      if (high < 0 || low < 0)
        return ds_fail(err, DS_USAGE, "%s: '%%' needs two hexadecimal digits behind it", what);
      c = (char)(high * 16 + low);
      i += 2;
      if (!query && c == '/')
        return ds_fail(err, DS_USAGE, "%s: a slash cannot be written as %%2F", what);
    } else if (query && c == '+') {
      c = ' ';
    }
    text[size++] = c;
  }
  text[size] = '\0';
  if (!is_text(text, size, query))
    return ds_fail(err, DS_USAGE, "%s: it is no UTF-8 text without control characters", what);
  *ret_text = text;
  return DS_OK;
}

// Whether a step of the path is "." or "..", which clients resolve themselves.
static bool has_dots(const char *path) {
  for (const char *step = path; step != NULL; step = strchr(step, '/')) {
    step += *step == '/';
    const size_t size = strcspn(step, "/");
    if ((size == 1 && step[0] == '.') || (size == 2 && step[0] == '.' && step[1] == '.'))
      return true;
    if (step[size] == '\0')
      return false;
  }
  return false;
}

static ds_code parse_parameters(ds_str raw, ds_arena *arena, ds_query *query, ds_error *err) {
  uint32_t count = 1;
  for (uint32_t i = 0; i < raw.size; i++)
    count += raw.data[i] == '&';
  if (count > DS_QUERY_PARAMETERS_MAX)
    return ds_fail(err, DS_LIMIT, "more than %u parameters", DS_QUERY_PARAMETERS_MAX);
  ds_query_pair *pairs = (ds_query_pair *)ds_arena_array(arena, count, sizeof *pairs);
  if (pairs == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the request");
  query->parameters = pairs;
  for (uint32_t at = 0; at < raw.size;) {
    const char *begin = raw.data + at;
    const char *end = memchr(begin, '&', raw.size - at);
    const uint32_t size = end == NULL ? raw.size - at : (uint32_t)(end - begin);
    const char *equals = memchr(begin, '=', size);
    const uint32_t name = equals == NULL ? size : (uint32_t)(equals - begin);
    at += size + 1;
    if (size == 0)
      continue;
    ds_query_pair *pair = &pairs[query->parameters_count++];
    pair->value = "";
    TRY(decode((ds_str){begin, name}, true, "the name of a parameter", arena, &pair->name, err));
    if (equals != NULL)
      TRY(decode((ds_str){equals + 1, size - name - 1}, true, "the value of a parameter", arena,
                 &pair->value, err));
  }
  return DS_OK;
}

ds_code ds_query_parse(ds_str target, ds_arena *arena, ds_query *ret_query, ds_error *err) {
  ds_query query = {.path = NULL};
  const char *mark = target.size == 0 ? NULL : memchr(target.data, '?', target.size);
  const uint32_t path = mark == NULL ? target.size : (uint32_t)(mark - target.data);
  if (path == 0 || target.data[0] != '/')
    return ds_fail(err, DS_USAGE, "the path of a request begins with '/'");
  if (path > DS_QUERY_PATH_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "the path is longer than %u bytes", DS_QUERY_PATH_BYTES_MAX);
  TRY(decode((ds_str){target.data, path}, false, "the path", arena, &query.path, err));
  if (has_dots(query.path))
    return ds_fail(err, DS_USAGE, "the path: '.' and '..' are no steps of one");
  if (mark != NULL)
    TRY(parse_parameters((ds_str){mark + 1, target.size - path - 1}, arena, &query, err));
  *ret_query = query;
  return DS_OK;
}

const char *ds_query_get(const ds_query *query, const char *name) {
  for (uint32_t i = query->parameters_count; i-- > 0;)
    if (strcmp(query->parameters[i].name, name) == 0)
      return query->parameters[i].value;
  return NULL;
}
