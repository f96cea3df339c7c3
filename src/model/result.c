// SPDX-License-Identifier: Apache-2.0
#include "model/result.h"

#include <assert.h>
#include <stdio.h>

enum { ROWS_FIRST = 16 };

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

void ds_result_init(ds_result *result, ds_arena *arena, const char *question) {
  assert(arena != NULL && question != NULL);
  *result = (ds_result){.question = question, .definition = "", .arena = arena};
}

ds_table *ds_result_table(ds_result *result, const char *name, const char *title,
                          const ds_column *columns, uint32_t columns_count) {
  assert(columns_count > 0);
  if (result->tables_count == COUNT_OF(result->tables))
    return NULL;
  ds_table *table = &result->tables[result->tables_count++];
  *table = (ds_table){
      .name = name, .title = title, .columns = columns, .columns_count = columns_count};
  return table;
}

// Doubles the room for rows; the old cells stay in the arena until it is reset.
static bool rows_grow(ds_result *result, ds_table *table) {
  const uint32_t capacity = table->rows_capacity == 0 ? ROWS_FIRST : table->rows_capacity * 2;
  if (capacity <= table->rows_capacity)
    return false;
  ds_cell *cells =
      ds_arena_array(result->arena, (size_t)capacity * table->columns_count, sizeof *cells);
  if (cells == NULL)
    return false;
  if (table->rows_count != 0)
    memcpy(cells, table->cells, (size_t)table->rows_count * table->columns_count * sizeof *cells);
  table->cells = cells;
  table->rows_capacity = capacity;
  return true;
}

ds_cell *ds_table_row(ds_result *result, ds_table *table) {
  assert(table->rows_count <= table->rows_capacity);
  if (table->rows_count == table->rows_capacity && !rows_grow(result, table))
    return NULL;
  ds_cell *row = table->cells + (size_t)table->rows_count * table->columns_count;
  for (uint32_t i = 0; i < table->columns_count; i++)
    row[i] = ds_cell_null();
  table->rows_count++;
  return row;
}

ds_cell ds_cell_text(ds_result *result, ds_str text) {
  const char *copy = ds_arena_text(result->arena, text.size == 0 ? "" : text.data, text.size);
  if (copy == NULL)
    return ds_cell_null();
  return (ds_cell){.null = false, .text = {copy, text.size}};
}

// Formatted text in the arena, or a fixed remark when the arena is full.
static const char *text_format(ds_arena *arena, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int size = vsnprintf(NULL, 0, format, arguments);
  char *text = size < 0 ? NULL : ds_arena_alloc(arena, (size_t)size + 1);
  if (text != NULL)
    vsnprintf(text, (size_t)size + 1, format, again);
  va_end(again);
  return text != NULL ? text : "(left out: over the memory budget)";
}

void ds_result_note(ds_result *result, bool warning, const char *format, ...) {
  assert(result->notes_count < COUNT_OF(result->notes));
  if (result->notes_count == COUNT_OF(result->notes))
    return;
  va_list arguments;
  va_start(arguments, format);
  result->notes[result->notes_count++] =
      (ds_note){warning, text_format(result->arena, format, arguments)};
  va_end(arguments);
}

void ds_result_option(ds_result *result, const char *name, const char *format, ...) {
  assert(result->options_count < COUNT_OF(result->options));
  if (result->options_count == COUNT_OF(result->options))
    return;
  va_list arguments;
  va_start(arguments, format);
  result->options[result->options_count++] =
      (ds_option_value){name, text_format(result->arena, format, arguments)};
  va_end(arguments);
}

uint32_t ds_table_column(const ds_table *table, const char *name) {
  for (uint32_t i = 0; i < table->columns_count; i++) {
    if (strcmp(table->columns[i].name, name) == 0)
      return i;
  }
  return UINT32_MAX;
}

const ds_table *ds_result_find(const ds_result *result, const char *name) {
  for (uint32_t i = 0; i < result->tables_count; i++) {
    if (strcmp(result->tables[i].name, name) == 0)
      return &result->tables[i];
  }
  return NULL;
}
