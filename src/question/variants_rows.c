// SPDX-License-Identifier: Apache-2.0
// See variants_rows.h. The most frequent of a group are found by a heap with the last of them on
// top: most variants of a large store are beaten by one comparison of counts.
#include "question/variants_rows.h"

#include <stdlib.h>

#include "base/large.h"
#include "model/time.h"
#include "question/quantile.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for variants: give more --memory");
}

// How rows are compared: by the places that touchpoints have when sorted by name.
typedef struct row_order {
  const uint32_t *place;
  uint32_t width;
} row_order;

static int by_name(const void *a, const void *b, void *context) {
  const ds_names *names = context;
  return ds_str_compare(names->text[*(const uint32_t *)a], names->text[*(const uint32_t *)b]);
}

static const uint32_t *places_make(const ds_names *names, ds_arena *arena) {
  uint32_t *sorted = ds_arena_array(arena, names->count + 1u, sizeof *sorted);
  uint32_t *place = ds_arena_array(arena, names->count + 1u, sizeof *place);
  if (sorted == NULL || place == NULL)
    return NULL;
  for (uint32_t t = 0; t < names->count; t++)
    sorted[t] = t;
  qsort_r(sorted, names->count, sizeof *sorted, by_name, (void *)(uintptr_t)names);
  for (uint32_t i = 0; i < names->count; i++)
    place[sorted[i]] = i;
  return place;
}

// Less than 0: x stands before y.
static int compare(const variants_row *x, const variants_row *y, const row_order *by) {
  if (x->cases != y->cases)
    return x->cases > y->cases ? -1 : 1;
  const uint32_t shared = x->record->size < y->record->size ? x->record->size : y->record->size;
  for (uint32_t i = 0; i < shared / by->width; i++) {
    const uint32_t a = by->place[variants_code(x->record, by->width, i)];
    const uint32_t b = by->place[variants_code(y->record, by->width, i)];
    if (a != b)
      return a < b ? -1 : 1;
  }
  return (x->record->size > y->record->size) - (x->record->size < y->record->size);
}

static int compare_rows(const void *a, const void *b, void *context) {
  return compare(a, b, context);
}

// Puts a row into the heap of its group, whose top is the row that stands last.
static void offer(variants_row *heap, uint32_t *used, uint32_t most, const variants_row *row,
                  const row_order *by) {
  if (*used == most) {
    if (compare(row, heap, by) > 0)
      return;
    // The top goes; the place left moves down to where the row belongs.
    uint32_t at = 0;
    for (uint32_t child = 1; child < most; child = 2 * at + 1) {
      if (child + 1 < most && compare(&heap[child + 1], &heap[child], by) > 0)
        child++;
      if (compare(row, &heap[child], by) > 0)
        break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = *row;
    return;
  }
  uint32_t at = (*used)++;
  for (; at > 0 && compare(row, &heap[(at - 1) / 2], by) > 0; at = (at - 1) / 2)
    heap[at] = heap[(at - 1) / 2];
  heap[at] = *row;
}

static void totals_count(const variants_shared *shared, variants_rows *rows) {
  for (uint32_t p = 0; p < VARIANTS_PARTS; p++) {
    const variants_table *table = &shared->part[p].table;
    const variants_record *record = variants_first(table);
    for (uint32_t n = 0; n < table->count; n++, record = variants_next(record)) {
      assert(record->number == n && record->group < rows->groups && record->cases > 0);
      variants_total *total = &rows->total[record->group];
      total->cases += record->cases;
      total->variants++;
      total->single += record->cases == 1;
    }
  }
}

// Offers every variant to the heap of its group.
static void offer_all(const variants_shared *shared, uint32_t most, const row_order *order,
                      variants_rows *rows) {
  for (uint32_t p = 0; p < VARIANTS_PARTS; p++) {
    const variants_table *table = &shared->part[p].table;
    const variants_record *record = variants_first(table);
    for (uint32_t n = 0; n < table->count; n++, record = variants_next(record)) {
      variants_total *total = &rows->total[record->group];
      const variants_row row = {.record = record, .part = p, .cases = record->cases};
      offer(rows->row + total->first, &total->rows, most, &row, order);
    }
  }
}

// Sorts each group's rows, cuts them to the coverage and moves the groups together.
static void rows_finish(variants_rows *rows, const variants_choice *choice, const row_order *by) {
  uint32_t used = 0;
  for (uint32_t g = 0; g < rows->groups; g++) {
    variants_total *total = &rows->total[g];
    variants_row *row = rows->row + total->first;
    qsort_r(row, total->rows, sizeof *row, compare_rows, (void *)(uintptr_t)by);
    uint64_t covered = 0;
    uint32_t kept = 0;
    for (; kept < total->rows && (double)covered < choice->coverage * (double)total->cases; kept++)
      covered += row[kept].cases;
    memmove(rows->row + used, row, kept * sizeof *row);
    total->first = used;
    total->rows = kept;
    used += kept;
  }
  rows->rows = used;
}

ds_code ds_variants_choose(const variants_state *state, const ds_names *names,
                           const variants_choice *choice, ds_arena *arena,
                           variants_rows *ret_rows, ds_error *err) {
  const ds_breakdown *by = state->context->by;
  variants_rows rows = {.groups = by == NULL ? 1 : by->groups};
  const row_order order = {places_make(names, arena), variants_width(state->context)};
  rows.total = ds_arena_array(arena, rows.groups, sizeof *rows.total);
  if (order.place == NULL || rows.total == NULL)
    return no_memory(err);
  totals_count(state->context->shared, &rows);
  uint64_t room = 0;
  for (uint32_t g = 0; g < rows.groups; g++) {
    rows.total[g].first = (uint32_t)room;
    room += rows.total[g].variants < choice->most ? rows.total[g].variants : choice->most;
  }
  rows.row = ds_arena_array(arena, room + 1, sizeof *rows.row);
  if (rows.row == NULL)
    return no_memory(err);
  offer_all(state->context->shared, choice->most, &order, &rows);
  rows_finish(&rows, choice, &order);
  *ret_rows = rows;
  return DS_OK;
}

enum { QUANTILES = 2, AHEAD = 16 };
static const uint32_t numerators[QUANTILES] = {1, 9};
static const uint32_t denominators[QUANTILES] = {2, 10};

static void quantile_set(variants_row *row, uint32_t q, int64_t low, int64_t high) {
  const double value = ds_quantile(ds_rank_of(row->cases, numerators[q], denominators[q]), low,
                                   high);
  *(q == 0 ? &row->median_ms : &row->p90_ms) = value;
}

// Tells the records that are shown which row they are.
static void rows_mark(const variants_shared *shared, const variants_rows *rows) {
  for (uint32_t r = 0; r < rows->rows; r++) {
    const variants_row *row = &rows->row[r];
    const variants_table *table = &shared->part[row->part].table;
    const uint32_t place = (uint32_t)((const uint64_t *)(const void *)row->record - table->words);
    variants_at(table, place)->row = r;
  }
}

// The quantiles of one row from its `count` durations; `copy` has room for as many.
static void row_select(variants_row *row, int64_t *durations, int64_t *copy) {
  const uint64_t count = row->cases;
  for (uint32_t q = 0; q < QUANTILES; q++) {
    const ds_rank rank = ds_rank_of(count, numerators[q], denominators[q]);
    int64_t pair[2] = {durations[0], durations[0]};
    memcpy(copy, durations, count * sizeof *copy);
    if (count > 1)
      ds_select(copy, count, rank.low, pair);
    quantile_set(row, q, pair[0], pair[1]);
  }
}

// The record of a kept case.
static const variants_record *record_of(const variants_shared *shared, uint32_t place) {
  return variants_at(&shared->part[place >> VARIANTS_PLACE_BITS].table,
                     place & ((1u << VARIANTS_PLACE_BITS) - 1));
}

// Gathers the durations of kept cases by row: those of row r from durations[next[r]] on.
static void gather(const variants_state *state, uint64_t *next, int64_t *durations) {
  const variants_shared *shared = state->context->shared;
  for (const variants_chunk *chunk = state->kept; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->used; i++) {
      if (i + AHEAD < chunk->used)
        __builtin_prefetch(record_of(shared, chunk->place[i + AHEAD]));
      const uint32_t row = record_of(shared, chunk->place[i])->row;
      if (row != DS_NONE)
        durations[next[row]++] = chunk->duration_ms[i];
    }
}

// From the kept cases, gathered by row.
static ds_code select_kept(const variants_state *state, uint64_t cases, variants_rows *rows,
                           ds_error *err) {
  uint64_t *next = calloc(rows->rows + 1u, sizeof *next);
  int64_t *durations = ds_large_alloc((cases + 1) * sizeof *durations);
  uint64_t most = 0, at = 0;
  for (uint32_t r = 0; next != NULL && r < rows->rows; r++) {
    next[r] = at;
    at += rows->row[r].cases;
    most = rows->row[r].cases > most ? rows->row[r].cases : most;
  }
  int64_t *copy = ds_large_alloc((most + 1) * sizeof *copy);
  const bool room = next != NULL && durations != NULL && copy != NULL;
  if (room)
    gather(state, next, durations);
  at = 0;
  for (uint32_t r = 0; room && r < rows->rows; r++) {
    assert(next[r] == at + rows->row[r].cases);
    row_select(&rows->row[r], durations + at, copy);
    at = next[r];
  }
  free(next);
  free(durations);
  free(copy);
  return room ? DS_OK : no_memory(err);
}

// What further passes share.
typedef struct pass_context {
  const ds_snapshot *snapshot;
  const ds_plan *plan;
  variants_context context;
  size_t memory_bytes;
} pass_context;

static ds_code pass(void *memory, const ds_refine *refine, ds_refine_counts *ret_counts,
                    ds_error *err) {
  pass_context *in = memory;
  in->context.refine = refine;
  ds_arena arena;
  ds_arena_init(&arena, in->memory_bytes);
  void *made = NULL;
  const ds_code code = ds_scan(in->snapshot, in->plan, &ds_variants_kernel, &in->context, &arena,
                               &made, err);
  if (code == DS_OK) {
    variants_state *state = made;
    *ret_counts = state->refined;
    state->refined = (ds_refine_counts){0};
    ds_variants_kernel.done(state);
  }
  ds_arena_done(&arena);
  return code;
}

static ds_code select_by_passes(pass_context *in, variants_rows *rows, ds_error *err) {
  enum { EACH = 2 * QUANTILES };
  ds_refine_target *targets = malloc(((size_t)rows->rows * EACH + 1) * sizeof *targets);
  if (targets == NULL)
    return no_memory(err);
  for (uint32_t t = 0; t < rows->rows * EACH; t++) {
    const variants_row *row = &rows->row[t / EACH];
    const uint32_t q = t % EACH / 2;
    const ds_rank rank = ds_rank_of(row->cases, numerators[q], denominators[q]);
    targets[t] = (ds_refine_target){.cell = t / EACH, .high = 2 * DS_TIME_MAX_MS,
                                    .rank = rank.low + (t % 2 == 1 && rank.fraction > 0)};
  }
  const ds_code code = ds_refine_run(targets, rows->rows * EACH, rows->rows, in->memory_bytes,
                                     in->plan->threads, pass, in, err);
  for (uint32_t r = 0; code == DS_OK && r < rows->rows; r++)
    for (uint32_t q = 0; q < QUANTILES; q++)
      quantile_set(&rows->row[r], q, targets[r * EACH + 2 * q].low,
                   targets[r * EACH + 2 * q + 1].low);
  free(targets);
  return code;
}

ds_code ds_variants_quantiles(const ds_snapshot *snapshot, const ds_plan *plan,
                              const variants_state *state, size_t memory_bytes,
                              variants_rows *rows, ds_error *err) {
  rows_mark(state->context->shared, rows);
  uint64_t cases = 0;
  for (uint32_t r = 0; r < rows->rows; r++)
    cases += rows->row[r].cases;
  if (!state->dropped && cases <= memory_bytes / (2 * sizeof(int64_t)))
    return select_kept(state, cases, rows, err);
  pass_context in = {snapshot, plan, *state->context, memory_bytes};
  return select_by_passes(&in, rows, err);
}
