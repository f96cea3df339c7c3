// SPDX-License-Identifier: Apache-2.0
// `timeline`: one customer's journey, or one case of it, as a person would read it: what happened
// after what silence, in which stage, and whether what was promised was kept.
#include <stdio.h>

#include "model/identifier.h"
#include "question/common.h"
#include "question/find.h"
#include "question/timeline_events.h"
#include "scan/join.h"

const ds_option ds_timeline_options[] = {
    {"who", DS_OPTION_ARGUMENT, "WHO", "", NULL,
     "a customer's identifier, or a value of a case key (an order, a parcel)"},
    {"personal", DS_OPTION_FLAG, "", "", NULL,
     "personal values in clear, opened by the store's keys; else they show as (sealed)"},
};
const uint32_t ds_timeline_options_count =
    sizeof ds_timeline_options / sizeof *ds_timeline_options;

#define DEFINITION                                                                              \
  "Times are UTC; the gap is the time since the event before. A stage that a touchpoint does "  \
  "not say is that of the latest that does. A promise is the first day or instant of delivery " \
  "that an event of the case names; a day counts as kept until its end in the store's zone (%s)."

static const ds_column customer_columns[] = {
    {"customer", DS_CELL_TEXT, "", "the customer, as kind=identifier", false},
    {"events", DS_CELL_COUNT, "events", "events shown below", false},
    {"cases", DS_CELL_COUNT, "cases", "cases of all keys shown below", false},
    {"first", DS_CELL_TIME, "", "time of the first event", false},
    {"last", DS_CELL_TIME, "", "time of the last event", false},
    {"duration_ms", DS_CELL_DURATION, "ms", "from the first to the last", false},
    {"longest_gap_ms", DS_CELL_DURATION, "ms", "longest silence between two events", false},
};

static const ds_column case_columns[] = {
    {"key", DS_CELL_TEXT, "", "case key", false},
    {"case", DS_CELL_TEXT, "", "its value", false},
    {"events", DS_CELL_COUNT, "events", "events of the case", false},
    {"first", DS_CELL_TIME, "", "time of its first event", true},
    {"duration_ms", DS_CELL_DURATION, "ms", "from its first event to its last", false},
    {"last_touchpoint", DS_CELL_TEXT, "", "its last event", false},
    {"stage", DS_CELL_TEXT, "", "how far it came", true},
    {"promised", DS_CELL_TEXT, "", "day or instant of delivery promised first", true},
    {"promise", DS_CELL_TEXT, "", "whether it was kept", false},
    {"delivered", DS_CELL_TIME, "", "when it was delivered", true},
    {"late_ms", DS_CELL_DURATION, "ms", "from what was promised to delivery, or else to as_of",
     true},
};

static const ds_column event_columns[] = {
    {"case", DS_CELL_TEXT, "", "case", false},
    {"time", DS_CELL_TIME, "", "when it happened", false},
    {"gap_ms", DS_CELL_DURATION, "ms", "time since the event before", false},
    {"touchpoint", DS_CELL_TEXT, "", "what happened", false},
    {"stage", DS_CELL_TEXT, "", "stage of the journey", true},
    {"cases", DS_CELL_ITEMS, "", "the cases that it belongs to", true},
    {"promised", DS_CELL_TEXT, "", "day or instant of delivery that it names", true},
    {"details", DS_CELL_ITEMS, "", "its properties", false},
};
enum { CUSTOMER_COLUMNS = 7, CASE_COLUMNS = 11, EVENT_COLUMNS = 8 };
// Of the event columns: when the events are grouped by case, and when they are not.
enum { EVENT_CASE = 0, EVENT_CASES = 5 };

// One case among the events shown.
typedef struct timeline_case {
  uint32_t key;
  uint64_t hash;
  ds_str text;
} timeline_case;

typedef struct timeline_work {
  const ds_request *request;
  ds_plan plan;
  ds_arena arena;
  ds_result *result;
  ds_found who;
  bool one_case; // the identifier names a case: only its events are shown
  uint32_t case_key; // of --case; DS_NONE = events are not grouped
  timeline_event *events;
  uint32_t events_count;
  timeline_case *cases;
  uint32_t cases_count;
} timeline_work;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a timeline: give more --memory");
}

// Those that are customers go before those that have a case so named.
static ds_code choose(timeline_work *work, const ds_found *found, uint64_t count, const char *who,
                      ds_error *err) {
  uint64_t customers = 0;
  const ds_found *first[3] = {NULL};
  for (uint64_t i = 0; i < count; i++)
    customers += found[i].key == DS_NONE;
  uint64_t named = 0;
  for (uint64_t i = 0; i < count; i++) {
    if (customers > 0 && found[i].key != DS_NONE)
      continue;
    if (named < 3)
      first[named] = &found[i];
    named++;
  }
  if (named == 0)
    return ds_fail(err, DS_EXPRESSION, "no customer and no case is called '%.100s'; doorstep find "
                   "--where … lists some", who);
  char text[32];
  if (named > 1)
    return ds_fail(err, DS_EXPRESSION, "'%.100s' means %s customers: name one as %.*s or %.*s%s",
                   who, ds_human_count(text, named), DS_STR(first[0]->subject),
                   DS_STR(first[1]->subject), named > 2 ? " or …" : "");
  work->who = *first[0];
  work->one_case = work->who.key != DS_NONE;
  return DS_OK;
}

// The case key by which an identifier without a kind names an object of the customer, DS_NONE when
// it names the customer.
static ds_code find_object(const timeline_work *work, const char *who, const ds_found *found,
                           uint32_t *ret_key, ds_error *err) {
  const ds_snapshot *snapshot = work->request->snapshot;
  *ret_key = DS_NONE;
  for (uint32_t o = 0; ds_identifier_object(o) != NULL && *ret_key == DS_NONE; o++) {
    const ds_str kind = ds_str_of(ds_identifier_object(o));
    const uint32_t key = ds_names_find(&snapshot->space.keys, kind);
    char subject[1024];
    const int size = snprintf(subject, sizeof subject, "%.*s=%s", DS_STR(kind), who);
    if (key == DS_NONE || (size_t)size >= sizeof subject ||
        ds_str_equal(found->subject, ds_str_of(subject)))
      continue;
    uint32_t customer = DS_NONE;
    TRY(ds_snapshot_find(snapshot, ds_str_of(subject), &customer, err));
    if (customer == found->customer)
      *ret_key = key;
  }
  return DS_OK;
}

// Leaves out customers all of whose events happened after --as-of: today they have a name.
static ds_code drop_unseen(timeline_work *work, uint32_t *customers, uint32_t *count,
                           ds_error *err) {
  const ds_request *request = work->request;
  uint32_t kept = 0;
  for (uint32_t c = 0; c < *count; c++) {
    const ds_plan one = {.has_customer = true, .customer = customers[c]};
    ds_found *found = NULL;
    uint64_t journeys = 1;
    if (request->snapshot->cut.has_time)
      TRY(ds_find_run(request, &one, NULL, &work->arena, &found, &journeys, err));
    if (journeys > 0)
      customers[kept++] = customers[c];
  }
  *count = kept;
  return DS_OK;
}

// A customer is looked up by its identifiers; all journeys are looked through only when it is none.
static ds_code find_who(timeline_work *work, const char *who, ds_error *err) {
  const ds_request *request = work->request;
  const ds_plan all = {.threads = request->threads, .progress = request->progress};
  uint32_t *customers = NULL, named = 0;
  ds_found *found = NULL;
  uint64_t count = 0;
  TRY(ds_snapshot_named(request->snapshot, ds_str_of(who), &work->arena, &customers, &named, err));
  TRY(drop_unseen(work, customers, &named, err));
  if (named == 0) {
    TRY(ds_find_run(request, &all, who, &work->arena, &found, &count, err));
    return choose(work, found, count, who, err);
  }
  found = ds_arena_array(&work->arena, named, sizeof *found);
  if (found == NULL)
    return no_memory(err);
  for (uint32_t c = 0; c < named; c++) {
    found[c] = (ds_found){.customer = customers[c], .key = DS_NONE};
    TRY(ds_snapshot_subject(request->snapshot, customers[c], &work->arena, &found[c].subject,
                            err));
    TRY(find_object(work, who, &found[c], &found[c].key, err));
  }
  return choose(work, found, named, who, err);
}

static ds_code prepare(timeline_work *work, ds_error *err) {
  const ds_request *request = work->request;
  const ds_option_set *options = &request->options;
  const char *who = ds_option_get(options, "who");
  TRY(ds_option_refuse(options, "timeline", (const char *const[]){"by", "attach"}, 2, err));
  if (ds_option_get(options, "list") != NULL)
    return ds_fail(err, DS_USAGE, "timeline takes no --list: its rows are the events themselves");
  if (who == NULL)
    return ds_fail(err, DS_USAGE, "timeline needs a customer or a case; for example: doorstep "
                   "timeline C17");
  TRY(ds_question_plan(request, &work->plan, err));
  if (work->plan.where == NULL)
    TRY(ds_plan_leave_links(request, &work->plan, err));
  work->case_key = work->plan.has_case ? work->plan.case_key : DS_NONE;
  work->plan.has_case = false;
  // Of one customer single events are wanted, not all or nothing.
  bool has_range = false;
  for (uint32_t i = 0; i < options->count; i++)
    has_range |= strcmp(options->values[i].name, "range") == 0;
  if (!has_range)
    work->plan.range = DS_RANGE_EVENTS;
  for (uint32_t o = 0; o < work->result->options_count && !has_range; o++)
    if (strcmp(work->result->options[o].name, "range") == 0)
      work->result->options[o].text = "events";
  return find_who(work, who, err);
}

static ds_code collect(timeline_work *work, ds_error *err) {
  const uint64_t hash = ds_key_hash(ds_str_of(ds_option_get(&work->request->options, "who")));
  TRY(ds_timeline_collect(work->request, &work->plan, work->who.customer, &work->arena,
                          &work->events, &work->events_count, err));
  if (!work->one_case)
    return DS_OK;
  uint32_t kept = 0;
  for (uint32_t e = 0; e < work->events_count; e++)
    if (timeline_has(&work->events[e], work->who.key, hash))
      work->events[kept++] = work->events[e];
  work->events_count = kept;
  return DS_OK;
}

// The cases of the events in the order in which they begin; of --case's key only, when given.
static ds_code cases_find(timeline_work *work, ds_error *err) {
  uint64_t values = 0;
  for (uint32_t e = 0; e < work->events_count; e++)
    values += work->events[e].keys_count;
  work->cases = ds_arena_array(&work->arena, values + 1, sizeof *work->cases);
  if (work->cases == NULL)
    return no_memory(err);
  ds_map64 seen;
  ds_map64_init(&seen);
  ds_code code = DS_OK;
  for (uint32_t e = 0; e < work->events_count && code == DS_OK; e++) {
    for (uint32_t k = 0; k < work->events[e].keys_count; k++) {
      const timeline_key *key = &work->events[e].keys[k];
      if (work->case_key != DS_NONE && key->key != work->case_key)
        continue;
      uint32_t *slot = ds_map64_put(&seen, key->hash ^ (uint64_t)key->key * 0x9e3779b97f4a7c15u);
      if (slot == NULL)
        code = no_memory(err);
      if (slot == NULL || *slot != DS_NONE)
        continue;
      *slot = work->cases_count;
      work->cases[work->cases_count++] = (timeline_case){key->key, key->hash, key->text};
    }
  }
  ds_map64_done(&seen);
  return code;
}

static ds_stage stage_of(const timeline_work *work, uint32_t touchpoint, ds_stage before) {
  const ds_str name = work->request->snapshot->space.touchpoints.text[touchpoint];
  const ds_touchpoint *row = ds_catalogue_find(work->request->catalogue, name);
  return row == NULL || row->stage == DS_STAGE_ANY ? before : row->stage;
}

static ds_cell stage_cell(timeline_work *work, ds_stage stage) {
  if (stage == DS_STAGE_ANY)
    return ds_cell_null();
  return ds_cell_text(work->result, ds_str_of(ds_stage_name(stage)));
}

static ds_cell touchpoint_cell(timeline_work *work, uint32_t touchpoint) {
  return ds_cell_text(work->result, work->request->snapshot->space.touchpoints.text[touchpoint]);
}

// How long after the promise it was delivered, or else is now. A day is compared with days, an
// instant with instants.
static int64_t late_ms_of(const timeline_work *work, const timeline_event *promise,
                          const timeline_event *delivered) {
  const int64_t at = delivered != NULL ? delivered->time_ms : work->result->as_of_ms;
  return promise->promise == TIMELINE_DAY
             ? (ds_question_day(work->request, at) - promise->promised) * DS_DAY_MS
             : at - promise->promised;
}

// Whether the promise was kept, in words.
static ds_cell promise_cell(timeline_work *work, const timeline_event *promise,
                            const timeline_event *delivered) {
  const bool day = promise->promise == TIMELINE_DAY;
  const int64_t late_ms = late_ms_of(work, promise, delivered);
  const int64_t off_ms = late_ms < 0 ? -late_ms : late_ms;
  char text[96], duration[32];
  if (day)
    snprintf(duration, sizeof duration, "%lld day%s", (long long)(off_ms / DS_DAY_MS),
             off_ms == DS_DAY_MS ? "" : "s");
  else
    ds_human_duration(duration, off_ms);
  if (delivered == NULL)
    snprintf(text, sizeof text, late_ms > 0 ? "not delivered, %s over" : "open", duration);
  else if (late_ms > 0)
    snprintf(text, sizeof text, "%s late", duration);
  else
    snprintf(text, sizeof text, late_ms < 0 ? "kept, %s early" : "kept", duration);
  return ds_cell_text(work->result, ds_str_of(text));
}

static ds_cell promised_cell(timeline_work *work, const timeline_event *promise) {
  char text[32];
  return ds_cell_text(work->result, ds_str_of(promise->promise == TIMELINE_DAY
                                              ? ds_date_print(text, promise->promised)
                                              : ds_time_print(text, promise->promised)));
}

static void put_case(timeline_work *work, const timeline_case *one, ds_cell *cell) {
  const ds_str delivered_name = ds_str_of("delivered");
  const timeline_event *first = NULL, *last = NULL, *promise = NULL, *delivered = NULL;
  ds_stage stage = DS_STAGE_ANY;
  uint64_t events = 0;
  for (uint32_t e = 0; e < work->events_count; e++) {
    const timeline_event *event = &work->events[e];
    if (!timeline_has(event, one->key, one->hash))
      continue;
    events++;
    first = first == NULL ? event : first;
    last = event;
    stage = stage_of(work, event->touchpoint, stage);
    if (promise == NULL && event->promise != TIMELINE_NO_PROMISE)
      promise = event;
    if (ds_str_equal(work->request->snapshot->space.touchpoints.text[event->touchpoint],
                     delivered_name))
      delivered = event;
  }
  const ds_names *keys = &work->request->snapshot->space.keys;
  *cell++ = ds_cell_text(work->result, keys->text[one->key]);
  *cell++ = ds_cell_text(work->result, one->text);
  *cell++ = ds_cell_i64((int64_t)events);
  *cell++ = ds_cell_i64(first->time_ms);
  *cell++ = ds_cell_double((double)(last->time_ms - first->time_ms));
  *cell++ = touchpoint_cell(work, last->touchpoint);
  *cell++ = stage_cell(work, stage);
  *cell++ = promise == NULL ? ds_cell_null() : promised_cell(work, promise);
  *cell++ = promise == NULL ? ds_cell_null() : promise_cell(work, promise, delivered);
  *cell++ = delivered == NULL ? ds_cell_null() : ds_cell_i64(delivered->time_ms);
  *cell++ = promise == NULL ? ds_cell_null()
                            : ds_cell_double((double)late_ms_of(work, promise, delivered));
}

static ds_code put_customer(timeline_work *work, ds_error *err) {
  ds_table *table = ds_result_table(work->result, "customer", "The customer", customer_columns,
                                    CUSTOMER_COLUMNS);
  ds_cell *cell = table == NULL ? NULL : ds_table_row(work->result, table);
  if (cell == NULL)
    return no_memory(err);
  *cell++ = ds_cell_text(work->result, work->who.subject);
  *cell++ = ds_cell_i64(work->events_count);
  *cell++ = ds_cell_i64(work->cases_count);
  if (work->events_count == 0)
    return DS_OK;
  const int64_t first = work->events[0].time_ms;
  const int64_t last = work->events[work->events_count - 1].time_ms;
  int64_t longest = 0;
  for (uint32_t e = 1; e < work->events_count; e++) {
    const int64_t gap = work->events[e].time_ms - work->events[e - 1].time_ms;
    longest = gap > longest ? gap : longest;
  }
  *cell++ = ds_cell_i64(first);
  *cell++ = ds_cell_i64(last);
  *cell++ = ds_cell_double((double)(last - first));
  *cell++ = ds_cell_double((double)longest);
  return DS_OK;
}

static ds_code put_cases(timeline_work *work, ds_error *err) {
  ds_table *table =
      ds_result_table(work->result, "cases", "Its cases", case_columns, CASE_COLUMNS);
  if (table != NULL)
    table->bar = "";
  for (uint32_t c = 0; c < work->cases_count; c++) {
    ds_cell *cell = table == NULL ? NULL : ds_table_row(work->result, table);
    if (cell == NULL)
      return no_memory(err);
    put_case(work, &work->cases[c], cell);
  }
  return DS_OK;
}

// "order_id=O16", "parcel_id=P3".
static ds_cell cases_cell(timeline_work *work, const timeline_event *event) {
  const ds_names *keys = &work->request->snapshot->space.keys;
  ds_buf text;
  ds_buf_init(&text, 64u << 10);
  for (uint32_t k = 0; k < event->keys_count; k++) {
    if (k > 0)
      ds_buf_u8(&text, DS_LIST_SEPARATOR);
    ds_buf_printf(&text, "%s=%.*s", ds_names_text(keys, event->keys[k].key),
                  DS_STR(event->keys[k].text));
  }
  const ds_cell cell = ds_cell_text(work->result, (ds_str){(const char *)text.data,
                                                           (uint32_t)text.size});
  ds_buf_tell(&text, work->result->arena);
  ds_buf_done(&text);
  return cell;
}

// The events of one case, or all.
static ds_code put_group(timeline_work *work, const timeline_case *one, ds_table *table,
                         ds_error *err) {
  const timeline_event *before = NULL;
  ds_stage stage = DS_STAGE_ANY;
  for (uint32_t e = 0; e < work->events_count; e++) {
    const timeline_event *event = &work->events[e];
    if (one != NULL && !timeline_has(event, one->key, one->hash))
      continue;
    ds_cell *cell = table == NULL ? NULL : ds_table_row(work->result, table);
    if (cell == NULL)
      return no_memory(err);
    stage = stage_of(work, event->touchpoint, stage);
    if (one != NULL)
      *cell++ = ds_cell_text(work->result, one->text);
    *cell++ = ds_cell_i64(event->time_ms);
    *cell++ = before == NULL ? ds_cell_null()
                             : ds_cell_double((double)(event->time_ms - before->time_ms));
    *cell++ = touchpoint_cell(work, event->touchpoint);
    *cell++ = stage_cell(work, stage);
    if (one == NULL)
      *cell++ = cases_cell(work, event);
    *cell++ = event->promise == TIMELINE_NO_PROMISE ? ds_cell_null() : promised_cell(work, event);
    *cell++ = event->details.size == 0 ? ds_cell_null()
                                       : ds_cell_text(work->result, event->details);
    before = event;
  }
  return DS_OK;
}

static ds_code put_events(timeline_work *work, ds_error *err) {
  const bool grouped = work->case_key != DS_NONE;
  ds_column *columns = ds_arena_array(work->result->arena, EVENT_COLUMNS, sizeof *columns);
  uint32_t count = 0;
  for (uint32_t c = 0; columns != NULL && c < EVENT_COLUMNS; c++)
    if (c != (grouped ? EVENT_CASES : EVENT_CASE))
      columns[count++] = event_columns[c];
  ds_table *table = columns == NULL ? NULL : ds_result_table(work->result, "events",
                                                             "What happened", columns, count);
  if (table != NULL)
    table->beneath = "details";
  if (!grouped)
    return put_group(work, NULL, table, err);
  for (uint32_t c = 0; c < work->cases_count; c++)
    TRY(put_group(work, &work->cases[c], table, err));
  return DS_OK;
}

// By what else the customer is known.
static ds_code note_identifiers(timeline_work *work, ds_error *err) {
  const ds_snapshot *snapshot = work->request->snapshot;
  const ds_identity *identity = snapshot->identity;
  enum { SHOWN = 5 };
  if (identity == NULL)
    return DS_OK;
  const ds_slots slots = ds_join_slots(identity, work->who.customer);
  uint32_t others = 0;
  ds_buf text;
  ds_buf_init(&text, 1u << 20);
  ds_code code = DS_OK;
  for (uint32_t slot = slots.first + 1; slot < slots.end && code == DS_OK; slot++, others++) {
    ds_str subject = {NULL, 0};
    if (others >= SHOWN)
      continue;
    code = ds_snapshot_subject(snapshot, identity->subject[identity->order[slot]], &work->arena,
                               &subject, err);
    ds_buf_printf(&text, "%s%.*s", text.size == 0 ? "" : ", ", DS_STR(subject));
  }
  ds_str *names = NULL;
  uint32_t count = 0;
  if (code == DS_OK)
    code = ds_identity_names(snapshot, work->who.customer, &work->arena, &names, &count, err);
  for (uint32_t n = 0; n < count; n++)
    if (others++ < SHOWN)
      ds_buf_printf(&text, "%s%.*s", text.size == 0 ? "" : ", ", DS_STR(names[n]));
  char more[64];
  snprintf(more, sizeof more, " and %u more", others > SHOWN ? others - SHOWN : 0);
  if (code == DS_OK && others > 0)
    ds_result_note(work->result, false, "%.*s is known by %s%s too.", DS_STR(work->who.subject),
                   ds_buf_cstr(&text), others > SHOWN ? more : "");
  ds_buf_tell(&text, work->result->arena);
  ds_buf_done(&text);
  return code;
}

static ds_code answer(timeline_work *work, ds_error *err) {
  TRY(prepare(work, err));
  TRY(collect(work, err));
  TRY(ds_question_note_types(work->request, &work->plan, work->result, err));
  TRY(cases_find(work, err));
  TRY(put_customer(work, err));
  TRY(put_cases(work, err));
  TRY(put_events(work, err));
  TRY(note_identifiers(work, err));
  if (work->one_case)
    ds_result_note(work->result, false, "Only what belongs to this case is shown; doorstep "
                   "timeline %.*s shows the customer's whole journey.",
                   DS_STR(work->who.subject));
  return DS_OK;
}

ds_code ds_timeline_answer(const ds_request *request, ds_result *result, ds_error *err) {
  timeline_work work = {.request = request, .result = result};
  char definition[sizeof DEFINITION + 64];
  ds_arena_init(&work.arena, request->memory_bytes);
  const ds_code code = answer(&work, err);
  ds_arena_done(&work.arena);
  snprintf(definition, sizeof definition, DEFINITION,
           request->zone_name == NULL ? "UTC" : request->zone_name);
  result->definition = ds_arena_text(result->arena, definition, strlen(definition));
  return code;
}

ds_code ds_timeline_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  ds_result none;
  ds_result_init(&none, request->arena, "timeline");
  timeline_work work = {.request = request, .result = &none};
  ds_arena_init(&work.arena, request->memory_bytes);
  ds_code code = prepare(&work, err);
  const ds_names *keys = &request->snapshot->space.keys;
  if (code == DS_OK)
    code = ds_timeline_text(request, &work.plan, work.who.subject,
                            work.one_case ? ds_names_text(keys, work.who.key) : NULL, out, err);
  ds_arena_done(&work.arena);
  return code;
}
