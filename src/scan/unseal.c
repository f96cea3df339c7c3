// SPDX-License-Identifier: Apache-2.0
#include "scan/unseal.h"

ds_code ds_unseal(ds_unsealer *unsealer, const ds_unseal_place *place, const ds_value *sealed,
                  ds_arena *arena, ds_value *ret_value, ds_error *err) {
  const ds_space *space = &unsealer->snapshot->space;
  ds_vault_place at = {.touchpoint = space->touchpoints.text[place->touchpoint],
                       .property = space->properties.text[place->property]};
  bool destroyed = false;
  for (uint32_t s = 0; s < place->subjects_count; s++) {
    ds_error failed = {.message = ""};
    at.subject = place->subjects[s];
    const ds_code code = ds_vault_unseal(unsealer->vault, &at, sealed, arena, ret_value, &failed);
    if (code == DS_OK) {
      unsealer->opened++;
      return DS_OK;
    }
    if (code != DS_NO && code != DS_CORRUPT)
      return ds_fail(err, code, "%s", failed.message);
    destroyed = destroyed || code == DS_NO;
  }
  *ret_value = (ds_value){.type = DS_TYPE_NULL};
  return destroyed ? DS_OK
                   : ds_fail(err, DS_CORRUPT, "a sealed value is damaged, or not of this place");
}
