// SPDX-License-Identifier: Apache-2.0
// Reading one customer: its events from all places of a snapshot (parts and log tail), as one block
// of one journey. What was decoded is kept, block by block, so that a customer whose blocks are
// there costs about a microsecond; the blocks used longest ago go when they are too many bytes. May
// use base/, model/, store/. A reader is used by one thread; the snapshot must outlive it.
//
// Invariant: what a reader gives is what a scan gives of the same customer, event by event.
#ifndef DS_STORE_CUSTOMER_H
#define DS_STORE_CUSTOMER_H

#include "store/store.h"

typedef struct ds_customer_reader ds_customer_reader;

// A reader of `columns` (copied; its arrays must outlive it). Where parts differ in a property's
// type, property_types must say which is meant. It keeps decoded blocks of up to kept_bytes_max
// bytes, and for the time of a read what that one needs. The caller frees.
DS_CHECKED ds_code ds_customer_reader_new(const ds_snapshot *snapshot, const ds_columns *columns,
                                          size_t kept_bytes_max, ds_customer_reader **ret_reader,
                                          ds_error *err);
void ds_customer_reader_free(ds_customer_reader *reader); // NULL is fine

// The events of the subjects `numbers` (at least one), by time, arrival, order of the numbers and
// place, as one journey of the customer numbers[0]; a block without journeys when there are none.
// Its arrays belong to the reader and stay valid until its next read. DS_CORRUPT names part, column
// and block.
DS_CHECKED ds_code ds_customer_read(ds_customer_reader *reader, const uint32_t *numbers,
                                    uint32_t count, ds_block *ret_block, ds_error *err);

#endif
