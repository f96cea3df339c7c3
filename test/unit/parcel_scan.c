// SPDX-License-Identifier: Apache-2.0
#include "unit/parcel_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka needs the headers above first.
#include <cmocka.h>

void parcel_scan(const ds_snapshot *snapshot, const ds_tracking_limits *limits, int64_t now_ms,
                 const ds_kernel *kernel, void *context, const ds_parcel_rules **rules,
                 ds_arena *arena, void **ret_state) {
  const ds_request asked = {.snapshot = snapshot, .threads = 1, .memory_bytes = 1u << 26,
                            .as_of_ms = now_ms, .arena = arena};
  ds_error err = {0};
  ds_request request;
  ds_plan plan;
  assert_int_equal(ds_parcel_request(&asked, &request, &err), DS_OK);
  assert_int_equal(ds_question_select(&request, "tracking", &plan, &err), DS_OK);
  plan.want_case_text = true;
  if (ds_parcel_plan(&request, &plan, NULL, false, limits, now_ms, rules, &err) != DS_OK ||
      ds_scan(snapshot, &plan, kernel, context, arena, ret_state, &err) != DS_OK)
    fail_msg("%s", err.message);
}
