// SPDX-License-Identifier: Apache-2.0
// A store's own touchpoint catalogue: the shipped one, with rows and names that its settings put
// over it. May use base/. Everything lives in the caller's arena. Once lookups have begun nothing
// may be put any more: a catalogue never changes.
#ifndef DS_MODEL_CATALOGUE_OVERLAY_H
#define DS_MODEL_CATALOGUE_OVERLAY_H

#include "base/arena.h"
#include "model/catalogue.h"

// A catalogue in the making.
typedef struct ds_overlay ds_overlay;

// A copy of the shipped catalogue with room for `rows_more` rows (each of which brings its name)
// and `aliases_more` aliases; rows_more <= DS_SETTINGS_ROWS_MAX. NULL without memory.
ds_overlay *ds_overlay_new(ds_arena *arena, uint32_t rows_more, uint32_t aliases_more);

// Puts a copy of `row` in the place of the row of that name, else adds it; returns its index. Its
// name must be normal and not empty. A name that was an alias so far now means the new row. Texts
// must live as long as the arena.
uint32_t ds_overlay_put(ds_overlay *overlay, const ds_touchpoint *row);

// Makes `alias`, a normal name that lives as long as the arena, mean the row `index`; a shipped
// alias may be taken from another row. Returns NULL, or, with nothing changed, the touchpoint that
// has a better right to it: it is that one's own name, or its alias by an earlier call.
const ds_touchpoint *ds_overlay_alias(ds_overlay *overlay, const char *alias, uint32_t index);

// What has been made; lives as long as the arena.
const ds_catalogue *ds_overlay_catalogue(const ds_overlay *overlay);

#endif
