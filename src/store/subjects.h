// SPDX-License-Identifier: Apache-2.0
// Finding subjects in parts. A subject's number is partition << 24 | ordinal, given once, at its
// first event, and repeated in every part that holds it; so a part is searched within one
// partition's blocks only. Private to store/. May use base/, io/, model/, store/part*.
#ifndef DS_STORE_SUBJECTS_H
#define DS_STORE_SUBJECTS_H

#include "store/block_reader.h"

#define DS_ORDINAL_BITS 24u

// The blocks [*ret_first, *ret_end) of a part that may hold customers of a partition.
void ds_part_partition_blocks(const ds_part *part, uint32_t partition, uint32_t *ret_first,
                              uint32_t *ret_end);

// The numbers and subject hashes of a block's journeys; both belong to `reader` until its next use.
DS_CHECKED ds_code ds_part_block_subjects(const ds_part *part, uint32_t block,
                                          ds_block_reader *reader, const uint32_t **ret_customers,
                                          const uint64_t **ret_hashes, ds_error *err);

// The same with what ds_part_block_ids reads.
DS_CHECKED ds_code ds_part_block_hashes(const ds_part *part, uint32_t block, uint32_t want,
                                        ds_block_reader *reader, ds_block *ret_block,
                                        const uint64_t **ret_hashes, ds_error *err);

// Subject texts, event ids and imports of a block, as wanted (DS_WANT_SUBJECT, _ID, _IMPORT).
DS_CHECKED ds_code ds_part_block_ids(const ds_part *part, uint32_t block, uint32_t want,
                                     ds_block_reader *reader, ds_block *ret_block, ds_error *err);

#endif
