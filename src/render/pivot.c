// SPDX-License-Identifier: Apache-2.0
// See pivot.h.
#include "render/pivot.h"

#include <assert.h>

enum { KEYS_MAX = 8 };

// What is being made of which columns of the long table.
typedef struct pivot_work {
  const ds_table *table;
  ds_arena *arena;
  uint32_t key[KEYS_MAX];
  uint32_t keys;
  uint32_t across;
  uint32_t figure;
  uint32_t only;
  ds_buf text; // of the cell in hand
  ds_buf last;
} pivot_work;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a wide table");
}

static const ds_cell *cell_at(const pivot_work *work, uint32_t row, uint32_t column) {
  return &work->table->cells[(size_t)row * work->table->columns_count + column];
}

static ds_str human(const pivot_work *work, uint32_t row, uint32_t column, ds_buf *out) {
  ds_scratch_reset(out);
  ds_cell_human(&work->table->columns[column], cell_at(work, row, column), out);
  return (ds_str){(const char *)out->data, (uint32_t)out->size};
}

static bool starts_row(pivot_work *work, uint32_t row) {
  bool differs = row == 0;
  for (uint32_t k = 0; k < work->keys && !differs; k++)
    differs = !ds_str_equal(human(work, row - 1, work->key[k], &work->last),
                            human(work, row, work->key[k], &work->text));
  return differs;
}

static void columns_find(pivot_work *work) {
  const ds_table *table = work->table;
  const ds_pivot *pivot = table->pivot;
  for (; pivot->keys[work->keys] != NULL; work->keys++) {
    assert(work->keys < KEYS_MAX);
    work->key[work->keys] = ds_table_column(table, pivot->keys[work->keys]);
  }
  work->across = ds_table_column(table, pivot->across);
  work->figure = ds_table_column(table, pivot->figure);
  work->only = pivot->only == NULL ? UINT32_MAX : ds_table_column(table, pivot->only);
  // What stands before the first key is one too: the group of a breakdown.
  const uint32_t before = work->key[0];
  assert(before != UINT32_MAX && work->keys + before <= KEYS_MAX);
  for (uint32_t k = work->keys; k > 0; k--)
    work->key[k - 1 + before] = work->key[k - 1];
  for (uint32_t k = 0; k < before; k++)
    work->key[k] = k;
  work->keys += before;
}

// The place of a row's value among those across; a new one is added to `columns`.
static ds_code place_find(pivot_work *work, uint32_t row, ds_column *columns, uint32_t *count,
                          uint32_t *ret_place, ds_error *err) {
  const ds_str name = human(work, row, work->across, &work->text);
  uint32_t at = work->keys;
  while (at < *count && !ds_str_equal(name, ds_str_of(columns[at].name)))
    at++;
  *ret_place = at;
  if (at < *count)
    return DS_OK;
  columns[at] = work->table->columns[work->figure];
  columns[at].secondary = false;
  columns[at].name = ds_arena_text(work->arena, name.data, name.size);
  *count = at + 1;
  return columns[at].name == NULL ? no_memory(err) : DS_OK;
}

// The columns, and how many rows there will be; place[row] is where a row's figure goes.
static ds_code columns_make(pivot_work *work, uint32_t *place, ds_table *wide, ds_error *err) {
  const ds_table *table = work->table;
  ds_column *columns =
      ds_arena_array(work->arena, table->rows_count + work->keys + 1u, sizeof *columns);
  uint32_t count = work->keys;
  if (columns == NULL)
    return no_memory(err);
  for (uint32_t k = 0; k < work->keys; k++)
    columns[k] = table->columns[work->key[k]];
  for (uint32_t row = 0; row < table->rows_count; row++) {
    TRY(place_find(work, row, columns, &count, &place[row], err));
    wide->rows_count += starts_row(work, row);
  }
  wide->columns = columns;
  wide->columns_count = count;
  wide->given_names = count - work->keys;
  return DS_OK;
}

static ds_code make(pivot_work *work, ds_table *wide, ds_error *err) {
  const ds_table *table = work->table;
  uint32_t *place = ds_arena_array(work->arena, table->rows_count + 1u, sizeof *place);
  if (place == NULL)
    return no_memory(err);
  columns_find(work);
  TRY(columns_make(work, place, wide, err));
  const size_t cells = (size_t)wide->rows_count * wide->columns_count;
  wide->cells = ds_arena_array(work->arena, cells + 1, sizeof *wide->cells);
  if (wide->cells == NULL)
    return no_memory(err);
  for (size_t c = 0; c < cells; c++)
    wide->cells[c] = ds_cell_null();
  ds_cell *at = wide->cells - wide->columns_count;
  for (uint32_t row = 0; row < table->rows_count; row++) {
    if (starts_row(work, row)) {
      at += wide->columns_count;
      for (uint32_t k = 0; k < work->keys; k++)
        at[k] = *cell_at(work, row, work->key[k]);
    }
    if (work->only == UINT32_MAX || ds_str_equal(human(work, row, work->only, &work->text),
                                                 ds_str_of(table->pivot->only_text)))
      at[place[row]] = *cell_at(work, row, work->figure);
  }
  return work->text.failed || work->last.failed ? no_memory(err) : DS_OK;
}

ds_code ds_pivot_make(const ds_table *table, ds_arena *arena, ds_table *ret_wide, ds_error *err) {
  pivot_work work = {.table = table, .arena = arena};
  ds_table wide = {.name = table->name, .title = table->pivot->title, .bar = ""};
  ds_buf_init(&work.text, 1u << 20);
  ds_buf_init(&work.last, 1u << 20);
  const ds_code code = make(&work, &wide, err);
  ds_buf_done(&work.text);
  ds_buf_done(&work.last);
  if (code == DS_OK)
    *ret_wide = wide;
  return code;
}
