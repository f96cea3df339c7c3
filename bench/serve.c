// SPDX-License-Identifier: Apache-2.0
// A load of HTTP for bench/serve.py: serve ADDRESS CONNECTIONS SECONDS TARGET. One thread, epoll,
// keep-alive, one request in flight for each connection. Prints answers a second, the 50th and 99th
// percentile of their times in microseconds, its own CPU time, and how many were not 200.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1000, HEAD_BYTES = 8192, TIMES_MAX = 1 << 22, NS_PER_S = 1000000000 };

typedef struct client {
  int fd;
  int64_t since_ns;
  size_t used;      // of head
  size_t left;      // of the body
  char head[HEAD_BYTES];
} client;

static int64_t now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (int64_t)at.tv_sec * NS_PER_S + at.tv_nsec;
}

static int connect_to(const char *address) {
  const char *colon = strrchr(address, ':');
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
  const int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
    fprintf(stderr, "serve: %s: %s\n", address, strerror(errno));
    exit(1);
  }
  return fd;
}

static void ask(client *c, const char *request, size_t size) {
  c->since_ns = now_ns();
  c->used = c->left = 0;
  if (send(c->fd, request, size, MSG_NOSIGNAL) != (ssize_t)size)
    exit(1);
}

// Reads what is there; 1 when an answer is whole, -1 when it is not 200 (and whole).
static int take(client *c) {
  if (c->left > 0) {
    char body[65536];
    const ssize_t got = recv(c->fd, body, c->left < sizeof body ? c->left : sizeof body, 0);
    if (got <= 0)
      exit(1);
    c->left -= (size_t)got;
    return c->left == 0;
  }
  const ssize_t got = recv(c->fd, c->head + c->used, HEAD_BYTES - 1 - c->used, 0);
  if (got <= 0)
    exit(1);
  c->used += (size_t)got;
  c->head[c->used] = '\0';
  const char *end = strstr(c->head, "\r\n\r\n"), *length = strstr(c->head, "Content-Length: ");
  if (end == NULL)
    return 0;
  const size_t size = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
  c->left = size - (c->used - (size_t)(end + 4 - c->head));
  if (strncmp(c->head + 9, "200", 3) != 0)
    return -1;
  return c->left == 0;
}

static int by_size(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  static client clients[CONNECTIONS_MAX];
  static uint32_t times[TIMES_MAX];
  char request[4096];
  if (argc != 5)
    return 2;
  const int count = (int)strtol(argv[2], NULL, 10);
  const size_t size = (size_t)snprintf(request, sizeof request,
                                       "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[4]);
  const int epoll = epoll_create1(0);
  for (int i = 0; i < count && i < CONNECTIONS_MAX; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &clients[i]}};
    clients[i].fd = connect_to(argv[1]);
    epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
    ask(&clients[i], request, size);
  }
  const int64_t begin = now_ns();
  const int64_t until = begin + (int64_t)(strtod(argv[3], NULL) * NS_PER_S);
  uint32_t done = 0, other = 0;
  int64_t now = begin;
  while (now < until) {
    struct epoll_event events[256];
    const int ready = epoll_wait(epoll, events, 256, 1000);
    for (int i = 0; i < ready; i++) {
      client *c = events[i].data.ptr;
      const int whole = take(c);
      if (whole == 0)
        continue;
      now = now_ns();
      if (done < TIMES_MAX)
        times[done] = (uint32_t)((now - c->since_ns) / 1000);
      done++;
      other += whole < 0;
      ask(c, request, size);
    }
    now = now_ns();
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const uint32_t kept = done < TIMES_MAX ? done : TIMES_MAX;
  qsort(times, kept, sizeof *times, by_size);
  printf("%.0f %u %u %.2f %u\n", (double)done * NS_PER_S / (double)(now - begin), times[kept / 2],
         times[(size_t)kept * 99 / 100],
         (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
             (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6, other);
  return 0;
}
