// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES_MIN ((size_t)4096)
#define CHUNK_BYTES_MAX ((size_t)1 << 20)

// A reset keeps at most so much in one chunk, unless a single piece was larger.
#define CHUNK_BYTES_KEPT ((size_t)16 << 20)

// Bytes from `dirty` on were never handed out since calloc and so need no clearing; this keeps
// large fresh allocations from touching their pages twice.
struct ds_arena_chunk {
  ds_arena_chunk *next;
  size_t size;
  size_t used;
  size_t dirty;
  alignas(max_align_t) uint8_t data[];
};

void ds_arena_init(ds_arena *arena, size_t limit_bytes) {
  *arena = (ds_arena){.head = NULL, .used_bytes = 0, .limit_bytes = limit_bytes};
}

static void free_chunks(ds_arena_chunk *chunk) {
  while (chunk != NULL) {
    ds_arena_chunk *next = chunk->next;
    free(chunk);
    chunk = next;
  }
}

void ds_arena_done(ds_arena *arena) {
  if (arena == NULL)
    return;
  free_chunks(arena->head);
  arena->head = NULL;
  arena->used_bytes = 0;
}

// Takes a larger chunk in place of the only one, when there is memory for it.
static void chunk_replace(ds_arena *arena, size_t size) {
  ds_arena_chunk *chunk = calloc(1, sizeof(ds_arena_chunk) + size);
  if (chunk == NULL)
    return;
  chunk->size = size;
  free(arena->head);
  arena->head = chunk;
}

void ds_arena_reset(ds_arena *arena) {
  ds_arena_chunk **largest = &arena->head;
  for (ds_arena_chunk **at = &arena->head; *at != NULL; at = &(*at)->next) {
    if ((*at)->size > (*largest)->size)
      largest = at;
  }
  ds_arena_chunk *kept = *largest;
  arena->refused = false;
  if (kept == NULL)
    return;
  // What did not fit into one chunk this time is to fit into one the next.
  const size_t wanted = arena->used_bytes < CHUNK_BYTES_KEPT ? arena->used_bytes : 0;
  *largest = kept->next;
  free_chunks(arena->head);
  kept->next = NULL;
  kept->used = 0;
  arena->head = kept;
  arena->used_bytes = 0;
  if (wanted > kept->size)
    chunk_replace(arena, wanted + wanted / 8);
}

// The number of bytes before the next address of that alignment.
static size_t padding_of(const ds_arena_chunk *chunk, size_t align) {
  return (align - chunk->used % align) % align;
}

static bool fits(const ds_arena_chunk *chunk, size_t size, size_t align) {
  const size_t padding = padding_of(chunk, align);
  const size_t room = chunk->size - chunk->used;
  return padding <= room && size <= room - padding;
}

// A chunk for at least `size` bytes. A request that would fill most of a chunk gets one of its own
// behind the head, so that the room left in the head is not lost.
static ds_arena_chunk *add_chunk(ds_arena *arena, size_t size) {
  size_t wanted = CHUNK_BYTES_MIN;
  if (arena->head != NULL && arena->head->size < CHUNK_BYTES_MAX)
    wanted = arena->head->size * 2;
  else if (arena->head != NULL)
    wanted = CHUNK_BYTES_MAX;
  const bool own = size > wanted / 4 && arena->head != NULL;
  if (own || size > wanted)
    wanted = size;
  if (wanted > SIZE_MAX - sizeof(ds_arena_chunk))
    return NULL;
  ds_arena_chunk *chunk = calloc(1, sizeof(ds_arena_chunk) + wanted);
  if (chunk == NULL)
    return NULL;
  chunk->size = wanted;
  ds_arena_chunk **where = own ? &arena->head->next : &arena->head;
  chunk->next = *where;
  *where = chunk;
  return chunk;
}

static void *refuse(ds_arena *arena) {
  arena->refused = true;
  return NULL;
}

static void *take(ds_arena *arena, size_t size, size_t align, bool cleared) {
  assert(arena->used_bytes <= arena->limit_bytes);
  if (size == 0)
    size = 1;
  const size_t left = arena->limit_bytes - arena->used_bytes;
  if (size > left)
    return refuse(arena);
  ds_arena_chunk *chunk = arena->head;
  if (chunk == NULL || !fits(chunk, size, align))
    chunk = add_chunk(arena, size);
  if (chunk == NULL)
    return refuse(arena);
  const size_t padding = padding_of(chunk, align);
  chunk->used += padding;
  uint8_t *memory = chunk->data + chunk->used;
  if (cleared && chunk->used < chunk->dirty) {
    const size_t dirty = chunk->dirty - chunk->used;
    memset(memory, 0, dirty < size ? dirty : size);
  }
  chunk->used += size;
  if (chunk->used > chunk->dirty)
    chunk->dirty = chunk->used;
  arena->used_bytes += padding < left - size ? size + padding : left;
  return memory;
}

void *ds_arena_alloc(ds_arena *arena, size_t size) {
  return take(arena, size, alignof(max_align_t), true);
}

void *ds_arena_array(ds_arena *arena, size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size)
    return refuse(arena);
  return take(arena, count * size, alignof(max_align_t), true);
}

void *ds_arena_room(ds_arena *arena, size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size)
    return refuse(arena);
  return take(arena, count * size, alignof(max_align_t), false);
}

char *ds_arena_text(ds_arena *arena, const char *text, size_t length) {
  if (length == SIZE_MAX)
    return refuse(arena);
  char *copy = take(arena, length + 1, 1, false);
  if (copy == NULL)
    return NULL;
  if (length > 0)
    memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}
