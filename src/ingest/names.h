// SPDX-License-Identifier: Apache-2.0
// The names of columns that mean something to an import, and the prefixes that say so outright. An
// export writes its columns so that an import, told nothing, takes them for what they were. May use
// base/.
#ifndef DS_INGEST_NAMES_H
#define DS_INGEST_NAMES_H

#include "base/str.h"

// In front of a column's name: a case key, or a property, whatever the name.
#define DS_PREFIX_KEY "case_key:"
#define DS_PREFIX_PROPERTY "property:"

// The column that holds customers with their kind: "customer_id=C17".
#define DS_NAME_SUBJECT "doorstep_subject"

// Whether a column of this name would be taken for the customer, time, event, arrival or id;
// whether for a case key.
bool ds_recognise_is_role(ds_str name);
bool ds_recognise_is_key(ds_str name);

#endif
