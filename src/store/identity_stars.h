// SPDX-License-Identifier: Apache-2.0
// Stars: a subject (the centre) with weaker identifiers (its leaves) that nothing else is said of.
// Most facts are such, and whatever the order in which their pairs are followed, the rules of
// identity.h give the same: the leaves are the centre's, and the centre, being the strongest,
// stands for the customer. So they need no order, and are settled by 64-bit hashes and numbers,
// partition by partition on all threads; only other facts are read a second time, and weighed one
// by one.
// Private to store/identity*.c. May use base/, model/, store/.
//
// A star is a centre of which all of this holds:
//   S1 nobody ever told of one of its pairs that it does not hold.
//   S2 each leaf is of a weaker kind. So the strongest of what is joined so far is always the
//      centre, no leaf is of its kind, and no pair contradicts.
//   S3 no fact of another subject names a leaf or the centre, and no leaf has facts of its own.
//   S4 it has fewer facts than a customer may have identifiers.
//   S5 neither the centre nor a leaf carries, or is, an object that has a claimant, unless no leaf
//      has an event.
// Each is judged by hashes so that two identifiers of one hash make it no star; that a leaf is the
// subject of events is decided by its text.
#ifndef DS_STORE_IDENTITY_STARS_H
#define DS_STORE_IDENTITY_STARS_H

#include "store/id_filter.h"
#include "store/identity_work.h"

typedef struct identity_stars identity_stars;

// Settles the stars among the facts of the snapshot, whose claims stand in `work` already; adds to
// the work's statistics what is said of them. The caller frees, also after a failure.
DS_CHECKED ds_code ds_identity_stars_find(identity_work *work, identity_stars **ret_stars,
                                          ds_error *err);
void ds_identity_stars_free(identity_stars *stars); // NULL is fine

// Whether the facts of a subject are not settled by its being a star's centre; whether there is any
// such subject.
bool ds_identity_stars_any_left(const identity_stars *stars);
bool ds_identity_stars_left(const identity_stars *stars, uint32_t number);

// Whether there may be one such among the numbers [first, last].
bool ds_identity_stars_left_in(const identity_stars *stars, uint32_t first, uint32_t last);

// The subjects that stars join whose centres lie in a group, by (customer, strength); the caller
// frees.
DS_CHECKED ds_code ds_identity_stars_seats(const identity_stars *stars, uint32_t group,
                                           identity_seat **ret_seats, uint32_t *ret_count,
                                           ds_error *err);

// Moves to the identity what is needed to find leaves that have no event; what such a one's hash is
// looked for by.
DS_CHECKED ds_code ds_identity_stars_take(identity_stars *stars, ds_arena *arena,
                                          ds_identity *identity, ds_error *err);
static inline uint64_t ds_identity_leaf_key(uint64_t hash) { return ds_id_filter_key(hash, 0); }

#endif
