// SPDX-License-Identifier: Apache-2.0
// Any bytes as a row, and as a table of names: refused, or it encodes back to the same bytes.
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "model/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(ds_names *names, const char *text) {
  uint32_t index;
  (void)!ds_names_add(names, ds_str_of(text), &index, NULL);
}

static void event_there_and_back(const uint8_t *data, size_t size) {
  ds_space space;
  ds_space_init(&space);
  add(&space.touchpoints, "a");
  add(&space.touchpoints, "b");
  add(&space.properties, "p");
  add(&space.keys, "k");
  add(&space.sources, "s");
  static ds_event_key keys[DS_EVENT_KEYS_MAX];
  static ds_event_property properties[DS_EVENT_PROPERTIES_MAX];
  ds_event event = {.keys = keys, .properties = properties};
  size_t used = 0;
  if (ds_event_decode(data, size, &space, &event, &used, NULL) == DS_OK) {
    ds_buf out;
    ds_buf_init(&out, DS_EVENT_BYTES_MAX);
    const ds_code code = ds_event_encode(&event, &out, NULL);
    assert(code == DS_OK && out.size == used && memcmp(out.data, data, used) == 0);
    (void)code;
    ds_buf_done(&out);
  }
  ds_space_done(&space);
}

static void names_there_and_back(const uint8_t *data, size_t size) {
  ds_space space;
  ds_space_init(&space);
  ds_reader in = ds_reader_of(data, size);
  if (ds_space_decode(&in, &space, NULL) == DS_OK) {
    ds_buf out;
    ds_buf_init(&out, (size_t)1 << 26);
    ds_space_encode(&space, &out);
    const size_t used = (size_t)(in.at - data);
    assert(!out.failed && out.size == used && memcmp(out.data, data, used) == 0);
    (void)used;
    ds_buf_done(&out);
  }
  ds_space_done(&space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  event_there_and_back(data, size);
  names_there_and_back(data, size);
  return 0;
}
