// SPDX-License-Identifier: Apache-2.0
// The scan of `delivery`: orders are folded into parcels, parcels judged and counted; then,
// customer by customer, what followed each order.
#include <math.h>
#include <stdlib.h>

#include "base/resize.h"
#include "insight/delivery.h"
#include "question/marks.h"

// Different kinds and reasons of exceptions.
enum { REASONS_MAX = 65536, CLASS_DAYS_MOST = 7 };

const char *const ds_delivery_class_names[DELIVERY_CLASSES] = {
    "8 days early and more", "4 to 7 days early", "1 to 3 days early", "on the day",
    "1 day late",            "2 days late",       "3 days late",       "4 to 7 days late",
    "8 days late and more"};

uint32_t ds_delivery_class_of(int64_t days_late) {
  static const int64_t last[DELIVERY_CLASSES - 1] = {-8, -4, -1, 0, 1, 2, 3, 7};
  uint32_t c = 0;
  while (c < DELIVERY_CLASSES - 1 && days_late > last[c])
    c++;
  return c;
}

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for deliveries: give more --memory");
}

// Room for the cells of all groups.
static ds_code cells_make(delivery_state *state, ds_error *err) {
  if (state->groups.count <= state->cells_capacity)
    return DS_OK;
  const uint32_t capacity = state->groups.count * 2 + 14;
  if (!ds_resize(&state->cell, capacity, sizeof *state->cell))
    return no_memory(err);
  memset(state->cell + state->cells_capacity, 0,
         (capacity - state->cells_capacity) * sizeof *state->cell);
  state->cells_capacity = capacity;
  return DS_OK;
}

static ds_code state_init(void *memory, const void *given, ds_arena *arena, ds_error *err) {
  delivery_state *state = memory;
  const delivery_asked *asked = given;
  state->asked = asked;
  ds_names_init(&state->reasons, REASONS_MAX);
  TRY(ds_delivery_groups_init(&state->groups, asked->known, err));
  state->after = ds_arena_array(arena, asked->bys, sizeof *state->after);
  if (state->after == NULL)
    return no_memory(err);
  TRY(cells_make(state, err));
  TRY(ds_parcel_fold_new(asked->rules, &state->fold, err));
  TRY(ds_tally_init(&state->tally, delivery_tally_by(asked->bys, 0), asked->windows,
                    asked->kept_bytes_max, asked->refine, err));
  state->tally.origin = DELIVERY_ORIGIN_MS;
  return DS_OK;
}

static void cell_done(delivery_cell *cell) {
  free(cell->arrived.count);
  free(cell->open.count);
  free(cell->promised.count);
}

static void state_done(void *memory) {
  delivery_state *state = memory;
  for (uint32_t g = 0; g < state->cells_capacity; g++)
    cell_done(&state->cell[g]);
  ds_parcel_fold_free(state->fold);
  ds_delivery_groups_done(&state->groups);
  ds_names_done(&state->reasons);
  ds_tally_done(&state->tally);
  void *const rest[] = {state->cell,   state->troubles, state->order,
                        state->placed, state->by,       state->judged};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
    free(rest[i]);
  state->fold = NULL;
  state->cell = NULL;
  state->cells_capacity = 0;
}

static ds_code days_add(delivery_days *days, int64_t day, uint64_t count, ds_error *err) {
  const uint32_t at = day < DELIVERY_DAYS_MAX ? (uint32_t)day : DELIVERY_DAYS_MAX;
  if (at >= days->size) {
    const uint32_t size = at < 48 ? 64 : at + at / 4;
    if (!ds_resize(&days->count, size, sizeof *days->count))
      return no_memory(err);
    memset(days->count + days->size, 0, (size - days->size) * sizeof *days->count);
    days->size = size;
  }
  days->count[at] += count;
  return DS_OK;
}

// What a parcel's exceptions are called: their status, reason and group of --by, in one text.
static ds_code trouble_count(delivery_state *state, ds_str name, delivery_trouble more,
                             ds_error *err) {
  uint32_t at = 0;
  TRY(ds_names_add(&state->reasons, name, &at, err));
  if (at >= state->troubles_capacity) {
    const uint32_t capacity = at * 2 + 64;
    if (!ds_resize(&state->troubles, capacity, sizeof *state->troubles))
      return no_memory(err);
    memset(state->troubles + state->troubles_capacity, 0,
           (capacity - state->troubles_capacity) * sizeof *state->troubles);
    state->troubles_capacity = capacity;
  }
  state->troubles[at].parcels += more.parcels;
  state->troubles[at].shipped += more.shipped;
  state->troubles[at].late += more.late;
  return DS_OK;
}

ds_str ds_delivery_reason(const delivery_asked *asked, const ds_block *block, uint32_t event) {
  const ds_property_column *column = asked->has_reason ? &block->property[asked->reason.column]
                                                       : NULL;
  if (column == NULL || column->type != DS_TYPE_STRING ||
      (column->present[event / 64] >> (event % 64) & 1) == 0)
    return ds_str_of("");
  ds_str text = column->text[event];
  text.size = text.size < DELIVERY_REASON_BYTES ? text.size : DELIVERY_REASON_BYTES;
  return text;
}

bool ds_delivery_told_before(const delivery_asked *asked, const ds_block *block,
                             const ds_parcels *parcels, uint32_t exception) {
  const ds_parcel_exception *of = &parcels->exceptions[exception];
  const ds_str reason = ds_delivery_reason(asked, block, of->event);
  for (uint32_t x = 0; x < exception; x++) {
    const ds_parcel_exception *other = &parcels->exceptions[x];
    if (other->parcel == of->parcel && other->status == of->status &&
        ds_str_equal(reason, ds_delivery_reason(asked, block, other->event)))
      return true;
  }
  return false;
}

static ds_code add_troubles(delivery_state *state, const ds_block *block,
                            const ds_parcels *parcels, uint32_t by, ds_error *err) {
  for (uint32_t x = 0; x < parcels->exceptions_count; x++) {
    const ds_parcel_exception *of = &parcels->exceptions[x];
    char name[DELIVERY_REASON_BYTES + 8];
    if (ds_delivery_told_before(state->asked, block, parcels, x))
      continue;
    const ds_str reason = ds_delivery_reason(state->asked, block, of->event);
    const uint16_t group = (uint16_t)by;
    memcpy(name, &group, 2);
    name[2] = (char)of->status;
    if (reason.size > 0)
      memcpy(name + 3, reason.data, reason.size);
    const uint64_t counts = state->judged[of->parcel].counts;
    const delivery_trouble more = {1, counts >> DELIVERY_SHIPPED & 1, counts >> DELIVERY_LATE & 1};
    TRY(trouble_count(state, (ds_str){name, 3 + reason.size}, more, err));
  }
  return DS_OK;
}

static ds_code add_times(delivery_state *state, const delivery_parcel *judged, uint32_t group,
                         uint32_t by, ds_error *err) {
  for (uint32_t t = 0; t < DELIVERY_TIMES; t++) {
    int64_t time_ms = judged->time_ms[t];
    if (time_ms == DS_NEVER)
      continue;
    time_ms += DELIVERY_ORIGIN_MS;
    time_ms = time_ms < 0 ? 0 : time_ms;
    TRY(ds_tally_add(&state->tally, delivery_tally_by(by, (delivery_time)t), time_ms, err));
    if (t < DELIVERY_TIMES_GROUP)
      TRY(ds_tally_add(&state->tally, delivery_tally_group(group, (delivery_time)t), time_ms,
                       err));
  }
  return DS_OK;
}

static ds_code add_parcel(delivery_state *state, const delivery_parcel *judged, uint32_t group,
                          ds_error *err) {
  delivery_cell *cell = &state->cell[group];
  for (uint64_t rest = judged->counts; rest != 0; rest &= rest - 1)
    cell->count[__builtin_ctzll(rest)]++;
  if (judged->days != DS_NEVER)
    TRY(days_add(judged->arrived_ms != DS_NEVER ? &cell->arrived : &cell->open, judged->days, 1,
                 err));
  return judged->days_promised == DS_NEVER ? DS_OK
                                           : days_add(&cell->promised, judged->days_promised, 1,
                                                      err);
}

// What the order says to those before it of its customer, and what they may say to it.
static void order_note(const delivery_parcel *judged, delivery_order *order) {
  if (judged->arrived_ms == DS_NEVER || order->arrived_ms == DS_NEVER)
    order->arrived_ms = DS_NEVER;
  else if (judged->arrived_ms > order->arrived_ms)
    order->arrived_ms = judged->arrived_ms;
  if (judged->days_late != DS_NEVER &&
      (order->days_late == DS_NEVER || judged->days_late > order->days_late))
    order->days_late = judged->days_late;
}

// The mean of the scores that the journey's events carry; NaN when none does.
static double score_of(const delivery_asked *asked, const ds_block *block, uint32_t j) {
  ds_dd sum = {0, 0};
  uint32_t count = 0;
  if (!asked->has_score || block->property[asked->score.column].type == DS_TYPE_NULL)
    return NAN;
  const uint64_t *present = block->property[asked->score.column].present;
  const uint32_t end = block->offset[j + 1];
  for (uint32_t e = ds_marks_next(present, block->offset[j], end); e < end;
       e = ds_marks_next(present, e + 1, end)) {
    double value = 0;
    if (!ds_property_number(&asked->score, block, e, &value))
      continue;
    sum = ds_dd_add(sum, (ds_dd){value, 0});
    count++;
  }
  return count == 0 ? NAN : (sum.high + sum.low) / count;
}

ds_code ds_delivery_fold(delivery_state *state, const ds_block *block, uint32_t j,
                         ds_parcels *ret_parcels, ds_error *err) {
  const delivery_asked *asked = state->asked;
  delivery_order *order = &state->order[j];
  TRY(ds_parcel_fold_journey(state->fold, j, ret_parcels, err));
  *order = (delivery_order){.placed_ms = ret_parcels->placed_ms, .arrived_ms = DS_NEVER,
                            .days_late = DS_NEVER, .score = NAN};
  if (ret_parcels->count == 0 || !ds_delivery_chosen(asked, block, j))
    return DS_OK;
  if (ret_parcels->count > state->judged_capacity) {
    const uint32_t capacity = ret_parcels->count * 2 + 16;
    if (!ds_resize(&state->judged, capacity, sizeof *state->judged))
      return no_memory(err);
    state->judged_capacity = capacity;
  }
  order->chosen = true;
  order->arrived_ms = INT64_MIN;
  for (uint32_t p = 0; p < ret_parcels->count; p++) {
    ds_delivery_judge(asked, ret_parcels, p, &state->judged[p]);
    // A parcel that was called off keeps no order from having arrived.
    if (ret_parcels->parcel[p].state != DS_PARCEL_CANCELLED)
      order_note(&state->judged[p], order);
  }
  if (order->arrived_ms == INT64_MIN)
    order->arrived_ms = DS_NEVER;
  order->score = score_of(asked, block, j);
  return DS_OK;
}

static ds_code add_order(delivery_state *state, const ds_block *block, uint32_t j,
                         ds_error *err) {
  const delivery_asked *asked = state->asked;
  const uint32_t by = asked->grouped ? state->by[j] : 0;
  ds_parcels parcels;
  uint32_t group;
  TRY(ds_delivery_fold(state, block, j, &parcels, err));
  if (!state->order[j].chosen)
    return DS_OK;
  TRY(ds_delivery_group(asked, &state->groups, block, j, parcels.placed_ms, by, &group, err));
  TRY(cells_make(state, err));
  for (uint32_t p = 0; p < parcels.count; p++) {
    TRY(add_times(state, &state->judged[p], group, by, err));
    if (asked->refine == NULL)
      TRY(add_parcel(state, &state->judged[p], group, err));
  }
  state->unplaced += parcels.unplaced;
  state->unread += parcels.unread;
  return asked->refine == NULL ? add_troubles(state, block, &parcels, by, err) : DS_OK;
}

static void line_add(delivery_line *line, int64_t days_late, double y) {
  const uint64_t x = days_late <= 0               ? 0
                     : days_late < CLASS_DAYS_MOST ? (uint64_t)days_late
                                                  : CLASS_DAYS_MOST;
  line->n++;
  line->x += x;
  line->xx += x * x;
  line->y = ds_dd_add(line->y, (ds_dd){y, 0});
  line->xy = ds_dd_add(line->xy, (ds_dd){(double)x * y, 0});
  line->yy = ds_dd_add(line->yy, (ds_dd){y * y, 0});
}

static int by_time(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

// Whether one of `count` ascending instants lies in (after_ms, until_ms], besides one at own_ms.
static bool any_between(const int64_t *at, uint32_t count, int64_t own_ms, int64_t after_ms,
                        int64_t until_ms) {
  uint32_t low = 0, high = count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (at[middle] <= after_ms)
      low = middle + 1;
    else
      high = middle;
  }
  const bool own = own_ms > after_ms && own_ms <= until_ms;
  return low + own < count && at[low + own] <= until_ms;
}

// Says of the orders of one customer, from journey `first` up to the one returned, what followed.
static uint32_t customer_follow(delivery_state *state, const ds_block *block, uint32_t first) {
  const delivery_asked *asked = state->asked;
  uint32_t end = first, placed = 0;
  for (; end < block->journeys && block->customer[end] == block->customer[first]; end++)
    if (state->order[end].placed_ms != DS_NEVER)
      state->placed[placed++] = state->order[end].placed_ms;
  if (placed > 1)
    qsort(state->placed, placed, sizeof *state->placed, by_time);
  for (uint32_t j = first; j < end; j++) {
    delivery_order *order = &state->order[j];
    const int64_t arrived_ms = order->arrived_ms;
    order->counted =
        order->chosen && order->days_late != DS_NEVER && arrived_ms != DS_NEVER;
    order->watched = order->counted && arrived_ms <= asked->as_of_ms - asked->again_ms;
    order->again = order->watched && any_between(state->placed, placed, order->placed_ms,
                                                 arrived_ms, arrived_ms + asked->again_ms);
  }
  return end;
}

void ds_delivery_follow(delivery_state *state, const ds_block *block) {
  for (uint32_t j = 0; j < block->journeys;)
    j = customer_follow(state, block, j);
}

static void add_after(const delivery_order *order, delivery_after *after) {
  delivery_class *of = &after->class[ds_delivery_class_of(order->days_late)];
  of->orders++;
  if (!isnan(order->score)) {
    of->scored++;
    of->score = ds_dd_add(of->score, (ds_dd){order->score, 0});
    of->score_square = ds_dd_add(of->score_square, (ds_dd){order->score * order->score, 0});
    line_add(&after->line[0], order->days_late, order->score);
  }
  of->watched += order->watched;
  of->again += order->again;
  if (order->watched)
    line_add(&after->line[1], order->days_late, order->again);
}

ds_code ds_delivery_begin(delivery_state *state, const ds_block *block, ds_error *err) {
  if (block->journeys > state->orders_capacity) {
    if (!ds_resize(&state->order, block->journeys, sizeof *state->order) ||
        !ds_resize(&state->placed, block->journeys, sizeof *state->placed))
      return no_memory(err);
    state->orders_capacity = block->journeys;
  }
  return ds_parcel_fold_begin(state->fold, block, err);
}

static ds_code state_add(void *memory, const ds_block *block, ds_error *err) {
  delivery_state *state = memory;
  const delivery_asked *asked = state->asked;
  if (asked->grouped)
    TRY(ds_breakdown_groups(&asked->by, block, &state->by, &state->by_capacity, err));
  TRY(ds_delivery_begin(state, block, err));
  for (uint32_t j = 0; j < block->journeys; j++)
    TRY(add_order(state, block, j, err));
  if (asked->refine != NULL)
    return DS_OK;
  ds_delivery_follow(state, block);
  for (uint32_t j = 0; j < block->journeys; j++)
    if (state->order[j].counted)
      add_after(&state->order[j], &state->after[asked->grouped ? state->by[j] : 0]);
  return DS_OK;
}

static ds_code merge_days(delivery_days *into, const delivery_days *from, ds_error *err) {
  for (uint32_t d = 0; d < from->size; d++)
    if (from->count[d] > 0)
      TRY(days_add(into, d, from->count[d], err));
  return DS_OK;
}

static ds_code merge_cells(delivery_state *into, const delivery_state *from,
                           const uint32_t *number, ds_error *err) {
  TRY(cells_make(into, err));
  for (uint32_t g = 0; g < from->groups.count && g < from->cells_capacity; g++) {
    delivery_cell *a = &into->cell[number[g]];
    const delivery_cell *b = &from->cell[g];
    for (uint32_t c = 0; c < DELIVERY_COUNTS; c++)
      a->count[c] += b->count[c];
    TRY(merge_days(&a->arrived, &b->arrived, err));
    TRY(merge_days(&a->open, &b->open, err));
    TRY(merge_days(&a->promised, &b->promised, err));
  }
  return DS_OK;
}

static void merge_after(delivery_after *into, const delivery_after *from) {
  for (uint32_t c = 0; c < DELIVERY_CLASSES; c++) {
    delivery_class *a = &into->class[c];
    const delivery_class *b = &from->class[c];
    a->orders += b->orders;
    a->scored += b->scored;
    a->score = ds_dd_add(a->score, b->score);
    a->score_square = ds_dd_add(a->score_square, b->score_square);
    a->watched += b->watched;
    a->again += b->again;
  }
  for (uint32_t l = 0; l < DELIVERY_LINES; l++) {
    delivery_line *a = &into->line[l];
    const delivery_line *b = &from->line[l];
    a->n += b->n;
    a->x += b->x;
    a->xx += b->xx;
    a->y = ds_dd_add(a->y, b->y);
    a->xy = ds_dd_add(a->xy, b->xy);
    a->yy = ds_dd_add(a->yy, b->yy);
  }
}

static ds_code state_merge(void *memory, void *other, ds_error *err) {
  delivery_state *into = memory, *from = other;
  const delivery_asked *asked = into->asked;
  uint32_t number[DELIVERY_GROUPS_MAX];
  TRY(ds_delivery_groups_merge(&into->groups, &from->groups, number, err));
  TRY(merge_cells(into, from, number, err));
  ds_tally_merge_runs(&into->tally, &from->tally, from->groups.count, DELIVERY_TIMES_GROUP,
                      number);
  for (uint32_t r = 0; r < from->reasons.count; r++)
    TRY(trouble_count(into, from->reasons.text[r], from->troubles[r], err));
  for (uint32_t b = 0; b < asked->bys; b++)
    merge_after(&into->after[b], &from->after[b]);
  into->unplaced += from->unplaced;
  into->unread += from->unread;
  return DS_OK;
}

const ds_kernel ds_delivery_kernel = {"delivery", sizeof(delivery_state), state_init,
                                      state_add,  state_merge,            state_done};
