// SPDX-License-Identifier: Apache-2.0
// From when on silence, and a promise not yet kept, mean something. A store's settings may say
// otherwise than the defaults. Uses nothing.
#ifndef DS_MODEL_TRACKING_H
#define DS_MODEL_TRACKING_H

#include <stdint.h>

// Durations in milliseconds, all above 0.
typedef struct ds_tracking_limits {
  int64_t label_silent_ms; // from label_created without any scan: shipment_stalled
  int64_t silent_ms;       // between scans of a parcel that the carrier has: shipment_stalled
  int64_t lost_ms;         // the same: shipment_lost
  int64_t risk_ms;         // before the promise's end, still not on the van: promise_at_risk
  double complaint_stars;  // a review of at most so many stars is a complaint
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
