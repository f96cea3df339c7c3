// SPDX-License-Identifier: Apache-2.0
// What is in a store and what it takes on disk. Also what `doorstep` alone shows.
#include <stdlib.h>

#include "cli/cli.h"
#include "store/identity.h"

static const ds_column overview_columns[] = {
    {"events", DS_CELL_COUNT, "events", "events in the store, without facts about who is whom",
     false},
    {"customers", DS_CELL_COUNT, "customers", "customers with an event", false},
    {"first", DS_CELL_TIME, "", "time of the earliest event", false},
    {"last", DS_CELL_TIME, "", "time of the latest event", false},
    {"touchpoints", DS_CELL_COUNT, "", "distinct names of events", true},
    {"properties", DS_CELL_COUNT, "", "distinct names of properties", true},
    {"case_keys", DS_CELL_COUNT, "", "distinct names of case keys", true},
    {"parts", DS_CELL_COUNT, "", "part files", true},
    {"bytes", DS_CELL_COUNT, "bytes", "size of the part files", true},
    {"tail_events", DS_CELL_COUNT, "events", "events in the log, not yet in a part", true},
    {"imports", DS_CELL_COUNT, "", "imports that stand", true},
    {"rejected", DS_CELL_COUNT, "rows", "rows that they set aside, see quarantine/", true},
    {"joined", DS_CELL_COUNT, "customers", "customers with events under several identifiers", true},
    {"facts", DS_CELL_COUNT, "facts", "about who is whom, kept like events", true},
};
enum { O_EVENTS, O_CUSTOMERS, O_FIRST, O_LAST, O_TOUCHPOINTS, O_PROPERTIES, O_KEYS, O_PARTS,
       O_BYTES, O_TAIL, O_IMPORTS, O_REJECTED, O_JOINED, O_FACTS, O_COUNT };

static const ds_column size_columns[] = {
    {"column", DS_CELL_TEXT, "", "a column, or a kind of columns", false},
    {"bytes", DS_CELL_COUNT, "bytes", "on disk, without the log", false},
    {"per_event", DS_CELL_NUMBER, "bytes", "bytes divided by all events in parts", false},
    {"share", DS_CELL_SHARE, "", "share of the bytes of all columns", false},
};
enum { S_COLUMN, S_BYTES, S_PER_EVENT, S_SHARE, S_COUNT };

static const ds_column upkeep_columns[] = {
    {"runs", DS_CELL_COUNT, "", "runs of parts without overlap; one is read fastest", false},
    {"runs_due", DS_CELL_COUNT, "", "newest runs that are due to be merged", true},
    {"logs", DS_CELL_COUNT, "", "logs; all but the last wait for being sealed", true},
    {"log_bytes", DS_CELL_COUNT, "bytes", "size of the logs", true},
    {"written", DS_CELL_NUMBER, "", "times that an event was written into parts so far", false},
    {"compactions", DS_CELL_COUNT, "", "merges so far", true},
    {"retention", DS_CELL_TIME, "", "when periods of retention were applied last", false},
    {"removed", DS_CELL_COUNT, "events", "events removed by then, their period over", true},
};
enum { U_RUNS, U_DUE, U_LOGS, U_LOG_BYTES, U_WRITTEN, U_COMPACTIONS, U_RETENTION, U_REMOVED,
       U_COUNT };

static const ds_column run_columns[] = {
    {"run", DS_CELL_COUNT, "", "the oldest run is 1", false},
    {"events", DS_CELL_COUNT, "events", "events in it", false},
    {"bytes", DS_CELL_COUNT, "bytes", "size of its part files", false},
    {"parts", DS_CELL_COUNT, "", "their number", false},
    {"share", DS_CELL_SHARE, "", "share of all events in parts", false},
};
enum { R_RUN, R_EVENTS, R_BYTES, R_PARTS, R_SHARE, R_COUNT };

// Counting customers: a journey is a customer, however many parts hold it.
static ds_code count_init(void *state, const void *context, ds_arena *arena, ds_error *err) {
  (void)state, (void)context, (void)arena, (void)err;
  return DS_OK;
}

static ds_code count_block(void *state, const ds_block *block, ds_error *err) {
  (void)err;
  *(uint64_t *)state += block->journeys;
  return DS_OK;
}

static ds_code count_merge(void *into, void *from, ds_error *err) {
  (void)err;
  *(uint64_t *)into += *(const uint64_t *)from;
  return DS_OK;
}

static const ds_kernel count_kernel = {
    .name = "customers",
    .state_size = sizeof(uint64_t),
    .init = count_init,
    .add_block = count_block,
    .merge = count_merge,
};

static ds_code count_customers(cli *run, const ds_snapshot *snapshot, uint64_t *ret_count,
                               ds_error *err) {
  if (snapshot->events == 0) {
    *ret_count = 0;
    return DS_OK;
  }
  const ds_plan plan = {.threads = run->threads, .progress = &run->progress};
  void *state = NULL;
  TRY(ds_scan(snapshot, &plan, &count_kernel, NULL, &run->arena, &state, err));
  *ret_count = *(const uint64_t *)state;
  return DS_OK;
}

// What the imports that stand did.
typedef struct import_counts {
  uint64_t imports;
  uint64_t rejected;
} import_counts;

static ds_code count_import(void *context, const ds_import_info *info, ds_error *err) {
  (void)err;
  import_counts *counts = (import_counts *)context;
  counts->imports += !info->undone;
  counts->rejected += info->undone ? 0 : info->rejected;
  return DS_OK;
}

static ds_code add_overview(cli *run, ds_store *store, const ds_snapshot *snapshot,
                            ds_result *result, ds_error *err) {
  uint64_t customers = 0;
  import_counts imports = {0};
  TRY(count_customers(run, snapshot, &customers, err));
  TRY(ds_store_imports(store, count_import, &imports, err));
  uint64_t bytes = 0;
  uint32_t parts = 0;
  int64_t first = INT64_MAX;
  int64_t last = INT64_MIN;
  for (uint32_t i = 0; i < snapshot->places_count; i++) {
    const ds_part_info *info = ds_part_get_info(snapshot->places[i].part);
    first = info->events > 0 && info->time_min_ms < first ? info->time_min_ms : first;
    last = info->events > 0 && info->time_max_ms > last ? info->time_max_ms : last;
    bytes += info->number != 0 ? info->bytes : 0;
    parts += info->number != 0;
  }
  ds_table *table =
      ds_result_table(result, "store", "The store", overview_columns, O_COUNT);
  ds_cell *row = ds_table_row(result, table);
  if (row == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_identity_stats who = {0};
  if (snapshot->identity != NULL)
    who = snapshot->identity->stats;
  const uint64_t facts = who.facts + who.unreadable;
  row[O_EVENTS] = ds_cell_i64((int64_t)(snapshot->events - facts));
  row[O_CUSTOMERS] = ds_cell_i64((int64_t)customers);
  row[O_FIRST] = snapshot->events > 0 ? ds_cell_i64(first) : ds_cell_null();
  row[O_LAST] = snapshot->events > 0 ? ds_cell_i64(last) : ds_cell_null();
  row[O_TOUCHPOINTS] = ds_cell_i64(snapshot->space.touchpoints.count);
  row[O_PROPERTIES] = ds_cell_i64(snapshot->space.properties.count);
  row[O_KEYS] = ds_cell_i64(snapshot->space.keys.count);
  row[O_PARTS] = ds_cell_i64(parts);
  row[O_BYTES] = ds_cell_i64((int64_t)bytes);
  row[O_TAIL] = ds_cell_i64((int64_t)snapshot->tail_events);
  row[O_IMPORTS] = ds_cell_i64((int64_t)imports.imports);
  row[O_REJECTED] = ds_cell_i64((int64_t)imports.rejected);
  row[O_JOINED] = ds_cell_i64((int64_t)who.customers);
  row[O_FACTS] = ds_cell_i64((int64_t)facts);
  return DS_OK;
}

// One row per run, when there are several.
static ds_code add_runs(const ds_upkeep *upkeep, ds_result *result, ds_error *err) {
  if (upkeep->runs_count < 2)
    return DS_OK;
  uint64_t events = 0;
  for (uint32_t i = 0; i < upkeep->runs_count; i++)
    events += upkeep->runs[i].events;
  ds_table *table =
      ds_result_table(result, "runs", "Runs of parts, oldest first", run_columns, R_COUNT);
  for (uint32_t i = 0; i < upkeep->runs_count; i++) {
    const ds_run_info *run = &upkeep->runs[i];
    ds_cell *row = ds_table_row(result, table);
    if (row == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory");
    row[R_RUN] = ds_cell_i64(i + 1);
    row[R_PARTS] = ds_cell_i64(run->parts);
    row[R_EVENTS] = ds_cell_i64((int64_t)run->events);
    row[R_BYTES] = ds_cell_i64((int64_t)run->bytes);
    row[R_SHARE] =
        events > 0 ? ds_cell_double((double)run->events / (double)events) : ds_cell_null();
  }
  return DS_OK;
}

static ds_code add_upkeep(cli *run, const ds_store *store, ds_result *result, ds_error *err) {
  ds_upkeep upkeep;
  TRY(ds_store_upkeep(store, &run->arena, &upkeep, err));
  ds_table *table =
      ds_result_table(result, "upkeep", "How it is kept", upkeep_columns, U_COUNT);
  ds_cell *row = ds_table_row(result, table);
  if (row == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  const double taken = (double)upkeep.taken_events;
  row[U_RUNS] = ds_cell_i64(upkeep.runs_count);
  row[U_DUE] = ds_cell_i64(upkeep.runs_due);
  row[U_LOGS] = ds_cell_i64(upkeep.logs);
  row[U_LOG_BYTES] = ds_cell_i64((int64_t)upkeep.log_bytes);
  row[U_WRITTEN] = taken > 0 ? ds_cell_double((taken + (double)upkeep.rewritten_events) / taken)
                             : ds_cell_null();
  row[U_COMPACTIONS] = ds_cell_i64((int64_t)upkeep.compactions);
  row[U_RETENTION] =
      upkeep.retention_ms != 0 ? ds_cell_i64(upkeep.retention_ms) : ds_cell_null();
  row[U_REMOVED] = ds_cell_i64((int64_t)upkeep.retention_removed);
  return add_runs(&upkeep, result, err);
}

// Bytes by kind of column over all parts.
typedef struct sizes {
  bool by_column; // else by kind: the name's first word
  ds_names names;
  uint64_t *bytes; // one per name
  uint64_t total;
  ds_code code;
  ds_error err;
} sizes;

static void add_size(void *context, const char *column, uint64_t bytes) {
  sizes *all = (sizes *)context;
  uint32_t index = 0;
  ds_str name = ds_str_of(column);
  if (!all->by_column)
    name.size = (uint32_t)strcspn(column, " ");
  if (all->code == DS_OK)
    all->code = ds_names_add(&all->names, name, &index, &all->err);
  if (all->code == DS_OK && index < DS_NAMES_MAX) {
    all->bytes[index] += bytes;
    all->total += bytes;
  }
}

static ds_code fill_sizes(const sizes *all, uint64_t events, ds_result *result, ds_error *err) {
  ds_table *table =
      ds_result_table(result, "columns", "What takes the space", size_columns, S_COUNT);
  // Largest first; few enough for picking one after the other.
  bool *done = (bool *)ds_arena_array(result->arena, all->names.count, sizeof *done);
  if (done == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  for (uint32_t n = 0; n < all->names.count; n++) {
    uint32_t best = DS_NONE;
    for (uint32_t i = 0; i < all->names.count; i++) {
      if (!done[i] && (best == DS_NONE || all->bytes[i] > all->bytes[best]))
        best = i;
    }
    done[best] = true;
    ds_cell *row = ds_table_row(result, table);
    if (row == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory");
    row[S_COLUMN] = ds_cell_text(result, ds_str_of(ds_names_text(&all->names, best)));
    row[S_BYTES] = ds_cell_i64((int64_t)all->bytes[best]);
    row[S_PER_EVENT] = events > 0
                           ? ds_cell_double((double)all->bytes[best] / (double)events)
                           : ds_cell_null();
    row[S_SHARE] = all->total > 0
                       ? ds_cell_double((double)all->bytes[best] / (double)all->total)
                       : ds_cell_null();
  }
  return DS_OK;
}

static ds_code add_sizes(cli *run, const ds_snapshot *snapshot, ds_result *result,
                         ds_error *err) {
  sizes all = {.code = DS_OK, .by_column = cli_flag(run, "columns")};
  ds_names_init(&all.names, DS_NAMES_MAX);
  all.bytes = (uint64_t *)ds_arena_array(&run->arena, DS_NAMES_MAX, sizeof *all.bytes);
  if (all.bytes == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  for (uint32_t i = 0; i < snapshot->places_count; i++) {
    if (ds_part_get_info(snapshot->places[i].part)->number != 0)
      ds_part_sizes(snapshot->places[i].part, add_size, &all);
  }
  ds_code code = all.code;
  if (code != DS_OK && err != NULL)
    *err = all.err;
  if (code == DS_OK && all.names.count > 0)
    code = fill_sizes(&all, snapshot->events - snapshot->tail_events, result, err);
  ds_names_done(&all.names);
  return code;
}

static ds_code answer(cli *run, ds_store *store, bool with_sizes, ds_error *err) {
  ds_snapshot *snapshot = NULL;
  TRY(ds_store_snapshot(store, &snapshot, err));
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  ds_code code = result != NULL ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory");
  if (code == DS_OK) {
    ds_result_init(result, &run->arena, "status");
    result->main_table = "store";
    ds_result_option(result, "store", "%s", run->store);
    result->definition = "What is in the store, and what it takes on disk.";
    result->as_of_ms = snapshot->time_max_ms;
    code = add_overview(run, store, snapshot, result, err);
  }
  if (code == DS_OK && with_sizes)
    code = add_upkeep(run, store, result, err);
  if (code == DS_OK && with_sizes)
    code = add_sizes(run, snapshot, result, err);
  if (code == DS_OK)
    code = cli_show(run, result, err);
  ds_snapshot_free(snapshot);
  return code;
}

ds_code cli_run_status(cli *run, ds_error *err) {
  ds_store *store = NULL;
  TRY(cli_open_store(run, false, false, &store, err));
  const ds_code code = answer(run, store, true, err);
  ds_store_close(store);
  return code;
}

ds_code cli_run_nothing(cli *run, ds_error *err) {
  ds_error none = {.code = DS_OK};
  bool exists = false;
  if (cli_find_store(run, false, &exists, &none) != DS_OK) {
    if (cli_value(run, "store") != NULL) {
      *err = none;
      return none.code;
    }
    cli_print_overview();
    return DS_OK;
  }
  ds_store *store = NULL;
  ds_snapshot *snapshot = NULL;
  TRY(cli_open_store(run, false, false, &store, err));
  ds_code code = answer(run, store, false, err);
  if (code == DS_OK)
    code = ds_store_snapshot(store, &snapshot, err);
  ds_store_close(store);
  if (code != DS_OK)
    return code;
  const bool orders = ds_names_find(&snapshot->space.keys, ds_str_of("order_id")) != DS_NONE;
  cli_say(run, snapshot->events == 0
          ? "\nThis is %s. Next: doorstep import FILE, or doorstep --help"
          : "\nThis is %s. Next: doorstep quality, doorstep map%s, or doorstep --help",
          run->store, orders ? " --case order_id" : "");
  ds_snapshot_free(snapshot);
  return DS_OK;
}
