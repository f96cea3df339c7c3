// SPDX-License-Identifier: Apache-2.0
// What the SQL texts about parcels share: orders and their parcels as tables. `e` has the events of
// orders (customer, o, t in ms, what they say of parcels and promise); `parcels` (customer, o, p)
// the parcels; `x` each event with the parcel of which it tells, p NULL being the order; `facts`
// instants of a parcel; `backs` when it was sent back. Private to insight/. May use base/ to
// question/.
#ifndef DS_INSIGHT_PARCEL_SQL_H
#define DS_INSIGHT_PARCEL_SQL_H

#include "insight/parcel.h"
#include "question/sql.h"

// What is asked, as the texts need it.
typedef struct ds_parcel_sql {
  const ds_request *request;
  ds_plan plan;         // without the period and --cases
  const ds_plan *asked; // with them
  const ds_parcel_rules *rules;
  int64_t as_of_ms;
  const char *key;     // whose values are orders; NULL: customers are
  bool parcels;        // events carry parcel_id
  const char *promise; // its property, NULL for none
  bool is_date;        // it is a day, else an instant
  bool by_day;         // it means a day
  bool has_window, is_from_date; // promise_from goes with it, and is a day
} ds_parcel_sql;

// Fills it for a request about orders (ds_parcel_request), whose plan must outlive it. `by_day` is
// the option of that name. DS_UNSUPPORTED "no SQL form: ...".
DS_CHECKED ds_code ds_parcel_sql_init(ds_parcel_sql *of, const ds_request *request,
                                      const ds_plan *plan, const ds_parcel_rules *rules,
                                      bool by_day, ds_error *err);

// The type of a property, NULL when no event has it. DS_UNSUPPORTED when its values have several.
DS_CHECKED ds_code ds_parcel_sql_type(const ds_request *request, const char *name,
                                      ds_type *ret_type, ds_error *err);

// DS_UNSUPPORTED when the property is called as one of the columns above, which would hide it.
DS_CHECKED ds_code ds_parcel_sql_check_name(const char *name, ds_error *err);

// Appends "WITH …" up to `whole`, which is of orders.
DS_CHECKED ds_code ds_parcel_sql_put(const ds_parcel_sql *of, ds_buf *out, ds_error *err);

// Appends ", …, revisions AS (…)" behind those: what events promise and, with `estimates`, expect
// (`estimate`): customer, o, p, t, arrival, touchpoint, the day, whether it is meant as a `whole`,
// the instant `ends` from which on it is not kept, from_t or NULL and from_day of a window.
DS_CHECKED ds_code ds_parcel_sql_put_revisions(const ds_parcel_sql *of, bool estimates,
                                               ds_buf *out, ds_error *err);

// The events of the orders that --cases chooses, as a table.
const char *ds_parcel_sql_orders(const ds_parcel_sql *of);

// Appends " FROM e … GROUP BY customer, o …": the orders that --cases and the period choose.
void ds_parcel_sql_put_picked(const ds_parcel_sql *of, ds_buf *out);

// Appends the day that a property promises, or the day of the instant that it does, as days since
// 1970.
void ds_parcel_sql_put_day(const ds_parcel_sql *of, const char *name, bool is_date, ds_buf *out);

#endif
