// SPDX-License-Identifier: Apache-2.0
// Which customers carry a value of a case key: of all blocks nothing but the hashes of the keys'
// values is read, a few bytes a case, so that a question about one order need not read the others.
// May use base/, model/, store/.
#ifndef DS_STORE_KEY_HOLDERS_H
#define DS_STORE_KEY_HOLDERS_H

#include "store/store.h"

// More holders than these are not listed: to read each by itself would take longer than all.
enum { DS_HOLDERS_MAX = 64 };

// Lists the customers, ascending, one of whose events in the snapshot's places carries a value with
// this ds_key_hash in one of `keys` (codes of the snapshot's space). *ret_all is false when there
// are more than DS_HOLDERS_MAX; the list is of no use then. The list has room for as many again.
DS_CHECKED ds_code ds_snapshot_holders(const ds_snapshot *snapshot, uint64_t hash,
                                        const uint16_t *keys, uint32_t keys_count,
                                        uint32_t threads, ds_arena *arena,
                                        uint32_t **ret_customers, uint32_t *ret_count,
                                        bool *ret_all, ds_error *err);

#endif
