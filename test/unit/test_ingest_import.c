// SPDX-License-Identifier: Apache-2.0
// Whole imports of small files: what is taken, what is refused and where, what makes an import
// fail and with which words, and that nothing comes twice.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>
#include <zlib.h>

#include "ingest/import.h"

typedef struct world {
  char folder[64];
  ds_store *store;
  ds_arena arena;
  ds_result result;
  ds_error err;
} world;

static void path_of(const world *w, const char *name, char out[256]) {
  snprintf(out, 256, "%s/%s", w->folder, name);
}

static int setup(void **state) {
  world *w = calloc(1, sizeof *w);
  snprintf(w->folder, sizeof w->folder, "/tmp/doorstep-import-XXXXXX");
  assert_non_null(mkdtemp(w->folder));
  ds_arena_init(&w->arena, (size_t)1 << 28);
  char path[256];
  path_of(w, "store", path);
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = true;
  if (ds_store_open(path, &options, &w->store, &w->err) != DS_OK)
    fail_msg("%s", w->err.message);
  *state = w;
  return 0;
}

static int teardown(void **state) {
  world *w = *state;
  ds_store_close(w->store);
  ds_arena_done(&w->arena);
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", w->folder);
  assert_int_equal(system(command), 0);
  free(w);
  return 0;
}

static void file_write(const world *w, const char *name, const void *data, size_t size) {
  char path[256];
  path_of(w, name, path);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void text_write(const world *w, const char *name, const char *text) {
  file_write(w, name, text, strlen(text));
}

static ds_import_options options_of(void) {
  ds_import_options options;
  ds_import_options_init(&options);
  options.now_ms = 1790000000000; // 2026-09-21
  options.threads = 2;
  return options;
}

static ds_code import(world *w, const char *name, const ds_import_options *from) {
  char path[256];
  path_of(w, name, path);
  const char *const files[] = {path};
  ds_import_options options = from == NULL ? options_of() : *from;
  options.files = files;
  options.files_count = 1;
  w->err = (ds_error){0};
  ds_arena_reset(&w->arena);
  ds_result_init(&w->result, &w->arena, "import");
  return ds_import(w->store, &options, &w->arena, &w->result, &w->err);
}

static void import_works(world *w, const char *name, const ds_import_options *options) {
  if (import(w, name, options) != DS_OK)
    fail_msg("%s: %s", name, w->err.message);
}

// The import fails with these words, and the store stays as it was.
static void import_fails(world *w, const char *name, const ds_import_options *options,
                         const char *words) {
  ds_snapshot *before;
  ds_snapshot *after;
  assert_int_equal(ds_store_snapshot(w->store, &before, &w->err), DS_OK);
  if (import(w, name, options) == DS_OK)
    fail_msg("%s was imported", name);
  if (strstr(w->err.message, words) == NULL)
    fail_msg("\"%s\" does not say \"%s\"", w->err.message, words);
  assert_int_equal(ds_store_snapshot(w->store, &after, &w->err), DS_OK);
  assert_int_equal(before->events, after->events);
  ds_snapshot_free(before);
  ds_snapshot_free(after);
}

static int64_t summary(const world *w, const char *column) {
  const ds_table *table = ds_result_find(&w->result, "summary");
  assert_non_null(table);
  const uint32_t index = ds_table_column(table, column);
  assert_int_not_equal(index, UINT32_MAX);
  return table->cells[index].i;
}

// Calls `each` for every event of the store, in stored order.
static void events_read(world *w, void (*each)(void *context, const ds_event *event,
                                               const ds_space *space), void *context) {
  ds_snapshot *snapshot;
  assert_int_equal(ds_store_snapshot(w->store, &snapshot, &w->err), DS_OK);
  ds_block_reader *reader = ds_block_reader_new();
  ds_event_key keys[DS_EVENT_KEYS_MAX];
  ds_event_property *properties = calloc(DS_EVENT_PROPERTIES_MAX, sizeof *properties);
  for (uint32_t p = 0; p < snapshot->places_count; p++)
    for (uint32_t b = 0; b < ds_part_get_info(snapshot->places[p].part)->blocks; b++) {
      ds_buf rows;
      ds_buf_init(&rows, 64 << 20);
      const uint32_t journeys = ds_part_zone(snapshot->places[p].part, b)->journeys;
      if (ds_part_read_rows(&snapshot->places[p], b, 0, journeys, reader, &rows, &w->err) != DS_OK)
        fail_msg("%s", w->err.message);
      for (size_t at = 0, size = 0; at < rows.size; at += size) {
        ds_event event = {.keys = keys, .properties = properties};
        assert_int_equal(ds_event_decode(rows.data + at, rows.size - at, &snapshot->space, &event,
                                         &size, &w->err), DS_OK);
        each(context, &event, &snapshot->space);
      }
      ds_buf_done(&rows);
    }
  free(properties);
  ds_block_reader_free(reader);
  ds_snapshot_free(snapshot);
}

typedef struct seen {
  uint32_t count;
  int64_t times[16];
  double number;
  char text[64];
  char names[256];
} seen;

static void see(void *context, const ds_event *event, const ds_space *space) {
  seen *s = context;
  assert_true(s->count < 16);
  s->times[s->count++] = event->time_ms;
  for (uint32_t i = 0; i < event->properties_count; i++) {
    const ds_value *value = &event->properties[i].value;
    const size_t used = strlen(s->names);
    snprintf(s->names + used, sizeof s->names - used, "%s ",
             ds_names_text(&space->properties, event->properties[i].name));
    if (value->type == DS_TYPE_NUMBER)
      s->number += value->number;
    if (value->type == DS_TYPE_STRING)
      snprintf(s->text, sizeof s->text, "%.*s", DS_STR(value->text));
  }
}

static seen see_all(world *w) {
  seen s = {0};
  events_read(w, see, &s);
  return s;
}

static void test_offsets_are_kept(void **state) {
  world *w = *state;
  text_write(w, "off.csv", "customer,event,time\nA,x,2024-07-01T12:00:00+02:00\n"
                           "A,y,2024-07-01T12:00:00Z\nA,z,2024-07-01 12:00:01\n");
  import_works(w, "off.csv", NULL);
  const seen s = see_all(w);
  assert_int_equal(s.count, 3);
  assert_int_equal(s.times[1] - s.times[0], 2 * 3600000);
  assert_int_equal(s.times[2] - s.times[1], 1000);
}

static void test_time_zone(void **state) {
  world *w = *state;
  ds_import_options options = options_of();
  options.time_zone = "Europe/Rome";
  text_write(w, "zone.csv", "customer,event,time\nA,x,2024-07-01 12:00:00\n"
                            "A,y,2024-07-01 12:00:00Z\n");
  import_works(w, "zone.csv", &options);
  const seen s = see_all(w);
  assert_int_equal(s.times[1] - s.times[0], 2 * 3600000);
}

static void test_types_and_personal(void **state) {
  world *w = *state;
  text_write(w, "t.csv", "customer,event,time,price,zip,e_mail,contact\n"
                         "007,x,2024-01-01,1.5,01037,a@b.org,x@y.org\n"
                         "007,y,2024-01-02,2.25,01038,,\n");
  import_works(w, "t.csv", NULL);
  const seen s = see_all(w);
  assert_true(s.number == 3.75);
  assert_string_equal(s.text, "01038"); // a code with its zero, not the number 1038
  assert_string_equal(s.names, "price zip e_mail contact price zip ");
  assert_int_equal(summary(w, "personal_sealed"), 2);
}

static void test_refused_rows_are_placed(void **state) {
  world *w = *state;
  text_write(w, "bad.csv", "customer,event,time\nA,x,2924-01-01\nB,y,2024-01-01\nC,z\n"
                           ",z,2024-01-01\nC,,2024-01-01\nC,z,2024-01-01,more\nC,z,\n"
                           "C,z,1970-01-01\nC,z,soon\nD,z,2024-01-01\n");
  import_works(w, "bad.csv", NULL);
  assert_int_equal(summary(w, "rows"), 10);
  assert_int_equal(summary(w, "events"), 2);
  assert_int_equal(summary(w, "rejected"), 8);
  char path[256];
  path_of(w, "store/quarantine/import-1.csv", path);
  char *text;
  size_t size;
  assert_int_equal(ds_io_read_file(ds_io_posix(), path, 1 << 20, &text, &size, &w->err), DS_OK);
  static const char *const lines[] = {
      "bad.csv,1,time,the time is in the future\n", "bad.csv,3,time,fewer values than columns\n",
      "bad.csv,4,customer,the customer is empty\n", "bad.csv,5,event,the event is empty\n",
      "bad.csv,6,,more values than columns\n",      "bad.csv,7,time,no time\n",
      "bad.csv,8,time,the time is before 1990\n",   "bad.csv,9,time,the time cannot be read\n",
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    if (strstr(text, lines[i]) == NULL)
      fail_msg("not in the list: %s", lines[i]);
  free(text);
  ds_import_options strict = options_of();
  strict.strict = strict.again = true;
  import_fails(w, "bad.csv", &strict, "bad.csv record 1, column time: the time is in the future");
}

// The list of what the last import refused.
static void quarantine_read(const world *w, char *out, size_t size) {
  char path[320];
  const ds_table *table = ds_result_find(&w->result, "summary");
  snprintf(path, sizeof path, "%s/store/%s", w->folder,
           table->cells[ds_table_column(table, "quarantine")].text.data);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  out[fread(out, 1, size - 1, file)] = '\0';
  assert_int_equal(fclose(file), 0);
}

// Lines of every kind but empty ones, that our own reader takes: `rows` of them.
static void lines_write(ds_buf *out, uint32_t rows) {
  ds_buf_text(out, "event,customer,email,time,value");
  for (uint32_t i = 0; i < rows; i++) {
    ds_buf_printf(out, "\nviewed,C%u,%s,2024-01-%02uT00:00:%02uZ,%s", i % 97,
                  i % 3 == 0 ? "a@b.example" : "", i % 31 + 1, i % 60, i % 2 == 0 ? "1.5" : "");
    if (i % 1000 == 7)
      ds_buf_text(out, "\nviewed,C1,,2024-01-01T00:00:00Z");
    if (i % 1000 == 8)
      ds_buf_text(out, "\nviewed,C1,,2024-01-01T00:00:00Z,1,2,3,4,5,6,7,8");
    if (i % 1000 == 9)
      ds_buf_text(out, "\nviewed,C1,,soon,1\nviewed,,,2024-01-01,1\n,,,,\n ");
    if (i > 9000 && i % 100 == 10) // behind the sample that says: numbers
      ds_buf_text(out, "\nviewed,C1,,2024-01-01,x");
    if (i % 5000 == 17) {
      ds_buf_text(out, "\nviewed,C1,,2024-01-01T00:00:00Z,");
      for (uint32_t k = 0; k < (i == 17 ? 2200000u : 300000u); k++)
        ds_buf_u8(out, 'x');
    }
  }
}

// A file without quotes is split by ourselves, any other by DuckDB: one quoted name in the header
// makes the difference, and nothing else may.
static void test_lines_are_as_duckdb_reads_them(void **state) {
  world *w = *state;
  static char ours[1 << 16], theirs[1 << 16];
  ds_buf text;
  ds_buf_init(&text, 64 << 20);
  lines_write(&text, 20000);
  assert_false(text.failed);
  file_write(w, "a.csv", text.data, text.size);
  import_works(w, "a.csv", NULL);
  static const char *const counts[] = {"rows", "events", "rejected", "values_unfit",
                                       "personal_sealed", "new_customers"};
  int64_t count[6];
  for (size_t i = 0; i < 6; i++)
    count[i] = summary(w, counts[i]);
  assert_int_equal(count[0], 20000 + 20 * 6 + 110 + 4);
  assert_true(count[2] > 100 && count[3] > 20);
  quarantine_read(w, ours, sizeof ours);
  ds_buf quoted;
  ds_buf_init(&quoted, 64 << 20);
  ds_buf_text(&quoted, "\"event\"");
  ds_buf_append(&quoted, text.data + 5, text.size - 5);
  file_write(w, "a.csv", quoted.data, quoted.size);
  import_works(w, "a.csv", NULL);
  // The same events are all there already.
  assert_int_equal(summary(w, "duplicates"), count[1]);
  assert_int_equal(summary(w, "events"), 0);
  for (size_t i = 0; i < 6; i++)
    if (i != 1 && i != 5)
      assert_int_equal(summary(w, counts[i]), count[i]);
  quarantine_read(w, theirs, sizeof theirs);
  assert_string_equal(ours, theirs);
  ds_buf_done(&quoted);
  ds_buf_done(&text);
}

// Empty lines are no records, the last line may lack its end, and a piece may end anywhere.
static void test_empty_lines(void **state) {
  world *w = *state;
  text_write(w, "e.csv", "customer,event,time\n\nA,viewed,2024-01-01\n\n\nB,viewed\n"
                         "C,viewed,soon\n\nD,viewed,2024-01-04");
  import_works(w, "e.csv", NULL);
  char list[1024];
  quarantine_read(w, list, sizeof list);
  assert_string_equal(list, "file,record,column,reason\n"
                            "e.csv,3,time,the time cannot be read\n"
                            "e.csv,2,time,fewer values than columns\n");
  assert_int_equal(summary(w, "events"), 2);
  assert_int_equal(summary(w, "rows"), 4);
}

// One customer with more events than one may have: the surplus is set aside, counted, and told of
// in one line of the list.
static void test_super_customer(void **state) {
  enum { SURPLUS = 5 };
  world *w = *state;
  ds_buf text;
  ds_buf_init(&text, 64 << 20);
  ds_buf_text(&text, "customer,event,time");
  for (uint32_t i = 0; i < DS_CUSTOMER_EVENTS_MAX + SURPLUS; i++)
    ds_buf_printf(&text, "\nbot,viewed,%u000", 1700000000u + i);
  ds_buf_text(&text, "\nhuman,viewed,1700000000000");
  assert_false(text.failed);
  file_write(w, "s.csv", text.data, text.size);
  ds_buf_done(&text);
  import_works(w, "s.csv", NULL);
  assert_int_equal(summary(w, "rows"), DS_CUSTOMER_EVENTS_MAX + SURPLUS + 1);
  assert_int_equal(summary(w, "events"), DS_CUSTOMER_EVENTS_MAX + 1);
  assert_int_equal(summary(w, "rejected"), SURPLUS);
  assert_int_equal(summary(w, "customers"), 2);
  char list[512];
  quarantine_read(w, list, sizeof list);
  assert_string_equal(list, "file,record,column,reason\n"
                            ",,,its customer has more events than one customer may have\n");
}

static void test_nothing_twice(void **state) {
  world *w = *state;
  text_write(w, "a.csv", "customer,event,time\nA,x,2024-01-01\nA,x,2024-01-01\nB,y,2024-01-02\n");
  import_works(w, "a.csv", NULL);
  assert_int_equal(summary(w, "events"), 3); // equal rows are two events
  import_works(w, "a.csv", NULL);
  assert_int_equal(summary(w, "import"), 1); // the earlier one
  assert_int_equal(see_all(w).count, 3);
  // Another file that holds the same rows and one more.
  text_write(w, "b.csv", "customer,event,time\nA,x,2024-01-01\nB,y,2024-01-02\nA,x,2024-01-01\n"
                         "B,z,2024-01-03\n");
  import_works(w, "b.csv", NULL);
  assert_int_equal(summary(w, "events"), 1);
  assert_int_equal(summary(w, "duplicates"), 3);
  assert_int_equal(see_all(w).count, 4);
}

static void test_ids_tell_duplicates(void **state) {
  world *w = *state;
  text_write(w, "a.csv", "event_id,customer,event,time\n1,A,x,2024-01-01\n2,A,x,2024-01-01\n");
  text_write(w, "b.csv", "event_id,customer,event,time\n2,A,x,2024-01-01\n3,A,x,2024-01-01\n");
  import_works(w, "a.csv", NULL);
  import_works(w, "b.csv", NULL);
  assert_int_equal(summary(w, "duplicates"), 1);
  assert_int_equal(see_all(w).count, 3);
}

static void test_dry_run_writes_nothing(void **state) {
  world *w = *state;
  ds_import_options options = options_of();
  options.dry_run = true;
  text_write(w, "a.csv", "customer,event,time\nA,x,2024-01-01\n");
  import_works(w, "a.csv", &options);
  assert_int_equal(summary(w, "events"), 1);
  assert_int_equal(see_all(w).count, 0);
}

static void test_day_and_month(void **state) {
  world *w = *state;
  text_write(w, "eu.csv", "customer,event,time\nA,x,25/12/2024 10:00\nA,y,01/02/2024 10:00\n");
  text_write(w, "amb.csv", "customer,event,time\nA,x,05/02/2024 10:00\nA,y,01/02/2024 10:00\n");
  import_works(w, "eu.csv", NULL);
  const seen s = see_all(w);
  assert_int_equal(s.times[0], 1706781600000); // 1 February
  import_fails(w, "amb.csv", NULL, "day and month of column time cannot be told apart");
  const ds_pair format = {"time_format", "%m/%d/%Y %H:%M"};
  ds_import_options options = options_of();
  options.options = &format;
  options.options_count = 1;
  import_works(w, "amb.csv", &options);
}

static void test_line_ends(void **state) {
  world *w = *state;
  text_write(w, "crlf.csv", "customer,event,time\r\nA,x,2024-01-01\r\n");
  text_write(w, "mixed.csv", "customer,event,time\nB,x,2024-01-01\r\nB,\"y\r\nz\",2024-01-02\n");
  text_write(w, "uneven.csv", "customer,event,time\nB,x,2024-01-01\r\nB,y\nC,z,2024-01-01\n");
  text_write(w, "bom.csv", "\xef\xbb\xbf" "customer;event;time\nC;x;2024-01-01\n");
  import_works(w, "crlf.csv", NULL);
  import_works(w, "mixed.csv", NULL);
  import_works(w, "bom.csv", NULL);
  assert_int_equal(see_all(w).count, 4);
  import_fails(w, "uneven.csv", NULL, "uneven.csv line 3: 2 values for 3 columns");
}

static void test_quotes(void **state) {
  world *w = *state;
  text_write(w, "open.csv", "customer,event,time\nA,x,2024-01-01\nB,\"y,2024-01-01\n"
                            "C,z,2024-01-01\n");
  text_write(w, "inner.csv", "customer,event,time\nA,x,2024-01-01\nB,\"vi\"ew,2024-01-01\n");
  import_fails(w, "open.csv", NULL, "open.csv line 3: a quoted value is not closed");
  import_fails(w, "inner.csv", NULL, "inner.csv line 3: a quoted value is not closed");
}

static void test_encodings(void **state) {
  world *w = *state;
  text_write(w, "latin.csv", "customer,event,time,city\nA,x,2024-01-01,S\xe3o Paulo\n");
  file_write(w, "nul.csv", "customer,event,time\nA,x\0,2024-01-01\n", 36);
  file_write(w, "utf16.csv", "\xff\xfe" "c\0u\0s\0", 8);
  import_fails(w, "latin.csv", NULL, "latin.csv line 2, byte 17: not UTF-8 text (byte 0xE3)");
  import_fails(w, "nul.csv", NULL, "nul.csv line 2, byte 4: a NUL byte");
  import_fails(w, "utf16.csv", NULL, "UTF-16");
  const ds_pair encoding = {"encoding", "latin-1"};
  ds_import_options options = options_of();
  options.options = &encoding;
  options.options_count = 1;
  import_works(w, "latin.csv", &options);
  const seen s = see_all(w);
  assert_string_equal(s.text, "S\xc3\xa3o Paulo");
}

static void test_wrong_files(void **state) {
  world *w = *state;
  static const struct {
    const char *name;
    const char *text;
    const char *words;
  } rows[] = {
      {"empty.csv", "", "is empty"},
      {"lie.csv", "PAR1............PAR1", "holds Parquet data, unlike its name"},
      {"lie.parquet", "customer,event,time\n", "holds no Parquet data"},
      {"cut.parquet", "PAR1............", "does not end in a Parquet footer"},
      {"lie.csv.gz", "customer,event,time\n", "holds no gzip data"},
      {"zip.csv", "PK\x03\x04..", "spreadsheet"},
      {"delimiter.csv", "customer^event^time\nA^x^2024-01-01\n", "only one column was found"},
      {"notime.csv", "customer,event,when\nA,x,soon\n", "no column holds times"},
      {"named.csv", "customer,event,time\nA,x,soon\n", "time reads as string"},
      {"noevent.csv", "customer,time\nA,2024-01-01\n", "no column names the event"},
      {"nobody.csv", "event,time\nx,2024-01-01\n", "no column names the customer"},
      {"void.csv", "customer,event,time\n,x,2024-01-01\n", "customer column customer is empty"},
      {"twice.csv", "time,customer,Time\n", "two columns are called"},
      {"headless.csv", "C1,x,2024-01-01\nC2,x,2024-01-02\n", "add a line of names"},
      {"early.csv", "customer,event,time\nA,x,1704103200\n", "Say --time-unit s"},
      {"future.csv", "customer,event,time\nA,x,2924-01-01\n", "the time is in the future"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    text_write(w, rows[i].name, rows[i].text);
    import_fails(w, rows[i].name, NULL, rows[i].words);
    assert_true(strstr(w->err.message, rows[i].name) != NULL);
  }
  import_fails(w, "nosuch.csv", NULL, "no such file");
  import_fails(w, ".", NULL, "is a folder");
}

// A compressed file of `rows` rows, cut at `keep` of its bytes (per mille).
static void gzip_write(const world *w, const char *name, uint32_t keep_permille) {
  char path[256];
  path_of(w, name, path);
  gzFile file = gzopen(path, "wb");
  assert_non_null(file);
  gzputs(file, "customer,event,time\n");
  for (int i = 0; i < 20000; i++)
    gzprintf(file, "C%d,order_placed,2024-01-01T%02d:%02d:%02dZ\n", i * 7919 % 100003, i / 3600,
             i / 60 % 60, i % 60);
  gzclose(file);
  char *text;
  size_t size;
  ds_error err;
  assert_int_equal(ds_io_read_file(ds_io_posix(), path, 1 << 24, &text, &size, &err), DS_OK);
  file_write(w, name, text, size * keep_permille / 1000);
  free(text);
}

static void test_compressed(void **state) {
  world *w = *state;
  gzip_write(w, "whole.csv.gz", 1000);
  gzip_write(w, "cut.csv.gz", 500);
  gzip_write(w, "almost.csv.gz", 999);
  import_fails(w, "cut.csv.gz", NULL, "cut.csv.gz is cut short");
  import_fails(w, "almost.csv.gz", NULL, "almost.csv.gz is cut short");
  import_works(w, "whole.csv.gz", NULL);
  assert_int_equal(summary(w, "events"), 20000);
}

static void test_mapping_of_ones_own(void **state) {
  world *w = *state;
  text_write(w, "orders.csv", "order,person,paid,sent,mail\n1,P,2024-01-01,2024-01-02,a@b.org\n"
                              "2,P,2024-01-03,,\n");
  text_write(w, "own.yaml",
             "doorstep_mapping: 1\nname: own\noptions:\n  only: {default: 0}\n"
             "files: {orders: orders.csv}\nsources:\n  - name: orders\n"
             "    select: select * from orders where ${only} = 0 or \"order\" = ${only}\n"
             "    events:\n"
             "      - touchpoint: order_placed\n        time: paid\n        id: order\n"
             "        customer: {person_id: person}\n        keys: {order_id: order}\n"
             "        properties: {mail: {column: mail, class: personal}}\n"
             "      - touchpoint: carrier_collected\n        time: sent\n        id: order\n"
             "        customer: {person_id: person}\n        when: '\"order\" < 2'\n");
  char mapping[256];
  path_of(w, "own.yaml", mapping);
  ds_import_options options = options_of();
  options.mapping = mapping;
  import_works(w, ".", &options);
  assert_int_equal(summary(w, "events"), 3);
  assert_int_equal(summary(w, "rejected"), 0);
  assert_int_equal(summary(w, "personal_sealed"), 1);
  ds_pair only = {"only", "2"};
  options.options = &only;
  options.options_count = 1;
  import_works(w, ".", &options);
  assert_int_equal(summary(w, "duplicates"), 1);
  only.value = "2; drop";
  import_fails(w, ".", &options, "a word or number is wanted");
  only.name = "onlly";
  import_fails(w, ".", &options, "did you mean only");
}

static void test_stop(void **state) {
  world *w = *state;
  ds_progress progress = {0};
  ds_import_options options = options_of();
  options.progress = &progress;
  text_write(w, "a.csv", "customer,event,time\nA,x,2024-01-01\n");
  atomic_store(&progress.stop, 1);
  import_fails(w, "a.csv", &options, "stopped");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_offsets_are_kept),     TEST(test_time_zone),
      TEST(test_types_and_personal),   TEST(test_refused_rows_are_placed),
      TEST(test_empty_lines),          TEST(test_lines_are_as_duckdb_reads_them),
      TEST(test_super_customer),
      TEST(test_nothing_twice),        TEST(test_ids_tell_duplicates),
      TEST(test_dry_run_writes_nothing), TEST(test_day_and_month),
      TEST(test_line_ends),            TEST(test_quotes),
      TEST(test_encodings),            TEST(test_wrong_files),
      TEST(test_compressed),           TEST(test_mapping_of_ones_own),
      TEST(test_stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
