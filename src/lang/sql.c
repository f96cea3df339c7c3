// SPDX-License-Identifier: Apache-2.0
// An expression as SQL in DuckDB's dialect, over columns named like the names: time and received
// TIMESTAMP, case keys VARCHAR[] (null when the event has none), durations as BIGINT milliseconds.
#include <stdio.h>

#include "lang/functions.h"

typedef struct sql_writer {
  const ds_expression *expression;
  ds_buf *out;
  ds_error *err;
} sql_writer;

static void put(const sql_writer *to, const char *text) { ds_buf_text(to->out, text); }

static void put_quoted(const sql_writer *to, ds_str text, char quote) {
  ds_buf_append(to->out, &quote, 1);
  for (uint32_t i = 0; i < text.size; i++) {
    ds_buf_append(to->out, &text.data[i], 1);
    if (text.data[i] == quote)
      ds_buf_append(to->out, &quote, 1);
  }
  ds_buf_append(to->out, &quote, 1);
}

static void put_value(const sql_writer *to, const ds_value *value) {
  char text[64];
  switch (value->type) {
  case DS_TYPE_STRING: put_quoted(to, value->text, '\''); break;
  case DS_TYPE_BOOL: put(to, value->i != 0 ? "true" : "false"); break;
  case DS_TYPE_DATE: ds_buf_printf(to->out, "DATE '%s'", ds_date_print(text, value->i)); break;
  case DS_TYPE_TIME:
    ds_buf_printf(to->out, "make_timestamp(%lld)", (long long)value->i * 1000);
    break;
  case DS_TYPE_DURATION: ds_buf_printf(to->out, "%lld", (long long)value->i); break;
  case DS_TYPE_NUMBER:
    ds_value_print(text, sizeof text, value);
    ds_buf_printf(to->out, "%s::DOUBLE", text);
    break;
  default: put(to, "NULL"); break;
  }
}

static void put_values(const sql_writer *to, const lang_node *node, const char *open,
                       const char *close) {
  put(to, open);
  for (uint32_t v = 0; v < node->values_count; v++) {
    put(to, v == 0 ? "" : ", ");
    put_value(to, &node->values[v]);
  }
  put(to, close);
}

static ds_code put_node(const sql_writer *to, const lang_node *node);

// In parentheses when it is made of several.
static ds_code put_inner(const sql_writer *to, const lang_node *node) {
  const bool plain = node->kind == LANG_LITERAL || node->kind == LANG_PROPERTY ||
                     node->kind == LANG_FIELD || node->kind == LANG_KEY ||
                     node->kind == LANG_CALL || node->kind == LANG_TOUCHPOINTS ||
                     node->kind == LANG_FACT;
  put(to, plain ? "" : "(");
  TRY(put_node(to, node));
  put(to, plain ? "" : ")");
  return DS_OK;
}

const char *ds_lang_sql_type(ds_type type) {
  static const char *const names[DS_TYPES_COUNT] = {
      [DS_TYPE_NULL] = "VARCHAR", [DS_TYPE_NUMBER] = "DOUBLE", [DS_TYPE_STRING] = "VARCHAR",
      [DS_TYPE_BOOL] = "BOOLEAN", [DS_TYPE_TIME] = "TIMESTAMP", [DS_TYPE_DATE] = "DATE",
      [DS_TYPE_DURATION] = "BIGINT"};
  return names[type];
}

static ds_code put_property(const sql_writer *to, const lang_node *node) {
  if (node->mixed)
    return ds_fail(to->err, DS_UNSUPPORTED, "no SQL form: %.*s has values of several types",
                   (int)(node->name.size < 60 ? node->name.size : 60), node->name.data);
  if (node->code == LANG_ABSENT)
    ds_buf_printf(to->out, "NULL::%s", ds_lang_sql_type(node->type));
  else if (to->expression->schema->column_sql != NULL)
    put(to, to->expression->schema->column_sql[node->code]);
  else
    put_quoted(to, node->name, '"');
  return DS_OK;
}

// The touchpoints that are meant, or, when fewer are not, those.
static void put_touchpoints(const sql_writer *to, const lang_node *node) {
  const ds_names *names = &to->expression->schema->space->touchpoints;
  uint32_t meant = 0, count = 0;
  for (uint32_t t = 0; t < names->count; t++)
    meant += node->hit[t] == LANG_YES;
  if (meant == 0 || meant == names->count) {
    put(to, meant == 0 ? "false" : "true");
    return;
  }
  const uint8_t listed = meant <= names->count - meant ? LANG_YES : LANG_NO;
  put(to, listed == LANG_YES ? "\"touchpoint\" IN (" : "\"touchpoint\" NOT IN (");
  for (uint32_t t = 0; t < names->count; t++) {
    if (node->hit[t] != listed)
      continue;
    put(to, count++ == 0 ? "" : ", ");
    put_quoted(to, names->text[t], '\'');
  }
  put(to, ")");
}

// An operand, an instant in the local reading.
static ds_code put_local(const sql_writer *to, const lang_node *node, bool local) {
  const ds_schema *schema = to->expression->schema;
  local = local && node->type == DS_TYPE_TIME && schema->zone != NULL && schema->zone_name != NULL;
  if (local) {
    put(to, "timezone(");
    put_quoted(to, ds_str_of(schema->zone_name), '\'');
    put(to, ", timezone('UTC', ");
  }
  TRY(put_node(to, node));
  put(to, local ? "))" : "");
  return DS_OK;
}

static ds_code put_call(const sql_writer *to, const lang_node *node) {
  uint32_t argument = 0;
  for (const char *at = node->call->sql; *at != '\0'; at++) {
    if (at[0] == '%' && at[1] == 's') {
      TRY(put_local(to, node->child[argument++], node->call->local));
      at++;
    } else {
      ds_buf_append(to->out, at, 1);
    }
  }
  return DS_OK;
}

// Pieces of text around the operands of arithmetic: before, between, after.
typedef struct sql_arithmetic {
  lang_kind kind;
  ds_type left, right; // NULL = any
  const char *piece[3];
} sql_arithmetic;

#define DAYS " CAST(trunc("
static const sql_arithmetic arithmetic[] = {
    {LANG_ADD, DS_TYPE_TIME, DS_TYPE_NULL, {"make_timestamp((epoch_ms(", ") + ", ") * 1000)"}},
    {LANG_SUBTRACT, DS_TYPE_TIME, DS_TYPE_TIME, {"epoch_ms(", ") - epoch_ms(", ")"}},
    {LANG_SUBTRACT, DS_TYPE_TIME, DS_TYPE_NULL,
     {"make_timestamp((epoch_ms(", ") - ", ") * 1000)"}},
    {LANG_ADD, DS_TYPE_DATE, DS_TYPE_NULL, {"", " +" DAYS, " / 86400000) AS INTEGER)"}},
    {LANG_SUBTRACT, DS_TYPE_DATE, DS_TYPE_DATE, {"(", " - ", ") * 86400000"}},
    {LANG_SUBTRACT, DS_TYPE_DATE, DS_TYPE_NULL, {"", " -" DAYS, " / 86400000) AS INTEGER)"}},
    {LANG_ADD, DS_TYPE_NULL, DS_TYPE_NULL, {"", " + ", ""}},
    {LANG_SUBTRACT, DS_TYPE_NULL, DS_TYPE_NULL, {"", " - ", ""}},
    {LANG_MULTIPLY, DS_TYPE_NUMBER, DS_TYPE_NUMBER, {"", " * ", ""}},
    {LANG_MULTIPLY, DS_TYPE_NULL, DS_TYPE_NULL, {"CAST(round(", " * ", ") AS BIGINT)"}},
    {LANG_DIVIDE, DS_TYPE_DURATION, DS_TYPE_NUMBER,
     {"CAST(round(", " / nullif(", ", 0)) AS BIGINT)"}},
    {LANG_DIVIDE, DS_TYPE_NULL, DS_TYPE_NULL, {"", " / nullif(", ", 0)"}},
};

static ds_code put_arithmetic(const sql_writer *to, const lang_node *node) {
  const sql_arithmetic *row = arithmetic;
  while (row->kind != node->kind ||
         (row->left != DS_TYPE_NULL && row->left != node->child[0]->type) ||
         (row->right != DS_TYPE_NULL && row->right != node->child[1]->type))
    row++;
  put(to, row->piece[0]);
  TRY(put_inner(to, node->child[0]));
  put(to, row->piece[1]);
  TRY(put_inner(to, node->child[1]));
  put(to, row->piece[2]);
  return DS_OK;
}

static ds_code put_in(const sql_writer *to, const lang_node *node, bool negated) {
  if (node->hashes != NULL) {
    put(to, negated ? "NOT list_has_any(" : "list_has_any(");
    put_quoted(to, node->child[0]->name, '"');
    put_values(to, node, ", [", "])");
    return DS_OK;
  }
  TRY(put_inner(to, node->child[0]));
  put_values(to, node, negated ? " NOT IN (" : " IN (", ")");
  return DS_OK;
}

static ds_code put_like(const sql_writer *to, const lang_node *node, bool negated) {
  TRY(put_inner(to, node->child[0]));
  put(to, negated ? " NOT LIKE " : " LIKE ");
  put_value(to, &node->value);
  return DS_OK;
}

static ds_code put_is_null(const sql_writer *to, const lang_node *node, bool negated) {
  TRY(put_inner(to, node->child[0]));
  put(to, negated ? " IS NOT NULL" : " IS NULL");
  return DS_OK;
}

static ds_code put_not(const sql_writer *to, const lang_node *inner) {
  switch (inner->kind) {
  case LANG_IN: return put_in(to, inner, true);
  case LANG_LIKE: return put_like(to, inner, true);
  case LANG_IS_NULL: return put_is_null(to, inner, true);
  default: put(to, "NOT "); return put_inner(to, inner);
  }
}

// Operands with a sign between each two. Comparisons under `and` need no parentheses.
static ds_code put_list(const sql_writer *to, const lang_node *node, const char *sign) {
  for (uint32_t c = 0; c < node->count; c++) {
    const lang_node *child = node->child[c];
    const bool comparison = child->kind >= LANG_EQUAL && child->kind <= LANG_IS_NULL;
    put(to, c == 0 ? "" : sign);
    const bool joined = node->kind == LANG_AND || node->kind == LANG_OR;
    if (joined && (comparison || child->kind == LANG_NOT))
      TRY(put_node(to, child));
    else
      TRY(put_inner(to, child));
  }
  return DS_OK;
}

static ds_code put_node(const sql_writer *to, const lang_node *node) {
  static const char *const signs[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
  switch (node->kind) {
  case LANG_LITERAL: put_value(to, &node->value); return DS_OK;
  case LANG_PROPERTY: return put_property(to, node);
  case LANG_KEY: put_quoted(to, node->name, '"'); return DS_OK;
  case LANG_FIELD: put_quoted(to, ds_str_of(ds_lang_fields[node->code].name), '"'); return DS_OK;
  case LANG_NEGATE: put(to, "-"); return put_inner(to, node->child[0]);
  case LANG_ADD: case LANG_SUBTRACT: case LANG_MULTIPLY:
  case LANG_DIVIDE: return put_arithmetic(to, node);
  case LANG_CALL: return put_call(to, node);
  case LANG_IN: return put_in(to, node, false);
  case LANG_LIKE: return put_like(to, node, false);
  case LANG_IS_NULL: return put_is_null(to, node, false);
  case LANG_AND: return put_list(to, node, " AND ");
  case LANG_OR: return put_list(to, node, " OR ");
  case LANG_NOT: return put_not(to, node->child[0]);
  case LANG_TOUCHPOINTS: put_touchpoints(to, node); return DS_OK;
  case LANG_FACT: ds_buf_printf(to->out, "f%u", (unsigned)node->code); return DS_OK;
  default: return put_list(to, node, signs[node->kind - LANG_EQUAL]);
  }
}

ds_code ds_expression_sql(const ds_expression *expression, ds_buf *out, ds_error *err) {
  const sql_writer to = {expression, out, err};
  TRY(put_node(&to, expression->root));
  return ds_buf_check(out, "an SQL text", err);
}
