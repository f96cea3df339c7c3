// SPDX-License-Identifier: Apache-2.0
// Calendar arithmetic (proleptic Gregorian, by H. Hinnant's "chrono-compatible low-level date
// algorithms") and time zones from the system's TZif files (RFC 8536), because glibc's TZ is
// process-global. May use base/ and io/.
#ifndef DS_MODEL_TIME_H
#define DS_MODEL_TIME_H

#include "base/arena.h"
#include "base/str.h"
#include "io/io.h"

#define DS_DAY_MS 86400000LL
// Instants lie within ±this of 1970 (100 million days, as in ECMAScript), so differences of two
// never overflow.
#define DS_TIME_MAX_MS 8640000000000000LL

// Days since 1970-01-01 of a civil date, and back. Month 1..12, day 1..31.
int64_t ds_days_from_civil(int64_t year, unsigned month, unsigned day);
void ds_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);

// Writes "2018-01-31T10:00:00.250Z" (milliseconds only when not zero) / "2018-01-31"; out holds 32.
const char *ds_time_print(char out[32], int64_t time_ms);
const char *ds_date_print(char out[32], int64_t days);

// Reads an ISO 8601 / RFC 3339 time: "YYYY-MM-DD", with optional "T" or space and
// hh:mm[:ss[.fff…]], then "Z", "±hh[:mm]" or nothing. *ret_ms is UTC if a zone was given, else
// the local reading as if it were UTC with *ret_local = true. *ret_date_only tells that no time
// of day was given.
bool ds_time_parse(ds_str text, int64_t *ret_ms, bool *ret_local, bool *ret_date_only);

// One zone's rules; immutable after load, safe from any thread.
typedef struct ds_zone ds_zone;

// Loads "UTC", "America/Sao_Paulo", ... from `directory` ("/usr/share/zoneinfo"; ".." and absolute
// names are refused). DS_INPUT with the nearest-sounding advice when there is no such zone.
DS_CHECKED ds_code ds_zone_load(ds_io *io, const char *directory, ds_str name, ds_zone **ret_zone,
                                ds_error *err);
void ds_zone_free(ds_zone *zone);

// The zone moved into an arena; NULL and nothing moved when that is full.
const ds_zone *ds_zone_keep(ds_zone *zone, ds_arena *arena);

// UTC -> local reading (ms as if UTC).
int64_t ds_zone_local_ms(const ds_zone *zone, int64_t utc_ms);

// Local reading -> UTC. An ambiguous time is the first of the two (*ret_kind 1), a missing one is
// shifted forward by the gap (*ret_kind 2), else 0.
int64_t ds_zone_utc_ms(const ds_zone *zone, int64_t local_ms, int *ret_kind);

// Day number (days since 1970) of an instant in the zone.
int64_t ds_zone_day(const ds_zone *zone, int64_t utc_ms);

#endif
