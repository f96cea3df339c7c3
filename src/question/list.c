// SPDX-License-Identifier: Apache-2.0
// See list.h.
#include "question/list.h"

#include <assert.h>
#include <stdlib.h>

#include "question/common.h"
#include "question/spans.h"

// One entry; its texts lie behind one another in one allocation.
typedef struct list_entry {
  int64_t time_ms;
  int64_t duration_ms;
  uint32_t customer_size;
  uint32_t case_size;
  char *text;
} list_entry;

typedef struct list_context {
  const ds_list_plan *plan;
  bool has_case;
  uint64_t limit; // entries to keep
  size_t bytes_max;
} list_context;

struct ds_list {
  const list_context *context;
  list_entry *entries;
  size_t count;
  size_t capacity;
  size_t bytes;
  uint64_t total;
  uint32_t *group;
  uint32_t group_capacity;
};

static ds_code list_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((ds_list *)memory)->context = context;
  return DS_OK;
}

static void list_done(void *memory) {
  ds_list *list = memory;
  for (size_t i = 0; i < list->count; i++)
    free(list->entries[i].text);
  free(list->entries);
  free(list->group);
  list->entries = NULL;
  list->group = NULL;
  list->count = 0;
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
  return (x->duration_ms > y->duration_ms) - (x->duration_ms < y->duration_ms);
}

// Keeps the first entries only, so that a limited list needs limited memory.
static void prune(ds_list *list) {
  if (list->count > 0)
    qsort(list->entries, list->count, sizeof *list->entries, compare_entries);
  for (; list->count > list->context->limit; list->count--) {
    const list_entry *last = &list->entries[list->count - 1];
    list->bytes -= last->customer_size + last->case_size + 1 + sizeof *last;
    free(last->text);
  }
}

static ds_code entries_reserve(ds_list *list, ds_error *err) {
  if (list->count >= list->context->limit && list->count / 2 >= list->context->limit)
    prune(list);
  if (list->bytes > list->context->bytes_max)
    return ds_fail(err, DS_MEMORY, "the list outgrows the memory budget: give --limit");
  if (list->count < list->capacity)
    return DS_OK;
  const size_t capacity = list->capacity * 2 + 256;
  list_entry *entries = realloc(list->entries, capacity * sizeof *entries);
  if (entries == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list: give --limit");
  list->entries = entries;
  list->capacity = capacity;
  return DS_OK;
}

ds_code ds_list_add(ds_list *list, const ds_block *block, uint32_t journey, uint32_t event,
                    int64_t duration_ms, ds_error *err) {
  list->total++;
  TRY(entries_reserve(list, err));
  const ds_str customer = block->subject[journey];
  const ds_str name = list->context->has_case ? block->case_text[journey] : (ds_str){0};
  char *text = malloc((size_t)customer.size + name.size + 1);
  if (text == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list: give --limit");
  if (customer.size > 0)
    memcpy(text, customer.data, customer.size);
  if (name.size > 0)
    memcpy(text + customer.size, name.data, name.size);
  list->entries[list->count++] = (list_entry){block->time_ms[event], duration_ms, customer.size,
                                              name.size, text};
  list->bytes += (size_t)customer.size + name.size + 1 + sizeof *list->entries;
  return DS_OK;
}

static ds_code list_block(void *memory, const ds_block *block, ds_error *err) {
  ds_list *list = memory;
  const ds_list_plan *plan = list->context->plan;
  if (plan->by != NULL) {
    if (list->group_capacity < block->journeys) {
      free(list->group);
      list->group = malloc(block->journeys * sizeof *list->group);
      list->group_capacity = list->group == NULL ? 0 : block->journeys;
      if (list->group == NULL)
        return ds_fail(err, DS_MEMORY, "out of memory for a list");
    }
    ds_breakdown_block(plan->by, block, list->group);
  }
  for (uint32_t j = 0; j < block->journeys; j++)
    if (plan->by == NULL || list->group[j] == plan->group)
      TRY(plan->journey(plan->context, block, j, list, err));
  return DS_OK;
}

static ds_code list_merge(void *memory, void *other, ds_error *err) {
  ds_list *into = memory, *from = other;
  into->total += from->total;
  while (from->count > 0) {
    TRY(entries_reserve(into, err));
    const list_entry *entry = &from->entries[--from->count];
    into->entries[into->count++] = *entry;
    into->bytes += (size_t)entry->customer_size + entry->case_size + 1 + sizeof *entry;
  }
  return DS_OK;
}

static const ds_kernel list_kernel = {"list",     sizeof(ds_list), list_init,
                                      list_block, list_merge,      list_done};

static const ds_column list_columns[] = {
    {"time", DS_CELL_TIME, "", "when the event happened", false},
    {"customer", DS_CELL_TEXT, "", "whose event it is", false},
    {"case", DS_CELL_TEXT, "", "the value of the case key", false},
};

static ds_code put_list(ds_list *list, ds_result *result, ds_error *err) {
  const list_context *context = list->context;
  const ds_column *duration = context->plan->duration;
  ds_column *columns = ds_arena_array(result->arena, 4, sizeof *columns);
  if (columns == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list");
  uint32_t used = 0;
  columns[used++] = list_columns[0];
  columns[used++] = list_columns[1];
  if (context->has_case)
    columns[used++] = list_columns[2];
  if (duration != NULL)
    columns[used++] = *duration;
  ds_table *table = ds_result_table(result, "list", "What was counted", columns, used);
  prune(list);
  for (size_t i = 0; i < list->count; i++) {
    const list_entry *entry = &list->entries[i];
    ds_cell *at = table == NULL ? NULL : ds_table_row(result, table);
    if (at == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for a list: give --limit");
    *at++ = ds_cell_i64(entry->time_ms);
    *at++ = ds_cell_text(result, (ds_str){entry->text, entry->customer_size});
    if (context->has_case)
      *at++ = ds_cell_text(result,
                           (ds_str){entry->text + entry->customer_size, entry->case_size});
    if (duration != NULL)
      *at++ = ds_cell_double((double)entry->duration_ms);
  }
  char shown[32], total[32];
  if (list->count < list->total)
    ds_result_note(result, false, "%s of %s entries are shown.",
                   ds_human_count(shown, list->count), ds_human_count(total, list->total));
  else
    ds_result_note(result, false, "%s %s.", ds_human_count(total, list->total),
                   list->total == 1 ? "entry" : "entries");
  return DS_OK;
}

ds_code ds_list_run(const ds_request *request, const ds_plan *plan, const ds_list_plan *list,
                    ds_result *result, ds_error *err) {
  list_context context = {.plan = list, .has_case = plan->has_case, .limit = UINT64_MAX,
                          .bytes_max = request->memory_bytes / 2};
  // A sorted list is cut only after it has been sorted.
  if (ds_option_get(&request->options, "limit") != NULL &&
      ds_option_get(&request->options, "sort") == NULL)
    TRY(ds_option_count(&request->options, "limit", 1, &context.limit, err));
  ds_plan listing = *plan;
  listing.columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_SUBJECT;
  listing.want_case_text = plan->has_case;
  void *memory = NULL;
  TRY(ds_spans_scan(request, &listing, &list_kernel, &context, request->arena, result, &memory,
                    err));
  const ds_code code = put_list(memory, result, err);
  list_done(memory);
  return code;
}

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

ds_code ds_list_touchpoint(const ds_request *request, ds_str name, uint32_t *ret_code,
                           ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  const uint32_t code = ds_names_find(names, name);
  if (code != DS_NONE) {
    *ret_code = code;
    return DS_OK;
  }
  const char **all = ds_arena_array(request->arena, names->count + 1u, sizeof *all);
  for (uint32_t i = 0; all != NULL && i < names->count; i++)
    all[i] = ds_names_text(names, i);
  const char *near = all == NULL ? NULL : ds_str_nearest(name, all, names->count);
  return ds_fail(err, DS_EXPRESSION, "--list: no event is called '%.*s'%s%s%s", DS_STR(name),
                 near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
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
