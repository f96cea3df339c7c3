// SPDX-License-Identifier: Apache-2.0
// Graphviz, loaded when a picture is first asked for, so that nothing else needs it. Private to
// render/. May use base/. Graphviz keeps global state: of several threads one is served at a time.
#ifndef DS_RENDER_GRAPHVIZ_H
#define DS_RENDER_GRAPHVIZ_H

#include "base/buf.h"

// The names under which the library is looked for, NULL-terminated.
extern const char *const ds_graphviz_names[];

// Lays out a graph in the DOT language with an engine ("dot", or "nop1", which draws lines between
// nodes that have their places) and appends it in a format ("svg", or "plain", which has no size
// of fonts in it). `names` as above. DS_LIBRARY when there is no such library or it fails.
DS_CHECKED ds_code ds_graphviz_draw(const char *const *names, const char *dot, const char *engine,
                                    const char *format, ds_buf *out, ds_error *err);

#endif
