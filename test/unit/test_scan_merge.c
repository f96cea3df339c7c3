// SPDX-License-Identifier: Apache-2.0
// Parts of several blocks that overlap in every way give the same journeys, event by event with
// all their columns, as one part with everything: parts of one size, which are merged, and a large
// one beside small ones, whose customers are taken out of its blocks. Work units cover each
// customer once; the sample is a subset. DS_STRESS=1 makes the worlds larger; the usual ones have
// as few events as give every large part several blocks, because sanitizers slow each of them a
// hundredfold.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "base/limits.h"
#include "long_run.h"
#include "model/identifier.h"
#include "question_world.h"
#include "scan/property_types.h"
#include "scan/units.h"
#include "store/customer.h"
#include "store/identity.h"

enum { EVENTS_PER_CUSTOMER = 6, PARTITIONS = 16, TOUCHPOINTS = 5, LINK_EVERY = 97 };

// How the events of a world lie in batches: of event e, of customer number c.
typedef struct layout {
  uint32_t events_usual, events_stress;
  uint32_t batches;
  void (*part_add)(ds_snapshot *snapshot, const ds_space *space, const qw_rows *rows);
  uint32_t (*batch_of)(uint32_t e, uint32_t c);
} layout;

// The same events as one part and as one per batch; made once, because that is most of the work.
typedef struct world {
  const layout *layout;
  uint32_t events;
  ds_snapshot *one;
  ds_snapshot *many;
} world;

typedef struct worlds {
  world halves; // two large batches and a small one
  world sides;  // a large batch and small ones
} worlds;

// Adds to up to 64 bits of a digest; not a good hash, but every bit counts.
static uint64_t mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * 0x9e3779b97f4a7c15u;
  return h ^ (h >> 29);
}

// Codes differ between snapshots, names do not.
typedef struct digest_state {
  const ds_space *space;
  uint32_t want; // what is asked for; blocks may have more
  uint64_t sum;
  uint64_t journeys;
  uint64_t events;
} digest_state;

static ds_code digest_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  const digest_state *asked = context;
  *(digest_state *)memory = (digest_state){.space = asked->space, .want = asked->want};
  return DS_OK;
}

static uint64_t text_digest(uint64_t h, ds_str text) { return mix(h, ds_key_hash(text)); }

static uint64_t event_digest(const digest_state *state, const ds_block *block, uint32_t e,
                             uint64_t h) {
  h = text_digest(h, state->space->touchpoints.text[block->touchpoint[e]]);
  if ((state->want & DS_WANT_TIME) != 0)
    h = mix(h, (uint64_t)block->time_ms[e]);
  if ((state->want & DS_WANT_ID) != 0)
    h = mix(h, block->id[e]);
  if ((state->want & DS_WANT_GAP) != 0)
    h = mix(h, (uint64_t)block->gap_ms[e]);
  if ((state->want & DS_WANT_ARRIVAL) != 0)
    h = mix(h, block->arrival[e]);
  for (uint32_t p = 0; p < block->properties_count; p++) {
    const ds_property_column *column = &block->property[p];
    const bool present =
        column->type != DS_TYPE_NULL && (column->present[e / 64] >> (e % 64) & 1);
    h = mix(h, present);
    if (present && column->type == DS_TYPE_STRING)
      h = text_digest(h, column->text[e]);
    else if (present)
      h = mix(h, (uint64_t)column->number[e]);
  }
  for (uint32_t k = 0; k < block->keys_count; k++)
    for (uint32_t i = block->key[k].first[e]; i < block->key[k].first[e + 1]; i++)
      h = text_digest(mix(h, block->key[k].hash[block->key[k].item[i]]),
                      block->key[k].text[block->key[k].item[i]]);
  return h;
}

static ds_code digest_add(void *memory, const ds_block *block, ds_error *err) {
  (void)err;
  digest_state *state = memory;
  for (uint32_t j = 0; j < block->journeys; j++) {
    assert_true(block->offset[j] < block->offset[j + 1]);
    uint64_t h = block->case_hash == NULL ? 7 : block->case_hash[j];
    if ((state->want & DS_WANT_SUBJECT) != 0)
      h = text_digest(h, block->subject[j]);
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
      h = event_digest(state, block, e, h);
    if (block->case_text != NULL)
      h = text_digest(h, block->case_text[j]);
    state->sum += h;
  }
  state->journeys += block->journeys;
  state->events += block->events;
  return DS_OK;
}

static ds_code digest_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  digest_state *into = memory;
  const digest_state *from = other;
  into->sum += from->sum;
  into->journeys += from->journeys;
  into->events += from->events;
  return DS_OK;
}

static const ds_kernel digest_kernel = {"digest",   sizeof(digest_state), digest_init,
                                        digest_add, digest_merge,         NULL};

// Batch 2 is small and touches few customers.
static uint32_t halves_batch(uint32_t e, uint32_t c) {
  uint64_t seed = e * 91ull;
  (void)c;
  return e % 50 == 0 ? 2 : (uint32_t)(qw_random(&seed) % 2);
}

// Customers of the large batch alone, of one or the other small one alone, of all, and of two.
static uint32_t sides_batch(uint32_t e, uint32_t c) {
  uint64_t seed = e * 91ull;
  const uint32_t some = (uint32_t)qw_random(&seed);
  return c % 50 == 7    ? 1
         : c % 53 == 11 ? 3
         : c % 20 == 5  ? some % 4
         : c % 31 == 3  ? some % 2 * 2
                        : 0;
}

static const layout halves_layout = {140000, 1000000, 3, qw_part_add, halves_batch};
static const layout sides_layout = {60000, 600000, 4, qw_part_add_sparse, sides_batch};

// Numbers of customers that fall into few partitions: a builder reads the blocks of other parts
// again for each partition, which is not what is tested here.
static uint32_t *customers_make(uint32_t count) {
  uint32_t *customers = calloc(count, sizeof *customers);
  assert_non_null(customers);
  for (uint32_t c = 0, number = 0; c < count; number++) {
    char subject[32];
    snprintf(subject, sizeof subject, "customer_id=C%u", number);
    if (ds_subject_partition(ds_subject_hash(ds_str_of(subject))) < PARTITIONS)
      customers[c++] = number;
  }
  return customers;
}

// Which customer event e is of. One has a sixteenth of all events.
static uint32_t customer_of(const world *w, uint32_t e) {
  uint64_t seed = e * 77ull;
  return e % 16 == 3 ? 5 : (uint32_t)(qw_random(&seed) % (w->events / EVENTS_PER_CUSTOMER));
}

static void put_row(const world *w, uint32_t e, const uint32_t *customers, qw_rows *rows) {
  uint64_t seed = e * 57ull;
  const uint32_t c = customer_of(w, e), batch = w->layout->batch_of(e, c);
  char subject[32], order[24];
  snprintf(subject, sizeof subject, "customer_id=C%u", customers[c]);
  // Who has many events has many orders, too.
  snprintf(order, sizeof order, "O%u-%u", customers[c],
           (uint32_t)(qw_random(&seed) % (c == 5 ? 40 : 3)));
  const ds_event_key key = {0, ds_str_of(order)};
  const bool links = e % LINK_EVERY == 2; // the customer and one of the next
  char with[32];
  snprintf(with, sizeof with, "customer_id=C%u",
           customers[(c + e % 7) % (w->events / EVENTS_PER_CUSTOMER)]);
  ds_event_property properties[3] = {
      {0, false, {.type = DS_TYPE_STRING, .text = ds_str_of(qw_touchpoint(e % QW_NAMES_MAX))}},
      {1, false, {.type = DS_TYPE_NUMBER, .number = (double)(e % 1000)}},
      {2, false, {.type = DS_TYPE_STRING, .text = ds_str_of(with)}}};
  const int64_t time_ms = 1600000000000LL + (int64_t)(qw_random(&seed) % 100) * 500;
  const uint16_t touchpoint = (uint16_t)(links ? TOUCHPOINTS : qw_random(&seed) % TOUCHPOINTS);
  const ds_event row = {.touchpoint = touchpoint, .has_id = true,
                        .id = e + 1, .time_ms = time_ms, .received_ms = time_ms,
                        .arrival = batch + 1, .subject = ds_str_of(subject),
                        .keys_count = e % 5 != 0, .keys = (ds_event_key *)(uintptr_t)&key,
                        .properties_count = links ? 3 : e % 3, .properties = properties};
  qw_rows_put(rows, &row);
}

// One batch, or in the order of batches, as they arrived, all of them.
static void add_part(const world *w, ds_snapshot *snapshot, const ds_space *space,
                     const uint32_t *customers, uint32_t batch_wanted) {
  qw_rows rows = {0};
  const uint32_t batches = w->layout->batches;
  for (uint32_t b = 0; b < batches; b++)
    for (uint32_t e = 0; e < w->events && (batch_wanted == batches || batch_wanted == b); e++)
      if (w->layout->batch_of(e, customer_of(w, e)) == b)
        put_row(w, e, customers, &rows);
  w->layout->part_add(snapshot, space, &rows);
  qw_rows_done(&rows);
}

static ds_snapshot *snapshot_make(const world *w, bool one_part) {
  static const char *const properties[] = {"color", "value", DS_LINK_PROPERTY};
  static const char *const keys[] = {"order_id"};
  static const char *const sources[] = {"test"};
  ds_snapshot *snapshot = qw_snapshot_new();
  ds_space space;
  ds_space_init(&space);
  const char *touchpoints[TOUCHPOINTS + 1];
  for (uint32_t t = 0; t < TOUCHPOINTS; t++)
    touchpoints[t] = qw_touchpoint(t);
  touchpoints[TOUCHPOINTS] = DS_LINK_TOLD;
  qw_names(&space.touchpoints, touchpoints, TOUCHPOINTS + 1);
  qw_names(&space.properties, properties, 3);
  qw_names(&space.keys, keys, 1);
  qw_names(&space.sources, sources, 1);
  uint32_t *customers = customers_make(w->events / EVENTS_PER_CUSTOMER);
  const uint32_t batches = w->layout->batches;
  for (uint32_t b = 0; b < (one_part ? 1 : batches); b++)
    add_part(w, snapshot, &space, customers, one_part ? batches : b);
  free(customers);
  ds_space_done(&space);
  assert_int_equal(snapshot->events, w->events);
  return snapshot;
}

static void world_make(world *made, const layout *l) {
  *made = (world){.layout = l, .events = long_run() ? l->events_stress : l->events_usual};
  made->one = snapshot_make(made, true);
  made->many = snapshot_make(made, false);
}

static int worlds_make(void **context) {
  worlds *both = calloc(1, sizeof *both);
  assert_non_null(both);
  world_make(&both->halves, &halves_layout);
  world_make(&both->sides, &sides_layout);
  *context = both;
  return 0;
}

static int worlds_free(void **context) {
  worlds *both = *context;
  qw_snapshot_free(both->halves.one);
  qw_snapshot_free(both->halves.many);
  qw_snapshot_free(both->sides.one);
  qw_snapshot_free(both->sides.many);
  free(both);
  return 0;
}

enum { WANT_ALL = DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_ID | DS_WANT_GAP | DS_WANT_ARRIVAL |
                  DS_WANT_SUBJECT };

// How a snapshot is read.
typedef struct reading {
  uint32_t threads;
  uint32_t stride;
  uint32_t want;
  size_t memory_bytes;
} reading;

static const reading plain = {1, 1, WANT_ALL, 1u << 26};

static digest_state digest(const ds_snapshot *snapshot, const ds_plan *like, reading how) {
  const ds_names *names = &snapshot->space.properties;
  const uint16_t properties[] = {(uint16_t)ds_names_find(names, ds_str_of("color")),
                                 (uint16_t)ds_names_find(names, ds_str_of("value"))};
  static const uint16_t keys[] = {0};
  const bool all = how.want == WANT_ALL;
  ds_plan plan = *like;
  plan.threads = how.threads;
  plan.columns = (ds_columns){.want = how.want, .properties_count = all ? 2 : 0,
                              .properties = properties, .keys_count = all, .keys = keys,
                              .key_texts = true};
  ds_arena arena;
  ds_arena_init(&arena, how.memory_bytes);
  void *memory = NULL;
  ds_error err = {0};
  const digest_state asked = {.space = &snapshot->space, .want = how.want};
  assert_int_equal(ds_scan_sample(snapshot, &plan, how.stride, &digest_kernel, &asked, &arena,
                                  &memory, &err), DS_OK);
  const digest_state state = *(digest_state *)memory;
  ds_arena_done(&arena);
  return state;
}

static void same(const world *w, const ds_plan *plan, reading how) {
  reading alone = how;
  alone.threads = 1;
  const digest_state whole = digest(w->one, plan, alone);
  const digest_state merged = digest(w->many, plan, how);
  assert_true(whole.events > 0);
  assert_int_equal(merged.events, whole.events);
  assert_int_equal(merged.journeys, whole.journeys);
  assert_true(merged.sum == whole.sum);
}

static void test_merge(void **context) {
  const worlds *both = *context;
  assert_true(ds_part_get_info(both->halves.one->places[0].part)->blocks > 2);
  assert_true(ds_part_get_info(both->halves.many->places[0].part)->blocks > 1);
  assert_true(ds_part_get_info(both->halves.many->places[1].part)->blocks > 1);
  const world *const each[] = {&both->halves, &both->sides};
  for (uint32_t w = 0; w < 2; w++) {
    reading many_threads = plain;
    many_threads.threads = 4;
    ds_plan plan = {.has_case = false};
    same(each[w], &plan, plain);
    assert_int_equal(digest(each[w]->one, &plan, plain).events, each[w]->events);
    plan.has_case = plan.want_case_text = true;
    same(each[w], &plan, many_threads);
    plan.attach_nearest = true;
    same(each[w], &plan, many_threads);
    plan.has_from = plan.has_to = true;
    plan.from_ms = 1600000010000LL;
    plan.to_ms = 1600000030000LL;
    for (ds_range range = DS_RANGE_STARTED; range <= DS_RANGE_EVENTS; range++) {
      plan.range = range;
      same(each[w], &plan, many_threads);
    }
  }
}

// Which events are a shared customer's is read whatever else is; and without memory for sides, all
// blocks are merged.
static void test_sides(void **context) {
  static const uint32_t wants[] = {WANT_ALL, DS_WANT_TOUCHPOINT, DS_WANT_TOUCHPOINT | DS_WANT_GAP,
                                   DS_WANT_TOUCHPOINT | DS_WANT_TIME,
                                   DS_WANT_TOUCHPOINT | DS_WANT_ARRIVAL | DS_WANT_SUBJECT};
  const world *sides = &((const worlds *)*context)->sides;
  assert_true(ds_part_get_info(sides->many->places[0].part)->blocks > 2);
  const ds_plan plan = {.has_case = false};
  for (uint32_t w = 0; w < sizeof wants / sizeof *wants; w++)
    for (uint32_t little = 0; little < 2; little++)
      same(sides, &plan, (reading){2, 1, wants[w], little ? 1u << 20 : 1u << 26});
}

// Customers of several subjects, in one place and in several; with little memory, in passes.
static void test_joined(void **context) {
  static const uint32_t wants[] = {WANT_ALL, DS_WANT_TOUCHPOINT | DS_WANT_GAP};
  worlds *both = *context;
  world *const each[] = {&both->halves, &both->sides};
  for (uint32_t w = 0; w < 2; w++) {
    ds_snapshot *const snapshot[] = {each[w]->one, each[w]->many};
    for (uint32_t s = 0; s < 2; s++) {
      assert_int_equal(ds_identity_make(snapshot[s], 1, &snapshot[s]->arena,
                                        &snapshot[s]->identity, NULL), DS_OK);
      assert_true(snapshot[s]->identity->stats.customers > 100);
    }
    const ds_plan plan = {.has_case = false};
    for (uint32_t i = 0; i < 4; i++)
      same(each[w], &plan, (reading){2, 1, wants[i % 2], i < 2 ? 1u << 26 : 1u << 21});
    for (uint32_t s = 0; s < 2; s++) {
      ds_identity_done(snapshot[s]->identity);
      snapshot[s]->identity = NULL;
    }
  }
}

// Adds what the reader of single customers gives of a block's customers, beside the scan.
typedef struct customers_state {
  digest_state read;
  ds_customer_reader *reader;
} customers_state;

static ds_code customers_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  customers_state *state = memory;
  memcpy(state, context, sizeof *state);
  (void)arena, (void)err;
  return DS_OK;
}

static ds_code customers_add(void *memory, const ds_block *block, ds_error *err) {
  customers_state *state = memory;
  for (uint32_t j = 0; j < block->journeys; j++) {
    ds_block one;
    TRY(ds_customer_read(state->reader, &block->customer[j], 1, &one, err));
    assert_int_equal(one.journeys, 1);
    assert_int_equal(one.offset[0], 0);
    assert_int_equal(one.offset[1], one.events);
    assert_int_equal(one.customer[0], block->customer[j]);
    TRY(digest_add(&state->read, &one, err));
  }
  return DS_OK;
}

static ds_code customers_merge(void *into, void *from, ds_error *err) {
  (void)into, (void)from, (void)err;
  return DS_OK;
}

static const ds_kernel customers_kernel = {"customers",   sizeof(customers_state), customers_init,
                                           customers_add, customers_merge,         NULL};

// Every customer by itself is what the scan gives, whatever the reader may keep.
static void test_one_by_one(void **context) {
  const world *sides = &((const worlds *)*context)->sides;
  const ds_snapshot *many = sides->many;
  const ds_plan all = {.has_case = false};
  const digest_state whole = digest(sides->one, &all, plain);
  const ds_names *names = &many->space.properties;
  const uint16_t properties[] = {(uint16_t)ds_names_find(names, ds_str_of("color")),
                                 (uint16_t)ds_names_find(names, ds_str_of("value"))};
  static const uint16_t keys[] = {0};
  const ds_columns columns = {
      .want = DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_ID | DS_WANT_GAP | DS_WANT_ARRIVAL |
              DS_WANT_SUBJECT,
      .properties_count = 2, .properties = properties, .keys_count = 1, .keys = keys,
      .key_texts = true};
  // All blocks; the blocks in use and one or two more.
  static const size_t kept[] = {(size_t)1 << 30, 20u << 20};
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    customers_state state = {.read = {.space = &many->space, .want = WANT_ALL}};
    ds_error err = {0};
    assert_int_equal(ds_customer_reader_new(many, &columns, kept[i], &state.reader, &err), DS_OK);
    ds_arena arena;
    ds_arena_init(&arena, 1u << 26);
    void *memory = NULL;
    assert_int_equal(ds_scan(many, &all, &customers_kernel, &state, &arena, &memory, &err), DS_OK);
    const digest_state read = ((customers_state *)memory)->read;
    assert_int_equal(read.journeys, whole.journeys);
    assert_int_equal(read.events, whole.events);
    assert_true(read.sum == whole.sum);
    ds_customer_reader_free(state.reader);
    ds_arena_done(&arena);
  }
}

// An expression speaks of one snapshot's codes, so each snapshot has its own.
static void merge_filtered(const world *both) {
  const ds_snapshot *snapshot[2] = {both->one, both->many};
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  for (uint32_t by_case = 0; by_case < 2; by_case++) {
    digest_state state[2];
    for (uint32_t s = 0; s < 2; s++) {
      ds_plan plan = {.has_case = by_case, .want_case_text = by_case};
      ds_schema schema;
      assert_int_equal(ds_schema_of(snapshot[s], &arena, &schema, NULL), DS_OK);
      assert_int_equal(ds_predicate_parse(ds_str_of("value > 300 and color != 'packed'"),
                                          &schema, &arena, &plan.where, NULL), DS_OK);
      state[s] = digest(snapshot[s], &plan, (reading){2, 1, WANT_ALL, 1u << 26});
    }
    assert_true(state[0].events > 0 && state[0].events < both->events / 2);
    assert_int_equal(state[0].events, state[1].events);
    assert_int_equal(state[0].journeys, state[1].journeys);
    assert_true(state[0].sum == state[1].sum);
  }
  ds_arena_done(&arena);
}

static void test_merge_filtered(void **context) {
  const worlds *both = *context;
  merge_filtered(&both->halves);
  merge_filtered(&both->sides);
}

// Every block lies within the units that list it.
static void check_listed(const ds_snapshot *snapshot, const ds_units *units, uint32_t place,
                         uint32_t block) {
  const ds_block_zone *zone = ds_part_zone(snapshot->places[place].part, block);
  for (uint32_t u = 0; u < units->count; u++) {
    const ds_unit *unit = &units->units[u];
    bool listed = false;
    for (uint32_t i = unit->blocks_first; i < unit->blocks_last; i++)
      listed |= units->blocks[i].place == place && units->blocks[i].block == block;
    assert_int_equal(listed, zone->customer_first <= unit->customer_last &&
                                 zone->customer_last >= unit->customer_first);
  }
}

// Units follow one another over all customers; one with a leading block has sides besides, and
// nothing else. Returns how many have sides.
static uint32_t check_units(const ds_snapshot *snapshot, const ds_units *units) {
  uint64_t next = 0;
  uint32_t sided = 0;
  for (uint32_t u = 0; u < units->count; u++) {
    const ds_unit *unit = &units->units[u];
    assert_true(unit->customer_first == next);
    next = (uint64_t)unit->customer_last + 1;
    for (uint32_t i = unit->blocks_first; unit->lead != DS_NONE && i < unit->blocks_last; i++)
      assert_int_equal(units->is_side[units->blocks[i].place], i != unit->lead);
    sided += unit->lead != DS_NONE && unit->blocks_last - unit->blocks_first > 1;
  }
  assert_true(next == (uint64_t)UINT32_MAX + 1);
  for (uint32_t p = 0; p < snapshot->places_count; p++)
    for (uint32_t b = 0; b < ds_part_get_info(snapshot->places[p].part)->blocks; b++)
      check_listed(snapshot, units, p, b);
  return sided;
}

static void test_units(void **context) {
  const worlds *both = *context;
  const ds_snapshot *const each[] = {both->halves.many, both->sides.many};
  for (uint32_t w = 0; w < 2; w++)
    for (uint32_t chain = 1; chain < 6; chain += 2)
      for (uint32_t with = 0; with < 2; with++) {
        ds_units units;
        assert_int_equal(ds_units_cut(each[w], chain, with ? UINT64_MAX : 0, &units, NULL), DS_OK);
        const uint32_t sided = check_units(each[w], &units);
        assert_int_equal(sided > 2, w == 1 && with);
        ds_units_done(&units);
      }
}

static void test_sample(void **context) {
  const worlds *both = *context;
  const ds_plan plan = {.has_case = false};
  reading sample = plain;
  sample.stride = 64;
  // So few units that the least sample is all of them.
  assert_int_equal(digest(both->halves.one, &plan, sample).events, both->halves.events);
  assert_int_equal(digest(both->sides.many, &plan, sample).events, both->sides.events);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_merge),
      cmocka_unit_test(test_sides),
      cmocka_unit_test(test_joined),
      cmocka_unit_test(test_merge_filtered),
      cmocka_unit_test(test_one_by_one),
      cmocka_unit_test(test_units),
      cmocka_unit_test(test_sample),
  };
  return cmocka_run_group_tests(tests, worlds_make, worlds_free);
}
