// SPDX-License-Identifier: Apache-2.0
// A file's XML as a stream of elements, by libxml2's SAX interface. Nothing outside the file is
// read, a document type definition is refused (so there are no entities but the five of XML
// itself), and what grows with the file is limited: depth, attributes, the size of one element. May
// use base/, ingest/source.h.
#ifndef DS_INGEST_XML_H
#define DS_INGEST_XML_H

#include "ingest/source.h"

// What one document may hold.
enum {
  DS_XML_DEPTH_MAX = 64,
  DS_XML_ATTRIBUTES_MAX = 64,
  DS_XML_ELEMENT_BYTES_MAX = 9 << 20, // of a tag, or of text without a tag; libxml2's own is 10 MB
};

// An attribute of an element, decoded; valid until the handler returns. A name's bytes stay where
// they are while the document is read: equal names of elements and attributes are one pointer.
typedef struct ds_xml_attribute {
  ds_str name;
  ds_str value;
} ds_xml_attribute;

// What is done with the document; names are without their prefix. An error stops it. `text` may be
// NULL; texts come in pieces.
typedef struct ds_xml_handler {
  ds_code (*start)(void *context, ds_str name, const ds_xml_attribute *attributes,
                   uint32_t count, ds_error *err);
  ds_code (*end)(void *context, ds_error *err);
  ds_code (*text)(void *context, ds_str text, ds_error *err);
} ds_xml_handler;

// Reads the whole file. *line, when not NULL, is always the line where the parser is. DS_INPUT with
// file and line for what is cut short, damaged or no XML.
DS_CHECKED ds_code ds_xml_read(ds_io *io, const ds_source *file, const ds_xml_handler *handler,
                               void *context, uint64_t *line, ds_progress *progress,
                               ds_error *err);

// The value of an attribute, {NULL, 0} when it is not there. Inline, so that a literal's length and
// the comparison with it are code, not calls.
static inline ds_str ds_xml_value(const ds_xml_attribute *attributes, uint32_t count,
                                  const char *name) {
  const size_t size = strlen(name);
  for (uint32_t i = 0; i < count; i++)
    if (attributes[i].name.size == size && memcmp(attributes[i].name.data, name, size) == 0)
      return attributes[i].value;
  return (ds_str){NULL, 0};
}

#endif
