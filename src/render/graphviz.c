// SPDX-License-Identifier: Apache-2.0
// The context gets just two plugins, that of the layout and the core renderers, and loads no other
// on demand: so text is measured by Graphviz's built-in tables, and a picture does not depend on
// the machine's fonts. The Pango plugin, which would measure otherwise, also keeps a pointer into a
// context after it is freed, and fails at the second picture of a process.
#include "render/graphviz.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

const char *const ds_graphviz_names[] = {"libgvc.so.6", "libgvc.so.7", "libgvc.so", NULL};

// A row of the list of plugins (lt_symlist_t).
typedef struct plugin {
  const char *name;
  void *address;
} plugin;

// The functions we call, as graphviz/gvc.h and graphviz/cgraph.h declare them. gvRenderData's
// length is an unsigned int, in later versions a size_t: a zeroed size_t serves both on
// little-endian machines.
typedef struct graphviz {
  void *(*gvContextPlugins)(const plugin *plugins, int load_on_demand);
  int (*gvFreeContext)(void *context);
  void *(*agmemread)(const char *dot);
  int (*agclose)(void *graph);
  int (*gvLayout)(void *context, void *graph, const char *engine);
  int (*gvFreeLayout)(void *context, void *graph);
  int (*gvRenderData)(void *context, void *graph, const char *format, char **result,
                      size_t *length);
  void (*gvFreeRenderData)(char *data);
  int (*agseterr)(int level);
  plugin plugins[3]; // the last one ends the list
} graphviz;

enum { NO_MESSAGES = 2 }; // AGMAX: the library must not write to our stderr

// Libraries stay loaded: Graphviz does not survive being closed. Symbols of libcgraph are found
// through libgvc, which depends on it.
static ds_code functions_load(void *library, graphviz *out, ds_error *err) {
  const struct {
    void *to;
    const char *name;
  } symbols[] = {
      {&out->gvContextPlugins, "gvContextPlugins"}, {&out->gvFreeContext, "gvFreeContext"},
      {&out->agmemread, "agmemread"},               {&out->agclose, "agclose"},
      {&out->gvLayout, "gvLayout"},                 {&out->gvFreeLayout, "gvFreeLayout"},
      {&out->gvRenderData, "gvRenderData"},         {&out->gvFreeRenderData, "gvFreeRenderData"},
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

// A plugin stands in the folder graphviz/ beside libgvc, under the same version: …/libgvc.so.6,
// …/graphviz/libgvplugin_core.so.6.
static ds_code plugin_load(const char *library_path, const char *name, const char *symbol,
                           plugin *out, ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  const char *slash = strrchr(library_path, '/');
  const char *ending = strstr(slash == NULL ? library_path : slash, ".so");
  const int folder = slash == NULL ? 0 : (int)(slash + 1 - library_path);
  snprintf(path, sizeof path, "%.*sgraphviz/libgvplugin_%s%s", folder, library_path, name,
           ending == NULL ? ".so" : ending);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *address = library == NULL ? NULL : dlsym(library, symbol);
  if (address == NULL)
    return ds_fail(err, DS_LIBRARY, "Graphviz is here without its plugin \"%s\"; on Debian: "
                   "apt install --reinstall libgvc6", name);
  *out = (plugin){symbol, address};
  return DS_OK;
}

static ds_code graphviz_load(const char *const *names, const char *engine, graphviz *out,
                             ds_error *err) {
  const bool layered = strcmp(engine, "dot") == 0;
  void *library = NULL;
  for (uint32_t i = 0; names[i] != NULL && library == NULL; i++)
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL)
    return ds_fail(err, DS_LIBRARY, "pictures need Graphviz, which is not here; on Debian: "
                   "apt install libgvc6 (other formats need nothing)");
  TRY(functions_load(library, out, err));
  Dl_info info;
  void *inside;
  memcpy(&inside, &out->gvLayout, sizeof inside);
  if (dladdr(inside, &info) == 0 || info.dli_fname == NULL)
    return ds_fail(err, DS_LIBRARY, "the place of the Graphviz library is not known");
  TRY(plugin_load(info.dli_fname, layered ? "dot_layout" : "neato_layout",
                  layered ? "gvplugin_dot_layout_LTX_library" : "gvplugin_neato_layout_LTX_library",
                  &out->plugins[0], err));
  return plugin_load(info.dli_fname, "core", "gvplugin_core_LTX_library", &out->plugins[1], err);
}

static ds_code graph_draw(const graphviz *gv, void *context, void *graph, const char *engine,
                          const char *format, ds_buf *out, ds_error *err) {
  char *data = NULL;
  size_t size = 0;
  if (gv->gvLayout(context, graph, engine) != 0)
    return ds_fail(err, DS_LIBRARY, "Graphviz cannot lay the graph out");
  if (gv->gvRenderData(context, graph, format, &data, &size) != 0 || data == NULL) {
    (void)gv->gvFreeLayout(context, graph);
    return ds_fail(err, DS_LIBRARY, "Graphviz cannot draw the graph as %s", format);
  }
  ds_buf_append(out, data, size);
  gv->gvFreeRenderData(data);
  (void)gv->gvFreeLayout(context, graph);
  return ds_buf_check(out, "the picture", err);
}

static ds_code text_draw(const graphviz *gv, const char *dot, const char *engine,
                         const char *format, ds_buf *out, ds_error *err) {
  (void)gv->agseterr(NO_MESSAGES);
  void *context = gv->gvContextPlugins(gv->plugins, 0);
  if (context == NULL)
    return ds_fail(err, DS_LIBRARY, "Graphviz does not start");
  void *graph = gv->agmemread(dot);
  ds_code code = DS_OK;
  if (graph == NULL)
    code = ds_fail(err, DS_LIBRARY, "Graphviz does not read the graph");
  else
    code = graph_draw(gv, context, graph, engine, format, out, err);
  if (graph != NULL)
    (void)gv->agclose(graph);
  (void)gv->gvFreeContext(context);
  return code;
}

// Guards what Graphviz keeps in variables of its own; so there is one for the whole process.
static pthread_mutex_t graphviz_mutex = PTHREAD_MUTEX_INITIALIZER;

ds_code ds_graphviz_draw(const char *const *names, const char *dot, const char *engine,
                         const char *format, ds_buf *out, ds_error *err) {
  graphviz gv = {0};
  pthread_mutex_lock(&graphviz_mutex);
  ds_code code = graphviz_load(names, engine, &gv, err);
  if (code == DS_OK)
    code = text_draw(&gv, dot, engine, format, out, err);
  pthread_mutex_unlock(&graphviz_mutex);
  return code;
}
