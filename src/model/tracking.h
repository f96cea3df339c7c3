// SPDX-License-Identifier: Apache-2.0
// From when on silence, and a promise not yet kept, mean something. A store's settings may say
// otherwise than the defaults. May use model/worktime.h.
#ifndef DS_MODEL_TRACKING_H
#define DS_MODEL_TRACKING_H

#include "model/worktime.h"

struct ds_tracking_limits;

// A window of hours of a day, in minutes of its clock; until 0: there is none. One that begins
// after it ends goes on into the next day, and `until` is above a day's minutes.
typedef struct ds_hours {
  int32_t from, until;
} ds_hours;

// Reads "14:00-16:00" (blanks beside the dash may stand, ":00" may lack).
bool ds_hours_parse(ds_str text, ds_hours *ret_hours);

// Writes a carrier's name as names are compared: letters and digits of ASCII in lower case and all
// that is not ASCII. `out` has room for the name. Returns its size.
uint32_t ds_carrier_normal(ds_str name, char *out);

// What the settings say of a carrier.
typedef struct ds_carrier_rules {
  const char *normal; // its name as it is compared
  const struct ds_tracking_limits *limits;
  const char *zone_name; // NULL: none is said
  const ds_zone *zone;   // of its promises
  ds_hours hours;        // of the promised day in which it delivers
} ds_carrier_rules;

// The zone of where parcels go, by the value of a property.
typedef struct ds_place_zone {
  const char *value;
  const ds_zone *zone;
} ds_place_zone;

// Durations in milliseconds, all above 0.
typedef struct ds_tracking_limits {
  int64_t label_silent_ms; // from label_created without any scan: shipment_stalled
  int64_t silent_ms;       // between scans of a parcel that the carrier has: shipment_stalled
  int64_t lost_ms;         // the same: shipment_lost
  int64_t risk_ms;         // before the promise's end, still not on the van: promise_at_risk
  double complaint_stars;  // a review of at most so many stars is a complaint
  const ds_work_calendar *calendar; // silence counts in its hours alone until a parcel is stalled;
                                    // NULL: all time counts
  const ds_carrier_rules *carriers; // that have limits, or a zone, of their own
  uint32_t carriers_count;
  const char *place; // the property that tells where parcels go; NULL: none
  const ds_place_zone *places;
  uint32_t places_count;
} ds_tracking_limits;

// The published defaults: 48 h without a first scan (vortexiq), 24 h without a scan on the way, 30
// days without data (AfterShip's "Expired"), reviews of at most 2 stars; half a day for the risk is
// our own.
static const ds_tracking_limits ds_tracking_defaults = {
    .label_silent_ms = 48 * 3600000LL,
    .silent_ms = 24 * 3600000LL,
    .lost_ms = 30 * 86400000LL,
    .risk_ms = 12 * 3600000LL,
    .complaint_stars = 2,
};

#endif
