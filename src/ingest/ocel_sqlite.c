// SPDX-License-Identifier: Apache-2.0
// OCEL 2.0 as SQLite: tables event, object, event_object, object_object, event_map_type and
// object_map_type, and event_T, object_T of each type. The file is opened so that it cannot be
// changed and nothing in it is run. Events come in the order of table event: the tables of
// attributes and relations are read beside it, each in that order.
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/ocel_state.h"

// A query under way. `row` is the event's rowid that its current line belongs to.
typedef struct cursor {
  sqlite3_stmt *statement;
  int64_t row;
  bool done;
} cursor;

typedef struct reader {
  ds_ocel *ocel;
  sqlite3 *db;
  bool no_memory; // a text of the row could not be had
} reader;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory reading a log");
}

// What SQLite says of a damaged file; it speaks of tables and columns, never of values.
static ds_code fail(const reader *r, ds_error *err) {
  if (sqlite3_errcode(r->db) == SQLITE_INTERRUPT)
    return ds_fail(err, DS_INTERRUPTED, "stopped: nothing was imported");
  if (sqlite3_errcode(r->db) == SQLITE_NOMEM)
    return no_memory(err);
  return ds_fail(err, DS_INPUT, "%s: damaged, or no OCEL 2.0: %.200s",
                 r->ocel->options.file->name, sqlite3_errmsg(r->db));
}

static ds_code begin(reader *r, const char *sql, cursor *ret_cursor, ds_error *err) {
  *ret_cursor = (cursor){.row = INT64_MIN};
  return sqlite3_prepare_v2(r->db, sql, -1, &ret_cursor->statement, NULL) == SQLITE_OK
             ? DS_OK
             : fail(r, err);
}

static ds_code next(reader *r, cursor *c, ds_error *err) {
  if (r->no_memory)
    return no_memory(err);
  const int result = sqlite3_step(c->statement);
  c->done = result == SQLITE_DONE;
  if (!c->done && result != SQLITE_ROW)
    return fail(r, err);
  c->row = c->done ? INT64_MAX : sqlite3_column_int64(c->statement, 0);
  return DS_OK;
}

// A value of the row as text, NULL for none; what memory fails for, `next` refuses.
static ds_str text_at(reader *r, const cursor *c, int column) {
  const char *text = (const char *)sqlite3_column_text(c->statement, column);
  r->no_memory |= text == NULL && sqlite3_errcode(r->db) == SQLITE_NOMEM;
  return (ds_str){text, text == NULL ? 0 : (uint32_t)sqlite3_column_bytes(c->statement, column)};
}

static const char *name_at(reader *r, const cursor *c, int column) {
  const char *name = sqlite3_column_name(c->statement, column);
  r->no_memory |= name == NULL;
  return name == NULL ? "" : name;
}

// Runs a query and calls `each` for its lines.
static ds_code each_row(reader *r, const char *sql,
                        ds_code (*each)(reader *r, const cursor *c, void *context, ds_error *err),
                        void *context, ds_error *err) {
  cursor c;
  TRY(begin(r, sql, &c, err));
  ds_code code = DS_OK;
  for (code = next(r, &c, err); code == DS_OK && !c.done; code = next(r, &c, err)) {
    code = each(r, &c, context, err);
    if (code != DS_OK)
      break;
  }
  sqlite3_finalize(c.statement);
  return code;
}

// SQL with a table's name in it; the caller frees by sqlite3_free.
static ds_code sql_make(const char *format, const char *table, const char *type, char **ret_sql,
                        ds_error *err) {
  *ret_sql = sqlite3_mprintf(format, table, type);
  return *ret_sql == NULL ? no_memory(err) : DS_OK;
}

static ds_code number_take(reader *r, const cursor *c, void *context, ds_error *err) {
  (void)r;
  (void)err;
  *(int64_t *)context = sqlite3_column_int64(c->statement, 0);
  return DS_OK;
}

// SQLite takes no notice of a last page that is only half there.
static ds_code size_check(reader *r, ds_error *err) {
  int64_t pages = 0;
  int64_t size = 0;
  TRY(each_row(r, "pragma page_count", number_take, &pages, err));
  TRY(each_row(r, "pragma page_size", number_take, &size, err));
  return (uint64_t)(pages * size) <= r->ocel->options.file->bytes
             ? DS_OK
             : ds_fail(err, DS_INPUT, "%s is cut short: %" PRId64 " pages of %" PRId64 " bytes do "
                       "not fit in it", r->ocel->options.file->name, pages, size);
}

static ds_code tables_check(reader *r, ds_error *err) {
  int64_t count = 0;
  TRY(size_check(r, err));
  TRY(each_row(r, "select count(*) from sqlite_master where type = 'table' and name in ('event', "
               "'object', 'event_object', 'object_object', 'event_map_type', 'object_map_type')",
               number_take, &count, err));
  return count == 6 ? DS_OK
                    : ds_fail(err, DS_INPUT, "%s is an SQLite database but no OCEL 2.0 log: of its "
                              "six tables (event, object, event_object, ...) it has %" PRId64,
                              r->ocel->options.file->name, count);
}

static bool is_own(ds_str column) {
  return ds_str_equal(column, ds_str_of("ocel_id")) ||
         ds_str_equal(column, ds_str_of("ocel_time")) ||
         ds_str_equal(column, ds_str_of("ocel_changed_field"));
}

// --- the types: 'T' -> its table

typedef struct type_list {
  bool of_event;
  ds_arena *arena;
  ds_str type[DS_OCEL_TYPES_MAX];
  const char *table[DS_OCEL_TYPES_MAX];
  uint32_t count;
} type_list;

static ds_code type_take(reader *r, const cursor *c, void *context, ds_error *err) {
  type_list *list = context;
  if (list->count == DS_OCEL_TYPES_MAX)
    return ds_ocel_fail(r->ocel, "more than 1,024 types", err);
  const ds_str type = text_at(r, c, 0);
  const ds_str map = text_at(r, c, 1);
  char *table = ds_arena_alloc(list->arena, map.size + 8);
  list->type[list->count] = ds_ocel_copy(list->arena, type);
  if (table == NULL || list->type[list->count].data == NULL)
    return no_memory(err);
  snprintf(table, map.size + 8, "%s_%.*s", list->of_event ? "event" : "object", DS_STR(map));
  list->table[list->count++] = table;
  return DS_OK;
}

// Where the columns of a type's table are declared.
typedef struct declaring {
  bool of_event;
  ds_str type;
} declaring;

static ds_code column_take(reader *r, const cursor *c, void *context, ds_error *err) {
  const declaring *d = context;
  // SQLite's dates may well hold the hour.
  const bool date = ds_str_equal_nocase(text_at(r, c, 1), ds_str_of("date"));
  const ds_str kind = date ? ds_str_of("timestamp") : text_at(r, c, 1);
  return is_own(text_at(r, c, 0))
             ? DS_OK
             : ds_ocel_declare(r->ocel, d->of_event, d->type, text_at(r, c, 0), kind, err);
}

static ds_code types_read(reader *r, bool of_event, type_list *list, ds_error *err) {
  list->of_event = of_event;
  TRY(each_row(r, of_event ? "select ocel_type, ocel_type_map from event_map_type order by rowid"
                           : "select ocel_type, ocel_type_map from object_map_type order by rowid",
               type_take, list, err));
  for (uint32_t i = 0; i < list->count; i++) {
    declaring d = {of_event, list->type[i]};
    char *sql;
    TRY(sql_make("select name, type from pragma_table_info('%q')", list->table[i], NULL, &sql,
                 err));
    const ds_code code = each_row(r, sql, column_take, &d, err);
    sqlite3_free(sql);
    TRY(code);
  }
  return DS_OK;
}

// --- the first pass

static ds_code object_take(reader *r, const cursor *c, void *context, ds_error *err) {
  (void)context;
  TRY(ds_ocel_begin(r->ocel, false, text_at(r, c, 0), text_at(r, c, 1), (ds_str){NULL, 0}, err));
  return ds_ocel_end(r->ocel, err);
}

// A line of object_T: all values, or only the one that changed.
static ds_code values_take(reader *r, const cursor *c, void *context, ds_error *err) {
  const ds_str *type = context;
  ds_str id = {NULL, 0};
  ds_str time = {NULL, 0};
  ds_str changed = {NULL, 0};
  const int columns = sqlite3_column_count(c->statement);
  for (int i = 0; i < columns; i++) {
    const char *name = name_at(r, c, i);
    id = strcmp(name, "ocel_id") == 0 ? text_at(r, c, i) : id;
    time = strcmp(name, "ocel_time") == 0 ? text_at(r, c, i) : time;
    changed = strcmp(name, "ocel_changed_field") == 0 ? text_at(r, c, i) : changed;
  }
  if (ds_names_find(&r->ocel->objects, id) == DS_NONE)
    return ds_ocel_refuse(r->ocel, "ocel_id", DS_REASON_NO_OBJECT, err);
  TRY(ds_ocel_begin(r->ocel, false, id, *type, (ds_str){NULL, 0}, err));
  for (int i = 0; i < columns; i++) {
    const ds_str name = ds_str_of(name_at(r, c, i));
    const bool meant = changed.size == 0 || ds_str_equal(name, changed);
    if (!is_own(name) && meant && sqlite3_column_type(c->statement, i) != SQLITE_NULL)
      TRY(ds_ocel_set(r->ocel, name, time, text_at(r, c, i), err));
  }
  return ds_ocel_end(r->ocel, err);
}

static ds_code relation_take(reader *r, const cursor *c, void *context, ds_error *err) {
  (void)context;
  return ds_ocel_relate_objects(r->ocel, text_at(r, c, 0), text_at(r, c, 1), err);
}

static ds_code lost_take(reader *r, const cursor *c, void *context, ds_error *err) {
  (void)c;
  (void)context;
  return ds_ocel_refuse(r->ocel, "ocel_event_id", DS_REASON_NO_OBJECT, err);
}

static ds_code objects_read(reader *r, const type_list *types, ds_error *err) {
  TRY(each_row(r, "select ocel_id, ocel_type from object order by rowid", object_take, NULL, err));
  for (uint32_t i = 0; i < types->count; i++) {
    char *sql;
    TRY(sql_make("select * from \"%w\" order by rowid", types->table[i], NULL, &sql, err));
    ds_str type = types->type[i];
    const ds_code code = each_row(r, sql, values_take, &type, err);
    sqlite3_free(sql);
    TRY(code);
  }
  TRY(each_row(r, "select ocel_source_id, ocel_target_id from object_object order by rowid",
               relation_take, NULL, err));
  return each_row(r, "select 1 from event_object where ocel_event_id not in (select ocel_id from "
                  "event)", lost_take, NULL, err);
}

// --- the second pass

// The tables that are read beside `event`.
typedef struct beside {
  cursor relations;
  cursor *types;
  uint32_t types_count;
  cursor events;
} beside;

static ds_code beside_open(reader *r, const type_list *types, beside *b, ds_error *err) {
  TRY(begin(r, "select rowid, ocel_id, ocel_type from event order by rowid", &b->events, err));
  TRY(begin(r, "select e.rowid, o.ocel_object_id, o.ocel_qualifier from event e cross join "
            "event_object o on o.ocel_event_id = e.ocel_id order by e.rowid, o.rowid",
            &b->relations, err));
  TRY(next(r, &b->relations, err));
  for (uint32_t i = 0; i < types->count; i++) {
    char *sql;
    cursor *c = &b->types[i];
    TRY(sql_make("select e.rowid as ocel_id, t.* from event e cross join \"%w\" t on t.ocel_id = "
                 "e.ocel_id where e.ocel_type = %Q order by e.rowid",
                 types->table[i], types->type[i].data, &sql, err));
    const ds_code code = begin(r, sql, c, err);
    sqlite3_free(sql);
    b->types_count = i + 1;
    TRY(code);
    TRY(next(r, c, err));
  }
  return DS_OK;
}

static void beside_close(beside *b) {
  sqlite3_finalize(b->events.statement);
  sqlite3_finalize(b->relations.statement);
  for (uint32_t i = 0; i < b->types_count; i++)
    sqlite3_finalize(b->types[i].statement);
}

static ds_code attributes_read(reader *r, cursor *c, int64_t row, ds_error *err) {
  const int columns = c->row == row ? sqlite3_column_count(c->statement) : 0;
  for (int i = 1; i < columns; i++) {
    const ds_str name = ds_str_of(name_at(r, c, i));
    if (!is_own(name) && sqlite3_column_type(c->statement, i) != SQLITE_NULL)
      TRY(ds_ocel_set(r->ocel, name, (ds_str){NULL, 0}, text_at(r, c, i), err));
  }
  return DS_OK;
}

// The event's time, which stands in its type's table.
static ds_str time_read(reader *r, const cursor *c, int64_t row) {
  const int columns = c->row == row ? sqlite3_column_count(c->statement) : 0;
  for (int i = 1; i < columns; i++)
    if (strcmp(name_at(r, c, i), "ocel_time") == 0)
      return text_at(r, c, i);
  return (ds_str){NULL, 0};
}

static ds_code event_read(reader *r, const type_list *types, beside *b, ds_error *err) {
  const int64_t row = b->events.row;
  const ds_str type = text_at(r, &b->events, 2);
  cursor none = {.row = INT64_MAX};
  cursor *own = &none;
  for (uint32_t i = 0; i < types->count && own == &none; i++)
    if (ds_str_equal(types->type[i], type))
      own = &b->types[i];
  while (own->row < row)
    TRY(next(r, own, err));
  TRY(ds_ocel_begin(r->ocel, true, text_at(r, &b->events, 1), type, time_read(r, own, row), err));
  TRY(attributes_read(r, own, row, err));
  while (b->relations.row < row)
    TRY(next(r, &b->relations, err));
  while (b->relations.row == row) {
    TRY(ds_ocel_relate(r->ocel, text_at(r, &b->relations, 1), text_at(r, &b->relations, 2), err));
    TRY(next(r, &b->relations, err));
  }
  return ds_ocel_end(r->ocel, err);
}

static ds_code events_read(reader *r, const type_list *types, ds_error *err) {
  beside b = {.types = calloc(types->count + 1, sizeof *b.types)};
  if (b.types == NULL)
    return no_memory(err);
  ds_code code = beside_open(r, types, &b, err);
  if (code == DS_OK)
    code = next(r, &b.events, err);
  while (code == DS_OK && !b.events.done) {
    code = event_read(r, types, &b, err);
    if (code == DS_OK)
      code = next(r, &b.events, err);
  }
  beside_close(&b);
  free(b.types);
  return code;
}

// --- opening

// A path as a URI: nobody else changes the file, so no journal of it is looked for.
static ds_code database_open(reader *r, ds_error *err) {
  ds_buf uri;
  ds_buf_init(&uri, 4 * DS_PATH_BYTES_MAX);
  ds_buf_text(&uri, "file:");
  for (const char *c = r->ocel->options.file->path; *c != '\0'; c++) {
    if (strchr("?#%", *c) != NULL)
      ds_buf_printf(&uri, "%%%02X", (unsigned)*c);
    else
      ds_buf_u8(&uri, (uint8_t)*c);
  }
  ds_buf_text(&uri, "?immutable=1");
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
  ds_code code = ds_buf_check(&uri, "a path", err);
  const int result = code == DS_OK ? sqlite3_open_v2(ds_buf_cstr(&uri), &r->db, flags, NULL)
                                   : SQLITE_NOMEM;
  ds_buf_done(&uri);
  if (code == DS_OK && result != SQLITE_OK)
    code = result == SQLITE_NOMEM ? no_memory(err)
                                  : ds_fail(err, DS_INPUT, "%s cannot be opened as an SQLite "
                                            "database", r->ocel->options.file->name);
  TRY(code);
  sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
  sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, 64 << 20);
  sqlite3_limit(r->db, SQLITE_LIMIT_ATTACHED, 0);
  return DS_OK;
}

static int stop_asked(void *progress) { return ds_progress_stopped(progress); }

static ds_code pass(reader *r, type_list *events, type_list *objects, ds_error *err) {
  TRY(database_open(r, err));
  if (r->ocel->options.progress != NULL)
    sqlite3_progress_handler(r->db, 10000, stop_asked, r->ocel->options.progress);
  TRY(tables_check(r, err));
  TRY(types_read(r, true, events, err));
  TRY(types_read(r, false, objects, err));
  return r->ocel->job == NULL ? objects_read(r, objects, err) : events_read(r, events, err);
}

ds_code ds_ocel_sqlite_pass(ds_ocel *ocel, ds_error *err) {
  reader r = {.ocel = ocel};
  ds_arena arena;
  ds_arena_init(&arena, 16 << 20);
  type_list *events = ds_arena_alloc(&arena, sizeof *events);
  type_list *objects = ds_arena_alloc(&arena, sizeof *objects);
  ds_code code = DS_MEMORY;
  if (events == NULL || objects == NULL) {
    code = no_memory(err);
  } else {
    events->arena = objects->arena = &arena;
    code = pass(&r, events, objects, err);
  }
  sqlite3_close(r.db);
  ds_arena_done(&arena);
  return code;
}
