// SPDX-License-Identifier: Apache-2.0
// Writer's life, and closing a part: columns behind one another, footer, trailer, sync.
#include <assert.h>
#include <stdlib.h>

#include "base/checksum.h"
#include "base/seeded.h"
#include "store/block_state.h"

#define NAMES_ALL (DS_NAMES_MAX + 1u)

// What is written of a part before it is synced.
enum { PIECE_BYTES = 4 << 20 };

void ds_texts_init(ds_texts *texts) {
  *texts = (ds_texts){0};
  ds_buf_init(&texts->bytes, UINT32_MAX);
}

void ds_texts_done(ds_texts *texts) {
  ds_buf_done(&texts->bytes);
  free(texts->size);
  ds_texts_init(texts);
}

void ds_texts_reset(ds_texts *texts) {
  ds_buf_reset(&texts->bytes);
  texts->count = 0;
}

bool ds_texts_add(ds_texts *texts, ds_str text) {
  if (texts->count == texts->capacity) {
    const uint32_t wanted = texts->capacity == 0 ? 64 : texts->capacity * 2;
    uint32_t *moved = realloc(texts->size, (size_t)wanted * 4);
    if (moved == NULL)
      return false;
    texts->size = moved;
    texts->capacity = wanted;
  }
  ds_buf_append(&texts->bytes, text.data, text.size);
  texts->size[texts->count++] = text.size;
  return !texts->bytes.failed;
}

ds_code ds_part_writer_new(const ds_space *space, uint32_t block_events,
                           ds_part_writer **ret_writer, ds_error *err) {
  ds_part_writer *w = calloc(1, sizeof *w);
  if (w == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a part writer");
  w->space = space;
  w->block_events = block_events;
  ds_space_init(&w->local);
  ds_names_init(&w->kinds, DS_NAMES_MAX);
  ds_texts_init(&w->subjects);
  ds_buf_init(&w->presence, 1u << 28);
  ds_map64_init(&w->column_index);
  uint16_t **const maps[] = {&w->touchpoint_map, &w->property_map, &w->key_map, &w->source_map};
  for (size_t i = 0; i < 4; i++) {
    *maps[i] = malloc(NAMES_ALL * sizeof **maps[i]);
    if (*maps[i] == NULL) {
      ds_part_writer_free(w);
      return ds_fail(err, DS_MEMORY, "out of memory for a part writer");
    }
    memset(*maps[i], 0xff, NAMES_ALL * sizeof **maps[i]);
  }
  *ret_writer = w;
  return DS_OK;
}

// Forgets the part's names, columns and blocks; keeps the memory of the block's fixed arrays.
static void forget_part(ds_part_writer *w) {
  for (uint32_t k = 0; k < w->keys_count; k++) {
    key_state *key = &w->keys[k];
    ds_texts_done(&key->texts);
    ds_map64_done(&key->index);
    free(key->hash);
    free(key->journey_values);
    free(key->note);
  }
  for (uint32_t p = 0; p < w->properties_count; p++) {
    ds_texts_done(&w->properties[p].texts);
    free(w->properties[p].ordinal);
    free(w->properties[p].value);
  }
  for (uint32_t t = 0; t < w->touchpoints_count; t++)
    free(w->touchpoints[t].property);
  for (uint32_t c = 0; c < w->columns_count; c++) {
    ds_buf_done(&w->columns[c].data);
    free(w->columns[c].chunk);
  }
  w->keys_count = w->properties_count = w->touchpoints_count = w->columns_count = 0;
  w->journeys = w->events = w->blocks = 0;
  w->part_events = w->bytes = 0;
  ds_texts_reset(&w->subjects);
  ds_buf_reset(&w->presence);
  ds_map64_reset(&w->column_index);
  ds_space_done(&w->local);
  ds_space_init(&w->local);
  ds_names_done(&w->kinds);
  ds_names_init(&w->kinds, DS_NAMES_MAX);
}

void ds_part_writer_free(ds_part_writer *w) {
  if (w == NULL)
    return;
  forget_part(w);
  ds_space_done(&w->local);
  ds_names_done(&w->kinds);
  ds_texts_done(&w->subjects);
  ds_buf_done(&w->presence);
  ds_map64_done(&w->column_index);
  void *const all[] = {w->touchpoint_map, w->property_map, w->key_map,    w->source_map,
                       w->journey_events, w->customer,     w->start_s,    w->subject_hash,
                       w->gap,            w->touchpoint,   w->millis,     w->received,
                       w->arrival,        w->source,       w->import,     w->id,
                       w->keys,           w->properties,   w->touchpoints, w->zones,
                       w->columns,        w->views,        w->scratch};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
  free(w);
}

// Presence words from the blocks' bytes, once the number of touchpoints is known.
static void put_presence(ds_part_writer *w, ds_buf *out) {
  const uint32_t words = (w->local.touchpoints.count + 63) / 64;
  ds_reader in = ds_reader_of(w->presence.data, w->presence.size);
  for (uint32_t b = 0; b < w->blocks; b++) {
    const uint32_t known = ds_read_u32(&in);
    const uint8_t *bits = ds_read_bytes(&in, known);
    for (uint32_t word = 0; word < words; word++) {
      uint64_t set = 0;
      for (uint32_t t = word * 64; t < known && t < word * 64 + 64; t++)
        set |= (uint64_t)bits[t] << (t % 64);
      ds_buf_u64(out, set);
    }
  }
}

static void put_footer(ds_part_writer *w, ds_buf *out) {
  ds_space_encode(&w->local, out);
  ds_names_encode(&w->kinds, out);
  while (out->size % 8 != 0 && !out->failed)
    ds_buf_u8(out, 0);
  ds_buf_u32(out, w->columns_count);
  ds_buf_u32(out, w->blocks);
  for (uint32_t c = 0; c < w->columns_count; c++)
    ds_buf_append(out, &w->columns[c].record, sizeof(ds_column_record));
  for (uint32_t b = 0; b < w->blocks; b++) {
    const ds_block_zone *zone = &w->zones[b];
    const ds_zone_record record = {zone->journeys,       zone->events,
                                   zone->customer_first, zone->customer_last,
                                   zone->time_min_ms,    zone->time_max_ms, 0};
    ds_buf_append(out, &record, sizeof record);
  }
  put_presence(w, out);
  uint64_t offset = DS_PART_HEAD_BYTES;
  for (uint32_t c = 0; c < w->columns_count; c++) {
    column_state *column = &w->columns[c];
    for (uint32_t b = 0; b < w->blocks; b++) {
      ds_chunk_record chunk = b < column->chunks ? column->chunk[b] : (ds_chunk_record){0};
      if (chunk.size > 0)
        chunk.offset += offset;
      ds_buf_append(out, &chunk, sizeof chunk);
    }
    offset += column->data.size;
  }
}

static void put_head(uint64_t number, uint8_t head[DS_PART_HEAD_BYTES]) {
  memset(head, 0, DS_PART_HEAD_BYTES);
  const uint32_t version = DS_PART_VERSION;
  memcpy(head, DS_PART_MAGIC, 8);
  memcpy(head + 8, &version, 4);
  memcpy(head + 16, &number, 8);
  const uint64_t checksum = ds_checksum(head, 56);
  memcpy(head + 56, &checksum, 8);
}

static void fill_info(const ds_part_writer *w, uint64_t number, uint64_t bytes, uint64_t checksum,
                      ds_part_info *info) {
  *info = (ds_part_info){.number = number,
                         .bytes = bytes,
                         .checksum = checksum,
                         .events = w->part_events,
                         .blocks = w->blocks,
                         .customer_first = w->zones[0].customer_first,
                         .customer_last = w->zones[w->blocks - 1].customer_last,
                         .time_min_ms = w->zones[0].time_min_ms,
                         .time_max_ms = w->zones[0].time_max_ms};
  for (uint32_t b = 0; b < w->blocks; b++) {
    const ds_block_zone *zone = &w->zones[b];
    info->customers += zone->journeys;
    if (zone->time_min_ms < info->time_min_ms)
      info->time_min_ms = zone->time_min_ms;
    if (zone->time_max_ms > info->time_max_ms)
      info->time_max_ms = zone->time_max_ms;
  }
}

// Where the pieces go: a file, or an image.
typedef struct sink {
  ds_io *io;
  ds_file *file;
  uint8_t *image;
  uint64_t at, synced;
} sink;

// A sync of another file, of an append's, may have to wait for what is being synced of this one: so
// it is synced in pieces.
static ds_code put_file(sink *to, const uint8_t *data, size_t size, ds_error *err) {
  while (size > 0) {
    const size_t room = PIECE_BYTES - (size_t)(to->at - to->synced);
    const size_t now = size < room ? size : room;
    TRY(to->io->ops->write_at(to->io, to->file, to->at, data, now, err));
    to->at += now;
    data += now;
    size -= now;
    if (now < room)
      continue;
    TRY(to->io->ops->sync(to->io, to->file, err));
    to->synced = to->at;
  }
  return DS_OK;
}

static ds_code put(sink *to, const void *data, size_t size, ds_error *err) {
  if (to->image == NULL)
    return put_file(to, data, size, err);
  if (size > 0)
    memcpy(to->image + to->at, data, size);
  to->at += size;
  return DS_OK;
}

static ds_code put_all(ds_part_writer *w, sink *to, uint64_t number, const ds_buf *footer,
                       ds_error *err) {
  uint8_t head[DS_PART_HEAD_BYTES];
  put_head(number, head);
  TRY(put(to, head, sizeof head, err));
  for (uint32_t c = 0; c < w->columns_count; c++)
    TRY(put(to, w->columns[c].data.data, w->columns[c].data.size, err));
  const uint64_t trailer[4] = {to->at, footer->size, ds_checksum(footer->data, footer->size), 0};
  uint8_t end[DS_PART_TRAILER_BYTES];
  memcpy(end, trailer, 24);
  memcpy(end + 24, DS_PART_END_MAGIC, 8);
  TRY(put(to, footer->data, footer->size, err));
  return put(to, end, sizeof end, err);
}

static ds_code write_file(ds_part_writer *w, ds_io *io, const char *path, uint64_t number,
                          const ds_buf *footer, ds_error *err) {
  sink to = {.io = io};
  TRY(io->ops->open(io, path, DS_OPEN_WRITE | DS_OPEN_CREATE | DS_OPEN_EXCLUSIVE, &to.file, err));
  ds_code code = put_all(w, &to, number, footer, err);
  if (code == DS_OK && !DS_SEEDED(PART_NOT_SYNCED))
    code = io->ops->sync(io, to.file, err);
  io->ops->close(io, to.file);
  return code;
}

ds_code ds_part_writer_close(ds_part_writer *w, ds_io *io, const char *path, uint64_t number,
                             ds_part_info *ret_info, uint8_t **ret_image, size_t *ret_size,
                             ds_error *err) {
  TRY(ds_block_flush(w, err));
  assert(w->blocks > 0);
  ds_buf footer;
  ds_buf_init(&footer, UINT32_MAX);
  put_footer(w, &footer);
  ds_code code = ds_buf_check(&footer, "a part's footer", err);
  uint64_t size = DS_PART_HEAD_BYTES + footer.size + DS_PART_TRAILER_BYTES;
  for (uint32_t c = 0; c < w->columns_count; c++)
    size += w->columns[c].data.size;
  if (code == DS_OK && path != NULL) {
    code = write_file(w, io, path, number, &footer, err);
  } else if (code == DS_OK) {
    sink to = {.image = malloc(size)};
    if (to.image == NULL)
      code = ds_fail(err, DS_MEMORY, "out of memory for the events of the log");
    else
      code = put_all(w, &to, number, &footer, err);
    if (code == DS_OK) {
      *ret_image = to.image;
      *ret_size = size;
    } else {
      free(to.image);
    }
  }
  if (code == DS_OK)
    fill_info(w, number, size, ds_checksum(footer.data, footer.size), ret_info);
  ds_buf_done(&footer);
  forget_part(w);
  uint16_t *const maps[] = {w->touchpoint_map, w->property_map, w->key_map, w->source_map};
  for (size_t i = 0; i < 4; i++)
    memset(maps[i], 0xff, NAMES_ALL * sizeof **maps);
  return code;
}
