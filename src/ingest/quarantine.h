// SPDX-License-Identifier: Apache-2.0
// What an import does not take, and why: counted in full, listed row by row up to a stated number,
// written to one CSV file with location, column and reason, and never with a value. May use base/,
// io/.
#ifndef DS_INGEST_QUARANTINE_H
#define DS_INGEST_QUARANTINE_H

#include "base/arena.h"
#include "io/io.h"

// X(name, what is lost: event, value or nothing, words)
#define DS_REASONS(X)                                                                 \
  X(NO_TIME, EVENT, "no time")                                                        \
  X(BAD_TIME, EVENT, "the time cannot be read")                                       \
  X(EARLY, EVENT, "the time is before 1990")                                          \
  X(FUTURE, EVENT, "the time is in the future")                                       \
  X(NO_CUSTOMER, EVENT, "the customer is empty")                                      \
  X(NO_EVENT, EVENT, "the event is empty")                                            \
  X(TOO_LONG, EVENT, "a text is too long")                                            \
  X(CAST, EVENT, "a value does not fit its column's type")                            \
  X(FEW_COLUMNS, EVENT, "fewer values than columns")                                  \
  X(MANY_COLUMNS, EVENT, "more values than columns")                                  \
  X(LONG_LINE, EVENT, "the line is too long")                                         \
  X(ENCODING, EVENT, "the text's encoding is wrong")                                  \
  X(QUOTE, EVENT, "a quoted value is not closed")                                     \
  X(SUPER, EVENT, "its customer has more events than one customer may have")          \
  X(MANY_KEYS, EVENT, "more than 64 orders, parcels, tickets, ... in one event")      \
  X(ERASED, EVENT, "the person was erased, and is not taken in again")                \
  X(RECORD, EVENT, "the record is no event")                                          \
  X(BAD_RECEIVED, VALUE, "the time of arrival cannot be read: left out")              \
  X(BAD_VALUE, VALUE, "the value does not fit its type: left out")                    \
  X(AS_TEXT, NOTHING, "the value does not fit its type: kept as text")                  \
  X(LONG_VALUE, VALUE, "the value is too long: left out")                             \
  X(TWICE, VALUE, "the attribute stands there twice: the first is kept")              \
  X(HALF, VALUE, "an attribute without a name or without a value: left out")          \
  X(NO_OBJECT, VALUE, "what the relation names is not in the file: left out")         \
  X(OBJECT_TWICE, VALUE, "an object's id stands there twice: its values are joined")  \
  X(DEEP, VALUE, "an attribute that lies more than three deep: left out")

// Why; NONE is no reason.
typedef enum ds_reason {
  DS_REASON_NONE,
#define DS_X(name, lost, words) DS_REASON_##name,
  DS_REASONS(DS_X)
#undef DS_X
  DS_REASONS_COUNT
} ds_reason;

// The words of a reason; what it costs: "event", "value" or "nothing"; whether the whole event.
const char *ds_reason_words(ds_reason reason);
const char *ds_reason_lost(ds_reason reason);
bool ds_reason_loses_event(ds_reason reason);

// One thing refused. `source` and `column` are texts that outlive the quarantine ("" = none);
// `record` counts the data records of the source from 1, 0 = unknown.
typedef struct ds_refusal {
  uint64_t record;
  const char *source;
  const char *column;
  uint32_t place; // 1-based byte in the record, instead of a column; 0 = none
  ds_reason reason;
  const char *words; // what the reason does not say; NULL = it says all
} ds_refusal;

// The most different words that are counted apart.
enum { DS_QUARANTINE_WORDS_MAX = 64 };

// Fields may be read. At most DS_REFUSALS_MAX are listed, all are counted.
typedef struct ds_quarantine {
  ds_refusal *list;
  size_t count;
  size_t capacity;
  uint64_t counts[DS_REASONS_COUNT];
  const char *words[DS_QUARANTINE_WORDS_MAX]; // those of refusals that have some, each once
  uint64_t words_counts[DS_QUARANTINE_WORDS_MAX];
  uint32_t words_used;
  uint64_t events; // lost
  uint64_t values; // lost, or kept as text
} ds_quarantine;

// The most refusals that are listed.
enum { DS_REFUSALS_MAX = 1 << 20 };

// An empty quarantine; done gives its memory back, NULL is fine.
void ds_quarantine_init(ds_quarantine *quarantine);
void ds_quarantine_done(ds_quarantine *quarantine);

// Counts `times` refusals and lists one of them.
DS_CHECKED ds_code ds_quarantine_add(ds_quarantine *quarantine, const ds_refusal *refusal,
                                     uint64_t times, ds_error *err);

// The most frequent words of refusals that have some; NULL when none has.
const char *ds_quarantine_words(const ds_quarantine *quarantine);

// Records that the reader dropped are not among those that were counted: moves the record numbers
// of the list from index `from` on behind the `dropped` ones (ascending), as they stand in the
// file.
void ds_quarantine_shift(ds_quarantine *quarantine, size_t from, const uint64_t *dropped,
                         size_t dropped_count);

// Writes <store>/quarantine/import-<id>.csv durably and says its path below the store; writes
// nothing, and says "", when nothing was refused.
DS_CHECKED ds_code ds_quarantine_write(ds_quarantine *quarantine, ds_io *io, const char *store,
                                       uint32_t import, ds_arena *arena, const char **ret_path,
                                       ds_error *err);

#endif
