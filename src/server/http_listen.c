// SPDX-License-Identifier: Apache-2.0
// The listening socket, made here so that any port can be asked for and the address told.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http_state.h"

// An address of either family.
typedef union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} address;

static ds_code parse(const char *text, address *ret_address, ds_error *err) {
  address a = {.v6 = {.sin6_family = AF_INET6}};
  char host[64];
  uint64_t port = 0;
  const char *colon = strrchr(text, ':');
  const size_t size = colon == NULL ? 0 : (size_t)(colon - text);
  const bool brackets = size >= 2 && text[0] == '[' && text[size - 1] == ']';
  if (colon == NULL || size == 0 || size >= sizeof host ||
      !ds_str_to_u64(ds_str_of(colon + 1), &port) || port > UINT16_MAX)
    return ds_fail(err, DS_USAGE, "--listen %.100s: expected ADDRESS:PORT, as 127.0.0.1:8787 or "
                   "[::1]:8787", text);
  snprintf(host, sizeof host, "%.*s", (int)(brackets ? size - 2 : size), text + brackets);
  bool read = true;
  if (brackets) {
    a.v6.sin6_port = htons((uint16_t)port);
    read = inet_pton(AF_INET6, host, &a.v6.sin6_addr) == 1;
  } else {
    a.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const char *numbers = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    read = inet_pton(AF_INET, numbers, &a.v4.sin_addr) == 1;
  }
  if (!read)
    return ds_fail(err, DS_USAGE, "--listen %.100s: '%.60s' is no address of numbers, as 127.0.0.1 "
                   "or [::1]", text, host);
  *ret_address = a;
  return DS_OK;
}

static bool is_loopback(const address *a) {
  enum { NET = 127 };
  return a->any.sa_family == AF_INET ? ntohl(a->v4.sin_addr.s_addr) >> 24 == NET
                                     : IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr) != 0;
}

static ds_code bind_to(int fd, const address *a, const char *text, ds_error *err) {
  const int on = 1;
  const socklen_t size = a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (a->any.sa_family == AF_INET6)
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd, &a->any, size) == 0 && listen(fd, SOMAXCONN) == 0)
    return DS_OK;
  if (errno == EADDRINUSE)
    return ds_fail(err, DS_BUSY, "--listen %.100s: the port is taken; port 0 takes any", text);
  return ds_fail(err, DS_USAGE, "--listen %.100s: %s", text, strerror(errno));
}

static void tell(ds_http_listener *listener) {
  address a = {.v6 = {.sin6_family = AF_INET6}};
  socklen_t size = sizeof a;
  char host[INET6_ADDRSTRLEN] = "";
  (void)getsockname(listener->fd, &a.any, &size);
  const bool v4 = a.any.sa_family == AF_INET;
  if (v4)
    inet_ntop(AF_INET, &a.v4.sin_addr, host, sizeof host);
  else
    inet_ntop(AF_INET6, &a.v6.sin6_addr, host, sizeof host);
  snprintf(listener->host, sizeof listener->host, v4 ? "%s" : "[%s]", host);
  snprintf(listener->address, sizeof listener->address, "%s:%u", listener->host,
           (unsigned)ntohs(v4 ? a.v4.sin_port : a.v6.sin6_port));
}

ds_code ds_http_listen(const char *text, ds_http_listener *ret_listener, ds_error *err) {
  address a;
  TRY(parse(text, &a, err));
  ds_http_listener listener = {.loopback = is_loopback(&a)};
  listener.fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener.fd < 0)
    return ds_fail(err, DS_IO, "no socket can be had: %s", strerror(errno));
  const ds_code code = bind_to(listener.fd, &a, text, err);
  if (code != DS_OK) {
    (void)close(listener.fd);
    return code;
  }
  tell(&listener);
  *ret_listener = listener;
  return DS_OK;
}
