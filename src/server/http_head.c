// SPDX-License-Identifier: Apache-2.0
// libmicrohttpd takes requests whose length can be read in two ways, and ones without Host; behind
// a proxy that reads them the other way they would smuggle a second request past it. Here they are
// refused.
#include <strings.h>

#include "server/http_state.h"

static const struct {
  const char *name;
  ds_http_method method;
} methods[] = {
    {"GET", DS_HTTP_GET},   {"HEAD", DS_HTTP_GET}, {"POST", DS_HTTP_POST},
    {"PUT", DS_HTTP_PUT},   {"DELETE", DS_HTTP_DELETE},
};

// What is gathered while the headers are walked.
typedef struct head {
  ds_http_request *request;
  ds_query_pair *pairs;
  uint32_t count;
  bool no_memory, too_many, bad_name;
} head;

// A name is a token of RFC 9110: no space before the colon, no control character.
static bool is_token(const char *name) {
  for (const char *c = name; *c != '\0'; c++)
    if (*c <= ' ' || *c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", *c) != NULL)
      return false;
  return *name != '\0';
}

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
  (void)kind;
  head *in = (head *)context;
  ds_arena *arena = &in->request->arena;
  if (in->count == DS_HTTP_HEADERS_MAX) {
    in->too_many = true;
    return MHD_NO;
  }
  in->bad_name = in->bad_name || !is_token(name);
  ds_query_pair *pair = &in->pairs[in->count++];
  pair->name = ds_arena_text(arena, name, strlen(name));
  pair->value = ds_arena_text(arena, value == NULL ? "" : value, value == NULL ? 0 : strlen(value));
  in->no_memory = in->no_memory || pair->name == NULL || pair->value == NULL;
  return in->no_memory ? MHD_NO : MHD_YES;
}

static uint32_t count_of(const ds_http_request *request, const char *name) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < request->headers_count; i++)
    count += strcasecmp(request->headers[i].name, name) == 0;
  return count;
}

static ds_code check_length(const ds_http_request *request, uint32_t *ret_status, ds_error *err) {
  enum { TOO_LARGE = 413, NOT_IMPLEMENTED = 501 };
  const char *length = ds_http_header_of(request, "Content-Length");
  const char *coding = ds_http_header_of(request, "Transfer-Encoding");
  uint64_t bytes = 0;
  if (count_of(request, "Content-Length") > 1 || count_of(request, "Transfer-Encoding") > 1)
    return ds_fail(err, DS_USAGE, "the length of the request is said twice");
  if (length != NULL && coding != NULL)
    return ds_fail(err, DS_USAGE, "a request has Content-Length or Transfer-Encoding, not both");
  if (coding != NULL && strcasecmp(coding, "chunked") != 0) {
    *ret_status = NOT_IMPLEMENTED;
    return ds_fail(err, DS_UNSUPPORTED, "the only Transfer-Encoding taken is chunked");
  }
  if (length != NULL && (strspn(length, "0123456789") != strlen(length) ||
                         !ds_str_to_u64(ds_str_of(length), &bytes)))
    return ds_fail(err, DS_USAGE, "Content-Length is no number");
  if (bytes > DS_HTTP_BODY_BYTES_MAX) {
    *ret_status = TOO_LARGE;
    return ds_fail(err, DS_LIMIT, "a request's body is at most %u bytes", DS_HTTP_BODY_BYTES_MAX);
  }
  return DS_OK;
}

ds_code ds_http_read_head(ds_http_exchange *exchange, const char *method, uint32_t *ret_status,
                          ds_error *err) {
  enum { HEADERS_TOO_LARGE = 431 };
  ds_http_request *request = exchange->request;
  head in = {.request = request};
  for (size_t m = 0; m < sizeof methods / sizeof *methods; m++)
    if (strcmp(method, methods[m].name) == 0)
      request->method = methods[m].method;
  in.pairs = (ds_query_pair *)ds_arena_array(&request->arena, DS_HTTP_HEADERS_MAX,
                                             sizeof *in.pairs);
  if (in.pairs == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the request");
  (void)MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, add_header, &in);
  request->headers = in.pairs;
  request->headers_count = in.no_memory ? 0 : in.count;
  if (in.no_memory)
    return ds_fail(err, DS_MEMORY, "out of memory for the request");
  if (in.too_many) {
    *ret_status = HEADERS_TOO_LARGE;
    return ds_fail(err, DS_LIMIT, "a request has at most %u headers", DS_HTTP_HEADERS_MAX);
  }
  if (in.bad_name)
    return ds_fail(err, DS_USAGE, "the name of a header has a character that no name has");
  if (count_of(request, "Host") != 1)
    return ds_fail(err, DS_USAGE, "a request has one header Host");
  return check_length(request, ret_status, err);
}

const char *ds_http_header_of(const ds_http_request *request, const char *name) {
  for (uint32_t i = 0; i < request->headers_count; i++)
    if (strcasecmp(request->headers[i].name, name) == 0)
      return request->headers[i].value;
  return NULL;
}
