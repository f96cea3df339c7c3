// SPDX-License-Identifier: Apache-2.0
// Identifiers of customers and of objects: which kinds there are and how strong each is. An event's
// subject is "kind=text", its strongest identifier. May use base/. Invariant: the order of strength
// depends on the texts alone, never on what arrived first.
#ifndef DS_MODEL_IDENTIFIER_H
#define DS_MODEL_IDENTIFIER_H

#include "base/str.h"

// What a kind of identifier names.
typedef enum ds_identifier_class {
  DS_IDENTIFIER_PERSON, // customer_id, loyalty_id, and every kind that is not listed
  DS_IDENTIFIER_DEVICE, // a device or a visit: anonymous_id, session_id, …
  DS_IDENTIFIER_OBJECT, // an order, a parcel, a ticket: stands in for an owner not yet known
} ds_identifier_class;

// How strong a kind is (0 = strongest; persons, then devices, then objects; two that are not listed
// are equal), and what it names.
uint32_t ds_identifier_rank(ds_str kind);
ds_identifier_class ds_identifier_class_of(ds_str kind);
static inline bool ds_identifier_is_object(ds_str kind) {
  return ds_identifier_class_of(kind) == DS_IDENTIFIER_OBJECT;
}

// Whether it is one of the kinds listed for persons and devices.
bool ds_identifier_is_listed(ds_str kind);

// The name of object kind `index`, strongest first, or NULL past the last.
const char *ds_identifier_object(uint32_t index);

// Whether a text stands where systems put one when they know nobody: "null", "0", "anonymous".
bool ds_identifier_is_placeholder(ds_str text);

// The kind of a subject "kind=text"; empty when it has none.
ds_str ds_subject_kind(ds_str subject);

// Whether it has a kind and a text, and no more bytes than a subject may have.
bool ds_subject_is_sound(ds_str subject);

// Below 0 when subject `a` is stronger than `b`: by rank, then by bytes. The strongest of a
// customer's subjects stands for the customer.
int ds_subject_compare(ds_str a, ds_str b);

// Facts of identity are events of these names under one subject, the other is the property
// DS_LINK_PROPERTY: told by somebody, taken back, or seen together on an event.
#define DS_LINK_TOLD "identity_linked"
#define DS_LINK_UNTOLD "identity_unlinked"
#define DS_LINK_SEEN "identity_seen"
#define DS_LINK_PROPERTY "with"

// Whether a touchpoint is a fact of identity.
bool ds_is_link(ds_str touchpoint);

// That a customer is in a list (ingest/lists.h) is an event of this name, too; the property says in
// which.
#define DS_LIST_JOINED "list_joined"
#define DS_LIST_PROPERTY "list_name"

// Whether a touchpoint is something known of customers and no step of their journeys: a fact of
// identity, or of lists.
bool ds_is_knowledge(ds_str touchpoint);

#endif
