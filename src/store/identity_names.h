// SPDX-License-Identifier: Apache-2.0
// Identifiers that no event has as its subject, known by facts alone. Those of subjects whose facts
// were weighed one by one stand in ds_identity; others, of which there may be millions, are found
// in the facts when somebody asks. Private to store/identity*.c. May use base/, model/, store/.
#ifndef DS_STORE_IDENTITY_NAMES_H
#define DS_STORE_IDENTITY_NAMES_H

#include "store/identity.h"

// The number of a subject by its text, DS_NONE when it has no event that was known.
DS_CHECKED ds_code ds_identity_number(const ds_snapshot *snapshot, ds_str subject,
                                      uint32_t *ret_number, ds_error *err);

// The number of a subject of the customer who has taken over an identifier that is nobody's
// subject; DS_NONE when nobody has. The snapshot has an identity. Reads all facts when a filter
// says that there may be one.
DS_CHECKED ds_code ds_identity_named(const ds_snapshot *snapshot, ds_str name,
                                     uint32_t *ret_number, ds_error *err);

#endif
