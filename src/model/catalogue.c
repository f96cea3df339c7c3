// SPDX-License-Identifier: Apache-2.0
// Names are compared in a normal form, the same as in tools/gen_catalogue.py.
#include "model/catalogue.h"

#include "model/catalogue_tables.h"

static const char PREFIX[] = "post_purchase_";

static const char *const stage_names[DS_STAGES_COUNT] = {
    [DS_STAGE_ANY] = "any",
    [DS_STAGE_ORDER] = "order",
    [DS_STAGE_FULFILMENT] = "fulfilment",
    [DS_STAGE_TRANSIT] = "transit",
    [DS_STAGE_LAST_MILE] = "last_mile",
    [DS_STAGE_DELIVERY] = "delivery",
    [DS_STAGE_USE] = "use",
    [DS_STAGE_FEEDBACK] = "feedback",
    [DS_STAGE_RETURNS] = "returns",
    [DS_STAGE_LOYALTY] = "loyalty",
};

static const char *const owner_names[DS_OWNERS_COUNT] = {
    [DS_OWNER_NONE] = "",
    [DS_OWNER_ECOMMERCE] = "ecommerce",
    [DS_OWNER_WAREHOUSE] = "warehouse",
    [DS_OWNER_CARRIER_DESK] = "carrier_desk",
    [DS_OWNER_SUPPORT] = "support",
    [DS_OWNER_MARKETING] = "marketing",
    [DS_OWNER_FINANCE] = "finance",
    [DS_OWNER_PRODUCT] = "product",
};

static const char *const actor_names[DS_ACTORS_COUNT] = {
    [DS_ACTOR_NONE] = "",           [DS_ACTOR_CUSTOMER] = "customer",
    [DS_ACTOR_COMPANY] = "company", [DS_ACTOR_CARRIER] = "carrier",
    [DS_ACTOR_SYSTEM] = "system",
};

static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static char to_lower(char c) { return is_upper(c) ? (char)(c - 'A' + 'a') : c; }

// True where a word of a camel-case name begins: orderPlaced, NPSSubmitted.
static bool word_begins(ds_str name, uint32_t i) {
  if (i == 0 || !is_upper(name.data[i]))
    return false;
  const char before = name.data[i - 1];
  const bool lower_follows = i + 1 < name.size && is_lower(name.data[i + 1]);
  return is_lower(before) || is_digit(before) || (is_upper(before) && lower_follows);
}

ds_str ds_catalogue_normal(ds_str name, char out[DS_NORMAL_BYTES]) {
  uint32_t size = 0;
  bool gap = false;
  out[0] = '\0';
  if (name.size > DS_NAME_BYTES_MAX)
    return (ds_str){out, 0};
  for (uint32_t i = 0; i < name.size; i++) {
    const char c = name.data[i];
    if (c == '\0') {
      out[0] = '\0';
      return (ds_str){out, 0};
    }
    if (strchr(" _.:/-", c) != NULL) {
      gap = true;
      continue;
    }
    if ((gap || word_begins(name, i)) && size != 0)
      out[size++] = '_';
    gap = false;
    out[size++] = to_lower(c);
  }
  out[size] = '\0';
  const uint32_t prefix = sizeof PREFIX - 1;
  if (size >= prefix && memcmp(out, PREFIX, prefix) == 0)
    return (ds_str){out + prefix, size - prefix};
  return (ds_str){out, size};
}

const ds_catalogue *ds_catalogue_shipped(void) { return &ds_catalogue_table; }

static const ds_catalogue *or_shipped(const ds_catalogue *catalogue) {
  return catalogue != NULL ? catalogue : &ds_catalogue_table;
}

uint32_t ds_catalogue_search(const ds_catalogue *catalogue, const char *key, bool *ret_found) {
  uint32_t low = 0;
  uint32_t high = catalogue->names_count;
  *ret_found = false;
  while (low < high && !*ret_found) {
    const uint32_t middle = low + (high - low) / 2;
    const int order = strcmp(key, catalogue->names[middle].key);
    *ret_found = order == 0;
    if (order <= 0)
      high = middle;
    else
      low = middle + 1;
  }
  return *ret_found ? high : low;
}

const ds_touchpoint *ds_catalogue_find(const ds_catalogue *catalogue, ds_str name) {
  char normal[DS_NORMAL_BYTES];
  bool found;
  const ds_catalogue *in = or_shipped(catalogue);
  const uint32_t at = ds_catalogue_search(in, ds_catalogue_normal(name, normal).data, &found);
  return found ? &in->rows[in->names[at].touchpoint] : NULL;
}

ds_str ds_catalogue_canonical(const ds_catalogue *catalogue, ds_str name) {
  const ds_touchpoint *touchpoint = ds_catalogue_find(catalogue, name);
  return touchpoint != NULL ? ds_str_of(touchpoint->name) : name;
}

const char *ds_catalogue_nearest(const ds_catalogue *catalogue, ds_str name) {
  const char *candidates[DS_CATALOGUE_ROWS_MAX];
  char normal[DS_NORMAL_BYTES];
  size_t count = 0;
  const ds_catalogue *in = or_shipped(catalogue);
  const ds_str key = ds_catalogue_normal(name, normal);
  for (; count < in->rows_count && count < DS_CATALOGUE_ROWS_MAX; count++)
    candidates[count] = in->rows[count].name;
  return key.size == 0 ? NULL : ds_str_nearest(key, candidates, count);
}

static int compare_nocase(const char *a, ds_str b) {
  for (uint32_t i = 0; i < b.size; i++) {
    const int order = (unsigned char)to_lower(a[i]) - (unsigned char)to_lower(b.data[i]);
    if (order != 0 || a[i] == '\0')
      return order;
  }
  return a[b.size] != '\0';
}

static const ds_status_map *status_find(ds_str taxonomy, ds_str status) {
  uint32_t low = 0;
  uint32_t high = ds_status_maps_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const ds_status_map *map = &ds_status_maps[middle];
    const int by_taxonomy = compare_nocase(map->taxonomy, taxonomy);
    const int order = by_taxonomy != 0 ? by_taxonomy : compare_nocase(map->status, status);
    if (order == 0)
      return map;
    if (order > 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

// The term behind the last of '/' and ':' of a web address or URN, without "BizStep-" and "Disp-".
static ds_str status_term(ds_str status) {
  static const char *const roots[] = {"http://", "https://", "urn:"};
  bool address = false;
  for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
    const size_t size = strlen(roots[i]);
    address = address || (status.size > size && memcmp(status.data, roots[i], size) == 0);
  }
  if (!address)
    return status;
  uint32_t start = status.size;
  while (start > 0 && status.data[start - 1] != '/' && status.data[start - 1] != ':')
    start--;
  for (uint32_t i = start; i < status.size; i++) {
    if (status.data[i] == '-')
      start = i + 1;
  }
  return (ds_str){status.data + start, status.size - start};
}

const ds_status_map *ds_catalogue_status(ds_str taxonomy, ds_str status) {
  ds_str term = status_term(status);
  while (term.size != 0) {
    const ds_status_map *map = status_find(taxonomy, term);
    if (map != NULL)
      return map;
    do
      term.size--;
    while (term.size != 0 && term.data[term.size] != '_' && term.data[term.size] != '/');
  }
  return NULL;
}

const char *ds_stage_name(ds_stage stage) {
  return (unsigned)stage < DS_STAGES_COUNT ? stage_names[stage] : "";
}

const char *ds_owner_name(ds_owner owner) {
  return (unsigned)owner < DS_OWNERS_COUNT ? owner_names[owner] : "";
}

const char *ds_actor_name(ds_actor actor) {
  return (unsigned)actor < DS_ACTORS_COUNT ? actor_names[actor] : "";
}

// The index of a non-empty name, or `count`.
static unsigned name_index(const char *const *names, unsigned count, ds_str name) {
  for (unsigned i = 0; i < count; i++) {
    if (name.size != 0 && ds_str_equal(name, ds_str_of(names[i])))
      return i;
  }
  return count;
}

bool ds_stage_of_name(ds_str name, ds_stage *ret_stage) {
  const unsigned i = name_index(stage_names, DS_STAGES_COUNT, name);
  if (i < DS_STAGES_COUNT)
    *ret_stage = (ds_stage)i;
  return i < DS_STAGES_COUNT;
}

bool ds_owner_of_name(ds_str name, ds_owner *ret_owner) {
  const unsigned i = name_index(owner_names, DS_OWNERS_COUNT, name);
  if (i < DS_OWNERS_COUNT)
    *ret_owner = (ds_owner)i;
  return i < DS_OWNERS_COUNT;
}

bool ds_actor_of_name(ds_str name, ds_actor *ret_actor) {
  const unsigned i = name_index(actor_names, DS_ACTORS_COUNT, name);
  if (i < DS_ACTORS_COUNT)
    *ret_actor = (ds_actor)i;
  return i < DS_ACTORS_COUNT;
}
