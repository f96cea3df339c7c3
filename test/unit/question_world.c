// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "base/limits.h"
#include "model/catalogue_overlay.h"
#include "question_world.h"

static const char *const touchpoint_names[QW_NAMES_MAX] = {"order_placed", "paid",   "packed",
                                                           "shipped",      "viewed", "delivered",
                                                           "review",       "exposure"};
enum { OWN_FACT = QW_NAMES_MAX - 1 }; // which no journey is made of
static const char *const color_names[] = {"red", "green", "blue", "Weiß"};

// The filters a world can be asked with: as text, and as code below.
static const char *const filters[] = {
    "touchpoint != 'paid'",         "touchpoint in ('order_placed', 'paid', 'packed')",
    "value > 3",                    "value <= 3 and color is not null",
    "color = 'red'",                "color != 'green'",
    "color in ('blue', 'Weiß')",    "color is null",
    "order_id = 'O1'",              "order_id != 'O1' and value is not null",
    "order_id is null",             "day >= date '2020-01-03'",
    "time >= time '2020-01-02T00:00:00Z'", "color > 'g' and value != 2",
    "source = 'test'",              "value >= 2 and value < 5",
};
enum { FILTERS = sizeof filters / sizeof *filters };

#define START_MS 1577836800000LL /* 2020-01-01 */
#define DAY_MS 86400000LL

const char *qw_touchpoint(uint32_t code) { return touchpoint_names[code]; }

const ds_catalogue *qw_catalogue(ds_arena *arena) {
  static const char *const by_view[] = {"viewed"}, *const by_two[] = {"delivered", "order_placed"};
  ds_touchpoint placed = *ds_catalogue_find(NULL, ds_str_of("order_placed"));
  const ds_touchpoint viewed = {.name = "viewed", .channel = "", .meaning = "", .answers = by_two,
                                .answers_count = 2};
  placed.answers = by_view;
  placed.answers_count = 1;
  ds_overlay *overlay = ds_overlay_new(arena, 2, 0);
  assert_non_null(overlay);
  ds_overlay_put(overlay, &placed);
  ds_overlay_put(overlay, &viewed);
  return ds_overlay_catalogue(overlay);
}

uint64_t qw_random(uint64_t *seed) {
  *seed += 0x9e3779b97f4a7c15u;
  uint64_t z = *seed;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint32_t below(uint64_t *seed, uint32_t limit) {
  return (uint32_t)(qw_random(seed) % limit);
}

static void make_event(qw_world *world, qw_event *event, uint64_t *seed, int64_t span) {
  *event = (qw_event){.customer = below(seed, world->customers),
                      .touchpoint = below(seed, world->touchpoints),
                      .batch = below(seed, world->batches),
                      .color = below(seed, 3) == 0 ? -1 : (int)below(seed, 4),
                      .value = below(seed, 3) == 0 ? -1 : (int)below(seed, 6),
                      .has_day = below(seed, 2) == 0};
  event->time_ms = START_MS + (int64_t)(qw_random(seed) % (uint64_t)span);
  event->day = (START_MS / DAY_MS) + below(seed, 5);
  const uint32_t wanted = below(seed, 4);
  for (uint32_t k = 0; k < wanted && k < QW_KEYS_MAX; k++) {
    const uint32_t order = below(seed, 4);
    bool known = false;
    for (uint32_t i = 0; i < event->orders_count; i++)
      known |= event->orders[i] == order;
    if (!known)
      event->orders[event->orders_count++] = order;
  }
}

static int by_batch(const void *a, const void *b) {
  const qw_event *x = a, *y = b;
  return (x->batch > y->batch) - (x->batch < y->batch);
}

void qw_make(qw_world *world, uint64_t seed) {
  static const int64_t spans[] = {4, 1000, 40 * DAY_MS, 4000 * DAY_MS};
  uint64_t state = seed * 2654435761u + 17;
  world->seed = seed;
  world->count = below(&state, seed % 10 == 0 ? 3 : QW_EVENTS_MAX);
  world->batches = 1 + below(&state, 5);
  world->touchpoints = 1 + below(&state, QW_NAMES_MAX);
  world->customers = 1 + below(&state, 30);
  const int64_t span = spans[below(&state, 4)];
  for (uint32_t e = 0; e < world->count; e++)
    make_event(world, &world->events[e], &state, span);
  // The order within a batch does not matter, only that each batch stands together.
  qsort(world->events, world->count, sizeof *world->events, by_batch);
}

void qw_ask(qw_question *question, uint64_t *seed, const qw_world *world) {
  *question = (qw_question){.by_case = below(seed, 2) == 0,
                            .where = below(seed, 2) == 0 ? -1 : (int)below(seed, FILTERS),
                            .has_from = below(seed, 3) == 0,
                            .has_to = below(seed, 3) == 0,
                            .range = (int)below(seed, 4),
                            .by = below(seed, 3) == 0,
                            .top = 1 + below(seed, 4),
                            .level = below(seed, 4) == 0 ? (int)below(seed, 2) : 2};
  question->attach = question->by_case && below(seed, 3) == 0;
  int64_t a = START_MS, b = START_MS + 1;
  if (world->count > 0) {
    a = world->events[below(seed, world->count)].time_ms;
    b = world->events[below(seed, world->count)].time_ms;
  }
  question->from_ms = a < b ? a : b;
  question->to_ms = (a < b ? b : a) + 1;
  // Filters name what some event must carry.
  bool paid = false, first = false, packed = false;
  bool colors[4] = {false}, order = false, value = false, day = false;
  for (uint32_t e = 0; e < world->count; e++) {
    const qw_event *event = &world->events[e];
    first |= event->touchpoint == 0;
    paid |= event->touchpoint == 1;
    packed |= event->touchpoint == 2;
    if (event->color >= 0)
      colors[event->color] = true;
    order |= event->orders_count > 0;
    value |= event->value >= 0;
    day |= event->has_day;
  }
  const bool all = first && paid && packed && colors[0] && order && value && day;
  if (!all)
    question->where = -1;
  question->by_case &= order;
  question->attach &= order;
  question->by &= colors[0];
}

void qw_rows_put(qw_rows *rows, const ds_event *event) {
  if (rows->count == rows->capacity) {
    if (rows->capacity == 0)
      ds_buf_init(&rows->bytes, 1u << 30);
    rows->capacity = rows->capacity * 2 + 256;
    rows->start = realloc(rows->start, rows->capacity * sizeof *rows->start);
    rows->partition = realloc(rows->partition, rows->capacity * sizeof *rows->partition);
    assert_true(rows->start != NULL && rows->partition != NULL);
  }
  rows->start[rows->count] = rows->bytes.size;
  rows->partition[rows->count++] =
      (uint8_t)ds_subject_partition(ds_subject_hash(event->subject));
  assert_int_equal(ds_event_encode(event, &rows->bytes, NULL), DS_OK);
}

void qw_rows_done(qw_rows *rows) {
  if (rows->capacity > 0)
    ds_buf_done(&rows->bytes);
  free(rows->start);
  free(rows->partition);
  *rows = (qw_rows){0};
}

void qw_names(ds_names *names, const char *const *texts, uint32_t count) {
  uint32_t index = 0;
  for (uint32_t i = 0; i < count; i++)
    assert_int_equal(ds_names_add(names, ds_str_of(texts[i]), &index, NULL), DS_OK);
  assert_int_equal(names->count, count);
}

static void put_event(const qw_event *event, uint64_t id, qw_rows *rows) {
  char subject[32], orders[QW_KEYS_MAX][8];
  snprintf(subject, sizeof subject, "customer_id=C%u", event->customer);
  ds_event_key keys[QW_KEYS_MAX];
  for (uint32_t k = 0; k < event->orders_count; k++) {
    snprintf(orders[k], sizeof orders[k], "O%u", event->orders[k]);
    keys[k] = (ds_event_key){0, ds_str_of(orders[k])};
  }
  ds_event_property properties[3];
  uint32_t used = 0;
  if (event->color >= 0)
    properties[used++] = (ds_event_property){
        0, false, {.type = DS_TYPE_STRING, .text = ds_str_of(color_names[event->color])}};
  if (event->value >= 0)
    properties[used++] =
        (ds_event_property){1, false, {.type = DS_TYPE_NUMBER, .number = event->value}};
  if (event->has_day)
    properties[used++] = (ds_event_property){2, false, {.type = DS_TYPE_DATE, .i = event->day}};
  const ds_event row = {.touchpoint = (uint16_t)event->touchpoint, .has_id = true,
                        .time_ms = event->time_ms, .received_ms = event->time_ms, .id = id,
                        .arrival = event->batch + 1, .subject = ds_str_of(subject),
                        .keys_count = event->orders_count, .keys = keys,
                        .properties_count = used, .properties = properties};
  qw_rows_put(rows, &row);
}

static void space_fill(ds_space *space) {
  static const char *const properties[] = {"color", "value", "day"};
  static const char *const keys[] = {"order_id"}, *const sources[] = {"test"};
  ds_space_init(space);
  qw_names(&space->touchpoints, touchpoint_names, QW_NAMES_MAX);
  qw_names(&space->properties, properties, 3);
  qw_names(&space->keys, keys, 1);
  qw_names(&space->sources, sources, 1);
}

ds_snapshot *qw_snapshot_new(void) {
  ds_snapshot *snapshot = calloc(1, sizeof *snapshot);
  assert_non_null(snapshot);
  ds_arena_init(&snapshot->arena, 1u << 28);
  ds_space_init(&snapshot->space);
  snapshot->places = ds_arena_array(&snapshot->arena, 8, sizeof *snapshot->places);
  assert_non_null(snapshot->places);
  return snapshot;
}

static void add_place(ds_builder *builder, ds_snapshot *snapshot) {
  const ds_part_info *infos = NULL;
  uint32_t infos_count = 0;
  ds_error err = {0};
  assert_int_equal(ds_builder_finish(builder, &infos, &infos_count, &err), DS_OK);
  size_t size = 0;
  uint8_t *image = ds_builder_take_image(builder, &size);
  if (image != NULL) {
    assert_true(snapshot->places_count < 8);
    ds_part *part = NULL;
    assert_int_equal(ds_part_open_memory(image, size, &part, &err), DS_OK);
    assert_int_equal(ds_place_init(&snapshot->places[snapshot->places_count++], part,
                                   &snapshot->space, &snapshot->arena, &err), DS_OK);
    const ds_part_info *info = ds_part_get_info(part);
    if (snapshot->events == 0 || info->time_min_ms < snapshot->time_min_ms)
      snapshot->time_min_ms = info->time_min_ms;
    if (snapshot->events == 0 || info->time_max_ms > snapshot->time_max_ms)
      snapshot->time_max_ms = info->time_max_ms;
    snapshot->events += info->events;
  }
  ds_builder_free(builder);
}

static void part_add(ds_snapshot *snapshot, const ds_space *space, const qw_rows *rows,
                     bool sparse) {
  ds_part *parts[8];
  for (uint32_t p = 0; p < snapshot->places_count; p++)
    parts[p] = snapshot->places[p].part;
  atomic_uint_fast64_t next = 1;
  const ds_build_options options = {.io = NULL, .next = &next, .space = space, .places = parts,
                                    .places_count = snapshot->places_count, .sparse = sparse,
                                    .dedupe = true};
  ds_builder *builder = NULL;
  assert_int_equal(ds_builder_new(&options, &builder, NULL), DS_OK);
  const uint8_t **list = calloc(rows->count + 1u, sizeof *list);
  assert_non_null(list);
  for (uint32_t p = 0; p < DS_PARTITIONS; p++) {
    uint32_t some = 0;
    for (uint32_t i = 0; i < rows->count; i++)
      if (rows->partition[i] == p)
        list[some++] = rows->bytes.data + rows->start[i];
    if (some > 0)
      assert_int_equal(ds_builder_add(builder, p, list, some, NULL), DS_OK);
  }
  free((void *)(uintptr_t)list);
  add_place(builder, snapshot);
}

void qw_part_add(ds_snapshot *snapshot, const ds_space *space, const qw_rows *rows) {
  part_add(snapshot, space, rows, false);
}

void qw_part_add_sparse(ds_snapshot *snapshot, const ds_space *space, const qw_rows *rows) {
  part_add(snapshot, space, rows, true);
}

// Appends one batch of the world, or all of it, as a part.
static void add_part(const qw_world *world, const ds_space *space, uint32_t batch, bool all,
                     ds_snapshot *snapshot) {
  qw_rows rows = {0};
  for (uint32_t e = 0; e < world->count; e++)
    if (all || world->events[e].batch == batch)
      put_event(&world->events[e], e + 1, &rows);
  qw_part_add(snapshot, space, &rows);
  qw_rows_done(&rows);
}

ds_snapshot *qw_snapshot(const qw_world *world, bool one_part) {
  ds_snapshot *snapshot = qw_snapshot_new();
  ds_space space;
  space_fill(&space);
  for (uint32_t b = 0; b < (one_part ? 1 : world->batches); b++)
    add_part(world, &space, b, one_part, snapshot);
  ds_space_done(&space);
  assert_int_equal(snapshot->events, world->count);
  return snapshot;
}

void qw_snapshot_free(ds_snapshot *snapshot) {
  for (uint32_t p = 0; p < snapshot->places_count; p++)
    ds_part_free(snapshot->places[p].part);
  ds_space_done(&snapshot->space);
  ds_arena_done(&snapshot->arena);
  free(snapshot);
}

static bool has_order(const qw_event *event, uint32_t order) {
  for (uint32_t k = 0; k < event->orders_count; k++)
    if (event->orders[k] == order)
      return true;
  return false;
}

static bool passes(const qw_event *e, int where) {
  const bool value = e->value >= 0, color = e->color >= 0, orders = e->orders_count > 0;
  switch (where) {
  case 0: return e->touchpoint != 1;
  case 1: return e->touchpoint <= 2;
  case 2: return value && e->value > 3;
  case 3: return value && e->value <= 3 && color;
  case 4: return e->color == 0;
  case 5: return color && e->color != 1;
  case 6: return e->color == 2 || e->color == 3;
  case 7: return !color;
  case 8: return has_order(e, 1);
  case 9: return orders && !has_order(e, 1) && value;
  case 10: return !orders;
  case 11: return e->has_day && e->day >= START_MS / DAY_MS + 2;
  case 12: return e->time_ms >= START_MS + DAY_MS;
  case 13: return color && strcmp(color_names[e->color], "g") > 0 && value && e->value != 2;
  case 15: return value && e->value >= 2 && e->value < 5;
  default: return true;
  }
}

static void sort_case(const qw_world *world, qw_case *one) {
  // Insertion sort: stable, so equal (time, batch) stay in the order of the world.
  for (uint32_t i = 1; i < one->count; i++) {
    const uint32_t moving = one->events[i];
    const qw_event *m = &world->events[moving];
    uint32_t at = i;
    for (; at > 0; at--) {
      const qw_event *before = &world->events[one->events[at - 1]];
      if (before->time_ms < m->time_ms ||
          (before->time_ms == m->time_ms && before->batch <= m->batch))
        break;
      one->events[at] = one->events[at - 1];
    }
    one->events[at] = moving;
  }
}

static bool in_period(const qw_question *q, int64_t time) {
  return (!q->has_from || time >= q->from_ms) && (!q->has_to || time < q->to_ms);
}

// Applies the period; false when the case is not selected.
static bool select_case(const qw_world *world, const qw_question *q, qw_case *one) {
  if (one->count == 0)
    return false;
  if (!q->has_from && !q->has_to)
    return true;
  uint32_t inside = 0;
  qw_case kept = {.count = 0};
  for (uint32_t i = 0; i < one->count; i++)
    if (in_period(q, world->events[one->events[i]].time_ms)) {
      kept.events[kept.count++] = one->events[i];
      inside++;
    }
  if (q->range == 0)
    return in_period(q, world->events[one->events[0]].time_ms);
  if (q->range == 2)
    return in_period(q, world->events[one->events[one->count - 1]].time_ms);
  if (q->range == 3)
    *one = kept;
  return inside > 0;
}

static void collect_cases(const qw_world *world, const qw_question *q, qw_case *cases,
                          uint32_t *count) {
  *count = 0;
  for (uint32_t c = 0; c < world->customers; c++) {
    qw_case all = {.count = 0};
    for (uint32_t e = 0; e < world->count; e++)
      if (world->events[e].customer == c && world->events[e].touchpoint != OWN_FACT &&
          (q->where < 0 || passes(&world->events[e], q->where)))
        all.events[all.count++] = e;
    sort_case(world, &all);
    if (!q->by_case) {
      if (select_case(world, q, &all))
        cases[(*count)++] = all;
      continue;
    }
    for (uint32_t order = 0; order < 4; order++) {
      qw_case one = {.count = 0};
      int latest = -1;
      int64_t latest_ms = 0;
      for (uint32_t i = 0; i < all.count; i++) {
        const qw_event *event = &world->events[all.events[i]];
        const bool near = q->attach && event->orders_count == 0 && latest == (int)order &&
                          event->time_ms - latest_ms <= 30 * DAY_MS;
        if (has_order(event, order) || near)
          one.events[one.count++] = all.events[i];
        if (event->orders_count > 0) {
          latest = (int)event->orders[event->orders_count - 1];
          latest_ms = event->time_ms;
        }
      }
      if (select_case(world, q, &one))
        cases[(*count)++] = one;
    }
  }
}

static int color_of(const qw_world *world, const qw_case *one) {
  for (uint32_t i = 0; i < one->count; i++)
    if (world->events[one->events[i]].color >= 0)
      return world->events[one->events[i]].color;
  return -1;
}

// The label of each color under --by --top.
static void labels_make(const qw_world *world, const qw_question *q, const qw_case *cases,
                        uint32_t count, const char *labels[4]) {
  uint32_t held[4] = {0};
  for (uint32_t c = 0; c < count; c++)
    if (color_of(world, &cases[c]) >= 0)
      held[color_of(world, &cases[c])]++;
  for (uint32_t a = 0; a < 4; a++) {
    uint32_t rank = 0;
    for (uint32_t b = 0; b < 4; b++)
      if (held[b] > 0 && (held[b] > held[a] || (held[b] == held[a] &&
                                               strcmp(color_names[b], color_names[a]) < 0)))
        rank++;
    labels[a] = rank < q->top ? color_names[a] : "other";
  }
}

// One gap or node visit; brute force keeps them all and looks through the list.
typedef struct qw_pair {
  const char *group;
  uint32_t from, to, one;
  double gap;
} qw_pair;

static int by_gap(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double qw_quantile(const double *sorted, uint32_t n, double p) {
  const double h = (n - 1) * p;
  const uint32_t k = (uint32_t)floor(h + 1e-9);
  const double f = h - k < 1e-9 ? 0 : h - k;
  return k + 1 < n ? sorted[k] + f * (sorted[k + 1] - sorted[k]) : sorted[k];
}

static void edge_figures(qw_row *row, const qw_pair *pairs, uint32_t count, const char *group) {
  double *gaps = malloc((count + 1) * sizeof *gaps);
  assert_non_null(gaps);
  uint32_t n = 0, last = UINT32_MAX;
  for (uint32_t p = 0; p < count; p++) {
    if (pairs[p].group != group || pairs[p].from != row->from || pairs[p].to != row->to)
      continue;
    gaps[n++] = pairs[p].gap;
    row->total += pairs[p].gap;
    row->cases += pairs[p].one != last;
    last = pairs[p].one;
  }
  qsort(gaps, n, sizeof *gaps, by_gap);
  row->occurrences = n;
  row->mean = row->total / n;
  row->min = gaps[0];
  row->max = gaps[n - 1];
  row->median = qw_quantile(gaps, n, 0.5);
  row->p90 = qw_quantile(gaps, n, 0.9);
  free(gaps);
}

static qw_row *node_of(qw_answer *answer, const char *group, uint32_t touchpoint) {
  for (uint32_t n = 0; n < answer->nodes_count; n++)
    if (strcmp(answer->nodes[n].group, group) == 0 && answer->nodes[n].to == touchpoint)
      return &answer->nodes[n];
  qw_row *row = &answer->nodes[answer->nodes_count++];
  *row = (qw_row){.to = touchpoint};
  snprintf(row->group, sizeof row->group, "%s", group);
  return row;
}

static void solve_case(const qw_world *world, const qw_case *one, uint32_t number,
                       const char *group, qw_answer *answer, qw_pair *pairs, uint32_t *count) {
  for (uint32_t i = 0; i < one->count; i++) {
    const qw_event *event = &world->events[one->events[i]];
    qw_row *node = node_of(answer, group, event->touchpoint);
    bool earlier = false;
    for (uint32_t k = 0; k < i; k++)
      earlier |= world->events[one->events[k]].touchpoint == event->touchpoint;
    node->occurrences++;
    node->cases += !earlier;
    node->starts += i == 0;
    node->ends += i + 1 == one->count;
    if (i == 0)
      continue;
    const qw_event *before = &world->events[one->events[i - 1]];
    pairs[(*count)++] = (qw_pair){group, before->touchpoint, event->touchpoint, number,
                                  (double)(event->time_ms - before->time_ms)};
  }
}

uint32_t qw_cases(const qw_world *world, const qw_question *q, qw_case **ret_cases,
                  const char ***ret_groups) {
  const uint32_t cases_max = world->customers * 4 + 1;
  qw_case *cases = calloc(cases_max, sizeof *cases);
  const char **groups = calloc(cases_max, sizeof *groups);
  assert_true(cases != NULL && groups != NULL);
  uint32_t count = 0;
  collect_cases(world, q, cases, &count);
  const char *labels[4] = {"", "", "", ""};
  if (q->by)
    labels_make(world, q, cases, count, labels);
  for (uint32_t c = 0; c < count; c++) {
    const int color = color_of(world, &cases[c]);
    groups[c] = !q->by ? "" : color < 0 ? "(none)" : labels[color];
  }
  *ret_cases = cases;
  *ret_groups = groups;
  return count;
}

void qw_solve(const qw_world *world, const qw_question *q, qw_answer *answer) {
  qw_pair *pairs = calloc(QW_EVENTS_MAX * 4, sizeof *pairs);
  *answer = (qw_answer){.nodes = calloc(512, sizeof *answer->nodes),
                        .edges = calloc(QW_EVENTS_MAX * 4, sizeof *answer->edges)};
  assert_true(pairs != NULL && answer->nodes != NULL && answer->edges != NULL);
  qw_case *cases = NULL;
  const char **groups = NULL;
  uint32_t pairs_count = 0;
  const uint32_t count = qw_cases(world, q, &cases, &groups);
  for (uint32_t c = 0; c < count; c++)
    solve_case(world, &cases[c], c, groups[c], answer, pairs, &pairs_count);
  for (uint32_t p = 0; p < pairs_count; p++) {
    bool known = false;
    for (uint32_t b = 0; b < p; b++)
      known |= pairs[b].group == pairs[p].group && pairs[b].from == pairs[p].from &&
               pairs[b].to == pairs[p].to;
    if (known)
      continue;
    qw_row *row = &answer->edges[answer->edges_count++];
    *row = (qw_row){.from = pairs[p].from, .to = pairs[p].to};
    snprintf(row->group, sizeof row->group, "%s", pairs[p].group);
    edge_figures(row, pairs, pairs_count, pairs[p].group);
  }
  free(cases);
  free(groups);
  free(pairs);
}

void qw_answer_done(qw_answer *answer) {
  free(answer->nodes);
  free(answer->edges);
}

static void put_option(ds_option_value *values, uint32_t *count, const char *name,
                       const char *text) {
  values[(*count)++] = (ds_option_value){name, text};
}

static const char *time_text(int64_t time_ms, ds_arena *arena) {
  char text[32];
  ds_time_print(text, time_ms);
  return ds_arena_text(arena, text, strlen(text));
}

uint32_t qw_options(const qw_question *q, ds_option_value *values, ds_arena *arena) {
  static const char *const ranges[] = {"started", "touching", "completed", "events"};
  static const char *const levels[] = {"basic", "cases", "all"};
  static const char *const tops[] = {"0", "1", "2", "3", "4", "5"};
  uint32_t count = 0;
  if (q->by_case)
    put_option(values, &count, "case", "order_id");
  if (q->attach)
    put_option(values, &count, "attach", "nearest");
  if (q->where >= 0)
    put_option(values, &count, "where", filters[q->where]);
  if (q->has_from)
    put_option(values, &count, "from", time_text(q->from_ms, arena));
  if (q->has_to)
    put_option(values, &count, "to", time_text(q->to_ms, arena));
  if (q->has_from || q->has_to)
    put_option(values, &count, "range", ranges[q->range]);
  if (q->by) {
    put_option(values, &count, "by", "color");
    put_option(values, &count, "top", tops[q->top]);
  }
  if (q->level >= 0)
    put_option(values, &count, "columns", levels[q->level]);
  return count;
}

static void same(const ds_table *table, uint32_t row, const char *column, double expected) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  const ds_cell *cell = &table->cells[(size_t)row * table->columns_count + c];
  assert_false(cell->null);
  const double got =
      table->columns[c].type == DS_CELL_COUNT ? (double)cell->i : cell->number;
  if (fabs(got - expected) > 1e-9 * (1 + fabs(expected)))
    fail_msg("%s row %u: %s is %.17g, expected %.17g", table->name, row, column, got, expected);
}

static bool text_is(const ds_table *table, uint32_t row, const char *column, const char *text) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return ds_str_equal(table->cells[(size_t)row * table->columns_count + c].text,
                      ds_str_of(text));
}

static void compare_row(const qw_row *row, const qw_question *q, const ds_table *table,
                        uint32_t at, bool edges) {
  same(table, at, "occurrences", (double)row->occurrences);
  if (q->level >= 1)
    same(table, at, "cases", (double)row->cases);
  if (!edges) {
    same(table, at, "starts", (double)row->starts);
    same(table, at, "ends", (double)row->ends);
    return;
  }
  same(table, at, "mean_ms", row->mean);
  same(table, at, "min_ms", row->min);
  same(table, at, "max_ms", row->max);
  same(table, at, "total_ms", row->total);
  if (q->level >= 2) {
    same(table, at, "median_ms", row->median);
    same(table, at, "p90_ms", row->p90);
  }
}

static void compare_table(const qw_row *rows, uint32_t count, const qw_question *q,
                          const ds_table *table, bool edges) {
  assert_non_null(table);
  assert_int_equal(table->rows_count, count);
  for (uint32_t r = 0; r < count; r++) {
    uint32_t at = 0;
    for (; at < table->rows_count; at++)
      if ((!q->by || text_is(table, at, "color", rows[r].group)) &&
          text_is(table, at, edges ? "to" : "touchpoint", touchpoint_names[rows[r].to]) &&
          (!edges || text_is(table, at, "from", touchpoint_names[rows[r].from])))
        break;
    assert_true(at < table->rows_count);
    compare_row(&rows[r], q, table, at, edges);
  }
}

void qw_compare(const qw_answer *answer, const qw_question *q, const ds_result *result) {
  compare_table(answer->nodes, answer->nodes_count, q, ds_result_find(result, "nodes"), false);
  compare_table(answer->edges, answer->edges_count, q, ds_result_find(result, "edges"), true);
}
