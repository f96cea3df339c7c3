// SPDX-License-Identifier: Apache-2.0
// Graphviz, loaded when a picture is first asked for, so that nothing else needs it. Private to
// render/. May use base/. Graphviz keeps global state: not for two threads at once.
#ifndef DS_RENDER_GRAPHVIZ_H
#define DS_RENDER_GRAPHVIZ_H

#include "base/buf.h"

// The names under which the library is looked for, NULL-terminated.
extern const char *const ds_graphviz_names[];

// Lays out a graph in the DOT language with `dot` and appends its SVG. `names` as above. DS_LIBRARY
// when there is no such library or it fails.
DS_CHECKED ds_code ds_graphviz_svg(const char *const *names, const char *dot, ds_buf *out,
                                   ds_error *err);

#endif
