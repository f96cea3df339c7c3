// SPDX-License-Identifier: Apache-2.0
#include "render/render.h"
ds_code ds_render_svg(const ds_result *result, const ds_render_options *options, ds_buf *out,
                      ds_error *err) {
  (void)result, (void)options, (void)out;
  return ds_fail(err, DS_UNSUPPORTED, "not built yet");
}
