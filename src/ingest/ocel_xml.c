// SPDX-License-Identifier: Apache-2.0
// OCEL 2.0 as XML: <log> with <object-types>, <event-types>, <objects>, <events>.
#include "ingest/ocel_state.h"
#include "ingest/xml.h"

// The elements that matter, by what they are at their place.
typedef enum place {
  AT_LOG, AT_OBJECT_TYPES, AT_EVENT_TYPES, AT_TYPE, AT_OBJECTS, AT_EVENTS, AT_THING,
  AT_ATTRIBUTE, AT_OTHER
} place;

typedef struct reader {
  ds_ocel *ocel;
  place places[DS_XML_DEPTH_MAX];
  uint32_t depth;
  bool of_event;
  ds_buf type; // of the attributes being declared
  ds_buf name, time, text; // of the attribute under way
} reader;

static ds_str view(const ds_buf *buf) {
  return (ds_str){(const char *)buf->data, (uint32_t)buf->size};
}

static ds_code keep(ds_buf *buf, ds_str text, ds_error *err) {
  ds_buf_reset(buf);
  ds_buf_append(buf, text.data, text.size);
  return ds_buf_check(buf, "a name or time", err);
}

static bool is(ds_str name, const char *what) { return ds_str_equal(name, ds_str_of(what)); }

// What an element is below another; lists (<attributes>, <objects> of a thing) are passed through.
static place place_of(place above, ds_str name) {
  static const struct {
    place above;
    const char *name;
    place is;
  } table[] = {
      {AT_LOG, "object-types", AT_OBJECT_TYPES},   {AT_LOG, "event-types", AT_EVENT_TYPES},
      {AT_LOG, "objects", AT_OBJECTS},             {AT_LOG, "events", AT_EVENTS},
      {AT_OBJECT_TYPES, "object-type", AT_TYPE},   {AT_EVENT_TYPES, "event-type", AT_TYPE},
      {AT_TYPE, "attributes", AT_TYPE},            {AT_TYPE, "attribute", AT_ATTRIBUTE},
      {AT_OBJECTS, "object", AT_THING},            {AT_EVENTS, "event", AT_THING},
      {AT_THING, "attributes", AT_THING},          {AT_THING, "objects", AT_THING},
      {AT_THING, "attribute", AT_ATTRIBUTE},       {AT_THING, "relationship", AT_OTHER},
      {AT_THING, "relobj", AT_OTHER},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].above == above && is(name, table[i].name))
      return table[i].is;
  return AT_OTHER;
}

static ds_code thing_start(reader *r, ds_str name, const ds_xml_attribute *list, uint32_t count,
                           ds_error *err) {
  if (is(name, "attribute")) {
    TRY(keep(&r->name, ds_xml_value(list, count, "name"), err));
    TRY(keep(&r->time, ds_xml_value(list, count, "time"), err));
    ds_buf_reset(&r->text);
    return DS_OK;
  }
  if (is(name, "relationship") || is(name, "relobj"))
    return ds_ocel_relate(r->ocel, ds_xml_value(list, count, "object-id"),
                       ds_xml_value(list, count, "qualifier"), err);
  return DS_OK;
}

static ds_code on_start(void *context, ds_str name, const ds_xml_attribute *list, uint32_t count,
                        ds_error *err) {
  reader *r = context;
  const place above = r->depth == 0 ? AT_OTHER : r->places[r->depth - 1];
  const place here = r->depth == 0 ? AT_LOG : place_of(above, name);
  r->places[r->depth++] = here;
  if (here == AT_OBJECTS || here == AT_EVENTS || here == AT_OBJECT_TYPES || here == AT_EVENT_TYPES)
    r->of_event = here == AT_EVENTS || here == AT_EVENT_TYPES;
  if (here == AT_TYPE && above != AT_TYPE)
    TRY(keep(&r->type, ds_xml_value(list, count, "name"), err));
  if (here == AT_ATTRIBUTE && above == AT_TYPE)
    return ds_ocel_declare(r->ocel, r->of_event, view(&r->type), ds_xml_value(list, count, "name"),
                        ds_xml_value(list, count, "type"), err);
  if (above == AT_THING)
    return thing_start(r, name, list, count, err);
  if (here == AT_THING)
    return ds_ocel_begin(r->ocel, r->of_event, ds_xml_value(list, count, "id"),
                      ds_xml_value(list, count, "type"), ds_xml_value(list, count, "time"), err);
  return DS_OK;
}

static ds_code on_end(void *context, ds_error *err) {
  reader *r = context;
  const place here = r->places[--r->depth];
  const place above = r->depth == 0 ? AT_OTHER : r->places[r->depth - 1];
  if (here == AT_ATTRIBUTE && above == AT_THING) {
    TRY(ds_buf_check(&r->text, "an attribute", err));
    return ds_ocel_set(r->ocel, view(&r->name), view(&r->time), view(&r->text), err);
  }
  return here == AT_THING && above != AT_THING ? ds_ocel_end(r->ocel, err) : DS_OK;
}

static ds_code on_text(void *context, ds_str text, ds_error *err) {
  reader *r = context;
  (void)err;
  if (r->depth > 1 && r->places[r->depth - 1] == AT_ATTRIBUTE &&
      r->places[r->depth - 2] == AT_THING)
    ds_buf_append(&r->text, text.data, text.size);
  return DS_OK;
}

ds_code ds_ocel_xml_pass(ds_ocel *ocel, ds_error *err) {
  static const ds_xml_handler handler = {on_start, on_end, on_text};
  reader r = {.ocel = ocel};
  ds_buf_init(&r.type, 1 << 16);
  ds_buf_init(&r.name, 1 << 16);
  ds_buf_init(&r.time, 1 << 16);
  ds_buf_init(&r.text, DS_XML_ELEMENT_BYTES_MAX);
  const ds_code code = ds_xml_read(ocel->options.io, ocel->options.file, &handler, &r, &ocel->line,
                                   ocel->options.progress, err);
  ds_buf_done(&r.type);
  ds_buf_done(&r.name);
  ds_buf_done(&r.time);
  ds_buf_done(&r.text);
  return code;
}
