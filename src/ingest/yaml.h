// SPDX-License-Identifier: Apache-2.0
// Reading the YAML files that people write (mappings, settings): libyaml's tree of nodes, walked by
// tables of known keys, so that a misspelt key is an error and never silence. Every error is
// "FILE line N, KEY: what is wrong". May use base/ and libyaml.
#ifndef DS_INGEST_YAML_H
#define DS_INGEST_YAML_H

#include <yaml.h>

#include "base/arena.h"
#include "base/str.h"

// A document being read. `where` is the key that is being read, for messages; callers set it.
// Texts are copied into the arena.
typedef struct ds_yaml {
  const char *file;
  const char *where;
  ds_arena *arena;
  yaml_document_t document;
} ds_yaml;

// Parses the text of `file`, one document. DS_INPUT with the line when it is not YAML. To be ended
// by ds_yaml_done.
DS_CHECKED ds_code ds_yaml_load(ds_yaml *yaml, ds_str text, const char *file, ds_arena *arena,
                                ds_error *err);
void ds_yaml_done(ds_yaml *yaml);

// The outermost node, NULL when the file holds nothing but blanks and comments.
yaml_node_t *ds_yaml_root(ds_yaml *yaml);

// DS_INPUT at the node, in the words of the format; DS_MEMORY.
ds_code ds_yaml_fail(const ds_yaml *yaml, const yaml_node_t *node, ds_error *err,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
// The same, with the column in the words: `offset` bytes into the node's text, when that stands in
// the file as it is read.
ds_code ds_yaml_fail_in(const ds_yaml *yaml, const yaml_node_t *node, size_t offset, ds_error *err,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));
ds_code ds_yaml_no_memory(const ds_yaml *yaml, ds_error *err);

// The line of a node, 1-based; the column of its text, when that stands in the file as it is read
// (on one line, unquoted), else 0; the text of a scalar as it stands, a view that dies with `yaml`.
uint32_t ds_yaml_line(const yaml_node_t *node);
uint32_t ds_yaml_column(const yaml_node_t *node);
ds_str ds_yaml_scalar(const yaml_node_t *node);

// Text from the file as a message may show it: cut, without control characters.
#define DS_YAML_SHOWN_BYTES 68
const char *ds_yaml_shown(ds_str text, char out[DS_YAML_SHOWN_BYTES]);

// Whether a node is written as nothing: "key:".
bool ds_yaml_is_null(const yaml_node_t *node);

// The text of a scalar node, not empty.
DS_CHECKED ds_code ds_yaml_text(ds_yaml *yaml, const yaml_node_t *node, const char **ret_text,
                                ds_error *err);

// Checks that a node is a map of texts to anything, without a key twice and, when `known` (ended by
// NULL) is not NULL, with known keys only.
DS_CHECKED ds_code ds_yaml_map(ds_yaml *yaml, const yaml_node_t *node, const char *const *known,
                               ds_error *err);

// Of a map that ds_yaml_map has checked: the number of its entries; entry i.
uint32_t ds_yaml_pairs(const yaml_node_t *node);
DS_CHECKED ds_code ds_yaml_pair(ds_yaml *yaml, const yaml_node_t *node, uint32_t i,
                                const char **ret_key, yaml_node_t **ret_value, ds_error *err);

// Likewise: the value of a key, or NULL; its text, which stays untouched when the key is absent; a
// text that must be there; true or false.
yaml_node_t *ds_yaml_get(ds_yaml *yaml, const yaml_node_t *node, const char *key);
DS_CHECKED ds_code ds_yaml_get_text(ds_yaml *yaml, const yaml_node_t *node, const char *key,
                                    const char **ret_text, ds_error *err);
DS_CHECKED ds_code ds_yaml_need_text(ds_yaml *yaml, const yaml_node_t *node, const char *key,
                                     const char **ret_text, ds_error *err);
DS_CHECKED ds_code ds_yaml_get_bool(ds_yaml *yaml, const yaml_node_t *node, const char *key,
                                    bool *ret_value, ds_error *err);

// A part of a file that is made of rows: its key, what its rows are called, how one begins (NULL
// when the part is a map instead of a list), how many there may be and the bytes of each.
typedef struct ds_yaml_part {
  const char *key, *rows, *begins;
  uint32_t max;
  size_t size;
} ds_yaml_part;

// Checks that the part is such a list or map, and makes room for its rows, zeroed, in the arena.
// None and NULL when it is absent or written as nothing.
DS_CHECKED ds_code ds_yaml_rows(ds_yaml *yaml, const yaml_node_t *node, const ds_yaml_part *part,
                                void **ret_rows, uint32_t *ret_count, ds_error *err);

// Of a node of type YAML_SEQUENCE_NODE: the number of its items; item i.
uint32_t ds_yaml_items(const yaml_node_t *node);
yaml_node_t *ds_yaml_item(ds_yaml *yaml, const yaml_node_t *node, uint32_t i);

#endif
