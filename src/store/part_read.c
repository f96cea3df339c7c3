// SPDX-License-Identifier: Apache-2.0
// Opening a part: head, trailer, footer, everything checked before it is used. Chunks are read and
// verified one at a time.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checksum.h"
#include "model/time.h"
#include "store/part_format.h"

// Bytes a vectorised decoder may load past a chunk.
#define CHUNK_SLACK 64u

static ds_code corrupt(const ds_part *part, ds_error *err, const char *what) {
  return ds_fail(err, DS_CORRUPT, "part %llu is damaged: %s",
                 (unsigned long long)part->info.number, what);
}

static ds_code read_bytes(const ds_part *part, uint64_t offset, void *out, size_t size,
                          ds_error *err) {
  if (offset > part->info.bytes || size > part->info.bytes - offset)
    return corrupt(part, err, "it is cut short");
  if (part->image != NULL) {
    memcpy(out, part->image + offset, size);
    return DS_OK;
  }
  return part->io->ops->read_at(part->io, part->file, offset, out, size, err);
}

static ds_code check_head(ds_part *part, ds_error *err) {
  uint8_t head[DS_PART_HEAD_BYTES];
  TRY(read_bytes(part, 0, head, sizeof head, err));
  uint32_t version, features;
  uint64_t checksum;
  memcpy(&version, head + 8, 4);
  memcpy(&features, head + 12, 4);
  memcpy(&checksum, head + 56, 8);
  if (memcmp(head, DS_PART_MAGIC, 8) != 0 || checksum != ds_checksum(head, 56))
    return corrupt(part, err, "its head is not that of a part");
  if (version < DS_PART_VERSION)
    return ds_fail(err, DS_VERSION,
                   "part %llu was written by a doorstep before the first release (format %u): make "
                   "the store anew",
                   (unsigned long long)part->info.number, version);
  if (version > DS_PART_VERSION || (features & ~DS_PART_FEATURES_KNOWN) != 0)
    return ds_fail(err, DS_VERSION,
                   "part %llu was written by a newer doorstep (format %u, features %x): upgrade "
                   "the program",
                   (unsigned long long)part->info.number, version, features);
  part->version = version;
  return DS_OK;
}

static ds_code read_footer(ds_part *part, size_t *ret_size, ds_error *err) {
  uint8_t trailer[DS_PART_TRAILER_BYTES];
  if (part->info.bytes < DS_PART_HEAD_BYTES + DS_PART_TRAILER_BYTES)
    return corrupt(part, err, "it is cut short");
  TRY(read_bytes(part, part->info.bytes - sizeof trailer, trailer, sizeof trailer, err));
  uint64_t offset, size;
  memcpy(&offset, trailer, 8);
  memcpy(&size, trailer + 8, 8);
  memcpy(&part->info.checksum, trailer + 16, 8);
  const uint64_t room = part->info.bytes - DS_PART_TRAILER_BYTES;
  if (memcmp(trailer + 24, DS_PART_END_MAGIC, 8) != 0 || size > room || offset != room - size)
    return corrupt(part, err, "its end is not that of a part");
  part->footer = malloc(size + CHUNK_SLACK);
  if (part->footer == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the footer of a part");
  TRY(read_bytes(part, offset, part->footer, size, err));
  if (ds_checksum(part->footer, size) != part->info.checksum)
    return corrupt(part, err, "the checksum of its footer does not match");
  *ret_size = size;
  return DS_OK;
}

// Zones into their structs, totals into info; false when they contradict one another.
static bool take_zones(ds_part *part, const uint8_t *bytes) {
  ds_part_info *info = &part->info;
  for (uint32_t b = 0; b < info->blocks; b++) {
    ds_zone_record record;
    memcpy(&record, bytes + (size_t)b * sizeof record, sizeof record);
    if (record.journeys == 0 || record.journeys > record.events ||
        record.events > DS_BLOCK_EVENTS_MAX || record.customer_first > record.customer_last ||
        record.customer_last - record.customer_first < record.journeys - 1 ||
        record.time_min_ms > record.time_max_ms || record.time_min_ms < -DS_TIME_MAX_MS ||
        record.time_max_ms > DS_TIME_MAX_MS ||
        (b > 0 && record.customer_first <= part->zone[b - 1].customer_last))
      return false;
    part->zone[b] = (ds_block_zone){record.journeys,       record.events,
                                    record.customer_first, record.customer_last,
                                    record.time_min_ms,    record.time_max_ms};
    info->events += record.events;
    info->customers += record.journeys;
    if (b == 0 || record.time_min_ms < info->time_min_ms)
      info->time_min_ms = record.time_min_ms;
    if (b == 0 || record.time_max_ms > info->time_max_ms)
      info->time_max_ms = record.time_max_ms;
  }
  info->customer_first = part->zone[0].customer_first;
  info->customer_last = part->zone[info->blocks - 1].customer_last;
  return true;
}

static bool column_sound(const ds_part *part, const ds_column_record *column) {
  if (column->kind == 0 || column->kind >= DS_COLUMN_KINDS_COUNT || column->zero != 0)
    return false;
  if (column->kind == DS_COLUMN_PROPERTY)
    return column->touchpoint < part->space.touchpoints.count &&
           column->name < part->space.properties.count && column->type > DS_TYPE_NULL &&
           column->type < DS_TYPES_COUNT;
  const bool is_key = column->kind >= DS_COLUMN_KEY_CODE && column->kind <= DS_COLUMN_KEY_TEXT;
  return column->name < (is_key ? part->space.keys.count : 1);
}

static ds_code parse_footer(ds_part *part, size_t size, ds_error *err) {
  ds_reader in = ds_reader_of(part->footer, size);
  TRY(ds_space_decode(&in, &part->space, err));
  TRY(ds_names_decode(&in, &part->kinds, err));
  const size_t odd = (size_t)(in.at - part->footer) % 8;
  ds_read_bytes(&in, odd == 0 ? 0 : 8 - odd);
  part->columns = ds_read_u32(&in);
  part->info.blocks = ds_read_u32(&in);
  if (in.failed || part->columns > DS_PART_COLUMNS_MAX || part->info.blocks == 0 ||
      part->info.blocks > UINT16_MAX)
    return corrupt(part, err, "its footer counts too many columns or blocks");
  part->presence_words = (part->space.touchpoints.count + 63) / 64;
  const uint64_t blocks = part->info.blocks;
  // Every record size is a multiple of 8 and the footer is malloc'ed, so the casts are aligned.
  part->column = (const ds_column_record *)(const void *)ds_read_bytes(
      &in, part->columns * sizeof(ds_column_record));
  const uint8_t *zones = ds_read_bytes(&in, blocks * sizeof(ds_zone_record));
  part->presence =
      (const uint64_t *)(const void *)ds_read_bytes(&in, blocks * part->presence_words * 8);
  part->chunk = (const ds_chunk_record *)(const void *)ds_read_bytes(
      &in, part->columns * blocks * sizeof(ds_chunk_record));
  if (in.failed || in.at != in.end)
    return corrupt(part, err, "its footer does not have the size it states");
  part->zone = calloc(blocks, sizeof *part->zone);
  if (part->zone == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the zones of a part");
  if (!take_zones(part, zones))
    return corrupt(part, err, "the zones of its blocks contradict one another");
  for (uint32_t c = 0; c < part->columns; c++)
    if (!column_sound(part, &part->column[c]))
      return corrupt(part, err, "a column of its footer is not sound");
  for (uint64_t c = 0; c < part->columns * blocks; c++)
    if (part->chunk[c].size > 0 && (part->chunk[c].offset < DS_PART_HEAD_BYTES ||
                                    part->chunk[c].offset > part->info.bytes ||
                                    part->chunk[c].size > part->info.bytes - part->chunk[c].offset))
      return corrupt(part, err, "a chunk lies outside the file");
  return DS_OK;
}

static ds_code open_part(ds_part *part, ds_error *err) {
  size_t size = 0;
  TRY(check_head(part, err));
  TRY(read_footer(part, &size, err));
  return parse_footer(part, size, err);
}

static ds_code finish_open(ds_part *part, ds_part **ret_part, ds_error *err) {
  const ds_code code = open_part(part, err);
  if (code != DS_OK) {
    ds_part_free(part);
    return code;
  }
  *ret_part = part;
  return DS_OK;
}

ds_code ds_part_open(ds_io *io, const char *path, uint64_t number, ds_part **ret_part,
                     ds_error *err) {
  ds_part *part = calloc(1, sizeof *part);
  if (part == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a part");
  ds_space_init(&part->space);
  ds_names_init(&part->kinds, DS_NAMES_MAX);
  part->io = io;
  part->info.number = number;
  ds_code code = io->ops->open(io, path, DS_OPEN_READ, &part->file, err);
  if (code == DS_OK)
    code = io->ops->size(io, part->file, &part->info.bytes, err);
  if (code == DS_OK)
    return finish_open(part, ret_part, err);
  ds_part_free(part);
  return code;
}

ds_code ds_part_open_memory(uint8_t *image, size_t size, ds_part **ret_part, ds_error *err) {
  ds_part *part = calloc(1, sizeof *part);
  if (part == NULL) {
    free(image);
    return ds_fail(err, DS_MEMORY, "out of memory for a part");
  }
  ds_space_init(&part->space);
  ds_names_init(&part->kinds, DS_NAMES_MAX);
  part->image = image;
  part->info.bytes = size;
  return finish_open(part, ret_part, err);
}

void ds_part_free(ds_part *part) {
  if (part == NULL)
    return;
  if (!part->is_shared) {
    if (part->file != NULL)
      part->io->ops->close(part->io, part->file);
    ds_space_done(&part->space);
    ds_names_done(&part->kinds);
    free(part->image);
  }
  free(part->zone);
  free(part->footer);
  free(part);
}

const ds_part_info *ds_part_get_info(const ds_part *part) { return &part->info; }

const ds_block_zone *ds_part_zone(const ds_part *part, uint32_t block) {
  assert(block < part->info.blocks);
  return &part->zone[block];
}

const ds_space *ds_part_space(const ds_part *part) { return &part->space; }

const ds_names *ds_part_kinds(const ds_part *part) { return &part->kinds; }

bool ds_part_has_touchpoint(const ds_part *part, uint32_t block, uint32_t touchpoint) {
  assert(block < part->info.blocks && touchpoint < part->space.touchpoints.count);
  const uint64_t *words = part->presence + (size_t)block * part->presence_words;
  return (words[touchpoint / 64] >> (touchpoint % 64) & 1) != 0;
}

uint32_t ds_part_column(const ds_part *part, ds_column_kind kind, uint16_t name) {
  for (uint32_t c = 0; c < part->columns; c++)
    if (part->column[c].kind == kind && part->column[c].name == name)
      return c;
  return DS_NONE;
}

ds_type ds_part_property_type(const ds_part *part, uint16_t touchpoint, uint16_t property) {
  for (uint32_t c = 0; c < part->columns; c++) {
    const ds_column_record *column = &part->column[c];
    if (column->kind == DS_COLUMN_PROPERTY && column->touchpoint == touchpoint &&
        column->name == property)
      return (ds_type)column->type;
  }
  return DS_TYPE_NULL;
}

static const char *const kind_names[DS_COLUMN_KINDS_COUNT] = {
    [DS_COLUMN_JOURNEY_EVENTS] = "journey_events", [DS_COLUMN_CUSTOMER] = "customer",
    [DS_COLUMN_START_S] = "start_s",               [DS_COLUMN_GAP_S] = "gap_s",
    [DS_COLUMN_MILLIS] = "millis",                 [DS_COLUMN_TOUCHPOINT] = "touchpoint",
    [DS_COLUMN_RECEIVED] = "received",             [DS_COLUMN_ARRIVAL] = "arrival",
    [DS_COLUMN_SOURCE] = "source",                 [DS_COLUMN_IMPORT] = "import",
    [DS_COLUMN_ID] = "id",                         [DS_COLUMN_SUBJECT_HASH] = "subject_hash",
    [DS_COLUMN_SUBJECT_TEXT] = "subject_text",     [DS_COLUMN_SUBJECT_OF] = "subject_of",
    [DS_COLUMN_KEY_CODE] = "key_code",             [DS_COLUMN_KEY_HASH] = "key_hash",
    [DS_COLUMN_KEY_TEXT] = "key_text",             [DS_COLUMN_PROPERTY] = "property",
    [DS_COLUMN_MASK] = "mask",                     [DS_COLUMN_VARIANT] = "variant",
    [DS_COLUMN_VAULT] = "vault",
};

const char *ds_part_column_name(const ds_part *part, uint32_t column, char out[600]) {
  const ds_column_record *record = &part->column[column];
  const char *kind = kind_names[record->kind];
  if (record->kind == DS_COLUMN_PROPERTY)
    snprintf(out, 600, "%s %s.%s", kind,
             ds_names_text(&part->space.touchpoints, record->touchpoint),
             ds_names_text(&part->space.properties, record->name));
  else if (record->kind >= DS_COLUMN_KEY_CODE && record->kind <= DS_COLUMN_KEY_TEXT)
    snprintf(out, 600, "%s %s", kind, ds_names_text(&part->space.keys, record->name));
  else
    snprintf(out, 600, "%s", kind);
  return out;
}

const char *ds_part_where(const ds_part *part, uint32_t column, uint32_t block, char out[128]) {
  char name[600];
  snprintf(out, 128, "part %llu, block %u, column %.64s", (unsigned long long)part->info.number,
           block, ds_part_column_name(part, column, name));
  return out;
}

void ds_part_sizes(const ds_part *part,
                   void (*each)(void *context, const char *column, uint64_t bytes),
                   void *context) {
  char name[600];
  for (uint32_t c = 0; c < part->columns; c++) {
    uint64_t bytes = 0;
    for (uint32_t b = 0; b < part->info.blocks; b++)
      bytes += part->chunk[(size_t)c * part->info.blocks + b].size;
    each(context, ds_part_column_name(part, c, name), bytes);
  }
}

ds_code ds_part_chunk(const ds_part *part, uint32_t column, uint32_t block, ds_buf *buf,
                      ds_reader *ret_reader, ds_error *err) {
  assert(column < part->columns && block < part->info.blocks);
  const ds_chunk_record *chunk = &part->chunk[(size_t)column * part->info.blocks + block];
  const uint8_t *data = NULL;
  // Only the offset of what has a size was checked against the file.
  if (part->image != NULL && chunk->size > 0) {
    data = part->image + chunk->offset;
  } else if (chunk->size > 0) {
    ds_buf_reset(buf);
    uint8_t *room = ds_buf_reserve(buf, (size_t)chunk->size + CHUNK_SLACK);
    if (room == NULL)
      return ds_buf_check(buf, "a chunk of a part", err);
    TRY(part->io->ops->read_at(part->io, part->file, chunk->offset, room, chunk->size, err));
    data = room;
  }
  if (chunk->size > 0 && ds_checksum(data, chunk->size) != chunk->checksum) {
    char where[128];
    return ds_fail(err, DS_CORRUPT, "%s: the checksum does not match; run `doorstep check`",
                   ds_part_where(part, column, block, where));
  }
  *ret_reader = ds_reader_of(data, chunk->size);
  return DS_OK;
}

// Adds every name of `local` to `names` and notes its code there.
static ds_code map_names(const ds_names *local, ds_names *names, ds_arena *arena,
                         uint16_t **ret_map, ds_error *err) {
  uint16_t *map = ds_arena_array(arena, (size_t)local->count + 1, sizeof *map);
  if (map == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the names of a part");
  for (uint32_t i = 0; i < local->count; i++) {
    uint32_t index = 0;
    TRY(ds_names_add(names, local->text[i], &index, err));
    map[i] = (uint16_t)index;
  }
  *ret_map = map;
  return DS_OK;
}

ds_code ds_place_init(ds_place *place, ds_part *part, ds_space *space, ds_arena *arena,
                      ds_error *err) {
  *place = (ds_place){.part = part};
  TRY(map_names(&part->space.touchpoints, &space->touchpoints, arena, &place->touchpoint, err));
  TRY(map_names(&part->space.properties, &space->properties, arena, &place->property, err));
  TRY(map_names(&part->space.keys, &space->keys, arena, &place->key, err));
  return map_names(&part->space.sources, &space->sources, arena, &place->source, err);
}
