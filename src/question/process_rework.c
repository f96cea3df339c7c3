// SPDX-License-Identifier: Apache-2.0
// See process_rework.h.
#include "question/process_rework.h"

#include <assert.h>
#include <stdlib.h>

#include "base/sum.h"
#include "question/spans.h"

// What is counted of one touchpoint in one group.
typedef struct rework_count {
  uint64_t cases;
  uint64_t rework_cases;
  uint64_t repeats;
  uint64_t self_loops;
  __int128 total_ms; // from each event to its repeat
} rework_count;

// Where a touchpoint was last seen: the case by its number in the state, the event in its block.
typedef struct rework_seen {
  uint64_t journey;
  int64_t since_ms; // of the case's beginning
  uint32_t event;
  bool again;
} rework_seen;

typedef struct rework_context {
  const ds_names *names;
  uint32_t touchpoints;
  const ds_breakdown *by;
} rework_context;

typedef struct rework_state {
  const rework_context *context;
  rework_count *count; // [group][touchpoint]
  rework_seen *seen;   // by touchpoint
  uint64_t journeys;
  uint32_t *group;
  uint32_t group_capacity;
} rework_state;

static uint32_t groups_of(const rework_context *context) {
  return context->by == NULL ? 1 : context->by->groups;
}

static ds_code rework_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  rework_state *state = memory;
  state->context = context;
  const size_t touchpoints = state->context->touchpoints;
  state->count = ds_arena_array(arena, touchpoints * groups_of(context) + 1, sizeof *state->count);
  state->seen = ds_arena_array(arena, touchpoints + 1, sizeof *state->seen);
  if (state->count == NULL || state->seen == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for rework");
  return DS_OK;
}

static void add_journey(rework_state *state, const ds_block *block, uint32_t j,
                        rework_count *counts) {
  const uint64_t journey = ++state->journeys;
  int64_t since_ms = 0;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    since_ms += block->gap_ms[e];
    rework_seen *seen = &state->seen[block->node[e]];
    rework_count *count = &counts[block->node[e]];
    if (seen->journey != journey) {
      *seen = (rework_seen){journey, since_ms, e, false};
      count->cases++;
      continue;
    }
    count->rework_cases += !seen->again;
    count->repeats++;
    count->self_loops += seen->event + 1 == e;
    count->total_ms += since_ms - seen->since_ms;
    *seen = (rework_seen){journey, since_ms, e, true};
  }
}

static ds_code rework_add(void *memory, const ds_block *block, ds_error *err) {
  rework_state *state = memory;
  const ds_breakdown *by = state->context->by;
  if (by != NULL)
    TRY(ds_breakdown_groups(by, block, &state->group, &state->group_capacity, err));
  for (uint32_t j = 0; j < block->journeys; j++)
    add_journey(state, block, j,
                state->count + (by == NULL ? 0 : state->group[j]) * state->context->touchpoints);
  return DS_OK;
}

static ds_code rework_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  rework_state *into = memory;
  const rework_state *from = other;
  const uint32_t all = groups_of(into->context) * into->context->touchpoints;
  for (uint32_t i = 0; i < all; i++) {
    into->count[i].cases += from->count[i].cases;
    into->count[i].rework_cases += from->count[i].rework_cases;
    into->count[i].repeats += from->count[i].repeats;
    into->count[i].self_loops += from->count[i].self_loops;
    into->count[i].total_ms += from->count[i].total_ms;
  }
  return DS_OK;
}

static void rework_done(void *memory) {
  rework_state *state = memory;
  free(state->group);
  state->group = NULL;
}

static const ds_kernel rework_kernel = {"rework",   sizeof(rework_state), rework_init,
                                        rework_add, rework_merge,         rework_done};

static const ds_column columns[] = {
    {"touchpoint", DS_CELL_TEXT, "", "kind of event", false},
    {"cases", DS_CELL_COUNT, "cases", "cases with at least one", true},
    {"rework_cases", DS_CELL_COUNT, "cases", "cases with two or more", false},
    {"rework_share", DS_CELL_SHARE, "", "of the cases with at least one", false},
    {"repeats", DS_CELL_COUNT, "events", "events that are not the first of their case", false},
    {"self_loops", DS_CELL_COUNT, "events", "repeats right behind the one before", false},
    {"loops", DS_CELL_COUNT, "events", "repeats with other events between", false},
    {"mean_ms", DS_CELL_DURATION, "ms", "mean time from an event to its repeat", false},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

// Order of rows: by group, more cases with rework first, then by name.
typedef struct row_order {
  const rework_state *state;
  const ds_names *names;
} row_order;

static int compare_rows(const void *a, const void *b, void *context) {
  const row_order *order = context;
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  const uint32_t touchpoints = order->state->context->touchpoints;
  const uint64_t n = order->state->count[x].rework_cases, m = order->state->count[y].rework_cases;
  if (x / touchpoints != y / touchpoints)
    return x / touchpoints < y / touchpoints ? -1 : 1;
  if (n != m)
    return n > m ? -1 : 1;
  return ds_str_compare(order->names->text[x % touchpoints], order->names->text[y % touchpoints]);
}

static void put_row(const row_order *order, uint32_t at, ds_result *result, ds_cell *cell) {
  const rework_context *context = order->state->context;
  const rework_count *count = &order->state->count[at];
  if (context->by != NULL)
    *cell++ = ds_cell_text(result, ds_str_of(context->by->labels[at / context->touchpoints]));
  *cell++ = ds_cell_text(result, order->names->text[at % context->touchpoints]);
  *cell++ = ds_cell_i64((int64_t)count->cases);
  *cell++ = ds_cell_i64((int64_t)count->rework_cases);
  *cell++ = ds_cell_double((double)count->rework_cases / (double)count->cases);
  *cell++ = ds_cell_i64((int64_t)count->repeats);
  *cell++ = ds_cell_i64((int64_t)count->self_loops);
  *cell++ = ds_cell_i64((int64_t)(count->repeats - count->self_loops));
  *cell++ = ds_cell_double(ds_sum128_mean(count->total_ms, count->repeats));
}

static ds_code put_table(const ds_request *request, const rework_state *state, ds_result *result,
                         ds_error *err) {
  const rework_context *context = state->context;
  const row_order order = {state, context->names};
  const uint32_t all = groups_of(context) * context->touchpoints;
  ds_column *shown = ds_arena_array(request->arena, COLUMNS + 1, sizeof *shown);
  uint32_t *rows = ds_arena_array(request->arena, all + 1u, sizeof *rows);
  uint32_t used = 0;
  if (shown == NULL || rows == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for rework");
  if (context->by != NULL)
    shown[used++] = (ds_column){context->by->name, DS_CELL_TEXT, "", "value of --by", false};
  memcpy(shown + used, columns, sizeof columns);
  ds_table *table = ds_result_table(result, "rework", "What comes again", shown, used + COLUMNS);
  uint32_t rows_count = 0;
  for (uint32_t i = 0; i < all; i++)
    if (state->count[i].repeats > 0)
      rows[rows_count++] = i;
  qsort_r(rows, rows_count, sizeof *rows, compare_rows, (void *)(uintptr_t)&order);
  for (uint32_t r = 0; r < rows_count; r++) {
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for rework");
    put_row(&order, rows[r], result, cell);
  }
  return DS_OK;
}

ds_code ds_process_rework_put(const ds_request *request, const ds_plan *plan,
                              const ds_names *names, const ds_breakdown *by, ds_result *result,
                              ds_error *err) {
  const rework_context context = {names, names->count, by};
  ds_plan counting = *plan;
  counting.columns.want = DS_WANT_TOUCHPOINT | DS_WANT_GAP;
  void *memory = NULL;
  TRY(ds_scan(request->snapshot, &counting, &rework_kernel, &context, request->arena, &memory,
              err));
  const ds_code code = put_table(request, memory, result, err);
  rework_done(memory);
  return code;
}
