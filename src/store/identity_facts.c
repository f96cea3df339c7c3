// SPDX-License-Identifier: Apache-2.0
#include "store/identity_facts.h"

#include "model/identifier.h"

static const char *const what_names[IDENTITY_WHATS] = {
    [IDENTITY_SEEN] = DS_LINK_SEEN,
    [IDENTITY_UNTOLD] = DS_LINK_UNTOLD,
    [IDENTITY_TOLD] = DS_LINK_TOLD,
};

void ds_identity_facts_init(identity_facts *facts, const ds_snapshot *snapshot) {
  *facts = (identity_facts){.snapshot = snapshot};
  for (uint32_t w = 0; w < IDENTITY_WHATS; w++) {
    const uint32_t code = ds_names_find(&snapshot->space.touchpoints, ds_str_of(what_names[w]));
    facts->what[w] = code == DS_NONE ? UINT16_MAX : (uint16_t)code;
    facts->any |= code != DS_NONE;
    if (code != DS_NONE)
      facts->touchpoints[code / 64] |= 1ull << (code % 64);
  }
  const uint32_t with = ds_names_find(&snapshot->space.properties, ds_str_of(DS_LINK_PROPERTY));
  facts->any = facts->any && with != DS_NONE;
  facts->with = (uint16_t)with;
}

bool ds_identity_facts_in(const identity_facts *facts, const ds_place *place, uint32_t block) {
  const uint32_t touchpoints = ds_part_space(place->part)->touchpoints.count;
  for (uint32_t t = 0; facts->any && t < touchpoints; t++)
    for (uint32_t w = 0; w < IDENTITY_WHATS; w++)
      if (place->touchpoint[t] == facts->what[w] &&
          ds_part_has_touchpoint(place->part, block, t))
        return true;
  return false;
}

ds_columns ds_identity_facts_columns(const identity_facts *facts, uint32_t want) {
  static const ds_type text = DS_TYPE_STRING;
  return (ds_columns){
      .want = want | DS_WANT_TOUCHPOINT | ds_identity_want_known(facts->snapshot),
      .properties_count = 1,
      .properties = &facts->with,
      .property_types = &text,
      .touchpoints = facts->touchpoints};
}

ds_code ds_identity_facts_read(const identity_facts *facts, const ds_place *place, uint32_t block,
                               uint32_t want, ds_block_reader *reader, ds_block *ret_block,
                               ds_error *err) {
  const ds_columns columns = ds_identity_facts_columns(facts, want);
  return ds_part_read_block(place, block, &columns, reader, ret_block, err);
}

bool ds_identity_fact_take(const identity_facts *facts, const ds_block *block, uint32_t event,
                           identity_what *ret_what, ds_str *ret_other) {
  const ds_property_column *with = &block->property[0];
  uint32_t what = 0;
  while (facts->what[what] != block->touchpoint[event])
    what++;
  if (with->type != DS_TYPE_STRING || (with->present[event / 64] >> (event % 64) & 1) == 0 ||
      !ds_subject_is_sound(with->text[event]))
    return false;
  *ret_what = (identity_what)what;
  *ret_other = with->text[event];
  return true;
}
