// SPDX-License-Identifier: Apache-2.0
// The server of a store over loopback sockets: every question's answer is the bytes that rendering
// it gives, kept, tagged, compressed, shared; it follows the store; it asks who asks.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "ask/ask.h"
#include "base/task.h"
#include "http_client.h"
#include "ingest/simulate.h"
#include "render/render.h"
#include "server/keys.h"
#include "server/server.h"
#include "store_world.h"

enum { ORDERS = 150, TIMEOUT_MS = 20000 };

// Graphviz loses memory of each picture in its own code (Debian 12: 2.42.2); that is not ours to
// mend. The sanitizer finds this function by its name, so it must be visible.
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libgvc\nleak:libcgraph\nleak:libgvplugin\n";
}

#define MAP "/v1/questions/map?case=order_id"

// A store of a simulated shop, and its server.
typedef struct world {
  store_world store;
  ds_server *server;
  ds_task *task;
} world;

static void run(void *context) { ds_server_run(((world *)context)->server); }

static void start(world *of, const char *listen, uint32_t timeout_ms) {
  static const ds_server_file files[] = {
      {"app.js", (const unsigned char *)"let a;", 6},
      {"index.html", (const unsigned char *)"<p>", 3},
  };
  ds_server_options options;
  ds_error err = {.code = DS_OK};
  ds_server_options_init(&options);
  options.listen = listen;
  options.store = of->store.path;
  options.files = files;
  options.files_count = 2;
  options.threads = 2;
  options.timeout_ms = timeout_ms;
  if (ds_server_new(&options, &of->server, &err) != DS_OK)
    fail_msg("%s", err.message);
  assert_int_equal(ds_task_start(run, of, false, &of->task, NULL), DS_OK);
}

static void end(world *of) {
  ds_server_stop(of->server);
  ds_task_end(of->task);
  ds_server_free(of->server);
}

static void simulate(const world *of, uint64_t seed) {
  ds_simulate_options options;
  ds_build_stats stats;
  ds_store *store = world_open_ok(&of->store, true);
  ds_simulate_options_init(&options);
  options.orders = ORDERS;
  options.seed = seed;
  assert_int_equal(ds_simulate_store(&options, store, &stats, NULL), DS_OK);
  ds_store_close(store);
}

static int set_up(void **state) {
  world *of = calloc(1, sizeof *of);
  world_init_posix(&of->store);
  simulate(of, 1);
  start(of, "127.0.0.1:0", TIMEOUT_MS);
  *state = of;
  return 0;
}

static int tear_down(void **state) {
  world *of = *state;
  end(of);
  world_done(&of->store);
  free(of);
  return 0;
}

static const char *address(void **state) { return ds_server_address(((world *)*state)->server); }

static char *ask_body(void **state, const char *line, int status) {
  http_answer answer;
  const int got = http_ask(address(state), line, "", NULL, &answer);
  if (got != status)
    fail_msg("%s: %d: %.300s", line, got, answer.body);
  return answer.body;
}

// --- answers

// What the command line writes; to be freed.
static char *render(const world *of, const char *name, const ds_option_value *given,
                    uint32_t count, const char *format) {
  const ds_ask_options none = {.personal = false};
  ds_store_options options;
  ds_ask *ask = NULL;
  ds_arena arena;
  ds_request request;
  ds_result result;
  ds_buf out;
  ds_error err = {.code = DS_OK};
  const ds_render_options plain = {.table = NULL};
  const ds_question *question = ds_question_find(ds_str_of(name));
  ds_store_options_init(&options);
  options.threads = 1;
  ds_arena_init(&arena, (size_t)1 << 30);
  ds_buf_init(&out, (size_t)1 << 28);
  assert_int_equal(ds_ask_open(of->store.path, &options, &none, &ask, NULL), DS_OK);
  ds_code code = ds_ask_request(ask, question, given, count, &arena, &request, &err);
  ds_result_init(&result, &arena, name);
  if (code == DS_OK)
    code = ds_question_run(question, &request, &result, &err);
  if (code == DS_OK)
    code = ds_format_of_name(ds_str_of(format))->render(&result, &plain, &out, &err);
  if (code != DS_OK)
    ds_buf_text(&out, err.message);
  char *text = strdup(ds_buf_cstr(&out));
  ds_buf_done(&out);
  ds_ask_free(ask);
  ds_arena_done(&arena);
  return text;
}

// What a question that needs words is asked with: by address, as JSON, on the command line.
static const struct {
  const char *question, *query, *json;
  ds_option_value given[4];
  uint32_t count;
} samples[] = {
    {"funnel", "step=order_placed&step=delivered&within=30d",
     "\"step\": [\"order_placed\", \"delivered\"], \"within\": \"30d\"",
     {{"step", "order_placed"}, {"step", "delivered"}, {"within", "30d"}}, 3},
    {"conformance", "pattern=order_placed+then+delivered",
     "\"pattern\": \"order_placed then delivered\"",
     {{"pattern", "order_placed then delivered"}}, 1},
    {"segment", "segment=active&segment=lapsed", "\"segment\": [\"active\", \"lapsed\"]",
     {{"segment", "active"}, {"segment", "lapsed"}}, 2},
    {"paths", "after=delivered", "\"after\": \"delivered\"", {{"after", "delivered"}}, 1},
    {"find", "has=review_submitted%5Bstars+%3C%3D+2%5D&derive=true",
     "\"has\": \"review_submitted[stars <= 2]\", \"derive\": true",
     {{"has", "review_submitted[stars <= 2]"}, {"derive", "true"}}, 2},
    {"features", "feature=n%3Dcount(any)", "\"feature\": \"n=count(any)\"",
     {{"feature", "n=count(any)"}}, 1},
    {"timeline", "who=C5", "\"who\": \"C5\"", {{"who", "C5"}}, 1},
    {"trend", "limit=3&derive=false", "\"limit\": 3, \"derive\": false, \"by\": null",
     {{"limit", "3"}}, 1},
};

// Of every question of the table: by address, as JSON, as CSV.
static void test_every_question(void **state) {
  for (uint32_t q = 0; q < ds_questions_count; q++) {
    const char *name = ds_questions[q].name, *query = "", *json = "";
    const ds_option_value *given = NULL;
    uint32_t count = 0;
    char line[512], body[512];
    http_answer answer;
    for (size_t s = 0; s < sizeof samples / sizeof *samples; s++)
      if (strcmp(samples[s].question, name) == 0) {
        query = samples[s].query;
        json = samples[s].json;
        given = samples[s].given;
        count = samples[s].count;
      }
    char *wanted = render(*state, name, given, count, "json");
    snprintf(line, sizeof line, "GET /v1/questions/%s?%s", name, query);
    if (http_ask(address(state), line, "", NULL, &answer) != 200)
      fail_msg("%s: %s", line, answer.body);
    assert_string_equal(answer.body, wanted);
    http_free(&answer);
    snprintf(line, sizeof line, "POST /v1/questions/%s", name);
    snprintf(body, sizeof body, "{\"options\":\n {%s}}", json);
    assert_int_equal(http_ask(address(state), line, "", body, &answer), 200);
    assert_string_equal(answer.body, wanted);
    http_free(&answer);
    free(wanted);
    wanted = render(*state, name, given, count, "csv");
    snprintf(line, sizeof line, "GET /v1/questions/%s?%s&format=csv", name, query);
    assert_int_equal(http_ask(address(state), line, "", NULL, &answer), 200);
    assert_string_equal(answer.body, wanted);
    http_free(&answer);
    free(wanted);
  }
}

// Every option of every question without a value: one that has a preset, or chooses, says so; no
// other brings anything but an answer or one line.
static void test_empty_options(void **state) {
  static const char *const formats[] = {"json", "sql"};
  for (uint32_t q = 0; q < ds_questions_count; q++) {
    const ds_option *option;
    const char *query = "";
    for (size_t s = 0; s < sizeof samples / sizeof *samples; s++)
      if (strcmp(samples[s].question, ds_questions[q].name) == 0)
        query = samples[s].query;
    for (uint32_t o = 0; (option = ds_question_option_at(&ds_questions[q], o)) != NULL; o++)
      for (uint32_t f = 0; f < 2; f++) {
        char line[512];
        http_answer answer;
        snprintf(line, sizeof line, "GET /v1/questions/%s?%s&%s=&format=%s", ds_questions[q].name,
                 query, option->name, formats[f]);
        const int status = http_ask(address(state), line, "", NULL, &answer);
        const bool chosen = option->type == DS_OPTION_CHOICE ||
                            (option->preset != NULL && *option->preset != '\0');
        if (chosen ? status != 400 || strstr(answer.body, " is empty: ") == NULL
                   : status != 200 && status != 400 && status != 501)
          fail_msg("%s: %d: %.300s", line, status, answer.body);
        http_free(&answer);
      }
  }
}

static char *unzip(const http_answer *answer) {
  enum { ROOM = 1 << 22 };
  char *text = calloc(1, ROOM);
  z_stream z = {.next_in = (Bytef *)answer->body, .avail_in = (uInt)answer->size,
                .next_out = (Bytef *)text, .avail_out = ROOM - 1};
  assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  inflateEnd(&z);
  return text;
}

static void test_tags_and_forms(void **state) {
  http_answer plain, packed, same;
  char etag[64], header[128];
  http_ask(address(state), "GET " MAP, "", NULL, &plain);
  snprintf(etag, sizeof etag, "%s", http_header(&plain, "ETag"));
  assert_string_equal(http_header(&plain, "Cache-Control"), "no-cache");
  assert_null(http_header(&plain, "Content-Encoding"));
  // Kept in plain form; compressed when that is asked for, twice the same.
  for (int i = 0; i < 2; i++) {
    http_ask(address(state), "GET " MAP, "Accept-Encoding: br, gzip;q=0.5\r\n", NULL, &packed);
    assert_string_equal(http_header(&packed, "Content-Encoding"), "gzip");
    assert_true(packed.size < plain.size / 2);
    assert_int_equal(strncmp(http_header(&packed, "ETag"), etag, 33), 0);
    assert_string_not_equal(http_header(&packed, "ETag"), etag);
    char *text = unzip(&packed);
    assert_string_equal(text, plain.body);
    free(text);
    http_free(&packed);
  }
  http_ask(address(state), "GET " MAP, "Accept-Encoding: gzip;q=0\r\n", NULL, &packed);
  assert_null(http_header(&packed, "Content-Encoding"));
  http_free(&packed);
  snprintf(header, sizeof header, "If-None-Match: W/\"x\", %s\r\n", etag);
  assert_int_equal(http_ask(address(state), "GET " MAP, header, NULL, &same), 304);
  http_free(&same);
  // Options in another order are the same question, others another.
  assert_int_equal(http_ask(address(state), "GET /v1/questions/map?limit=5&case=order_id", header,
                            NULL, &same), 200);
  snprintf(etag, sizeof etag, "%s", http_header(&same, "ETag"));
  http_free(&same);
  snprintf(header, sizeof header, "If-None-Match: %s\r\n", etag);
  assert_int_equal(http_ask(address(state), "GET /v1/questions/map?case=order_id&limit=5", header,
                            NULL, &same), 304);
  http_free(&same);
  assert_int_equal(http_ask(address(state), "HEAD " MAP, "", NULL, &same), 200);
  http_free(&same);
  http_free(&plain);
}

static void test_files(void **state) {
  http_answer answer;
  char header[128];
  char *body = ask_body(state, "GET /", 200);
  assert_string_equal(body, "<p>");
  free(body);
  body = ask_body(state, "GET /funnel?case=order_id", 200);
  assert_string_equal(body, "<p>");
  free(body);
  free(ask_body(state, "GET /none.js", 404));
  free(ask_body(state, "GET /v1/none", 404));
  free(ask_body(state, "GET /v1/questions/none", 404));
  free(ask_body(state, "PUT " MAP, 405));
  free(ask_body(state, "POST /", 404));
  assert_int_equal(http_ask(address(state), "GET /app.js", "", NULL, &answer), 200);
  assert_string_equal(http_header(&answer, "Content-Type"), "text/javascript; charset=utf-8");
  snprintf(header, sizeof header, "If-None-Match: %s\r\n", http_header(&answer, "ETag"));
  http_free(&answer);
  assert_int_equal(http_ask(address(state), "GET /app.js", header, NULL, &answer), 304);
  http_free(&answer);
  body = ask_body(state, "GET /healthz", 200);
  assert_string_equal(body, "ok\n");
  free(body);
}

static void test_problems(void **state) {
  static const char *const cases[][2] = {
      {"GET /v1/questions/map?where=order_placed%5Bx%3E",
       "\"status\":400,"},
      {"GET /v1/questions/map?where=order_placed%5Bx%3E", "\"option\":\"where\",\"line\":1,"},
      {"GET /v1/questions/map?case=x", "\"option\":\"case\""},
      {"GET /v1/questions/map?cases=1", "\"code\":\"EXPRESSION\""},
      {"GET /v1/questions/map?casse=x", "did you mean --case?"},
      {"GET /v1/questions/map?personal=true", "\"status\":400,"},
      {"GET /v1/questions/mapp", "did you mean 'map'?"},
      {"GET /v1/questions/map?format=xml", "json|csv|svg|layout|sql"},
      {"GET /v1/questions/map?format=csv&table=none", "\"code\":\"USAGE\""},
      {"GET /v1/questions/map?derive=maybe", "\"option\":\"derive\""},
      // As SQL, options are held to the same.
      {"GET /v1/questions/map?format=sql&to=2024-02-30", "\"option\":\"to\""},
      {"GET /v1/questions/funnel?step=delivered&order=a&format=sql", "choose one of sequence"},
      {"PUT /v1/boards/a", "the board is empty"},
  };
  static const char *const bodies[] = {"{", "[]", "{\"a\":1}", "{\"options\":1}",
                                       "{\"options\":{\"case\":{}}}",
                                       "{\"options\":{\"case\":[[]]}}",
                                       "{\"options\":{\"case\":\"a\\u0000b\"}}"};
  http_answer answer;
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    http_ask(address(state), cases[c][0], "", NULL, &answer);
    assert_string_equal(http_header(&answer, "Content-Type"), "application/problem+json");
    if (strstr(answer.body, cases[c][1]) == NULL)
      fail_msg("%s: %s", cases[c][0], answer.body);
    http_free(&answer);
  }
  static char deep[100001];
  memset(deep, '[', sizeof deep - 1);
  assert_int_equal(http_ask(address(state), "PUT /v1/boards/a", "", deep, &answer), 413);
  assert_non_null(strstr(answer.body, "line 1: nested deeper than 32"));
  http_free(&answer);
  // Groups of nothing.
  free(ask_body(state, "GET /v1/questions/segment?by=country&known-at=1990-01-01", 200));
  for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
    if (http_ask(address(state), "POST /v1/questions/map", "", bodies[b], &answer) != 400)
      fail_msg("%s: %s", bodies[b], answer.body);
    http_free(&answer);
  }
}

// --- the store changes

static void test_follows_the_store(void **state) {
  world *of = *state;
  http_answer before, after;
  char header[128];
  http_ask(address(state), "GET /v1/questions/quality", "", NULL, &before);
  simulate(of, 2);
  char *wanted = render(of, "quality", NULL, 0, "json");
  http_ask(address(state), "GET /v1/questions/quality", "", NULL, &after);
  assert_string_equal(after.body, wanted);
  assert_string_not_equal(after.body, before.body);
  snprintf(header, sizeof header, "If-None-Match: %s\r\n", http_header(&before, "ETag"));
  free(wanted);
  http_free(&before);
  http_free(&after);
  assert_int_equal(http_ask(address(state), "GET /v1/questions/quality", header, NULL, &after),
                   200);
  http_free(&after);
  // An append, and settings that cannot be read, until they can.
  ds_store *store = world_open_ok(&of->store, true);
  assert_int_equal(world_append(&of->store, store, 5), DS_OK);
  ds_store_close(store);
  wanted = render(of, "quality", NULL, 0, "json");
  http_ask(address(state), "GET /v1/questions/quality", "", NULL, &after);
  assert_string_equal(after.body, wanted);
  free(wanted);
  http_free(&after);
  char path[512];
  snprintf(path, sizeof path, "%s/doorstep.yaml", of->store.path);
  static const char *const texts[] = {"time_zone: Nowhere/None\n", "time_zone: Asia/Tokyo\n"};
  for (int t = 0; t < 2; t++) {
    assert_int_equal(ds_io_replace_file(of->store.io, of->store.path, path, texts[t],
                                        strlen(texts[t]), NULL), DS_OK);
    free(ask_body(state, "GET /v1/questions/trend", t == 0 ? 422 : 200));
  }
}

// An import goes on while questions are asked: no answer is of half an import.
static void import_more(void *context) {
  for (uint64_t seed = 10; seed < 13; seed++)
    simulate(context, seed);
}

static void test_beside_an_import(void **state) {
  world *of = *state;
  ds_task *task = NULL;
  uint32_t answers = 0, changes = 0;
  char last[64] = "";
  http_answer answer;
  assert_int_equal(ds_task_start(import_more, of, false, &task, NULL), DS_OK);
  bool done = false;
  while (!done || answers == 0) {
    done = ds_task_is_done(task);
    assert_int_equal(http_ask(address(state), "GET /v1/questions/schema", "", NULL, &answer), 200);
    changes += strcmp(last, http_header(&answer, "ETag")) != 0;
    snprintf(last, sizeof last, "%s", http_header(&answer, "ETag"));
    http_free(&answer);
    answers++;
  }
  ds_task_end(task);
  // An import may be seen sealing, in the log, and in the manifest.
  assert_in_range(changes, 2, 13);
  char *wanted = render(of, "schema", NULL, 0, "json");
  char *body = ask_body(state, "GET /v1/questions/schema", 200);
  assert_string_equal(body, wanted);
  free(wanted);
  free(body);
}

// --- many, followed, stopped

#define ID "0123456789abcdef0123456789ABCDEF"

static void test_follow_and_stop(void **state) {
  const int follower = http_connect(address(state));
  http_answer answer;
  // Followed before it comes; it ends, and so does that.
  http_send(follower, "GET /v1/requests/" ID " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  int ends = 0;
  for (int i = 0; i < 20 && ends == 0; i++) {
    char line[128];
    snprintf(line, sizeof line, "GET /v1/questions/variants?limit=%d&derive=true", i + 1);
    assert_int_equal(http_ask(address(state), line, "X-Request-Id: " ID "\r\n", NULL, &answer),
                     200);
    http_free(&answer);
    char byte;
    ends = recv(follower, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1 && i >= 10;
  }
  close(follower);
  free(ask_body(state, "DELETE /v1/requests/" ID, 404));
  free(ask_body(state, "DELETE /v1/requests/abc", 400));
  free(ask_body(state, "GET /v1/requests/abc", 400));
}

// The same question by many at once, and many different ones: every answer is whole and the same.
static void test_many(void **state) {
  enum { MANY = 150 };
  int fds[MANY];
  http_answer answer;
  char *wanted = ask_body(state, "GET /v1/questions/process?case=order_id", 200);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < MANY; i++) {
      char request[256];
      snprintf(request, sizeof request,
               "GET /v1/questions/process?case=order_id%s%d HTTP/1.1\r\nHost: localhost\r\n\r\n",
               round == 0 ? "&format=json&table=t" : "&limit=", round == 0 ? 1 : 1000 + i);
      fds[i] = http_connect(address(state));
      http_send(fds[i], request);
    }
    int full = 0;
    for (int i = 0; i < MANY; i++) {
      assert_true(http_read(fds[i], false, &answer));
      if (answer.status == 429) {
        assert_string_equal(http_header(&answer, "Retry-After"), "1");
        full++;
      } else {
        assert_int_equal(answer.status, 200);
        if (round == 0)
          assert_string_equal(answer.body, wanted);
      }
      http_free(&answer);
      close(fds[i]);
    }
    // All who ask the same wait for one; of different ones some are too many.
    assert_true(round == 0 ? full == 0 : full < MANY);
  }
  free(wanted);
}

static void test_timeout(void **state) {
  world *of = *state;
  end(of);
  start(of, "127.0.0.1:0", 1);
  http_answer answer;
  int stopped = 0;
  for (int i = 0; i < 5; i++) {
    char line[128];
    snprintf(line, sizeof line, "GET /v1/questions/variants?limit=%d&derive=true", i + 1);
    const int status = http_ask(address(state), line, "", NULL, &answer);
    assert_true(status == 200 || status == 503);
    stopped += status == 503;
    http_free(&answer);
  }
  (void)stopped;
  free(ask_body(state, "GET /healthz", 200));
}

// What would count for hours is answered when its time is over, and gives back the threads that it
// had: more of them than there are, one after the other. Then the next is answered.
static void test_time_limit(void **state) {
  enum { LIMIT_MS = 300, SLACK_MS = 120000, ASKED = 3 };
  static const char endless[] =
      "{\"statement\": \"select count(*) from range(100000000000000) t(i) where i % 3 = 7\"}";
  world *of = *state;
  ds_io *io = ds_io_posix();
  end(of);
  start(of, "127.0.0.1:0", LIMIT_MS);
  for (int i = 0; i < ASKED; i++) {
    http_answer answer;
    const int64_t begun_ns = io->ops->monotonic_ns(io);
    const int status = http_ask(address(state), "POST /v1/sql",
                                "Content-Type: application/json\r\n", endless, &answer);
    const int64_t took_ms = (io->ops->monotonic_ns(io) - begun_ns) / 1000000;
    if (status != 503 || strstr(answer.body, "--timeout") == NULL)
      fail_msg("%d: %.300s", status, answer.body);
    assert_true(took_ms >= LIMIT_MS - 1 && took_ms < LIMIT_MS + SLACK_MS);
    http_free(&answer);
  }
  free(ask_body(state, "GET /healthz", 200));
  end(of);
  start(of, "127.0.0.1:0", TIMEOUT_MS);
  free(ask_body(state, "GET " MAP, 200));
}

// Parts of good queries, put together and spoilt at random: each gets an answer, and never 5xx but
// 501, what cannot be done.
static void test_random_queries(void **state) {
  static const char *const parts[] = {
      "case=order_id", "where=order_placed", "where=value+%3E+", "cases=count(order_placed)", "&",
      "from=2024-01-01", "to=2024", "by=carrier", "top=3", "limit=99999999999999999999", "sort=-x",
      "list=edges", "derive=true", "as-of=2024-06-01", "known-at=x", "%00", "%FF", "=", "%", "+",
      "step=delivered", "step=any*", "id=C1", "who=C5", "segment=lapsed", "format=svg", "table=t",
      "format=sql", "range=events", "attach=nearest", "pattern=a+then+b", "feature=n%3Dcount(any)",
      "%5B", "((((", "'", "\"", "where=%27", "%E2%82%AC", "per=week", "measure=rate",
      "of=delivered",
  };
  enum { ROUNDS = 400 };
  uint32_t seed = 7;
  int fd = http_connect(address(state));
  for (int round = 0; round < ROUNDS; round++) {
    char text[2048];
    const ds_question *question = &ds_questions[(uint32_t)round % ds_questions_count];
    int size = snprintf(text, sizeof text, "GET /v1/questions/%s?", question->name);
    seed = seed * 1664525u + 1013904223u;
    for (uint32_t p = 0; p < 1 + (seed >> 28) % 6; p++) {
      seed = seed * 1664525u + 1013904223u;
      size += snprintf(text + size, 64, "%s%s", parts[(seed >> 8) % (sizeof parts / sizeof *parts)],
                       (seed >> 30) != 0 ? "&" : "");
    }
    snprintf(text + size, 64, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    http_answer answer;
    http_send(fd, text);
    assert_true(http_read(fd, false, &answer));
    if (answer.status >= 500 && answer.status != 501)
      fail_msg("%d: %s%.500s", answer.status, text, answer.body);
    const char *kept = http_header(&answer, "Connection");
    if (kept != NULL && strcasecmp(kept, "close") == 0) {
      close(fd);
      fd = http_connect(address(state));
    }
    http_free(&answer);
  }
  close(fd);
}

// --- who may ask

static int ask_as(void **state, const char *host, const char *headers) {
  const int fd = http_connect(address(state));
  char text[1024];
  http_answer answer;
  snprintf(text, sizeof text, "GET " MAP " HTTP/1.1\r\nHost: %s\r\n%s\r\n", host, headers);
  http_send(fd, text);
  assert_true(http_read(fd, false, &answer));
  const int status = answer.status;
  if (status == 401)
    assert_string_equal(http_header(&answer, "WWW-Authenticate"), "Bearer");
  http_free(&answer);
  close(fd);
  return status;
}

static void test_hosts(void **state) {
  static const struct {
    const char *host, *headers;
    int status;
  } cases[] = {
      {"localhost", "", 200}, {"LOCALHOST:80", "", 200}, {"127.0.0.1:1", "", 200},
      {"[::1]", "", 200}, {"[::1]:8787", "", 200}, {"evil.example", "", 421},
      {"localhost.evil.example", "", 421}, {"localhost:80:80", "", 421}, {"127.0.0.1.", "", 421},
      {"", "", 421}, {"[::1", "", 421}, {"localhost@evil.example", "", 421},
      {"localhost", "Origin: http://localhost\r\n", 200},
      {"localhost:1", "Origin: http://localhost:1\r\n", 200},
      {"localhost", "Origin: http://evil.example\r\n", 403},
      {"localhost", "Origin: null\r\n", 403},
      {"localhost:1", "Origin: http://localhost:2\r\n", 403},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
    if (ask_as(state, cases[c].host, cases[c].headers) != cases[c].status)
      fail_msg("%s %s", cases[c].host, cases[c].headers);
}

static void test_keys(void **state) {
  world *of = *state;
  char key[DS_API_KEY_BYTES], other[DS_API_KEY_BYTES], header[256];
  const char *path = of->store.path;
  ds_io *io = of->store.io;
  ds_error err;
  end(of);
  ds_server_options options;
  ds_server *server = NULL;
  ds_server_options_init(&options);
  options.listen = "0.0.0.0:0";
  options.store = path;
  assert_int_equal(ds_server_new(&options, &server, &err), DS_USAGE);
  assert_non_null(strstr(err.message, "doorstep key add"));
  assert_int_equal(ds_api_key_add(io, path, "one", key, NULL), DS_OK);
  assert_int_equal(ds_api_key_add(io, path, "one", other, &err), DS_USAGE);
  assert_int_equal(ds_api_key_add(io, path, "a b", other, &err), DS_USAGE);
  assert_int_equal(ds_api_key_add(io, path, "two", other, NULL), DS_OK);
  start(of, "0.0.0.0:0", TIMEOUT_MS);
  assert_int_equal(ask_as(state, "shop.example", ""), 401);
  assert_int_equal(ask_as(state, "shop.example", "Authorization: Bearer x\r\n"), 401);
  assert_int_equal(ask_as(state, "shop.example", "Authorization: Basic x\r\n"), 401);
  snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", key);
  assert_int_equal(ask_as(state, "shop.example", header), 200);
  snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", other);
  assert_int_equal(ask_as(state, "shop.example", header), 200);
  assert_int_equal(ds_api_key_remove(io, path, "two", NULL), DS_OK);
  assert_int_equal(ds_api_key_remove(io, path, "two", &err), DS_USAGE);
  assert_int_equal(ask_as(state, "shop.example", header), 401);
  free(ask_body(state, "GET /healthz", 200));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_every_question), TEST(test_empty_options), TEST(test_tags_and_forms),
      TEST(test_files), TEST(test_problems),
      TEST(test_follows_the_store), TEST(test_beside_an_import), TEST(test_follow_and_stop),
      TEST(test_many), TEST(test_random_queries), TEST(test_timeout), TEST(test_time_limit),
      TEST(test_hosts), TEST(test_keys),
  };
  return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
