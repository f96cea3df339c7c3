// SPDX-License-Identifier: Apache-2.0
// The subjects of one partition by their hash: which numbers a subject may have. "None" is certain,
// a number is a guess to be checked: 39 bits of the hash are kept beside the 8 that chose the
// partition. A subject takes 11 to 21 bytes. May use base/, model/event.h and store/subjects.h. Not
// for two writers at once.
#ifndef DS_STORE_SUBJECT_TABLE_H
#define DS_STORE_SUBJECT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Caller's memory; fields are private. All zero is an empty table.
typedef struct ds_subject_table {
  uint64_t *slot; // hash bits 17..55 << 25 | ordinal + 1; 0 = free
  uint32_t slots;
  uint32_t count;
} ds_subject_table;

// Gives the memory back and leaves an empty table.
void ds_subject_table_done(ds_subject_table *table);

// Adds a subject's hash and number, once; false without memory.
bool ds_subject_table_add(ds_subject_table *table, uint64_t hash, uint32_t number);

// The next number, from *cursor on, that a subject of this hash may have; false when there is no
// more. *cursor starts at 0; the table must not change meanwhile.
bool ds_subject_table_next(const ds_subject_table *table, uint64_t hash, uint32_t *cursor,
                           uint32_t *ret_number);

// Brings what `next` will look at first nearer to the processor.
void ds_subject_table_prefetch(const ds_subject_table *table, uint64_t hash);

// The bytes that it takes.
static inline size_t ds_subject_table_bytes(const ds_subject_table *table) {
  return (size_t)table->slots * sizeof *table->slot;
}

#endif
