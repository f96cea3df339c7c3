// SPDX-License-Identifier: Apache-2.0
// Quality has no SQL text yet.
#include "question/common.h"

ds_code ds_quality_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  (void)request;
  (void)out;
  return ds_fail(err, DS_UNSUPPORTED, "no SQL form: quality");
}
