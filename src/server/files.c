// SPDX-License-Identifier: Apache-2.0
// The dashboard's files: each an answer made once, in both forms, and index.html for every path of
// a page. The page's own code asks again each time whether a file has changed.
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "server/server_state.h"

enum { STATUS_OK = 200, NOT_MODIFIED = 304, TAG_BYTES = 24 };

struct server_file {
  const char *name;
  char etag[TAG_BYTES];
  ds_http_answer *plain, *compressed, *same;
};

static const char *type_of(const char *name) {
  static const char *const types[][2] = {
      {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},   {".svg", "image/svg+xml"},
      {".png", "image/png"},                 {".ico", "image/x-icon"},
      {".json", "application/json"},         {".webmanifest", "application/manifest+json"},
      {".yaml", "application/yaml"},         {".txt", "text/plain; charset=utf-8"},
  };
  const char *dot = strrchr(name, '.');
  for (size_t t = 0; dot != NULL && t < sizeof types / sizeof *types; t++)
    if (strcmp(dot, types[t][0]) == 0)
      return types[t][1];
  return "application/octet-stream";
}

static bool make(server_file *to, const ds_server_file *file) {
  const char *type = type_of(file->name);
  ds_buf packed;
  to->name = file->name;
  snprintf(to->etag, sizeof to->etag, "\"%016llx\"",
           (unsigned long long)XXH3_64bits(file->bytes, file->size));
  ds_http_header headers[] = {{"Cache-Control", "no-cache"}, {"Vary", "Accept-Encoding"},
                              {"ETag", to->etag}, {NULL, NULL}, {NULL, NULL}};
  to->plain = ds_http_answer_fixed(STATUS_OK, type, file->bytes, file->size, headers);
  to->same = ds_http_answer_fixed(NOT_MODIFIED, NULL, "", 0, headers);
  ds_buf_init(&packed, file->size + file->size / 2 + 1024);
  ds_gzip((ds_str){(const char *)file->bytes, (uint32_t)file->size}, &packed);
  headers[3] = (ds_http_header){"Content-Encoding", "gzip"};
  if (packed.size > 0 && packed.size < file->size)
    to->compressed = ds_http_answer_new(STATUS_OK, type, &packed, headers);
  ds_buf_done(&packed);
  return to->plain != NULL && to->same != NULL;
}

ds_code ds_server_make_files(ds_server *server, ds_error *err) {
  const ds_server_options *options = &server->options;
  bool made = true;
  server->files = (server_file *)calloc(options->files_count + 1u, sizeof *server->files);
  for (uint32_t f = 0; made && server->files != NULL && f < options->files_count; f++)
    made = make(&server->files[f], &options->files[f]);
  return made && server->files != NULL ? DS_OK
                                       : ds_fail(err, DS_MEMORY, "out of memory for the server");
}

void ds_server_free_files(ds_server *server) {
  for (server_file *f = server->files; f != NULL && f->name != NULL; f++) {
    ds_http_answer_free(f->plain);
    ds_http_answer_free(f->compressed);
    ds_http_answer_free(f->same);
  }
  free(server->files);
}

static const server_file *file_of(const ds_server *server, const char *name) {
  for (const server_file *f = server->files; f->name != NULL; f++)
    if (strcmp(f->name, name) == 0)
      return f;
  return NULL;
}

void ds_server_send_file(const ds_server *server, ds_http_exchange *exchange, const char *path) {
  const ds_http_request *request = ds_http_request_of(exchange);
  const server_file *file = file_of(server, path + 1);
  const char *held = ds_http_header_of(request, "If-None-Match");
  ds_error err = {.code = DS_OK};
  // A path with an ending names a file, any other a page.
  if (file == NULL && strchr(path, '.') == NULL)
    file = file_of(server, "index.html");
  if (file == NULL) {
    (void)ds_fail(&err, DS_MISSING, "there is nothing at %.200s", path);
    ds_server_problem(exchange, &err, 0, NULL);
    return;
  }
  const bool gzip = file->compressed != NULL && ds_takes_gzip(request);
  const bool same = held != NULL && strstr(held, file->etag) != NULL;
  ds_http_reply(exchange, same ? file->same : gzip ? file->compressed : file->plain);
}
