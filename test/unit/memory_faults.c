// SPDX-License-Identifier: Apache-2.0
#include "memory_faults.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>
#include <zstd.h>
#include <zstd_errors.h>

static atomic_bool armed, for_ever, refused;
static atomic_uint_fast64_t asked, fails_at;
static _Thread_local unsigned paused;
static sqlite3_mem_methods sqlite_memory;

void memory_faults_arm(uint64_t n, bool persistent) {
  asked = 0;
  fails_at = n;
  for_ever = persistent;
  refused = false;
  armed = true;
}

uint64_t memory_faults_disarm(bool *ret_failed) {
  armed = false;
  if (ret_failed != NULL)
    *ret_failed = refused;
  return asked;
}

void memory_faults_pause(void) { paused++; }
void memory_faults_resume(void) { paused--; }

static bool is_due(void) {
  if (!armed || paused > 0)
    return false;
  const uint64_t number = atomic_fetch_add(&asked, 1);
  const bool due = number == fails_at || (for_ever && number > fails_at);
  if (due)
    refused = true;
  return due;
}

static void *sqlite_malloc(int size) { return is_due() ? NULL : sqlite_memory.xMalloc(size); }

static void *sqlite_realloc(void *memory, int size) {
  return is_due() ? NULL : sqlite_memory.xRealloc(memory, size);
}

void memory_faults_install(void) {
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory) != SQLITE_OK)
    abort();
  sqlite3_mem_methods ours = sqlite_memory;
  ours.xMalloc = sqlite_malloc;
  ours.xRealloc = sqlite_realloc;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK)
    abort();
}

// The linker makes __wrap_x of a call of x, and x of __real_x.
#define WRAPPED(type, name, failure, parameters, arguments)                               \
  type __real_##name parameters; /* NOLINT: the linker's name */                          \
  type __wrap_##name parameters; /* NOLINT */                                             \
  type __wrap_##name parameters { return is_due() ? (failure) : __real_##name arguments; }

#define ZSTD_FAILURE ((size_t)0 - (size_t)ZSTD_error_memory_allocation)

WRAPPED(void *, malloc, NULL, (size_t size), (size))
WRAPPED(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAPPED(void *, realloc, NULL, (void *memory, size_t size), (memory, size))
WRAPPED(void *, aligned_alloc, NULL, (size_t alignment, size_t size), (alignment, size))
WRAPPED(char *, strdup, NULL, (const char *text), (text))
WRAPPED(int, pthread_create, EAGAIN,
        (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *),
         void *argument),
        (thread, attributes, run, argument))
WRAPPED(size_t, ZSTD_compress, ZSTD_FAILURE,
        (void *to, size_t room, const void *from, size_t size, int level),
        (to, room, from, size, level))
WRAPPED(size_t, ZSTD_decompress, ZSTD_FAILURE,
        (void *to, size_t room, const void *from, size_t size), (to, room, from, size))
