// SPDX-License-Identifier: Apache-2.0
// The HTTP layer over loopback sockets: hazards of libmicrohttpd (decision 43), requests that could
// be read in two ways, limits, clients that are slow or go away. Its answers are made by a small
// server of the test: "/now" at once, "/work" on a thread, "/wait" until it is let go, "/stream".
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/task.h"
#include "http_client.h"
#include "server/http.h"

enum { IDLE_MS = 700, PATIENT_MS = 60000, STREAMED = 3 };

// The server, and what it has seen.
typedef struct world {
  ds_http *http;
  ds_task *task;
  atomic_uint served, gone;
  atomic_bool held; // "/wait" waits
} world;

typedef struct job {
  ds_work_item item; // first
  world *of;
  ds_http_exchange *exchange; // NULL: gone
  bool waits;
  char *body;
} job;

static void reply_text(ds_http_exchange *exchange, uint32_t status, const char *text) {
  ds_buf body;
  ds_buf_init(&body, 1 << 20);
  ds_buf_text(&body, text);
  ds_http_answer *answer = ds_http_answer_new(status, "text/plain", &body, NULL);
  ds_http_reply(exchange, answer);
  ds_http_answer_free(answer);
}

static void job_run(ds_work_item *item) {
  const job *work = (job *)item;
  while (work->waits && atomic_load(&work->of->held))
    usleep(1000);
}

static void job_done(ds_work_item *item) {
  job *work = (job *)item;
  if (work->exchange != NULL) {
    *ds_http_slot(work->exchange) = NULL;
    reply_text(work->exchange, 200, work->body);
  }
  free(work->body);
  free(work);
}

static void serve(void *context, ds_http_exchange *exchange) {
  world *of = context;
  const ds_http_request *request = ds_http_request_of(exchange);
  const char *path = request->target.path;
  atomic_fetch_add(&of->served, 1);
  if (strcmp(path, "/now") == 0) {
    const char *name = ds_query_get(&request->target, "name");
    reply_text(exchange, 200, name == NULL ? "now" : name);
    return;
  }
  if (strcmp(path, "/stream") == 0) {
    ds_http_answer *stream = ds_http_stream_new("text/event-stream", NULL);
    ds_http_reply(exchange, stream);
    for (int i = 0; i < STREAMED; i++)
      ds_http_stream_append(stream, ds_str_of("data: x\n\n"));
    ds_http_stream_close(stream);
    ds_http_answer_free(stream);
    return;
  }
  job *work = calloc(1, sizeof *work);
  *work = (job){.item = {.run = job_run, .done = job_done}, .of = of, .exchange = exchange,
                .waits = strcmp(path, "/wait") == 0};
  work->body = strndup(request->body.size == 0 ? "done" : request->body.data,
                       request->body.size == 0 ? 4 : request->body.size);
  *ds_http_slot(exchange) = work;
  if (!ds_http_work(of->http, &work->item)) {
    *ds_http_slot(exchange) = NULL;
    reply_text(exchange, 429, "full");
    free(work->body);
    free(work);
  }
}

static void gone(void *context, ds_http_exchange *exchange) {
  world *of = context;
  job *work = *ds_http_slot(exchange);
  atomic_fetch_add(&of->gone, 1);
  if (work != NULL)
    work->exchange = NULL;
}

static ds_code check(void *context, const ds_http_request *request, uint32_t *ret_status,
                     ds_error *err) {
  (void)context;
  *ret_status = 403;
  return strcmp(request->target.path, "/forbidden") == 0 ? ds_fail(err, DS_USAGE, "no") : DS_OK;
}

static ds_http_answer *refuse(void *context, const ds_error *err, uint32_t status) {
  ds_buf body;
  (void)context;
  ds_buf_init(&body, 4096);
  ds_buf_text(&body, err->message);
  return ds_http_answer_new(status != 0 ? status : (uint32_t)ds_code_http(err->code), "text/plain",
                            &body, NULL);
}

static void stop(void *context) { atomic_store(&((world *)context)->held, false); }

static void tick(void *context, int64_t now_ns) { (void)context, (void)now_ns; }

static void run(void *context) { ds_http_run(((world *)context)->http); }

static int set_up_with(void **state, uint32_t idle_ms) {
  world *of = calloc(1, sizeof *of);
  ds_http_options options;
  ds_error err = {.code = DS_OK};
  ds_http_options_init(&options);
  options.listen = "127.0.0.1:0";
  options.idle_ms = idle_ms;
  options.waiting_max = 600;
  options.bodies_bytes_max = (size_t)4 << 20;
  options.context = of;
  options.check = check;
  options.serve = serve;
  options.gone = gone;
  options.refuse = refuse;
  options.stop = stop;
  options.tick = tick;
  atomic_store(&of->held, true);
  if (ds_http_new(&options, &of->http, &err) != DS_OK)
    fail_msg("%s", err.message);
  assert_int_equal(ds_task_start(run, of, false, &of->task, NULL), DS_OK);
  *state = of;
  return 0;
}

static int set_up(void **state) { return set_up_with(state, PATIENT_MS); }
static int set_up_hasty(void **state) { return set_up_with(state, IDLE_MS); }

static int tear_down(void **state) {
  world *of = *state;
  ds_http_stop(of->http);
  ds_task_end(of->task);
  ds_http_free(of->http);
  free(of);
  return 0;
}

static const char *address(void **state) { return ds_http_address(((world *)*state)->http); }

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void expect(int fd, int status, const char *body) {
  http_answer answer;
  assert_true(http_read(fd, false, &answer));
  assert_int_equal(answer.status, status);
  if (body != NULL)
    assert_string_equal(answer.body, body);
  http_free(&answer);
}

// --- hazards

// All connections are ready in one instant, again and again (H1, H2).
static void test_ready_at_once(void **state) {
  static const int counts[] = {64, 128, 256, 512};
  static const char *const paths[] = {GET("/now"), GET("/work")};
  int fds[512];
  for (size_t c = 0; c < 4; c++) {
    for (int i = 0; i < counts[c]; i++)
      fds[i] = http_connect(address(state));
    for (int round = 0; round < 6; round++) {
      for (int i = 0; i < counts[c]; i++)
        http_send(fds[i], paths[round % 2]);
      for (int i = 0; i < counts[c]; i++)
        expect(fds[i], 200, round % 2 == 0 ? "now" : "done");
    }
    for (int i = 0; i < counts[c]; i++)
      close(fds[i]);
  }
}

// Requests whose length or host could be read in two ways (H3).
static void test_smuggling(void **state) {
  static const struct {
    const char *request;
    int status;
  } cases[] = {
      {"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
       400},
      {"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
       400},
      {"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", 400},
      {"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400},
      {"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello", 400},
      {"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", 400},
      {"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
       "0\r\n\r\n", 400},
      {"POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
       "identity\r\n\r\n0\r\n\r\n", 400},
      {"POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello", 400},
      {"GET /now HTTP/1.1\r\n\r\n", 400},
      {"GET /now HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /now HTTP/1.0\r\n\r\n", 400},
      {"GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /../now HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /%2e%2e/now HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /now?a=%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /now?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /now?a=%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://other/now HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /forbidden HTTP/1.1\r\nHost: a\r\n\r\n", 403},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    const int fd = http_connect(address(state));
    http_answer answer;
    http_send(fd, cases[c].request);
    if (!http_read(fd, false, &answer))
      fail_msg("no answer: %s", cases[c].request);
    if (answer.status != cases[c].status)
      fail_msg("%d instead of %d: %s", answer.status, cases[c].status, cases[c].request);
    http_free(&answer);
    close(fd);
  }
  assert_int_equal(atomic_load(&((world *)*state)->served), 0);
}

// --- what HTTP/1.1 allows

static void test_pipelined(void **state) {
  const int fd = http_connect(address(state));
  char text[4096] = "", line[128];
  for (int i = 0; i < 16; i++) {
    snprintf(line, sizeof line, "GET %s?name=%d HTTP/1.1\r\nHost: a\r\n\r\n",
             i % 3 == 1 ? "/work" : "/now", i);
    strncat(text, line, sizeof text - strlen(text) - 1);
  }
  http_send(fd, text);
  for (int i = 0; i < 16; i++) {
    snprintf(line, sizeof line, "%d", i);
    expect(fd, 200, i % 3 == 1 ? "done" : line);
  }
  close(fd);
}

static void test_bodies(void **state) {
  int fd = http_connect(address(state));
  http_send(fd, "POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  expect(fd, 200, "hello world");
  // Byte by byte, on the same connection.
  static const char slow[] = "POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  for (const char *c = slow; *c != '\0'; c++)
    http_send_bytes(fd, c, 1);
  expect(fd, 200, "abc");
  http_send(fd, "POST /work HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
                "\r\n");
  http_send(fd, "xy");
  expect(fd, 200, "xy");
  http_send(fd, "HEAD /now?name=head HTTP/1.1\r\nHost: a\r\n\r\n");
  http_answer answer;
  assert_true(http_read(fd, true, &answer));
  assert_string_equal(http_header(&answer, "Content-Length"), "4");
  assert_int_equal(answer.size, 0);
  http_free(&answer);
  http_send(fd, GET("/stream"));
  expect(fd, 200, "data: x\n\ndata: x\n\ndata: x\n\n");
  close(fd);
}

static void test_headers_of_every_answer(void **state) {
  http_answer answer;
  assert_int_equal(http_ask(address(state), "GET /now", "", NULL, &answer), 200);
  assert_non_null(strstr(http_header(&answer, "Content-Security-Policy"), "default-src 'none'"));
  assert_non_null(strstr(http_header(&answer, "Content-Security-Policy"),
                         "frame-ancestors 'none'"));
  assert_string_equal(http_header(&answer, "X-Content-Type-Options"), "nosniff");
  assert_string_equal(http_header(&answer, "Referrer-Policy"), "no-referrer");
  http_free(&answer);
}

// --- limits

static void test_sizes(void **state) {
  char *large = malloc(1 << 22);
  http_answer answer;
  // 40 KB of a header.
  int at = snprintf(large, 100, "GET /now HTTP/1.1\r\nHost: a\r\nX: ");
  memset(large + at, 'x', 40000);
  snprintf(large + at + 40000, 100, "\r\n\r\n");
  int fd = http_connect(address(state));
  http_send(fd, large);
  expect(fd, 431, NULL);
  close(fd);
  // 101 headers; 257 parameters; a long path.
  at = snprintf(large, 100, "GET /now HTTP/1.1\r\nHost: a\r\n");
  for (int i = 0; i < 100; i++)
    at += snprintf(large + at, 100, "X%d: x\r\n", i);
  snprintf(large + at, 100, "\r\n");
  fd = http_connect(address(state));
  http_send(fd, large);
  expect(fd, 431, NULL);
  close(fd);
  at = snprintf(large, 100, "GET /now?a");
  for (int i = 0; i < 256; i++)
    at += snprintf(large + at, 100, "&a");
  assert_int_equal(http_ask(address(state), large, "", NULL, &answer), 413);
  http_free(&answer);
  at = snprintf(large, 100, "GET /now");
  memset(large + at, 'x', 1100);
  large[at + 1100] = '\0';
  assert_int_equal(http_ask(address(state), large, "", NULL, &answer), 413);
  http_free(&answer);
  // A body over 1 MiB: by its length at once, chunked when it is there.
  fd = http_connect(address(state));
  http_send(fd, "POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n");
  expect(fd, 413, NULL);
  close(fd);
  fd = http_connect(address(state));
  http_send(fd, "POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  memset(large, 'y', 1 << 20);
  http_send(fd, "100000\r\n");
  http_send_bytes(fd, large, 1 << 20);
  http_send(fd, "\r\n1\r\nz\r\n0\r\n\r\n");
  expect(fd, 413, NULL);
  close(fd);
  free(large);
}

static void test_slow(void **state) {
  // Nothing at all; half a request, a byte now and then; a request, then nothing.
  const int none = http_connect(address(state)), half = http_connect(address(state)),
            kept = http_connect(address(state));
  http_send(kept, GET("/now"));
  expect(kept, 200, "now");
  http_send(half, "GET /now HTTP/1.1\r\nHost: ");
  for (int i = 0; i < 12; i++) {
    usleep(IDLE_MS * 1000 / 8);
    http_send(half, "a");
  }
  assert_true(http_is_closed(half));
  assert_true(http_is_closed(none));
  assert_true(http_is_closed(kept));
  assert_int_equal(atomic_load(&((world *)*state)->served), 1);
  close(none), close(half), close(kept);
}

// --- clients that go

static void wait_for(const atomic_uint *count, unsigned wanted) {
  for (int i = 0; i < 60000 && atomic_load(count) < wanted; i++)
    usleep(1000);
  assert_int_equal(atomic_load(count), wanted);
}

static void test_gone(void **state) {
  world *of = *state;
  // One that asks nothing now, so that those below are not the one that is looked at first.
  const int idle = http_connect(address(state));
  http_send(idle, GET("/now"));
  expect(idle, 200, "now");
  const int gone_fd = http_connect(address(state)), half = http_connect(address(state)),
            stays = http_connect(address(state));
  http_send(gone_fd, GET("/wait"));
  http_send(half, GET("/wait"));
  wait_for(&of->served, 3);
  http_send(stays, GET("/wait"));
  wait_for(&of->served, 4);
  close(gone_fd);
  wait_for(&of->gone, 1);
  // One that ends its side only is taken to have gone, and still gets an answer.
  shutdown(half, SHUT_WR);
  wait_for(&of->gone, 2);
  expect(half, 503, "the client has gone away");
  atomic_store(&of->held, false);
  expect(stays, 200, "done");
  // One that ends its side after a request that needs no waiting is answered.
  const int last = http_connect(address(state));
  http_send(last, GET("/now"));
  shutdown(last, SHUT_WR);
  expect(last, 200, "now");
  close(idle), close(half), close(stays), close(last);
}

static void test_stop_while_waiting(void **state) {
  world *of = *state;
  int fds[20];
  for (int i = 0; i < 20; i++) {
    fds[i] = http_connect(address(state));
    http_send(fds[i], GET("/wait"));
  }
  wait_for(&of->served, 20);
  ds_http_stop(of->http);
  for (int i = 0; i < 20; i++) {
    expect(fds[i], 200, "done");
    close(fds[i]);
  }
}

static void test_addresses(void **state) {
  static const char *const bad[] = {"", "8787", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                    "127.0.0.1:x", "nowhere:1", "[::1:1", "::1:1", "1.2.3:4"};
  ds_http_options options;
  ds_http *http = NULL;
  ds_error err;
  ds_http_options_init(&options);
  for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
    options.listen = bad[b];
    assert_int_equal(ds_http_new(&options, &http, &err), DS_USAGE);
    assert_int_equal(strncmp(err.message, "--listen ", 9), 0);
  }
  options.listen = address(state);
  assert_int_equal(ds_http_new(&options, &http, &err), DS_BUSY);
  options.listen = "localhost:0";
  assert_int_equal(ds_http_new(&options, &http, &err), DS_OK);
  assert_true(ds_http_is_loopback(http));
  ds_http_free(http);
  options.listen = "0.0.0.0:0";
  assert_int_equal(ds_http_new(&options, &http, &err), DS_OK);
  assert_false(ds_http_is_loopback(http));
  ds_http_free(http);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_ready_at_once), TEST(test_smuggling), TEST(test_pipelined), TEST(test_bodies),
      TEST(test_headers_of_every_answer), TEST(test_sizes), TEST(test_gone),
      cmocka_unit_test_setup_teardown(test_slow, set_up_hasty, tear_down),
      TEST(test_stop_while_waiting), TEST(test_addresses),
  };
  return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
