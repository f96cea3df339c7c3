// SPDX-License-Identifier: Apache-2.0
#include "render/render.h"

const ds_format ds_formats[] = {
    {"table", ".txt", true, ds_render_table},
    {"csv", ".csv", false, ds_render_csv},
    {"json", ".json", true, ds_render_json},
    {"svg", ".svg", false, ds_render_svg},
    {"layout", ".layout.json", true, ds_render_layout},
};
const uint32_t ds_formats_count = sizeof ds_formats / sizeof *ds_formats;

const ds_format *ds_format_of_name(ds_str name) {
  for (uint32_t i = 0; i < ds_formats_count; i++) {
    if (ds_str_equal_nocase(name, ds_str_of(ds_formats[i].name)))
      return &ds_formats[i];
  }
  return NULL;
}

const ds_format *ds_format_of_file(ds_str path) {
  const ds_format *found = NULL;
  uint32_t longest = 0;
  for (uint32_t i = 0; i < ds_formats_count; i++) {
    const ds_str suffix = ds_str_of(ds_formats[i].suffix);
    if (path.size <= suffix.size || suffix.size <= longest)
      continue;
    const ds_str ending = {path.data + path.size - suffix.size, suffix.size};
    if (ds_str_equal_nocase(ending, suffix)) {
      found = &ds_formats[i];
      longest = suffix.size;
    }
  }
  return found;
}
