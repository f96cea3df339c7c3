// SPDX-License-Identifier: Apache-2.0
// Telling a store that two identifiers are one customer, or are not: facts from outside, such as a
// shop's own merging of accounts. May use base/, model/, store/, scan/.
#ifndef DS_INGEST_LINK_H
#define DS_INGEST_LINK_H

#include "store/store.h"

// Whom an identifier leads to.
typedef struct ds_link_side {
  ds_str customer;      // the subject that stands for the customer; in the caller's arena
  uint64_t events;      // of the customer, without facts of identity
  uint32_t identifiers; // that some event has as its subject
} ds_link_side;

// What came of it.
typedef struct ds_link_outcome {
  bool told; // a fact was written; false: it was said before, or there was nothing to take back
  bool one_before, one_now;
  ds_link_side a, b; // as they stand now; equal when they are one customer
} ds_link_outcome;

// Says that a and b ("kind=text") are one customer, or with `linked` false that they are not.
// Durable on return. DS_USAGE: not two identifiers of whom at most one is an object's.
// DS_EXPRESSION: no customer has one of them. DS_UNSUPPORTED: one is personal.
DS_CHECKED ds_code ds_link_tell(ds_store *store, ds_str a, ds_str b, bool linked, ds_arena *arena,
                                ds_link_outcome *ret_outcome, ds_error *err);

#endif
