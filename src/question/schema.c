// SPDX-License-Identifier: Apache-2.0
// `schema`: the names that can be asked about: touchpoints, properties with types and examples, and
// case keys.
#include <stdlib.h>

#include "question/census.h"
#include "question/census_list.h"
#include "question/common.h"

static const ds_column touchpoint_columns[] = {
    {"touchpoint", DS_CELL_TEXT, "", "kind of event", false},
    {"events", DS_CELL_COUNT, "events", "events of it", false},
    {"customers", DS_CELL_COUNT, "customers", "customers with at least one", false},
    {"stage", DS_CELL_TEXT, "", "stage of the journey; \"any\": that of the event before", false},
    {"owner", DS_CELL_TEXT, "", "the desk that can change it", true},
    {"actor", DS_CELL_TEXT, "", "who acts", true},
    {"first", DS_CELL_TIME, "", "time of the first", true},
    {"last", DS_CELL_TIME, "", "time of the last", true},
};

static const ds_column property_columns[] = {
    {"property", DS_CELL_TEXT, "", "name of the property", false},
    {"type", DS_CELL_TEXT, "", "type in which it is read", false},
    {"values", DS_CELL_COUNT, "values", "events that carry it in that type", false},
    {"touchpoints", DS_CELL_TEXT, "", "touchpoints that carry it", true},
    {"examples", DS_CELL_TEXT, "", "its range, or its most frequent texts", false},
};

static const ds_column key_columns[] = {
    {"key", DS_CELL_TEXT, "", "case key, for --case", false},
    {"cases", DS_CELL_COUNT, "cases", "its values, counted per customer", false},
    {"events", DS_CELL_COUNT, "events", "events that carry it", false},
    {"share", DS_CELL_SHARE, "", "share of all events", false},
    {"examples", DS_CELL_TEXT, "", "some values", false},
};
enum { TOUCHPOINT_COLUMNS = 8, PROPERTY_COLUMNS = 5, KEY_COLUMNS = 5 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the schema: give more --memory");
}

// Names with a count, the greatest first.
typedef struct schema_row {
  ds_str name;
  uint64_t count;
  uint32_t at;
} schema_row;

static int most_first(const void *a, const void *b) {
  const schema_row *x = a, *y = b;
  if (x->count != y->count)
    return x->count > y->count ? -1 : 1;
  return ds_str_compare(x->name, y->name);
}

static ds_cell name_cell(ds_result *result, const char *name) {
  return *name == '\0' ? ds_cell_null() : ds_cell_text(result, ds_str_of(name));
}

static ds_code put_touchpoints(const ds_request *request, const census_state *state,
                               ds_result *result, ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  ds_table *table = ds_result_table(result, "touchpoints", "Touchpoints", touchpoint_columns,
                                    TOUCHPOINT_COLUMNS);
  schema_row *rows = ds_arena_array(state->arena, names->count + 1u, sizeof *rows);
  uint32_t count = 0;
  for (uint32_t t = 0; rows != NULL && t < names->count; t++)
    if (state->touchpoint[t].events > 0)
      rows[count++] = (schema_row){names->text[t], state->touchpoint[t].events, t};
  if (count > 0)
    qsort(rows, count, sizeof *rows, most_first);
  for (uint32_t r = 0; r < count; r++) {
    const census_touchpoint *one = &state->touchpoint[rows[r].at];
    const ds_touchpoint *known = ds_catalogue_find(request->catalogue, rows[r].name);
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return no_memory(err);
    *cell++ = ds_cell_text(result, rows[r].name);
    *cell++ = ds_cell_i64((int64_t)one->events);
    *cell++ = ds_cell_i64((int64_t)one->journeys);
    *cell++ = known == NULL ? ds_cell_null()
              : known->stage == DS_STAGE_ANY
                  ? ds_cell_text(result, ds_str_of("any"))
                  : name_cell(result, ds_stage_name(known->stage));
    *cell++ = known == NULL ? ds_cell_null() : name_cell(result, ds_owner_name(known->owner));
    *cell++ = known == NULL ? ds_cell_null() : name_cell(result, ds_actor_name(known->actor));
    *cell++ = ds_cell_i64(one->first_ms);
    *cell++ = ds_cell_i64(one->last_ms);
  }
  return rows == NULL ? no_memory(err) : DS_OK;
}

static ds_cell text_cell(ds_result *result, const ds_buf *text) {
  ds_buf_tell(text, result->arena);
  return ds_cell_text(result, (ds_str){(const char *)text->data, (uint32_t)text->size});
}

// The touchpoints that carry a property, those with the most values first.
static ds_code carriers_cell(const ds_request *request, const census_state *state,
                             const census_property *property, ds_result *result, ds_buf *text,
                             ds_cell *ret_cell, ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  schema_row *rows = ds_arena_array(state->arena, names->count + 1u, sizeof *rows);
  if (rows == NULL)
    return no_memory(err);
  uint32_t count = 0;
  for (uint32_t t = 0; t < names->count; t++)
    if (property->of_touchpoint[t] > 0)
      rows[count++] = (schema_row){names->text[t], property->of_touchpoint[t], t};
  if (count > 0)
    qsort(rows, count, sizeof *rows, most_first);
  ds_buf_reset(text);
  for (uint32_t r = 0; r < count; r++)
    ds_buf_printf(text, "%s%.*s", r == 0 ? "" : ", ", DS_STR(rows[r].name));
  *ret_cell = text_cell(result, text);
  return DS_OK;
}

static ds_code put_properties(const ds_request *request, const census_state *state,
                              ds_result *result, ds_buf *text, ds_error *err) {
  const ds_columns *columns = &state->context->plan->columns;
  const ds_names *names = &request->snapshot->space.properties;
  ds_table *table = ds_result_table(result, "properties", "Properties", property_columns,
                                    PROPERTY_COLUMNS);
  if (table != NULL)
    table->bar = "";
  for (uint32_t p = 0; p < columns->properties_count; p++) {
    const census_property *property = &state->property[p];
    if (property->values == 0)
      continue;
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return no_memory(err);
    *cell++ = ds_cell_text(result, names->text[columns->properties[p]]);
    *cell++ = ds_cell_text(result, ds_str_of(ds_type_name(property->type)));
    *cell++ = ds_cell_i64((int64_t)property->values);
    TRY(carriers_cell(request, state, property, result, text, cell++, err));
    ds_buf_reset(text);
    ds_census_examples(property, text);
    *cell++ = text_cell(result, text);
  }
  return DS_OK;
}

static ds_code put_keys(const ds_request *request, const census_state *state, ds_result *result,
                        ds_buf *text, ds_error *err) {
  const ds_columns *columns = &state->context->plan->columns;
  ds_table *table = ds_result_table(result, "keys", "Case keys", key_columns, KEY_COLUMNS);
  if (table != NULL)
    table->bar = "";
  for (uint32_t k = 0; k < columns->keys_count; k++) {
    const census_key *key = &state->key[k];
    if (key->values == 0)
      continue;
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return no_memory(err);
    *cell++ = ds_cell_text(result, request->snapshot->space.keys.text[columns->keys[k]]);
    *cell++ = ds_cell_i64((int64_t)key->values);
    *cell++ = ds_cell_i64((int64_t)key->events);
    *cell++ = ds_cell_double((double)key->events / (double)state->events);
    ds_buf_reset(text);
    ds_census_key_examples(key, text);
    *cell++ = text_cell(result, text);
  }
  return DS_OK;
}

// What can be listed, in the order of `listed`.
enum { LIST_KEYS, LIST_PROPERTIES, LIST_TOUCHPOINTS };
static const ds_figures listed[] = {
    [LIST_KEYS] = {"keys", 1, {"key"}, {"cases", "events"}, NULL, NULL},
    [LIST_PROPERTIES] = {"properties", 1, {"property"}, {"values"}, NULL, NULL},
    [LIST_TOUCHPOINTS] = {"touchpoints", 1, {"touchpoint"}, {"events", "customers"}, NULL, NULL},
};

static ds_code list(const ds_request *request, const char *text, ds_result *result,
                    ds_error *err) {
  ds_plan plan;
  ds_list_figure asked;
  census_figure figure = {.touchpoint = DS_NONE};
  uint32_t code = 0;
  TRY(ds_question_plan(request, &plan, err));
  TRY(ds_list_read(request, text, NULL, result, &asked, err));
  if (asked.table == LIST_TOUCHPOINTS) {
    TRY(ds_list_touchpoint(request, asked.key[0], &figure.touchpoint, err));
    figure.customers = asked.column == 1;
    return ds_census_list(request, &plan, &figure, result, err);
  }
  if (asked.table == LIST_KEYS)
    TRY(ds_list_key(request, asked.key[0], &code, err));
  else
    TRY(ds_list_property(request, asked.key[0], &code, err));
  const uint16_t column = (uint16_t)code;
  if (asked.table == LIST_KEYS) {
    plan.columns.keys = &column;
    plan.columns.keys_count = 1;
    figure.cases = asked.column == 0;
    figure.keyed = !figure.cases;
  } else {
    plan.columns.properties = &column;
    plan.columns.properties_count = 1;
    figure.carry = CENSUS_CARRIES;
  }
  return ds_census_list(request, &plan, &figure, result, err);
}

static ds_code answer(const ds_request *request, ds_arena *arena, ds_result *result,
                      ds_error *err) {
  ds_plan plan;
  const char *cell = ds_option_get(&request->options, "list");
  TRY(ds_option_refuse(&request->options, "schema",
                       (const char *const[]){"case", "by", "derive"}, 3, err));
  ds_list_offer(result, listed, sizeof listed / sizeof *listed, NULL);
  if (cell != NULL)
    return list(request, cell, result, err);
  TRY(ds_question_plan(request, &plan, err));
  plan.columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  plan.columns.key_texts = true;
  TRY(ds_plan_all_keys(request, &plan, arena, err));
  ds_plan values_plan;
  census_context values_context;
  TRY(ds_census_values(request, true, arena, &values_plan, &values_context, err));
  TRY(ds_question_note_types(request, &values_plan, result, err));
  const census_context context = {&plan, request->snapshot->space.touchpoints.count, true};
  void *came = NULL, *carried = NULL;
  ds_buf text;
  ds_buf_init(&text, 1u << 20);
  ds_code code =
      ds_scan(request->snapshot, &plan, &ds_census_kernel, &context, arena, &came, err);
  if (code == DS_OK)
    code = ds_scan(request->snapshot, &values_plan, &ds_census_kernel, &values_context, arena,
                   &carried, err);
  if (code == DS_OK)
    code = put_keys(request, came, result, &text, err);
  if (code == DS_OK)
    code = put_properties(request, carried, result, &text, err);
  if (code == DS_OK)
    code = put_touchpoints(request, came, result, err);
  ds_buf_done(&text);
  if (came != NULL)
    ds_census_done(came);
  if (carried != NULL)
    ds_census_done(carried);
  return code;
}

ds_code ds_schema_answer(const ds_request *request, ds_result *result, ds_error *err) {
  ds_arena arena;
  ds_arena_init(&arena, request->memory_bytes);
  const ds_code code = answer(request, &arena, result, err);
  ds_arena_done(&arena);
  result->definition =
      "The names that can be asked about. Events are counted after --where and the period. A "
      "property is shown in the type in which it is read, the type of most of its values; texts "
      "are the most frequent ones, or with very many the first in order.";
  return code;
}
