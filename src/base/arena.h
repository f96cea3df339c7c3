// SPDX-License-Identifier: Apache-2.0
// Bump allocation with a byte limit, for everything that lives as long as one request, query or
// flush. Memory comes zeroed. May use nothing but libc. Not for use by two threads at once.
#ifndef DS_BASE_ARENA_H
#define DS_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct ds_arena_chunk ds_arena_chunk;

// Caller's memory; fields but `refused` are private.
typedef struct ds_arena {
  ds_arena_chunk *head;
  size_t used_bytes;
  size_t limit_bytes;
  bool refused; // since init or reset something was asked for and not given: NULL was returned
} ds_arena;

// An empty arena that will hand out at most limit_bytes. Takes no memory yet.
void ds_arena_init(ds_arena *arena, size_t limit_bytes);

// Gives all memory back. NULL and an arena never used are fine.
void ds_arena_done(ds_arena *arena);

// Forgets all that was handed out, but keeps memory for as much again, up to some megabytes.
void ds_arena_reset(ds_arena *arena);

// `size` zeroed bytes aligned for any type, valid until reset or done; NULL when the limit or the
// machine's memory is exceeded (callers report DS_MEMORY).
void *ds_arena_alloc(ds_arena *arena, size_t size);

// `count` zeroed elements of `size` bytes; NULL also when the product overflows.
void *ds_arena_array(ds_arena *arena, size_t count, size_t size);

// The same, not zeroed: for arrays that are written before they are read.
void *ds_arena_room(ds_arena *arena, size_t count, size_t size);

// A NUL-terminated copy of `length` bytes of text; NULL as above.
char *ds_arena_text(ds_arena *arena, const char *text, size_t length);

#endif
