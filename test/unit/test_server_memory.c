// SPDX-License-Identifier: Apache-2.0
// Out of memory (sweep 3 of docs/durability.md) in the server: while a request is answered,
// allocation number n fails, once or until the answer is there. The answer is the whole one, or 503
// that says so, or, when not even that can be made, the connection ends; and the next request is
// answered as ever. The server's threads allocate in no fixed order, so n is no case again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/task.h"
#include "http_client.h"
#include "long_run.h"
#include "memory_faults.h"
#include "server/server.h"
#include "store_world.h"

enum { EVENTS = 40, CASES_USUAL = 60 };
#define NO_FAILURE UINT64_MAX

static store_world world;
static ds_server *server;
static ds_task *task;

// A request. NUMBER in its target or body is another in each case, so that no answer is at hand.
typedef struct sent_request {
  const char *line; // "METHOD TARGET"
  const char *body; // NULL: none
  int status;
  bool once; // what it does changes what the same does next
} sent_request;

#define NUMBER "NUMBER"
#define QUESTION "/v1/questions/map?case=order_id&where=value%20%3E%20-" NUMBER

static const sent_request requests[] = {
    {"GET " QUESTION, NULL, 200, false},
    {"GET /v1/questions/funnel?step=order_placed&step=delivered&where=value%20%3E%20-" NUMBER,
     NULL, 200, false},
    {"GET /v1/questions/map?case=order_id&wher=" NUMBER, NULL, 400, false},
    {"GET /v1/store?x=" NUMBER, NULL, 200, false},
    {"GET /v1/boards", NULL, 200, false},
    {"PUT /v1/boards/mine",
     "{\"title\": \"Mine\", \"tiles\": [{\"question\": \"map\", \"options\": {}}]}", 200, false},
    {"GET /v1/boards/nothing", NULL, 404, false},
    {"DELETE /v1/boards/mine", NULL, 200, true},
    {"GET /", NULL, 200, false},
    {"GET " QUESTION "&format=csv", NULL, 200, false},
    {"POST /v1/questions/segment",
     "{\"options\": {\"segment\": [\"count(any) > 1\", \"count(any) < " NUMBER "\"]}}", 200, false},
    {"POST /v1/explain", "{\"expression\": \"value > -" NUMBER "\", \"kind\": \"event\"}", 200,
     false},
    {"GET /v1/questions?x=" NUMBER, NULL, 200, false},
    {"GET /v1/language?x=" NUMBER, NULL, 200, false},
    {"GET /openapi.yaml?x=" NUMBER, NULL, 200, false},
};

static void run_server(void *context) {
  (void)context;
  ds_server_run(server);
}

static void replace(char *text, const char *from, const char *to) {
  for (char *at = strstr(text, from); at != NULL; at = strstr(at, from))
    memcpy(at, to, strlen(to));
}

// Sends it; false: there was no answer.
static bool ask(const sent_request *of, http_answer *ret_answer) {
  static unsigned number = 100000;
  char head[1024], line[512], body[256], digits[16];
  (void)snprintf(line, sizeof line, "%s", of->line);
  (void)snprintf(body, sizeof body, "%s", of->body == NULL ? "" : of->body);
  (void)snprintf(digits, sizeof digits, "%06u", ++number);
  replace(line, NUMBER, digits);
  replace(body, NUMBER, digits);
  const int fd = http_connect(ds_server_address(server));
  (void)snprintf(head, sizeof head,
                 "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: "
                 "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 line, ds_server_address(server), strlen(body), body);
  http_send(fd, head);
  const bool answered = http_read(fd, false, ret_answer);
  close(fd);
  if (answered)
    replace(ret_answer->body, digits, NUMBER);
  return answered;
}

static void expect(const sent_request *of, uint64_t n, const http_answer *found,
                   const char *expected) {
  if (found->status != of->status || strcmp(found->body, expected) != 0)
    fail_msg("%s, allocation %ju: %d: %.300s\n--- instead of: %.300s", of->line, (uintmax_t)n,
             found->status, found->body, expected);
}

static void prepare(const sent_request *of) {
  http_answer answer;
  if (!of->once)
    return;
  assert_true(ask(&requests[5], &answer));
  assert_int_equal(answer.status, 200);
  http_free(&answer);
}

// One case; returns how many allocations were asked for.
static uint64_t run(const sent_request *of, uint64_t n, bool persistent, const char *expected) {
  http_answer answer;
  bool failed;
  prepare(of);
  memory_faults_arm(n, persistent);
  const bool answered = ask(of, &answer);
  const uint64_t asked = memory_faults_disarm(&failed);
  // What an answer left out it tells.
  if (answered && failed && (answer.status == 503 || answer.status == 200) &&
      strstr(answer.body, "memory") != NULL)
    assert_non_null(strstr(answer.body, answer.status == 503 ? "\"code\":\"MEMORY\""
                                                            : "needs more --memory"));
  else if (answered)
    expect(of, n, &answer, expected);
  else
    assert_true(failed);
  if (answered)
    http_free(&answer);
  return asked;
}

static void test_request(void **state) {
  const sent_request *of = *state;
  http_answer first, again;
  memory_faults_pause(); // the client's own are not meant
  prepare(of);
  assert_true(ask(of, &first));
  assert_int_equal(first.status, of->status);
  const uint64_t all = run(of, NO_FAILURE, false, first.body);
  assert_true(all > 0);
  const uint64_t stride = long_run_stride(all * 2 / CASES_USUAL | 1);
  for (uint64_t i = 0; i < all * 2; i += stride) {
    (void)run(of, i / 2, i % 2 == 1, first.body);
    prepare(of);
    assert_true(ask(of, &again));
    expect(of, i / 2, &again, first.body);
    http_free(&again);
  }
  http_free(&first);
  memory_faults_resume();
}

static int set_up(void **state) {
  static const ds_server_file files[] = {{"index.html", (const unsigned char *)"<p>", 3}};
  (void)state;
  ds_server_options options;
  world_init_posix(&world);
  world.threads = 1;
  ds_store *store = world_open_ok(&world, true);
  assert_int_equal(world_append(&world, store, EVENTS), DS_OK);
  ds_store_close(store);
  ds_server_options_init(&options);
  options.listen = "127.0.0.1:0";
  options.store = world.path;
  options.files = files;
  options.files_count = 1;
  options.threads = 1;
  assert_int_equal(ds_server_new(&options, &server, NULL), DS_OK);
  assert_int_equal(ds_task_start(run_server, NULL, false, &task, NULL), DS_OK);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  ds_server_stop(server);
  ds_task_end(task);
  ds_server_free(server);
  world_done(&world);
  return 0;
}

int main(void) {
  memory_faults_install();
  enum { COUNT = sizeof requests / sizeof *requests };
  struct CMUnitTest tests[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    tests[i] = (struct CMUnitTest){requests[i].line, test_request, NULL, NULL,
                                   (void *)(uintptr_t)&requests[i]};
  return cmocka_run_group_tests_name("server memory", tests, set_up, tear_down);
}
