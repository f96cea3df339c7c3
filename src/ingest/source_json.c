// SPDX-License-Identifier: Apache-2.0
#include "ingest/source_json.h"

#include <inttypes.h>

#include "base/limits.h"
#include "ingest/append_line.h"
#include "ingest/duck.h"
#include "ingest/json_clean.h"
#include "ingest/recognise.h"

// The kinds of value that a path may have had.
enum {
  HAD_TEXT = 1, HAD_WHOLE = 2, HAD_NUMBER = 4, HAD_BOOL = 8, HAD_NESTED = 16, HAD_OBJECT = 32
};

// Between the names of a path: no name holds it.
enum { LEVEL = 0x1F };

static ds_code record_take(void *context, const ds_json_record *record, ds_error *err);

ds_code ds_json_check_init(ds_json_check *check, const ds_source *file, ds_error *err) {
  memset(check, 0, sizeof *check);
  check->file = file;
  ds_json_split_init(&check->split, file, false, record_take, check);
  ds_names_init(&check->paths, DS_JSON_COLUMNS_MAX);
  check->parser = ds_ndjson_new();
  return check->parser == NULL ? ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name)
                               : DS_OK;
}

void ds_json_check_done(ds_json_check *check) {
  ds_json_split_done(&check->split);
  ds_names_done(&check->paths);
  ds_ndjson_free(check->parser);
}

// A record on its way through the nodes.
typedef struct walk {
  ds_json_check *check;
  const ds_json_record *record;
  const ds_ndjson_node *nodes;
  char path[DS_NAME_BYTES_MAX + 1];
} walk;

static uint8_t had(const ds_ndjson_node *node) {
  switch (node->kind) {
  case DS_NDJSON_TEXT: return HAD_TEXT;
  case DS_NDJSON_BOOL: return HAD_BOOL;
  case DS_NDJSON_INTEGER:
  case DS_NDJSON_NUMBER:
    if (ds_json_stays_text(node))
      return HAD_TEXT;
    return node->kind == DS_NDJSON_INTEGER ? HAD_WHOLE : HAD_NUMBER;
  default: return HAD_NESTED;
  }
}

static ds_code path_add(walk *w, uint32_t size, uint8_t kind, ds_error *err) {
  ds_json_check *check = w->check;
  const ds_str path = {w->path, size};
  // Records mostly name the same members in the same order.
  uint32_t index = check->guess;
  if (index >= check->paths.count || !ds_str_equal(check->paths.text[index], path)) {
    const ds_code code = ds_names_add(&check->paths, path, &index, err);
    if (code == DS_LIMIT)
      return ds_fail(err, code, "%s line %" PRIu64 ": more than %d different members",
                     check->file->name, w->record->line, DS_JSON_COLUMNS_MAX);
    TRY(code);
  }
  check->guess = index + 1;
  check->kinds[index] |= kind;
  return DS_OK;
}

static bool is_name(ds_str name) {
  for (uint32_t i = 0; i < name.size; i++)
    if ((unsigned char)name.data[i] < ' ')
      return false;
  return name.size > 0;
}

static ds_code members_walk(walk *w, uint32_t at, uint32_t size, uint32_t depth, ds_error *err) {
  for (uint32_t i = at + 1; i < w->nodes[at].next; i = w->nodes[i].next) {
    const ds_ndjson_node *node = &w->nodes[i];
    const uint32_t dot = size == 0 ? 0 : 1;
    if (node->kind == DS_NDJSON_NULL)
      continue;
    if (!is_name(node->key) || size + dot + node->key.size > DS_NAME_BYTES_MAX)
      return ds_json_split_refuse(w->check->file, w->record, "a member whose name is empty, longer "
                                  "than 255 bytes or holds control characters", node->column, err);
    w->path[size] = LEVEL;
    memcpy(w->path + size + dot, node->key.data, node->key.size);
    const uint32_t whole = size + dot + node->key.size;
    const bool object = node->kind == DS_NDJSON_OBJECT && depth < DS_JSON_DEPTH_MAX;
    TRY(path_add(w, whole, object ? HAD_OBJECT : had(node), err));
    if (object)
      TRY(members_walk(w, i, whole, depth + 1, err));
  }
  return DS_OK;
}

static ds_code record_take(void *context, const ds_json_record *record, ds_error *err) {
  ds_json_check *check = context;
  walk w = {.check = check, .record = record};
  uint32_t count;
  uint32_t column;
  const char *reason = ds_ndjson_read(check->parser, record->text.data, record->text.size,
                                      &w.nodes, &count, &column);
  if (reason != NULL)
    return ds_json_split_refuse(check->file, record, reason, column, err);
  check->guess = 0;
  ds_error unfit = {.code = DS_OK};
  const ds_code code = members_walk(&w, 0, 0, 1, &unfit);
  // Events need no columns: only the end tells whether these records are to have some.
  if (code != DS_OK && check->unfit.code == DS_OK)
    check->unfit = unfit;
  return DS_OK;
}

ds_code ds_json_check_feed(ds_json_check *check, const uint8_t *data, size_t size,
                           ds_error *err) {
  if (check->offset == 0 && size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0)
    return ds_fail(err, DS_INPUT, "%s begins with a byte-order mark, which JSON does not allow: "
                   "save it without", check->file->name);
  check->offset += size;
  return ds_json_split_feed(&check->split, data, size, err);
}

static const char *type_of(uint8_t kinds) {
  if (kinds == HAD_WHOLE)
    return "BIGINT";
  if (kinds == HAD_NUMBER || kinds == (HAD_WHOLE | HAD_NUMBER))
    return "DOUBLE";
  if (kinds == HAD_BOOL)
    return "BOOLEAN";
  return kinds == HAD_NESTED ? "JSON" : "VARCHAR";
}

static uint32_t parent_of(const ds_json_check *check, uint32_t index) {
  ds_str path = check->paths.text[index];
  while (path.size > 0 && path.data[path.size - 1] != LEVEL)
    path.size--;
  return path.size == 0 ? DS_NONE
                        : ds_names_find(&check->paths, (ds_str){path.data, path.size - 1});
}

// An object here that is something else there stays whole, as JSON text: no column lies in it.
static bool lies_in_whole(const ds_json_check *check, uint32_t index) {
  for (uint32_t at = parent_of(check, index); at != DS_NONE; at = parent_of(check, at))
    if (check->kinds[at] != HAD_OBJECT)
      return true;
  return false;
}

static ds_code member_fill(const ds_json_check *check, uint32_t index, ds_source *file,
                           ds_arena *arena, ds_error *err) {
  const ds_str path = check->paths.text[index];
  const uint8_t kinds = check->kinds[index];
  ds_member *member = &file->members[index];
  char *copy = ds_arena_text(arena, path.data, path.size);
  if (copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  *member = (ds_member){.path = {copy, path.size}, .name = {copy, path.size},
                        .parent = parent_of(check, index)};
  for (uint32_t i = 0; i < path.size; i++)
    if (copy[i] == LEVEL) {
      copy[i] = '.';
      member->name = (ds_str){copy + i + 1, path.size - i - 1};
    }
  if (lies_in_whole(check, index))
    return DS_OK;
  for (uint32_t i = 0; i < index; i++)
    if (file->kind == DS_SOURCE_JSON && file->members[i].used &&
        ds_str_equal_nocase(file->members[i].path, member->path))
      return ds_fail(err, DS_INPUT, "%s: two members are called %.*s, with or without upper case: "
                     "rename one", file->name, DS_STR(member->path));
  member->used = true;
  if (kinds == HAD_OBJECT)
    return DS_OK;
  member->type = (kinds & HAD_OBJECT) != 0 ? "JSON" : type_of(kinds);
  file->columns[file->columns_count++] = member->path;
  return DS_OK;
}

static uint8_t kinds_of(const ds_json_check *check, const char *member) {
  const uint32_t index = ds_names_find(&check->paths, ds_str_of(member));
  return index == DS_NONE ? 0 : check->kinds[index];
}

// Whether the records say what happened, when and to whom in the members that `append` reads.
static bool are_events(const ds_json_check *check) {
  const uint8_t nested = (kinds_of(check, "customer") | kinds_of(check, "properties")) & HAD_OBJECT;
  bool who = kinds_of(check, "customer") != 0;
  bool column = false; // for the customer, if this were a table
  for (uint32_t i = 0; i < check->paths.count; i++) {
    const ds_line_role role = ds_line_role_of(check->paths.text[i]);
    who |= role == DS_LINE_IDENTIFIER || role == DS_LINE_KEY;
    column |= ds_recognise_is_customer(check->paths.text[i]);
  }
  return (nested != 0 || !column) && who && (kinds_of(check, "event") & HAD_TEXT) != 0 &&
         (kinds_of(check, "time") | kinds_of(check, "received")) != 0;
}

ds_code ds_json_check_end(ds_json_check *check, ds_source *file, ds_arena *arena, ds_error *err) {
  TRY(ds_json_split_end(&check->split, err));
  if (!file->as_columns && are_events(check))
    file->kind = DS_SOURCE_EVENTS;
  else if (check->unfit.code != DS_OK)
    return ds_fail_at(err, check->unfit.code, check->unfit.line, check->unfit.column, "%s",
                      check->unfit.message);
  file->columns = ds_arena_array(arena, check->paths.count + 1, sizeof *file->columns);
  file->members = ds_arena_array(arena, check->paths.count + 1, sizeof *file->members);
  if (file->columns == NULL || file->members == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  file->shape = (uint8_t)check->split.shape;
  file->lines = check->split.line;
  file->members_count = check->paths.count;
  for (uint32_t i = 0; i < check->paths.count; i++)
    TRY(member_fill(check, i, file, arena, err));
  return file->columns_count == 0
             ? ds_fail(err, DS_INPUT, "%s holds only empty objects", file->name)
             : DS_OK;
}

// --- the SQL: the outer members as columns of read_json, what lies in them as fields

static uint32_t column_of(const ds_source *file, uint32_t member) {
  uint32_t column = 0;
  for (uint32_t i = 0; i < member; i++)
    column += file->members[i].type != NULL;
  return column;
}

// The type of a member: its own, or STRUCT(…) of those that lie in it.
static void type_sql(const ds_source *file, const ds_input_column *columns, uint32_t member,
                     ds_buf *out) {
  if (file->members[member].type != NULL) {
    const ds_str type = columns == NULL ? ds_str_of(file->members[member].type)
                                        : columns[column_of(file, member)].duck_type;
    ds_buf_append(out, type.data, type.size);
    return;
  }
  ds_buf_text(out, "STRUCT(");
  bool any = false;
  for (uint32_t i = member + 1; i < file->members_count; i++) {
    if (file->members[i].parent != member || !file->members[i].used)
      continue;
    ds_buf_text(out, any ? ", " : "");
    ds_sql_name(out, file->members[i].name);
    ds_buf_text(out, " ");
    type_sql(file, columns, i, out);
    any = true;
  }
  // An object that was always empty has no field; DuckDB wants one.
  ds_buf_text(out, any ? ")" : "none VARCHAR)");
}

static void value_sql(const ds_source *file, uint32_t member, ds_buf *out) {
  if (file->members[member].parent == DS_NONE) {
    ds_sql_name(out, file->members[member].name);
    return;
  }
  ds_buf_text(out, "struct_extract(");
  value_sql(file, file->members[member].parent, out);
  ds_buf_text(out, ", ");
  ds_sql_literal(out, file->members[member].name);
  ds_buf_text(out, ")");
}

void ds_json_columns_sql(const ds_source *file, ds_buf *out) {
  bool any = false;
  for (uint32_t i = 0; i < file->members_count; i++) {
    if (file->members[i].type == NULL)
      continue;
    ds_buf_text(out, any ? ", " : "");
    value_sql(file, i, out);
    ds_buf_text(out, " as ");
    ds_sql_name(out, file->members[i].path);
    any = true;
  }
}

void ds_json_options_sql(const ds_source *file, const ds_input_column *columns, ds_buf *out) {
  static const char *const shapes[] = {"newline_delimited", "unstructured", "array"};
  ds_buf_printf(out, ", auto_detect=false, records='true', format='%s', maximum_object_size=%u",
                shapes[file->shape], 2 * DS_JSON_RECORD_BYTES_MAX);
  ds_buf_text(out, ", columns={");
  ds_buf type;
  ds_buf_init(&type, 1 << 20);
  bool any = false;
  for (uint32_t i = 0; i < file->members_count; i++) {
    if (file->members[i].parent != DS_NONE || !file->members[i].used)
      continue;
    ds_buf_reset(&type);
    type_sql(file, columns, i, &type);
    ds_buf_fail_as(out, &type);
    ds_buf_text(out, any ? ", " : "");
    ds_sql_literal(out, file->members[i].name);
    ds_buf_text(out, ": ");
    ds_sql_literal(out, (ds_str){(const char *)type.data, (uint32_t)type.size});
    any = true;
  }
  ds_buf_done(&type);
  ds_buf_text(out, "}");
}
