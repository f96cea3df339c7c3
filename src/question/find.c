// SPDX-License-Identifier: Apache-2.0
// `find`: which customers, or with --case which cases, keep an event after --where and the period.
#include "question/find.h"

#include <assert.h>
#include <stdlib.h>

#include "question/common.h"
#include "base/limits.h"
#include "question/sql.h"
#include "store/identity.h"
#include "store/key_holders.h"

const ds_option ds_find_options[] = {
    {"id", DS_OPTION_ARGUMENT, "[ID]", "", NULL,
     "only what this identifier names: a customer's, or a value of a case key; or what meets a "
     "condition with brackets, as in 'count(order_placed, last 90d) >= 2'"},
    {"has", DS_OPTION_EXPRESSION, "SELECTOR", "", NULL,
     "such events, instead of --where: delivered, stage:returns, review_submitted[stars <= 2]"},
};
const uint32_t ds_find_options_count = sizeof ds_find_options / sizeof *ds_find_options;

static const ds_column columns[] = {
    {"customer", DS_CELL_TEXT, "", "the customer, as kind=identifier", false},
    {"case", DS_CELL_TEXT, "", "the case", false},
    {"events", DS_CELL_COUNT, "events", "events left after --has or --where and the period", false},
    {"first", DS_CELL_TIME, "", "time of the first of them", true},
    {"last", DS_CELL_TIME, "", "time of the last of them", false},
    {"touchpoint", DS_CELL_TEXT, "", "touchpoint of the last of them", false},
};
enum { CUSTOMER, CASE, EVENTS, FIRST, LAST, TOUCHPOINT, COLUMNS };

typedef struct find_context {
  const ds_plan *plan;
  const char *id; // NULL takes all
  uint64_t hash;  // of a case key's value
  const uint32_t *customers; // whom it names by one of their identifiers
  uint32_t customers_count;
} find_context;

typedef struct find_state {
  const find_context *context;
  ds_arena *arena;
  ds_found *found;
  uint64_t count;
  uint64_t capacity;
} find_state;

static ds_code find_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)err;
  find_state *state = memory;
  state->context = context;
  state->arena = arena;
  return DS_OK;
}

static bool names_subject(const find_context *context, uint32_t customer, ds_str subject) {
  const char *id = context->id;
  for (uint32_t c = 0; c < context->customers_count; c++)
    if (context->customers[c] == customer)
      return true;
  const char *equals = memchr(subject.data, '=', subject.size);
  if (ds_str_equal(subject, ds_str_of(id)))
    return true;
  if (equals == NULL)
    return false;
  const uint32_t kind = (uint32_t)(equals - subject.data) + 1;
  return ds_str_equal((ds_str){equals + 1, subject.size - kind}, ds_str_of(id));
}

// Whether an event of journey j carries the value of that hash. A filter leaves values behind that
// no event carries any more.
static bool carries(const ds_block *block, const ds_key_column *key, uint32_t j, uint64_t hash) {
  uint32_t v = key->offset[j];
  while (v < key->offset[j + 1] && key->hash[v] != hash)
    v++;
  if (v == key->offset[j + 1])
    return false;
  const uint32_t end = key->first[block->offset[j + 1]];
  for (uint32_t i = key->first[block->offset[j]]; i < end; i++)
    if (key->item[i] == v)
      return true;
  return false;
}

// Whether the identifier names journey j; *ret_key tells by which case key.
static bool is_named(const find_context *context, const ds_block *block, uint32_t j,
                     uint32_t *ret_key) {
  *ret_key = DS_NONE;
  if (context->id == NULL || names_subject(context, block->customer[j], block->subject[j]))
    return true;
  if (block->case_hash != NULL) {
    *ret_key = context->plan->case_key;
    return block->case_hash[j] == context->hash;
  }
  for (uint32_t k = 0; k < block->keys_count; k++) {
    *ret_key = context->plan->columns.keys[k];
    if (carries(block, &block->key[k], j, context->hash))
      return true;
  }
  return false;
}

static ds_code room_make(find_state *state, uint64_t more, ds_error *err) {
  if (state->count + more <= state->capacity)
    return DS_OK;
  const uint64_t capacity = (state->count + more) * 2 + 64;
  ds_found *grown = ds_arena_array(state->arena, capacity, sizeof *grown);
  if (grown == NULL)
    return ds_fail(err, DS_MEMORY, "what is found does not fit into memory: narrow --where, or "
                   "give more --memory");
  if (state->count > 0)
    memcpy(grown, state->found, state->count * sizeof *grown);
  state->found = grown;
  state->capacity = capacity;
  return DS_OK;
}

static ds_code text_copy(find_state *state, ds_str *text, ds_error *err) {
  text->data = ds_arena_text(state->arena, text->size == 0 ? "" : text->data, text->size);
  return text->data != NULL ? DS_OK
                            : ds_fail(err, DS_MEMORY, "what is found does not fit into memory: "
                                      "narrow --where, or give more --memory");
}

static ds_code find_add(void *memory, const ds_block *block, ds_error *err) {
  find_state *state = memory;
  for (uint32_t j = 0; j < block->journeys; j++) {
    uint32_t key = DS_NONE;
    if (!is_named(state->context, block, j, &key))
      continue;
    TRY(room_make(state, 1, err));
    const uint32_t first = block->offset[j], last = block->offset[j + 1] - 1;
    assert(first <= last);
    ds_found found = {.customer = block->customer[j], .key = key, .subject = block->subject[j],
                      .events = last - first + 1u, .first_ms = block->time_ms[first],
                      .last_ms = block->time_ms[last], .touchpoint = block->touchpoint[last]};
    TRY(text_copy(state, &found.subject, err));
    if (block->case_text != NULL) {
      found.case_text = block->case_text[j];
      TRY(text_copy(state, &found.case_text, err));
    }
    state->found[state->count++] = found;
  }
  return DS_OK;
}

static ds_code find_merge(void *memory, void *other, ds_error *err) {
  find_state *into = memory;
  const find_state *from = other;
  TRY(room_make(into, from->count, err));
  for (uint64_t i = 0; i < from->count; i++) {
    ds_found found = from->found[i];
    TRY(text_copy(into, &found.subject, err));
    if (found.case_text.data != NULL)
      TRY(text_copy(into, &found.case_text, err));
    into->found[into->count++] = found;
  }
  return DS_OK;
}

static const ds_kernel kernel = {"find",   sizeof(find_state), find_init,
                                 find_add, find_merge,         NULL};

static int latest_first(const void *a, const void *b) {
  const ds_found *x = a, *y = b;
  if (x->last_ms != y->last_ms)
    return x->last_ms > y->last_ms ? -1 : 1;
  const int subjects = ds_str_compare(x->subject, y->subject);
  return subjects != 0 ? subjects : ds_str_compare(x->case_text, y->case_text);
}

// Only these may have what is named: nothing but their journeys is read.
static ds_code find_among(const ds_request *request, const find_context *context, ds_plan *plan,
                          const uint32_t *customers, uint32_t count, ds_arena *arena,
                          find_state *found, ds_error *err) {
  plan->has_customer = true;
  for (uint32_t c = 0; c < count; c++) {
    void *memory = NULL;
    plan->customer = customers[c];
    TRY(ds_scan(request->snapshot, plan, &kernel, context, arena, &memory, err));
    TRY(find_merge(found, memory, err));
  }
  return DS_OK;
}

// Whether the names of customers say all whom a text may name: a part lists so many kinds only.
static bool lists_all_kinds(const ds_snapshot *snapshot) {
  bool all = true;
  for (uint32_t p = 0; p < snapshot->places_count; p++)
    all = all && ds_part_kinds(snapshot->places[p].part)->count < DS_KINDS_LISTED_MAX;
  return all;
}

// Whom the identifier may name: customers by their own, or the few who carry it as a value of a
// case key. *ret_all is false when that is not known, or they are many.
static ds_code find_candidates(const ds_request *request, const find_context *context,
                               ds_arena *arena, uint32_t **ret_customers, uint32_t *ret_count,
                               bool *ret_all, ds_error *err) {
  const ds_plan *plan = context->plan;
  const uint16_t *keys = plan->has_case ? &plan->case_key : plan->columns.keys;
  TRY(ds_snapshot_holders(request->snapshot, context->hash, keys,
                           plan->has_case ? 1 : plan->columns.keys_count, request->threads,
                           arena, ret_customers, ret_count, ret_all, err));
  *ret_all = *ret_all && context->customers_count <= DS_HOLDERS_MAX &&
             lists_all_kinds(request->snapshot);
  for (uint32_t c = 0; c < context->customers_count && *ret_all; c++) {
    uint32_t at = 0;
    while (at < *ret_count && (*ret_customers)[at] != context->customers[c])
      at++;
    if (at == *ret_count)
      (*ret_customers)[(*ret_count)++] = context->customers[c];
  }
  return DS_OK;
}

ds_code ds_find_run(const ds_request *request, const ds_plan *plan, const char *id,
                    ds_arena *arena, ds_found **ret_found, uint64_t *ret_count, ds_error *err) {
  ds_plan full = *plan;
  full.columns.want |= DS_WANT_SUBJECT | DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  full.want_case_text = plan->has_case;
  if (id != NULL && !plan->has_case)
    TRY(ds_plan_all_keys(request, &full, arena, err));
  find_context context = {.plan = &full, .id = id};
  uint32_t *customers = NULL;
  if (id != NULL) {
    context.hash = ds_key_hash(ds_str_of(id));
    TRY(ds_snapshot_named(request->snapshot, ds_str_of(id), arena, &customers,
                          &context.customers_count, err));
    context.customers = customers;
  }
  find_state none = {.context = &context, .arena = arena};
  void *memory = &none;
  uint32_t *few = NULL, few_count = 0;
  bool are_few = false;
  if (id != NULL)
    TRY(find_candidates(request, &context, arena, &few, &few_count, &are_few, err));
  if (are_few)
    TRY(find_among(request, &context, &full, few, few_count, arena, &none, err));
  else
    TRY(ds_scan(request->snapshot, &full, &kernel, &context, arena, &memory, err));
  const find_state *state = memory;
  if (state->count > 0)
    qsort(state->found, state->count, sizeof *state->found, latest_first);
  *ret_found = state->found;
  *ret_count = state->count;
  return DS_OK;
}

static ds_code put_rows(const ds_request *request, const ds_plan *plan, const ds_found *found,
                        uint64_t count, ds_result *result, ds_error *err) {
  ds_column *shown = ds_arena_array(result->arena, COLUMNS, sizeof *shown);
  uint32_t shown_count = 0;
  for (uint32_t c = 0; shown != NULL && c < COLUMNS; c++)
    if (c != CASE || plan->has_case)
      shown[shown_count++] = columns[c];
  ds_table *table = shown == NULL ? NULL
                                  : ds_result_table(result, "found", plan->has_case
                                                    ? "Cases found" : "Customers found",
                                                    shown, shown_count);
  if (table != NULL)
    table->bar = "";
  if (count > UINT32_MAX)
    return ds_fail(err, DS_LIMIT, "more than %u customers or cases are found", UINT32_MAX);
  for (uint64_t i = 0; i < count; i++) {
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "what is found does not fit into memory: narrow --where, or "
                     "give more --memory");
    *cell++ = ds_cell_text(result, found[i].subject);
    if (plan->has_case)
      *cell++ = ds_cell_text(result, found[i].case_text);
    *cell++ = ds_cell_i64((int64_t)found[i].events);
    *cell++ = ds_cell_i64(found[i].first_ms);
    *cell++ = ds_cell_i64(found[i].last_ms);
    *cell++ = (ds_cell){.text = request->snapshot->space.touchpoints.text[found[i].touchpoint]};
  }
  return DS_OK;
}

// Whether the argument is a condition on cases and no identifier: it asks for something.
static bool is_condition(const char *text) {
  return text != NULL && (strchr(text, '(') != NULL || strncmp(text, "customer.", 9) == 0);
}

// The identifier that is asked for, or NULL.
static const char *id_of(const ds_request *request) {
  const char *id = ds_option_get(&request->options, "id");
  return is_condition(id) ? NULL : id;
}

// Checks the options and makes the plan that they ask for.
static ds_code find_plan(const ds_request *request, ds_plan *ret_plan, ds_error *err) {
  const ds_option_set *options = &request->options;
  const char *has = ds_option_get(options, "has"), *where = ds_option_get(options, "where");
  TRY(ds_option_refuse(options, "find", (const char *const[]){"by"}, 1, err));
  if (ds_option_get(options, "list") != NULL)
    return ds_fail(err, DS_USAGE, "find takes no --list: its rows are what was found; doorstep "
                   "timeline CUSTOMER shows the events of one");
  if (ds_option_get(options, "id") == NULL && has == NULL && where == NULL &&
      ds_option_get(options, "from") == NULL && ds_option_get(options, "to") == NULL &&
      ds_option_get(options, "cases") == NULL)
    return ds_fail(err, DS_USAGE, "find needs an identifier, a condition, --has, --where or a "
                   "period; for example: doorstep find 'count(order_placed) >= 2'");
  if (has != NULL && where != NULL)
    return ds_fail(err, DS_USAGE, "give --has or --where, not both: a selector takes conditions "
                   "too, as in delivered[carrier = 'dhl']");
  ds_plan plan;
  TRY(ds_question_plan(request, &plan, err));
  if (is_condition(ds_option_get(options, "id")))
    TRY(ds_plan_cases(request, ds_option_get(options, "id"), &plan, err));
  if (has != NULL && request->snapshot->events > 0) {
    ds_schema schema;
    TRY(ds_question_schema(request, &schema, err));
    TRY(ds_selector_parse(ds_str_of(has), &schema, request->arena, &plan.where, err));
  }
  if (plan.where == NULL)
    TRY(ds_plan_leave_links(request, &plan, err));
  *ret_plan = plan;
  return DS_OK;
}

ds_code ds_find_answer(const ds_request *request, ds_result *result, ds_error *err) {
  const char *id = id_of(request);
  ds_plan plan;
  TRY(find_plan(request, &plan, err));
  TRY(ds_question_note_types(request, &plan, result, err));
  const char *condition = plan.cases == NULL ? "" : "meet the condition, and that ";
  ds_buf words;
  ds_buf_init(&words, 1024);
  ds_buf_printf(&words, "The %s that %shave an event left after --has or --where and the period, "
                "the latest first; doorstep timeline %s shows one.",
                plan.has_case ? "cases" : "customers", condition,
                plan.has_case ? "CASE" : "CUSTOMER");
  result->definition = ds_buf_keep(&words, result->arena);
  ds_buf_done(&words);
  ds_arena arena;
  ds_found *found = NULL;
  uint64_t count = 0;
  ds_arena_init(&arena, request->memory_bytes);
  ds_code code = ds_find_run(request, &plan, id, &arena, &found, &count, err);
  if (code == DS_OK)
    code = put_rows(request, &plan, found, count, result, err);
  if (code == DS_OK && count == 0 && id != NULL)
    ds_result_note(result, true,
                   "No customer and no case has this identifier. For those with an event of a "
                   "kind: doorstep find --has SELECTOR.");
  ds_arena_done(&arena);
  return code;
}

// Customers whom the identifier names by another one of theirs: SQL sees only what stands for them.
static ds_code put_others(const ds_request *request, const char *id, ds_buf *out, ds_error *err) {
  uint32_t *customers = NULL, count = 0;
  if (request->snapshot->identity == NULL)
    return DS_OK;
  TRY(ds_snapshot_named(request->snapshot, ds_str_of(id), request->arena, &customers, &count,
                        err));
  for (uint32_t c = 0; c < count; c++) {
    ds_str subject = {NULL, 0};
    TRY(ds_snapshot_subject(request->snapshot, customers[c], request->arena, &subject, err));
    ds_sql_put_named(" OR customer = #", subject.data, out);
  }
  return DS_OK;
}

// The condition that the identifier names a row.
static ds_code put_named(const ds_request *request, const char *id, bool by_case, ds_buf *out,
                         ds_error *err) {
  const ds_names *keys = &request->snapshot->space.keys;
  ds_sql_put_named(" WHERE (customer = # OR substr(customer, strpos(customer, '=') + 1) = #", id,
                   out);
  TRY(put_others(request, id, out, err));
  if (by_case)
    ds_sql_put_named(" OR of_case = #", id, out);
  else if (keys->count > 0)
    ds_buf_text(out, " OR customer IN (SELECT customer FROM chosen WHERE false");
  for (uint32_t k = 0; !by_case && k < keys->count; k++) {
    ds_sql_put_named(" OR list_contains(@, ", ds_names_text(keys, k), out);
    ds_sql_put_named("#)", id, out);
  }
  ds_buf_text(out, !by_case && keys->count > 0 ? "))" : ")");
  return DS_OK;
}

ds_code ds_find_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  const char *id = id_of(request);
  ds_plan plan;
  TRY(find_plan(request, &plan, err));
  if (plan.has_case)
    TRY(ds_sql_cases(request, &plan, NULL, 0, out, err));
  else
    TRY(ds_sql_events(request, &plan, out, err));
  ds_buf_printf(out, " SELECT customer, %scount(*) AS events, epoch_ms(min(time)) AS first, "
                "epoch_ms(max(time)) AS last, last(touchpoint ORDER BY time, arrival) AS "
                "touchpoint FROM chosen", plan.has_case ? "of_case AS \"case\", " : "");
  if (id != NULL)
    TRY(put_named(request, id, plan.has_case, out, err));
  ds_buf_text(out, " GROUP BY customer, of_case ORDER BY last DESC, customer, of_case;\n");
  return ds_buf_check(out, "an SQL text", err);
}
