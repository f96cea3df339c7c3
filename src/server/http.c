// SPDX-License-Identifier: Apache-2.0
// The loop. libmicrohttpd is driven from outside (MHD_USE_EPOLL, MHD_run_wait(d, 0)), because its
// own thread hangs when exactly 128, 256 or 512 connections are ready at once, and what waits is
// resumed between two of its turns, because a resume from elsewhere may be lost (decision 43).
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http_state.h"

enum { TICK_MS = 100, EVENTS = 64, NS_PER_MS = 1000000, MS_PER_S = 1000, TURNS_OF_END = 50 };

static int64_t now_ns(const ds_http *http) {
  return http->options.io->ops->monotonic_ns(http->options.io);
}

void ds_http_options_init(ds_http_options *options) {
  *options = (ds_http_options){.listen = "127.0.0.1:8787", .connections_max = 1000, .threads = 2,
                               .waiting_max = 64, .idle_ms = 60000,
                               .bodies_bytes_max = (size_t)64 << 20, .io = ds_io_posix()};
}

static void wake(void *context) {
  const ds_http *http = (const ds_http *)context;
  (void)eventfd_write(http->wake_fd, 1);
}

void ds_http_wake(ds_http *http) { wake(http); }

void ds_http_stop(ds_http *http) {
  atomic_store(&http->stopping, true);
  wake(http);
}

// Targets are decoded by our own reader.
static size_t leave_escapes(void *context, struct MHD_Connection *connection, char *text) {
  (void)context, (void)connection;
  return strlen(text);
}

static struct MHD_Daemon *start_daemon(ds_http *http) {
  const ds_http_options *o = &http->options;
  const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
  return MHD_start_daemon(
      flags, 0, NULL, NULL, ds_http_on_request, http,
      MHD_OPTION_LISTEN_SOCKET, http->listener.fd,
      MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->connections_max,
      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((o->idle_ms + MS_PER_S - 1) / MS_PER_S),
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)DS_HTTP_HEAD_BYTES_MAX,
      MHD_OPTION_STRICT_FOR_CLIENT, 1,
      MHD_OPTION_URI_LOG_CALLBACK, ds_http_on_target, http,
      MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
      MHD_OPTION_NOTIFY_COMPLETED, ds_http_on_completed, http,
      MHD_OPTION_NOTIFY_CONNECTION, ds_http_on_connection, http,
      MHD_OPTION_END);
}

static bool watch(const ds_http *http, int fd, void *mark) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = mark}};
  return epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static ds_code set_up(ds_http *http, ds_error *err) {
  const ds_http_options *o = &http->options;
  TRY(ds_http_listen(o->listen, &http->listener, err));
  http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  http->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (http->epoll_fd < 0 || http->wake_fd < 0)
    return ds_fail(err, DS_IO, "the server cannot wait for events: %s", strerror(errno));
  TRY(ds_work_start(o->threads, o->waiting_max, wake, http, &http->work, err));
  TRY(ds_work_start(1, UINT32_MAX, wake, http, &http->errands, err));
  http->daemon = start_daemon(http);
  const union MHD_DaemonInfo *info =
      http->daemon == NULL ? NULL : MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == NULL || !watch(http, info->epoll_fd, http) || !watch(http, http->wake_fd, NULL))
    return ds_fail(err, DS_IO, "the HTTP server cannot be started");
  return DS_OK;
}

ds_code ds_http_new(const ds_http_options *options, ds_http **ret_http, ds_error *err) {
  ds_http *http = (ds_http *)calloc(1, sizeof *http);
  if (http == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the server");
  http->options = *options;
  http->listener.fd = http->epoll_fd = http->wake_fd = -1;
  http->connections.next = http->connections.previous = &http->connections;
  const ds_code code = set_up(http, err);
  if (code != DS_OK) {
    ds_http_free(http);
    return code;
  }
  *ret_http = http;
  return DS_OK;
}

static void close_fd(int fd) {
  if (fd >= 0)
    (void)close(fd);
}

void ds_http_free(ds_http *http) {
  if (http == NULL)
    return;
  // Without a daemon, which would close it, the socket is still ours.
  if (http->daemon != NULL)
    MHD_stop_daemon(http->daemon);
  else
    close_fd(http->listener.fd);
  (void)ds_work_stop(http->work);
  (void)ds_work_stop(http->errands);
  close_fd(http->wake_fd);
  close_fd(http->epoll_fd);
  free(http);
}

const char *ds_http_address(const ds_http *http) { return http->listener.address; }
bool ds_http_is_loopback(const ds_http *http) { return http->listener.loopback; }

bool ds_http_work(ds_http *http, ds_work_item *item) {
  return http->work != NULL && ds_work_put(http->work, item);
}

bool ds_http_errand(ds_http *http, ds_work_item *item) {
  return http->errands != NULL && ds_work_put(http->errands, item);
}

static void finish(ds_work_item *item) {
  for (ds_work_item *next; item != NULL; item = next) {
    next = item->next;
    item->done(item);
  }
}

// A connection whose request is not whole in time is ended by its own socket, which libmicrohttpd
// sees: its own clock starts anew with every byte.
static void end_slow(const ds_http *http, int64_t now) {
  const int64_t most_ns = (int64_t)http->options.idle_ms * NS_PER_MS;
  for (const ds_http_connection *c = http->connections.next; c != &http->connections; c = c->next)
    if (c->waits && c->fd >= 0 && now - c->since_ns > most_ns)
      (void)shutdown(c->fd, SHUT_RD);
}

static void tick(ds_http *http) {
  const int64_t now = now_ns(http);
  if (now - http->ticked_ns < (int64_t)TICK_MS * NS_PER_MS)
    return;
  http->ticked_ns = now;
  end_slow(http, now);
  http->options.tick(http->options.context, now);
}

static int wait_ms(ds_http *http) {
  MHD_UNSIGNED_LONG_LONG most = TICK_MS;
  MHD_UNSIGNED_LONG_LONG wanted = 0;
  if (MHD_get_timeout(http->daemon, &wanted) == MHD_YES && wanted < most)
    most = wanted;
  return (int)most;
}

// One turn: what is ready is served, then it is waited for more.
static void turn(ds_http *http) {
  struct epoll_event events[EVENTS];
  do {
    (void)ds_http_resume_all(http);
    (void)MHD_run_wait(http->daemon, 0);
  } while (http->resumed != NULL);
  const int count = epoll_wait(http->epoll_fd, events, EVENTS, wait_ms(http));
  for (int i = 0; i < count; i++) {
    eventfd_t value;
    if (events[i].data.ptr == NULL)
      (void)eventfd_read(http->wake_fd, &value);
    else if (events[i].data.ptr != http)
      ds_http_went((ds_http_exchange *)events[i].data.ptr);
  }
  finish(ds_work_take(http->work));
  finish(ds_work_take(http->errands));
  tick(http);
}

// Nobody new is taken, what runs is waited for (the caller has it stopped), and those who wait get
// their answers.
static void wind_up(ds_http *http) {
  const int fd = MHD_quiesce_daemon(http->daemon);
  ds_work *work = http->work, *errands = http->errands;
  http->work = http->errands = NULL;
  finish(ds_work_stop(work));
  finish(ds_work_stop(errands));
  for (int turns = 0; turns < TURNS_OF_END; turns++) {
    (void)ds_http_resume_all(http);
    (void)MHD_run_wait(http->daemon, 1);
    if (http->suspended == 0 && http->resumed == NULL && turns > 1)
      break;
  }
  close_fd(fd);
}

void ds_http_run(ds_http *http) {
  while (!atomic_load(&http->stopping) && !ds_progress_stopped(http->options.progress))
    turn(http);
  http->options.stop(http->options.context);
  wind_up(http);
}
