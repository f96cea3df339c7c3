// SPDX-License-Identifier: Apache-2.0
#include "ingest/plan.h"

static bool begins(ds_str text, const char *with) {
  const size_t size = strlen(with);
  return text.size >= size && memcmp(text.data, with, size) == 0;
}

static bool ends(ds_str text, const char *with) {
  const size_t size = strlen(with);
  return text.size >= size && memcmp(text.data + text.size - size, with, size) == 0;
}

// DuckDB's types by their beginning, in the order in which they are tried.
typedef struct duck_type {
  const char *begins;
  ds_type type;
  ds_physical time;  // how it is fetched as a time
  const char *cast;  // for a time
} duck_type;

static const duck_type duck_types[] = {
    {"TIMESTAMP WITH TIME ZONE", DS_TYPE_TIME, DS_PHYSICAL_MICROS_UTC, "TIMESTAMPTZ"},
    {"TIMESTAMP", DS_TYPE_TIME, DS_PHYSICAL_MICROS, "TIMESTAMP"},
    {"DATE", DS_TYPE_DATE, DS_PHYSICAL_DATE, "DATE"},
    {"BOOLEAN", DS_TYPE_BOOL, DS_PHYSICAL_TEXT, "VARCHAR"},
    {"DOUBLE", DS_TYPE_NUMBER, DS_PHYSICAL_DOUBLE, "DOUBLE"},
    {"FLOAT", DS_TYPE_NUMBER, DS_PHYSICAL_DOUBLE, "DOUBLE"},
    {"DECIMAL", DS_TYPE_NUMBER, DS_PHYSICAL_DOUBLE, "DOUBLE"},
    {"TINYINT", DS_TYPE_NUMBER, DS_PHYSICAL_I64, "BIGINT"},
    {"SMALLINT", DS_TYPE_NUMBER, DS_PHYSICAL_I64, "BIGINT"},
    {"INTEGER", DS_TYPE_NUMBER, DS_PHYSICAL_I64, "BIGINT"},
    {"BIGINT", DS_TYPE_NUMBER, DS_PHYSICAL_I64, "BIGINT"},
    {"HUGEINT", DS_TYPE_NUMBER, DS_PHYSICAL_DOUBLE, "DOUBLE"},
    {"UTINYINT", DS_TYPE_NUMBER, DS_PHYSICAL_I64, "BIGINT"},
    {"USMALLINT", DS_TYPE_NUMBER, DS_PHYSICAL_I64, "BIGINT"},
    {"UINTEGER", DS_TYPE_NUMBER, DS_PHYSICAL_I64, "BIGINT"},
    {"UBIGINT", DS_TYPE_NUMBER, DS_PHYSICAL_DOUBLE, "DOUBLE"},
    {"UHUGEINT", DS_TYPE_NUMBER, DS_PHYSICAL_DOUBLE, "DOUBLE"},
    {"", DS_TYPE_STRING, DS_PHYSICAL_TEXT, "VARCHAR"},
};

static bool is_nested(ds_str type) {
  return ends(type, "]") || begins(type, "STRUCT") || begins(type, "MAP") ||
         begins(type, "UNION");
}

static const duck_type *type_find(ds_str type) {
  const duck_type *row = duck_types;
  const bool nested = is_nested(type);
  while (row->begins[0] != '\0' && (nested || !begins(type, row->begins)))
    row++;
  return row;
}

ds_type ds_plan_type(ds_str type) { return type_find(type)->type; }

ds_type ds_plan_named_type(ds_str name, ds_str type) {
  return ends(name, "_id") && name.size > 3 ? DS_TYPE_STRING : ds_plan_type(type);
}

void ds_plan_value_sql(ds_buf *sql, ds_str name, ds_str type, const char *zone) {
  const ds_type wanted = ds_plan_named_type(name, type);
  const duck_type *row = type_find(type);
  const bool local = wanted == DS_TYPE_TIME && row->time == DS_PHYSICAL_MICROS;
  ds_buf_text(sql, wanted == DS_TYPE_TIME && !local  ? "timezone('UTC', "
                   : is_nested(type)                 ? "to_json("
                                                     : "(");
  if (local && zone != NULL) {
    ds_buf_text(sql, "timezone('UTC', timezone(");
    ds_sql_literal(sql, ds_str_of(zone));
    ds_buf_text(sql, ", ");
  }
  ds_sql_name(sql, name);
  ds_buf_printf(sql, "%s)::%s", local && zone != NULL ? "::TIMESTAMP))" : "",
                wanted == DS_TYPE_NUMBER ? "DOUBLE"
                : wanted == DS_TYPE_BOOL ? "BOOLEAN"
                : wanted == DS_TYPE_TIME ? "TIMESTAMP"
                : wanted == DS_TYPE_DATE ? "DATE" : "VARCHAR");
}

// How a value of each type is fetched when it is to be that type.
static void value_form(ds_type type, const duck_type *row, const char **ret_cast,
                       ds_physical *ret_physical) {
  switch (type) {
  case DS_TYPE_NUMBER:
    *ret_cast = "DOUBLE";
    *ret_physical = DS_PHYSICAL_DOUBLE;
    return;
  case DS_TYPE_BOOL:
    *ret_cast = "BOOLEAN";
    *ret_physical = DS_PHYSICAL_BOOL;
    return;
  case DS_TYPE_TIME:
  case DS_TYPE_DATE:
    *ret_cast = row->cast;
    *ret_physical = row->time;
    return;
  default:
    *ret_cast = "VARCHAR";
    *ret_physical = DS_PHYSICAL_TEXT;
  }
}

// A text in a format of its own becomes a TIMESTAMP; what does not fit becomes infinity, which the
// encoder takes for "unreadable", because null means that nothing is there.
static void time_format_sql(ds_buf *sql, ds_str name, const char *format) {
  ds_buf_text(sql, "coalesce(try_strptime(");
  ds_sql_name(sql, name);
  ds_buf_text(sql, ", ");
  ds_sql_literal(sql, ds_str_of(format));
  ds_buf_text(sql, "), case when ");
  ds_sql_name(sql, name);
  ds_buf_text(sql, " is not null then 'infinity'::TIMESTAMP end)");
}

static ds_physical expression_sql(ds_buf *sql, ds_str name, ds_str type, ds_use use,
                                  const char *time_format) {
  const duck_type *row = type_find(type);
  const char *cast = "VARCHAR";
  ds_physical physical = DS_PHYSICAL_TEXT;
  if (time_format != NULL && use != DS_USE_TEXT) {
    time_format_sql(sql, name, time_format);
    return DS_PHYSICAL_MICROS;
  }
  if (use == DS_USE_TIME) {
    cast = row->cast;
    physical = row->time;
  } else if (use == DS_USE_VALUE) {
    value_form(row->type, row, &cast, &physical);
  }
  if (use != DS_USE_TIME && is_nested(type)) {
    ds_buf_text(sql, "to_json(");
    ds_sql_name(sql, name);
    ds_buf_text(sql, ")");
  } else {
    ds_sql_name(sql, name);
  }
  ds_buf_printf(sql, "::%s", cast);
  return physical;
}

static ds_code column_append(ds_plan *plan, ds_arena *arena, ds_str name, const ds_buf *sql,
                             ds_physical physical, bool plain, uint32_t *ret_column,
                             ds_error *err) {
  if (plan->columns_count == DS_PLAN_COLUMNS_MAX)
    return ds_fail(err, DS_LIMIT, "more than %d columns are taken from %s", DS_PLAN_COLUMNS_MAX,
                   plan->name);
  ds_plan_column *column = &plan->columns[plan->columns_count];
  column->expression = ds_arena_text(arena, (const char *)sql->data, sql->size);
  column->name = ds_arena_text(arena, name.data, name.size);
  column->physical = physical;
  column->plain = plain;
  if (column->expression == NULL || column->name == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  *ret_column = plan->columns_count++;
  return DS_OK;
}

ds_code ds_plan_column_add(ds_plan *plan, ds_arena *arena, ds_str name, ds_str type, ds_use use,
                           const char *time_format, uint32_t *ret_column, ds_error *err) {
  ds_buf sql;
  ds_buf_init(&sql, 64 << 10);
  const ds_physical physical = expression_sql(&sql, name, type, use, time_format);
  ds_code code = ds_buf_check(&sql, "a column's name", err);
  uint32_t found = DS_NONE;
  for (uint32_t i = 0; code == DS_OK && i < plan->columns_count; i++)
    if (strlen(plan->columns[i].expression) == sql.size &&
        memcmp(plan->columns[i].expression, sql.data, sql.size) == 0)
      found = i;
  if (code == DS_OK && found == DS_NONE)
    code = column_append(plan, arena, name, &sql, physical,
                         ds_str_equal(type, ds_str_of("VARCHAR")) &&
                             (time_format == NULL || use == DS_USE_TEXT),
                         &found, err);
  ds_buf_done(&sql);
  if (code == DS_OK)
    *ret_column = found;
  return code;
}

ds_code ds_plan_condition_add(ds_plan *plan, ds_arena *arena, const char *condition,
                              const char *name, uint32_t *ret_column, ds_error *err) {
  ds_buf sql;
  ds_buf_init(&sql, 1 << 20);
  ds_buf_printf(&sql, "(%s\n)::BOOLEAN", condition);
  ds_code code = ds_buf_check(&sql, "a condition", err);
  if (code == DS_OK)
    code = column_append(plan, arena, ds_str_of(name), &sql, DS_PHYSICAL_BOOL, false,
                         ret_column, err);
  ds_buf_done(&sql);
  return code;
}

void ds_plan_sql(const ds_plan *plan, ds_buf *out) {
  ds_buf_text(out, "select ");
  for (uint32_t i = 0; i < plan->columns_count; i++)
    ds_buf_printf(out, "%s%s as c%u", i == 0 ? "" : ", ", plan->columns[i].expression, i);
  ds_buf_printf(out, " from %s as base", plan->base);
}
