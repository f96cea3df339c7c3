// SPDX-License-Identifier: Apache-2.0
// Answers: a response of libmicrohttpd each, which counts who uses it, with the headers that all
// have; and streams, which hold what waits to be sent.
#include <stdlib.h>

#include "server/http_state.h"

// What a page may do is said here once: everything from this server, nothing from elsewhere.
static const ds_http_header always[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
     "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {NULL, NULL},
};

// A stream that nobody reads is cut off here.
enum { STREAM_BYTES_MAX = 1 << 20, STREAM_BLOCK_BYTES = 4096 };

static bool add_headers(struct MHD_Response *response, const ds_http_header *headers) {
  for (const ds_http_header *h = headers; h != NULL && h->name != NULL; h++)
    if (MHD_add_response_header(response, h->name, h->value) != MHD_YES)
      return false;
  return true;
}

static ds_http_answer *answer_alloc(void) {
  return (ds_http_answer *)calloc(1, sizeof(ds_http_answer));
}

// Fills in a new answer with a response; both are taken. NULL without memory for either.
static ds_http_answer *answer_fill(ds_http_answer *answer, struct MHD_Response *response,
                                   uint32_t status, const char *type,
                                   const ds_http_header *headers) {
  const ds_http_header own[] = {{type == NULL ? NULL : "Content-Type", type}, {NULL, NULL}};
  if (answer == NULL || response == NULL || !add_headers(response, always) ||
      !add_headers(response, own) || !add_headers(response, headers)) {
    if (response != NULL)
      MHD_destroy_response(response);
    free(answer);
    return NULL;
  }
  answer->response = response;
  answer->status = status;
  atomic_init(&answer->references, 1);
  return answer;
}

ds_http_answer *ds_http_answer_new(uint32_t status, const char *type, ds_buf *body,
                                   const ds_http_header *headers) {
  const size_t size = body->size;
  void *bytes = body->data;
  // Memory of malloc, which the response frees with its last use.
  struct MHD_Response *response = MHD_create_response_from_buffer(
      size, bytes, size == 0 ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
  if (response == NULL)
    return NULL;
  if (size == 0)
    ds_buf_done(body);
  ds_buf_init(body, 0);
  ds_http_answer *answer = answer_fill(answer_alloc(), response, status, type, headers);
  if (answer != NULL)
    answer->body = (ds_str){(const char *)bytes, (uint32_t)size};
  return answer;
}

ds_http_answer *ds_http_answer_fixed(uint32_t status, const char *type, const void *bytes,
                                     size_t size, const ds_http_header *headers) {
  void *data = (void *)(uintptr_t)bytes;
  return answer_fill(answer_alloc(),
                     MHD_create_response_from_buffer(size, data, MHD_RESPMEM_PERSISTENT), status,
                     type, headers);
}

ds_http_answer *ds_http_answer_share(const ds_http_answer *shared) {
  ds_http_answer *answer = (ds_http_answer *)(uintptr_t)shared;
  atomic_fetch_add(&answer->references, 1);
  return answer;
}

ds_str ds_http_answer_body(const ds_http_answer *answer) { return answer->body; }

void ds_http_answer_free(ds_http_answer *answer) {
  if (answer == NULL || atomic_fetch_sub(&answer->references, 1) != 1)
    return;
  MHD_destroy_response(answer->response);
  if (answer->is_stream)
    ds_buf_done(&answer->waiting);
  free(answer);
}

// --- streams

// What waits goes out; when nothing does, the connection waits, too.
static ssize_t read_stream(void *context, uint64_t position, char *to, size_t size) {
  (void)position;
  ds_http_answer *stream = (ds_http_answer *)context;
  const size_t left = stream->waiting.size - stream->sent;
  const size_t taken = left < size ? left : size;
  if (taken > 0) {
    memcpy(to, stream->waiting.data + stream->sent, taken);
    stream->sent += taken;
  } else if (stream->closed || stream->waiting.failed) {
    return MHD_CONTENT_READER_END_OF_STREAM;
  } else {
    ds_buf_reset(&stream->waiting);
    stream->sent = 0;
    ds_http_suspend(stream->to);
  }
  return (ssize_t)taken;
}

ds_http_answer *ds_http_stream_new(const char *type, const ds_http_header *headers) {
  ds_http_answer *stream = answer_alloc();
  struct MHD_Response *response = MHD_create_response_from_callback(
      MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, read_stream, stream, NULL);
  stream = answer_fill(stream, response, MHD_HTTP_OK, type, headers);
  if (stream == NULL)
    return NULL;
  stream->is_stream = true;
  ds_buf_init(&stream->waiting, STREAM_BYTES_MAX);
  return stream;
}

void ds_http_stream_append(ds_http_answer *stream, ds_str text) {
  ds_buf_append(&stream->waiting, text.data, text.size);
  if (stream->to != NULL)
    ds_http_resume_soon(stream->to);
}

void ds_http_stream_close(ds_http_answer *stream) {
  stream->closed = true;
  if (stream->to != NULL)
    ds_http_resume_soon(stream->to);
}
