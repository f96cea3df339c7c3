// SPDX-License-Identifier: Apache-2.0
// The cell of --list, read: which table, which row of it, which of its figures.
#include "question/list.h"

#include <stdio.h>

// The next word of a cell: up to a space, quotes keep spaces together.
static ds_str next_word(const char **at) {
  while (**at == ' ')
    ++*at;
  const char *start = *at;
  char quote = '\0';
  for (; **at != '\0' && (quote != '\0' || **at != ' '); ++*at) {
    if (quote != '\0')
      quote = **at == quote ? '\0' : quote;
    else if (**at == '\'' || **at == '"')
      quote = **at;
  }
  return (ds_str){start, (uint32_t)(*at - start)};
}

// Splits name=value; a value may be quoted.
static bool split(ds_str word, ds_str *ret_name, ds_str *ret_value) {
  const char *sign = word.size == 0 ? NULL : memchr(word.data, '=', word.size);
  if (sign == NULL)
    return false;
  *ret_name = (ds_str){word.data, (uint32_t)(sign - word.data)};
  *ret_value = (ds_str){sign + 1, (uint32_t)(word.data + word.size - sign - 1)};
  const bool quoted = ret_value->size >= 2 &&
                      (ret_value->data[0] == '\'' || ret_value->data[0] == '"') &&
                      ret_value->data[ret_value->size - 1] == ret_value->data[0];
  if (quoted)
    *ret_value = (ds_str){ret_value->data + 1, ret_value->size - 2};
  return true;
}

ds_code ds_list_parse(const char *text, ds_list_cell *ret_cell, ds_error *err) {
  ds_list_cell cell = {.table = next_word(&text)};
  for (ds_str word = next_word(&text); word.size > 0; word = next_word(&text)) {
    if (cell.parts == DS_LIST_PARTS_MAX)
      return ds_fail(err, DS_USAGE, "--list: '%.*s' is one part too many", DS_STR(word));
    if (!split(word, &cell.name[cell.parts], &cell.value[cell.parts]))
      return ds_fail(err, DS_USAGE, "--list: expected name=value, found '%.*s'", DS_STR(word));
    cell.parts++;
  }
  *ret_cell = cell;
  return DS_OK;
}

// Puts "'table key=A column=B'" for each table.
static ds_code refuse_table(const ds_list_table *tables, uint32_t count, ds_error *err) {
  char text[512];
  size_t used = 0;
  for (uint32_t t = 0; t < count && used < sizeof text; t++) {
    const char *join = t == 0 ? "" : t + 1 == count ? " or " : ", ";
    used += (size_t)snprintf(text + used, sizeof text - used, "%s'%s", join, tables[t].name);
    for (uint32_t k = 0; k < tables[t].needed && used < sizeof text; k++)
      used += (size_t)snprintf(text + used, sizeof text - used, " %s=A", tables[t].keys[k]);
    if (used < sizeof text)
      used += (size_t)snprintf(text + used, sizeof text - used, " column=%s'",
                               tables[t].columns[0]);
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

static ds_code read_column(const ds_list_table *table, ds_str value, uint32_t *ret_column,
                           ds_error *err) {
  char choices[256];
  for (uint32_t c = 0; c < DS_LIST_COLUMNS_MAX && table->columns[c] != NULL; c++)
    if (ds_str_equal(value, ds_str_of(table->columns[c]))) {
      *ret_column = c;
      return DS_OK;
    }
  names_join(table->columns, DS_LIST_COLUMNS_MAX, choices, sizeof choices);
  return ds_fail(err, DS_USAGE, "--list: column=%.*s cannot be listed: choose %s", DS_STR(value),
                 choices);
}

static ds_code refuse_part(const ds_list_table *table, ds_str name, ds_error *err) {
  char keys[256];
  names_join(table->keys, DS_LIST_KEYS_MAX, keys, sizeof keys);
  return ds_fail(err, DS_USAGE, "--list: '%.*s' names no part of a row of %s: give %s, and column",
                 DS_STR(name), table->name, keys);
}

ds_code ds_list_read(const char *text, const ds_list_table *tables, uint32_t count,
                     ds_list_figure *ret_figure, ds_error *err) {
  ds_list_cell words;
  ds_list_figure figure = {.column = DS_NONE};
  TRY(ds_list_parse(text, &words, err));
  while (figure.table < count && !ds_str_equal(words.table, ds_str_of(tables[figure.table].name)))
    figure.table++;
  if (figure.table == count)
    return refuse_table(tables, count, err);
  const ds_list_table *table = &tables[figure.table];
  for (uint32_t p = 0; p < words.parts; p++) {
    if (ds_str_equal(words.name[p], ds_str_of("column"))) {
      TRY(read_column(table, words.value[p], &figure.column, err));
      continue;
    }
    uint32_t k = 0;
    while (k < DS_LIST_KEYS_MAX && table->keys[k] != NULL &&
           !ds_str_equal(words.name[p], ds_str_of(table->keys[k])))
      k++;
    if (k == DS_LIST_KEYS_MAX || table->keys[k] == NULL)
      return refuse_part(table, words.name[p], err);
    figure.key[k] = words.value[p];
  }
  for (uint32_t k = 0; k < table->needed; k++)
    if (figure.key[k].data == NULL)
      return ds_fail(err, DS_USAGE, "--list: a row of %s needs %s=", table->name, table->keys[k]);
  if (figure.column == DS_NONE)
    return ds_fail(err, DS_USAGE, "--list: a row of %s needs column=", table->name);
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
