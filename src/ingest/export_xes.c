// SPDX-License-Identifier: Apache-2.0
// XES (IEEE 1849-2016): a trace is a customer, or a case of the key asked for.
#include "ingest/export_state.h"
#include "ingest/names.h"
#include "model/time.h"

// Text as the value of an attribute; signs that XML cannot hold are left out.
static void escaped(ds_buf *out, ds_str text) {
  for (uint32_t i = 0; i < text.size; i++) {
    const unsigned char c = (unsigned char)text.data[i];
    switch (c) {
    case '&': ds_buf_text(out, "&amp;"); break;
    case '<': ds_buf_text(out, "&lt;"); break;
    case '>': ds_buf_text(out, "&gt;"); break;
    case '"': ds_buf_text(out, "&quot;"); break;
    case '\n': ds_buf_text(out, "&#10;"); break;
    case '\r': ds_buf_text(out, "&#13;"); break;
    case '\t': ds_buf_text(out, "&#9;"); break;
    default:
      if (c >= ' ')
        ds_buf_u8(out, c);
    }
  }
}

static void attribute(exporter *e, const char *element, ds_str key, ds_str value) {
  ds_buf_printf(&e->out, "<%s key=\"", element);
  escaped(&e->out, key);
  ds_buf_text(&e->out, "\" value=\"");
  escaped(&e->out, value);
  ds_buf_text(&e->out, "\"/>");
}

// A property under the names of XES's own extensions, which an import takes off again.
static void property(exporter *e, const export_property *p, ds_str value) {
  static const char *const elements[DS_TYPES_COUNT] = {
      [DS_TYPE_NUMBER] = "float", [DS_TYPE_STRING] = "string", [DS_TYPE_BOOL] = "boolean",
      [DS_TYPE_TIME] = "date",    [DS_TYPE_DATE] = "string",   [DS_TYPE_DURATION] = "int",
  };
  static const char *const standard[][2] = {{"resource", "org:resource"},
                                            {"lifecycle_transition", "lifecycle:transition"}};
  ds_str name = p->name;
  for (size_t i = 0; i < sizeof standard / sizeof *standard; i++)
    if (ds_str_equal(name, ds_str_of(standard[i][0])))
      name = ds_str_of(standard[i][1]);
  attribute(e, elements[p->type], name, value);
}

static void columns(exporter *e) {
  static const char *const some[DS_TYPES_COUNT] = {
      [DS_TYPE_NUMBER] = "0", [DS_TYPE_STRING] = "text",     [DS_TYPE_BOOL] = "true",
      [DS_TYPE_TIME] = "2000-01-01T00:00:00Z", [DS_TYPE_DATE] = "2000-01-01",
      [DS_TYPE_DURATION] = "0",
  };
  if (!e->received && e->properties_count == 0)
    return;
  ds_buf_text(&e->out, "<container key=\"" DS_NAME_COLUMNS "\">");
  if (e->received)
    attribute(e, "date", ds_str_of("received"), ds_str_of(some[DS_TYPE_TIME]));
  for (uint32_t p = 0; p < e->properties_count; p++)
    property(e, &e->properties[p], ds_str_of(some[e->properties[p].type]));
  ds_buf_text(&e->out, "</container>\n");
}

static ds_code xes_begin(exporter *e, ds_error *err) {
  (void)err;
  static const char *const extensions[][2] = {{"Concept", "concept"}, {"Time", "time"},
                                              {"Organizational", "org"},
                                              {"Lifecycle", "lifecycle"}};
  ds_buf_text(&e->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<log xes.version="
              "\"1849-2016\" xes.features=\"\" xmlns=\"http://www.xes-standard.org/\">\n");
  for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
    ds_buf_printf(&e->out, "<extension name=\"%s\" prefix=\"%s\" uri=\"http://www.xes-standard.org/"
                  "%s.xesext\"/>\n", extensions[i][0], extensions[i][1], extensions[i][1]);
  attribute(e, "string", ds_str_of(DS_NAME_TRACE), e->trace);
  ds_buf_text(&e->out, "\n");
  columns(e);
  return DS_OK;
}

static ds_code xes_journey(exporter *e, const ds_block *block, uint32_t journey, ds_error *err) {
  (void)err;
  const ds_str text =
      e->by_case ? block->case_text[journey] : ds_export_customer(e, block, journey);
  ds_buf_text(&e->out, "<trace>");
  attribute(e, "string", ds_str_of("concept:name"), text);
  ds_buf_text(&e->out, "\n");
  return DS_OK;
}

static ds_code xes_event(exporter *e, const ds_block *block, uint32_t journey, uint32_t event,
                         ds_error *err) {
  (void)err;
  char text[64];
  ds_buf_text(&e->out, "<event>");
  attribute(e, "string", ds_str_of("concept:name"),
            e->snapshot->space.touchpoints.text[block->touchpoint[event]]);
  attribute(e, "date", ds_str_of("time:timestamp"),
            ds_str_of(ds_time_print(text, block->time_ms[event])));
  if (!ds_str_equal(e->trace, e->customer))
    attribute(e, "string", e->customer, ds_export_customer(e, block, journey));
  if (e->received && block->received_ms[event] != block->time_ms[event])
    attribute(e, "date", ds_str_of("received"),
              ds_str_of(ds_time_print(text, block->received_ms[event])));
  for (uint32_t k = 0; k < e->keys_count; k++) {
    const ds_str value = ds_export_key(e, block, k, event);
    if (value.data != NULL)
      attribute(e, "string", e->keys[k].name, value);
  }
  for (uint32_t p = 0; p < e->properties_count; p++) {
    const ds_value value = ds_export_value(block, &e->properties[p], event);
    if (value.type != DS_TYPE_NULL)
      property(e, &e->properties[p], ds_export_text(&value, text));
  }
  ds_buf_text(&e->out, "</event>\n");
  return DS_OK;
}

static ds_code xes_journey_end(exporter *e, ds_error *err) {
  (void)err;
  ds_buf_text(&e->out, "</trace>\n");
  return DS_OK;
}

static ds_code xes_end(exporter *e, ds_error *err) {
  (void)err;
  ds_buf_text(&e->out, "</log>\n");
  return DS_OK;
}

const export_form ds_export_xes = {.begin = xes_begin, .journey = xes_journey,
                                   .event = xes_event, .journey_end = xes_journey_end,
                                   .end = xes_end};
