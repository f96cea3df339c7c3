// SPDX-License-Identifier: Apache-2.0
// The names of columns that mean something to an import, and the prefixes that say so outright. An
// export writes its columns so that an import, told nothing, takes them for what they were. May use
// base/.
#ifndef DS_INGEST_NAMES_H
#define DS_INGEST_NAMES_H

#include "base/str.h"

// In front of a column's name: a case key, or a property, whatever the name; the property is called
// what stands behind, to the letter.
#define DS_PREFIX_KEY "case_key:"
#define DS_PREFIX_PROPERTY "property:"

// The column that holds customers with their kind: "customer_id=C17".
#define DS_NAME_SUBJECT "doorstep_subject"

// In an XES log: the attribute of the log that says which column of a table the names of its traces
// would be.
#define DS_NAME_TRACE "doorstep_trace"

// And its container that holds each attribute of events once, with some value of its type: however
// late an attribute comes, it is known for what it is.
#define DS_NAME_COLUMNS "doorstep_columns"

// In an OCEL log: the qualifier (DS_NAME_SUBJECT) of the one relation of an event that says who its
// customer is and no more; the attribute of an event with the moment it was received; the attribute
// of an object with its id, where that is another type's too.
#define DS_NAME_RECEIVED "doorstep_received"
#define DS_NAME_ID "doorstep_id"

// Whether a column of this name would be taken for the customer, time, event, arrival or id;
// whether for a case key.
bool ds_recognise_is_role(ds_str name);
bool ds_recognise_is_key(ds_str name);

// Whether a property of a column of this name is called so: no sign becomes '_'.
bool ds_recognise_keeps(ds_str name);

#endif
