// SPDX-License-Identifier: Apache-2.0
// Out of memory (sweep 3 of docs/durability.md) while files are imported and lines appended:
// allocation number n fails, once or from then on. The call says DS_MEMORY and nothing of a file is
// there, or it did without, to the same events; then the same again takes everything, once.
// Libraries' own allocations are asked for as memory_faults.h says. All cases run with DS_STRESS=1,
// else one in so many; source and n make a case again.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
// cmocka needs the headers above first.
#include <cmocka.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "ingest/append.h"
#include "ingest/export.h"
#include "ingest/import.h"
#include "long_run.h"
#include "memory_faults.h"

#define FORMATS "test/golden/data/formats/"
#define NOW_MS 1790000000000
#define NO_FAILURE UINT64_MAX
enum { CASES_USUAL = 24 };

typedef struct source {
  const char *name;
  const char *path; // NULL: the text is appended
  const char *text; // of a file to be written; or lines; or what makes a database
} source;

static const char lines[] =
    "{\"id\":\"1\",\"event\":\"order_placed\",\"time\":\"2024-03-01\",\"customer\":{\"id\":\"C1\","
    "\"email\":\"a@b.example\"},\"order_id\":\"O1\",\"properties\":{\"value\":3,"
    "\"name\":\"Planted Person\"}}\n"
    "{\"id\":\"2\",\"event\":\"delivered\",\"time\":\"2024-03-04\",\"customer\":{\"id\":\"C1\"},"
    "\"order_id\":\"O1\",\"parcel_id\":[\"P1\",\"P2\"]}\n"
    "{\"id\":\"3\",\"event\":\"order_placed\",\"time\":\"2024-03-02\",\"customer\":{\"id\":\"C2\"},"
    "\"properties\":{\"phone\":\"+49 30 7654321\"}}\n";

static const char xml[] =
    "<?xml version=\"1.0\"?><log><object-types><object-type name=\"customer\"/>"
    "<object-type name=\"order\"><attributes><attribute name=\"total\" type=\"float\"/>"
    "</attributes></object-type></object-types><event-types><event-type name=\"order_placed\">"
    "<attributes><attribute name=\"value\" type=\"float\"/></attributes></event-type>"
    "</event-types><objects><object id=\"C1\" type=\"customer\"/><object id=\"O1\" type=\"order\">"
    "<attributes><attribute name=\"total\" time=\"1970-01-01T00:00:00Z\">3.5</attribute>"
    "<attribute name=\"total\" time=\"2024-03-02T00:00:00Z\">4.5</attribute></attributes><objects>"
    "<relationship object-id=\"C1\" qualifier=\"of\"/></objects></object>"
    "<object id=\"O2\" type=\"order\"/></objects><events><event id=\"e1\" type=\"order_placed\" "
    "time=\"2024-03-01T10:00:00Z\"><attributes><attribute name=\"value\">3</attribute></attributes>"
    "<objects><relationship object-id=\"C1\" qualifier=\"by\"/>"
    "<relationship object-id=\"O1\" qualifier=\"of\"/>"
    "<relationship object-id=\"O2\" qualifier=\"of\"/></objects></event></events></log>";

// OCEL 2.0 as SQLite is made by these statements.
static const char tables[] =
    "CREATE TABLE event_map_type(ocel_type, ocel_type_map); "
    "CREATE TABLE object_map_type(ocel_type, ocel_type_map); "
    "INSERT INTO event_map_type VALUES('order_placed','placed'); "
    "INSERT INTO object_map_type VALUES('customer','customer'),('order','order_'); "
    "CREATE TABLE event(ocel_id, ocel_type); "
    "CREATE TABLE object(ocel_id, ocel_type); "
    "CREATE TABLE event_placed(ocel_id, ocel_time, value REAL, ok TEXT); "
    "CREATE TABLE object_customer(ocel_id, ocel_time, ocel_changed_field); "
    "CREATE TABLE object_order_(ocel_id, ocel_time, ocel_changed_field, total REAL); "
    "CREATE TABLE event_object(ocel_event_id, ocel_object_id, ocel_qualifier); "
    "CREATE TABLE object_object(ocel_source_id, ocel_target_id, ocel_qualifier); "
    "INSERT INTO event VALUES('e1','order_placed'); "
    "INSERT INTO object VALUES('C1','customer'),('O1','order'),('O2','order'); "
    "INSERT INTO event_placed VALUES('e1','2024-03-01T10:00:00Z',3,'yes'); "
    "INSERT INTO object_customer VALUES('C1','1970-01-01T00:00:00Z',NULL); "
    "INSERT INTO object_order_ VALUES('O1','1970-01-01T00:00:00Z',NULL,3.5),"
    "('O1','2024-03-02T00:00:00Z','total',4.5),('O2','1970-01-01T00:00:00Z',NULL,NULL); "
    "INSERT INTO event_object VALUES('e1','C1','by'),('e1','O1','of'),('e1','O2','of'); "
    "INSERT INTO object_object VALUES('O1','C1','of'); ";

static const source sources[] = {
    {"a table with personal values", "orders.csv",
     "id,customer,event,time,order_id,email,name,value,promise\n"
     "1,C1,order_placed,2024-03-01T10:00:00Z,O1,a@b.example,Ann Bee,3,05/03/2024\n"
     "2,C1,delivered,2024-03-04T09:30:00Z,O1,,,,\n"
     "3,C2,Order Completed,2024-03-02 08:00:00,O2,c@d.example,Cy Dee,,13/03/2024\n"
     "4,C2,delivered,no time,O2,,,,\n"
     "5,C3,delivered,2024-03-05 08:00:00,O3,,,1.5,\n"},
    {"JSON lines", "events.ndjson", lines},
    {"a table as JSON", "orders.ndjson",
     "{\"customer_id\":\"C1\",\"event\":\"order_placed\",\"time\":\"2024-03-01T10:00:00Z\","
     "\"order_id\":[\"O1\",\"O2\"],\"value\":3,\"size\":{\"name\":\"M\",\"box\":{\"cm\":1.5}}}\n"
     "{\"customer_id\":\"C2\",\"event\":\"delivered\",\"time\":\"2024-03-04T10:00:00Z\","
     "\"order_id\":[\"O1\"],\"value\":2.5,\"size\":{\"name\":\"L\"}}\n"},
    {"XES", FORMATS "log.xes", NULL},
    {"OCEL as JSON", FORMATS "shop.jsonocel", NULL},
    {"OCEL as XML", "orders.xmlocel", xml},
    {"OCEL as SQLite", "orders.sqlite", tables},
    {"append", NULL, lines},
};

// Where cases lie: in memory when the machine has such a place.
static char folder[64];

static void path_of(const char *name, char out[160]) { snprintf(out, 160, "%s/%s", folder, name); }

static ds_store *open_store(void) {
  char path[160];
  ds_store_options options;
  ds_error err = {.message = ""};
  ds_store *store = NULL;
  path_of("store", path);
  ds_store_options_init(&options);
  options.write = options.create = true;
  if (ds_store_open(path, &options, &store, &err) != DS_OK)
    fail_msg("%s", err.message);
  return store;
}

static ds_code import(ds_store *store, const source *from, ds_error *err) {
  char path[160];
  path_of(from->path, path);
  const char *const files[] = {from->text == NULL ? from->path : path};
  ds_import_options options;
  ds_import_options_init(&options);
  options.files = files;
  options.files_count = 1;
  options.threads = 1; // so that allocations have an order
  options.now_ms = NOW_MS;
  ds_arena arena;
  ds_arena_init(&arena, (size_t)1 << 28);
  ds_result result;
  ds_result_init(&result, &arena, "import");
  const ds_code code = ds_import(store, &options, &arena, &result, err);
  ds_arena_done(&arena);
  return code;
}

static void refused(void *context, uint64_t line, uint32_t column, const char *reason) {
  (void)context;
  fail_msg("line %ju, column %u: %s", (uintmax_t)line, column, reason);
}

static ds_code append(ds_store *store, const source *from, ds_error *err) {
  ds_appender *appender = NULL;
  uint64_t settled = 0;
  TRY(ds_appender_new(store, refused, NULL, &appender, err));
  ds_code code = ds_appender_lines(appender, from->text, strlen(from->text), err);
  if (code == DS_OK)
    code = ds_appender_commit(appender, &settled, err);
  assert_true(code != DS_OK || settled == 3);
  ds_appender_free(appender);
  return code;
}

static ds_code take(ds_store *store, const source *from, ds_error *err) {
  return from->path == NULL ? append(store, from, err) : import(store, from, err);
}

static ds_code keep(void *context, const void *data, size_t size, ds_error *err) {
  ds_buf_append(context, data, size);
  return ds_buf_check(context, "an export", err);
}

// The events of the store as text, but for when those of `append` were received, and for what is
// hashed by the key of this store alone.
static uint64_t export_all(const ds_snapshot *snapshot, ds_buf *out) {
  const ds_export_options options = {.form = DS_EXPORT_NDJSON, .write = keep, .context = out};
  uint64_t events = 0;
  ds_error err = {.message = ""};
  if (ds_export(snapshot, &options, &events, &err) != DS_OK)
    fail_msg("%s", err.message);
  static const char *const own[] = {"\"received\":\"", "=#"};
  for (size_t o = 0; o < sizeof own / sizeof *own; o++)
    for (char *at = (char *)(uintptr_t)ds_buf_cstr(out); (at = strstr(at, own[o])) != NULL;)
      at += strlen(own[o]), memmove(at, strchr(at, '"'), strlen(strchr(at, '"')) + 1);
  return events;
}

// What the store holds; *whole is compared with, or, empty, becomes it.
static uint64_t events_of(ds_store *store, ds_buf *whole) {
  ds_snapshot *snapshot = NULL;
  ds_error err = {.message = ""};
  if (ds_store_snapshot(store, &snapshot, &err) != DS_OK)
    fail_msg("%s", err.message);
  const uint64_t events = snapshot->events;
  ds_buf found;
  ds_buf_init(&found, 1u << 20);
  if (events > 0)
    assert_int_equal(export_all(snapshot, whole->size == 0 ? whole : &found), events);
  if (found.size > 0 && strcmp(ds_buf_cstr(&found), ds_buf_cstr(whole)) != 0)
    fail_msg("other events:\n%s\nnot\n%s", ds_buf_cstr(&found), ds_buf_cstr(whole));
  ds_buf_done(&found);
  ds_snapshot_free(snapshot);
  return events;
}

static void print_problem(void *context, const char *line) {
  fail_msg("%s: check found: %s", ((const source *)context)->name, line);
}

// The store takes everything once more, whole, and is sound.
static void expect_sound(const source *from, uint64_t events, ds_buf *whole) {
  ds_store *store = open_store();
  ds_error err = {.message = ""};
  const uint64_t before = events_of(store, whole);
  assert_true(before == 0 || before == events);
  const ds_code code = take(store, from, &err);
  // A file that is there already is refused as such.
  if (code != DS_OK && (before == 0 || code != DS_USAGE))
    fail_msg("%s: again: %s", from->name, err.message);
  assert_int_equal(events_of(store, whole), events);
  if (ds_store_check(store, print_problem, (void *)(uintptr_t)from, NULL, &err) != DS_OK)
    fail_msg("%s: %s", from->name, err.message);
  ds_store_close(store);
}

static void clear(void) {
  char command[160];
  snprintf(command, sizeof command, "rm -rf '%s/store'", folder);
  assert_int_equal(system(command), 0);
}

// One case; returns how many allocations were asked for. *events and *whole: what a whole one
// holds, told by the first.
static uint64_t run(const source *from, uint64_t n, bool persistent, uint64_t *events,
                    ds_buf *whole) {
  clear();
  ds_store *store = open_store();
  ds_error err = {.message = ""};
  memory_faults_arm(n, persistent);
  const ds_code code = take(store, from, &err);
  bool failed;
  const uint64_t asked = memory_faults_disarm(&failed);
  if (code != DS_OK && (code != DS_MEMORY || !failed))
    fail_msg("%s, allocation %ju%s: %s: %s", from->name, (uintmax_t)n,
             persistent ? " and later" : "", ds_code_name(code), err.message);
  const uint64_t found = events_of(store, whole);
  if (n == NO_FAILURE)
    *events = found;
  // What fails behind the record of the log is in the store, which then takes nothing more: the
  // next who opens it tells what there is (I11).
  const bool doubtful =
      code != DS_OK && found == *events && ds_store_seal(store, &err) == DS_READONLY;
  if (found != (code == DS_OK ? *events : 0) && !doubtful)
    fail_msg("%s, allocation %ju%s: %ju of %ju events", from->name, (uintmax_t)n,
             persistent ? " and later" : "", (uintmax_t)found, (uintmax_t)*events);
  ds_store_close(store);
  expect_sound(from, *events, whole);
  return asked;
}

static void make_file(const source *from) {
  char path[160];
  path_of(from->path, path);
  if (from->text == tables) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, from->text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return;
  }
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(from->text, 1, strlen(from->text), file), strlen(from->text));
  assert_int_equal(fclose(file), 0);
}

static void test_source(void **state) {
  const source *from = *state;
  uint64_t events = 0;
  ds_buf whole;
  ds_buf_init(&whole, 1u << 20);
  if (from->path != NULL && from->text != NULL)
    make_file(from);
  const uint64_t all = run(from, NO_FAILURE, false, &events, &whole);
  assert_true(all > 10 && events > 0);
  const uint64_t stride = long_run_stride(all * 2 / CASES_USUAL | 1);
  for (uint64_t i = 0; i < all * 2; i += stride) // odd strides meet both kinds of failure
    (void)run(from, i / 2, i % 2 == 1, &events, &whole);
  ds_buf_done(&whole);
  clear();
}

int main(void) {
  memory_faults_install();
  snprintf(folder, sizeof folder, "%s/doorstep-memory-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  if (mkdtemp(folder) == NULL)
    return 1;
  enum { COUNT = sizeof sources / sizeof *sources };
  struct CMUnitTest tests[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    tests[i] = (struct CMUnitTest){sources[i].name, test_source, NULL, NULL,
                                   (void *)(uintptr_t)&sources[i]};
  const int status = cmocka_run_group_tests_name("ingest memory", tests, NULL, NULL);
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command) == 0 ? status : 1;
}
