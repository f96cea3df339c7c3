// SPDX-License-Identifier: Apache-2.0
// The sizes of simulate_parameters.inc.h as constants: SHOP_REPEAT (chances per 10,000, times in
// seconds, money in cents), and lists as they stand there: SHOP_STARS[]. For simulate*.c and their
// test only. Uses nothing.
#ifndef DS_INGEST_SIMULATE_PARAMETERS_H
#define DS_INGEST_SIMULATE_PARAMETERS_H

#include <stdint.h>

#define DS_UNIT_PERCENT(size) ((size) * 100)
#define DS_UNIT_PERMILLE(size) ((size) * 10)
#define DS_UNIT_DAYS(size) ((size) * 86400)
#define DS_UNIT_HOURS(size) ((size) * 3600)
#define DS_UNIT_MINUTES(size) ((size) * 60)
#define DS_UNIT_USD(size) ((size) * 100)
#define DS_UNIT_TIMES(size) (size)

#define SIZE(kind, name, unit, size, meaning) kind##_##name = DS_UNIT_##unit(size),
#define SIZES(kind, name, unit, meaning, ...)
// The numbers.
enum {
#include "ingest/simulate_parameters.inc.h"
};
#undef SIZE
#undef SIZES

#define SIZE(kind, name, unit, size, meaning)
#define SIZES(kind, name, unit, meaning, ...) static const uint16_t kind##_##name[] = {__VA_ARGS__};
#include "ingest/simulate_parameters.inc.h"
#undef SIZE
#undef SIZES

#endif
