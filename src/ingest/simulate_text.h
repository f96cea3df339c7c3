// SPDX-License-Identifier: Apache-2.0
// The events of the simulated shop as text: CSV or NDJSON, without printf, because millions of
// lines are written. May use base/, model/.
#ifndef DS_INGEST_SIMULATE_TEXT_H
#define DS_INGEST_SIMULATE_TEXT_H

#include "base/buf.h"
#include "ingest/simulate_shop.h"

// Room that one line needs at most.
#define DS_SHOP_LINE_BYTES_MAX 512u

// "C17", "O272", "P545", "T272": identifiers made from the customer's number. Each returns the end
// of what it wrote (at most 24 bytes).
char *ds_shop_put_customer(char *at, uint64_t customer);
char *ds_shop_put_order(char *at, uint64_t customer, const ds_shop_event *event);
char *ds_shop_put_parcel(char *at, uint64_t customer, const ds_shop_event *event);
char *ds_shop_put_ticket(char *at, uint64_t customer, const ds_shop_event *event);

// The first line of a CSV file.
const char *ds_shop_csv_head(int basic);

// Writes one line; returns its end.
char *ds_shop_put_csv(char *at, uint64_t customer, const ds_shop_event *event, int basic);
char *ds_shop_put_ndjson(char *at, uint64_t customer, uint32_t number,
                         const ds_shop_event *event, int basic);

#endif
