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
  const ds_str *touchpoint; // a name of the snapshot
} list_entry;

typedef struct list_context {
  const ds_list_plan *plan;
  const ds_names *touchpoints;
  bool has_case;  // cases are shown
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
  void *scratch;
};

static ds_code list_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  ds_list *list = memory;
  list->context = context;
  if (list->context->plan->scratch_bytes == 0)
    return DS_OK;
  list->scratch = ds_arena_alloc(arena, list->context->plan->scratch_bytes);
  return list->scratch != NULL ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory for a list");
}

void *ds_list_scratch(ds_list *list) { return list->scratch; }

static void list_done(void *memory) {
  ds_list *list = memory;
  for (size_t i = 0; i < list->count; i++)
    free(list->entries[i].text);
  if (list->scratch != NULL && list->context->plan->scratch_done != NULL)
    list->context->plan->scratch_done(list->scratch);
  free(list->entries);
  free(list->group);
  list->scratch = NULL;
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
  if (x->duration_ms != y->duration_ms)
    return x->duration_ms < y->duration_ms ? -1 : 1;
  return ds_str_compare(*x->touchpoint, *y->touchpoint);
}

static size_t entry_bytes(const list_entry *entry) {
  return (size_t)entry->customer_size + entry->case_size + 1 + sizeof *entry;
}

// Keeps the first entries only, so that a limited list needs limited memory.
static void prune(ds_list *list) {
  if (list->count > 0)
    qsort(list->entries, list->count, sizeof *list->entries, compare_entries);
  for (; list->count > list->context->limit; list->count--) {
    list->bytes -= entry_bytes(&list->entries[list->count - 1]);
    free(list->entries[list->count - 1].text);
  }
}

// Keeps the first entry of each case, whosever it is; the entries are in order.
static ds_code keep_once(ds_list *list, ds_error *err) {
  ds_map64 seen;
  ds_map64_init(&seen);
  size_t kept = 0;
  ds_code code = DS_OK;
  for (size_t i = 0; i < list->count; i++) {
    list_entry *entry = &list->entries[i];
    const ds_str name = {entry->text + entry->customer_size, entry->case_size};
    uint32_t *slot = code == DS_OK ? ds_map64_put(&seen, ds_key_hash(name)) : NULL;
    if (slot == NULL)
      code = ds_fail(err, DS_MEMORY, "out of memory for a list");
    if (slot != NULL && *slot == DS_NONE) {
      *slot = 1;
      list->entries[kept++] = *entry;
    } else {
      free(entry->text);
    }
  }
  ds_map64_done(&seen);
  list->count = kept;
  list->total = kept;
  return code;
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

ds_code ds_list_add_named(ds_list *list, const ds_block *block, uint32_t journey, uint32_t event,
                          ds_str name, int64_t duration_ms, ds_error *err) {
  list->total++;
  TRY(entries_reserve(list, err));
  const ds_str customer = block->subject[journey];
  char *text = malloc((size_t)customer.size + name.size + 1);
  if (text == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list: give --limit");
  if (customer.size > 0)
    memcpy(text, customer.data, customer.size);
  if (name.size > 0)
    memcpy(text + customer.size, name.data, name.size);
  const ds_str *touchpoint = &list->context->touchpoints->text[block->touchpoint[event]];
  list_entry *entry = &list->entries[list->count++];
  *entry = (list_entry){block->time_ms[event], duration_ms, customer.size, name.size, text,
                        touchpoint};
  list->bytes += entry_bytes(entry);
  return DS_OK;
}

ds_code ds_list_add(ds_list *list, const ds_block *block, uint32_t journey, uint32_t event,
                    int64_t duration_ms, ds_error *err) {
  const ds_str name = block->case_text != NULL ? block->case_text[journey] : (ds_str){0};
  return ds_list_add_named(list, block, journey, event, name, duration_ms, err);
}

static ds_code list_block(void *memory, const ds_block *block, ds_error *err) {
  ds_list *list = memory;
  const ds_list_plan *plan = list->context->plan;
  if (plan->by != NULL)
    TRY(ds_breakdown_groups(plan->by, block, &list->group, &list->group_capacity, err));
  if (plan->block != NULL)
    TRY(plan->block(plan->context, block, list, err));
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
    into->bytes += entry_bytes(entry);
  }
  return DS_OK;
}

static const ds_kernel list_kernel = {"list",     sizeof(ds_list), list_init,
                                      list_block, list_merge,      list_done};

static const ds_column list_columns[] = {
    {"time", DS_CELL_TIME, "", "when the event happened", false},
    {"customer", DS_CELL_TEXT, "", "whose event it is", false},
    {"case", DS_CELL_TEXT, "", "the value of the case key", false},
    {"touchpoint", DS_CELL_TEXT, "", "what happened", false},
};

static ds_code put_list(ds_list *list, ds_result *result, ds_error *err) {
  const list_context *context = list->context;
  const ds_column *duration = context->plan->duration;
  ds_column *columns = ds_arena_array(result->arena, 5, sizeof *columns);
  if (columns == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list");
  uint32_t used = 0;
  columns[used++] = list_columns[0];
  columns[used++] = list_columns[1];
  if (context->has_case)
    columns[used++] = list_columns[2];
  if (context->plan->touchpoints)
    columns[used++] = list_columns[3];
  if (duration != NULL)
    columns[used++] = *duration;
  ds_table *table = ds_result_table(result, "list", "What was counted", columns, used);
  prune(list);
  if (context->plan->once)
    TRY(keep_once(list, err));
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
    if (context->plan->touchpoints)
      *at++ = ds_cell_text(result, *entry->touchpoint);
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
  list_context context = {.plan = list,
                          .touchpoints = &request->snapshot->space.touchpoints,
                          .has_case = plan->has_case || list->named,
                          .limit = UINT64_MAX,
                          .bytes_max = request->memory_bytes / 2};
  // A sorted list is cut only after it has been sorted, one of each case after they are told apart.
  if (ds_option_get(&request->options, "limit") != NULL && !list->once &&
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
