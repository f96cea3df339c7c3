// SPDX-License-Identifier: Apache-2.0
// Loaded into the program by test/memory/run: refuses its allocation number $REFUSE, and all later
// ones with $REFUSE_EVER, and writes into $REFUSE_TOLD how many it asked for and whether any was
// refused. Calls that libraries make are neither counted nor refused.
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// glibc's own, under the names that stay when ours take their place.
extern void *__libc_malloc(size_t size);                     // NOLINT
extern void *__libc_calloc(size_t count, size_t size);       // NOLINT
extern void *__libc_realloc(void *memory, size_t size);      // NOLINT
extern void *__libc_memalign(size_t alignment, size_t size); // NOLINT

static uintptr_t code_begin, code_end; // of the program; empty before main
static uint64_t refuse_at = UINT64_MAX;
static bool ever;
static atomic_uint_fast64_t asked;
static atomic_bool refused;

// The first object told is the program.
static int note_code(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  (void)context;
  for (int i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) != 0) {
      code_begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
      code_end = code_begin + info->dlpi_phdr[i].p_memsz;
    }
  return 1;
}

__attribute__((constructor)) static void begin(void) {
  const char *at = getenv("REFUSE");
  refuse_at = at == NULL ? UINT64_MAX : strtoull(at, NULL, 10);
  ever = getenv("REFUSE_EVER") != NULL;
  dl_iterate_phdr(note_code, NULL);
}

__attribute__((destructor)) static void tell(void) {
  const char *path = getenv("REFUSE_TOLD");
  FILE *file = path == NULL ? NULL : fopen(path, "w");
  if (file == NULL)
    return;
  fprintf(file, "%llu %d\n", (unsigned long long)asked, refused);
  fclose(file);
}

static bool is_due(const void *caller) {
  if ((uintptr_t)caller < code_begin || (uintptr_t)caller >= code_end)
    return false;
  const uint64_t number = atomic_fetch_add(&asked, 1);
  if (number != refuse_at && !(ever && number > refuse_at))
    return false;
  refused = true;
  errno = ENOMEM;
  return true;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size) { return is_due(CALLER) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
  return is_due(CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  return is_due(CALLER) ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  return is_due(CALLER) ? NULL : __libc_memalign(alignment, size);
}

char *strdup(const char *text) {
  const size_t size = strlen(text) + 1;
  char *copy = is_due(CALLER) ? NULL : __libc_malloc(size);
  return copy == NULL ? NULL : memcpy(copy, text, size);
}
