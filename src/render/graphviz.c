// SPDX-License-Identifier: Apache-2.0
#include "render/graphviz.h"

#include <dlfcn.h>
#include <string.h>

const char *const ds_graphviz_names[] = {"libgvc.so.6", "libgvc.so.7", "libgvc.so", NULL};

// The functions we call, as graphviz/gvc.h and graphviz/cgraph.h declare them, and the handles of
// one picture. gvRenderData's length is an unsigned int, in later versions a size_t: a zeroed
// size_t serves both on little-endian machines.
typedef struct graphviz {
  void *(*gvContext)(void);
  int (*gvFreeContext)(void *context);
  void *(*agmemread)(const char *dot);
  int (*agclose)(void *graph);
  int (*gvLayout)(void *context, void *graph, const char *engine);
  int (*gvFreeLayout)(void *context, void *graph);
  int (*gvRenderData)(void *context, void *graph, const char *format, char **result,
                      size_t *length);
  void (*gvFreeRenderData)(char *data);
  int (*agseterr)(int level);
  void *context;
  void *graph;
} graphviz;

enum { NO_MESSAGES = 2 }; // AGMAX: the library must not write to our stderr

static ds_code graphviz_load(const char *const *names, graphviz *out, ds_error *err) {
  void *library = NULL;
  for (uint32_t i = 0; names[i] != NULL && library == NULL; i++)
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL)
    return ds_fail(err, DS_LIBRARY, "pictures need Graphviz, which is not here; on Debian: "
                   "apt install libgvc6 (other formats need nothing)");
  // The library stays loaded: its plugins do not survive being closed. Symbols of libcgraph are
  // found through libgvc, which depends on it.
  const struct {
    void *to;
    const char *name;
  } symbols[] = {
      {&out->gvContext, "gvContext"},       {&out->gvFreeContext, "gvFreeContext"},
      {&out->agmemread, "agmemread"},       {&out->agclose, "agclose"},
      {&out->gvLayout, "gvLayout"},         {&out->gvFreeLayout, "gvFreeLayout"},
      {&out->gvRenderData, "gvRenderData"}, {&out->gvFreeRenderData, "gvFreeRenderData"},
      {&out->agseterr, "agseterr"},
  };
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    void *symbol = dlsym(library, symbols[i].name);
    if (symbol == NULL)
      return ds_fail(err, DS_LIBRARY, "this version of Graphviz has no function %s",
                     symbols[i].name);
    memcpy(symbols[i].to, &symbol, sizeof symbol);
  }
  return DS_OK;
}

static ds_code picture_make(graphviz *gv, const char *dot, ds_buf *out, ds_error *err) {
  char *data = NULL;
  size_t size = 0;
  (void)gv->agseterr(NO_MESSAGES);
  gv->context = gv->gvContext();
  gv->graph = gv->context == NULL ? NULL : gv->agmemread(dot);
  if (gv->graph == NULL)
    return ds_fail(err, DS_LIBRARY, "Graphviz does not read the graph");
  if (gv->gvLayout(gv->context, gv->graph, "dot") != 0)
    return ds_fail(err, DS_LIBRARY, "Graphviz cannot lay the graph out");
  if (gv->gvRenderData(gv->context, gv->graph, "svg", &data, &size) != 0 || data == NULL) {
    (void)gv->gvFreeLayout(gv->context, gv->graph);
    return ds_fail(err, DS_LIBRARY, "Graphviz has no plugin that draws SVG; on Debian: "
                   "apt install graphviz");
  }
  ds_buf_append(out, data, size);
  gv->gvFreeRenderData(data);
  (void)gv->gvFreeLayout(gv->context, gv->graph);
  return ds_buf_check(out, "the picture", err);
}

ds_code ds_graphviz_svg(const char *const *names, const char *dot, ds_buf *out, ds_error *err) {
  graphviz gv = {0};
  TRY(graphviz_load(names, &gv, err));
  const ds_code code = picture_make(&gv, dot, out, err);
  if (gv.graph != NULL)
    (void)gv.agclose(gv.graph);
  if (gv.context != NULL)
    (void)gv.gvFreeContext(gv.context);
  return code;
}
