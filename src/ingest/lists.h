// SPDX-License-Identifier: Apache-2.0
// Fixed lists of customers: the members of a condition at an instant, kept, or identifiers from a
// file. That a customer is in one is an event of theirs (model/identifier.h), and a list is one
// import of such events: so it is durable, all or nothing, can be taken back, follows who is whom,
// goes with whoever is erased, and is known from the instant at which it was saved. Decision 52.
// May use base/ to scan/. Never question/.
//
// Invariants: a list's import is called "list:NAME", its files are where it comes from and the
// detail; of one name there is one that is not undone.
#ifndef DS_INGEST_LISTS_H
#define DS_INGEST_LISTS_H

#include "model/customers.h"
#include "model/instants.h"
#include "store/store.h"

// A list. Texts live in the arena of the listing.
typedef struct ds_list_info {
  const char *name;    // as ds_saved_is_name
  const char *source;  // a condition, or a file's name
  const char *detail;  // "as of …", "5 identifiers, 1 repeated, 1 unknown"
  uint32_t import;
  int64_t when_ms;     // saved
  uint64_t given;      // identifiers, or customers
  uint64_t members;    // customers, when it was saved
} ds_list_info;

// The store's lists, oldest first; in `arena`.
DS_CHECKED ds_code ds_lists_read(ds_store *store, ds_arena *arena, const ds_list_info **ret_lists,
                                 uint32_t *ret_count, ds_error *err);

// DS_USAGE when the name is none, or is taken by a list or one of the segments; DS_LIMIT when there
// are too many lists.
DS_CHECKED ds_code ds_list_check(ds_store *store, const char *name,
                                 const char *const *segments, uint32_t segments_count,
                                 ds_error *err);

// Saves the customers of these numbers as list->name; all of *list but import, when_ms and members
// is the caller's. Durable on return; fills in the rest. DS_BUSY: some are not there any more.
DS_CHECKED ds_code ds_list_save(ds_store *store, const ds_customers *customers, uint64_t count,
                                ds_list_info *list, ds_progress *progress, ds_error *err);

// Takes a list back, durably. DS_USAGE: there is none of that name; says the nearest.
DS_CHECKED ds_code ds_list_remove(ds_store *store, const char *name, uint64_t *ret_members,
                                  ds_error *err);

// A file of identifiers: one a line, each as kind=text or a text alone; or a CSV file with the
// names of its columns on its first line, of which one holds them.
typedef struct ds_list_file {
  const char *path;
  const char *column; // NULL: the one that is called like a kind of identifier
  const char *kind;   // of texts alone; NULL: the column's name if that is one, else customer_id
} ds_list_file;

// What was read of it.
typedef struct ds_list_read {
  ds_customers customers;
  uint64_t customers_count;
  uint64_t given;    // identifiers
  uint64_t repeated; // of these, that stood further up
  uint64_t unknown;  // that nobody has
  uint32_t unknown_lines[5]; // the first of them
} ds_list_read;

// Finds whose identifiers they are; a personal one is hashed, and no text of the file is kept. In
// `arena`. DS_INPUT names the line; also when nobody has any of them.
DS_CHECKED ds_code ds_list_file_read(ds_store *store, const ds_list_file *file, ds_arena *arena,
                                     ds_list_read *ret_read, ds_progress *progress,
                                     ds_error *err);

// A CSV file of rows at instants, for `features --at FILE.csv`: a column that is called like a kind
// of identifier, or with a case key like that, and one called time, at, timestamp or
// event_timestamp; a time without a zone is UTC. Personal identifiers are hashed. The caller is
// done with it; its name is `path`'s. DS_INPUT names the line.
DS_CHECKED ds_code ds_instants_read(ds_store *store, const char *path, const char *case_key,
                                    ds_arena *arena, ds_instants *ret_instants, ds_error *err);
void ds_instants_done(ds_instants *instants); // NULL is fine

#endif
