// SPDX-License-Identifier: Apache-2.0
// A store open to be asked: a snapshot and all that answers depend on beside it (settings,
// segments, time zone, dated notes, who is meant by an e-mail address, what lets --derive work). It
// makes the request of a question's name and options, for the command line, the server and the
// report alike. May use everything below floor 7. Invariant: what it shows never changes after it
// was opened; several threads may ask it at once.
#ifndef DS_ASK_ASK_H
#define DS_ASK_ASK_H

#include "ingest/lists.h"
#include "ingest/settings.h"
#include "question/question.h"

// How many options one question may be given.
enum { DS_ASK_OPTIONS_MAX = 128 };

// A store open to be asked. To be read only; texts live as long as it does.
typedef struct ds_ask {
  const char *path;            // of the store
  const ds_snapshot *snapshot;
  ds_settings settings;        // of doorstep.yaml there
  const ds_zone *zone;         // NULL = UTC
  const ds_segment *segments;  // of segments.yaml there, the shipped ones, and lists
  uint32_t segments_count;
  const ds_list_info *lists;   // of customers, which are segments too
  uint32_t lists_count;
  const char *duckdb;          // DuckDB's library, for SQL; NULL: the system's
  ds_unsealer *unsealer;       // of personal values; NULL: they stay sealed
  ds_io *io;
  uint32_t threads;
  size_t memory_bytes;         // budget of one question
} ds_ask;

// How a store is opened to be asked.
typedef struct ds_ask_options {
  const char *segments; // the file of segments; NULL: segments.yaml of the store
  const char *duckdb;   // as in ds_ask
  bool personal;        // personal values may be asked for in clear, by one thread at a time
} ds_ask_options;

// Opens the store at `path` to read, as ds_store_open, and asks it. The caller frees it.
DS_CHECKED ds_code ds_ask_open(const char *path, const ds_store_options *store,
                               const ds_ask_options *options, ds_ask **ret_ask, ds_error *err);

// The same with a store that is open to read; it is taken, also on failure.
DS_CHECKED ds_code ds_ask_take(ds_store *store, const ds_ask_options *options, ds_ask **ret_ask,
                               ds_error *err);

// Opens the same store anew, as it is now, sharing what has not changed; both are to be freed.
DS_CHECKED ds_code ds_ask_again(const ds_ask *ask, ds_ask **ret_ask, ds_error *err);
void ds_ask_free(ds_ask *ask); // NULL is fine

// Whether events, people, settings or segments have changed since it was opened. Costs a few small
// reads. An error is one of reading them.
DS_CHECKED ds_code ds_ask_changed(const ds_ask *ask, bool *ret_changed, ds_error *err);

// What all answers of this ds_ask have in common and those of no other: a hash of the program, the
// store's state, settings and segments; and of the clock `now_ms`, while the latest event lies
// ahead of it.
#define DS_ASK_IDENTITY_BYTES 33u // 32 hexadecimal digits and a NUL
void ds_ask_identity(const ds_ask *ask, int64_t now_ms, char out[DS_ASK_IDENTITY_BYTES]);

// The request of a question and its options, given by name as on the command line without dashes: a
// flag's text is "true", "" or "false"; the values of several words without dashes come one after
// the other, or as lines of one text; of any other option given more than once the last counts,
// unless all do. Somebody's e-mail address or phone number becomes what stands for it in the store.
// Texts and arrays live in the arena, or are those given. DS_USAGE says which option is wrong, with
// the nearest name; values are looked at when the question is run.
DS_CHECKED ds_code ds_ask_request(const ds_ask *ask, const ds_question *question,
                                  const ds_option_value *given, uint32_t count, ds_arena *arena,
                                  ds_request *ret_request, ds_error *err);

// Reads a file of instants, as ds_instants_read, for a request that is asked with `case_key`
// (NULL: about customers). The caller is done with it, after the request.
DS_CHECKED ds_code ds_ask_instants(const ds_ask *ask, const char *path, const char *case_key,
                                   ds_arena *arena, ds_instants *ret_instants, ds_error *err);

// The same for those who are no question of the table: "sql", "export".
DS_CHECKED ds_code ds_ask_select(const ds_ask *ask, const ds_option_value *given, uint32_t count,
                                 ds_arena *arena, ds_request *ret_request, ds_error *err);

// --- blame.c

// The option that an error speaks of, and its text: the one that the message names, the words of a
// numbered step, else the only expression given, when the error has a position. False: none.
bool ds_ask_blame(const ds_question *question, const ds_option_value *given, uint32_t count,
                  const ds_error *err, const ds_option **ret_option, const char **ret_text);

#endif
