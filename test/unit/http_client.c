// SPDX-License-Identifier: Apache-2.0
#include "http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

int http_connect(const char *address) {
  const char *colon = strrchr(address, ':');
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
  const struct timeval most = {.tv_sec = 10};
  const int on = 1;
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  return fd;
}

void http_send_bytes(int fd, const void *bytes, size_t size) {
  const char *at = bytes;
  while (size > 0) {
    const ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
    if (sent <= 0)
      return; // the server has ended it: what it said is looked at
    at += sent;
    size -= (size_t)sent;
  }
}

void http_send(int fd, const char *bytes) { http_send_bytes(fd, bytes, strlen(bytes)); }

static bool read_bytes(int fd, char *to, size_t size) {
  while (size > 0) {
    const ssize_t got = recv(fd, to, size, 0);
    if (got <= 0)
      return false;
    to += got;
    size -= (size_t)got;
  }
  return true;
}

// A line with its end, byte by byte; its size, 0 at the end of the connection.
static size_t read_line(int fd, char *to, size_t room) {
  size_t size = 0;
  while (size + 1 < room && read_bytes(fd, to + size, 1))
    if (to[size++] == '\n') {
      to[size] = '\0';
      return size;
    }
  return 0;
}

static bool read_head(int fd, http_answer *answer) {
  size_t used = 0;
  for (;;) {
    const size_t size = read_line(fd, answer->head + used, sizeof answer->head - used);
    if (size == 0)
      return false;
    used += size;
    if (size == 2 && used > 2) {
      answer->status = (int)strtol(answer->head + 9, NULL, 10);
      if (answer->status >= 200)
        return true;
      used = 0;
    }
  }
}

static bool read_some(int fd, http_answer *answer, size_t size) {
  answer->body = realloc(answer->body, answer->size + size + 1);
  assert_non_null(answer->body);
  if (!read_bytes(fd, answer->body + answer->size, size))
    return false;
  answer->size += size;
  answer->body[answer->size] = '\0';
  return true;
}

static bool read_chunks(int fd, http_answer *answer) {
  char line[256];
  for (;;) {
    if (read_line(fd, line, sizeof line) == 0)
      return false;
    const size_t size = strtoul(line, NULL, 16);
    if (size == 0)
      return read_line(fd, line, sizeof line) > 0;
    if (!read_some(fd, answer, size) || read_line(fd, line, sizeof line) == 0)
      return false;
  }
}

bool http_read(int fd, bool head, http_answer *ret_answer) {
  http_answer *answer = ret_answer;
  *answer = (http_answer){.body = NULL};
  if (!read_head(fd, answer) || !read_some(fd, answer, 0))
    return false;
  const char *length = http_header(answer, "Content-Length");
  if (head || answer->status == 204 || answer->status == 304)
    return true;
  if (http_header(answer, "Transfer-Encoding") != NULL)
    return read_chunks(fd, answer);
  length = http_header(answer, "Content-Length");
  return length == NULL || read_some(fd, answer, strtoul(length, NULL, 10));
}

void http_free(http_answer *answer) {
  free(answer->body);
  answer->body = NULL;
}

const char *http_header(const http_answer *answer, const char *name) {
  static char value[256];
  const size_t size = strlen(name);
  for (const char *line = strchr(answer->head, '\n'); line != NULL; line = strchr(line, '\n')) {
    line++;
    if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
      const char *from = line + size + 1 + strspn(line + size + 1, " ");
      snprintf(value, sizeof value, "%.*s", (int)strcspn(from, "\r\n"), from);
      return value;
    }
  }
  return NULL;
}

int http_ask(const char *address, const char *line, const char *headers, const char *body,
             http_answer *ret_answer) {
  const int fd = http_connect(address);
  char *text = NULL;
  const int size =
      body == NULL
          ? asprintf(&text, "%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", line, address, headers)
          : asprintf(&text, "%s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %zu\r\n\r\n%s", line,
                     address, headers, strlen(body), body);
  assert_true(size > 0);
  http_send(fd, text);
  free(text);
  assert_true(http_read(fd, strncmp(line, "HEAD", 4) == 0, ret_answer));
  close(fd);
  return ret_answer->status;
}

bool http_is_closed(int fd) {
  char byte;
  const struct timeval most = {.tv_sec = 3};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  ssize_t got;
  do
    got = recv(fd, &byte, 1, 0);
  while (got > 0);
  return got == 0;
}
