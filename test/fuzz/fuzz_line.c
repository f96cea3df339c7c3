// SPDX-License-Identifier: Apache-2.0
// Any bytes as a line of `append`: a reason, or an event; never a crash.
#include "ingest/append_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What is personal goes through the vault before it becomes a row.
static bool is_personal(const ds_event *event) {
  bool personal = event->personal_subject;
  for (uint32_t p = 0; p < event->properties_count; p++)
    personal = personal || event->properties[p].personal;
  return personal;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ds_space space;
  ds_space_init(&space);
  ds_line_reader *reader = ds_line_reader_new(&space, NULL);
  if (reader != NULL) {
    ds_buf row;
    ds_buf_init(&row, 1u << 21);
    if (ds_line_read(reader, (const char *)data, size) == NULL && !is_personal(&reader->event))
      (void)!ds_event_encode(&reader->event, &row, NULL);
    ds_buf_done(&row);
  }
  ds_line_reader_free(reader);
  ds_space_done(&space);
  return 0;
}
