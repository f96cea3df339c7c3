// SPDX-License-Identifier: Apache-2.0
// The table `problems` of `quality`: what is odd, how often, an example, and what to do about it.
#include <stdio.h>
#include <stdlib.h>

#include "base/large.h"
#include "question/common.h"
#include "question/quality.h"
#include "question/spans.h"
#include "scan/property_types.h"

// A silence counts when so many events were to be expected: chance alone brings it about once in a
// million. A touchpoint whose events lie at midnight by this share has days, not times.
#define GAP_EXPECTED 14.0
#define MIDNIGHT_SHARE 0.9
// Fewer events than this say little about either, or about coverage.
enum { EVENTS_LEAST = 20 };
// Expected properties that fewer events carry are told.
#define COVERAGE_LEAST 0.5

static const ds_column problem_columns[] = {
    {"kind", DS_CELL_TEXT, "", "what is odd", false},
    {"count", DS_CELL_COUNT, "", "how often", false},
    {"of", DS_CELL_TEXT, "", "what is counted", true},
    {"share", DS_CELL_SHARE, "", "share of all of them", false},
    {"example", DS_CELL_TEXT, "", "one of them", false},
    {"advice", DS_CELL_TEXT, "", "what to do about it", false},
};
enum { PROBLEM_COLUMNS = 6 };

// What the kernel counts.
static const struct {
  const char *kind;
  bool customers; // else events
  const char *advice;
} counted[QUALITY_KINDS] = {
    [QUALITY_EQUAL_TIMES] = {"equal_times", false,
        "The order of events at one instant is that of arrival, and may be wrong: bring finer "
        "times, or put the rows in their true order."},
    [QUALITY_DUPLICATES] = {"duplicates", false,
        "Same customer, time, touchpoint and cases as another event: bring an event id, by which "
        "repeats are dropped."},
    [QUALITY_OUT_OF_ORDER] = {"out_of_order", false,
        "Every case of the event had reached a later stage before: compare clocks and time zones "
        "of the sources."},
    [QUALITY_WITHOUT_CASE] = {"without_case", false,
        "Orders and parcels cannot be followed through these events: bring their order_id or "
        "parcel_id, or let them go to the nearest case in time (attach)."},
    [QUALITY_LATE] = {"late_arrival", false,
        "Received more than a day after they happened: figures of the last days will still "
        "change."},
    [QUALITY_EARLY] = {"received_before", false,
        "Received before they happened: a clock or a time zone is wrong."},
    [QUALITY_FUTURE] = {"future", false,
        "Times after now: a clock, a time zone or the day-month order is wrong."},
    [QUALITY_UNIDENTIFIED] = {"unidentified_customers", true,
        "Known by an order or parcel alone: bring who placed it, or each order counts as a "
        "customer of its own."},
    [QUALITY_HEAVY] = {"heavy_customers", true,
        "Far more events than a person makes: a test account, a robot or a missing identifier; "
        "leave them out by a filter (where)."},
};

// A row of the table but for its example, which is the scratch text.
typedef struct row {
  const char *kind;
  uint64_t count;
  const char *of;
  double all; // share is the count of so many
  const char *advice;
  quality_problem problem;
} row;

// Whether --list means a row: an example is given as it is shown, or by its first word.
static bool is_wanted(const quality_wanted *wanted, const row *one, ds_str example) {
  if (!ds_str_equal(wanted->kind, ds_str_of(one->kind)))
    return false;
  uint32_t word = 0;
  while (word < example.size && example.data[word] != ' ' && example.data[word] != ',')
    word++;
  return wanted->example.data == NULL || ds_str_equal(wanted->example, example) ||
         ds_str_equal(wanted->example, (ds_str){example.data, word});
}

static ds_code put(quality_work *work, const row *one, ds_str example, ds_error *err) {
  ds_table *table = &work->result->tables[work->result->tables_count - 1];
  ds_cell *cell = ds_table_row(work->result, table);
  if (cell == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the problems: give more --memory");
  if (work->wanted != NULL && is_wanted(work->wanted, one, example)) {
    work->wanted->found++;
    work->wanted->problem = one->problem;
  }
  *cell++ = ds_cell_text(work->result, ds_str_of(one->kind));
  *cell++ = ds_cell_i64((int64_t)one->count);
  *cell++ = ds_cell_text(work->result, ds_str_of(one->of));
  *cell++ = one->all > 0 ? ds_cell_double((double)one->count / one->all) : ds_cell_null();
  *cell++ = example.size == 0 ? ds_cell_null() : ds_cell_text(work->result, example);
  *cell++ = ds_cell_text(work->result, ds_str_of(one->advice));
  return DS_OK;
}

static ds_str scratch(const quality_work *work) {
  ds_buf_tell(&work->text, work->result->arena);
  return (ds_str){(const char *)work->text.data, (uint32_t)work->text.size};
}

static ds_code put_counted(quality_work *work, ds_error *err) {
  const ds_names *names = &work->request->snapshot->space.touchpoints;
  for (uint32_t k = 0; k < QUALITY_KINDS; k++) {
    const quality_count *one = &work->state->kind[k];
    const quality_example *example = &one->example;
    char time[32];
    if (one->count == 0)
      continue;
    ds_buf_reset(&work->text);
    if (!ds_option_flag(&work->request->options, "anonymous"))
      ds_buf_printf(&work->text, "%.*s, ", (int)example->subject_size, example->subject);
    ds_buf_printf(&work->text, "%s, %s", ds_names_text(names, example->touchpoint),
                  ds_time_print(time, example->time_ms));
    const census_state *census = &work->state->census;
    const row found = {.kind = counted[k].kind,
                       .count = one->count,
                       .of = counted[k].customers ? "customers" : "events",
                       .all = (double)(counted[k].customers ? census->journeys : census->events),
                       .advice = counted[k].advice,
                       .problem = {.of = QUALITY_OF_KIND, .kind = (quality_kind)k}};
    TRY(put(work, &found, scratch(work), err));
  }
  return DS_OK;
}

static ds_code put_unknown(quality_work *work, ds_error *err) {
  const ds_names *names = &work->request->snapshot->space.touchpoints;
  for (uint32_t i = 0; i < work->order_count; i++) {
    const uint32_t t = work->order[i];
    const uint64_t events = work->state->census.touchpoint[t].events;
    char advice[512];
    if (work->known[t] != NULL)
      continue;
    const char *near = ds_catalogue_nearest(work->request->catalogue, names->text[t]);
    snprintf(advice, sizeof advice, "The catalogue does not know this name, so it has no stage and "
             "no owner: %s%s%sname it in doorstep.yaml, or import with --map.",
             near == NULL ? "" : "did you mean ", near == NULL ? "" : near,
             near == NULL ? "" : "? Else ");
    const row found = {"unknown_touchpoint", events, "events",
                       (double)work->state->census.events, advice,
                       {.of = QUALITY_OF_TOUCHPOINT, .touchpoint = t}};
    TRY(put(work, &found, names->text[t], err));
  }
  return DS_OK;
}

static ds_code put_gaps(quality_work *work, ds_error *err) {
  const ds_names *names = &work->request->snapshot->space.touchpoints;
  for (uint32_t i = 0; i < work->order_count; i++) {
    const uint32_t t = work->order[i];
    const quality_gap gap = ds_quality_gap(work, t);
    char from[32], to[32];
    if (gap.days == 0 || gap.expected < GAP_EXPECTED)
      continue;
    const int64_t day = work->days.first_day + gap.first_day;
    ds_buf_reset(&work->text);
    ds_buf_printf(&work->text, "%.*s, %s to %s", DS_STR(names->text[t]), ds_date_print(from, day),
                  ds_date_print(to, day + gap.days - 1));
    const row found = {"gap", gap.days, "days", (double)work->days.count,
                       "No such event on these days, when about as many as ever were to be "
                       "expected: events are missing; bring them in, or ask about a period without "
                       "these days.", {.of = QUALITY_OF_DAYS, .touchpoint = t}};
    TRY(put(work, &found, scratch(work), err));
  }
  return DS_OK;
}

static ds_code put_midnight(quality_work *work, ds_error *err) {
  const ds_names *names = &work->request->snapshot->space.touchpoints;
  for (uint32_t i = 0; i < work->order_count; i++) {
    const uint32_t t = work->order[i];
    const uint64_t events = work->state->census.touchpoint[t].events;
    const uint64_t midnight = work->state->touchpoint[t].midnight;
    if (events < EVENTS_LEAST || (double)midnight < MIDNIGHT_SHARE * (double)events)
      continue;
    const row found = {"date_only", midnight, "events", (double)events,
                       "These events tell the day and not the time: what happened before or after "
                       "them on that day is not known, and times to and from them are off by up "
                       "to a day.", {.of = QUALITY_OF_MIDNIGHT, .touchpoint = t}};
    TRY(put(work, &found, names->text[t], err));
  }
  return DS_OK;
}

// One expected property of the table `properties`: its row's cells are touchpoint, property,
// values, coverage, type, expected.
static ds_code put_expected(quality_work *work, const ds_cell *cell, ds_error *err) {
  const ds_space *space = &work->request->snapshot->space;
  quality_problem problem = {.touchpoint = ds_names_find(&space->touchpoints, cell[0].text),
                             .property = ds_names_find(&space->properties, cell[1].text)};
  const uint64_t events = work->state->census.touchpoint[problem.touchpoint].events;
  const uint64_t values = (uint64_t)cell[2].i;
  ds_buf_reset(&work->text);
  ds_buf_printf(&work->text, "%.*s.%.*s", DS_STR(cell[0].text), DS_STR(cell[1].text));
  if (events >= EVENTS_LEAST && cell[3].number < COVERAGE_LEAST) {
    problem.of = QUALITY_OF_LACKING;
    const row found = {"low_coverage", events - values, "events", (double)events,
                       "Fewer than half of the events carry this property: what is asked by it "
                       "covers them alone.", problem};
    TRY(put(work, &found, scratch(work), err));
  }
  // Of a sealed value nobody sees the type without its key.
  if (ds_str_equal(cell[4].text, cell[5].text) ||
      ds_str_equal(cell[4].text, ds_str_of(ds_type_name(DS_TYPE_SEALED))))
    return DS_OK;
  ds_buf_printf(&work->text, " is %.*s, expected %.*s", DS_STR(cell[4].text),
                DS_STR(cell[5].text));
  problem.of = QUALITY_OF_VALUES;
  const row found = {"unexpected_type", values, "events", (double)events,
                     "The catalogue expects another type, so what reads this property finds "
                     "nothing: convert it before the import.", problem};
  return put(work, &found, scratch(work), err);
}

// Expected properties that no event carries are told together: the catalogue names many.
static ds_code put_coverage(quality_work *work, ds_error *err) {
  enum { NAMED_MAX = 3 };
  const ds_table *table = ds_result_find(work->result, "properties");
  uint64_t expected = 0, missing = 0;
  ds_buf names;
  ds_buf_init(&names, 1u << 20);
  ds_code code = DS_OK;
  for (uint32_t r = 0; r < table->rows_count && code == DS_OK; r++) {
    const ds_cell *cell = table->cells + (size_t)r * table->columns_count;
    expected += !cell[5].null;
    if (!cell[5].null && !cell[4].null)
      code = put_expected(work, cell, err);
    if (cell[5].null || !cell[4].null)
      continue;
    if (missing++ < NAMED_MAX)
      ds_buf_printf(&names, "%s%.*s.%.*s", missing == 1 ? "" : ", ", DS_STR(cell[0].text),
                    DS_STR(cell[1].text));
  }
  const row found = {"missing_properties", missing, "properties", (double)expected,
                     "The catalogue expects these, and no event of the touchpoint carries them "
                     "(coverage 0 in the table properties): bring them, or rename the columns "
                     "that hold them.", {.of = QUALITY_OF_NAMES}};
  if (code == DS_OK && missing > 0)
    code = put(work, &found, (ds_str){(const char *)names.data, (uint32_t)names.size}, err);
  ds_buf_tell(&names, work->result->arena);
  ds_buf_done(&names);
  return code;
}

static ds_code put_types(quality_work *work, ds_error *err) {
  const ds_snapshot *snapshot = work->request->snapshot;
  const ds_columns *columns = &work->values_plan.columns;
  for (uint32_t p = 0; p < columns->properties_count; p++) {
    const uint16_t code = columns->properties[p];
    ds_property_kinds kinds;
    TRY(ds_property_kinds_of(snapshot, code, &kinds, err));
    if (kinds.types < 2)
      continue;
    uint64_t all = 0;
    for (uint32_t t = 0; t < DS_TYPES_COUNT; t++)
      all += kinds.values[t];
    ds_buf_reset(&work->text);
    ds_buf_printf(&work->text, "%s, read as %s",
                  ds_names_text(&snapshot->space.properties, code), ds_type_noun(kinds.type));
    const row found = {"type_conflict", all - kinds.values[kinds.type], "values", (double)all,
                       "Values of another type than most count as missing where one type is "
                       "wanted (counted over the whole store): make the sources agree.",
                       {.of = QUALITY_OF_TYPES, .property = code}};
    TRY(put(work, &found, scratch(work), err));
  }
  return DS_OK;
}

static ds_code put_shared(quality_work *work, ds_error *err) {
  const ds_names *names = &work->request->snapshot->space.keys;
  for (uint32_t k = 0; k < work->plan.columns.keys_count; k++) {
    const quality_hashes *all = &work->state->hashes[k];
    const char *name = ds_names_text(names, work->plan.columns.keys[k]);
    uint64_t values = 0, shared = 0;
    uint64_t *room = all->overflow ? NULL : ds_large_alloc((all->count + 1) * sizeof *room);
    const bool done = room != NULL && ds_spans_count(all->hash, all->count, room, &values, &shared);
    free(room);
    if (!done)
      ds_result_note(work->result, true, "Whether values of %s occur with more than one customer "
                     "was not checked: that needs more --memory.", name);
    const row found = {"shared_cases", shared, "cases", (double)values,
                       "One case with several customers is counted once for each: bring one "
                       "identifier per person, or values that are not used twice.",
                       {.of = QUALITY_OF_SHARED, .key = k}};
    if (shared > 0)
      TRY(put(work, &found, ds_str_of(name), err));
  }
  return DS_OK;
}

ds_code ds_quality_problems(quality_work *work, ds_error *err) {
  ds_table *table =
      ds_result_table(work->result, "problems", "What is odd", problem_columns, PROBLEM_COLUMNS);
  if (table == NULL)
    return ds_fail(err, DS_LIMIT, "too many tables");
  table->bar = "";
  table->beneath = "advice";
  TRY(put_unknown(work, err));
  TRY(put_counted(work, err));
  TRY(put_shared(work, err));
  TRY(put_types(work, err));
  TRY(put_gaps(work, err));
  TRY(put_midnight(work, err));
  return put_coverage(work, err);
}
