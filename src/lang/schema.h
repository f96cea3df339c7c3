// SPDX-License-Identifier: Apache-2.0
// What names mean in an expression: the names that events carry, the type that each property has
// on each touchpoint, the touchpoint catalogue and the time zone. Whoever asks fills it; lang/ only
// reads it. May use base/, model/.
#ifndef DS_LANG_SCHEMA_H
#define DS_LANG_SCHEMA_H

#include "model/catalogue.h"
#include "model/customers.h"
#include "model/event.h"
#include "model/time.h"

// Events of a touchpoint carry values of a property in a type. A property may have several rows.
typedef struct ds_carrier {
  uint16_t touchpoint; // codes of the schema's space
  uint16_t property;
  ds_type type;
} ds_carrier;

// A named expression about customers (level 3): what segment('name') stands for, and where it
// begins.
typedef struct ds_segment {
  const char *name;
  const char *expression;
  const char *file; // NULL: it ships with the program
  uint32_t line;    // 1-based
  uint32_t column;  // 1-based, in characters
} ds_segment;
enum { DS_SEGMENTS_MAX = 256 };

// Fixed lists of customers, for in_list(): their names, and who is in one, which is looked up when
// an expression speaks of it and lives as long as the expressions. As SQL it is asked of the events
// received by known_ms.
typedef struct ds_lists {
  const char *const *names;
  uint32_t count;
  ds_code (*find)(void *context, uint32_t list, const ds_customers **ret_customers,
                  ds_error *err);
  void *context;
  bool has_known;
  int64_t known_ms;
} ds_lists;

// All must outlive the expressions read with it. With `column_sql` expressions are about rows that
// are no events yet: all names are properties, the columns, which are in SQL what is said there.
typedef struct ds_schema {
  const ds_space *space;
  const ds_carrier *carriers;
  uint32_t carriers_count;
  const ds_catalogue *catalogue; // NULL: the shipped one
  const ds_zone *zone;           // of days, hours and weekdays; NULL: UTC
  const char *zone_name;         // its name; NULL: UTC
  const ds_segment *segments;    // at most DS_SEGMENTS_MAX
  uint32_t segments_count;
  ds_lists lists;
  const char *const *column_sql; // of each property of the space; NULL: they are events
} ds_schema;

#endif
