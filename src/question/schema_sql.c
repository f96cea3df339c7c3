// SPDX-License-Identifier: Apache-2.0
// The schema as SQL: three statements, keys, properties and touchpoints. Examples are for the eye
// and have no SQL form.
#include "question/common.h"
#include "question/sql.h"
#include "scan/property_types.h"

static const char key_text[] =
    " UNION ALL SELECT # AS \"key\", (SELECT count(DISTINCT (customer, value)) FROM (SELECT "
    "customer, unnest(@) AS value FROM chosen)) AS cases, count(*) FILTER (len(@) > 0) AS events, "
    "count(*) FILTER (len(@) > 0) / count(*) AS share FROM chosen";

static const char property_text[] =
    "::VARCHAR AS type, count(@) AS \"values\", (SELECT string_agg(touchpoint, ', ' ORDER BY n "
    "DESC, touchpoint) FROM (SELECT touchpoint, count(@) AS n FROM chosen GROUP BY touchpoint) "
    "WHERE n > 0) AS touchpoints FROM chosen";

static const char touchpoints_text[] =
    " SELECT c.touchpoint, count(*) AS events, count(DISTINCT customer) AS customers, "
    "any_value(k.stage_name) AS stage, any_value(k.owner) AS owner, any_value(k.actor) AS actor, "
    "epoch_ms(min(time)) AS first, epoch_ms(max(time)) AS last FROM chosen c LEFT JOIN known k ON "
    "k.touchpoint = c.touchpoint GROUP BY c.touchpoint ORDER BY events DESC, c.touchpoint;\n";

static void put_keys(const ds_request *request, ds_buf *out) {
  const ds_names *keys = &request->snapshot->space.keys;
  ds_buf_text(out, " SELECT * FROM (SELECT NULL::VARCHAR AS \"key\", 0 AS cases, 0 AS events, "
                   "0.0::DOUBLE AS share");
  for (uint32_t k = 0; k < keys->count; k++)
    ds_sql_put_named(key_text, ds_names_text(keys, k), out);
  ds_buf_text(out, ") WHERE cases > 0 ORDER BY \"key\";\n");
}

static ds_code put_properties(const ds_request *request, ds_buf *out, ds_error *err) {
  const ds_names *properties = &request->snapshot->space.properties;
  ds_buf_text(out, " SELECT * FROM (SELECT NULL::VARCHAR AS property, NULL::VARCHAR AS type, 0 AS "
                   "\"values\", NULL::VARCHAR AS touchpoints");
  for (uint32_t p = 0; p < properties->count; p++) {
    ds_property_kinds kinds;
    TRY(ds_property_kinds_of(request->snapshot, (uint16_t)p, &kinds, err));
    ds_sql_put_named(" UNION ALL SELECT # AS property, ", ds_names_text(properties, p), out);
    ds_sql_put_text(out, ds_type_name(kinds.type));
    ds_sql_put_named(property_text, ds_names_text(properties, p), out);
  }
  ds_buf_text(out, ") WHERE \"values\" > 0 ORDER BY property;\n");
  return DS_OK;
}

ds_code ds_schema_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  ds_plan plan;
  TRY(ds_option_refuse(&request->options, "schema", (const char *const[]){"case", "by"}, 2, err));
  TRY(ds_question_plan(request, &plan, err));
  TRY(ds_sql_events(request, &plan, out, err));
  put_keys(request, out);
  TRY(ds_sql_events(request, &plan, out, err));
  TRY(put_properties(request, out, err));
  TRY(ds_sql_events(request, &plan, out, err));
  ds_sql_put_known(request, out);
  ds_buf_text(out, touchpoints_text);
  return ds_buf_check(out, "an SQL text", err);
}
