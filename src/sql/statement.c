// SPDX-License-Identifier: Apache-2.0
#include "sql/statement.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
// A statement with its wrapping.
#define SQL_BYTES_MAX ((size_t)4 << 20)

// --- cut out

// Behind a quoted text that begins at `at`; a doubled quote is part of it, and with `escapes` what
// follows a backslash.
static uint32_t skip_quoted(ds_str text, uint32_t at, bool escapes) {
  const char quote = text.data[at++];
  for (; at < text.size; at++) {
    if (escapes && text.data[at] == '\\')
      at++;
    else if (text.data[at] == quote && at + 1 < text.size && text.data[at + 1] == quote)
      at++;
    else if (text.data[at] == quote)
      return at + 1;
  }
  return text.size;
}

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (unsigned char)c >= 0x80;
}

// Behind $tag$ … $tag$; when there is no tag, behind the sign alone.
static uint32_t skip_dollars(ds_str text, uint32_t at) {
  uint32_t end = at + 1;
  while (end < text.size && is_word(text.data[end]))
    end++;
  const bool numbered = at + 1 < text.size && text.data[at + 1] >= '0' && text.data[at + 1] <= '9';
  if (end == text.size || text.data[end] != '$' || numbered ||
      (at > 0 && is_word(text.data[at - 1])))
    return at + 1;
  const uint32_t size = end + 1 - at;
  for (uint32_t i = end + 1; i + size <= text.size; i++)
    if (memcmp(text.data + i, text.data + at, size) == 0)
      return i + size;
  return text.size;
}

// Behind a comment that begins at `at`; those between /* and */ lie in one another.
static uint32_t skip_comment(ds_str text, uint32_t at) {
  if (text.data[at] == '-') {
    while (at < text.size && text.data[at] != '\n')
      at++;
    return at;
  }
  for (uint32_t depth = 0; at + 1 < text.size; at++) {
    const bool opens = text.data[at] == '/' && text.data[at + 1] == '*';
    const bool closes = text.data[at] == '*' && text.data[at + 1] == '/';
    depth = depth + opens - closes;
    at += opens || closes;
    if (closes && depth == 0)
      return at + 1;
  }
  return text.size;
}

static bool begins_comment(ds_str text, uint32_t at) {
  return at + 1 < text.size && ((text.data[at] == '-' && text.data[at + 1] == '-') ||
                                (text.data[at] == '/' && text.data[at + 1] == '*'));
}

// Whether the quote at `at` is that of E'…'.
static bool is_escaped(ds_str text, uint32_t at) {
  return at > 0 && (text.data[at - 1] | 0x20) == 'e' && (at < 2 || !is_word(text.data[at - 2]));
}

// Behind what begins at `at`; *ret_says when it is more than a blank, a comment or a semicolon.
static uint32_t skip_piece(ds_str text, uint32_t at, bool *says) {
  const char c = text.data[at];
  if (begins_comment(text, at))
    return skip_comment(text, at);
  *says |= c != ';' && strchr(" \t\r\n\f\v", c) == NULL;
  if (c == '\'' || c == '"')
    return skip_quoted(text, at, c == '\'' && is_escaped(text, at));
  return c == '$' ? skip_dollars(text, at) : at + 1;
}

bool ds_sql_statement_next(ds_str text, uint32_t *at, ds_str *ret_statement) {
  uint32_t begin = *at, end = *at;
  bool says = false;
  while (end < text.size && !(says && text.data[end] == ';')) {
    const bool said = says;
    const uint32_t next = skip_piece(text, end, &says);
    if (!said && says)
      begin = end;
    end = next;
  }
  *at = end + (end < text.size);
  *ret_statement = (ds_str){text.data + begin, end - begin};
  return says;
}

static ds_str skip_blanks(ds_str text) {
  uint32_t at = 0;
  while (at < text.size && (begins_comment(text, at) || strchr(" \t\r\n\f\v", text.data[at])))
    at = begins_comment(text, at) ? skip_comment(text, at) : at + 1;
  return (ds_str){text.data + at, text.size - at};
}

// Behind a word, when the text begins with it, and what blanks follow.
static ds_str skip_word(ds_str text, const char *word) {
  const uint32_t size = (uint32_t)strlen(word);
  if (text.size < size || (text.size > size && is_word(text.data[size])) ||
      !ds_str_equal_nocase((ds_str){text.data, size}, ds_str_of(word)))
    return text;
  return skip_blanks((ds_str){text.data + size, text.size - size});
}

ds_str ds_sql_statement_explained(ds_str explain) {
  ds_str text = skip_word(skip_blanks(explain), "explain");
  text = skip_word(skip_word(text, "analyze"), "analyse");
  if (text.size == 0 || text.data[0] != '(')
    return text;
  // Options, or a statement in parentheses.
  uint32_t at = 0, depth = 0;
  bool says = false;
  do {
    depth += text.data[at] == '(';
    depth -= text.data[at] == ')';
    at = skip_piece(text, at, &says);
  } while (at < text.size && depth > 0);
  const ds_str rest = skip_blanks((ds_str){text.data + at, text.size - at});
  return rest.size == 0 ? text : rest;
}

// --- errors

// The text of a member of DuckDB's JSON; false when it has none.
static bool member_read(const char *json, const char *name, char *out, size_t size) {
  char key[40];
  const int key_size = snprintf(key, sizeof key, "\"%s\":\"", name);
  const char *at = strstr(json, key);
  size_t used = 0;
  if (at == NULL)
    return false;
  for (at += key_size; *at != '\0' && *at != '"' && used + 1 < size; at++) {
    char c = *at;
    if (c == '\\' && *++at != '\0')
      c = *at == 'n' || *at == 't' || *at == 'r' ? ' ' : *at;
    if (*at == '\0')
      break;
    out[used++] = c;
  }
  // Not in the middle of a character.
  while (used > 0 && used + 1 == size && ((unsigned char)out[used - 1] & 0x80) != 0)
    used--;
  out[used] = '\0';
  return true;
}

// Line and column, in characters, of byte `at` of the text.
static void place_of(ds_str text, size_t at, uint32_t *ret_line, uint32_t *ret_column) {
  *ret_line = *ret_column = 1;
  for (size_t i = 0; i < at && i < text.size; i++) {
    if (text.data[i] == '\n') {
      ++*ret_line;
      *ret_column = 1;
    } else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
      ++*ret_column;
    }
  }
}

// Messages that speak of the statement; the others speak of data, whose values may be personal.
static bool is_of_text(duckdb_error_type type) {
  static const duckdb_error_type types[] = {DUCKDB_ERROR_INVALID, DUCKDB_ERROR_BINDER,
                                            DUCKDB_ERROR_PARSER,  DUCKDB_ERROR_CATALOG,
                                            DUCKDB_ERROR_SYNTAX,  DUCKDB_ERROR_PERMISSION};
  for (size_t i = 0; i < COUNT_OF(types); i++)
    if (types[i] == type)
      return true;
  return false;
}

// What DuckDB says, up to a mark, and what to do here instead of what it says behind it.
static const struct {
  const char *begin, *mark, *hint;
} hints[] = {
    {"Table with name ", " does not exist!",
     " does not exist: there are events, customers, cases, segments and touchpoints"},
    {"Cannot access file ", " - file system operations",
     ": sql reads no files; doorstep import brings one in, or give --data FILE"},
};

static void put_hint(char *line, size_t size) {
  for (size_t h = 0; h < COUNT_OF(hints); h++) {
    char *mark = strstr(line, hints[h].mark);
    if (mark != NULL && strncmp(line, hints[h].begin, strlen(hints[h].begin)) == 0)
      snprintf(mark, size - (size_t)(mark - line), "%s", hints[h].hint);
  }
}

ds_code ds_sql_statement_fail(ds_sql *sql, ds_str whole, ds_str text, const char *message,
                           duckdb_error_type type, ds_error *err) {
  char told[400], position[24], line[400];
  ds_error failure;
  if (ds_progress_stopped(sql->options.progress))
    return ds_fail(err, DS_INTERRUPTED, "stopped");
  if (ds_sql_session_failure(sql, &failure))
    return ds_fail(err, failure.code, "%s", failure.message);
  if (message == NULL)
    message = "DuckDB gives up without saying why";
  if (!member_read(message, "exception_message", told, sizeof told))
    snprintf(told, sizeof told, "%.*s", (int)strcspn(message, "\n"), message);
  ds_duck_message(told, !is_of_text(type), line, sizeof line);
  put_hint(line, sizeof line);
  if (type == DUCKDB_ERROR_OUT_OF_MEMORY || strstr(message, "\"Out of Memory\"") != NULL)
    return ds_fail(err, DS_MEMORY, "the statement needs more memory than it may have: give more "
                   "--memory, or ask for less");
  if (!member_read(message, "position", position, sizeof position))
    return ds_fail(err, DS_EXPRESSION, "%s", line);
  uint32_t row, column;
  const size_t at = (size_t)(text.data - whole.data) + strtoul(position, NULL, 10);
  place_of(whole, at, &row, &column);
  if (row == 1)
    return ds_fail_at(err, DS_EXPRESSION, row, column, "%s", line);
  return ds_fail_at(err, DS_EXPRESSION, row, column, "line %u: %s", row, line);
}

// --- prepared

// What becomes of a column of a type.
typedef struct conversion {
  duckdb_type type;
  const char *text; // SQL with '@' for the column; NULL: as it is
  duckdb_type as;
  ds_cell_type cell;
} conversion;

#define DIGITS "@::VARCHAR", DUCKDB_TYPE_VARCHAR, DS_CELL_EXACT
static const conversion conversions[] = {
    {DUCKDB_TYPE_VARCHAR, NULL, DUCKDB_TYPE_VARCHAR, DS_CELL_TEXT},
    {DUCKDB_TYPE_DOUBLE, NULL, DUCKDB_TYPE_DOUBLE, DS_CELL_NUMBER},
    {DUCKDB_TYPE_FLOAT, "@::DOUBLE", DUCKDB_TYPE_DOUBLE, DS_CELL_NUMBER},
    {DUCKDB_TYPE_TIMESTAMP, NULL, DUCKDB_TYPE_TIMESTAMP, DS_CELL_TIME},
    {DUCKDB_TYPE_TIMESTAMP_S, "@::TIMESTAMP", DUCKDB_TYPE_TIMESTAMP, DS_CELL_TIME},
    {DUCKDB_TYPE_TIMESTAMP_MS, "@::TIMESTAMP", DUCKDB_TYPE_TIMESTAMP, DS_CELL_TIME},
    {DUCKDB_TYPE_TIMESTAMP_NS, "@::TIMESTAMP", DUCKDB_TYPE_TIMESTAMP, DS_CELL_TIME},
    {DUCKDB_TYPE_TIMESTAMP_TZ, "@::TIMESTAMP", DUCKDB_TYPE_TIMESTAMP, DS_CELL_TIME},
    {DUCKDB_TYPE_BOOLEAN, DIGITS},   {DUCKDB_TYPE_TINYINT, DIGITS},
    {DUCKDB_TYPE_SMALLINT, DIGITS},  {DUCKDB_TYPE_INTEGER, DIGITS},
    {DUCKDB_TYPE_BIGINT, DIGITS},    {DUCKDB_TYPE_UTINYINT, DIGITS},
    {DUCKDB_TYPE_USMALLINT, DIGITS}, {DUCKDB_TYPE_UINTEGER, DIGITS},
    {DUCKDB_TYPE_UBIGINT, DIGITS},   {DUCKDB_TYPE_HUGEINT, DIGITS},
    {DUCKDB_TYPE_UHUGEINT, DIGITS},  {DUCKDB_TYPE_DECIMAL, DIGITS},
    {DUCKDB_TYPE_LIST,
     "array_to_string(list_transform(@, lambda item: coalesce(item::VARCHAR, 'NULL')), chr(31))",
     DUCKDB_TYPE_VARCHAR, DS_CELL_LIST},
    {DUCKDB_TYPE_INVALID, "@::VARCHAR", DUCKDB_TYPE_VARCHAR, DS_CELL_TEXT}, // any other
};

static const conversion *conversion_of(ds_sql *sql, const sql_statement *statement, idx_t column) {
  const ds_duck_api *api = &sql->duck->api;
  duckdb_logical_type type =
      api->prepared_statement_column_logical_type(statement->prepared, column);
  const duckdb_type id = api->get_type_id(type);
  api->destroy_logical_type(&type);
  const conversion *row = conversions;
  while (row->type != id && row->type != DUCKDB_TYPE_INVALID)
    row++;
  return row;
}

// "SELECT c0, c1::VARCHAR FROM (…) AS answer(c0, c1)"; *ret_wraps tells whether that changes
// anything.
static bool put_wrapped(ds_sql *sql, const sql_statement *statement, ds_buf *out) {
  bool wraps = false;
  for (uint32_t c = 0; c < statement->columns_count; c++) {
    const conversion *row = conversion_of(sql, statement, c);
    wraps |= row->text != NULL;
    ds_buf_text(out, c == 0 ? "SELECT " : ", ");
    for (const char *at = row->text != NULL ? row->text : "@"; *at != '\0'; at++)
      if (*at == '@')
        ds_buf_printf(out, "c%u", c);
      else
        ds_buf_append(out, at, 1);
  }
  ds_buf_text(out, " FROM (");
  ds_buf_append(out, statement->text.data, statement->text.size);
  ds_buf_text(out, "\n) AS answer(");
  for (uint32_t c = 0; c < statement->columns_count; c++)
    ds_buf_printf(out, "%sc%u", c == 0 ? "" : ", ", c);
  ds_buf_text(out, ")");
  return wraps;
}

static ds_code columns_describe(ds_sql *sql, sql_statement *statement, ds_arena *arena,
                                ds_error *err) {
  const ds_duck_api *api = &sql->duck->api;
  const idx_t count = api->prepared_statement_column_count(statement->prepared);
  statement->columns = ds_arena_array(arena, count + 1, sizeof *statement->columns);
  if (statement->columns == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  for (uint32_t c = 0; c < count; c++) {
    const conversion *row = conversion_of(sql, statement, c);
    const char *name = api->prepared_statement_column_name(statement->prepared, c);
    if (name == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for SQL");
    statement->columns[c] = (sql_answer_column){
        ds_arena_text(arena, name, strlen(name)), row->as, row->cell};
    api->free((void *)(uintptr_t)name);
    if (statement->columns[c].name == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  }
  statement->columns_count = (uint32_t)count;
  return DS_OK;
}

// Where a statement that does not only read begins.
static ds_code only_reads(const sql_statement *statement, ds_error *err) {
  uint32_t line, column;
  place_of(statement->whole, (size_t)(statement->text.data - statement->whole.data), &line,
           &column);
  return ds_fail_at(err, DS_UNSUPPORTED, line, column, "sql only reads: a statement "
                    "begins with SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN");
}

// Functions that may stand behind FROM. Of the others some read files, and some change how the
// database works.
static const char *const table_functions[] = {
    "events", "customers", "cases", "segments", "range", "generate_series", "unnest", "repeat",
    "json_each", "json_tree", "histogram", "histogram_values", "duckdb_functions",
    "duckdb_columns", "duckdb_tables", "duckdb_views", "duckdb_types", "duckdb_keywords",
    "pg_timezone_names",
};

// The table functions of the statement as it was read, by DuckDB itself; "-" when it is none that
// is a SELECT.
static const char functions_text[] =
    "WITH read AS MATERIALIZED (SELECT json_serialize_sql(#) AS tree) SELECT DISTINCT "
    "lower(t.atom->>'$')::VARCHAR AS name FROM read, json_tree(tree) t WHERE t.key = "
    "'function_name' AND t.path LIKE '%.function' UNION ALL SELECT '-' FROM read WHERE "
    "tree->>'$.error' = 'true'";

static ds_code check_functions(ds_sql *sql, const sql_statement *statement, const char *text,
                               ds_arena *arena, ds_error *err) {
  ds_duck_texts names;
  ds_buf query;
  ds_buf_init(&query, 2 * SQL_BYTES_MAX);
  const char *at = strchr(functions_text, '#');
  ds_buf_append(&query, functions_text, (size_t)(at - functions_text));
  ds_sql_literal(&query, ds_str_of(text));
  ds_buf_text(&query, at + 1);
  ds_code code = ds_buf_check(&query, "an SQL text", err);
  if (code == DS_OK) {
    code = ds_duck_query(sql->duck, ds_buf_cstr(&query), arena, &names, NULL);
    if (code == DS_MEMORY)
      code = ds_fail(err, DS_MEMORY, "out of memory for SQL");
    else if (code != DS_OK)
      code = ds_progress_stopped(sql->options.progress)
                 ? ds_fail(err, DS_INTERRUPTED, "stopped")
                 : ds_fail(err, DS_LIMIT, "the statement is too long or too deep");
  }
  ds_buf_done(&query);
  TRY(code);
  for (uint32_t n = 0; n < names.rows; n++) {
    uint32_t f = 0;
    while (f < COUNT_OF(table_functions) &&
           !ds_str_equal(names.cell[n], ds_str_of(table_functions[f])))
      f++;
    if (ds_str_equal(names.cell[n], ds_str_of("-")))
      return only_reads(statement, err);
    if (f == COUNT_OF(table_functions))
      return ds_fail(err, DS_UNSUPPORTED, "the table function %.*s is not available here: events, "
                     "customers, cases and segments are, range, unnest and the like",
                     (int)(names.cell[n].size < 60 ? names.cell[n].size : 60),
                     names.cell[n].data);
  }
  return DS_OK;
}

static ds_code prepare(ds_sql *sql, const sql_statement *statement, const char *text,
                       duckdb_prepared_statement *ret_prepared, ds_error *err) {
  const ds_duck_api *api = &sql->duck->api;
  if (api->prepare(sql->duck->connection, text, ret_prepared) == DuckDBSuccess)
    return DS_OK;
  const ds_code code =
      ds_sql_statement_fail(sql, statement->whole, statement->text,
                            api->prepare_error(*ret_prepared), DUCKDB_ERROR_INVALID, err);
  api->destroy_prepare(ret_prepared);
  return code;
}

// Before anything is bound: that it can be read, and reads only. Of EXPLAIN, which may run what it
// explains, that is what counts.
static ds_code check_reads(ds_sql *sql, const sql_statement *statement, ds_arena *arena,
                           ds_error *err) {
  const ds_duck_api *api = &sql->duck->api;
  const ds_str explained = ds_sql_statement_explained(statement->text);
  const char *text = ds_arena_text(arena, explained.data, explained.size);
  duckdb_extracted_statements extracted = NULL;
  if (text == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  const idx_t count = api->extract_statements(sql->duck->connection, text, &extracted);
  ds_code code = DS_OK;
  if (count == 0)
    code = ds_sql_statement_fail(sql, statement->whole, explained,
                                 api->extract_statements_error(extracted), DUCKDB_ERROR_PARSER,
                                 err);
  else if (count > 1)
    code = ds_fail(err, DS_UNSUPPORTED, "this statement is several for DuckDB, not all of which "
                   "only read: write it as a SELECT (a PIVOT names its values with IN)");
  api->destroy_extracted(&extracted);
  return code != DS_OK ? code : check_functions(sql, statement, text, arena, err);
}

static ds_code wrap(ds_sql *sql, sql_statement *statement, ds_error *err) {
  const ds_duck_api *api = &sql->duck->api;
  duckdb_prepared_statement wrapped = NULL;
  ds_buf text;
  ds_buf_init(&text, SQL_BYTES_MAX);
  const bool wraps = put_wrapped(sql, statement, &text);
  ds_code code = ds_buf_check(&text, "an SQL text", err);
  if (code == DS_OK && wraps) {
    code = prepare(sql, statement, ds_buf_cstr(&text), &wrapped, err);
    if (code == DS_EXPRESSION)
      code = ds_fail(err, DS_UNSUPPORTED, "the columns of this statement cannot be shown: write it "
                     "as a SELECT");
  }
  if (wrapped != NULL) {
    api->destroy_prepare(&statement->prepared);
    statement->prepared = wrapped;
  }
  ds_buf_done(&text);
  return code;
}

ds_code ds_sql_statement_prepare(ds_sql *sql, ds_str whole, ds_str text, ds_arena *arena,
                              sql_statement *ret_statement, ds_error *err) {
  sql_statement statement = {.whole = whole, .text = text};
  const char *copy = ds_arena_text(arena, text.data, text.size);
  if (copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  TRY(check_reads(sql, &statement, arena, err));
  TRY(prepare(sql, &statement, copy, &statement.prepared, err));
  ds_code code = columns_describe(sql, &statement, arena, err);
  if (code == DS_OK)
    code = wrap(sql, &statement, err);
  if (code != DS_OK)
    ds_sql_statement_done(sql, &statement);
  else
    *ret_statement = statement;
  return code;
}

void ds_sql_statement_done(ds_sql *sql, sql_statement *statement) {
  sql->duck->api.destroy_prepare(&statement->prepared);
}
