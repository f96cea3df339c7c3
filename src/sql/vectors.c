// SPDX-License-Identifier: Apache-2.0
// Numbers are copied as they are, a text that stands for many rows is written once.
#include "sql/vectors.h"

#include <assert.h>

#include "scan/join.h"
#include "store/identity.h"

// The number of an event among those of its table: ascending along a journey, the same in every
// scan of the same plan.
#define EVENTS_BITS 27
static_assert(DS_BLOCK_EVENTS_MAX <= 1u << EVENTS_BITS, "an event of a customer has a number");

static const ds_duck_api *api_of(const sql_rows *rows) { return &rows->sql->duck->api; }

static void *data_of(const sql_rows *rows, duckdb_vector vector) {
  return api_of(rows)->vector_get_data(vector);
}

static uint64_t *validity_of(const sql_rows *rows, duckdb_vector vector) {
  api_of(rows)->vector_ensure_validity_writable(vector);
  return api_of(rows)->vector_get_validity(vector);
}

static void set_null(uint64_t *validity, uint32_t row) {
  validity[row >> 6] &= ~(1ull << (row & 63));
}

static void put_text(const sql_rows *rows, duckdb_vector vector, uint32_t row, ds_str text) {
  api_of(rows)->vector_assign_string_element_len(vector, row, text.size == 0 ? "" : text.data,
                                                 text.size);
}

static bool is_present(const ds_property_column *column, uint32_t event) {
  return column->type != DS_TYPE_NULL && (column->present[event >> 6] >> (event & 63) & 1) != 0;
}

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for SQL: give more --memory");
}

// --- of events

// Walks over the journeys that the rows lie in: the rows [*at, *end) of the next one.
typedef struct walk {
  const sql_rows *rows;
  uint32_t journey;
  uint32_t at;
  uint32_t end;
} walk;

static walk walk_begin(const sql_rows *rows) {
  return (walk){.rows = rows, .journey = rows->journey - 1};
}

static bool walk_next(walk *w) {
  const sql_rows *rows = w->rows;
  w->at = w->end;
  if (w->at == rows->count)
    return false;
  w->journey++;
  const uint32_t end = rows->block->offset[w->journey + 1] - rows->first;
  w->end = end < rows->count ? end : rows->count;
  return true;
}

static ds_code fill_customer(const sql_rows *rows, const sql_column *column, uint32_t at,
                             duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  (void)err;
  duckdb_string_t *restrict data = data_of(rows, vector);
  for (walk w = walk_begin(rows); walk_next(&w);) {
    put_text(rows, vector, w.at, rows->block->subject[w.journey]);
    const duckdb_string_t text = data[w.at];
    for (uint32_t i = w.at + 1; i < w.end; i++)
      data[i] = text;
  }
  return DS_OK;
}

// Milliseconds as DuckDB's microseconds. Unsigned: where no value is present anything may lie.
static void put_times(const sql_rows *rows, const int64_t *restrict ms, duckdb_vector vector) {
  int64_t *restrict data = data_of(rows, vector);
  for (uint32_t i = 0; i < rows->count; i++)
    data[i] = (int64_t)((uint64_t)ms[i] * 1000);
}

static ds_code fill_time(const sql_rows *rows, const sql_column *column, uint32_t at,
                         duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  (void)err;
  put_times(rows, rows->block->time_ms + rows->first, vector);
  return DS_OK;
}

static ds_code fill_received(const sql_rows *rows, const sql_column *column, uint32_t at,
                             duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  (void)err;
  put_times(rows, rows->block->received_ms + rows->first, vector);
  return DS_OK;
}

static ds_code fill_arrival(const sql_rows *rows, const sql_column *column, uint32_t at,
                            duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  (void)err;
  const ds_block *block = rows->block;
  int64_t *restrict data = data_of(rows, vector);
  for (walk w = walk_begin(rows); walk_next(&w);) {
    const int64_t first = ((int64_t)block->customer[w.journey] << EVENTS_BITS) + rows->first -
                          block->offset[w.journey];
    for (uint32_t i = w.at; i < w.end; i++)
      data[i] = first + i;
  }
  return DS_OK;
}

// Codes of the store as numbers of texts, some of which may be none.
static void put_narrow(const uint16_t *restrict of, const uint16_t *restrict code, uint32_t count,
                       uint8_t *restrict out) {
  for (uint32_t i = 0; i < count; i++)
    out[i] = (uint8_t)of[code[i]];
}

static void put_wide(const uint16_t *restrict of, const uint16_t *restrict code, uint32_t count,
                     uint16_t *restrict out) {
  for (uint32_t i = 0; i < count; i++)
    out[i] = of[code[i]];
}

static void put_codes(const sql_rows *rows, const sql_enum *list, const uint16_t *code,
                      uint32_t count, duckdb_vector vector) {
  uint64_t *validity = NULL;
  if (list->width == 1)
    put_narrow(list->of, code, count, data_of(rows, vector));
  else
    put_wide(list->of, code, count, data_of(rows, vector));
  for (uint32_t i = 0; list->has_none && i < count; i++)
    if (list->of[code[i]] == SQL_NO_TEXT) {
      validity = validity == NULL ? validity_of(rows, vector) : validity;
      set_null(validity, i);
    }
}

static ds_code fill_of_touchpoint(const sql_rows *rows, const sql_column *column, uint32_t at,
                                  duckdb_vector vector, ds_error *err) {
  (void)at;
  (void)err;
  put_codes(rows, &rows->sql->lists[column->kind->list], rows->block->touchpoint + rows->first,
            rows->count, vector);
  return DS_OK;
}

static ds_code fill_source(const sql_rows *rows, const sql_column *column, uint32_t at,
                           duckdb_vector vector, ds_error *err) {
  (void)at;
  (void)err;
  put_codes(rows, &rows->sql->lists[column->kind->list], rows->block->source + rows->first,
            rows->count, vector);
  return DS_OK;
}

// The values of one event are a list; without any there is none.
static ds_code fill_key(const sql_rows *rows, const sql_column *column, uint32_t at,
                        duckdb_vector vector, ds_error *err) {
  (void)column;
  const ds_duck_api *api = api_of(rows);
  const ds_key_column *key = &rows->block->key[at];
  const uint32_t begin = key->first[rows->first];
  const uint32_t items = key->first[rows->first + rows->count] - begin;
  if (api->list_vector_reserve(vector, items) != DuckDBSuccess ||
      api->list_vector_set_size(vector, items) != DuckDBSuccess)
    return no_memory(err);
  duckdb_list_entry *restrict data = data_of(rows, vector);
  uint64_t *validity = validity_of(rows, vector);
  for (uint32_t i = 0; i < rows->count; i++) {
    const uint32_t e = rows->first + i;
    data[i] = (duckdb_list_entry){key->first[e] - begin, key->first[e + 1] - key->first[e]};
    if (data[i].length == 0)
      set_null(validity, i);
  }
  duckdb_vector child = api->list_vector_get_child(vector);
  for (uint32_t i = 0; i < items; i++)
    put_text(rows, child, i, key->text[key->item[begin + i]]);
  return DS_OK;
}

// --- properties

// The subjects of a journey's customer; of a joined one it is not known whose an event is.
static ds_code subjects_of(const sql_rows *rows, uint32_t journey, const ds_str **ret_subjects,
                           uint32_t *ret_count, ds_error *err) {
  const ds_snapshot *snapshot = rows->sql->options.snapshot;
  const ds_identity *identity = snapshot->identity;
  const uint32_t customer = rows->block->customer[journey];
  ds_slots slots = {0, 0};
  if (identity != NULL)
    slots = ds_join_slots(identity, customer);
  const uint32_t joined = slots.end - slots.first;
  ds_str *subjects = ds_arena_array(rows->arena, joined + 1u, sizeof *subjects);
  if (subjects == NULL)
    return no_memory(err);
  for (uint32_t s = 0; s < joined; s++)
    TRY(ds_snapshot_subject(snapshot, identity->subject[identity->order[slots.first + s]],
                            rows->arena, &subjects[s], err));
  if (joined == 0)
    subjects[0] = rows->block->subject[journey];
  *ret_subjects = subjects;
  *ret_count = joined == 0 ? 1 : joined;
  return DS_OK;
}

static ds_value value_at(const ds_property_column *column, uint32_t event) {
  ds_value value = {.type = column->type};
  if (ds_type_is_bytes(column->type))
    value.text = column->text[event];
  else if (column->type == DS_TYPE_NUMBER)
    value.number = column->number[event];
  else
    value.i = column->i[event];
  return value;
}

static ds_code value_open(const sql_rows *rows, const sql_column *column, uint32_t journey,
                          uint32_t event, ds_value *value, ds_error *err) {
  ds_unseal_place place = {.touchpoint = rows->block->touchpoint[event],
                           .property = column->code};
  const ds_value sealed = *value;
  TRY(subjects_of(rows, journey, &place.subjects, &place.subjects_count, err));
  pthread_mutex_lock(&rows->sql->mutex);
  const ds_code code = ds_unseal(rows->sql->options.unsealer, &place, &sealed, rows->arena, value,
                                 err);
  pthread_mutex_unlock(&rows->sql->mutex);
  return code;
}

// A property of several types, or personal, as a text. False: the event has none.
static ds_code value_print(const sql_rows *rows, const sql_column *column, uint32_t at,
                           uint32_t journey, uint32_t event, char room[64], ds_str *ret_text,
                           ds_error *err) {
  ret_text->data = NULL;
  for (uint32_t c = at; c < at + column->columns; c++) {
    const ds_property_column *source = &rows->block->property[c];
    if (!is_present(source, event))
      continue;
    ds_value value = value_at(source, event);
    if (value.type == DS_TYPE_SEALED && rows->sql->options.unsealer != NULL)
      TRY(value_open(rows, column, journey, event, &value, err));
    if (value.type == DS_TYPE_NULL) // its key was destroyed
      return DS_OK;
    *ret_text = value.type == DS_TYPE_STRING
                    ? value.text
                    : (ds_str){room, (uint32_t)ds_value_print(room, 64, &value)};
    if (ret_text->data == NULL)
      ret_text->data = "";
    return DS_OK;
  }
  return DS_OK;
}

static ds_code put_printed(const sql_rows *rows, const sql_column *column, uint32_t at,
                           duckdb_vector vector, ds_error *err) {
  uint64_t *validity = validity_of(rows, vector);
  for (walk w = walk_begin(rows); walk_next(&w);)
    for (uint32_t i = w.at; i < w.end; i++) {
      char room[64];
      ds_str text;
      TRY(value_print(rows, column, at, w.journey, rows->first + i, room, &text, err));
      if (text.data == NULL)
        set_null(validity, i);
      else
        put_text(rows, vector, i, text);
    }
  ds_arena_reset(rows->arena);
  return DS_OK;
}

// The bits of `present` from event `first` on; words of the vector are words of the block.
static void put_present(const sql_rows *rows, const ds_property_column *source,
                        duckdb_vector vector) {
  uint64_t *validity = validity_of(rows, vector);
  const uint32_t words = (rows->count + 63) / 64;
  if (source->type == DS_TYPE_NULL)
    memset(validity, 0, words * sizeof *validity);
  else
    memcpy(validity, source->present + rows->first / 64, words * sizeof *validity);
}

static void put_days(const int64_t *restrict day, uint32_t count, int32_t *restrict out) {
  for (uint32_t i = 0; i < count; i++)
    out[i] = (int32_t)day[i];
}

static void put_bools(const int64_t *restrict value, uint32_t count, bool *restrict out) {
  for (uint32_t i = 0; i < count; i++)
    out[i] = value[i] != 0;
}

static void put_texts(const sql_rows *rows, const ds_property_column *source,
                      duckdb_vector vector) {
  for (uint32_t i = 0; i < rows->count; i++)
    if (is_present(source, rows->first + i))
      put_text(rows, vector, i, source->text[rows->first + i]);
}

static ds_code fill_property(const sql_rows *rows, const sql_column *column, uint32_t at,
                             duckdb_vector vector, ds_error *err) {
  const ds_property_column *source = &rows->block->property[at];
  const uint32_t first = rows->first, count = rows->count;
  if (column->columns > 1 || column->types[0] == DS_TYPE_SEALED)
    return put_printed(rows, column, at, vector, err);
  assert(first % 64 == 0);
  put_present(rows, source, vector);
  switch (source->type) {
  case DS_TYPE_NUMBER:
    memcpy(data_of(rows, vector), source->number + first, count * sizeof *source->number);
    break;
  case DS_TYPE_DURATION:
    memcpy(data_of(rows, vector), source->i + first, count * sizeof *source->i);
    break;
  case DS_TYPE_TIME: put_times(rows, source->i + first, vector); break;
  case DS_TYPE_DATE: put_days(source->i + first, count, data_of(rows, vector)); break;
  case DS_TYPE_BOOL: put_bools(source->i + first, count, data_of(rows, vector)); break;
  case DS_TYPE_STRING: put_texts(rows, source, vector); break;
  default: break;
  }
  return DS_OK;
}

// --- of journeys

static uint32_t journey_at(const sql_rows *rows, uint32_t row) {
  return rows->journeys != NULL ? rows->journeys[rows->first + row] : rows->first + row;
}

static ds_code fill_journey_customer(const sql_rows *rows, const sql_column *column, uint32_t at,
                                     duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  (void)err;
  for (uint32_t i = 0; i < rows->count; i++)
    put_text(rows, vector, i, rows->block->subject[journey_at(rows, i)]);
  return DS_OK;
}

static ds_code fill_events(const sql_rows *rows, const sql_column *column, uint32_t at,
                           duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  (void)err;
  int64_t *data = data_of(rows, vector);
  for (uint32_t i = 0; i < rows->count; i++) {
    const uint32_t j = journey_at(rows, i);
    data[i] = rows->block->offset[j + 1] - rows->block->offset[j];
  }
  return DS_OK;
}

static ds_code fill_first(const sql_rows *rows, const sql_column *column, uint32_t at,
                          duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  (void)err;
  int64_t *data = data_of(rows, vector);
  for (uint32_t i = 0; i < rows->count; i++)
    data[i] = rows->block->time_ms[rows->block->offset[journey_at(rows, i)]] * 1000;
  return DS_OK;
}

static ds_code fill_last(const sql_rows *rows, const sql_column *column, uint32_t at,
                         duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  (void)err;
  int64_t *data = data_of(rows, vector);
  for (uint32_t i = 0; i < rows->count; i++)
    data[i] = rows->block->time_ms[rows->block->offset[journey_at(rows, i) + 1] - 1] * 1000;
  return DS_OK;
}

// The touchpoints of each journey, in order.
static ds_code fill_path(const sql_rows *rows, const sql_column *column, uint32_t at,
                         duckdb_vector vector, ds_error *err) {
  (void)at;
  const ds_duck_api *api = api_of(rows);
  const ds_block *block = rows->block;
  const uint32_t begin = block->offset[journey_at(rows, 0)];
  const uint32_t items = block->offset[journey_at(rows, rows->count - 1) + 1] - begin;
  if (api->list_vector_reserve(vector, items) != DuckDBSuccess ||
      api->list_vector_set_size(vector, items) != DuckDBSuccess)
    return no_memory(err);
  duckdb_list_entry *data = data_of(rows, vector);
  for (uint32_t i = 0; i < rows->count; i++) {
    const uint32_t j = journey_at(rows, i);
    data[i] = (duckdb_list_entry){block->offset[j] - begin,
                                  block->offset[j + 1] - block->offset[j]};
  }
  put_codes(rows, &rows->sql->lists[column->kind->list], block->touchpoint + begin, items,
            api->list_vector_get_child(vector));
  return DS_OK;
}

static ds_code fill_subjects(const sql_rows *rows, const sql_column *column, uint32_t at,
                             duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  const ds_duck_api *api = api_of(rows);
  idx_t items = 0;
  for (uint32_t i = 0; i < rows->count; i++) {
    const ds_str *subjects;
    uint32_t count;
    TRY(subjects_of(rows, journey_at(rows, i), &subjects, &count, err));
    if (api->list_vector_reserve(vector, items + count) != DuckDBSuccess ||
        api->list_vector_set_size(vector, items + count) != DuckDBSuccess)
      return no_memory(err);
    ((duckdb_list_entry *)data_of(rows, vector))[i] = (duckdb_list_entry){items, count};
    duckdb_vector child = api->list_vector_get_child(vector);
    for (uint32_t s = 0; s < count; s++)
      put_text(rows, child, (uint32_t)items++, subjects[s]);
  }
  ds_arena_reset(rows->arena);
  return DS_OK;
}

static ds_code fill_case(const sql_rows *rows, const sql_column *column, uint32_t at,
                         duckdb_vector vector, ds_error *err) {
  (void)column;
  (void)at;
  (void)err;
  for (uint32_t i = 0; i < rows->count; i++)
    put_text(rows, vector, i, rows->block->case_text[journey_at(rows, i)]);
  return DS_OK;
}

static ds_code fill_segment(const sql_rows *rows, const sql_column *column, uint32_t at,
                            duckdb_vector vector, ds_error *err) {
  (void)at;
  (void)err;
  put_codes(rows, &rows->sql->lists[column->kind->list], rows->segments + rows->first,
            rows->count, vector);
  return DS_OK;
}

// --- the kinds

#define ENUM(list) DUCKDB_TYPE_ENUM, list, true
#define PLAIN(type) DUCKDB_TYPE_##type, SQL_LISTS, false
#define OF_TOUCHPOINT DS_WANT_TOUCHPOINT, fill_of_touchpoint

static const sql_kind customer = {"customer", PLAIN(VARCHAR), DS_WANT_SUBJECT, fill_customer};
static const sql_kind instant = {"time", PLAIN(TIMESTAMP), DS_WANT_TIME, fill_time};
static const sql_kind received = {"received", PLAIN(TIMESTAMP), DS_WANT_RECEIVED, fill_received};
static const sql_kind arrival = {"arrival", PLAIN(BIGINT), 0, fill_arrival};
static const sql_kind touchpoint = {"touchpoint", ENUM(SQL_TOUCHPOINTS), OF_TOUCHPOINT};
static const sql_kind stage = {"stage", ENUM(SQL_STAGES), OF_TOUCHPOINT};
static const sql_kind actor = {"actor", ENUM(SQL_ACTORS), OF_TOUCHPOINT};
static const sql_kind source = {"source", ENUM(SQL_SOURCES), DS_WANT_SOURCE, fill_source};
const sql_kind ds_sql_key_kind = {NULL, PLAIN(LIST), 0, fill_key};
const sql_kind ds_sql_property_kind = {NULL, PLAIN(INVALID), 0, fill_property};

static const sql_kind whose = {"customer", PLAIN(VARCHAR), DS_WANT_SUBJECT,
                               fill_journey_customer};
static const sql_kind subjects = {"subjects", PLAIN(LIST), DS_WANT_SUBJECT, fill_subjects};
static const sql_kind events = {"events", PLAIN(BIGINT), 0, fill_events};
static const sql_kind first = {"first", PLAIN(TIMESTAMP), DS_WANT_TIME, fill_first};
static const sql_kind last = {"last", PLAIN(TIMESTAMP), DS_WANT_TIME, fill_last};
static const sql_kind path = {"touchpoints", DUCKDB_TYPE_LIST, SQL_TOUCHPOINTS, true,
                              DS_WANT_TOUCHPOINT, fill_path};
static const sql_kind case_id = {"case_id", PLAIN(VARCHAR), 0, fill_case};
static const sql_kind segment = {"segment", ENUM(SQL_SEGMENTS), 0, fill_segment};

const sql_kind *const ds_sql_events_kinds[] = {&customer, &instant,  &touchpoint, &stage, &actor,
                                               &source,   &received, &arrival,    NULL};
const sql_kind *const ds_sql_customers_kinds[] = {&whose, &subjects, &events, &first,
                                                  &last,  &path,     NULL};
const sql_kind *const ds_sql_cases_kinds[] = {&case_id, &whose, &events, &first,
                                              &last,    &path,  NULL};
const sql_kind *const ds_sql_segments_kinds[] = {&segment, &whose, NULL};

// The types of properties in SQL; of several types, or sealed, it is a text.
static const duckdb_type property_types[DS_TYPES_COUNT] = {
    [DS_TYPE_NULL] = DUCKDB_TYPE_VARCHAR,     [DS_TYPE_NUMBER] = DUCKDB_TYPE_DOUBLE,
    [DS_TYPE_STRING] = DUCKDB_TYPE_VARCHAR,   [DS_TYPE_BOOL] = DUCKDB_TYPE_BOOLEAN,
    [DS_TYPE_TIME] = DUCKDB_TYPE_TIMESTAMP,   [DS_TYPE_DATE] = DUCKDB_TYPE_DATE,
    [DS_TYPE_DURATION] = DUCKDB_TYPE_BIGINT,  [DS_TYPE_SEALED] = DUCKDB_TYPE_VARCHAR,
};

duckdb_logical_type ds_sql_column_type(const ds_sql *sql, const sql_column *column) {
  const ds_duck_api *api = &sql->duck->api;
  const sql_kind *kind = column->kind;
  duckdb_logical_type item;
  if (kind->enums)
    item = api->create_enum_type(sql->lists[kind->list].text, sql->lists[kind->list].count);
  else if (kind == &ds_sql_property_kind)
    item = api->create_logical_type(column->columns == 1 ? property_types[column->types[0]]
                                                         : DUCKDB_TYPE_VARCHAR);
  else
    item = api->create_logical_type(kind->type == DUCKDB_TYPE_LIST ? DUCKDB_TYPE_VARCHAR
                                                                   : kind->type);
  if (kind->type != DUCKDB_TYPE_LIST)
    return item;
  duckdb_logical_type list = api->create_list_type(item);
  api->destroy_logical_type(&item);
  return list;
}
