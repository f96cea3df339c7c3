// SPDX-License-Identifier: Apache-2.0
// Out of memory (sweep 3 of docs/durability.md) while a store's files of definitions are read and
// written (doorstep.yaml with its calendars and zones, segments.yaml, boards.yaml) and while lists
// of customers are saved and removed: the answer, or DS_MEMORY, and then the file or the list is
// there whole or not at all. Case and n make a failure again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ingest/export.h"
#include "ingest/lists.h"
#include "ingest/settings.h"
#include "memory_faults.h"
#include "memory_sweep.h"
#include "store/definitions.h"
#include "store_world.h"

enum { EVENTS = 60 };
#define ARENA_BYTES ((size_t)64 << 20)

static store_world world; // a store with events and doorstep.yaml
static const char instants_text[] =
    "email,time,label\n\"customer_id=C1\",2024-01-01,1\nx@example.com,2024-01-02T10:00:00Z,0\n"
    "customer_id=C2,2024-01-03 10:00,1\ncustomer_id=C1,2024-01-03,0\n";
static char list_path[64], instants_path[64];

static const char settings_text[] =
    "time_zone: Europe/Berlin\n"
    "touchpoints:\n"
    "  - {name: gift_wrapped, stage: fulfilment, aliases: [Gift Packed, verpackt],\n"
    "     answered_by: [delivered], properties: {paper: string, cost: number}}\n"
    "  - {name: order_packed, owner: support}\n"
    "retention: {default: 3y, gift_wrapped: 90d}\n"
    "calendars:\n"
    "  desk: {hours: 'mon-fri 07:00-22:00, sat 08:00-14:00', time_zone: America/Sao_Paulo}\n"
    "  store_room: {hours: sun 09:00-10:00, holidays: [2024-12-25, 2024-12-26]}\n"
    "tracking: {stalled_after: 36h, calendar: desk}\n"
    "carriers:\n"
    "  Parcel Go: {time_zone: Europe/Lisbon, promised_hours: '08:00-18:00', stalled_after: 48h}\n"
    "destinations:\n"
    "  property: country\n"
    "  time_zones: {PT: Europe/Lisbon, ES: Europe/Madrid}\n"
    "questions:\n"
    "  - {name: late, question: funnel, arguments: [order_placed, delivered],\n"
    "     options: {within: 30d, case: order_id}}\n"
    "boards:\n"
    "  - name: monday\n"
    "    tiles: [{saved: late, title: Late}, {question: trend, options: {per: week}}]\n"
    "annotations: {2017-11-24: Black Friday}\n";

static const char boards_text[] =
    "boards:\n"
    "  - name: a\n"
    "    title: \"One \\u00e9\"\n"
    "    tiles:\n"
    "      - {question: funnel, arguments: [order_placed, delivered, \"x y\"],\n"
    "         options: {within: 30d, where: [\"a = 1\", b = 2]}, chart: table}\n"
    "      - {saved: late}\n"
    "  - {name: b, tiles: []}\n";

static const char request_text[] =
    "{\"title\": \"Mine\", \"source\": \"saved\", \"tiles\": [{\"title\": null, \"question\": "
    "\"map\", \"options\": {\"case\": \"order_id\", \"by\": [\"a\", \"b\"]}, \"error\": \"x\"}]}";

static const char segments_text[] = "many: count(any) >= 3\nmore: segment('many') and\n"
                                    "  sum(order_placed.value, last 365d) > 500\n";

static void write_file(const char *name, const char *text) {
  char path[320];
  snprintf(path, sizeof path, "%s/%s", world.path, name);
  assert_int_equal(ds_io_replace_file(world.io, world.path, path, text, strlen(text), NULL), DS_OK);
}

// --- reading

static ds_code parse_boards(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_arena arena;
  ds_board_list list;
  ds_arena_init(&arena, ARENA_BYTES);
  ds_code code =
      ds_boards_parse(ds_str_of(boards_text), "x.yaml", DS_BOARD_SAVED, &arena, &list, err);
  if (code == DS_OK) {
    ds_boards_write(list.items, list.count, out);
    code = ds_buf_check(out, "the boards", err);
  }
  ds_arena_done(&arena);
  return code;
}

static ds_code parse_request(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_arena arena;
  ds_board board;
  ds_arena_init(&arena, ARENA_BYTES);
  ds_code code = ds_board_parse(ds_str_of(request_text), "mine", &arena, &board, err);
  if (code == DS_OK) {
    ds_boards_write(&board, 1, out);
    code = ds_buf_check(out, "the board", err);
  }
  ds_arena_done(&arena);
  return code;
}

static void print_saved(const ds_saved *words, ds_buf *out) {
  ds_buf_printf(out, "%s %s:", words->name == NULL ? "-" : words->name,
                words->question == NULL ? "-" : words->question);
  for (uint32_t i = 0; i < words->arguments_count; i++)
    ds_buf_printf(out, " %s", words->arguments[i]);
  for (uint32_t i = 0; i < words->options_count; i++)
    ds_buf_printf(out, " --%s=%s", words->options[i].name, words->options[i].text);
  ds_buf_text(out, "\n");
}

static void print_limits(const ds_tracking_limits *limits, ds_buf *out) {
  ds_buf_printf(out, "tracking %jd %s %s\n", (intmax_t)limits->silent_ms,
                limits->calendar == NULL ? "-" : limits->calendar->name,
                limits->place == NULL ? "-" : limits->place);
  for (uint32_t i = 0; i < limits->carriers_count; i++)
    ds_buf_printf(out, "carrier %s %jd %s %jd\n", limits->carriers[i].normal,
                  (intmax_t)limits->carriers[i].limits->silent_ms, limits->carriers[i].zone_name,
                  (intmax_t)ds_zone_local_ms(limits->carriers[i].zone, 1720000000000));
  for (uint32_t i = 0; i < limits->places_count; i++)
    ds_buf_printf(out, "place %s %jd\n", limits->places[i].value,
                  (intmax_t)ds_zone_local_ms(limits->places[i].zone, 1720000000000));
}

// Everything that was read, in words.
static void print_settings(const ds_settings *settings, ds_buf *out) {
  ds_buf_printf(out, "%s\n", settings->time_zone);
  static const char *const names[] = {"verpackt", "order_packed", "delivered"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const ds_touchpoint *row = ds_catalogue_find(settings->catalogue, ds_str_of(names[i]));
    ds_buf_printf(out, "%s %s %d %d\n", names[i], row == NULL ? "-" : row->name,
                  row == NULL ? -1 : (int)row->stage, row == NULL ? -1 : (int)row->owner);
  }
  for (uint32_t i = 0; i < settings->retention.count; i++)
    ds_buf_printf(out, "keep %s %jd\n",
                  settings->retention.rules[i].touchpoint == NULL
                      ? "-"
                      : settings->retention.rules[i].touchpoint,
                  (intmax_t)settings->retention.rules[i].period_ms);
  for (uint32_t i = 0; i < settings->calendars.count; i++) {
    const ds_work_calendar *calendar = &settings->calendars.list[i];
    ds_buf_printf(out, "%s %s %s %jd\n", calendar->name, calendar->hours,
                  calendar->zone_name == NULL ? "-" : calendar->zone_name,
                  (intmax_t)(calendar->zone == NULL
                                 ? 0
                                 : ds_zone_local_ms(calendar->zone, 1720000000000)));
  }
  print_limits(&settings->tracking, out);
  for (uint32_t i = 0; i < settings->saved.count; i++)
    print_saved(&settings->saved.items[i], out);
  ds_boards_write(settings->boards.items, settings->boards.count, out);
  for (uint32_t i = 0; i < settings->annotations_count; i++)
    ds_buf_printf(out, "%jd %s\n", (intmax_t)settings->annotations[i].day,
                  settings->annotations[i].text);
}

static ds_code read_settings(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_arena arena;
  ds_settings settings;
  ds_arena_init(&arena, ARENA_BYTES);
  // The zones are the system's.
  ds_code code = ds_settings_parse(ds_io_posix(), ds_str_of(settings_text), &arena, &settings, err);
  if (code == DS_OK) {
    print_settings(&settings, out);
    code = ds_buf_check(out, "the settings", err);
  }
  ds_arena_done(&arena);
  return code;
}

static ds_code read_segments(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_arena arena;
  const ds_segment *segments = NULL;
  uint32_t count = 0;
  ds_arena_init(&arena, ARENA_BYTES);
  ds_code code = ds_settings_segments(world.io, world.path, NULL, &arena, &segments, &count, err);
  for (uint32_t s = 0; code == DS_OK && s < count; s++)
    ds_buf_printf(out, "%s: %s\n", segments[s].name, segments[s].expression);
  if (code == DS_OK)
    code = ds_buf_check(out, "the segments", err);
  ds_arena_done(&arena);
  return code;
}

static ds_code load_boards(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_arena arena;
  ds_board_list list;
  const ds_board_list none = {.count = 0};
  ds_arena_init(&arena, ARENA_BYTES);
  ds_code code = ds_boards_load(world.io, world.path, &none, &arena, &list, err);
  if (code == DS_OK) {
    ds_boards_write(list.items, list.count, out);
    code = ds_buf_check(out, "the boards", err);
  }
  ds_arena_done(&arena);
  return code;
}

// --- boards saved

static const ds_tile one_tile[] = {{.words = {.question = "map"}}};

static void read_saved(ds_buf *out) {
  char *text = NULL;
  size_t size = 0;
  memory_faults_pause();
  assert_int_equal(ds_definitions_read(world.io, world.path, DS_BOARDS_FILE, &text, &size, NULL),
                   DS_OK);
  ds_buf_append(out, text, size);
  free(text);
  memory_faults_resume();
}

static ds_code save_board(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  const ds_board board = {.name = "new", .title = "T", .tiles = one_tile, .tiles_count = 1};
  memory_faults_pause();
  write_file(DS_BOARDS_FILE, boards_text);
  memory_faults_resume();
  TRY(ds_boards_save(world.io, world.path, &board, 1, err));
  read_saved(out);
  return DS_OK;
}

static ds_code remove_board(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  memory_faults_pause();
  write_file(DS_BOARDS_FILE, boards_text);
  memory_faults_resume();
  TRY(ds_boards_remove(world.io, world.path, "b", err));
  read_saved(out);
  return DS_OK;
}

// What failed has changed nothing, and another save is not in its way.
static void settle_boards(const void *context, ds_code code) {
  (void)context;
  const ds_board board = {.name = "a", .tiles = one_tile, .tiles_count = 1};
  ds_buf now;
  ds_buf_init(&now, 1u << 20);
  read_saved(&now);
  assert_int_equal(code != DS_OK, strcmp(ds_buf_cstr(&now), boards_text) == 0);
  ds_buf_done(&now);
  assert_int_equal(ds_boards_save(world.io, world.path, &board, 1, NULL), DS_OK);
}

// --- lists

static ds_code read_list_file(ds_store *store, ds_arena *arena, ds_list_read *read,
                              ds_error *err) {
  const ds_list_file file = {.path = list_path};
  memset(read, 0, sizeof *read);
  return ds_list_file_read(store, &file, arena, read, NULL, err);
}

static ds_code open_store(bool write, ds_store **ret_store) {
  memory_faults_pause();
  const ds_code code = world_open(&world, write, ret_store, NULL);
  memory_faults_resume();
  return code;
}

static void print_lists(ds_store *store, ds_arena *arena, ds_buf *out) {
  const ds_list_info *lists = NULL;
  uint32_t count = 0;
  memory_faults_pause();
  assert_int_equal(ds_lists_read(store, arena, &lists, &count, NULL), DS_OK);
  for (uint32_t l = 0; l < count; l++)
    ds_buf_printf(out, "%s %s %s %ju\n", lists[l].name, lists[l].source, lists[l].detail,
                  (uintmax_t)lists[l].members);
  ds_buf_text(out, "end\n");
  memory_faults_resume();
}

static ds_code read_identifiers(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_arena arena;
  ds_list_read *read = calloc(1, sizeof *read);
  ds_store *store = NULL;
  if (read == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the test");
  ds_arena_init(&arena, ARENA_BYTES);
  assert_int_equal(open_store(false, &store), DS_OK);
  ds_code code = read_list_file(store, &arena, read, err);
  if (code == DS_OK)
    ds_buf_printf(out, "%ju %ju %ju %ju line %u\n", (uintmax_t)read->given,
                  (uintmax_t)read->repeated, (uintmax_t)read->unknown,
                  (uintmax_t)read->customers_count, read->unknown_lines[0]);
  if (code == DS_OK)
    code = ds_buf_check(out, "the list", err);
  ds_store_close(store);
  ds_arena_done(&arena);
  free(read);
  return code;
}

// The same file as rows, each with an instant.
static ds_code read_instants(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_arena arena;
  ds_store *store = NULL;
  ds_instants instants;
  ds_arena_init(&arena, ARENA_BYTES);
  assert_int_equal(open_store(false, &store), DS_OK);
  ds_code code = ds_instants_read(store, instants_path, NULL, &arena, &instants, err);
  if (code == DS_OK) {
    for (uint32_t r = 0; r < instants.count; r++)
      ds_buf_printf(out, "%s %jd line %u\n", ds_names_text(&instants.who, instants.row[r].who),
                    (intmax_t)instants.row[r].time_ms, instants.row[r].line);
    ds_instants_done(&instants);
    code = ds_buf_check(out, "the rows", err);
  }
  ds_store_close(store);
  ds_arena_done(&arena);
  return code;
}

// Saves it, or with the context "remove" takes it back, too.
static ds_code save_list(const void *context, ds_buf *out, ds_error *err) {
  static ds_list_read read;
  ds_arena arena;
  ds_store *store = NULL;
  ds_list_info list = {.name = "vip", .source = "vip.csv", .detail = "in words"};
  ds_arena_init(&arena, ARENA_BYTES);
  assert_int_equal(open_store(true, &store), DS_OK);
  memory_faults_pause();
  assert_int_equal(read_list_file(store, &arena, &read, NULL), DS_OK);
  memory_faults_resume();
  ds_code code = ds_list_check(store, "vip", NULL, 0, err);
  if (code == DS_OK)
    code = ds_list_save(store, &read.customers, read.customers_count, &list, NULL, err);
  if (code == DS_OK)
    print_lists(store, &arena, out);
  if (code == DS_OK && context != NULL) {
    uint64_t members = 0;
    code = ds_list_remove(store, "vip", &members, err);
    if (code == DS_OK)
      print_lists(store, &arena, out);
  }
  ds_store_close(store);
  ds_arena_done(&arena);
  return code;
}

// The list is there with all its members, or it is not, and a new one can be saved.
static void settle_list(const void *context, ds_code code) {
  uint64_t members = 0;
  ds_arena arena;
  ds_buf text;
  ds_store *store = world_open_ok(&world, true);
  ds_arena_init(&arena, ARENA_BYTES);
  ds_buf_init(&text, 1u << 20);
  print_lists(store, &arena, &text);
  const bool is_there = strcmp(ds_buf_cstr(&text), "vip vip.csv in words 3\nend\n") == 0;
  assert_true(is_there || strcmp(ds_buf_cstr(&text), "end\n") == 0);
  assert_true(code != DS_OK || is_there == (context == NULL));
  ds_buf_done(&text);
  if (is_there)
    assert_int_equal(ds_list_remove(store, "vip", &members, NULL), DS_OK);
  ds_store_close(store);
  ds_arena_done(&arena);
}

// --- exports

static ds_code keep_text(void *context, const void *data, size_t size, ds_error *err) {
  ds_buf_append(context, data, size);
  return ds_buf_check(context, "an export", err);
}

static ds_code export_events(const void *context, ds_buf *out, ds_error *err) {
  const ds_export_options options = {.form = *(const ds_export_form *)context,
                                     .write = keep_text, .context = out};
  ds_store *store = NULL;
  ds_snapshot *snapshot = NULL;
  uint64_t events = 0;
  assert_int_equal(open_store(false, &store), DS_OK);
  memory_faults_pause();
  assert_int_equal(ds_store_snapshot(store, &snapshot, NULL), DS_OK);
  memory_faults_resume();
  const ds_code code = ds_export(snapshot, &options, &events, err);
  assert_true(code != DS_OK || events > 0);
  ds_snapshot_free(snapshot);
  ds_store_close(store);
  return code;
}

static const ds_export_form forms[] = {DS_EXPORT_CSV, DS_EXPORT_NDJSON, DS_EXPORT_XES,
                                       DS_EXPORT_OCEL};

static const memory_case cases[] = {
    {"boards parsed", parse_boards, NULL, NULL},
    {"a board of a request", parse_request, NULL, NULL},
    {"doorstep.yaml", read_settings, NULL, NULL},
    {"segments.yaml", read_segments, NULL, NULL},
    {"all boards", load_boards, NULL, NULL},
    {"a board saved", save_board, settle_boards, NULL},
    {"a board removed", remove_board, settle_boards, NULL},
    {"identifiers read", read_identifiers, NULL, NULL},
    {"instants read", read_instants, NULL, NULL},
    {"a list saved", save_list, settle_list, NULL},
    {"a list removed", save_list, settle_list, "remove"},
    {"events as CSV", export_events, NULL, &forms[0]},
    {"events as NDJSON", export_events, NULL, &forms[1]},
    {"events as XES", export_events, NULL, &forms[2]},
    {"events as OCEL", export_events, NULL, &forms[3]},
};

static void temporary_file(char path[64], const char *text) {
  snprintf(path, 64, "/tmp/ds-list-XXXXXX");
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

static int make_world(void **state) {
  static const char identifiers[] = "customer_id\nC1\nC2\n\"C3\"\nC1\nnobody\n";
  (void)state;
  world_init_posix(&world);
  world.threads = 1; // so that allocations have an order
  if (access("/dev/shm", W_OK) == 0) { // where syncing costs nothing
    *strrchr(world.path, '/') = '\0';
    (void)rmdir(world.path);
    memcpy(world.path, "/dev/shm/ds-files-XXXXXX/store", sizeof "/dev/shm/ds-files-XXXXXX/store");
    world.path[24] = '\0';
    assert_non_null(mkdtemp(world.path));
    world.path[24] = '/';
  }
  ds_store *store = world_open_ok(&world, true);
  assert_int_equal(world_append(&world, store, EVENTS), DS_OK);
  ds_store_close(store);
  write_file("segments.yaml", segments_text);
  write_file(DS_BOARDS_FILE, boards_text);
  temporary_file(list_path, identifiers);
  temporary_file(instants_path, instants_text);
  return 0;
}

static int drop_world(void **state) {
  (void)state;
  (void)unlink(list_path);
  (void)unlink(instants_path);
  world_done(&world);
  return 0;
}

int main(void) {
  memory_faults_install();
  enum { COUNT = sizeof cases / sizeof *cases };
  struct CMUnitTest tests[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    tests[i] = (struct CMUnitTest){cases[i].name, memory_sweep_test, NULL, NULL,
                                   (void *)(uintptr_t)&cases[i]};
  return cmocka_run_group_tests_name("files memory", tests, make_world, drop_world);
}
