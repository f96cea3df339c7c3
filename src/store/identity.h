// SPDX-License-Identifier: Apache-2.0
// Which subjects are one customer, computed when a snapshot is taken and never stored: facts of
// identity are events (model/identifier.h), so undoing one, or asking what was known at an instant,
// is the same function over fewer facts. May use base/, io/, model/, store/. Immutable once made.
//
// Rules, in this order; none looks at what arrived first, but the second:
//   1. A pair of subjects is joined when somebody told so last, or when an event carried both and
//      nobody ever told otherwise. Facts told are ordered by time of receipt, then arrival.
//   2. Told pairs are joined first, then the others: those of the strongest kinds first, then by
//      text. A pair seen together is left when it would join two persons known by the same kind of
//      identifier, or two persons through a device: a contradiction. No pair is followed past
//      DS_CUSTOMER_SUBJECTS_MAX identifiers of one customer.
//   3. A subject that is an object and in no pair followed belongs to whoever's event carries it
//      as a case key: of several the earliest by (time, subject), a person or device before an
//      object, and among objects only to one of a stronger kind. Several claimants who are not one
//      customer are a contradiction, and never joined by it.
//   4. The strongest subject with an event (ds_subject_compare) stands for the customer.
#ifndef DS_STORE_IDENTITY_H
#define DS_STORE_IDENTITY_H

#include "store/store.h"

// What became of the facts.
typedef struct ds_identity_stats {
  uint64_t facts;          // told, untold and seen, not counting what did not name a subject
  uint64_t unreadable;     // those
  uint64_t links;          // pairs that hold now
  uint64_t contradictions; // pairs not followed, or objects with claimants who are not one
  uint64_t beyond;         // pairs not followed because a customer has too many identifiers
  uint64_t objects;        // that joined an owner
  uint64_t customers;      // who have several subjects with events
} ds_identity_stats;

// The subjects that are not a customer by themselves alone. Arrays of `count`, in the snapshot's
// arena.
typedef struct ds_identity {
  uint32_t count;
  const uint32_t *subject;  // numbers, ascending
  const uint32_t *customer; // of each, the number of the subject that stands for it; DS_NONE:
                            // hidden, it is in no answer
  const uint32_t *slot;     // of each, its place in `order`
  const uint32_t *order;    // indexes by (customer, strength); hidden ones stand last
  const uint32_t *events;   // of each, not counting what is in no place
  uint32_t hidden;
  // Identifiers of customers that no event has as its subject: here those that facts of `weighed`
  // subjects (ascending) name; others are looked up when asked for.
  ds_names names;
  const uint32_t *names_customer;
  const uint32_t *weighed;
  uint32_t weighed_count;
  struct ds_id_filter *leaves; // which others there are, by group of partitions
  uint32_t leaves_groups;
  uint32_t threads;
  ds_names kinds; // of all of them
  ds_identity_stats stats;
} ds_identity;

// Reads the facts of a snapshot whose places are known. *ret_identity is NULL when there are none.
DS_CHECKED ds_code ds_identity_make(const ds_snapshot *snapshot, uint32_t threads, ds_arena *arena,
                                    const ds_identity **ret_identity, ds_error *err);

// Gives back what is not in the arena. NULL is fine.
void ds_identity_done(const ds_identity *identity);

// What was said last of two identifiers, in the places of the snapshot.
typedef enum ds_said { DS_SAID_NOTHING, DS_SAID_SEEN, DS_SAID_TOLD, DS_SAID_UNTOLD } ds_said;
DS_CHECKED ds_code ds_identity_said(const ds_snapshot *snapshot, ds_str a, ds_str b,
                                    ds_said *ret_said, ds_error *err);

// The identifiers of a customer (the number that stands for it) that no event has as its subject,
// the strongest first; in `arena`.
DS_CHECKED ds_code ds_identity_names(const ds_snapshot *snapshot, uint32_t customer,
                                     ds_arena *arena, ds_str **ret_names, uint32_t *ret_count,
                                     ds_error *err);

// The index of the first subject that is at least `number`; `count` when there is none.
uint32_t ds_identity_from(const ds_identity *identity, uint64_t number);

// The customer of a subject's number; its own without an identity (NULL) or when it is not joined.
uint32_t ds_identity_customer(const ds_identity *identity, uint32_t number);

// The customer of a subject by its text, DS_NONE when there is none, or it is hidden. Reads the
// blocks of its partition.
DS_CHECKED ds_code ds_snapshot_find(const ds_snapshot *snapshot, ds_str subject,
                                    uint32_t *ret_customer, ds_error *err);

// The customers that an identifier names, as its whole subject or as its text of any kind, each
// once, ascending; in `arena`.
DS_CHECKED ds_code ds_snapshot_named(const ds_snapshot *snapshot, ds_str name, ds_arena *arena,
                                     uint32_t **ret_customers, uint32_t *ret_count,
                                     ds_error *err);

// The text of the subject of that number, which has an event; in `arena`.
DS_CHECKED ds_code ds_snapshot_subject(const ds_snapshot *snapshot, uint32_t number,
                                       ds_arena *arena, ds_str *ret_subject, ds_error *err);

#endif
