// SPDX-License-Identifier: Apache-2.0
// See kept_block.h. The copy is laid out twice by the same code: without memory to count its bytes,
// and then into them.
#include "store/kept_block.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { RECENT = 256 };

// Where the next bytes go; at NULL they are only counted. A text met recently is not kept twice:
// the texts of a dictionary come as one view again and again.
typedef struct layout {
  uint8_t *base;
  size_t used;
  const char *text_from[RECENT];
  const char *text_to[RECENT];
} layout;

static void *room(layout *to, size_t bytes) {
  void *at = to->base == NULL ? NULL : to->base + to->used;
  to->used += (bytes + 7) & ~(size_t)7;
  return at;
}

static void *put(layout *to, const void *from, size_t bytes) {
  void *at = room(to, bytes);
  if (at != NULL && bytes > 0)
    memcpy(at, from, bytes);
  return at;
}

static ds_str put_text(layout *to, ds_str text) {
  if (text.size == 0)
    return (ds_str){"", 0};
  const size_t slot = ((uintptr_t)text.data >> 2 ^ (uintptr_t)text.data >> 10) % RECENT;
  if (to->text_from[slot] != text.data) {
    to->text_from[slot] = text.data;
    to->text_to[slot] = to->base == NULL ? NULL : (char *)to->base + to->used;
    if (to->base != NULL)
      memcpy(to->base + to->used, text.data, text.size);
    to->used += text.size;
  }
  return (ds_str){to->text_to[slot], text.size};
}

static const ds_str *put_texts(layout *to, const ds_str *from, uint32_t count) {
  ds_str *texts = room(to, count * sizeof *texts);
  for (uint32_t i = 0; i < count; i++) {
    const ds_str text = put_text(to, from[i]);
    if (texts != NULL)
      texts[i] = text;
  }
  to->used = (to->used + 7) & ~(size_t)7;
  return texts;
}

static const void *values_of(const ds_property_column *column) {
  return ds_type_is_bytes(column->type)   ? (const void *)column->text
         : column->type == DS_TYPE_NUMBER ? (const void *)column->number
                                          : (const void *)column->i;
}

static void put_property(layout *to, const ds_property_column *from, uint32_t events,
                         ds_kept_property *out) {
  const uint32_t words = (events + 63) / 64;
  const bool texts = ds_type_is_bytes(from->type);
  ds_kept_property kept = {.type = from->type};
  if (from->type != DS_TYPE_NULL) {
    uint32_t *before = room(to, words * sizeof *before);
    uint32_t count = 0;
    for (uint32_t w = 0; w < words; w++) {
      if (before != NULL)
        before[w] = count;
      count += (uint32_t)__builtin_popcountll(from->present[w]);
    }
    const size_t width = texts ? sizeof(ds_str) : 8;
    uint8_t *values = room(to, count * width);
    const uint8_t *source = values_of(from);
    for (uint32_t w = 0; w < words && (texts || values != NULL); w++) {
      for (uint64_t rest = from->present[w]; rest != 0; rest &= rest - 1) {
        const uint8_t *value = source + (w * 64 + (uint32_t)__builtin_ctzll(rest)) * width;
        ds_str text;
        if (texts) {
          memcpy(&text, value, sizeof text);
          text = put_text(to, text);
          value = (const uint8_t *)&text;
        }
        if (values != NULL) {
          memcpy(values, value, width);
          values += width;
        }
      }
    }
    to->used = (to->used + 7) & ~(size_t)7;
    kept.present = put(to, from->present, words * sizeof *from->present);
    kept.before = before;
    kept.value = values == NULL ? NULL : values - count * width;
  }
  if (out != NULL)
    *out = kept;
}

static void put_key(layout *to, const ds_key_column *from, const ds_block *block, bool texts,
                    ds_key_column *out) {
  const uint32_t items = from->first[block->events];
  const ds_key_column kept = {
      .first = put(to, from->first, (block->events + 1u) * sizeof *from->first),
      .item = put(to, from->item, items * sizeof *from->item),
      .values = from->values,
      .hash = put(to, from->hash, from->values * sizeof *from->hash),
      .offset = put(to, from->offset, (block->journeys + 1u) * sizeof *from->offset),
      .text = texts ? (ds_str *)(uintptr_t)put_texts(to, from->text, from->values) : NULL};
  if (out != NULL)
    *out = kept;
}

static void lay_out(layout *to, const ds_block *block, const ds_columns *columns,
                    ds_kept_block *kept) {
  kept->journeys = block->journeys;
  kept->events = block->events;
  kept->offset = put(to, block->offset, (block->journeys + 1u) * sizeof *block->offset);
  kept->customer = put(to, block->customer, block->journeys * sizeof *block->customer);
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    if ((columns->want & ds_block_columns[c].want) != 0)
      kept->column[c] = put(to, ds_block_column_data(block, &ds_block_columns[c]),
                            (size_t)block->events * ds_block_columns[c].width);
  if ((columns->want & DS_WANT_SUBJECT) != 0)
    kept->subject = put_texts(to, block->subject, block->journeys);
  ds_kept_property *properties = room(to, columns->properties_count * sizeof *properties);
  for (uint32_t p = 0; p < columns->properties_count; p++)
    put_property(to, &block->property[p], block->events,
                 properties == NULL ? NULL : &properties[p]);
  kept->property = properties;
  ds_key_column *keys = room(to, columns->keys_count * sizeof *keys);
  for (uint32_t k = 0; k < columns->keys_count; k++)
    put_key(to, &block->key[k], block, columns->key_texts, keys == NULL ? NULL : &keys[k]);
  kept->key = keys;
}

ds_kept_block *ds_kept_block_new(const ds_block *block, const ds_columns *columns) {
  ds_kept_block counted = {0};
  layout counter = {.base = NULL};
  lay_out(&counter, block, columns, &counted);
  const size_t head = (sizeof(ds_kept_block) + 7) & ~(size_t)7;
  ds_kept_block *kept = malloc(head + counter.used);
  if (kept == NULL)
    return NULL;
  *kept = (ds_kept_block){.bytes = head + counter.used};
  layout writer = {.base = (uint8_t *)kept + head};
  lay_out(&writer, block, columns, kept);
  assert(writer.used == counter.used);
  return kept;
}
