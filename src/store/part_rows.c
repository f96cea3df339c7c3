// SPDX-License-Identifier: Apache-2.0
// A block's events back in row form, every column and every property of whatever type: what
// compaction and export read. Properties are taken column by column, because touchpoints may
// differ in a property's type.
#include <assert.h>

#include "store/block_reader.h"
#include "store/part_values.h"

// One property column while the events of its touchpoint go by.
typedef struct property_cursor {
  ds_property_values values;
  uint16_t name; // the snapshot's code
  uint32_t ordinal, next;
} property_cursor;

typedef struct row_task {
  const ds_place *place;
  ds_block block;
  ds_arena *arena;
  uint16_t *key_codes; // snapshot's code per key of the block
  property_cursor *cursors;
  uint32_t cursors_count;
  uint32_t *first_cursor; // per snapshot touchpoint: cursors of it are [first, first of the next)
  ds_event event;
} row_task;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for reading events back");
}

// Cursors sorted by touchpoint, by counting.
static ds_code open_cursors(row_task *t, const ds_block_task *task, ds_error *err) {
  const ds_part *part = task->part;
  uint32_t touchpoints = 0;
  for (uint32_t i = 0; i < part->space.touchpoints.count; i++)
    touchpoints = task->place->touchpoint[i] >= touchpoints ? task->place->touchpoint[i] + 1u
                                                            : touchpoints;
  t->cursors = ds_arena_array(t->arena, part->columns + 1u, sizeof *t->cursors);
  t->first_cursor = ds_arena_array(t->arena, touchpoints + 2u, sizeof *t->first_cursor);
  if (t->cursors == NULL || t->first_cursor == NULL)
    return no_memory(err);
  for (uint32_t touchpoint = 0; touchpoint < touchpoints; touchpoint++) {
    t->first_cursor[touchpoint] = t->cursors_count;
    for (uint32_t c = 0; c < part->columns; c++) {
      const ds_column_record *record = &part->column[c];
      if (record->kind != DS_COLUMN_PROPERTY ||
          task->place->touchpoint[record->touchpoint] != touchpoint)
        continue;
      property_cursor *cursor = &t->cursors[t->cursors_count];
      cursor->name = task->place->property[record->name];
      TRY(ds_block_property_values(task, c, &cursor->values, err));
      t->cursors_count += cursor->values.count > 0;
    }
  }
  t->first_cursor[touchpoints] = t->cursors_count;
  return DS_OK;
}

// Moves the touchpoint's cursors past event e; with `keep` its values become properties of
// t->event.
static void take_properties(row_task *t, uint32_t e, bool keep) {
  const uint16_t touchpoint = t->block.touchpoint[e];
  t->event.properties_count = 0;
  for (uint32_t c = t->first_cursor[touchpoint]; c < t->first_cursor[touchpoint + 1]; c++) {
    property_cursor *cursor = &t->cursors[c];
    const ds_property_values *v = &cursor->values;
    if (v->present != NULL && v->present[cursor->ordinal++] == 0)
      continue;
    assert(cursor->next < v->count);
    const uint32_t at = cursor->next++;
    if (!keep)
      continue;
    ds_event_property *property = &t->event.properties[t->event.properties_count++];
    property->name = cursor->name;
    property->personal = false;
    property->value.type = v->type;
    if (ds_type_is_bytes(v->type))
      property->value.text = v->text[at];
    else if (v->type == DS_TYPE_NUMBER)
      property->value.number = v->number[at];
    else
      property->value.i = v->i[at];
  }
}

static void take_keys(row_task *t, uint32_t e) {
  t->event.keys_count = 0;
  for (uint32_t k = 0; k < t->block.keys_count; k++) {
    const ds_key_column *key = &t->block.key[k];
    for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++)
      t->event.keys[t->event.keys_count++] =
          (ds_event_key){t->key_codes[k], key->text[key->item[i]]};
  }
}

static void take_fixed(row_task *t, uint32_t journey, uint32_t e) {
  const ds_block *b = &t->block;
  ds_event *event = &t->event;
  event->touchpoint = b->touchpoint[e];
  event->source = b->source[e];
  event->import = b->import[e];
  event->time_ms = b->time_ms[e];
  event->received_ms = b->received_ms[e];
  event->has_received = event->received_ms != event->time_ms;
  event->has_id = true;
  event->id = b->id[e];
  event->arrival = b->arrival[e];
  event->subject = b->subject[journey];
}

static ds_code open_rows(row_task *t, const ds_place *place, uint32_t block,
                         ds_block_reader *reader, ds_error *err) {
  const ds_names *keys = &place->part->space.keys;
  ds_arena_init(t->arena, (size_t)4 << 30);
  t->key_codes = ds_arena_array(t->arena, keys->count + 1u, sizeof *t->key_codes);
  t->event.keys = ds_arena_array(t->arena, DS_EVENT_KEYS_MAX, sizeof *t->event.keys);
  t->event.properties = ds_arena_array(t->arena, DS_EVENT_PROPERTIES_MAX,
                                       sizeof *t->event.properties);
  if (t->key_codes == NULL || t->event.keys == NULL || t->event.properties == NULL)
    return no_memory(err);
  memcpy(t->key_codes, place->key, keys->count * sizeof *t->key_codes);
  const ds_columns columns = {.want = DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_ARRIVAL |
                                      DS_WANT_ID | DS_WANT_SOURCE | DS_WANT_RECEIVED |
                                      DS_WANT_SUBJECT | DS_WANT_IMPORT,
                              .keys_count = keys->count,
                              .keys = t->key_codes,
                              .key_texts = true};
  TRY(ds_part_read_block(place, block, &columns, reader, &t->block, err));
  const ds_block_task task = {place, place->part, block, &columns, reader, &t->block};
  return open_cursors(t, &task, err);
}

ds_code ds_part_read_rows(const ds_place *place, uint32_t block, uint32_t journey_first,
                          uint32_t journey_last, ds_block_reader *reader, ds_buf *out,
                          ds_error *err) {
  ds_arena arena;
  row_task t = {.place = place, .arena = &arena};
  ds_code code = open_rows(&t, place, block, reader, err);
  assert(code != DS_OK || (journey_first <= journey_last && journey_last <= t.block.journeys));
  for (uint32_t j = 0; code == DS_OK && j < journey_last; j++) {
    const bool keep = j >= journey_first;
    for (uint32_t e = t.block.offset[j]; code == DS_OK && e < t.block.offset[j + 1]; e++) {
      take_properties(&t, e, keep);
      if (!keep)
        continue;
      take_keys(&t, e);
      take_fixed(&t, j, e);
      code = ds_event_encode(&t.event, out, err);
    }
  }
  ds_arena_done(&arena);
  return code;
}
