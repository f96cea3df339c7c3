// SPDX-License-Identifier: Apache-2.0
// The effects planted in the simulated shop and software (docs/simulator.md) are found by questions
// that an analyst would ask: the planted size lies in the answer's own 95 % interval, and where
// something was planted, the interval leaves out that there is nothing. The runs that are held
// against it are fixed ones: in most other runs some of so many intervals miss, as they should.
// With DS_STRESS=1 twenty runs are asked, and no more intervals miss than chance lets.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ingest/simulate.h"
#include "ingest/simulate_parameters.h"
#include "question_world.h"
#include "unit/long_run.h"
#include "unit/oracle.h"

enum { OPTIONS_MAX = 6, KEYS_MAX = 3, RUNS_STRESS = 20, AGAIN_DAYS = 90 };
enum { SHOP_RUN = 1, SAAS_RUN = 1 };

// What is asked, the row that answers, and what was planted there. The interval stands in columns
// `low` and `high`; with `spread` it is that of a mean whose values `high` counts.
typedef struct effect {
  const char *question;
  ds_option_value options[OPTIONS_MAX];
  const char *table;
  const char *keys[KEYS_MAX][2]; // column, text
  const char *low, *high;
  double planted; // NAN: only that it is not none
  double none;    // what it would be without the effect; NAN: it has none
  double spread;
} effect;

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static double rate(int chance) { return chance / 1e4; }

static double mean_stars(const uint16_t *percent) {
  double sum = 0;
  for (uint32_t s = 0; s < 5; s++)
    sum += (s + 1) * percent[s] / 100.0;
  return sum;
}

static double square_stars(const uint16_t *percent) {
  double sum = 0;
  for (uint32_t s = 0; s < 5; s++)
    sum += (s + 1) * (s + 1) * percent[s] / 100.0;
  return sum;
}

// Of orders that another follows, how many it follows within so many days of the delivery: the wait
// is followed by less than a week to a weekday.
static double soon(int days) {
  double sum = 0;
  for (int more = 0; more < 7; more++)
    sum += 1 - exp(-(days - more - SHOP_REPEAT_WAIT / 86400.0) / (SHOP_REPEAT_MEAN / 86400.0));
  return sum / 7;
}

// Orders of high value among those of a service, and among all.
static double high_value(void) {
  const int above = SHOP_HIGH_VALUE - SHOP_VALUE_LOW;
  return exp(-above / (double)(SHOP_VALUE_MEAN));
}

static double high_of(bool express) {
  const double high = high_value() * (express ? rate(SHOP_EXPRESS_HIGH_VALUE)
                                              : 1 - rate(SHOP_EXPRESS_HIGH_VALUE));
  const double low = (1 - high_value()) * (express ? rate(SHOP_EXPRESS) : 1 - rate(SHOP_EXPRESS));
  return high / (high + low);
}

// Orders in time that another follows, when so many are of high value and had the offer.
static double repeat(double high, double offered) {
  return rate(SHOP_REPEAT) + high * rate(SHOP_REPEAT_HIGH_VALUE) +
         offered * rate(SHOP_REPEAT_OFFER);
}

// How many of parcelgo's more are late, for its orders of Friday and Saturday.
static double weekend(void) {
  double all = 0;
  for (uint32_t d = 0; d < 7; d++)
    all += SHOP_WEEKDAY[d];
  return 1 + (SHOP_WEEKDAY[5] + SHOP_WEEKDAY[6]) / all * (rate(SHOP_LATE_WEEKEND) - 1);
}

// The answer in hand; effects that ask the same stand one behind the other.
typedef struct answer {
  const ds_snapshot *snapshot;
  const effect *of; // NULL: nothing was asked yet
  ds_result result;
  ds_arena arena;
} answer;

static bool same_text(const char *a, const char *b) {
  return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool asks_same(const effect *a, const effect *b) {
  bool same = strcmp(a->question, b->question) == 0;
  for (uint32_t o = 0; o < OPTIONS_MAX; o++)
    same &= same_text(a->options[o].name, b->options[o].name) &&
            same_text(a->options[o].text, b->options[o].text);
  return same;
}

static void ask(answer *to, const effect *of) {
  uint32_t count = 0;
  ds_error err = {0};
  while (count < OPTIONS_MAX && of->options[count].name != NULL)
    count++;
  if (to->of != NULL && asks_same(to->of, of))
    return;
  ds_arena_reset(&to->arena);
  to->of = of;
  ds_result_init(&to->result, &to->arena, of->question);
  const ds_request request = {.snapshot = to->snapshot, .threads = 2,
                              .options = {.values = of->options, .count = count},
                              .memory_bytes = (size_t)256 << 20, .now_ms = DS_TIME_MAX_MS,
                              .arena = &to->arena};
  check(ds_question_run(ds_question_find(ds_str_of(of->question)), &request, &to->result, &err),
        &err);
}

static bool is_key(const ds_column *column, const ds_cell *of, const char *text) {
  if (column->type == DS_CELL_TEXT || column->type == DS_CELL_LIST)
    return ds_str_equal(of->text, ds_str_of(text));
  const double number = column->type == DS_CELL_COUNT ? (double)of->i : of->number;
  return number == strtod(text, NULL);
}

static const ds_cell *row_of(const effect *of, const ds_table *table) {
  for (uint32_t r = 0; r < table->rows_count; r++) {
    const ds_cell *row = &table->cells[r * table->columns_count];
    uint32_t same = 0, keys = 0;
    for (; keys < KEYS_MAX && of->keys[keys][0] != NULL; keys++)
      for (uint32_t c = 0; c < table->columns_count; c++)
        same += strcmp(table->columns[c].name, of->keys[keys][0]) == 0 &&
                is_key(&table->columns[c], &row[c], of->keys[keys][1]);
    if (same == keys)
      return row;
  }
  fail_msg("%s has no row of %s %s", of->question, of->table, of->keys[0][1]);
  return NULL;
}

static double cell(const ds_table *table, const ds_cell *row, const char *column) {
  for (uint32_t c = 0; c < table->columns_count; c++)
    if (strcmp(table->columns[c].name, column) == 0) {
      assert_false(row[c].null);
      return table->columns[c].type == DS_CELL_COUNT ? (double)row[c].i : row[c].number;
    }
  fail_msg("%s has no column %s", table->name, column);
  return 0;
}

// Whether the answer's interval holds what was planted, and not what would be without it.
static bool is_found(answer *in, const effect *of, bool told) {
  ask(in, of);
  const ds_table *table = oracle_table(&in->result, of->table);
  const ds_cell *row = row_of(of, table);
  double low = cell(table, row, of->low), high = cell(table, row, of->high);
  if (of->spread > 0) {
    const double reach = 1.96 * of->spread / sqrt(high);
    high = low + reach;
    low -= reach;
  }
  const bool found = (isnan(of->planted) || (low <= of->planted && of->planted <= high)) &&
                     (isnan(of->none) || of->none < low || high < of->none);
  if (!found && told)
    print_error("%s %s %s %s: planted %.4f, without it %.4f; found %.4f to %.4f\n", of->question,
                of->table, of->keys[0][1], of->keys[1][0] != NULL ? of->keys[1][1] : "",
                of->planted, of->none, low, high);
  return found;
}

static uint32_t misses(const effect *effects, uint32_t count, const char *kind, uint64_t orders,
                       uint64_t seed, bool told) {
  char folder[] = "/tmp/doorstep-planted-XXXXXX", at[64], text[96];
  ds_error err = {0};
  ds_store *store = NULL;
  ds_snapshot *snapshot = NULL;
  ds_store_options options;
  ds_simulate_options simulate;
  ds_build_stats stats;
  uint32_t missed = 0;
  assert_non_null(mkdtemp(folder));
  snprintf(at, sizeof at, "%s/store", folder);
  ds_store_options_init(&options);
  options.write = options.create = true;
  check(ds_store_open(at, &options, &store, &err), &err);
  ds_simulate_options_init(&simulate);
  simulate.kind = kind;
  simulate.orders = orders;
  simulate.seed = seed;
  simulate.threads = 2;
  check(ds_simulate_store(&simulate, store, &stats, &err), &err);
  check(ds_store_snapshot(store, &snapshot, &err), &err);
  answer in = {.snapshot = snapshot};
  ds_arena_init(&in.arena, (size_t)1 << 30);
  for (uint32_t e = 0; e < count; e++)
    missed += !is_found(&in, &effects[e], told);
  ds_arena_done(&in.arena);
  ds_snapshot_free(snapshot);
  ds_store_close(store);
  snprintf(text, sizeof text, "rm -rf '%s'", folder);
  assert_int_equal(system(text), 0);
  return missed;
}

// The fixed run finds all; of twenty others, one interval of twenty misses, with chance's room.
static void hold(const effect *effects, uint32_t count, const char *kind, uint64_t orders,
                 uint64_t run) {
  assert_int_equal(misses(effects, count, kind, orders, run, true), 0);
  uint32_t missed = 0;
  for (uint32_t seed = 1; long_run() && seed <= RUNS_STRESS; seed++)
    missed += misses(effects, count, kind, orders, 1000 + seed, false);
  if (long_run())
    print_message("%s: %u of %u intervals miss\n", kind, missed, count * RUNS_STRESS);
  assert_true(missed <= count * RUNS_STRESS / 12);
}

#define ON_TIME "not did(delivered[promise_until < date(time)])"
#define LATE "did(delivered[promise_until < date(time)])"
#define CALM "not did(support_ticket_opened)"

// Stars, by how late the order was, of those without a ticket, whose slow answers cost a star.
#define STARS(class, planted, none)                                                         \
  {"delivery", {{"arrival", "delivered"}, {"cases", CALM}}, "lateness",                     \
   {{"lateness", class}}, "score_low", "score_high", planted, none, 0}
// Gift wrap, which changes nothing.
#define STARS_WRAPPED(wrapped)                                                              \
  {"delivery", {{"arrival", "delivered"}, {"cases", CALM}, {"by", "order_placed.gift_wrap"}}, \
   "lateness", {{"lateness", "on the day"}, {"order_placed.gift_wrap", wrapped}},           \
   "score_low", "score_high", in_time, NAN, 0}
// Another order after one so late, by a property of the order.
#define AGAIN(class, property, value, planted, none)                                        \
  {"delivery", {{"arrival", "delivered"}, {"by", property}}, "lateness",                    \
   {{"lateness", class}, {property, value}}, "again_share_low", "again_share_high",         \
   planted, none, 0}
// Late parcels of a carrier's lane, before December and what goes with it.
#define LANE(group, planted)                                                                \
  {"delivery", {{"arrival", "delivered"}, {"groups", "carrier,lane"}, {"from", "2023-01-05"}, \
                {"to", "2023-11-15"}}, "groups", {{"group", group}}, "late_share_low",      \
   "late_share_high", planted, NAN, 0}
// Two steps of an order, by the arm of an experiment.
#define STEPS(steps, arm, is, with, planted, none)                                          \
  {"funnel", {{"step", steps}, {"case", "order_id"}, {"within", "60d"}, {"by", arm},        \
              {"cases", with}, {"to", "2024-10-15"}}, "steps", {{arm, is}, {"step", "2"}},  \
   "conversion_start_low", "conversion_start_high", planted, none, 0}
// The first delivery of who ordered little and had no offer, and an order within so many days.
#define BACK(late, days, planted, none)                                                     \
  {"retention", {{"start", "delivered"}, {"again", "order_placed"},                         \
                 {"cases", "first(order_placed.value) < 100 and first(order_placed.offer) = "  \
                           "'holdout' and date(first(delivered)) " late                     \
                           " first(delivered.promise_until)"}}, "again", {{"days", days}},  \
   "share_low", "share_high", planted, none, 0}

static void test_shop(void **unused) {
  (void)unused;
  const double in_time = mean_stars(SHOP_STARS), late = mean_stars(SHOP_STARS_LATE);
  const double very_late = mean_stars(SHOP_STARS_VERY_LATE);
  const double later = rate(SHOP_LATE_MORE) * rate(SHOP_LATE_MORE); // three days and more
  const double announced = (1 - later) * late + later * very_late;
  const double square = (1 - later) * square_stars(SHOP_STARS_LATE) +
                        later * square_stars(SHOP_STARS_VERY_LATE);
  const double offered = 1 - rate(SHOP_HOLDOUT_OFFER), less = rate(SHOP_REPEAT_LATE);
  const double all = repeat(high_value(), offered), within = soon(AGAIN_DAYS);
  const double standard = repeat(high_of(false), offered), express = repeat(high_of(true), offered);
  const double review = rate(SHOP_REVIEW), asked = rate(SHOP_REVIEW_ASKED);
  const double wismo = rate(SHOP_WISMO_LATE), low = repeat(0, 0);
  const effect effects[] = {
      STARS("on the day", in_time, late), STARS("1 to 3 days early", in_time, late),
      STARS("1 day late", late, in_time), STARS("2 days late", late, in_time),
      STARS("3 days late", very_late, late),
      STARS("4 to 7 days late", very_late, late),
      {"delivery", {{"arrival", "delivered"}, {"cases", CALM}}, "late_day", {{"outcome", "stars"}},
       "per_late_day_low", "per_late_day_high", NAN, 0, 0},
      STARS_WRAPPED("true"), STARS_WRAPPED("false"),
      {"delivery", {{"arrival", "delivered"}}, "late_day", {{"outcome", "another order"}},
       "per_late_day_low", "per_late_day_high", NAN, 0, 0},
      {"delivery", {{"arrival", "delivered"}}, "lateness", {{"lateness", "1 day late"}},
       "again_share_low", "again_share_high", (all - less) * within, all * within, 0},
      AGAIN("1 to 3 days early", "order_placed.gift_wrap", "true", all * within, NAN),
      AGAIN("1 to 3 days early", "order_placed.gift_wrap", "false", all * within, NAN),
      AGAIN("1 to 3 days early", "order_placed.service", "standard", standard * within, NAN),
      AGAIN("1 to 3 days early", "order_placed.service", "express", express * within,
            standard * within),
      AGAIN("1 to 3 days early", "order_placed.offer", "treatment",
            repeat(high_value(), 1) * within, repeat(high_value(), 0) * within),
      AGAIN("1 to 3 days early", "order_placed.offer", "holdout",
            repeat(high_value(), 0) * within, NAN),
      LANE("northpost\x1f" "near", SHOP_LATE_NEAR[0] / 100.0),
      LANE("parcelgo\x1f" "near", SHOP_LATE_NEAR[1] / 100.0 * weekend()),
      LANE("swiftship\x1f" "near", SHOP_LATE_NEAR[2] / 100.0),
      LANE("northpost\x1f" "far", SHOP_LATE_FAR[0] / 100.0),
      LANE("parcelgo\x1f" "far", SHOP_LATE_FAR[1] / 100.0 * weekend()),
      LANE("swiftship\x1f" "far", SHOP_LATE_FAR[2] / 100.0),
      LANE("northpost\x1f" "remote", SHOP_LATE_REMOTE[0] / 100.0),
      LANE("parcelgo\x1f" "remote", SHOP_LATE_REMOTE[1] / 100.0 * weekend()),
      LANE("swiftship\x1f" "remote", SHOP_LATE_REMOTE[2] / 100.0),
      STEPS("shipment_delayed\nsupport_ticket_opened[reason='wismo']", "order_placed.delay_notice",
            "treatment", LATE, rate(SHOP_WISMO_NOTICED), wismo),
      STEPS("shipment_delayed\nsupport_ticket_opened[reason='wismo']", "order_placed.delay_notice",
            "holdout", LATE, wismo, rate(SHOP_WISMO_NOTICED)),
      STEPS("delivered\nreview_submitted", "order_placed.review_request", "treatment", ON_TIME,
            review + asked, review),
      STEPS("delivered\nreview_submitted", "order_placed.review_request", "holdout", ON_TIME,
            review, review + asked),
      STEPS("delivered\nreview_submitted", "order_placed.review_request", "treatment", LATE,
            review + asked + rate(SHOP_REVIEW_LATE), review + asked),
      {"conformance", {{"pattern", "order_placed then payment_approved then payment_failed?"},
                       {"case", "order_id"}}, "overall", {{NULL}}, "fits_share_low",
       "fits_share_high", 1 - rate(SHOP_PAYMENT_FAILS), 1, 0},
      {"conformance", {{"pattern", "order_placed then delivered+ then shipment_delayed?"},
                       {"case", "order_id"}, {"outcome", "stars"}, {"to", "2024-10-01"},
                       {"cases", CALM " and count(delivered) = 1"}}, "deviations",
       {{"what", "shipment_delayed"}}, "outcome", "outcome_n", announced, in_time,
       sqrt(square - announced * announced)},
      BACK("<=", "60", low * soon(60), (low - less) * soon(60)),
      BACK("<=", "90", low * soon(90), (low - less) * soon(90)),
      BACK("<=", "180", low * soon(180), (low - less) * soon(180)),
      BACK(">", "60", (low - less) * soon(60), low * soon(60)),
      BACK(">", "90", (low - less) * soon(90), low * soon(90)),
      BACK(">", "180", (low - less) * soon(180), low * soon(180)),
  };
  hold(effects, sizeof effects / sizeof *effects, "shop", 30000, SHOP_RUN);
}

// Who leaves at the first renewal, by plan, and by what the account used until then.
#define LEAVES(with, keys, planted, none)                                                   \
  {"funnel", {{"step", "order_placed\nsubscription_cancelled[reason = 'too_expensive']"},   \
              {"case", "subscription_id"}, {"within", "31d"}, {"cases", with},              \
              {"to", "2024-11-01"}, {"by", "order_placed.plan"}}, "steps",                  \
   {{"order_placed.plan", keys}, {"step", "2"}}, "conversion_start_low",                    \
   "conversion_start_high", planted, none, 0}
#define USED(feature) "did(feature_used[feature = '" feature "'])"

static void test_saas(void **unused) {
  (void)unused;
  // A ticket by e-mail whose first answer took longer than slow; other channels answer sooner.
  const double slow = rate(SAAS_TICKET) * SHOP_TICKET_CHANNEL[0] / 100.0 *
                      exp(-(SHOP_SLOW - 60) / (60.0 * SHOP_RESPONSE_MEAN[0]));
  double churn[3];
  for (uint32_t p = 0; p < 3; p++)
    churn[p] = SAAS_CHURN[p] / 100.0 + slow * rate(SAAS_CHURN_SLOW);
  const double half = rate(SAAS_CHURN_EXPORT);
  const effect effects[] = {
      LEAVES(USED("export"), "solo", churn[0] * half, churn[0]),
      LEAVES(USED("export"), "team", churn[1] * half, churn[1]),
      LEAVES(USED("export"), "company", churn[2] * half, NAN),
      LEAVES("not " USED("export"), "solo", churn[0], churn[0] * half),
      LEAVES("not " USED("export"), "team", churn[1], churn[1] * half),
      LEAVES("not " USED("export"), "company", churn[2], NAN),
      LEAVES("not " USED("export") " and not " USED("dark_mode"), "solo", churn[0], NAN),
      LEAVES("not " USED("export") " and " USED("dark_mode"), "solo", churn[0], NAN),
  };
  hold(effects, sizeof effects / sizeof *effects, "saas", 8000, SAAS_RUN);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_shop), cmocka_unit_test(test_saas)};
  return cmocka_run_group_tests_name("question_planted", tests, NULL, NULL);
}
