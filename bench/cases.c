// SPDX-License-Identifier: Apache-2.0
// How fast expressions about cases are evaluated over a block in memory, in one thread: eight
// count/last rules in one pass, the segments that ship, and a pattern. CPU time; the best of five
// rounds of 100 blocks of 65,536 events, 20 a customer on average, of 16 touchpoints.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lang/case.h"
#include "lang/segments.h"

enum { EVENTS = 65536, TOUCHPOINTS = 16, ROUNDS = 5, BLOCKS = 100, RULES_MAX = 64 };
#define DAY_MS 86400000ull

static const char *const touchpoints[TOUCHPOINTS] = {
    "order_placed",     "payment_approved",      "confirmation_email_sent", "carrier_collected",
    "shipment_in_transit", "out_for_delivery",   "delivered",               "review_submitted",
    "support_ticket_opened", "complaint_submitted", "return_to_sender",     "tracking_page_viewed",
    "onboarding_viewed", "feature_used",         "nps_submitted",           "subscription_renewed"};
static const char *const eight[] = {
    "count(order_placed, last 365d) >= 2", "count(delivered, last 90d) > 0",
    "last(support_ticket_opened) > last(order_placed)", "count(tracking_page_viewed, last 30d) > 3",
    "since(actor:customer) > 90d", "count(review_submitted) = 0", "since(actor:carrier) < 7d",
    "count(any, last 7d) > 1"};
static const char *const pattern[] = {"sequence(order_placed then delivered within 7d)"};
static const ds_carrier carriers[] = {{7, 0, DS_TYPE_NUMBER}, {14, 1, DS_TYPE_NUMBER}};

static uint32_t offset[EVENTS + 1], customer[EVENTS], first[EVENTS + 1], item[EVENTS];
static uint32_t values[EVENTS + 1];
static int64_t time_ms[EVENTS];
static uint16_t touchpoint[EVENTS];
static uint64_t present[EVENTS / 64 + 1], hash[EVENTS];
static double number[EVENTS];

static uint64_t draw(uint64_t below) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state % below;
}

// Journeys of 1 to 39 events; of ten events in a row each is in one case of the key.
static ds_block block_make(ds_key_column *key) {
  uint32_t journeys = 0, value = 0;
  for (uint32_t e = 0; e < EVENTS; journeys++) {
    uint64_t at_ms = 1700000000000ull + draw(400 * DAY_MS);
    const uint64_t events = 1 + draw(39);
    offset[journeys] = e;
    values[journeys] = value;
    for (uint64_t i = 0; i < events && e < EVENTS; i++, e++) {
      time_ms[e] = (int64_t)at_ms;
      at_ms += draw(2 * DAY_MS);
      touchpoint[e] = (uint16_t)draw(TOUCHPOINTS);
      first[e] = e;
      value += i > 0 && i % 10 == 0;
      item[e] = value;
      number[e] = (double)draw(6);
      present[e / 64] |= 1ull << (e % 64);
    }
    value++;
  }
  offset[journeys] = first[EVENTS] = EVENTS;
  values[journeys] = value;
  *key = (ds_key_column){.first = first, .item = item, .values = value, .hash = hash,
                         .offset = values};
  return (ds_block){.journeys = journeys, .events = EVENTS, .offset = offset,
                    .customer = customer, .time_ms = time_ms, .received_ms = time_ms,
                    .touchpoint = touchpoint, .keys_count = 1, .key = key};
}

static double cpu_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static ds_code measure(const char *label, const char *const *texts, uint32_t count,
                       const ds_schema *schema, ds_block block, ds_error *err) {
  ds_arena arena;
  ds_case_program *program = NULL;
  ds_case_evaluator *evaluator = NULL;
  ds_columns columns = {.want = 0};
  ds_property_column property[8];
  uint32_t rule = 0;
  double best_s = 1e9;
  ds_arena_init(&arena, 1u << 26);
  TRY(ds_case_program_new(schema, &arena, &program, err));
  for (uint32_t t = 0; t < count; t++)
    TRY(ds_case_program_add(program, ds_str_of(texts[t]), &rule, err));
  TRY(ds_case_program_columns(program, &columns, &arena, err));
  TRY(ds_case_evaluator_new(program, &columns, &evaluator, err));
  for (uint32_t p = 0; p < columns.properties_count && p < 8; p++)
    property[p] = (ds_property_column){.type = DS_TYPE_NUMBER, .present = present,
                                       .number = number};
  block.properties_count = columns.properties_count;
  block.property = property;
  for (uint32_t r = 0; r < ROUNDS; r++) {
    const double begin_s = cpu_s();
    for (uint32_t b = 0; b < BLOCKS; b++) {
      const ds_case_values *found = NULL;
      TRY(ds_case_begin(evaluator, &block, err));
      TRY(ds_case_evaluate(evaluator, time_ms[EVENTS - 1], &found, err));
    }
    const double took_s = cpu_s() - begin_s;
    best_s = took_s < best_s ? took_s : best_s;
  }
  printf("| %s | %.0f |\n", label, (double)BLOCKS * EVENTS / best_s / 1e6);
  ds_case_evaluator_free(evaluator);
  ds_arena_done(&arena);
  return DS_OK;
}

static ds_code run(ds_space *space, ds_error *err) {
  static const char *const properties[] = {"stars", "score"};
  const char *segments[RULES_MAX];
  ds_arena arena;
  ds_key_column key;
  uint32_t code = 0;
  for (uint32_t t = 0; t < TOUCHPOINTS; t++)
    TRY(ds_names_add(&space->touchpoints, ds_str_of(touchpoints[t]), &code, err));
  for (uint32_t p = 0; p < 2; p++)
    TRY(ds_names_add(&space->properties, ds_str_of(properties[p]), &code, err));
  TRY(ds_names_add(&space->keys, ds_str_of("parcel_id"), &code, err));
  ds_arena_init(&arena, 1u << 24);
  ds_schema schema = {.space = space, .carriers = carriers, .carriers_count = 2};
  TRY(ds_segments_shipped(&arena, &schema.segments, &schema.segments_count, err));
  for (uint32_t s = 0; s < schema.segments_count && s < RULES_MAX; s++)
    segments[s] = schema.segments[s].expression;
  const ds_block block = block_make(&key);
  printf("| in one pass | M events/s, one core |\n|---|---:|\n");
  TRY(measure("eight count/last rules", eight, 8, &schema, block, err));
  TRY(measure("all ten segments", segments, schema.segments_count, &schema, block, err));
  for (uint32_t s = 0; s < schema.segments_count; s++)
    TRY(measure(schema.segments[s].name, &segments[s], 1, &schema, block, err));
  TRY(measure(pattern[0], pattern, 1, &schema, block, err));
  ds_arena_done(&arena);
  return DS_OK;
}

int main(void) {
  ds_space space;
  ds_error err = {0};
  ds_space_init(&space);
  const ds_code code = run(&space, &err);
  if (code != DS_OK)
    fprintf(stderr, "%s\n", err.message);
  ds_space_done(&space);
  return code == DS_OK ? 0 : 1;
}
