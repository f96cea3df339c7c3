// SPDX-License-Identifier: Apache-2.0
// A client of bytes for the tests of the server: it sends exactly what it is given and reads whole
// answers. Waits of more than ten seconds fail the test.
#ifndef DS_TEST_HTTP_CLIENT_H
#define DS_TEST_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

// An answer as it came.
typedef struct http_answer {
  int status;
  char head[8192]; // status line and headers
  char *body;      // with a NUL behind it
  size_t size;
} http_answer;

// Connects to "127.0.0.1:PORT".
int http_connect(const char *address);

void http_send(int fd, const char *bytes);
void http_send_bytes(int fd, const void *bytes, size_t size);

// Reads one answer (without a body when `head`), 1xx passed over; false when the connection ended
// before one. The caller frees it.
bool http_read(int fd, bool head, http_answer *ret_answer);
void http_free(http_answer *answer);

// The value of a header, cut to 255 bytes; NULL: it has none. Valid until the next call.
const char *http_header(const http_answer *answer, const char *name);

// One request "METHOD TARGET" on a connection of its own, with more headers ("A: b\r\n") and a body
// that may be NULL; the answer's status.
int http_ask(const char *address, const char *line, const char *headers, const char *body,
             http_answer *ret_answer);

// Whether the server has ended the connection, or does within a second or two.
bool http_is_closed(int fd);

#endif
