// SPDX-License-Identifier: Apache-2.0
// Events in order -> the chunks of one block -> a part file or image. Private to store/: build.c
// feeds it. May use base/, io/, model/, store/. One thread at a time.
#ifndef DS_STORE_BLOCK_WRITE_H
#define DS_STORE_BLOCK_WRITE_H

#include "store/part_format.h"

typedef struct ds_part_writer ds_part_writer;

// A writer of rows whose codes stand for names of `space`, which closes a block at `block_events`.
// The caller frees.
DS_CHECKED ds_code ds_part_writer_new(const ds_space *space, uint32_t block_events,
                                      ds_part_writer **ret_writer, ds_error *err);
void ds_part_writer_free(ds_part_writer *writer);

// Starts the journey of the next customer (ascending).
DS_CHECKED ds_code ds_part_writer_journey(ds_part_writer *writer, uint32_t customer, uint64_t hash,
                                          ds_str subject, ds_error *err);

// Adds the journey's next event: a trusted row and its id; times must not decrease.
DS_CHECKED ds_code ds_part_writer_event(ds_part_writer *writer, const uint8_t *row, uint64_t id,
                                        ds_error *err);

// Ends the journey; closes the block when it is full. *ret_full: the part should be closed now.
DS_CHECKED ds_code ds_part_writer_journey_end(ds_part_writer *writer, bool *ret_full,
                                              ds_error *err);

// Events since the part was started.
uint64_t ds_part_writer_events(const ds_part_writer *writer);

// Closes the part into a file (synced) at `path`, or with path NULL into *ret_image (malloc'ed),
// and starts the next one.
DS_CHECKED ds_code ds_part_writer_close(ds_part_writer *writer, ds_io *io, const char *path,
                                        uint64_t number, ds_part_info *ret_info,
                                        uint8_t **ret_image, size_t *ret_size, ds_error *err);

#endif
