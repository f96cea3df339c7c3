// SPDX-License-Identifier: Apache-2.0
// See customer.h. A read finds the journeys of the numbers (sources), cuts their union into runs of
// events that follow one another in one source, and copies the runs column by column.
#include "store/customer.h"

#include <assert.h>
#include <stdlib.h>

#include "store/kept_block.h"

// Up to this many values of a case key are compared one by one, more through a map.
enum { SEARCH_MAX = 16 };

// A block of a place: its last customer, and what is kept of it, in a list by last use.
typedef struct slot_state {
  ds_kept_block *kept; // NULL = nothing
  uint32_t newer, older; // slots; DS_NONE = none
} slot_state;

// A place: its blocks are slots [first, first of the next).
typedef struct place_state {
  uint32_t slot;
  uint32_t customer_first;
  uint32_t customer_last;
} place_state;

// A journey to be merged; its next event and the end of its events.
typedef struct source {
  const ds_kept_block *kept;
  uint32_t journey;
  uint32_t event;
  uint32_t end;
  uint32_t order; // among events of one time and arrival
} source;

// Events [first, first + count) of a block.
typedef struct run {
  const ds_kept_block *kept;
  uint32_t first;
  uint32_t count;
} run;

struct ds_customer_reader {
  const ds_snapshot *snapshot;
  ds_columns columns;
  ds_block_reader *decoder;
  size_t kept_bytes_max;
  size_t kept_bytes;
  place_state *places;
  slot_state *slots;
  uint32_t *customer_last; // by slot
  uint32_t newest, oldest;
  source *sources;
  uint32_t sources_count, sources_capacity;
  run *runs;
  uint32_t runs_count, runs_capacity;
  // The block that is given, and its room.
  ds_block block;
  uint32_t offset[2];
  uint32_t customer;
  ds_str subject;
  uint32_t events_capacity;
  uint32_t *items_capacity;  // by key
  uint32_t *values_capacity; // by key
  ds_map64 seen;             // values of the key in hand, past SEARCH_MAX
};

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for reading a customer");
}

// realloc through a pointer of any type; false leaves the old array in place.
static bool grow(void *where, size_t count, size_t width) {
  void *old = NULL;
  memcpy(&old, where, sizeof old);
  void *data = realloc(old, count * width + 8);
  if (data != NULL)
    memcpy(where, &data, sizeof data);
  return data != NULL;
}

static ds_code make_index(ds_customer_reader *reader, ds_error *err) {
  const ds_snapshot *snapshot = reader->snapshot;
  uint32_t slots = 0;
  for (uint32_t p = 0; p < snapshot->places_count; p++)
    slots += ds_part_get_info(snapshot->places[p].part)->blocks;
  reader->places = calloc(snapshot->places_count + 1u, sizeof *reader->places);
  reader->slots = calloc(slots + 1u, sizeof *reader->slots);
  reader->customer_last = calloc(slots + 1u, sizeof *reader->customer_last);
  if (reader->places == NULL || reader->slots == NULL || reader->customer_last == NULL)
    return no_memory(err);
  slots = 0;
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_part *part = snapshot->places[p].part;
    const ds_part_info *info = ds_part_get_info(part);
    reader->places[p] = (place_state){slots, info->customer_first, info->customer_last};
    for (uint32_t b = 0; b < info->blocks; b++)
      reader->customer_last[slots++] = ds_part_zone(part, b)->customer_last;
  }
  reader->places[snapshot->places_count].slot = slots;
  return DS_OK;
}

static ds_code make_room(ds_customer_reader *reader, ds_error *err) {
  const ds_columns *columns = &reader->columns;
  ds_block *block = &reader->block;
  block->properties_count = columns->properties_count;
  block->keys_count = columns->keys_count;
  block->property = calloc(columns->properties_count + 1u, sizeof *block->property);
  block->key = calloc(columns->keys_count + 1u, sizeof *block->key);
  reader->items_capacity = calloc(columns->keys_count + 1u, sizeof(uint32_t));
  reader->values_capacity = calloc(columns->keys_count + 1u, sizeof(uint32_t));
  reader->decoder = ds_block_reader_new();
  if (block->property == NULL || block->key == NULL || reader->items_capacity == NULL ||
      reader->values_capacity == NULL || reader->decoder == NULL)
    return no_memory(err);
  block->offset = reader->offset;
  block->customer = &reader->customer;
  block->subject = (columns->want & DS_WANT_SUBJECT) != 0 ? &reader->subject : NULL;
  for (uint32_t k = 0; k < columns->keys_count; k++)
    if (!grow(&block->key[k].offset, 2, sizeof(uint32_t)))
      return no_memory(err);
  return DS_OK;
}

ds_code ds_customer_reader_new(const ds_snapshot *snapshot, const ds_columns *columns,
                               size_t kept_bytes_max, ds_customer_reader **ret_reader,
                               ds_error *err) {
  ds_customer_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL)
    return no_memory(err);
  reader->snapshot = snapshot;
  reader->columns = *columns;
  reader->columns.want |= DS_WANT_TIME | DS_WANT_ARRIVAL; // by which events are merged
  if (columns->properties_count > 0)
    reader->columns.want |= DS_WANT_TOUCHPOINT;
  reader->kept_bytes_max = kept_bytes_max;
  reader->newest = reader->oldest = DS_NONE;
  ds_map64_init(&reader->seen);
  ds_code code = make_index(reader, err);
  if (code == DS_OK)
    code = make_room(reader, err);
  if (code != DS_OK)
    ds_customer_reader_free(reader);
  else
    *ret_reader = reader;
  return code;
}

void ds_customer_reader_free(ds_customer_reader *reader) {
  if (reader == NULL)
    return;
  ds_block *block = &reader->block;
  for (uint32_t s = reader->newest; s != DS_NONE; s = reader->slots[s].older)
    free(reader->slots[s].kept);
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    free(ds_block_column_data(block, &ds_block_columns[c]));
  for (uint32_t p = 0; block->property != NULL && p < block->properties_count; p++) {
    free(block->property[p].present);
    free(block->property[p].text);
    free(block->property[p].number);
    free(block->property[p].i);
  }
  for (uint32_t k = 0; block->key != NULL && k < block->keys_count; k++) {
    free(block->key[k].first);
    free(block->key[k].item);
    free(block->key[k].hash);
    free(block->key[k].text);
    free(block->key[k].offset);
  }
  void *const rest[] = {block->property, block->key, block->gap_ms, reader->items_capacity,
                        reader->values_capacity, reader->places, reader->slots,
                        reader->customer_last, reader->sources, reader->runs};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
    free(rest[i]);
  ds_map64_done(&reader->seen);
  ds_block_reader_free(reader->decoder);
  free(reader);
}

static void list_remove(ds_customer_reader *reader, uint32_t slot) {
  const slot_state *state = &reader->slots[slot];
  if (state->newer != DS_NONE)
    reader->slots[state->newer].older = state->older;
  else
    reader->newest = state->older;
  if (state->older != DS_NONE)
    reader->slots[state->older].newer = state->newer;
  else
    reader->oldest = state->newer;
}

static void list_put(ds_customer_reader *reader, uint32_t slot) {
  reader->slots[slot].newer = DS_NONE;
  reader->slots[slot].older = reader->newest;
  if (reader->newest != DS_NONE)
    reader->slots[reader->newest].newer = slot;
  else
    reader->oldest = slot;
  reader->newest = slot;
}

// Lets go of what was used longest ago. Between reads: the block given last shows texts of it.
static void trim(ds_customer_reader *reader) {
  while (reader->kept_bytes > reader->kept_bytes_max && reader->oldest != DS_NONE) {
    const uint32_t slot = reader->oldest;
    list_remove(reader, slot);
    reader->kept_bytes -= reader->slots[slot].kept->bytes;
    free(reader->slots[slot].kept);
    reader->slots[slot].kept = NULL;
  }
}

// What is kept of a slot, read now when there is nothing.
static ds_code keep(ds_customer_reader *reader, uint32_t place, uint32_t slot,
                    const ds_kept_block **ret_kept, ds_error *err) {
  slot_state *state = &reader->slots[slot];
  if (state->kept == NULL) {
    ds_block block;
    TRY(ds_part_read_block(&reader->snapshot->places[place], slot - reader->places[place].slot,
                           &reader->columns, reader->decoder, &block, err));
    state->kept = ds_kept_block_new(&block, &reader->columns);
    if (state->kept == NULL)
      return no_memory(err);
    reader->kept_bytes += state->kept->bytes;
    list_put(reader, slot);
  } else if (slot != reader->newest) {
    list_remove(reader, slot);
    list_put(reader, slot);
  }
  *ret_kept = state->kept;
  return DS_OK;
}

// How many of `count` ascending numbers are below `number`. Without a branch on what is read: which
// half it is cannot be foreseen.
static uint32_t count_below(const uint32_t *numbers, uint32_t count, uint32_t number) {
  const uint32_t *at = numbers;
  for (uint32_t left = count; left > 1; left -= left / 2)
    at += at[left / 2 - 1] < number ? left / 2 : 0;
  return (uint32_t)(at - numbers) + (count > 0 && *at < number);
}

static ds_code add_source(ds_customer_reader *reader, uint32_t place, uint32_t number,
                          ds_error *err) {
  const place_state *at = &reader->places[place];
  if (number < at->customer_first || number > at->customer_last)
    return DS_OK;
  const uint32_t blocks = at[1].slot - at->slot;
  const uint32_t slot = at->slot + count_below(reader->customer_last + at->slot, blocks, number);
  assert(slot < at[1].slot);
  const ds_kept_block *kept = NULL;
  TRY(keep(reader, place, slot, &kept, err));
  const uint32_t journey = count_below(kept->customer, kept->journeys, number);
  if (journey == kept->journeys || kept->customer[journey] != number)
    return DS_OK;
  if (reader->sources_count == reader->sources_capacity) {
    const uint32_t capacity = reader->sources_capacity * 2 + 8;
    if (!grow(&reader->sources, capacity, sizeof *reader->sources))
      return no_memory(err);
    reader->sources_capacity = capacity;
  }
  reader->sources[reader->sources_count] =
      (source){kept, journey, kept->offset[journey], kept->offset[journey + 1],
               reader->sources_count};
  reader->sources_count++;
  return DS_OK;
}

// Whether the next event of `a` comes before that of `b`.
static inline bool comes_before(const source *a, const source *b) {
  const int64_t *time_a = a->kept->column[DS_COLUMN_AT_TIME];
  const int64_t *time_b = b->kept->column[DS_COLUMN_AT_TIME];
  if (time_a[a->event] != time_b[b->event])
    return time_a[a->event] < time_b[b->event];
  const uint64_t *arrival_a = a->kept->column[DS_COLUMN_AT_ARRIVAL];
  const uint64_t *arrival_b = b->kept->column[DS_COLUMN_AT_ARRIVAL];
  if (arrival_a[a->event] != arrival_b[b->event])
    return arrival_a[a->event] < arrival_b[b->event];
  return a->order < b->order;
}

static ds_code add_run(ds_customer_reader *reader, const source *from, uint32_t first,
                       ds_error *err) {
  if (reader->runs_count == reader->runs_capacity) {
    const uint32_t capacity = reader->runs_capacity * 2 + 64;
    if (!grow(&reader->runs, capacity, sizeof *reader->runs))
      return no_memory(err);
    reader->runs_capacity = capacity;
  }
  reader->runs[reader->runs_count++] = (run){from->kept, first, from->event - first};
  return DS_OK;
}

// Brings the source at `at` to its place among those behind it, which are in order.
static void settle(source *sources, uint32_t at, uint32_t count) {
  const source moved = sources[at];
  while (at + 1 < count && comes_before(&sources[at + 1], &moved)) {
    sources[at] = sources[at + 1];
    at++;
  }
  sources[at] = moved;
}

// Sources stay in the order of their next events: the first gives events until the second is due.
static ds_code cut_runs(ds_customer_reader *reader, ds_error *err) {
  source *sources = reader->sources;
  uint32_t count = reader->sources_count;
  for (uint32_t at = count; at-- > 0;)
    settle(sources, at, count);
  while (count > 0) {
    const uint32_t first = sources->event;
    do
      sources->event++;
    while (sources->event < sources->end && (count == 1 || comes_before(sources, sources + 1)));
    TRY(add_run(reader, sources, first, err));
    if (sources->event < sources->end) {
      settle(sources, 0, count);
    } else {
      sources++;
      count--;
    }
  }
  return DS_OK;
}

// Room for the events of all sources; values of properties, once for each type that they may have.
static ds_code reserve_events(ds_customer_reader *reader, uint64_t events, ds_error *err) {
  ds_block *block = &reader->block;
  if (events > UINT32_MAX / 4)
    return ds_fail(err, DS_LIMIT, "a customer has too many events for one block");
  if (events <= reader->events_capacity && reader->events_capacity > 0)
    return DS_OK;
  const uint32_t capacity = (uint32_t)events + (uint32_t)events / 2 + 256;
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    if ((reader->columns.want & ds_block_columns[c].want) != 0 &&
        !grow((char *)block + ds_block_columns[c].at, capacity, ds_block_columns[c].width))
      return no_memory(err);
  if ((reader->columns.want & DS_WANT_GAP) != 0 && !grow(&block->gap_ms, capacity, 8))
    return no_memory(err);
  for (uint32_t p = 0; p < block->properties_count; p++) {
    ds_property_column *column = &block->property[p];
    if (!grow(&column->present, capacity / 64 + 1u, 8) || !grow(&column->number, capacity, 8) ||
        !grow(&column->i, capacity, 8) || !grow(&column->text, capacity, sizeof(ds_str)))
      return no_memory(err);
  }
  for (uint32_t k = 0; k < block->keys_count; k++)
    if (!grow(&block->key[k].first, capacity + 1u, sizeof(uint32_t)))
      return no_memory(err);
  reader->events_capacity = capacity;
  return DS_OK;
}

// Short runs are the rule, so that a loop is faster than a call.
#define COPY_RUNS(type)                                                                   \
  do {                                                                                    \
    type *restrict to = into;                                                             \
    for (uint32_t r = 0; r < reader->runs_count; r++) {                                   \
      const type *restrict from = (const type *)reader->runs[r].kept->column[column] +    \
                                  reader->runs[r].first;                                  \
      for (uint32_t e = 0; e < reader->runs[r].count; e++)                                \
        *to++ = from[e];                                                                  \
    }                                                                                     \
  } while (0)

static void copy_column(const ds_customer_reader *reader, uint32_t column) {
  void *into = ds_block_column_data(&reader->block, &ds_block_columns[column]);
  if (ds_block_columns[column].width == 8)
    COPY_RUNS(uint64_t);
  else if (ds_block_columns[column].width == 4)
    COPY_RUNS(uint32_t);
  else
    COPY_RUNS(uint16_t);
}

static void make_gaps(ds_block *block) {
  for (uint32_t e = 1; e < block->events; e++)
    block->gap_ms[e] = block->time_ms[e] - block->time_ms[e - 1];
  block->gap_ms[0] = 0;
}

// The values of one run, which stand in the block from event `at` on.
static void copy_values(const ds_kept_property *kept, const run *from, uint32_t at,
                        ds_property_column *to) {
  const uint32_t end = from->first + from->count;
  for (uint32_t w = from->first / 64; w <= (end - 1) / 64; w++) {
    uint64_t word = kept->present[w];
    const uint32_t skipped = w * 64 < from->first ? from->first - w * 64 : 0;
    const uint64_t below = ((uint64_t)1 << skipped) - 1;
    uint32_t value = kept->before[w] + (uint32_t)__builtin_popcountll(word & below);
    word &= ~below;
    if (end - w * 64 < 64)
      word &= ((uint64_t)1 << (end - w * 64)) - 1;
    for (; word != 0; word &= word - 1, value++) {
      const uint32_t e = at + w * 64 + (uint32_t)__builtin_ctzll(word) - from->first;
      to->present[e / 64] |= (uint64_t)1 << (e % 64);
      if (ds_type_is_bytes(to->type))
        to->text[e] = ((const ds_str *)kept->value)[value];
      else if (to->type == DS_TYPE_NUMBER)
        to->number[e] = ((const double *)kept->value)[value];
      else
        to->i[e] = ((const int64_t *)kept->value)[value];
    }
  }
}

static void copy_property(const ds_customer_reader *reader, uint32_t p) {
  ds_property_column *to = &reader->block.property[p];
  uint32_t at = 0;
  to->type = DS_TYPE_NULL;
  memset(to->present, 0, (reader->block.events / 64 + 1u) * 8);
  for (uint32_t r = 0; r < reader->runs_count; r++) {
    const run *from = &reader->runs[r];
    const ds_kept_property *kept = &from->kept->property[p];
    if (kept->type != DS_TYPE_NULL) {
      assert(to->type == DS_TYPE_NULL || to->type == kept->type);
      to->type = kept->type;
      copy_values(kept, from, at, to);
    }
    at += from->count;
  }
}

static ds_code reserve_values(ds_customer_reader *reader, uint32_t k, uint64_t items,
                              uint64_t values, ds_error *err) {
  ds_key_column *key = &reader->block.key[k];
  if (items > UINT32_MAX / 4 || values > UINT32_MAX / 4)
    return ds_fail(err, DS_LIMIT, "a customer has too many cases for one block");
  if (items > reader->items_capacity[k] || key->item == NULL) {
    const uint32_t capacity = (uint32_t)items * 2 + 64;
    if (!grow(&key->item, capacity, sizeof *key->item))
      return no_memory(err);
    reader->items_capacity[k] = capacity;
  }
  if (values > reader->values_capacity[k] || key->hash == NULL) {
    const uint32_t capacity = (uint32_t)values * 2 + 64;
    if (!grow(&key->hash, capacity, sizeof *key->hash) ||
        !grow(&key->text, capacity, sizeof *key->text))
      return no_memory(err);
    reader->values_capacity[k] = capacity;
  }
  return DS_OK;
}

static uint32_t find_value(const ds_customer_reader *reader, const ds_key_column *key,
                           uint64_t hash) {
  if (key->values > SEARCH_MAX)
    return ds_map64_get(&reader->seen, hash);
  uint32_t value = 0;
  while (value < key->values && key->hash[value] != hash)
    value++;
  return value < key->values ? value : DS_NONE;
}

// The number of a value among those met; values of several places that are the same become one.
static ds_code value_of(ds_customer_reader *reader, uint32_t k, const ds_key_column *from,
                        uint32_t value, uint32_t *ret_value, ds_error *err) {
  ds_key_column *key = &reader->block.key[k];
  const uint64_t hash = from->hash[value];
  *ret_value = find_value(reader, key, hash);
  if (*ret_value != DS_NONE)
    return DS_OK;
  TRY(reserve_values(reader, k, 0, key->values + 1u, err));
  key->hash[key->values] = hash;
  if (reader->columns.key_texts)
    key->text[key->values] = from->text[value];
  *ret_value = key->values++;
  // The value that is one too many for a search brings all into the map.
  const uint32_t first = key->values == SEARCH_MAX + 1 ? 0 : *ret_value;
  for (uint32_t v = first; key->values > SEARCH_MAX && v < key->values; v++) {
    uint32_t *slot = ds_map64_put(&reader->seen, key->hash[v]);
    if (slot == NULL)
      return no_memory(err);
    *slot = v;
  }
  return DS_OK;
}

static ds_code copy_key(ds_customer_reader *reader, uint32_t k, ds_error *err) {
  ds_key_column *to = &reader->block.key[k];
  uint32_t at = 0, items = 0;
  to->values = 0;
  to->first[0] = 0;
  ds_map64_reset(&reader->seen);
  for (uint32_t r = 0; r < reader->runs_count; r++) {
    const run *from = &reader->runs[r];
    const ds_key_column *kept = &from->kept->key[k];
    const uint32_t *first = kept->first + from->first;
    TRY(reserve_values(reader, k, (uint64_t)items + first[from->count] - first[0], 0, err));
    for (uint32_t e = 0; e < from->count; e++) {
      for (uint32_t i = first[e]; i < first[e + 1]; i++)
        TRY(value_of(reader, k, kept, kept->item[i], &to->item[items++], err));
      to->first[++at] = items;
    }
  }
  to->offset[0] = 0;
  to->offset[1] = to->values;
  return DS_OK;
}

static ds_code copy_runs(ds_customer_reader *reader, ds_error *err) {
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    if ((reader->columns.want & ds_block_columns[c].want) != 0)
      copy_column(reader, c);
  if ((reader->columns.want & DS_WANT_GAP) != 0)
    make_gaps(&reader->block);
  for (uint32_t p = 0; p < reader->columns.properties_count; p++)
    copy_property(reader, p);
  for (uint32_t k = 0; k < reader->columns.keys_count; k++)
    TRY(copy_key(reader, k, err));
  return DS_OK;
}

// The subject of numbers[0] when it has events, else of another.
static void choose_subject(ds_customer_reader *reader) {
  const source *chosen = &reader->sources[0];
  for (uint32_t s = 1; s < reader->sources_count; s++)
    if (reader->sources[s].kept->customer[reader->sources[s].journey] == reader->customer)
      chosen = &reader->sources[s];
  if (chosen->kept->subject != NULL)
    reader->subject = chosen->kept->subject[chosen->journey];
}

ds_code ds_customer_read(ds_customer_reader *reader, const uint32_t *numbers, uint32_t count,
                         ds_block *ret_block, ds_error *err) {
  assert(count > 0);
  trim(reader);
  reader->sources_count = reader->runs_count = 0;
  reader->customer = numbers[0];
  for (uint32_t n = 0; n < count; n++)
    for (uint32_t p = 0; p < reader->snapshot->places_count; p++)
      TRY(add_source(reader, p, numbers[n], err));
  uint64_t events = 0;
  for (uint32_t s = 0; s < reader->sources_count; s++)
    events += reader->sources[s].end - reader->sources[s].event;
  TRY(reserve_events(reader, events, err));
  reader->block.journeys = events > 0;
  reader->block.events = reader->offset[reader->block.journeys] = (uint32_t)events;
  if (events > 0) {
    choose_subject(reader);
    TRY(cut_runs(reader, err));
    TRY(copy_runs(reader, err));
  }
  *ret_block = reader->block;
  return DS_OK;
}
