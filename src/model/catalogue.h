// SPDX-License-Identifier: Apache-2.0
// The touchpoint catalogue: every canonical post-purchase event with one stage, owner and actor,
// its channel and expected properties, and what answers it; names that mean the same (aliases); and
// the maps from carriers' and other systems' statuses. One data file, src/model/touchpoints.tsv,
// compiled into const tables. May use base/. A store may override or add rows from doorstep.yaml:
// then lookups go to a catalogue of its own (catalogue_overlay.h).
#ifndef DS_MODEL_CATALOGUE_H
#define DS_MODEL_CATALOGUE_H

#include "base/limits.h"
#include "base/str.h"
#include "model/value.h"

// The part of the journey; ANY takes the stage of the case's latest staged event.
typedef enum ds_stage {
  DS_STAGE_ANY, DS_STAGE_ORDER, DS_STAGE_FULFILMENT, DS_STAGE_TRANSIT, DS_STAGE_LAST_MILE,
  DS_STAGE_DELIVERY, DS_STAGE_USE, DS_STAGE_FEEDBACK, DS_STAGE_RETURNS, DS_STAGE_LOYALTY,
  DS_STAGES_COUNT
} ds_stage;

// The desk that can change a touchpoint.
typedef enum ds_owner {
  DS_OWNER_NONE, DS_OWNER_ECOMMERCE, DS_OWNER_WAREHOUSE, DS_OWNER_CARRIER_DESK, DS_OWNER_SUPPORT,
  DS_OWNER_MARKETING, DS_OWNER_FINANCE, DS_OWNER_PRODUCT, DS_OWNERS_COUNT
} ds_owner;

// Who acts.
typedef enum ds_actor {
  DS_ACTOR_NONE, DS_ACTOR_CUSTOMER, DS_ACTOR_COMPANY, DS_ACTOR_CARRIER, DS_ACTOR_SYSTEM,
  DS_ACTORS_COUNT
} ds_actor;

// One expected property and its type.
typedef struct ds_expected {
  const char *name;
  ds_type type;
} ds_expected;

// One canonical event.
typedef struct ds_touchpoint {
  const char *name;
  ds_stage stage;
  ds_owner owner;
  ds_actor actor;
  const char *channel; // "web/app", "carrier", "" = none
  const ds_expected *expected;
  uint16_t expected_count;
  const char *meaning; // one line in words
  const char *const *answers; // the touchpoints that answer it
  uint16_t answers_count;     // 0: it asks nothing
} ds_touchpoint;

// One row of a reverse map: status of an outside taxonomy ("aftership", "InTransit_002"; Shippo's
// sub-statuses as "TRANSIT/package_held", EPCIS business transactions as "receiving/rma").
typedef struct ds_status_map {
  const char *taxonomy;
  const char *status;
  const char *touchpoint;
  const char *reason; // "" or the value of `reason` / `how` that the status implies
} ds_status_map;

// The shipped catalogue, in stage order; ds_touchpoints_count rows.
extern const ds_touchpoint ds_touchpoints[];
extern const uint32_t ds_touchpoints_count;
extern const ds_status_map ds_status_maps[];
extern const uint32_t ds_status_maps_count;

// A catalogue to look names up in; never changes. NULL stands for the shipped one.
typedef struct ds_catalogue ds_catalogue;

// The catalogue as shipped, for ever valid.
const ds_catalogue *ds_catalogue_shipped(void);

// The canonical row of a name: exact, spelt otherwise ("Order Placed", "orderPlaced"),
// "post_purchase_X", or another name of the same thing ("Order Completed"); NULL when the catalogue
// does not know it (the event keeps its own name). Lives as long as the catalogue. Tens of
// nanoseconds: ask once per distinct name.
const ds_touchpoint *ds_catalogue_find(const ds_catalogue *catalogue, ds_str name);

// The name to store for an incoming name: the canonical one, or the name as it came.
ds_str ds_catalogue_canonical(const ds_catalogue *catalogue, ds_str name);

// The nearest canonical name, for reports on unknown names; NULL when none is near.
const char *ds_catalogue_nearest(const ds_catalogue *catalogue, ds_str name);

// The form in which names are compared: words, split also at camel case, in lower case (A-Z only),
// joined by one '_', without a leading "post_purchase_". A view of `out`, NUL-terminated; empty
// when the name cannot be one of a catalogue (no letter, a NUL, longer than a name may be).
#define DS_NORMAL_BYTES (2 * DS_NAME_BYTES_MAX + 1)
ds_str ds_catalogue_normal(ds_str name, char out[DS_NORMAL_BYTES]);

// The row for a status of an outside taxonomy (case-insensitive; an unknown sub-status falls back
// to its prefix: "Exception_016" -> "Exception"), or NULL. Web addresses and URNs of schema.org and
// EPCIS terms ("https://schema.org/OrderDelivered") count as the term.
const ds_status_map *ds_catalogue_status(ds_str taxonomy, ds_str status);

// Names as in the data file ("order", "last_mile", "carrier_desk"; "" for none), and back: false
// for no such name.
const char *ds_stage_name(ds_stage stage);
const char *ds_owner_name(ds_owner owner);
const char *ds_actor_name(ds_actor actor);
bool ds_stage_of_name(ds_str name, ds_stage *ret_stage);
bool ds_owner_of_name(ds_str name, ds_owner *ret_owner);
bool ds_actor_of_name(ds_str name, ds_actor *ret_actor);

#endif
