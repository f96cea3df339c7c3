// SPDX-License-Identifier: Apache-2.0
// See customer.h. A read finds the journeys of the numbers (sources), merges the keys of their
// events, and then gathers column by column. What is loaded first is asked for early: a read waits
// for memory more than it computes.
#include "store/customer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/resize.h"
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

// A journey of the customer.
typedef struct source {
  const ds_kept_block *kept;
  uint32_t journey;
  uint32_t first; // its events in the block are [first, first + count)
  uint32_t count;
  uint32_t at;    // of its first event among those of all sources
  uint32_t values_at; // of its first value of the key in hand among those of all sources
} source;

// An event on its way to its place: what orders it, and where it comes from.
typedef struct pick {
  int64_t time_ms;
  uint64_t arrival;
  uint32_t source;
  uint32_t event;
} pick;

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
  pick *picks;     // in their final order
  pick *scratch;   // room for merging
  uint32_t *place; // by source, then event: where it stands in the end
  uint32_t *value; // by source, then its value of the key in hand: its number in the block
  uint32_t value_capacity;
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
    if (!ds_resize(&block->key[k].offset, 2, sizeof(uint32_t)))
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
                        reader->customer_last, reader->sources, reader->picks,
                        reader->scratch, reader->place, reader->value};
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

// Asks memory for what the read needs of a journey that begins at event `first`.
static void ask_for(const ds_customer_reader *reader, const ds_kept_block *kept, uint32_t journey,
                    uint32_t first) {
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    if (kept->column[c] != NULL)
      __builtin_prefetch((const char *)kept->column[c] + (size_t)first * ds_block_columns[c].width);
  for (uint32_t p = 0; p < reader->columns.properties_count; p++) {
    if (kept->property[p].type == DS_TYPE_NULL)
      continue;
    __builtin_prefetch(&kept->property[p].present[first / 64]);
    __builtin_prefetch(&kept->property[p].before[first / 64]);
  }
  for (uint32_t k = 0; k < reader->columns.keys_count; k++) {
    __builtin_prefetch(&kept->key[k].first[first]);
    __builtin_prefetch(&kept->key[k].offset[journey]);
  }
}

// And for what those lead to.
static void ask_for_values(const ds_customer_reader *reader) {
  for (uint32_t s = 0; s < reader->sources_count; s++) {
    const source *from = &reader->sources[s];
    for (uint32_t p = 0; p < reader->columns.properties_count; p++) {
      const ds_kept_property *kept = &from->kept->property[p];
      if (kept->type != DS_TYPE_NULL)
        __builtin_prefetch((const char *)kept->value + (size_t)kept->before[from->first / 64] *
                           (ds_type_is_bytes(kept->type) ? sizeof(ds_str) : 8));
    }
    for (uint32_t k = 0; k < reader->columns.keys_count; k++) {
      const ds_key_column *kept = &from->kept->key[k];
      const uint32_t value = kept->offset[from->journey];
      __builtin_prefetch(&kept->item[kept->first[from->first]]);
      __builtin_prefetch(&kept->hash[value]);
      if (kept->text != NULL)
        __builtin_prefetch(&kept->text[value]);
    }
  }
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
    if (!ds_resize(&reader->sources, capacity, sizeof *reader->sources))
      return no_memory(err);
    reader->sources_capacity = capacity;
  }
  const uint32_t first = kept->offset[journey];
  reader->sources[reader->sources_count++] =
      (source){.kept = kept, .journey = journey, .first = first,
               .count = kept->offset[journey + 1] - first};
  ask_for(reader, kept, journey, first);
  return DS_OK;
}

// Merges a and b, both in order, into `out`; of equal events those of a come first. Which one is
// next cannot be foreseen, so there is no branch on it.
static void merge(const pick *a, uint32_t a_count, const pick *b, uint32_t b_count, pick *out) {
  const pick *a_end = a + a_count, *b_end = b + b_count;
  while (a < a_end && b < b_end) {
    const bool second = (b->time_ms < a->time_ms) |
                        ((b->time_ms == a->time_ms) & (b->arrival < a->arrival));
    *out++ = *(second ? b : a);
    a += !second;
    b += second;
  }
  memcpy(out, a, (size_t)(a_end - a) * sizeof *a);
  memcpy(out + (a_end - a), b, (size_t)(b_end - b) * sizeof *b);
}

// The events of all sources in their final order: sources are merged two by two, then what came of
// that, until one is left. `at` of a source leads its run.
static void order_events(ds_customer_reader *reader) {
  const source *sources = reader->sources;
  pick *to = reader->picks;
  for (uint32_t s = 0; s < reader->sources_count; s++) {
    const int64_t *times = sources[s].kept->column[DS_COLUMN_AT_TIME];
    const uint64_t *arrivals = sources[s].kept->column[DS_COLUMN_AT_ARRIVAL];
    for (uint32_t e = sources[s].first; e < sources[s].first + sources[s].count; e++)
      *to++ = (pick){times[e], arrivals[e], s, e};
  }
  const uint32_t events = (uint32_t)(to - reader->picks), count = reader->sources_count;
  for (uint32_t width = 1; width < count; width *= 2) {
    for (uint32_t s = 0; s < count; s += 2 * width) {
      const uint32_t first = sources[s].at;
      const uint32_t middle = s + width < count ? sources[s + width].at : events;
      const uint32_t end = s + 2 * width < count ? sources[s + 2 * width].at : events;
      merge(reader->picks + first, middle - first, reader->picks + middle, end - middle,
            reader->scratch + first);
    }
    pick *swapped = reader->picks;
    reader->picks = reader->scratch;
    reader->scratch = swapped;
  }
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
        !ds_resize((char *)block + ds_block_columns[c].at, capacity, ds_block_columns[c].width))
      return no_memory(err);
  if (((reader->columns.want & DS_WANT_GAP) != 0 && !ds_resize(&block->gap_ms, capacity, 8)) ||
      !ds_resize(&reader->picks, capacity, sizeof(pick)) ||
      !ds_resize(&reader->scratch, capacity, sizeof(pick)) ||
      !ds_resize(&reader->place, capacity, sizeof(uint32_t)))
    return no_memory(err);
  for (uint32_t p = 0; p < block->properties_count; p++) {
    ds_property_column *column = &block->property[p];
    if (!ds_resize(&column->present, capacity / 64 + 1u, 8) ||
        !ds_resize(&column->number, capacity, 8) || !ds_resize(&column->i, capacity, 8) ||
        !ds_resize(&column->text, capacity, sizeof(ds_str)))
      return no_memory(err);
  }
  for (uint32_t k = 0; k < block->keys_count; k++)
    if (!ds_resize(&block->key[k].first, capacity + 1u, sizeof(uint32_t)))
      return no_memory(err);
  reader->events_capacity = capacity;
  return DS_OK;
}

#define GATHER(type)                                                                      \
  do {                                                                                    \
    type *restrict to = into;                                                             \
    for (uint32_t e = 0; e < reader->block.events; e++)                                   \
      to[e] = ((const type *)sources[picks[e].source].kept->column[column])[picks[e].event]; \
  } while (0)

static void gather_column(const ds_customer_reader *reader, uint32_t column) {
  const pick *restrict picks = reader->picks;
  const source *sources = reader->sources;
  void *into = ds_block_column_data(&reader->block, &ds_block_columns[column]);
  if (ds_block_columns[column].width == 8)
    GATHER(uint64_t);
  else if (ds_block_columns[column].width == 4)
    GATHER(uint32_t);
  else
    GATHER(uint16_t);
}

static void make_gaps(ds_block *block) {
  for (uint32_t e = 1; e < block->events; e++)
    block->gap_ms[e] = block->time_ms[e] - block->time_ms[e - 1];
  block->gap_ms[0] = 0;
}

// The bits of events [first, end) in the word `w` of a bitmap.
static uint64_t bits_between(uint64_t word, uint32_t w, uint32_t first, uint32_t end) {
  if (w == first / 64)
    word &= ~(uint64_t)0 << (first % 64);
  if (end - w * 64 < 64)
    word &= ((uint64_t)1 << (end - w * 64)) - 1;
  return word;
}

// The values of one source.
static void copy_values(const ds_customer_reader *reader, const source *from,
                        const ds_kept_property *kept, ds_property_column *to) {
  const uint32_t first = from->first, end = first + from->count;
  const uint32_t *place = reader->place + from->at;
  const uint64_t below = kept->present[first / 64] & (((uint64_t)1 << (first % 64)) - 1);
  uint32_t value = kept->before[first / 64] + (uint32_t)__builtin_popcountll(below);
  for (uint32_t w = first / 64; w <= (end - 1) / 64; w++) {
    for (uint64_t word = bits_between(kept->present[w], w, first, end); word != 0;
         word &= word - 1, value++) {
      const uint32_t e = place[w * 64 + (uint32_t)__builtin_ctzll(word) - first];
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
  to->type = DS_TYPE_NULL;
  memset(to->present, 0, (reader->block.events / 64 + 1u) * 8);
  for (uint32_t s = 0; s < reader->sources_count; s++) {
    const source *from = &reader->sources[s];
    const ds_kept_property *kept = &from->kept->property[p];
    if (kept->type == DS_TYPE_NULL)
      continue;
    assert(to->type == DS_TYPE_NULL || to->type == kept->type);
    to->type = kept->type;
    copy_values(reader, from, kept, to);
  }
}

static ds_code reserve_values(ds_customer_reader *reader, uint32_t k, uint64_t items,
                              uint64_t values, ds_error *err) {
  ds_key_column *key = &reader->block.key[k];
  if (items > UINT32_MAX / 4 || values > UINT32_MAX / 4)
    return ds_fail(err, DS_LIMIT, "a customer has too many cases for one block");
  if (items > reader->items_capacity[k] || key->item == NULL) {
    const uint32_t capacity = (uint32_t)items * 2 + 64;
    if (!ds_resize(&key->item, capacity, sizeof *key->item))
      return no_memory(err);
    reader->items_capacity[k] = capacity;
  }
  if (values > reader->values_capacity[k] || key->hash == NULL) {
    const uint32_t capacity = (uint32_t)values * 2 + 64;
    if (!ds_resize(&key->hash, capacity, sizeof *key->hash) ||
        !ds_resize(&key->text, capacity, sizeof *key->text))
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

// The number of a value among those met; values of several places that are the same become one,
// those of one place (`new`) differ.
static ds_code value_of(ds_customer_reader *reader, uint32_t k, const ds_key_column *from,
                        uint32_t value, bool new, uint32_t *ret_value, ds_error *err) {
  ds_key_column *key = &reader->block.key[k];
  const uint64_t hash = from->hash[value];
  *ret_value = new ? DS_NONE : find_value(reader, key, hash);
  if (*ret_value != DS_NONE)
    return DS_OK;
  key->hash[key->values] = hash;
  if (reader->columns.key_texts)
    key->text[key->values] = from->text[value];
  *ret_value = key->values++;
  if (reader->sources_count == 1)
    return DS_OK;
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

// Numbers the values of the key of all sources: reader->value. Returns how many items there are.
static ds_code number_values(ds_customer_reader *reader, uint32_t k, uint64_t *ret_items,
                             ds_error *err) {
  uint64_t values = 0, items = 0;
  for (uint32_t s = 0; s < reader->sources_count; s++) {
    source *from = &reader->sources[s];
    const ds_key_column *kept = &from->kept->key[k];
    from->values_at = (uint32_t)values;
    values += kept->offset[from->journey + 1] - kept->offset[from->journey];
    items += kept->first[from->first + from->count] - kept->first[from->first];
  }
  TRY(reserve_values(reader, k, items, values, err));
  if (values > reader->value_capacity || reader->value == NULL) {
    const uint32_t capacity = (uint32_t)values * 2 + 64;
    if (!ds_resize(&reader->value, capacity, sizeof *reader->value))
      return no_memory(err);
    reader->value_capacity = capacity;
  }
  for (uint32_t s = 0; s < reader->sources_count; s++) {
    const source *from = &reader->sources[s];
    const ds_key_column *kept = &from->kept->key[k];
    uint32_t *value = reader->value + from->values_at;
    for (uint32_t v = kept->offset[from->journey]; v < kept->offset[from->journey + 1]; v++)
      TRY(value_of(reader, k, kept, v, s == 0, value++, err));
  }
  *ret_items = items;
  return DS_OK;
}

static ds_code copy_key(ds_customer_reader *reader, uint32_t k, ds_error *err) {
  ds_key_column *to = &reader->block.key[k];
  uint64_t items = 0;
  to->values = 0;
  ds_map64_reset(&reader->seen);
  TRY(number_values(reader, k, &items, err));
  uint32_t at = 0;
  to->first[0] = 0;
  for (uint32_t e = 0; e < reader->block.events; e++) {
    const source *from = &reader->sources[reader->picks[e].source];
    const ds_key_column *kept = &from->kept->key[k];
    const uint32_t *value = reader->value + from->values_at;
    const uint32_t base = kept->offset[from->journey];
    const uint32_t *first = kept->first + reader->picks[e].event;
    for (uint32_t i = first[0]; i < first[1]; i++)
      to->item[at++] = value[kept->item[i] - base];
    to->first[e + 1] = at;
  }
  assert(at == items);
  to->offset[0] = 0;
  to->offset[1] = to->values;
  return DS_OK;
}

static ds_code gather_events(ds_customer_reader *reader, ds_error *err) {
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    if ((reader->columns.want & ds_block_columns[c].want) != 0)
      gather_column(reader, c);
  if ((reader->columns.want & DS_WANT_GAP) != 0)
    make_gaps(&reader->block);
  if (reader->columns.properties_count > 0)
    for (uint32_t e = 0; e < reader->block.events; e++) {
      const source *from = &reader->sources[reader->picks[e].source];
      reader->place[from->at + reader->picks[e].event - from->first] = e;
    }
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
  reader->sources_count = 0;
  reader->customer = numbers[0];
  for (uint32_t n = 0; n < count; n++)
    for (uint32_t p = 0; p < reader->snapshot->places_count; p++)
      TRY(add_source(reader, p, numbers[n], err));
  uint64_t events = 0;
  for (uint32_t s = 0; s < reader->sources_count; s++) {
    reader->sources[s].at = (uint32_t)events;
    events += reader->sources[s].count;
  }
  TRY(reserve_events(reader, events, err));
  reader->block.journeys = events > 0;
  reader->block.events = reader->offset[reader->block.journeys] = (uint32_t)events;
  if (events > 0) {
    choose_subject(reader);
    ask_for_values(reader);
    order_events(reader);
    TRY(gather_events(reader, err));
  }
  *ret_block = reader->block;
  return DS_OK;
}
