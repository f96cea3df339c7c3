// SPDX-License-Identifier: Apache-2.0
// The tables of counts and times of parcels.
#include <math.h>
#include <stdlib.h>

#include "insight/delivery.h"
#include "question/interval.h"
#include "question/quantile.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for deliveries: give more --memory");
}

ds_table *ds_delivery_table(const delivery_asked *asked, ds_result *result, const char *name,
                            const char *title, const ds_column *columns, uint32_t count) {
  ds_column *all = ds_arena_array(result->arena, count + 1u, sizeof *all);
  if (all == NULL)
    return NULL;
  all[0] = (ds_column){asked->by.name, DS_CELL_TEXT, "", "value of the breakdown", false};
  memcpy(all + 1, columns, count * sizeof *columns);
  return ds_result_table(result, name, title, asked->grouped ? all : all + 1,
                         asked->grouped ? count + 1 : count);
}

ds_cell *ds_delivery_row(const delivery_asked *asked, uint32_t by, ds_result *result,
                         ds_table *table) {
  ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
  if (cell != NULL && asked->grouped)
    *cell++ = ds_cell_text(result, ds_str_of(asked->by.labels[by]));
  return cell;
}

void ds_delivery_put_share(const delivery_asked *asked, uint64_t hits, uint64_t n, ds_cell *share,
                           ds_cell *bounds) {
  if (n == 0 || n < asked->min_n)
    return;
  *share = ds_cell_double((double)hits / (double)n);
  if (bounds == NULL)
    return;
  double low, high;
  ds_rate_interval(hits, n, &low, &high);
  bounds[0] = ds_cell_double(low);
  bounds[1] = ds_cell_double(high);
}

bool ds_delivery_days_quantile(const delivery_days *days, uint32_t numerator,
                               uint32_t denominator, double *ret_days) {
  uint64_t count = 0, below = 0;
  for (uint32_t d = 0; d < days->size; d++)
    count += days->count[d];
  if (count == 0)
    return false;
  const ds_rank rank = ds_rank_of(count, numerator, denominator);
  int64_t low = -1;
  for (uint32_t d = 0; d < days->size; d++) {
    below += days->count[d];
    if (low < 0 && below > rank.low)
      low = d;
    if (below > rank.low + 1 || (low >= 0 && (rank.fraction <= 0 || below == count))) {
      *ret_days = ds_quantile(rank, low, below > rank.low + 1 ? d : low);
      return true;
    }
  }
  return false;
}

static void put_quantile(const delivery_found *found, uint64_t n, uint32_t tally_cell,
                         uint32_t which, ds_cell *cell) {
  const double *all = found->quantile;
  if (all == NULL || n < found->asked->min_n ||
      isnan(all[(size_t)tally_cell * DS_TALLY_QUANTILES + which]))
    return;
  *cell = ds_cell_double(all[(size_t)tally_cell * DS_TALLY_QUANTILES + which]);
}

// The columns that "overall" and "groups" have in common.
static const ds_column count_columns[] = {
    {"deliveries", DS_CELL_COUNT, "parcels", "parcels that arrived", false},
    {"promised", DS_CELL_COUNT, "parcels", "of them had a promise", true},
    {"coverage", DS_CELL_SHARE, "", "share of deliveries that had a promise", true},
    {"kept", DS_CELL_COUNT, "parcels", "of those came in time", true},
    {"late", DS_CELL_COUNT, "parcels", "of those came late", false},
    {"late_share", DS_CELL_SHARE, "", "share late of those promised", false},
    {"late_share_low", DS_CELL_SHARE, "", "lower end of its 95 % Wilson interval", false},
    {"late_share_high", DS_CELL_SHARE, "", "upper end of its 95 % Wilson interval", false},
    {"early_share", DS_CELL_SHARE, "", "share of those promised that came before the window, or "
     "more than a day before the day", true},
    {"gap_median_ms", DS_CELL_DURATION, "ms", "median of how much after the promise they came; "
     "below zero: before it", false},
    {"gap_p90_ms", DS_CELL_DURATION, "ms", "its 90th percentile", true},
    {"click_to_deliver_median_ms", DS_CELL_DURATION, "ms", "median time from the order to the "
     "handing over", false},
    {"click_to_deliver_p90_ms", DS_CELL_DURATION, "ms", "its 90th percentile", true},
    {"first_attempt_share", DS_CELL_SHARE, "", "share of parcels tried that the first attempt "
     "delivered", false},
    {"open", DS_CELL_COUNT, "parcels", "neither arrived nor called off, lost or sent back", true},
    {"overdue", DS_CELL_COUNT, "parcels", "of these, past their promise: not among the late yet",
     true},
};
enum { COUNT_COLUMNS = sizeof count_columns / sizeof *count_columns };

static void put_counts(const delivery_found *found, const uint64_t *count, uint32_t gap_cell,
                       uint32_t click_cell, ds_cell *cell) {
  const delivery_asked *asked = found->asked;
  const uint64_t promised = count[DELIVERY_PROMISED], late = count[DELIVERY_LATE];
  cell[0] = ds_cell_i64((int64_t)count[DELIVERY_ARRIVED]);
  cell[1] = ds_cell_i64((int64_t)promised);
  ds_delivery_put_share(asked, promised, count[DELIVERY_ARRIVED], &cell[2], NULL);
  cell[3] = ds_cell_i64((int64_t)count[DELIVERY_KEPT]);
  cell[4] = ds_cell_i64((int64_t)late);
  ds_delivery_put_share(asked, late, promised, &cell[5], &cell[6]);
  ds_delivery_put_share(asked, count[DELIVERY_EARLY], promised, &cell[8], NULL);
  for (uint32_t q = 0; q < DS_TALLY_QUANTILES; q++) {
    put_quantile(found, promised, gap_cell, q, &cell[9 + q]);
    put_quantile(found, count[DELIVERY_STAGE_1], click_cell, q, &cell[11 + q]);
  }
  ds_delivery_put_share(asked, count[DELIVERY_FIRST_TRY], count[DELIVERY_TRIED], &cell[13], NULL);
  cell[14] = ds_cell_i64((int64_t)count[DELIVERY_OPEN]);
  cell[15] = ds_cell_i64((int64_t)count[DELIVERY_OVERDUE]);
}

// The counts of all parcels of a group of --by; false when there are none.
static bool by_counts(const delivery_state *state, uint32_t by, uint64_t count[DELIVERY_COUNTS]) {
  bool any = false;
  memset(count, 0, DELIVERY_COUNTS * sizeof *count);
  for (uint32_t g = 0; g < state->groups.count; g++) {
    if (delivery_key_by(state->groups.key[g]) != by)
      continue;
    any = true;
    for (uint32_t c = 0; c < DELIVERY_COUNTS; c++)
      count[c] += state->cell[g].count[c];
  }
  return any;
}

ds_code ds_delivery_put_overall(const delivery_found *found, ds_result *result, ds_error *err) {
  const delivery_asked *asked = found->asked;
  uint64_t count[DELIVERY_COUNTS];
  ds_table *table = ds_delivery_table(asked, result, "overall", "All parcels", count_columns,
                                      COUNT_COLUMNS);
  if (table == NULL)
    return no_memory(err);
  table->bar = asked->grouped ? "late_share" : "";
  for (uint32_t by = 0; by < asked->bys; by++) {
    if (!by_counts(found->state, by, count))
      continue;
    ds_cell *cell = ds_delivery_row(asked, by, result, table);
    if (cell == NULL)
      return no_memory(err);
    put_counts(found, count, delivery_tally_by(by, DELIVERY_GAP),
               delivery_tally_by(by, DELIVERY_CLICK), cell);
  }
  return DS_OK;
}

// The lower end of a group's interval, below 0 when there are too few promises to tell.
static double worst_of(const delivery_found *found, uint32_t group) {
  const uint64_t *count = found->state->cell[group].count;
  const uint64_t promised = count[DELIVERY_PROMISED];
  double low = -1, high;
  if (promised > 0 && promised >= found->asked->min_n)
    ds_rate_interval(count[DELIVERY_LATE], promised, &low, &high);
  return low;
}

// The worst first: what is late most often for sure.
static int by_late(const void *a, const void *b, void *context) {
  const delivery_found *found = context;
  const uint32_t g = *(const uint32_t *)a, h = *(const uint32_t *)b;
  const uint64_t *key = found->state->groups.key;
  if (delivery_key_by(key[g]) != delivery_key_by(key[h]))
    return delivery_key_by(key[g]) < delivery_key_by(key[h]) ? -1 : 1;
  const double x = worst_of(found, g), y = worst_of(found, h);
  if (x > y || x < y)
    return x > y ? -1 : 1;
  return (found->rank[g] > found->rank[h]) - (found->rank[g] < found->rank[h]);
}

ds_code ds_delivery_put_groups(const delivery_found *found, ds_result *result, ds_error *err) {
  const delivery_asked *asked = found->asked;
  const delivery_state *state = found->state;
  ds_column columns[COUNT_COLUMNS + 1];
  columns[0] = (ds_column){"group", DS_CELL_LIST, "", "what the parcels have in common", false};
  memcpy(columns + 1, count_columns, sizeof count_columns);
  // The interval and first attempts give way to the group's name.
  columns[7].secondary = columns[8].secondary = columns[14].secondary = true;
  ds_table *table = ds_delivery_table(asked, result, "groups", "Most often late first", columns,
                                      COUNT_COLUMNS + 1);
  uint32_t *order = ds_arena_array(result->arena, state->groups.count + 1u, sizeof *order);
  if (table == NULL || order == NULL)
    return no_memory(err);
  table->bar = "late_share";
  for (uint32_t g = 0; g < state->groups.count; g++)
    order[g] = g;
  qsort_r(order, state->groups.count, sizeof *order, by_late, (void *)(uintptr_t)found);
  ds_buf name;
  ds_buf_init(&name, 1u << 12);
  ds_code code = DS_OK;
  for (uint32_t i = 0; code == DS_OK && i < state->groups.count; i++) {
    const uint32_t g = order[i];
    ds_cell *cell =
        ds_delivery_row(asked, delivery_key_by(state->groups.key[g]), result, table);
    ds_buf_reset(&name);
    ds_delivery_group_name(asked, &state->groups, state->groups.key[g], asked->dimensions, &name);
    code = cell == NULL ? no_memory(err) : ds_buf_check(&name, "the name of a group", err);
    if (code != DS_OK)
      break;
    cell[0] = ds_cell_text(result, (ds_str){(const char *)name.data, (uint32_t)name.size});
    put_counts(found, state->cell[g].count, delivery_tally_group(g, DELIVERY_GAP),
               delivery_tally_group(g, DELIVERY_CLICK), cell + 1);
  }
  ds_buf_done(&name);
  return code;
}

ds_code ds_delivery_put_bases(const delivery_found *found, ds_result *result, ds_error *err) {
  static const ds_column columns[] = {
      {"promise", DS_CELL_TEXT, "", "the first promise told, or the last before it came", false},
      {"arrival", DS_CELL_TEXT, "", "the first attempt, or the handing over", false},
      {"promised", DS_CELL_COUNT, "parcels", "parcels that arrived so and had a promise", false},
      {"kept", DS_CELL_COUNT, "parcels", "of those came in time", false},
      {"late", DS_CELL_COUNT, "parcels", "of those came late", false},
      {"late_share", DS_CELL_SHARE, "", "share late of those promised", false},
      {"late_share_low", DS_CELL_SHARE, "", "lower end of its 95 % Wilson interval", true},
      {"late_share_high", DS_CELL_SHARE, "", "upper end of its 95 % Wilson interval", true},
  };
  static const char *const promises[] = {"original", "current"};
  static const char *const arrivals[] = {"attempt", "delivered"};
  const delivery_asked *asked = found->asked;
  uint64_t count[DELIVERY_COUNTS];
  ds_table *table =
      ds_delivery_table(asked, result, "bases", "By which promise, and which arrival", columns, 8);
  if (table == NULL)
    return no_memory(err);
  table->bar = "late_share";
  for (uint32_t by = 0; by < asked->bys; by++) {
    if (!by_counts(found->state, by, count))
      continue;
    for (uint32_t b = 0; b < DELIVERY_BASES; b++) {
      const uint64_t *of = &count[DELIVERY_BASE_1 + 3 * b];
      ds_cell *cell = ds_delivery_row(asked, by, result, table);
      if (cell == NULL)
        return no_memory(err);
      cell[0] = ds_cell_text(result, ds_str_of(promises[b / 2]));
      cell[1] = ds_cell_text(result, ds_str_of(arrivals[b % 2]));
      for (uint32_t c = 0; c < 3; c++)
        cell[2 + c] = ds_cell_i64((int64_t)of[c]);
      ds_delivery_put_share(asked, of[2], of[0], &cell[5], &cell[6]);
    }
  }
  return DS_OK;
}

ds_code ds_delivery_put_stages(const delivery_found *found, ds_result *result, ds_error *err) {
  static const ds_column columns[] = {
      {"stage", DS_CELL_TEXT, "", "from the order to the handing over", false},
      {"n", DS_CELL_COUNT, "parcels", "parcels whose times are known", false},
      {"median_ms", DS_CELL_DURATION, "ms", "median time it takes", false},
      {"p90_ms", DS_CELL_DURATION, "ms", "its 90th percentile", false},
  };
  static const char *const names[] = {"processing", "pickup", "transit", "click_to_deliver"};
  static const delivery_time times[] = {DELIVERY_PROCESSING, DELIVERY_PICKUP, DELIVERY_TRANSIT,
                                        DELIVERY_CLICK};
  const delivery_asked *asked = found->asked;
  uint64_t count[DELIVERY_COUNTS];
  ds_table *table = ds_delivery_table(asked, result, "stages", "Where the time goes", columns, 4);
  if (table == NULL)
    return no_memory(err);
  table->bar = "median_ms";
  for (uint32_t by = 0; by < asked->bys; by++) {
    if (!by_counts(found->state, by, count))
      continue;
    for (uint32_t s = 0; s < 4; s++) {
      const uint64_t n = count[DELIVERY_STAGE_1 + times[s] - DELIVERY_CLICK];
      ds_cell *cell = ds_delivery_row(asked, by, result, table);
      if (cell == NULL)
        return no_memory(err);
      cell[0] = ds_cell_text(result, ds_str_of(names[s]));
      cell[1] = ds_cell_i64((int64_t)n);
      for (uint32_t q = 0; q < DS_TALLY_QUANTILES; q++)
        put_quantile(found, n, delivery_tally_by(by, times[s]), q, &cell[2 + q]);
    }
  }
  return DS_OK;
}

// Whose fault a reason of the vocabulary is that the catalogue takes, by the beginning of its name.
const char *ds_delivery_fault(ds_str reason) {
  static const char *const of[][2] = {
      {"carrier_", "carrier"},    {"retailer_", "shop"},      {"consignee_", "customer"},
      {"customs_", "customs"},    {"weather_", "nobody"},     {"natural_disaster", "nobody"},
      {"force_majeure", "nobody"}};
  for (uint32_t i = 0; i < sizeof of / sizeof *of; i++)
    if (reason.size >= strlen(of[i][0]) && memcmp(reason.data, of[i][0], strlen(of[i][0])) == 0)
      return of[i][1];
  return "unknown";
}

static int by_troubles(const void *a, const void *b, void *context) {
  const delivery_state *state = context;
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  const ds_str s = state->reasons.text[x], t = state->reasons.text[y];
  const int by = memcmp(s.data, t.data, 2);
  if (by != 0)
    return by;
  if (state->troubles[x].parcels != state->troubles[y].parcels)
    return state->troubles[x].parcels > state->troubles[y].parcels ? -1 : 1;
  return ds_str_compare(s, t);
}

ds_code ds_delivery_put_exceptions(const delivery_found *found, ds_result *result,
                                   ds_error *err) {
  static const ds_column columns[] = {
      {"exception", DS_CELL_TEXT, "", "what went wrong", false},
      {"reason", DS_CELL_TEXT, "", "why, as the event says", false},
      {"fault", DS_CELL_TEXT, "", "whose: by the reason's beginning", false},
      {"parcels", DS_CELL_COUNT, "parcels", "parcels that met it", false},
      {"share", DS_CELL_SHARE, "", "share of the parcels shipped that met it", true},
      {"late", DS_CELL_COUNT, "parcels", "of these came late", false},
      {"of_late", DS_CELL_SHARE, "", "share of all parcels that came late", true},
  };
  const delivery_asked *asked = found->asked;
  const delivery_state *state = found->state;
  uint64_t count[DELIVERY_COUNTS];
  ds_table *table = ds_delivery_table(asked, result, "exceptions", "What goes wrong, and whose "
                                      "fault it is", columns, 7);
  uint32_t *order = ds_arena_array(result->arena, state->reasons.count + 1u, sizeof *order);
  if (table == NULL || order == NULL)
    return no_memory(err);
  table->bar = "parcels";
  for (uint32_t r = 0; r < state->reasons.count; r++)
    order[r] = r;
  qsort_r(order, state->reasons.count, sizeof *order, by_troubles, (void *)(uintptr_t)state);
  for (uint32_t i = 0; i < state->reasons.count; i++) {
    const ds_str name = state->reasons.text[order[i]];
    const ds_str reason = {name.data + 3, name.size - 3};
    uint16_t by;
    memcpy(&by, name.data, 2);
    (void)by_counts(state, by, count);
    ds_cell *cell = ds_delivery_row(asked, by, result, table);
    if (cell == NULL)
      return no_memory(err);
    cell[0] = ds_cell_text(result, ds_str_of(ds_parcel_statuses[(uint8_t)name.data[2]].touchpoint));
    cell[1] = ds_cell_text(result, reason.size == 0 ? ds_str_of("(none)") : reason);
    cell[2] = ds_cell_text(result, ds_str_of(ds_delivery_fault(reason)));
    const delivery_trouble *of = &state->troubles[order[i]];
    cell[3] = ds_cell_i64((int64_t)of->parcels);
    ds_delivery_put_share(asked, of->shipped, count[DELIVERY_SHIPPED], &cell[4], NULL);
    cell[5] = ds_cell_i64((int64_t)of->late);
    ds_delivery_put_share(asked, of->late, count[DELIVERY_LATE], &cell[6], NULL);
  }
  return DS_OK;
}
