// SPDX-License-Identifier: Apache-2.0
// Takes journeys out of a block in place: what stays moves up, within the arrays that it stands in,
// so that a block of which little is taken stays in the cache that it was decoded into. May use
// base/, model/.
#ifndef DS_SCAN_OMIT_H
#define DS_SCAN_OMIT_H

#include "model/block.h"

// Leaves the journeys listed, ascending, out of the block, whose arrays the caller may change.
void ds_block_omit(ds_block *block, const uint32_t *journeys, uint32_t count);

#endif
