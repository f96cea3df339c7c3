// SPDX-License-Identifier: Apache-2.0
// One line of JSON -> a flat list of nodes, in document order. simdjson does the reading; this is
// its C interface, and all that the rest of the program sees of it. Every byte of the line is
// validated (UTF-8 too). May use base/. Not for two threads at once.
#ifndef DS_INGEST_NDJSON_PARSE_H
#define DS_INGEST_NDJSON_PARSE_H

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

// Limits of one line.
enum {
  DS_NDJSON_DEPTH_MAX = 32,
  DS_NDJSON_NODES_MAX = 1 << 16,
};

// What a value is.
typedef enum ds_ndjson_kind {
  DS_NDJSON_NULL, DS_NDJSON_BOOL, DS_NDJSON_INTEGER, DS_NDJSON_NUMBER, DS_NDJSON_TEXT,
  DS_NDJSON_OBJECT, DS_NDJSON_ARRAY
} ds_ndjson_kind;

// A value. The children of an object or array follow it; `next` is the index one past its last.
typedef struct ds_ndjson_node {
  ds_ndjson_kind kind;
  uint32_t next;
  uint32_t column; // 1-based byte in the line; where its parent is, when it is an array's item
  ds_str key;      // of a member of an object
  int64_t i;       // BOOL, INTEGER
  double number;   // NUMBER, and INTEGER as a double
  ds_str text;     // TEXT
} ds_ndjson_node;

typedef struct ds_ndjson ds_ndjson;

// NULL without memory. The caller frees (NULL is fine).
ds_ndjson *ds_ndjson_new(void);
void ds_ndjson_free(ds_ndjson *parser);

// What ds_ndjson_read returns, this very address, when the machine had no memory: the line may be a
// good one.
extern const char ds_ndjson_no_memory[];

// Whether what ds_ndjson_read returned is one of the limits above: the rest was not looked at.
bool ds_ndjson_is_limit(const char *reason);

// Reads one line. Returns NULL and sets *ret_nodes and *ret_count (node 0 is the value itself),
// which stay valid until the next call; or returns what is wrong, with *ret_column.
const char *ds_ndjson_read(ds_ndjson *parser, const char *line, size_t size,
                           const ds_ndjson_node **ret_nodes, uint32_t *ret_count,
                           uint32_t *ret_column);

#ifdef __cplusplus
}
#endif

#endif
