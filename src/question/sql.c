// SPDX-License-Identifier: Apache-2.0
// See sql.h.
#include "question/sql.h"

#include <strings.h>

#include "question/common.h"
#include "question/property.h"
#include "scan/property_types.h"

static void put_quoted(ds_buf *out, const char *text, char quote) {
  ds_buf_append(out, &quote, 1);
  for (; *text != '\0'; text++) {
    ds_buf_append(out, text, 1);
    if (*text == quote)
      ds_buf_append(out, &quote, 1);
  }
  ds_buf_append(out, &quote, 1);
}

void ds_sql_put_name(ds_buf *out, const char *name) { put_quoted(out, name, '"'); }

void ds_sql_put_text(ds_buf *out, const char *text) { put_quoted(out, text, '\''); }

// The condition that an event time lies in the period.
static void put_period(ds_buf *out, const ds_plan *plan, const char *time) {
  if (plan->has_from)
    ds_buf_printf(out, "epoch_ms(%s) >= %lld", time, (long long)plan->from_ms);
  if (plan->has_from && plan->has_to)
    ds_buf_text(out, " AND ");
  if (plan->has_to)
    ds_buf_printf(out, "epoch_ms(%s) < %lld", time, (long long)plan->to_ms);
}

// What --cases and the period leave, behind "chosen AS (SELECT * FROM cased".
static void put_chosen(ds_buf *out, const ds_request *request, const ds_plan *plan) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  if (plan->cases != NULL)
    ds_buf_text(out, " WHERE (customer, of_case) IN (SELECT (customer, of_case) FROM met)");
  for (uint32_t t = 0; plan->hidden != NULL && t < names->count; t++)
    if (plan->hidden[t] != 0) {
      ds_buf_text(out, " AND touchpoint <> ");
      ds_sql_put_text(out, ds_names_text(names, t));
    }
  if (!plan->has_from && !plan->has_to)
    return;
  if (plan->range == DS_RANGE_EVENTS) {
    ds_buf_text(out, plan->cases != NULL ? " AND " : " WHERE ");
    put_period(out, plan, "time");
    return;
  }
  ds_buf_text(out, " WINDOW cases AS (PARTITION BY customer, of_case) QUALIFY ");
  ds_buf_text(out, plan->range == DS_RANGE_TOUCHING ? "bool_or(" : "(");
  put_period(out, plan, plan->range == DS_RANGE_STARTED     ? "(min(time) OVER cases)"
                        : plan->range == DS_RANGE_COMPLETED ? "(max(time) OVER cases)"
                                                            : "time");
  ds_buf_text(out, plan->range == DS_RANGE_TOUCHING ? ") OVER cases" : ")");
}

void ds_sql_put_events(const ds_request *request, ds_buf *out) {
  const ds_cut *cut = &request->snapshot->cut;
  if (!cut->has_time && !cut->has_received) {
    ds_buf_text(out, "events");
    return;
  }
  ds_buf_text(out, "(SELECT * FROM events WHERE ");
  if (cut->has_time)
    ds_buf_printf(out, "epoch_ms(time) <= %lld", (long long)cut->time_ms);
  if (cut->has_time && cut->has_received)
    ds_buf_text(out, " AND ");
  if (cut->has_received)
    ds_buf_printf(out, "epoch_ms(received) <= %lld", (long long)cut->received_ms);
  ds_buf_text(out, ")");
}

void ds_sql_put_plain(const ds_request *request, ds_buf *out) {
  const ds_names *keys = &request->snapshot->space.keys;
  ds_buf_text(out, "c.customer, c.time, c.arrival, c.touchpoint");
  for (uint32_t k = 0; k < keys->count; k++) {
    ds_buf_text(out, ", c.");
    ds_sql_put_name(out, ds_names_text(keys, k));
  }
}

// Whether another column is called so, whatever the case; of two properties the one that comes
// first in the store has the name.
static bool is_taken(const ds_space *space, uint32_t property) {
  static const char *const own[] = {"customer", "time",   "touchpoint", "stage",
                                    "actor",    "source", "received",   "arrival"};
  const ds_str name = space->properties.text[property];
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (ds_str_equal_nocase(name, ds_str_of(own[i])))
      return true;
  for (uint32_t k = 0; k < space->keys.count; k++)
    if (ds_str_equal_nocase(name, space->keys.text[k]))
      return true;
  for (uint32_t p = 0; p < property; p++)
    if (ds_str_equal_nocase(name, space->properties.text[p]))
      return true;
  return false;
}

void ds_sql_put_clashes(const ds_request *request, ds_buf *out) {
  const ds_space *space = &request->snapshot->space;
  for (uint32_t p = 0; p < space->properties.count; p++) {
    const ds_str name = space->properties.text[p];
    // A line break would end the remark.
    const bool one_line = memchr(name.data, '\n', name.size) == NULL &&
                          memchr(name.data, '\r', name.size) == NULL;
    if (one_line && is_taken(space, p))
      ds_buf_printf(out, "-- The property %.*s is called like another column: where this text "
                    "means it, write \"property:%.*s\".\n", DS_STR(name), DS_STR(name));
  }
}

// What stands beside the events' own columns.
static ds_code check_names(const ds_names *names, ds_error *err) {
  static const char *const beside[] = {"of_case", "of_group", "of_item", "of_now"};
  for (uint32_t n = 0; n < names->count; n++)
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
      if (ds_str_equal_nocase(names->text[n], ds_str_of(beside[i])))
        return ds_fail(err, DS_UNSUPPORTED, "no SQL form: the text has a column of its own called "
                       "%s", beside[i]);
  return DS_OK;
}

// What no SQL text here says, then "WITH kept AS (…)".
static ds_code put_kept(const ds_request *request, const ds_plan *plan, ds_buf *out,
                        ds_error *err) {
  static const char *const without[] = {"list", "sort", "limit"};
  for (uint32_t i = 0; i < sizeof without / sizeof *without; i++)
    if (ds_option_get(&request->options, without[i]) != NULL)
      return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --%s", without[i]);
  if (plan->attach_nearest)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --attach nearest");
  TRY(check_names(&request->snapshot->space.keys, err));
  TRY(check_names(&request->snapshot->space.properties, err));
  ds_buf_text(out, "WITH kept AS (SELECT * FROM ");
  ds_sql_put_events(request, out);
  if (plan->where != NULL) {
    ds_buf_text(out, " WHERE ");
    TRY(ds_expression_sql(plan->where, out, err));
  }
  ds_buf_text(out, ")");
  return DS_OK;
}

ds_code ds_sql_cases(const ds_request *request, const ds_plan *plan,
                     const char *const *properties, uint32_t properties_count, ds_buf *out,
                     ds_error *err) {
  const char *key = ds_option_get(&request->options, "case");
  ds_sql_by by;
  TRY(ds_sql_by_read(request, &by, err));
  TRY(put_kept(request, plan, out, err));
  ds_buf_text(out, ", cased AS (SELECT ");
  const bool all = plan->cases != NULL || properties == NULL;
  if (all)
    ds_buf_text(out, "*, ");
  else
    ds_buf_text(out, "customer, time, arrival, touchpoint, ");
  bool more = !all && by.property != NULL;
  for (uint32_t p = 0; !all && p < properties_count; p++) {
    more = more && strcmp(properties[p], by.property) != 0;
    ds_sql_put_named("@, ", properties[p], out);
  }
  if (more)
    ds_sql_put_named("@, ", by.property, out);
  ds_sql_put_named(key == NULL ? "'' AS of_case" : "unnest(list_distinct(@)) AS of_case", key, out);
  ds_buf_text(out, " FROM kept)");
  TRY(ds_sql_put_met(plan, "cased", out, err));
  ds_buf_text(out, ", chosen AS (SELECT * FROM cased");
  put_chosen(out, request, plan);
  ds_buf_text(out, ")");
  return DS_OK;
}

// The text of a value of --by by its type, as ds_value_print has it; NULL: none is said here.
static const char *const by_values[DS_TYPES_COUNT] = {
    [DS_TYPE_NULL] = "NULL::VARCHAR",
    [DS_TYPE_STRING] = "@",
    [DS_TYPE_BOOL] = "@::VARCHAR",
    [DS_TYPE_DATE] = "@::VARCHAR",
    [DS_TYPE_NUMBER] = "CASE WHEN @ = trunc(@) AND abs(@) < 9007199254740992 THEN "
                       "@::BIGINT::VARCHAR ELSE @::DOUBLE::VARCHAR END",
    [DS_TYPE_TIME] = "strftime(@, '%Y-%m-%dT%H:%M:%S') || CASE WHEN epoch_ms(@) % 1000 = 0 THEN "
                     "'Z' ELSE strftime(@, '.%gZ') END",
};

ds_code ds_sql_by_read(const ds_request *request, ds_sql_by *ret_by, ds_error *err) {
  const ds_space *space = &request->snapshot->space;
  const char *name = ds_option_get(&request->options, "by");
  const char *node = ds_option_get(&request->options, "node");
  ds_property_ref ref;
  ds_property_kinds kinds;
  ds_plan plan = {0};
  uint64_t top = 0;
  ds_buf show;
  *ret_by = (ds_sql_by){.part = "", .show = ""};
  if (name == NULL)
    return DS_OK;
  TRY(ds_option_count(&request->options, "top", 1, &top, err));
  TRY(ds_property_add(request->snapshot, &plan, "by", name, request->arena, &ref, err));
  TRY(ds_property_kinds_of(request->snapshot, ref.code, &kinds, err));
  if (kinds.types > 1)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: %s has values of several types",
                   ds_names_text(&space->properties, ref.code));
  if (by_values[kinds.type] == NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --by of %s", ds_type_noun(kinds.type));
  ds_buf_init(&show, 4096);
  ds_sql_put_named("of_group.label AS @, ", name, &show);
  *ret_by = (ds_sql_by){.name = name, .property = ds_names_text(&space->properties, ref.code),
                        .only = ref.touchpoint == DS_NONE
                                    ? NULL
                                    : ds_names_text(&space->touchpoints, ref.touchpoint),
                        // Where nodes stand for touchpoints, what happened is called so.
                        .touchpoint = node == NULL || strcmp(node, "touchpoint") == 0
                                          ? "touchpoint"
                                          : "happened",
                        .value = by_values[kinds.type],
                        .top = top < 10000 ? (unsigned)top : 10000,
                        .part = "of_group, ",
                        .show = ds_buf_keep(&show, request->arena)};
  ds_buf_done(&show);
  return ret_by->show == NULL ? ds_fail(err, DS_MEMORY, "out of memory for SQL") : DS_OK;
}

void ds_sql_put_parts(const ds_sql_by *by, const char *of_case, const char *source,
                      ds_buf *out) {
  if (by->name == NULL)
    return;
  ds_buf_printf(out, ", group_values AS (SELECT customer, %s, first(", of_case);
  ds_sql_put_named(by->value, by->property, out);
  ds_sql_put_named(" ORDER BY time, arrival) FILTER (@ IS NOT NULL", by->property, out);
  if (by->only != NULL) {
    ds_buf_printf(out, " AND %s = ", by->touchpoint);
    ds_sql_put_text(out, by->only);
  }
  ds_buf_printf(out, ") AS v FROM %s GROUP BY ALL), group_places AS (SELECT v, row_number() OVER "
                "(ORDER BY count(*) DESC, v) AS place FROM group_values WHERE v IS NOT NULL GROUP "
                "BY v), parts AS (SELECT customer, %s, CASE WHEN v IS NULL THEN {'place': %u, "
                "'label': '(none)'} WHEN place > %u THEN {'place': %u, 'label': 'other'} ELSE "
                "{'place': place, 'label': v} END AS of_group FROM group_values LEFT JOIN "
                "group_places USING (v))", source, of_case, by->top + 2, by->top, by->top + 1);
}

void ds_sql_put_groups(const ds_sql_by *by, const char *of_case, ds_buf *out,
                       const char **source) {
  if (by->name == NULL)
    return;
  ds_sql_put_parts(by, of_case, *source, out);
  ds_buf_printf(out, ", grouped AS (SELECT e.*, p.of_group FROM %s e JOIN parts p ON p.customer = "
                "e.customer AND p.%s = e.%s)", *source, of_case, of_case);
  *source = "grouped";
}

void ds_sql_put_by(const ds_sql_by *by, const char *text, ds_buf *out) {
  for (; *text != '\0'; text++) {
    if (*text == '~')
      ds_buf_text(out, by->part);
    else if (*text == '^')
      ds_buf_text(out, by->show);
    else if (*text == '`')
      ds_buf_text(out, by->name == NULL ? "" : "PARTITION BY of_group ");
    else
      ds_buf_append(out, text, 1);
  }
}

// Adds the properties that one expression reads to those named already.
static ds_code add_reads(const ds_request *request, const ds_expression *expression,
                         const char ***names, uint32_t *count, ds_error *err) {
  const ds_read_name *reads = NULL;
  uint32_t reads_count = 0;
  TRY(ds_expression_reads(expression, request->arena, &reads, &reads_count, err));
  const char **grown = ds_arena_array(request->arena, *count + reads_count + 1u, sizeof *grown);
  if (grown == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  if (*count > 0)
    memcpy(grown, *names, *count * sizeof *grown);
  for (uint32_t n = 0; n < reads_count; n++) {
    const ds_str name = reads[n].name;
    const bool property = strcmp(reads[n].kind, "property") == 0;
    if (!property && !ds_str_equal(name, ds_str_of("touchpoint")) &&
        !ds_str_equal(name, ds_str_of("time")) && strcmp(reads[n].kind, "touchpoint") != 0)
      return ds_fail(err, DS_UNSUPPORTED, "no SQL form: %.*s is asked for after --case",
                     DS_STR(name));
    uint32_t at = 0;
    while (property && at < *count && !ds_str_equal(name, ds_str_of(grown[at])))
      at++;
    if (!property || at < *count)
      continue;
    grown[at] = ds_arena_text(request->arena, name.data, name.size);
    if (grown[at] == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for SQL");
    ++*count;
  }
  *names = grown;
  return DS_OK;
}

ds_code ds_sql_reads(const ds_request *request, const ds_expression *const *expressions,
                     uint32_t expressions_count, const char ***ret_names, uint32_t *ret_count,
                     ds_error *err) {
  const char **names = NULL;
  uint32_t count = 0;
  for (uint32_t x = 0; x < expressions_count; x++)
    TRY(add_reads(request, expressions[x], &names, &count, err));
  *ret_names = names;
  *ret_count = count;
  return DS_OK;
}

ds_code ds_sql_events(const ds_request *request, const ds_plan *plan, ds_buf *out, ds_error *err) {
  TRY(put_kept(request, plan, out, err));
  ds_buf_text(out, ", cased AS (SELECT *, '' AS of_case FROM kept)");
  TRY(ds_sql_put_met(plan, "cased", out, err));
  ds_buf_text(out, ", chosen AS (SELECT * FROM cased");
  put_chosen(out, request, plan);
  ds_buf_text(out, ")");
  return DS_OK;
}

static void put_text_or_null(ds_buf *out, const char *text) {
  ds_buf_text(out, ", ");
  if (*text == '\0')
    ds_buf_text(out, "NULL");
  else
    ds_sql_put_text(out, text);
}

void ds_sql_put_known(const ds_request *request, ds_buf *out) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  ds_buf_text(out, ", known(touchpoint, stage_name, own, owner, actor, channel) AS (VALUES "
                   "(NULL::VARCHAR, NULL::VARCHAR, NULL::INTEGER, NULL::VARCHAR, NULL::VARCHAR, "
                   "NULL::VARCHAR)");
  for (uint32_t t = 0; t < names->count; t++) {
    const ds_touchpoint *row = ds_catalogue_find(request->catalogue, names->text[t]);
    if (row == NULL)
      continue;
    ds_buf_text(out, ", (");
    ds_sql_put_text(out, ds_names_text(names, t));
    if (row->stage == DS_STAGE_ANY)
      ds_buf_text(out, ", 'any', NULL");
    else
      ds_buf_printf(out, ", '%s', %d", ds_stage_name(row->stage), (int)row->stage);
    put_text_or_null(out, ds_owner_name(row->owner));
    put_text_or_null(out, ds_actor_name(row->actor));
    put_text_or_null(out, row->channel);
    ds_buf_text(out, ")");
  }
  ds_buf_text(out, ")");
}

void ds_sql_put_local(const ds_request *request, const char *time, ds_buf *out) {
  if (request->zone == NULL) {
    ds_buf_text(out, time);
    return;
  }
  ds_buf_text(out, "timezone(");
  ds_sql_put_text(out, request->zone_name);
  ds_buf_printf(out, ", timezone('UTC', %s))", time);
}

void ds_sql_put_day(const ds_request *request, const char *time, ds_buf *out) {
  ds_buf_text(out, "(");
  ds_sql_put_local(request, time, out);
  ds_buf_text(out, "::DATE - DATE '1970-01-01')");
}

void ds_sql_put_named(const char *text, const char *name, ds_buf *out) {
  for (; *text != '\0'; text++) {
    if (*text == '@')
      ds_sql_put_name(out, name);
    else if (*text == '#')
      ds_sql_put_text(out, name);
    else
      ds_buf_append(out, text, 1);
  }
}
