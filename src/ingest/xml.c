// SPDX-License-Identifier: Apache-2.0
#include "ingest/xml.h"

#include <inttypes.h>
#include <libxml/parser.h>
#include <stdio.h>

enum { NAMES = 64 }; // names whose sizes are remembered: more than a log has

typedef struct reader {
  const ds_source *file;
  const ds_xml_handler *handler;
  void *context;
  uint64_t *line;
  xmlParserCtxtPtr parser;
  uint32_t depth;
  bool miscoded;         // some bytes are not of the encoding that the file names
  uint64_t silent_bytes; // fed since the last call of the handler
  ds_str names[NAMES];   // met last, by pointer
  ds_code code;
  ds_error error;
} reader;

static uint64_t line_of(const reader *r) {
  return r->parser == NULL || r->parser->input == NULL ? 0 : (uint64_t)r->parser->input->line;
}

static void stop(reader *r, ds_code code) {
  r->code = code;
  xmlStopParser(r->parser);
}

static void refuse(reader *r, const char *what) {
  stop(r, ds_fail_at(&r->error, DS_INPUT, (uint32_t)line_of(r), 0, "%s line %" PRIu64 ": %s",
                     r->file->name, line_of(r), what));
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system) {
  (void)name;
  (void)external;
  (void)system;
  refuse(context, "a document type definition (<!DOCTYPE>), which no event log needs");
}

// The parser keeps each name once, so that a pointer tells how long it is.
static inline ds_str name_of(reader *r, const xmlChar *name) {
  const uintptr_t at = (uintptr_t)name;
  ds_str *known = &r->names[(at ^ at >> 6) % NAMES];
  if (known->data != (const char *)name)
    *known = ds_str_of((const char *)name);
  return *known;
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix,
                     const xmlChar *uri, int namespaces_count, const xmlChar **namespaces,
                     int count, int defaulted, const xmlChar **attributes) {
  (void)prefix;
  (void)uri;
  (void)namespaces_count;
  (void)namespaces;
  (void)defaulted;
  reader *r = context;
  ds_xml_attribute list[DS_XML_ATTRIBUTES_MAX];
  if (r->code != DS_OK)
    return;
  r->silent_bytes = 0;
  r->depth++;
  if (r->depth > DS_XML_DEPTH_MAX) {
    refuse(r, "elements lie more than 64 deep");
    return;
  }
  if (count > DS_XML_ATTRIBUTES_MAX) {
    refuse(r, "an element with more than 64 attributes");
    return;
  }
  for (int i = 0; i < count; i++) {
    const xmlChar **at = attributes + 5 * i; // local name, prefix, URI, begin and end of the value
    list[i].name = name_of(r, at[0]);
    list[i].value = (ds_str){(const char *)at[3], (uint32_t)(at[4] - at[3])};
  }
  if (r->line != NULL)
    *r->line = line_of(r);
  const ds_code code = r->handler->start(r->context, name_of(r, name), list, (uint32_t)count,
                                         &r->error);
  if (code != DS_OK)
    stop(r, code);
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix,
                   const xmlChar *uri) {
  (void)name;
  (void)prefix;
  (void)uri;
  reader *r = context;
  if (r->code != DS_OK)
    return;
  r->silent_bytes = 0;
  r->depth--;
  const ds_code code = r->handler->end(r->context, &r->error);
  if (code != DS_OK)
    stop(r, code);
}

static void on_text(void *context, const xmlChar *text, int size) {
  reader *r = context;
  if (r->code != DS_OK)
    return;
  const ds_code code = r->handler->text(
      r->context, (ds_str){(const char *)text, (uint32_t)size}, &r->error);
  if (code != DS_OK)
    stop(r, code);
}

// What the parser says, in one line; it speaks of names and signs, never of values.
static void parser_refuse(reader *r) {
  const xmlError *error = xmlCtxtGetLastError(r->parser);
  char words[128] = "not well-formed";
  if (error != NULL && error->message != NULL)
    snprintf(words, sizeof words, "%.*s", (int)strcspn(error->message, "\r\n"), error->message);
  const uint64_t line = error == NULL || error->line <= 0 ? line_of(r) : (uint64_t)error->line;
  r->code = ds_fail_at(&r->error, DS_INPUT, (uint32_t)line, 0,
                       "%s line %" PRIu64 ": damaged XML: %s", r->file->name, line, words);
}

static ds_code feed(void *context, const uint8_t *data, size_t size, ds_error *err) {
  reader *r = context;
  r->silent_bytes += size;
  if (xmlParseChunk(r->parser, (const char *)data, (int)size, 0) != 0 && r->code == DS_OK)
    parser_refuse(r);
  if (r->code == DS_OK && r->silent_bytes > DS_XML_ELEMENT_BYTES_MAX)
    refuse(r, "an element or text of more than 9 MiB");
  if (r->code != DS_OK && err != NULL)
    *err = r->error;
  return r->code;
}

static ds_code finish(reader *r, ds_error *err) {
  if (xmlParseChunk(r->parser, NULL, 0, 1) != 0 && r->code == DS_OK) {
    if (r->miscoded)
      r->code = ds_fail_at(&r->error, DS_INPUT, (uint32_t)line_of(r), 0,
                           "%s line %" PRIu64 ": damaged XML: bytes that its encoding lacks",
                           r->file->name, line_of(r));
    else if (r->depth > 0)
      r->code = ds_fail_at(&r->error, DS_INPUT, (uint32_t)line_of(r), 0,
                           "%s is cut short: the XML ends in line %" PRIu64 ", inside an element",
                           r->file->name, line_of(r));
    else
      parser_refuse(r);
  }
  if (r->code != DS_OK && err != NULL)
    *err = r->error;
  return r->code;
}

// What the parser finds is asked of it in the end; without a listener it would write to stderr,
// even bytes of the file. Of what it cannot decode it tells only here.
static void on_error(void *context, xmlErrorPtr error) {
  reader *r = context;
  r->miscoded |= error->domain == XML_FROM_I18N || error->code == XML_ERR_INVALID_ENCODING;
}

static void unheard(void *context, const char *format, ...) {
  (void)context;
  (void)format;
}

ds_code ds_xml_read(ds_io *io, const ds_source *file, const ds_xml_handler *handler,
                    void *context, uint64_t *line, ds_progress *progress, ds_error *err) {
  reader r = {.file = file, .handler = handler, .context = context, .line = line};
  xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC, .internalSubset = on_doctype,
                       .startElementNs = on_start, .endElementNs = on_end};
  if (handler->text != NULL)
    sax.characters = sax.cdataBlock = on_text;
  r.parser = xmlCreatePushParserCtxt(&sax, &r, NULL, 0, NULL);
  if (r.parser == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  // Without a document type there are no entities to replace but those of XML itself, which come
  // decoded only so.
  xmlCtxtUseOptions(r.parser, XML_PARSE_NONET | XML_PARSE_NOENT);
  xmlSetStructuredErrorFunc(&r, on_error); // both of this thread
  xmlSetGenericErrorFunc(NULL, unheard);
  ds_code code = ds_source_read(io, file, feed, NULL, &r, progress, err);
  if (code == DS_OK)
    code = finish(&r, err);
  xmlSetStructuredErrorFunc(NULL, NULL);
  xmlSetGenericErrorFunc(NULL, NULL);
  xmlFreeParserCtxt(r.parser);
  return code;
}
