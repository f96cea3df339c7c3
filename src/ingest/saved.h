// SPDX-License-Identifier: Apache-2.0
// The questions that doorstep.yaml keeps under `questions`: names, each with a command and what
// stands behind it on the command line. What the words mean is for the command line to say. May use
// base/, model/, ingest/yaml.
#ifndef DS_INGEST_SAVED_H
#define DS_INGEST_SAVED_H

#include "ingest/yaml.h"
#include "model/result.h"

// A saved question. An option that is a flag has the text "true" or "false".
typedef struct ds_saved {
  const char *name; // letters, digits, '-' and '_'
  uint32_t line;    // of the file
  const char *question;
  const char **arguments;
  uint32_t arguments_count;
  ds_option_value *options; // in the order of the file; one that is a list comes several times
  uint32_t options_count;
} ds_saved;

// All of them, in the order of the file; in the arena of `yaml`.
typedef struct ds_saved_list {
  const ds_saved *items;
  uint32_t count;
} ds_saved_list;

// Whether a text can be the name of a saved question or a board.
bool ds_saved_is_name(const char *text);

// The parts of an entry that boards share: the text of `name`, which must be a name; the keys
// arguments and options of the map.
DS_CHECKED ds_code ds_saved_name_read(ds_yaml *yaml, const yaml_node_t *map, const char **ret_name,
                                      ds_error *err);
// DS_INPUT: the name of this map stands on an earlier line already.
ds_code ds_saved_name_taken(ds_yaml *yaml, const yaml_node_t *map, const char *name, uint32_t line,
                            ds_error *err);
DS_CHECKED ds_code ds_saved_words_read(ds_yaml *yaml, const yaml_node_t *map, ds_saved *saved,
                                       ds_error *err);

// Reads the list `node`; NULL: there is none.
DS_CHECKED ds_code ds_saved_read(ds_yaml *yaml, const yaml_node_t *node, ds_saved_list *ret_list,
                                 ds_error *err);

#endif
