// SPDX-License-Identifier: Apache-2.0
// Names stay sorted at every step, so that the ordinary search finds where a new one belongs. All
// memory is taken at the beginning, because the numbers of rows and names are known by then.
#include "model/catalogue_overlay.h"

#include <assert.h>

#include "model/catalogue_tables.h"

struct ds_overlay {
  ds_catalogue catalogue; // a view of what follows
  ds_touchpoint *rows;
  ds_catalogue_name *names;
  uint32_t rows_max;
  uint32_t names_max;
};

ds_overlay *ds_overlay_new(ds_arena *arena, uint32_t rows_more, uint32_t aliases_more) {
  const ds_catalogue *shipped = ds_catalogue_shipped();
  ds_overlay *overlay = ds_arena_alloc(arena, sizeof *overlay);
  if (overlay == NULL)
    return NULL;
  overlay->rows_max = shipped->rows_count + rows_more;
  overlay->names_max = shipped->names_count + rows_more + aliases_more;
  assert(overlay->rows_max <= DS_CATALOGUE_ROWS_MAX);
  overlay->rows = ds_arena_array(arena, overlay->rows_max, sizeof *overlay->rows);
  overlay->names = ds_arena_array(arena, overlay->names_max, sizeof *overlay->names);
  if (overlay->rows == NULL || overlay->names == NULL)
    return NULL;
  memcpy(overlay->rows, shipped->rows, shipped->rows_count * sizeof *overlay->rows);
  memcpy(overlay->names, shipped->names, shipped->names_count * sizeof *overlay->names);
  overlay->catalogue = (ds_catalogue){.rows = overlay->rows,
                                      .names = overlay->names,
                                      .rows_count = shipped->rows_count,
                                      .names_count = shipped->names_count};
  return overlay;
}

// The entry of a normal name; a new one leads nowhere yet (*ret_new).
static ds_catalogue_name *name_entry(ds_overlay *overlay, const char *key, bool *ret_new) {
  bool found;
  const uint32_t at = ds_catalogue_search(&overlay->catalogue, key, &found);
  ds_catalogue_name *entry = &overlay->names[at];
  *ret_new = !found;
  if (found)
    return entry;
  assert(overlay->catalogue.names_count < overlay->names_max);
  memmove(entry + 1, entry, (overlay->catalogue.names_count - at) * sizeof *entry);
  overlay->catalogue.names_count++;
  *entry = (ds_catalogue_name){.key = key};
  return entry;
}

static bool is_own_name(const ds_overlay *overlay, const ds_catalogue_name *entry) {
  return strcmp(overlay->rows[entry->touchpoint].name, entry->key) == 0;
}

uint32_t ds_overlay_put(ds_overlay *overlay, const ds_touchpoint *row) {
  bool is_new;
  assert(row->name[0] != '\0');
  ds_catalogue_name *entry = name_entry(overlay, row->name, &is_new);
  if (is_new || !is_own_name(overlay, entry)) {
    assert(overlay->catalogue.rows_count < overlay->rows_max);
    entry->touchpoint = (uint16_t)overlay->catalogue.rows_count++;
  }
  entry->given = true;
  overlay->rows[entry->touchpoint] = *row;
  return entry->touchpoint;
}

const ds_touchpoint *ds_overlay_alias(ds_overlay *overlay, const char *alias, uint32_t index) {
  bool is_new;
  assert(alias[0] != '\0' && index < overlay->catalogue.rows_count);
  ds_catalogue_name *entry = name_entry(overlay, alias, &is_new);
  if (!is_new && entry->touchpoint != index && (entry->given || is_own_name(overlay, entry)))
    return &overlay->rows[entry->touchpoint];
  entry->touchpoint = (uint16_t)index;
  entry->given = true;
  return NULL;
}

const ds_catalogue *ds_overlay_catalogue(const ds_overlay *overlay) { return &overlay->catalogue; }
