// SPDX-License-Identifier: Apache-2.0
// The cell of --list, read: which table, which row of it, which of its figures.
#include "question/list.h"

#include <assert.h>
#include <stdio.h>

// More parts no row of any table has.
enum { PARTS_MAX = DS_FIGURES_KEYS_MAX + 2 };

// A cell as written.
typedef struct list_cell {
  ds_str table;
  ds_str name[PARTS_MAX];
  ds_str value[PARTS_MAX];
  uint32_t parts;
} list_cell;

// The next text: up to one of `stops`, or quoted, where a doubled quote stands for itself.
static ds_code next_text(const char **at, const char *stops, ds_arena *arena, ds_str *ret_text,
                         ds_error *err) {
  const char quote = **at;
  const char *start = *at;
  if (quote != '\'' && quote != '"') {
    *at += strcspn(start, stops);
    *ret_text = (ds_str){start, (uint32_t)(*at - start)};
    return DS_OK;
  }
  char *text = ds_arena_alloc(arena, strlen(start));
  uint32_t size = 0;
  if (text == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a cell of --list");
  for (++*at; **at != '\0' && (**at != quote || (*at)[1] == quote); ++*at) {
    *at += **at == quote;
    text[size++] = **at;
  }
  if (**at == '\0' || (*++*at != '\0' && strchr(stops, **at) == NULL))
    return ds_fail(err, DS_USAGE, "--list: expected a closing quote and a space at the end of "
                   "%.60s", start);
  *ret_text = (ds_str){text, size};
  return DS_OK;
}

static ds_code parse(const char *text, ds_arena *arena, list_cell *ret_cell, ds_error *err) {
  list_cell cell = {.parts = 0};
  text += strspn(text, " ");
  TRY(next_text(&text, " ", arena, &cell.table, err));
  for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
    const char *part = text;
    if (cell.parts == PARTS_MAX)
      return ds_fail(err, DS_USAGE, "--list: '%.60s' is one part too many", part);
    TRY(next_text(&text, " =", arena, &cell.name[cell.parts], err));
    if (*text++ != '=')
      return ds_fail(err, DS_USAGE, "--list: expected name=value, found '%.*s'",
                     (int)strcspn(part, " "), part);
    TRY(next_text(&text, " ", arena, &cell.value[cell.parts++], err));
  }
  *ret_cell = cell;
  return DS_OK;
}

ds_str ds_list_items(ds_str text, ds_arena *arena) {
  char *items = ds_arena_alloc(arena, text.size + 1u);
  uint32_t size = 0;
  for (uint32_t at = 0; items != NULL && at < text.size; at++) {
    const uint32_t sign = at + (text.data[at] == ' ');
    const bool doubled = sign + 1 < text.size && text.data[sign + 1] == '>';
    if (sign == text.size || text.data[sign] != '>' || (doubled && sign > at)) {
      items[size++] = text.data[at];
    } else if (doubled) {
      items[size++] = '>';
      at++;
    } else {
      items[size++] = DS_LIST_SEPARATOR;
      at = sign + (sign + 1 < text.size && text.data[sign + 1] == ' ');
    }
  }
  return (ds_str){items, size};
}

void ds_list_offer(ds_result *result, const ds_figures *tables, uint32_t count,
                   const ds_breakdown *by) {
  assert(result->figures_count + count <= sizeof result->figures / sizeof *result->figures);
  for (uint32_t t = 0; t < count; t++) {
    ds_figures *figures = &result->figures[result->figures_count++];
    *figures = tables[t];
    figures->by = by == NULL ? NULL : by->name;
  }
}

void ds_list_keep(ds_result *result) {
  uint32_t kept = 0;
  for (uint32_t f = 0; f < result->figures_count; f++) {
    ds_figures figures = result->figures[f];
    const ds_table *table = ds_result_find(result, figures.table);
    if (table == NULL)
      continue;
    assert(figures.by == NULL || ds_table_column(table, figures.by) != UINT32_MAX);
    for (uint32_t k = 0; k < DS_FIGURES_KEYS_MAX && figures.keys[k] != NULL; k++)
      assert(ds_table_column(table, figures.keys[k]) != UINT32_MAX);
    uint32_t columns = 0;
    for (uint32_t c = 0; c < DS_FIGURES_COLUMNS_MAX && figures.columns[c] != NULL; c++)
      if (ds_table_column(table, figures.columns[c]) != UINT32_MAX)
        figures.columns[columns++] = figures.columns[c];
    if (columns < DS_FIGURES_COLUMNS_MAX)
      figures.columns[columns] = NULL;
    result->figures[kept] = figures;
    kept += columns > 0;
  }
  result->figures_count = kept;
}

// Puts "'table key=A column=B'" for each table.
static ds_code refuse_table(const ds_result *offers, ds_error *err) {
  char text[512];
  size_t used = 0;
  for (uint32_t t = 0; t < offers->figures_count && used < sizeof text; t++) {
    const ds_figures *table = &offers->figures[t];
    const char *join = t == 0 ? "" : t + 1 == offers->figures_count ? " or " : ", ";
    used += (size_t)snprintf(text + used, sizeof text - used, "%s'%s", join, table->table);
    if (table->by != NULL && used < sizeof text)
      used += (size_t)snprintf(text + used, sizeof text - used, " %s=A", table->by);
    for (uint32_t k = 0; k < table->needed && used < sizeof text; k++)
      used += (size_t)snprintf(text + used, sizeof text - used, " %s=A", table->keys[k]);
    if (used < sizeof text)
      used += (size_t)snprintf(text + used, sizeof text - used, " column=%s'", table->columns[0]);
  }
  return ds_fail(err, DS_USAGE, "--list: write %s", text);
}

// "a, b or c" of a row of names that NULL ends.
static void names_join(const char *const *names, uint32_t most, char *out, size_t size) {
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t n = 0; n < most && names[n] != NULL && used < size; n++) {
    const bool last = n + 1 == most || names[n + 1] == NULL;
    const char *join = n == 0 ? "" : last ? " or " : ", ";
    used += (size_t)snprintf(out + used, size - used, "%s%s", join, names[n]);
  }
}

static ds_code read_column(const ds_figures *table, ds_str value, uint32_t *ret_column,
                           ds_error *err) {
  char choices[256];
  for (uint32_t c = 0; c < DS_FIGURES_COLUMNS_MAX && table->columns[c] != NULL; c++)
    if (ds_str_equal(value, ds_str_of(table->columns[c]))) {
      *ret_column = c;
      return DS_OK;
    }
  names_join(table->columns, DS_FIGURES_COLUMNS_MAX, choices, sizeof choices);
  return ds_fail(err, DS_USAGE, "--list: column=%.*s cannot be listed: choose %s", DS_STR(value),
                 choices);
}

static ds_code refuse_part(const ds_figures *table, ds_str name, ds_error *err) {
  const char *names[DS_FIGURES_KEYS_MAX + 2] = {table->by};
  char keys[256];
  uint32_t count = table->by != NULL;
  for (uint32_t k = 0; k < DS_FIGURES_KEYS_MAX && table->keys[k] != NULL; k++)
    names[count++] = table->keys[k];
  names[count++] = "column";
  names_join(names, count, keys, sizeof keys);
  return ds_fail(err, DS_USAGE, "--list: '%.*s' names no part of a row of %s: give %s",
                 DS_STR(name), table->table, keys);
}

static ds_code check_parts(const ds_figures *table, const ds_list_figure *figure, bool grouped,
                           ds_error *err) {
  if (table->by != NULL && !grouped)
    return ds_fail(err, DS_USAGE, "--list: with --by say which group: %s=VALUE", table->by);
  for (uint32_t k = 0; k < table->needed; k++)
    if (figure->key[k].data == NULL)
      return ds_fail(err, DS_USAGE, "--list: a row of %s needs %s=", table->table,
                     table->keys[k]);
  if (figure->column == DS_NONE)
    return ds_fail(err, DS_USAGE, "--list: a row of %s needs column=", table->table);
  return DS_OK;
}

// Reads one part of the cell, which no other did.
static ds_code read_part(const ds_figures *table, const ds_breakdown *by, ds_str name,
                         ds_str value, ds_list_figure *figure, bool *grouped, ds_error *err) {
  if (table->by != NULL && !*grouped && ds_str_equal(name, ds_str_of(table->by))) {
    *grouped = true;
    return ds_list_group(by, value, &figure->group, err);
  }
  if (figure->column == DS_NONE && ds_str_equal(name, ds_str_of("column")))
    return read_column(table, value, &figure->column, err);
  for (uint32_t k = 0; k < DS_FIGURES_KEYS_MAX && table->keys[k] != NULL; k++)
    if (figure->key[k].data == NULL && ds_str_equal(name, ds_str_of(table->keys[k]))) {
      figure->key[k] = value;
      return DS_OK;
    }
  return refuse_part(table, name, err);
}

ds_code ds_list_read(const ds_request *request, const char *text, const ds_breakdown *by,
                     const ds_result *offers, ds_list_figure *ret_figure, ds_error *err) {
  list_cell cell = {.parts = 0};
  ds_list_figure figure = {.column = DS_NONE};
  bool grouped = false;
  TRY(parse(text, request->arena, &cell, err));
  while (figure.table < offers->figures_count &&
         !ds_str_equal(cell.table, ds_str_of(offers->figures[figure.table].table)))
    figure.table++;
  if (figure.table == offers->figures_count)
    return refuse_table(offers, err);
  const ds_figures *table = &offers->figures[figure.table];
  for (uint32_t p = 0; p < cell.parts; p++)
    TRY(read_part(table, by, cell.name[p], cell.value[p], &figure, &grouped, err));
  TRY(check_parts(table, &figure, grouped, err));
  *ret_figure = figure;
  return DS_OK;
}

// The code of a name; `what` is the beginning of a sentence that says that there is none.
static ds_code find_name(const ds_request *request, const ds_names *names, const char *what,
                         ds_str name, uint32_t *ret_code, ds_error *err) {
  const uint32_t code = ds_names_find(names, name);
  if (code != DS_NONE) {
    *ret_code = code;
    return DS_OK;
  }
  const char **all = ds_arena_array(request->arena, names->count + 1u, sizeof *all);
  for (uint32_t i = 0; all != NULL && i < names->count; i++)
    all[i] = ds_names_text(names, i);
  const char *near = all == NULL ? NULL : ds_str_nearest(name, all, names->count);
  return ds_fail(err, DS_EXPRESSION, "--list: no event %s '%.*s'%s%s%s", what, DS_STR(name),
                 near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

ds_code ds_list_node(const ds_request *request, const ds_names *names, ds_str name,
                     uint32_t *ret_code, ds_error *err) {
  return find_name(request, names, "is called", name, ret_code, err);
}

ds_code ds_list_touchpoint(const ds_request *request, ds_str name, uint32_t *ret_code,
                           ds_error *err) {
  return ds_list_node(request, &request->snapshot->space.touchpoints, name, ret_code, err);
}

ds_code ds_list_property(const ds_request *request, ds_str name, uint32_t *ret_code,
                         ds_error *err) {
  return find_name(request, &request->snapshot->space.properties, "has a property", name, ret_code,
                   err);
}

ds_code ds_list_key(const ds_request *request, ds_str name, uint32_t *ret_code, ds_error *err) {
  return find_name(request, &request->snapshot->space.keys, "has a case key", name, ret_code, err);
}

ds_code ds_list_group(const ds_breakdown *by, ds_str label, uint32_t *ret_group, ds_error *err) {
  for (uint32_t g = 0; g < by->groups; g++)
    if (ds_str_equal(label, ds_str_of(by->labels[g]))) {
      *ret_group = g;
      return DS_OK;
    }
  return ds_fail(err, DS_USAGE, "--list: %s=%.*s is none of the groups of this answer", by->name,
                 DS_STR(label));
}
