// SPDX-License-Identifier: Apache-2.0
// Object-centric event logs, OCEL 2.0 as JSON, XML and SQLite, as rows: one per event and one per
// change of an object. Objects become case keys named after their type, the objects of one type the
// customers. The objects are kept in memory while the events stream by; docs/import.md says what
// becomes of attributes, changes and relations. May use base/, io/, model/,
// ingest/{rows,xml,json_split}.
#ifndef DS_INGEST_OCEL_H
#define DS_INGEST_OCEL_H

#include "ingest/rows.h"
#include "model/time.h"

// What the objects of one log may take in memory.
enum { DS_OCEL_BYTES_MAX = 512 << 20, DS_OCEL_TYPES_MAX = 1024, DS_OCEL_OBJECTS_MAX = 1 << 24 };

typedef struct ds_ocel ds_ocel;

// What one log is read with; pointers outlive it.
typedef struct ds_ocel_options {
  ds_io *io;
  const ds_source *file;
  const char *customer; // the object type that is the customer; NULL = found by its name
  const ds_zone *zone;  // of times without one; NULL = UTC
  const char *id_scope; // event ids are unique within this
  ds_quarantine *refused;
  bool strict;
  ds_progress *progress;
} ds_ocel_options;

// Reads the objects of the log and fills the fixed columns of an empty plan: customer, event, time,
// id. DS_INPUT with file and line; DS_INPUT with the types when none is the customer. The caller
// frees.
DS_CHECKED ds_code ds_ocel_open(const ds_ocel_options *options, ds_arena *arena, ds_plan *plan,
                                ds_ocel **ret_ocel, ds_error *err);
void ds_ocel_free(ds_ocel *ocel);

// The object type that is the customer, and the kind of identifier it makes ("customer_id").
const char *ds_ocel_customer(const ds_ocel *ocel);
const char *ds_ocel_kind(const ds_ocel *ocel);

// What the reader found besides rows.
typedef struct ds_ocel_stats {
  uint64_t rows;
  uint64_t changes;         // rows that are changes of objects
  uint64_t several;         // events that name several customers: the first is taken
  uint64_t relations;       // between objects
  bool local_times;         // some times came without a zone
} ds_ocel_stats;

// Reads the events and writes all rows.
DS_CHECKED ds_code ds_ocel_run(ds_ocel *ocel, const ds_rows_job *job, ds_ocel_stats *ret_stats,
                               ds_error *err);

#endif
