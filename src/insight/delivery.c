// SPDX-License-Identifier: Apache-2.0
// `delivery`: promises kept, early and late, by carrier, lane, weekday or any property; where the
// time goes, first attempts, exceptions; which promise would be kept, what a late day goes with.
#include <stdio.h>
#include <stdlib.h>

#include "insight/delivery.h"
#include "question/common.h"
#include "question/hours.h"
#include "question/map_list.h"
#include "question/spans.h"
#include "scan/property_types.h"

// Below this many events a sample costs more than it saves; it is of so many blocks.
enum { SAMPLE_EVENTS_MIN = 4 * 1024 * 1024, SAMPLE_BLOCKS = 12 };

const ds_option ds_delivery_options[] = {
    {"promise", DS_OPTION_NAME, "PROPERTY", "", NULL,
     "the day or instant of delivery promised; else promise_until or another usual name"},
    {"against", DS_OPTION_CHOICE, "WHICH", "original", "original|current",
     "the first promise told, or the last before it came"},
    {"arrival", DS_OPTION_CHOICE, "WHAT", "attempt", "attempt|delivered",
     "what must be in time: the first attempt, or the handing over"},
    {"by-day", DS_OPTION_FLAG, "", "", NULL,
     "promised instants mean their whole day, in the store's zone"},
    {"groups", DS_OPTION_TEXT, "NAME,NAME…", "", NULL,
     "by what groups are told apart, up to 3: properties, weekday, week, month (default: "
     "carrier,lane)"},
    {"score", DS_OPTION_NAME, "PROPERTY", "", NULL,
     "the number that says how content; else stars or another usual name"},
    {"again-days", DS_OPTION_COUNT, "N", "90", NULL,
     "another order so soon after the arrival counts as a repeat order"},
    {"min-n", DS_OPTION_COUNT, "N", "20", NULL, "no share, mean or quantile of fewer"},
    {"curve", DS_OPTION_FLAG, "", "", NULL,
     "how often a promise of so many days would be kept, for each number of days"},
    DS_HOURS_OPTIONS,
};
const uint32_t ds_delivery_options_count =
    sizeof ds_delivery_options / sizeof *ds_delivery_options;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for deliveries: give more --memory");
}

static bool option_is(const ds_request *request, const char *name, const char *value) {
  return strcmp(ds_option_get(&request->options, name), value) == 0;
}

// What parcels can be told apart by besides properties, which go before: of the order's day.
static const struct {
  const char *name;
  delivery_dimension_kind kind;
} calendar_kinds[] = {
    {"weekday", DELIVERY_WEEKDAY}, {"week", DELIVERY_WEEK}, {"month", DELIVERY_MONTH}};

static ds_code dimension_add(const ds_request *request, delivery_asked *asked, const char *name,
                             ds_error *err) {
  const ds_names *properties = &request->snapshot->space.properties;
  delivery_dimension *of = &asked->dimension[asked->dimensions];
  if (asked->dimensions == DELIVERY_DIMENSIONS_MAX)
    return ds_fail(err, DS_USAGE, "--groups: at most %d names", DELIVERY_DIMENSIONS_MAX);
  *of = (delivery_dimension){.name = name};
  const bool is_property = ds_names_find(properties, ds_str_of(name)) != DS_NONE;
  for (uint32_t k = 0; !is_property && k < sizeof calendar_kinds / sizeof *calendar_kinds; k++)
    if (strcmp(name, calendar_kinds[k].name) == 0)
      of->kind = calendar_kinds[k].kind;
  if (of->kind == DELIVERY_PROPERTY)
    TRY(ds_property_add(request->snapshot, &asked->plan, "groups", name, request->arena,
                        &of->property, err));
  asked->dimensions++;
  return DS_OK;
}

static ds_code read_dimensions(const ds_request *request, delivery_asked *asked, ds_error *err) {
  static const char *const usual[] = {"carrier", "lane"};
  const ds_names *properties = &request->snapshot->space.properties;
  const char *text = ds_option_get(&request->options, "groups");
  for (uint32_t u = 0; text == NULL && u < 2; u++)
    if (ds_names_find(properties, ds_str_of(usual[u])) != DS_NONE)
      TRY(dimension_add(request, asked, usual[u], err));
  while (text != NULL) {
    const char *comma = strchr(text, ',');
    const size_t size = comma == NULL ? strlen(text) : (size_t)(comma - text);
    const char *name = ds_arena_text(request->arena, text, size);
    if (name == NULL)
      return no_memory(err);
    if (size == 0)
      return ds_fail(err, DS_USAGE, "--groups: a name is missing: write it as carrier,lane");
    TRY(dimension_add(request, asked, name, err));
    text = comma == NULL ? NULL : comma + 1;
  }
  return DS_OK;
}

static ds_code read_score(const ds_request *request, delivery_asked *asked, ds_error *err) {
  TRY(ds_map_score_name(request, &asked->score_name, err));
  asked->has_score = asked->score_name != NULL;
  return asked->has_score
             ? ds_property_add_number(request->snapshot, &asked->plan, "score",
                                      asked->score_name, request->arena, &asked->score, err)
             : DS_OK;
}

static ds_code read_reason(const ds_request *request, delivery_asked *asked, ds_error *err) {
  const uint32_t code =
      ds_names_find(&request->snapshot->space.properties, ds_str_of("reason"));
  ds_property_kinds kinds;
  if (code == DS_NONE)
    return DS_OK;
  TRY(ds_property_kinds_of(request->snapshot, (uint16_t)code, &kinds, err));
  asked->has_reason = kinds.type == DS_TYPE_STRING;
  return asked->has_reason ? ds_property_add(request->snapshot, &asked->plan, "reason", "reason",
                                             request->arena, &asked->reason, err)
                           : DS_OK;
}

// The type of the property of a promise.
static ds_code promise_type(const ds_request *request, const char *name, ds_type *ret_type,
                            ds_error *err) {
  ds_plan ignored = {.threads = 0};
  ds_property_ref ref;
  ds_property_kinds kinds;
  TRY(ds_property_add(request->snapshot, &ignored, "promise", name, request->arena, &ref, err));
  TRY(ds_property_kinds_of(request->snapshot, ref.code, &kinds, err));
  *ret_type = kinds.type;
  return DS_OK;
}

// Gaps are of calendar days when the promise is a day.
static ds_code read_promise(const ds_request *request, delivery_asked *asked, ds_error *err) {
  const bool by_day = ds_option_flag(&request->options, "by-day");
  ds_type type = DS_TYPE_DATE;
  TRY(ds_parcel_plan(request, &asked->plan, ds_option_get(&request->options, "promise"),
                     by_day, NULL, asked->as_of_ms, &asked->rules, err));
  asked->promise = ds_parcel_rules_promise(asked->rules);
  if (asked->promise != NULL)
    TRY(promise_type(request, asked->promise, &type, err));
  asked->by_day = by_day || type == DS_TYPE_DATE;
  return DS_OK;
}

ds_code ds_delivery_read(const ds_request *request, delivery_asked *asked, ds_error *err) {
  uint64_t again_days = 0;
  asked->request = request;
  asked->bys = 1;
  if (option_is(request, "range", "events"))
    return ds_fail(err, DS_USAGE, "delivery takes no --range events: it is about whole orders");
  TRY(ds_option_count(&request->options, "again-days", 1, &again_days, err));
  if (again_days > DELIVERY_DAYS_MAX)
    return ds_fail(err, DS_USAGE, "--again-days %llu: at most %d", (unsigned long long)again_days,
                   DELIVERY_DAYS_MAX);
  asked->again_ms = (int64_t)again_days * DS_DAY_MS;
  TRY(ds_option_count(&request->options, "min-n", 1, &asked->min_n, err));
  asked->has_curve = ds_option_flag(&request->options, "curve");
  asked->against = option_is(request, "against", "current") ? DELIVERY_CURRENT : DELIVERY_ORIGINAL;
  asked->arrival =
      option_is(request, "arrival", "delivered") ? DELIVERY_HANDED_OVER : DELIVERY_ATTEMPT;
  asked->as_of_ms = request->as_of_ms;
  asked->as_of_day = ds_question_day(request, asked->as_of_ms);
  TRY(ds_question_plan(request, &asked->plan, err));
  TRY(ds_hours_make(request, &asked->worktime, err));
  asked->period = asked->plan;
  asked->has_period = asked->plan.has_from || asked->plan.has_to;
  asked->plan.has_from = asked->plan.has_to = false;
  if (request->snapshot->events == 0)
    return DS_OK;
  TRY(read_promise(request, asked, err));
  TRY(read_dimensions(request, asked, err));
  TRY(read_score(request, asked, err));
  return read_reason(request, asked, err);
}

static ds_code read_by(const ds_request *request, delivery_asked *asked, ds_error *err) {
  const char *by = ds_option_get(&request->options, "by");
  uint64_t top = 0;
  if (by == NULL)
    return DS_OK;
  TRY(ds_option_count(&request->options, "top", 1, &top, err));
  TRY(ds_breakdown_make(request->snapshot, &asked->plan, by, top < 1000 ? (uint32_t)top : 1000,
                        request->arena, &asked->by, err));
  asked->grouped = true;
  asked->bys = asked->by.groups;
  return DS_OK;
}

// Numbers of groups that all threads share, and windows for their quantiles, from a sample.
static ds_code sample(delivery_asked *asked, ds_arena *arena, delivery_state **ret_sample,
                      ds_tally_cell **ret_windows, ds_error *err) {
  const uint64_t events = asked->request->snapshot->events;
  void *memory = NULL;
  if (events < SAMPLE_EVENTS_MIN)
    return DS_OK;
  uint64_t stride = events / (SAMPLE_BLOCKS * (uint64_t)DS_BLOCK_EVENTS);
  stride = stride < 64 ? 64 : stride;
  TRY(ds_scan_sample(asked->request->snapshot, &asked->plan, (uint32_t)stride,
                     &ds_delivery_kernel, asked, arena, &memory, err));
  *ret_sample = memory;
  TRY(ds_tally_windows(&(*ret_sample)->tally, ret_windows, err));
  asked->known = &(*ret_sample)->groups;
  asked->windows = *ret_windows;
  return DS_OK;
}

// A further pass for what windows missed.
static ds_code pass(void *context, const ds_refine *refine, ds_refine_counts *ret_counts,
                    ds_error *err) {
  delivery_asked asked = *(const delivery_asked *)context;
  ds_arena arena;
  void *memory = NULL;
  asked.refine = refine;
  ds_arena_init(&arena, asked.request->memory_bytes);
  const ds_code code = ds_scan(asked.request->snapshot, &asked.plan, &ds_delivery_kernel, &asked,
                               &arena, &memory, err);
  if (code == DS_OK) {
    delivery_state *state = memory;
    *ret_counts = state->tally.refined;
    state->tally.refined = (ds_refine_counts){0};
    ds_delivery_kernel.done(state);
  }
  ds_arena_done(&arena);
  return code;
}

// Groups in the order of their names.
typedef struct name_order {
  ds_str *name;
} name_order;

static int by_name(const void *a, const void *b, void *context) {
  const name_order *order = context;
  const uint32_t g = *(const uint32_t *)a, h = *(const uint32_t *)b;
  return ds_str_compare(order->name[g], order->name[h]);
}

static ds_code rank_groups(delivery_found *found, ds_arena *arena, ds_error *err) {
  const delivery_groups *groups = &found->state->groups;
  uint32_t *order = ds_arena_array(arena, groups->count + 1u, sizeof *order);
  ds_str *name = ds_arena_array(arena, groups->count + 1u, sizeof *name);
  found->rank = ds_arena_array(arena, groups->count + 1u, sizeof *found->rank);
  if (order == NULL || name == NULL || found->rank == NULL)
    return no_memory(err);
  ds_buf text;
  ds_buf_init(&text, 1u << 12);
  ds_code code = DS_OK;
  for (uint32_t g = 0; code == DS_OK && g < groups->count; g++) {
    ds_buf_reset(&text);
    ds_delivery_group_name(found->asked, groups, groups->key[g], found->asked->dimensions, &text);
    code = ds_buf_check(&text, "the name of a group", err);
    const char *kept = ds_arena_text(arena, (const char *)text.data, text.size);
    if (code == DS_OK && kept == NULL)
      code = no_memory(err);
    name[g] = (ds_str){kept, kept == NULL ? 0 : (uint32_t)text.size};
    order[g] = g;
  }
  ds_buf_done(&text);
  TRY(code);
  qsort_r(order, groups->count, sizeof *order, by_name, &(name_order){name});
  for (uint32_t i = 0; i < groups->count; i++)
    found->rank[order[i]] = i;
  return DS_OK;
}

static void put_notes(const delivery_found *found, ds_result *result) {
  const delivery_asked *asked = found->asked;
  const delivery_state *state = found->state;
  uint64_t disorder = 0, overdue = 0, parcels = 0;
  char text[32];
  for (uint32_t g = 0; g < state->groups.count; g++) {
    disorder += state->cell[g].count[DELIVERY_DISORDER];
    overdue += state->cell[g].count[DELIVERY_OVERDUE];
    parcels += state->cell[g].count[DELIVERY_ARRIVED] + state->cell[g].count[DELIVERY_OPEN];
  }
  if (asked->promise == NULL)
    ds_result_note(result, true, "No event carries a promise of delivery as a day or an instant: "
                   "name its property with --promise, or see docs/delivery.md.");
  if (!asked->plan.has_case)
    ds_result_note(result, true, "No event carries order_id, parcel_id or tracking_number: each "
                   "customer counts as one order.");
  if (parcels == 0)
    ds_result_note(result, true, "No parcel is left: look at --case, --where and the period "
                   "(--from, --to).");
  if (overdue > 0)
    ds_result_note(result, false, "%s more parcel%s past the promise and not there yet: the "
                   "share late does not count them.", ds_human_count(text, overdue),
                   overdue == 1 ? " is" : "s are");
  if (disorder > 0)
    ds_result_note(result, true, "%s parcel%s times that contradict one another, such as "
                   "delivered before collected: such times are left out.",
                   ds_human_count(text, disorder), disorder == 1 ? " has" : "s have");
  if (state->unplaced > 0)
    ds_result_note(result, true, "%s scan%s not say which of the order's parcels %s of: left out.",
                   ds_human_count(text, state->unplaced),
                   state->unplaced == 1 ? " does" : "s do",
                   state->unplaced == 1 ? "it is" : "they are");
  if (state->unread > 0)
    ds_result_note(result, true, "%s promise%s a promise_window that is not read: hours are "
                   "written as 14:00-16:00.", ds_human_count(text, state->unread),
                   state->unread == 1 ? " has" : "s have");
}

// By which clocks promises are read that the settings say more of.
static void put_local(const ds_request *request, ds_buf *text) {
  const ds_tracking_limits *limits = request->tracking;
  if (limits == NULL || (limits->places_count == 0 && limits->carriers_count == 0))
    return;
  ds_buf_text(text, " Promises are read by the clock");
  if (limits->places_count > 0)
    ds_buf_printf(text, " of where the parcel goes (%s), where that is not known by that",
                  limits->place);
  ds_buf_text(text, " of its carrier, else of the store.");
}

static void put_words(const delivery_asked *asked, ds_result *result) {
  const char *zone = asked->request->zone_name == NULL ? "UTC" : asked->request->zone_name;
  ds_buf text;
  ds_buf_init(&text, 8192);
  ds_buf_printf(&text, "A delivery is a parcel %s. ",
                asked->arrival == DELIVERY_ATTEMPT
                    ? "at its first attempt: handed over, left to be fetched, or tried in vain"
                    : "handed over to the customer");
  if (asked->promise != NULL)
    ds_buf_printf(&text, "It is held against the %s promise: %s%s, of the parcel or its order. A "
                  "day is kept by an arrival on it or before (in %s), an instant by one at it or "
                  "before, hours by one before they end. The gap is in %s. Early: before the "
                  "promised window, or more than a day before the day. ",
                  asked->against == DELIVERY_ORIGINAL ? "first" : "last", asked->promise,
                  asked->against == DELIVERY_ORIGINAL
                      ? "" : ", or an estimate of the carrier's, before it came",
                  zone,
                  asked->by_day                         ? "calendar days"
                  : asked->against == DELIVERY_ORIGINAL ? "time"
                                                        : "time, to a day in calendar days");
  ds_buf_printf(&text, "Shares have 95 %% Wilson intervals. Processing runs from the order until "
                "the parcel is picked, packed or labelled, pickup until the carrier has it, "
                "transit until it is handed over. The promise that would be kept is estimated by "
                "Kaplan and Meier from the calendar days between order and arrival: parcels still "
                "open count as long as seen, and each group with %d more that arrive as those of "
                "the group above it. What late goes with is no proof that late causes it; another "
                "order counts within %lld days after the arrival.", DELIVERY_LEARNT_MIN,
                (long long)(asked->again_ms / DS_DAY_MS));
  put_local(asked->request, &text);
  ds_hours_tell(asked->request, &text);
  result->definition = ds_buf_keep(&text, result->arena);
  ds_buf_done(&text);
}

static ds_code put_tables(const delivery_found *found, ds_result *result, ds_error *err) {
  TRY(ds_delivery_put_overall(found, result, err));
  if (found->asked->dimensions > 0)
    TRY(ds_delivery_put_groups(found, result, err));
  TRY(ds_delivery_put_promises(found, result, err));
  TRY(ds_delivery_put_after(found, result, err));
  TRY(ds_delivery_put_stages(found, result, err));
  TRY(ds_delivery_put_exceptions(found, result, err));
  if (found->asked->promise != NULL)
    TRY(ds_delivery_put_bases(found, result, err));
  result->main_table = found->asked->dimensions > 0 ? "groups" : "overall";
  return DS_OK;
}

static ds_code count(delivery_asked *asked, ds_arena *arena, delivery_state **ret_sample,
                     ds_tally_cell **ret_windows, delivery_state **ret_state, ds_result *result,
                     ds_error *err) {
  const ds_request *request = asked->request;
  void *memory = NULL;
  asked->kept_bytes_max = request->memory_bytes / 4 / (asked->plan.threads + 1u);
  TRY(sample(asked, arena, ret_sample, ret_windows, err));
  TRY(ds_spans_scan(request, &asked->plan, &ds_delivery_kernel, asked, arena, result, &memory,
                    err));
  *ret_state = memory;
  return DS_OK;
}

static ds_code find(delivery_asked *asked, delivery_state *state, ds_arena *arena,
                    ds_result *result, ds_error *err) {
  delivery_found found = {.asked = asked, .state = state};
  double *quantile = NULL;
  asked->known = &state->groups;
  TRY(ds_tally_quantiles(&state->tally, asked->request->memory_bytes / 4, asked->plan.threads,
                         pass, asked, arena, &quantile, err));
  found.quantile = quantile;
  TRY(rank_groups(&found, arena, err));
  TRY(put_tables(&found, result, err));
  put_notes(&found, result);
  return DS_OK;
}

static ds_code answer(const ds_request *request, delivery_asked *asked, ds_arena *arena,
                      ds_result *result, ds_error *err) {
  const char *list = ds_option_get(&request->options, "list");
  delivery_state *sampled = NULL, *state = NULL;
  ds_tally_cell *windows = NULL;
  TRY(ds_delivery_read(request, asked, err));
  if (request->snapshot->events == 0)
    return DS_OK;
  TRY(read_by(request, asked, err));
  TRY(ds_question_note_types(request, &asked->plan, result, err));
  put_words(asked, result);
  ds_delivery_listable(asked, result);
  if (list != NULL)
    return ds_delivery_list(asked, list, result, err);
  ds_code code = count(asked, arena, &sampled, &windows, &state, result, err);
  if (code == DS_OK)
    code = find(asked, state, arena, result, err);
  if (sampled != NULL)
    ds_delivery_kernel.done(sampled);
  if (state != NULL)
    ds_delivery_kernel.done(state);
  free(windows);
  return code;
}

ds_code ds_delivery_answer(const ds_request *request, ds_result *result, ds_error *err) {
  ds_request with_case;
  TRY(ds_parcel_request(request, &with_case, err));
  delivery_asked *asked = ds_arena_alloc(request->arena, sizeof *asked);
  ds_request *kept = ds_arena_alloc(request->arena, sizeof *kept);
  if (asked == NULL || kept == NULL)
    return no_memory(err);
  *kept = with_case;
  ds_arena arena;
  ds_arena_init(&arena, request->memory_bytes);
  const ds_code code = answer(kept, asked, &arena, result, err);
  ds_breakdown_done(&asked->by);
  ds_arena_done(&arena);
  return code;
}
