// SPDX-License-Identifier: Apache-2.0
// See process_list.h.
#include "question/process_list.h"

#include <assert.h>
#include <stdlib.h>

#include "question/common.h"
#include "question/spans.h"

typedef enum list_column { LIST_OCCURRENCES, LIST_CASES, LIST_STARTS, LIST_ENDS } list_column;

// The figure that is listed.
typedef struct list_cell {
  bool edges;
  uint32_t from; // edges
  uint32_t to;   // edges; of nodes the touchpoint
  list_column column;
  const ds_breakdown *by;
  uint32_t group;
  bool has_case;
  uint64_t limit; // entries to keep
  size_t bytes_max;
} list_cell;

// One entry; its texts lie behind one another in one allocation.
typedef struct list_entry {
  int64_t time_ms;
  int64_t gap_ms;
  uint32_t customer_size;
  uint32_t case_size;
  char *text;
} list_entry;

typedef struct list_state {
  const list_cell *cell;
  list_entry *entries;
  size_t count;
  size_t capacity;
  size_t bytes;
  uint64_t total;
  uint32_t *group;
  uint32_t group_capacity;
} list_state;

static ds_code list_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((list_state *)memory)->cell = context;
  return DS_OK;
}

static void list_done(void *memory) {
  list_state *state = memory;
  for (size_t i = 0; i < state->count; i++)
    free(state->entries[i].text);
  free(state->entries);
  free(state->group);
  state->entries = NULL;
  state->count = 0;
}

static int compare_entries(const void *a, const void *b) {
  const list_entry *x = a, *y = b;
  if (x->time_ms != y->time_ms)
    return x->time_ms < y->time_ms ? -1 : 1;
  const int customer = ds_str_compare((ds_str){x->text, x->customer_size},
                                      (ds_str){y->text, y->customer_size});
  if (customer != 0)
    return customer;
  const int by_case = ds_str_compare((ds_str){x->text + x->customer_size, x->case_size},
                                     (ds_str){y->text + y->customer_size, y->case_size});
  if (by_case != 0)
    return by_case;
  return (x->gap_ms > y->gap_ms) - (x->gap_ms < y->gap_ms);
}

// Keeps the first entries only, so that a limited list needs limited memory.
static void prune(list_state *state) {
  if (state->count > 0)
    qsort(state->entries, state->count, sizeof *state->entries, compare_entries);
  for (; state->count > state->cell->limit; state->count--) {
    const list_entry *last = &state->entries[state->count - 1];
    state->bytes -= last->customer_size + last->case_size + 1 + sizeof *last;
    free(last->text);
  }
}

static ds_code entries_reserve(list_state *state, ds_error *err) {
  if (state->count >= state->cell->limit && state->count / 2 >= state->cell->limit)
    prune(state);
  if (state->bytes > state->cell->bytes_max)
    return ds_fail(err, DS_MEMORY, "the list outgrows the memory budget: give --limit");
  if (state->count < state->capacity)
    return DS_OK;
  const size_t capacity = state->capacity * 2 + 256;
  list_entry *entries = realloc(state->entries, capacity * sizeof *entries);
  if (entries == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list: give --limit");
  state->entries = entries;
  state->capacity = capacity;
  return DS_OK;
}

static ds_code add_entry(list_state *state, const ds_block *block, uint32_t journey,
                         uint32_t event, ds_error *err) {
  state->total++;
  TRY(entries_reserve(state, err));
  const ds_str customer = block->subject[journey];
  const ds_str name = state->cell->has_case ? block->case_text[journey] : (ds_str){0};
  char *text = malloc((size_t)customer.size + name.size + 1);
  if (text == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list: give --limit");
  if (customer.size > 0)
    memcpy(text, customer.data, customer.size);
  if (name.size > 0)
    memcpy(text + customer.size, name.data, name.size);
  state->entries[state->count++] = (list_entry){block->time_ms[event], block->gap_ms[event],
                                                customer.size, name.size, text};
  state->bytes += (size_t)customer.size + name.size + 1 + sizeof *state->entries;
  return DS_OK;
}

// Whether event e of a journey that begins at `first` is counted by the cell's table.
static bool meets(const list_cell *cell, const ds_block *block, uint32_t first, uint32_t e) {
  if (block->touchpoint[e] != cell->to)
    return false;
  return !cell->edges || (e > first && block->touchpoint[e - 1] == cell->from);
}

static ds_code list_journey(list_state *state, const ds_block *block, uint32_t j, ds_error *err) {
  const list_cell *cell = state->cell;
  uint32_t first = block->offset[j], last = block->offset[j + 1];
  const uint32_t start = first;
  assert(first < last);
  if (cell->column == LIST_STARTS)
    last = first + 1;
  if (cell->column == LIST_ENDS)
    first = last - 1;
  for (uint32_t e = first; e < last; e++) {
    if (!meets(cell, block, start, e))
      continue;
    TRY(add_entry(state, block, j, e, err));
    if (cell->column == LIST_CASES)
      break;
  }
  return DS_OK;
}

static ds_code list_add(void *memory, const ds_block *block, ds_error *err) {
  list_state *state = memory;
  const list_cell *cell = state->cell;
  if (cell->by != NULL) {
    if (state->group_capacity < block->journeys) {
      free(state->group);
      state->group = malloc(block->journeys * sizeof *state->group);
      state->group_capacity = state->group == NULL ? 0 : block->journeys;
      if (state->group == NULL)
        return ds_fail(err, DS_MEMORY, "out of memory for a list");
    }
    ds_breakdown_block(cell->by, block, state->group);
  }
  for (uint32_t j = 0; j < block->journeys; j++)
    if (cell->by == NULL || state->group[j] == cell->group)
      TRY(list_journey(state, block, j, err));
  return DS_OK;
}

static ds_code list_merge(void *memory, void *other, ds_error *err) {
  list_state *into = memory;
  list_state *from = other;
  into->total += from->total;
  while (from->count > 0) {
    TRY(entries_reserve(into, err));
    const list_entry *entry = &from->entries[--from->count];
    into->entries[into->count++] = *entry;
    into->bytes += (size_t)entry->customer_size + entry->case_size + 1 + sizeof *entry;
  }
  return DS_OK;
}

static const ds_kernel list_kernel = {"list",   sizeof(list_state), list_init,
                                      list_add, list_merge,         list_done};

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

static ds_code find_touchpoint(const ds_request *request, ds_str name, uint32_t *ret_code,
                               ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  *ret_code = ds_names_find(names, name);
  if (*ret_code != DS_NONE)
    return DS_OK;
  const char **all = ds_arena_array(request->arena, names->count + 1u, sizeof *all);
  for (uint32_t i = 0; all != NULL && i < names->count; i++)
    all[i] = ds_names_text(names, i);
  const char *near = all == NULL ? NULL : ds_str_nearest(name, all, names->count);
  return ds_fail(err, DS_EXPRESSION, "--list: no event is called '%.*s'%s%s%s", DS_STR(name),
                 near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

static ds_code read_column(list_cell *cell, ds_str value, ds_error *err) {
  static const char *const names[] = {"occurrences", "cases", "starts", "ends"};
  const uint32_t count = cell->edges ? 2 : 4;
  for (uint32_t c = 0; c < count; c++)
    if (ds_str_equal(value, ds_str_of(names[c]))) {
      cell->column = (list_column)c;
      return DS_OK;
    }
  return ds_fail(err, DS_USAGE, "--list: column=%.*s cannot be listed: choose %s", DS_STR(value),
                 cell->edges ? "occurrences or cases" : "occurrences, cases, starts or ends");
}

static ds_code read_group(list_cell *cell, ds_str value, ds_error *err) {
  for (uint32_t g = 0; g < cell->by->groups; g++)
    if (ds_str_equal(value, ds_str_of(cell->by->labels[g]))) {
      cell->group = g;
      return DS_OK;
    }
  return ds_fail(err, DS_USAGE, "--list: %s=%.*s is none of the groups of this answer",
                 cell->by->name, DS_STR(value));
}

// Reads one name=value; `seen` collects a bit per part of the cell.
static ds_code read_part(const ds_request *request, list_cell *cell, ds_str word, uint32_t *seen,
                         ds_error *err) {
  ds_str name, value;
  if (!split(word, &name, &value))
    return ds_fail(err, DS_USAGE, "--list: expected name=value, found '%.*s'", DS_STR(word));
  if (cell->by != NULL && ds_str_equal(name, ds_str_of(cell->by->name))) {
    *seen |= 8;
    return read_group(cell, value, err);
  }
  if (ds_str_equal(name, ds_str_of("column"))) {
    *seen |= 4;
    return read_column(cell, value, err);
  }
  if (cell->edges && ds_str_equal(name, ds_str_of("from"))) {
    *seen |= 2;
    return find_touchpoint(request, value, &cell->from, err);
  }
  if (ds_str_equal(name, ds_str_of(cell->edges ? "to" : "touchpoint"))) {
    *seen |= 1;
    return find_touchpoint(request, value, &cell->to, err);
  }
  return ds_fail(err, DS_USAGE, "--list: '%.*s' names no part of a row of %s", DS_STR(name),
                 cell->edges ? "edges (from, to, column)" : "nodes (touchpoint, column)");
}

static ds_code read_cell(const ds_request *request, const char *text, list_cell *cell,
                         ds_error *err) {
  const ds_str table = next_word(&text);
  cell->edges = ds_str_equal(table, ds_str_of("edges"));
  if (!cell->edges && !ds_str_equal(table, ds_str_of("nodes")))
    return ds_fail(err, DS_USAGE, "--list: write 'edges from=A to=B column=cases' or "
                   "'nodes touchpoint=A column=cases'");
  uint32_t seen = 0;
  for (ds_str word = next_word(&text); word.size > 0; word = next_word(&text))
    TRY(read_part(request, cell, word, &seen, err));
  const uint32_t needed = 5u | (cell->edges ? 2u : 0) | (cell->by != NULL ? 8u : 0);
  if (seen == needed)
    return DS_OK;
  if (cell->by != NULL && (seen & 8) == 0)
    return ds_fail(err, DS_USAGE, "--list: with --by say which group: %s=VALUE", cell->by->name);
  return ds_fail(err, DS_USAGE, "--list: a row of %s needs %s", cell->edges ? "edges" : "nodes",
                 cell->edges ? "from=, to= and column=" : "touchpoint= and column=");
}

static const ds_column list_columns[] = {
    {"time", DS_CELL_TIME, "", "when the event happened", false},
    {"customer", DS_CELL_TEXT, "", "whose event it is", false},
    {"case", DS_CELL_TEXT, "", "the value of the case key", false},
    {"gap_ms", DS_CELL_DURATION, "ms", "time since the event before in the case", false},
};

static ds_code put_list(const list_cell *cell, list_state *state, ds_result *result,
                        ds_error *err) {
  ds_column *columns = ds_arena_array(result->arena, 4, sizeof *columns);
  if (columns == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list");
  uint32_t used = 0;
  columns[used++] = list_columns[0];
  columns[used++] = list_columns[1];
  if (cell->has_case)
    columns[used++] = list_columns[2];
  if (cell->edges)
    columns[used++] = list_columns[3];
  ds_table *table = ds_result_table(result, "list", "What was counted", columns, used);
  prune(state);
  for (size_t i = 0; i < state->count; i++) {
    const list_entry *entry = &state->entries[i];
    ds_cell *at = table == NULL ? NULL : ds_table_row(result, table);
    if (at == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for a list: give --limit");
    *at++ = ds_cell_i64(entry->time_ms);
    *at++ = ds_cell_text(result, (ds_str){entry->text, entry->customer_size});
    if (cell->has_case)
      *at++ = ds_cell_text(result,
                           (ds_str){entry->text + entry->customer_size, entry->case_size});
    if (cell->edges)
      *at++ = ds_cell_double((double)entry->gap_ms);
  }
  char shown[32], total[32];
  if (state->count < state->total)
    ds_result_note(result, false, "%s of %s entries are shown.",
                   ds_human_count(shown, state->count), ds_human_count(total, state->total));
  else
    ds_result_note(result, false, "%s %s.", ds_human_count(total, state->total),
                   state->total == 1 ? "entry" : "entries");
  return DS_OK;
}

ds_code ds_process_list(const ds_request *request, const ds_plan *plan, const ds_breakdown *by,
                        const char *text, ds_result *result, ds_error *err) {
  list_cell cell = {.by = by, .has_case = plan->has_case, .limit = UINT64_MAX,
                    .bytes_max = request->memory_bytes / 2};
  TRY(read_cell(request, text, &cell, err));
  // A sorted list is cut only after it has been sorted.
  if (ds_option_get(&request->options, "limit") != NULL &&
      ds_option_get(&request->options, "sort") == NULL)
    TRY(ds_option_count(&request->options, "limit", 1, &cell.limit, err));
  ds_plan listing = *plan;
  listing.columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_GAP | DS_WANT_SUBJECT;
  listing.want_case_text = plan->has_case;
  void *memory = NULL;
  TRY(ds_spans_scan(request, &listing, &list_kernel, &cell, request->arena, result, &memory,
                    err));
  const ds_code code = put_list(&cell, memory, result, err);
  list_done(memory);
  return code;
}
