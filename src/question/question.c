// SPDX-License-Identifier: Apache-2.0
// The question table and what is common to all: checking options, as_of, and the remarks that hold
// for any answer.
#include "question/question.h"

#include <assert.h>
#include <stdio.h>

#include "lang/segments.h"
#include "question/members.h"
#include "question/case_filters.h"
#include "question/common.h"
#include "question/list.h"
#include "question/sql.h"
#include "scan/property_types.h"

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof *(array)))

const ds_option ds_common_options[] = {
    {"case", DS_OPTION_NAME, "KEY", "", NULL,
     "a journey is one value of this case key (default: the customer's whole timeline)"},
    {"attach", DS_OPTION_CHOICE, "HOW", "none", "none|nearest",
     "events without the case key: left out, or joined to the latest case before (30 days)"},
    {"where", DS_OPTION_EXPRESSION, "EXPR", "", NULL,
     "events that stay: an event predicate, see docs/language.md"},
    {"cases", DS_OPTION_EXPRESSION, "EXPR", "", NULL,
     "cases that stay: a condition on a whole case, as in count(order_placed) >= 2"},
    {"as-of", DS_OPTION_TIME, "TIME", "", NULL,
     "as if this were now: what happened later is not seen (default: the latest event)"},
    {"from", DS_OPTION_TIME, "TIME", "", NULL, "the period begins here (UTC unless it says so)"},
    {"to", DS_OPTION_TIME, "TIME", "", NULL, "the period ends before this"},
    {"range", DS_OPTION_CHOICE, "WHAT", "started", "started|touching|completed|events",
     "what the period selects: cases started, touched or completed in it, or single events"},
    {"derive", DS_OPTION_FLAG, "", "", NULL,
     "with virtual touchpoints: shipment_stalled, promise_at_risk, promise_missed, shipment_lost, "
     "and complaint_submitted from low reviews (docs/tracking.md)"},
    {"by", DS_OPTION_NAME, "PROPERTY", "", NULL, "the same answer per value of a property"},
    {"top", DS_OPTION_COUNT, "N", "20", NULL, "with --by: so many values, the rest is \"other\""},
    {"list", DS_OPTION_TEXT, "CELL", "", NULL,
     "list what a figure counted: 'edges from=A to=B column=cases'"},
    {"known-at", DS_OPTION_TIME, "TIME", "", NULL,
     "as if nothing had been received after this instant: events, and who is whom"},
    {"sort", DS_OPTION_NAME, "COLUMN", "", NULL, "sort by a column; -COLUMN turns it round"},
    {"limit", DS_OPTION_COUNT, "N", "", NULL, "show at most N rows of a table"},
};
const uint32_t ds_common_options_count = COUNT_OF(ds_common_options);

const ds_question ds_questions[] = {
    {"map", "the journey, stage by stage: how far cases come, how fast, how content",
     "doorstep map --case order_id", ds_map_options, 3, ds_map_answer, ds_map_sql, false},
    {"process", "how cases move from touchpoint to touchpoint, how often and how fast",
     "doorstep process --case order_id", ds_process_options, 16, ds_process_answer, ds_process_sql,
     false},
    {"variants", "which sequences of touchpoints the cases are, how frequent and how long",
     "doorstep variants --case order_id", ds_variants_options, 16, ds_variants_answer,
     ds_variants_sql, false},
    {"conformance", "which cases go an expected path, how the others deviate, and what comes of it",
     "doorstep conformance 'order_placed then delivered within 10d' --case order_id",
     ds_conformance_options, 13, ds_conformance_answer, ds_conformance_sql, false},
    {"funnel", "how many cases go through steps, how fast, and what the others do instead",
     "doorstep funnel order_placed delivered review_submitted --within 30d --case order_id",
     ds_funnel_options, 12, ds_funnel_answer, ds_funnel_sql, false},
    {"paths", "what comes after an event, before it or between two, as a tree of next steps",
     "doorstep paths --after delivered --case order_id", ds_paths_options, 7, ds_paths_answer,
     ds_paths_sql, false},
    {"trend", "a count, a rate or a figure of numbers per day, week or month",
     "doorstep trend --measure rate --of delivered --case order_id --per month", ds_trend_options,
     5, ds_trend_answer, ds_trend_sql, false},
    {"retention", "who comes back after the first time, in which period, and how soon",
     "doorstep retention --start order_placed --per month", ds_retention_options, 8,
     ds_retention_answer, ds_retention_sql, false},
    {"segment", "how many are in which segment, in two, over time, and who moved between them",
     "doorstep segment active at_risk churned --versus 2024-06-01", ds_segment_options, 6,
     ds_segment_answer, ds_segment_sql, false},
    {"features", "a row per customer or case, a column per expression, as known at an instant",
     "doorstep features 'orders=count(order_placed)' 'idle=since(any)' -o features.parquet",
     ds_features_options, 2, ds_features_answer, ds_features_sql, false},
    {"delivery", "promises of delivery kept and late, why, and which promise would be kept",
     "doorstep delivery --groups carrier,lane", ds_delivery_options, 11, ds_delivery_answer,
     ds_delivery_sql, false},
    {"quality", "what the data can bear: what comes how regularly, what lacks, what is odd",
     "doorstep quality", ds_quality_options, 1, ds_quality_answer, ds_quality_sql, true},
    {"schema", "the names that can be asked about: touchpoints, properties, case keys",
     "doorstep schema", NULL, 0, ds_schema_answer, ds_schema_sql, false},
    {"find", "the customers or cases that have such events, or such an identifier",
     "doorstep find --has 'review_submitted[stars <= 2]' --case order_id", ds_find_options, 2,
     ds_find_answer, ds_find_sql, false},
    {"timeline", "one customer's journey, or one case's, event by event",
     "doorstep timeline C17", ds_timeline_options, 2, ds_timeline_answer, ds_timeline_sql, false},
    {"tracking", "where parcels and orders are now, since when, and which need somebody",
     "doorstep tracking --by carrier", ds_tracking_options, 3, ds_tracking_answer,
     ds_tracking_sql, false},
};
const uint32_t ds_questions_count = COUNT_OF(ds_questions);

const ds_question *ds_question_find(ds_str name) {
  for (uint32_t q = 0; q < ds_questions_count; q++)
    if (ds_str_equal(name, ds_str_of(ds_questions[q].name)))
      return &ds_questions[q];
  return NULL;
}

static const char *given(const ds_option_set *set, const char *name) {
  for (uint32_t i = 0; i < set->count; i++)
    if (strcmp(set->values[i].name, name) == 0 && set->values[i].text != NULL)
      return set->values[i].text;
  return NULL;
}

static const char *preset_among(const ds_option *options, uint32_t count, const char *name) {
  for (uint32_t o = 0; o < count; o++)
    if (strcmp(options[o].name, name) == 0)
      return options[o].preset;
  return NULL;
}

static bool is_empty(const char *text) { return text == NULL || *text == '\0'; }

const char *ds_option_get(const ds_option_set *set, const char *name) {
  const ds_question *question = set->question;
  const char *text = given(set, name);
  if (is_empty(text))
    text = preset_among(ds_common_options, ds_common_options_count, name);
  if (is_empty(text) && question != NULL)
    text = preset_among(question->options, question->options_count, name);
  return is_empty(text) ? NULL : text;
}

bool ds_option_flag(const ds_option_set *set, const char *name) { return given(set, name) != NULL; }

const ds_option *ds_question_option_at(const ds_question *question, uint32_t o) {
  if (o < ds_common_options_count)
    return &ds_common_options[o];
  o -= ds_common_options_count;
  return o < question->options_count ? &question->options[o] : NULL;
}

ds_code ds_question_option(const ds_question *question, const char *name,
                           const ds_option **ret_option, ds_error *err) {
  const char *names[64];
  uint32_t count = 0;
  for (const ds_option *o; (o = ds_question_option_at(question, count)) != NULL; count++) {
    assert(count < COUNT_OF(names));
    names[count] = o->name;
    if (strcmp(o->name, name) != 0)
      continue;
    *ret_option = o;
    return DS_OK;
  }
  const char *near = ds_str_nearest(ds_str_of(name), names, count);
  return ds_fail(err, DS_USAGE, "%s has no option --%.100s%s%s%s", question->name, name,
                 near == NULL ? "" : "; did you mean --", near == NULL ? "" : near,
                 near == NULL ? "" : "?");
}

static bool among(const char *choices, const char *text) {
  const size_t size = strlen(text);
  for (const char *at = choices; at != NULL && *at != '\0';) {
    const char *end = strchr(at, '|');
    const size_t length = end == NULL ? strlen(at) : (size_t)(end - at);
    if (length == size && memcmp(at, text, size) == 0)
      return true;
    at = end == NULL ? NULL : end + 1;
  }
  return false;
}

static ds_code check_value(const ds_option *option, const char *text, ds_error *err) {
  uint64_t count = 0;
  int64_t ms = 0;
  bool local = false, date_only = false;
  switch (option->type) {
  case DS_OPTION_CHOICE:
    if (!among(option->choices, text))
      return ds_fail(err, DS_USAGE, "--%s %s: choose one of %s", option->name, text,
                     option->choices);
    return DS_OK;
  case DS_OPTION_COUNT:
    if (!ds_str_to_u64(ds_str_of(text), &count))
      return ds_fail(err, DS_USAGE, "--%s %s: expected a whole number", option->name, text);
    return DS_OK;
  case DS_OPTION_TIME:
    if (!ds_time_parse(ds_str_of(text), &ms, &local, &date_only))
      return ds_fail(err, DS_USAGE,
                     "--%s %s: expected a day or a time, such as 2018-01-31 or "
                     "2018-01-31T10:00:00Z", option->name, text);
    return DS_OK;
  default:
    return DS_OK;
  }
}

static ds_code check_together(const ds_option_set *set, ds_error *err) {
  const char *from = ds_option_get(set, "from"), *to = ds_option_get(set, "to");
  if (given(set, "range") != NULL && from == NULL && to == NULL)
    return ds_fail(err, DS_USAGE, "--range says what a period selects: give --from or --to too");
  if (given(set, "attach") != NULL && ds_option_get(set, "case") == NULL)
    return ds_fail(err, DS_USAGE, "--attach joins events to cases: give --case too");
  if (given(set, "top") != NULL && ds_option_get(set, "by") == NULL)
    return ds_fail(err, DS_USAGE, "--top says how many values of --by to show: give --by too");
  return DS_OK;
}

// What is given: each option by itself, then those that belong together.
static ds_code check_options(const ds_question *question, const ds_option_set *set,
                             ds_error *err) {
  for (uint32_t i = 0; i < set->count; i++) {
    const ds_option *option = NULL;
    TRY(ds_question_option(question, set->values[i].name, &option, err));
    const char *text = set->values[i].text;
    if (option->type == DS_OPTION_FLAG || text == NULL)
      continue;
    if (*text != '\0')
      TRY(check_value(option, text, err));
    else if (!is_empty(option->preset))
      return ds_fail(err, DS_USAGE, "--%s is empty: leave it out for %s", option->name,
                     option->preset);
    else if (option->type == DS_OPTION_CHOICE)
      return ds_fail(err, DS_USAGE, "--%s is empty: choose one of %s", option->name,
                     option->choices);
  }
  return check_together(set, err);
}

ds_code ds_option_count(const ds_option_set *set, const char *name, uint64_t least,
                        uint64_t *ret_count, ds_error *err) {
  const char *text = ds_option_get(set, name);
  uint64_t count = 0;
  if (text == NULL || !ds_str_to_u64(ds_str_of(text), &count) || count < least)
    return ds_fail(err, DS_USAGE, "--%s: expected a whole number of at least %llu", name,
                   (unsigned long long)least);
  *ret_count = count;
  return DS_OK;
}

ds_code ds_option_share(const ds_option_set *set, const char *name, double *ret_share,
                        ds_error *err) {
  const char *text = ds_option_get(set, name);
  double share = 0;
  if (text == NULL || !ds_str_to_double(ds_str_of(text), &share) || !(share > 0 && share <= 1))
    return ds_fail(err, DS_USAGE, "--%s %s: expected a share above 0 and up to 1, as 0.8", name,
                   text == NULL ? "" : text);
  *ret_share = share;
  return DS_OK;
}

ds_code ds_option_refuse(const ds_option_set *set, const char *question,
                         const char *const *names, uint32_t count, ds_error *err) {
  for (uint32_t i = 0; i < count; i++)
    if (given(set, names[i]) != NULL)
      return ds_fail(err, DS_USAGE, "%s takes no --%s", question, names[i]);
  return DS_OK;
}

static ds_code plan_case(const ds_request *request, ds_plan *plan, ds_error *err) {
  const char *name = ds_option_get(&request->options, "case");
  if (name == NULL)
    return DS_OK;
  const ds_names *keys = &request->snapshot->space.keys;
  const uint32_t key = ds_names_find(keys, ds_str_of(name));
  if (key == DS_NONE && request->snapshot->events > 0) {
    const char **all = ds_arena_array(request->arena, keys->count + 1u, sizeof *all);
    for (uint32_t k = 0; all != NULL && k < keys->count; k++)
      all[k] = ds_names_text(keys, k);
    const char *near = all == NULL ? NULL : ds_str_nearest(ds_str_of(name), all, keys->count);
    return ds_fail(err, DS_EXPRESSION, "--case %s: no event has a case key of that name%s%s%s",
                   name, near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                   near == NULL ? "" : "'?");
  }
  plan->has_case = key != DS_NONE;
  plan->case_key = key == DS_NONE ? 0 : (uint16_t)key;
  plan->attach_nearest = strcmp(ds_option_get(&request->options, "attach"), "nearest") == 0;
  return DS_OK;
}

ds_code ds_question_schema(const ds_request *request, ds_schema *ret_schema, ds_error *err) {
  ds_schema schema;
  TRY(ds_schema_of(request->snapshot, request->arena, &schema, err));
  schema.catalogue = request->catalogue;
  schema.zone = request->zone;
  schema.zone_name = request->zone_name;
  schema.segments = request->segments;
  schema.segments_count = request->segments_count;
  if (schema.segments == NULL)
    TRY(ds_segments_shipped(request->arena, &schema.segments, &schema.segments_count, err));
  TRY(ds_members_lists(request, &schema.lists, err));
  *ret_schema = schema;
  return DS_OK;
}

ds_code ds_question_check_keys(const ds_request *request, const ds_expression *expression,
                               const char *option, ds_error *err) {
  const ds_read_name *names = NULL;
  uint32_t count = 0;
  if (ds_option_get(&request->options, "case") == NULL)
    return DS_OK;
  TRY(ds_expression_reads(expression, request->arena, &names, &count, err));
  for (uint32_t n = 0; n < count; n++)
    if (strcmp(names[n].kind, "case key") == 0)
      return ds_fail(err, DS_EXPRESSION, "--%s cannot ask for the case key %.*s together with "
                     "--case: use --where", option, DS_STR(names[n].name));
  return DS_OK;
}

static ds_code plan_where(const ds_request *request, ds_plan *plan, ds_error *err) {
  const char *where = ds_option_get(&request->options, "where");
  if (where == NULL || request->snapshot->events == 0)
    return DS_OK;
  ds_schema schema;
  TRY(ds_question_schema(request, &schema, err));
  return ds_predicate_parse(ds_str_of(where), &schema, request->arena, &plan->where, err);
}

bool ds_question_time(const ds_request *request, const char *name, int64_t *ret_ms) {
  const char *text = ds_option_get(&request->options, name);
  bool local = false, date_only = false;
  return text != NULL && ds_time_parse(ds_str_of(text), ret_ms, &local, &date_only);
}

static ds_code plan_derive(const ds_request *request, ds_plan *plan, ds_error *err) {
  if (request->derive == NULL)
    return ds_fail(err, DS_UNSUPPORTED, "--derive: virtual touchpoints cannot be had here");
  return request->derive(request, plan, err);
}

ds_code ds_question_plan(const ds_request *request, ds_plan *ret_plan, ds_error *err) {
  static const char *const ranges[] = {"started", "touching", "completed", "events"};
  ds_plan plan = {.threads = request->threads, .progress = request->progress};
  TRY(plan_case(request, &plan, err));
  TRY(plan_where(request, &plan, err));
  plan.has_from = ds_question_time(request, "from", &plan.from_ms);
  plan.has_to = ds_question_time(request, "to", &plan.to_ms);
  if (plan.has_from && plan.has_to && plan.from_ms >= plan.to_ms)
    return ds_fail(err, DS_USAGE, "--from must lie before --to");
  const char *range = ds_option_get(&request->options, "range");
  for (uint32_t r = 0; r < COUNT_OF(ranges); r++)
    if (strcmp(range, ranges[r]) == 0)
      plan.range = (ds_range)r;
  TRY(ds_plan_cases(request, ds_option_get(&request->options, "cases"), &plan, err));
  if (ds_option_flag(&request->options, "derive"))
    TRY(plan_derive(request, &plan, err));
  *ret_plan = plan;
  return DS_OK;
}

ds_code ds_question_select(const ds_request *request, const char *name, ds_plan *ret_plan,
                           ds_error *err) {
  const ds_question asker = {.name = name};
  TRY(check_options(&asker, &request->options, err));
  return ds_question_plan(request, ret_plan, err);
}

// The latest event time not after the clock, of a snapshot in which some are.
static ds_code latest_ms(const ds_request *request, int64_t *ret_ms, ds_error *err) {
  const ds_cut cut = {.has_time = true, .time_ms = request->now_ms};
  ds_snapshot past;
  TRY(ds_snapshot_cut(request->snapshot, &cut, request->threads, request->memory_bytes, &past,
                      err));
  *ret_ms = past.events > 0 ? past.time_max_ms : request->now_ms;
  ds_snapshot_done(&past);
  return DS_OK;
}

// What --as-of, or else the clock, and --known-at leave of the snapshot.
static ds_code cut_read(const ds_question *question, const ds_request *request, ds_cut *ret_cut,
                        ds_error *err) {
  const ds_snapshot *all = request->snapshot;
  static const char *const instants[] = {"as-of", "versus"};
  ds_cut cut = {.has_time = !question->counts_future, .time_ms = request->now_ms};
  char first[32];
  for (uint32_t i = 0; i < COUNT_OF(instants); i++) {
    int64_t ms = 0;
    if (!ds_question_time(request, instants[i], &ms))
      continue;
    // Of two instants the later is what is seen.
    cut.time_ms = i == 0 || ms > cut.time_ms ? ms : cut.time_ms;
    cut.has_time = true;
    ds_time_print(first, all->time_min_ms);
    if (all->events > 0 && ms < all->time_min_ms)
      return ds_fail(err, DS_USAGE, "--%s %s: it is before the first event, %s", instants[i],
                     given(&request->options, instants[i]), first);
  }
  cut.has_time = cut.has_time && all->events > 0 && cut.time_ms < all->time_max_ms;
  cut.has_received = ds_question_time(request, "known-at", &cut.received_ms);
  *ret_cut = cut;
  return DS_OK;
}

ds_code ds_question_look_back(const ds_question *question, const ds_request *request,
                              ds_request *ret_asked, ds_snapshot *view, ds_error *err) {
  ds_cut cut;
  *ret_asked = *request;
  ret_asked->options.question = question;
  TRY(cut_read(question, request, &cut, err));
  if (cut.has_time || cut.has_received) {
    TRY(ds_snapshot_cut(request->snapshot, &cut, request->threads, request->memory_bytes, view,
                        err));
    ret_asked->snapshot = view;
  }
  const ds_snapshot *seen = ret_asked->snapshot;
  if (ds_question_time(request, "as-of", &ret_asked->as_of_ms))
    return DS_OK;
  ret_asked->as_of_ms = seen->events > 0 ? seen->time_max_ms : request->now_ms;
  if (ret_asked->as_of_ms <= request->now_ms)
    return DS_OK;
  const ds_code code = latest_ms(ret_asked, &ret_asked->as_of_ms, err);
  if (code != DS_OK && seen == view)
    ds_snapshot_done(view);
  return code;
}

void ds_question_look_ahead(const ds_request *request, const ds_request *asked) {
  if (asked->snapshot != request->snapshot)
    ds_snapshot_done((ds_snapshot *)(uintptr_t)asked->snapshot);
}

// An option as it was asked, on one line; several words, or one given several times, are joined by
// commas.
static ds_code put_option(const ds_request *request, const ds_option *option, const char *text,
                          ds_result *result, ds_error *err) {
  ds_buf all;
  ds_buf_init(&all, 1u << 20);
  ds_buf_text(&all, text);
  const ds_option_value *values = request->options.values;
  for (uint32_t i = 0, seen = 0; i < request->options.count; i++)
    if (strcmp(values[i].name, option->name) == 0 && values[i].text != NULL && seen++ > 0)
      ds_buf_printf(&all, ", %s", values[i].text);
  ds_buf joined;
  ds_buf_init(&joined, 1u << 21);
  const char *between = option->type == DS_OPTION_ARGUMENTS ? ", " : " ";
  for (const char *at = ds_buf_cstr(&all); *at != '\0'; at++)
    ds_buf_append(&joined, *at == '\n' ? between : at, *at == '\n' ? strlen(between) : 1);
  ds_result_option(result, option->name, "%s", ds_buf_cstr(&joined));
  ds_code code = ds_buf_check(&all, "an option", err);
  if (code == DS_OK)
    code = ds_buf_check(&joined, "an option", err);
  ds_buf_done(&all);
  ds_buf_done(&joined);
  return code;
}

// Says what of the store is not seen.
static void note_unseen(const ds_request *request, ds_result *result) {
  const ds_snapshot *seen = request->snapshot;
  const uint64_t later = seen->later_events;
  char some[32];
  ds_human_count(some, later);
  if (later > 0 && given(&request->options, "as-of") != NULL)
    ds_result_note(result, false, "%s %s after as_of and not seen.", some,
                   later == 1 ? "event is" : "events are");
  else if (later > 0)
    ds_result_note(result, true, "%s %s in the future and not seen; --as-of TIME looks from a "
                   "later instant.", some, later == 1 ? "event lies" : "events lie");
  else if (seen->events == 0 && seen->cut.has_received)
    ds_result_note(result, true, "Nothing had been received by then: the store's events came after "
                   "--known-at.");
  else if (seen->events == 0)
    ds_result_note(result, true,
                   "The store holds no events yet: doorstep import FILE brings some in.");
}

static ds_code answer(const ds_question *question, const ds_request *request, ds_result *result,
                      ds_error *err) {
  result->as_of_ms = request->as_of_ms;
  const ds_option *option;
  for (uint32_t o = 0; (option = ds_question_option_at(question, o)) != NULL; o++) {
    const char *text = ds_option_get(&request->options, option->name);
    if (option->type == DS_OPTION_FLAG)
      text = ds_option_flag(&request->options, option->name) ? "true" : NULL;
    if (text != NULL && strcmp(text, "none") != 0)
      TRY(put_option(request, option, text, result, err));
  }
  TRY(question->answer(request, result, err));
  TRY(ds_question_arrange(request, result, err));
  ds_list_keep(result);
  note_unseen(request, result);
  return DS_OK;
}

ds_code ds_question_run(const ds_question *question, const ds_request *request,
                        ds_result *result, ds_error *err) {
  ds_request asked;
  ds_snapshot view;
  TRY(check_options(question, &request->options, err));
  TRY(ds_question_look_back(question, request, &asked, &view, err));
  ds_code code = answer(question, &asked, result, err);
  ds_question_look_ahead(request, &asked);
  // Texts and cells that did not fit were left out: such a result is not to be shown.
  if (code == DS_OK && request->arena->refused)
    code = ds_fail(err, DS_MEMORY, "out of memory for the answer");
  return code;
}

ds_code ds_question_sql(const ds_question *question, const ds_request *request, ds_buf *out,
                        ds_error *err) {
  ds_request asked;
  ds_snapshot view;
  TRY(check_options(question, &request->options, err));
  if (ds_option_flag(&request->options, "derive"))
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --derive adds events that SQL does not have");
  TRY(ds_question_look_back(question, request, &asked, &view, err));
  const ds_code code = question->sql(&asked, out, err);
  if (code == DS_OK)
    ds_sql_put_clashes(&asked, out);
  ds_question_look_ahead(request, &asked);
  return code != DS_OK ? code : ds_buf_check(out, "an SQL text", err);
}
