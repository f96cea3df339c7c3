// SPDX-License-Identifier: Apache-2.0
// A filter as SQL in DuckDB's dialect, over columns named like the names: time TIMESTAMP, case
// keys VARCHAR[] (null when the event has none), durations as milliseconds.
#include "lang/filter_tree.h"
#include "model/time.h"

static void put_quoted(ds_buf *out, ds_str text, char quote) {
  ds_buf_append(out, &quote, 1);
  for (uint32_t i = 0; i < text.size; i++) {
    ds_buf_append(out, &text.data[i], 1);
    if (text.data[i] == quote)
      ds_buf_append(out, &quote, 1);
  }
  ds_buf_append(out, &quote, 1);
}

static void put_value(ds_buf *out, const ds_value *value) {
  char text[64];
  switch (value->type) {
  case DS_TYPE_STRING: put_quoted(out, value->text, '\''); break;
  case DS_TYPE_BOOL: ds_buf_text(out, value->i != 0 ? "true" : "false"); break;
  case DS_TYPE_DATE: ds_buf_printf(out, "DATE '%s'", ds_date_print(text, value->i)); break;
  case DS_TYPE_TIME:
    ds_buf_printf(out, "make_timestamp(%lld)", (long long)value->i * 1000);
    break;
  case DS_TYPE_DURATION: ds_buf_printf(out, "%lld", (long long)value->i); break;
  case DS_TYPE_NUMBER: ds_buf_printf(out, "%.17g::DOUBLE", value->number); break;
  default: ds_buf_text(out, "NULL"); break;
  }
}

static void put_values(ds_buf *out, const filter_comparison *at, const char *open,
                       const char *close) {
  ds_buf_text(out, open);
  for (uint32_t v = 0; v < at->values_count; v++) {
    ds_buf_text(out, v == 0 ? "" : ", ");
    put_value(out, &at->values[v]);
  }
  ds_buf_text(out, close);
}

static void put_comparison(ds_buf *out, const filter_comparison *at) {
  static const char *const signs[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
  const bool list = at->field == FIELD_KEY && at->op != OP_NULL && at->op != OP_NOT_NULL;
  if (list)
    ds_buf_text(out, at->op == OP_NOT_EQUAL ? "NOT list_has_any(" : "list_has_any(");
  put_quoted(out, at->name, '"');
  if (list)
    put_values(out, at, ", [", "])");
  else if (at->op == OP_NULL || at->op == OP_NOT_NULL)
    ds_buf_text(out, at->op == OP_NULL ? " IS NULL" : " IS NOT NULL");
  else if (at->op == OP_IN)
    put_values(out, at, " IN (", ")");
  else
    put_values(out, at, signs[at->op], "");
}

ds_code ds_filter_sql(const ds_filter *filter, ds_buf *out, ds_error *err) {
  for (uint32_t c = 0; c < filter->count; c++) {
    ds_buf_text(out, c == 0 ? "" : " AND ");
    put_comparison(out, &filter->comparisons[c]);
  }
  return ds_buf_check(out, "an SQL text", err);
}
