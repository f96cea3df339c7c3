// SPDX-License-Identifier: Apache-2.0
// Touchpoints are read in two passes, rows before aliases, so that the order in which they stand in
// the file does not matter.
#include "ingest/settings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/embedded_settings.h"
#include "ingest/read.h"
#include "ingest/annotations.h"
#include "ingest/calendars.h"
#include "ingest/retention.h"
#include "ingest/tracking.h"
#include "ingest/yaml.h"
#include "ingest/zones.h"
#include "lang/segments.h"
#include "model/catalogue_overlay.h"
#include "model/time.h"

#define FILE_NAME "doorstep.yaml"
#define SEGMENTS_NAME "segments.yaml"

#define WORDS_MAX 16

enum { PROPERTIES_MAX = 100, SHOWN_BYTES = DS_YAML_SHOWN_BYTES };

// A row of the file.
typedef struct entry {
  ds_touchpoint row;
  const yaml_node_t *node;
  uint32_t index; // in the overlay
  const char **answers; // the row's, as far as this file says them
} entry;

// A kind of words that a key may have as its value: those numbered 0 .. count-1 but the first.
typedef struct word_kind {
  const char *what; // "a stage"
  const char *name; // "stage"
  const char *(*word)(unsigned number);
  unsigned count;
  bool from_zero; // the first word counts as well
} word_kind;

static const char *stage_word(unsigned number) { return ds_stage_name((ds_stage)number); }
static const char *owner_word(unsigned number) { return ds_owner_name((ds_owner)number); }
static const char *actor_word(unsigned number) { return ds_actor_name((ds_actor)number); }
static const char *type_word(unsigned number) { return ds_type_name((ds_type)number); }

static const word_kind stage_kind = {"a stage", "stage", stage_word, DS_STAGES_COUNT, true};
static const word_kind owner_kind = {"an owner", "owner", owner_word, DS_OWNERS_COUNT, false};
static const word_kind actor_kind = {"an actor", "actor", actor_word, DS_ACTORS_COUNT, false};
// Nobody declares the last of the types: what is sealed follows from the vault.
static const word_kind type_kind = {"a type", "type", type_word, DS_TYPE_SEALED, false};
static_assert(DS_TYPE_SEALED == DS_TYPES_COUNT - 1, "the last");

static_assert(DS_STAGES_COUNT <= WORDS_MAX && DS_OWNERS_COUNT <= WORDS_MAX &&
              DS_ACTORS_COUNT <= WORDS_MAX && DS_TYPES_COUNT <= WORDS_MAX, "words fit");

// "there is no stage `fulfillment`; did you mean `fulfilment`?", or all the words there are.
static ds_code word_unknown(ds_yaml *yaml, const yaml_node_t *node, const word_kind *kind,
                            ds_error *err) {
  const char *words[WORDS_MAX];
  char all[256];
  char shown[SHOWN_BYTES];
  size_t count = 0;
  size_t used = 0;
  for (unsigned i = kind->from_zero ? 0 : 1; i < kind->count; i++) {
    words[count] = kind->word(i);
    used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", count == 0 ? "" : ", ",
                             words[count]);
    count++;
  }
  const char *nearest = ds_str_nearest(ds_yaml_scalar(node), words, count);
  ds_yaml_shown(ds_yaml_scalar(node), shown);
  if (nearest != NULL)
    return ds_yaml_fail(yaml, node, err, "there is no %s `%s`; did you mean `%s`?", kind->name,
                        shown, nearest);
  return ds_yaml_fail(yaml, node, err, "there is no %s `%s`; %s is %s", kind->name, shown,
                      kind->what, all);
}

// The number of the word in a scalar node.
static ds_code word_read(ds_yaml *yaml, const yaml_node_t *node, const word_kind *kind,
                         unsigned *ret_number, ds_error *err) {
  const char *text = NULL;
  TRY(ds_yaml_text(yaml, node, &text, err));
  for (unsigned i = kind->from_zero ? 0 : 1; i < kind->count; i++) {
    if (strcmp(text, kind->word(i)) == 0) {
      *ret_number = i;
      return DS_OK;
    }
  }
  return word_unknown(yaml, node, kind, err);
}

// The same of a key, which may be absent.
static ds_code word_get(ds_yaml *yaml, const yaml_node_t *map, const word_kind *kind,
                        unsigned *number, ds_error *err) {
  const yaml_node_t *node = ds_yaml_get(yaml, map, kind->name);
  yaml->where = kind->name;
  return node == NULL ? DS_OK : word_read(yaml, node, kind, number, err);
}

// A text of one line, NUL-terminated, in NFC as the names and texts of events are.
static ds_code line_read(ds_yaml *yaml, const yaml_node_t *node, ds_str *ret_line,
                         ds_error *err) {
  const char *text = NULL;
  TRY(ds_yaml_text(yaml, node, &text, err));
  for (const char *c = text; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7F)
      return ds_yaml_fail(yaml, node, err, "holds a control character");
  TRY(ds_read_nfc(ds_str_of(text), yaml->arena, ret_line, err));
  if (ret_line->size > DS_NAME_BYTES_MAX)
    return ds_yaml_fail(yaml, node, err, "is longer than %u bytes", DS_NAME_BYTES_MAX);
  return DS_OK;
}

// The normal form of a name, in the arena.
static ds_code normal_read(ds_yaml *yaml, const yaml_node_t *node, ds_str *ret_line,
                           const char **ret_normal, ds_error *err) {
  char normal[DS_NORMAL_BYTES];
  TRY(line_read(yaml, node, ret_line, err));
  const ds_str form = ds_catalogue_normal(*ret_line, normal);
  if (form.size == 0)
    return ds_yaml_fail(yaml, node, err, "a name needs letters or digits");
  *ret_normal = ds_arena_text(yaml->arena, form.data, form.size);
  return *ret_normal != NULL ? DS_OK : ds_yaml_no_memory(yaml, err);
}

static ds_code name_read(ds_yaml *yaml, const yaml_node_t *map, const char **ret_name,
                         ds_error *err) {
  const yaml_node_t *node = ds_yaml_get(yaml, map, "name");
  ds_str line;
  if (node == NULL)
    return ds_yaml_fail(yaml, map, err, "the key name is missing");
  yaml->where = "name";
  TRY(normal_read(yaml, node, &line, ret_name, err));
  char shown[SHOWN_BYTES];
  if (!ds_str_equal(line, ds_str_of(*ret_name)))
    return ds_yaml_fail(yaml, node, err, "a touchpoint is named in lower-case words joined by _: "
                        "write `%s`", ds_yaml_shown(ds_str_of(*ret_name), shown));
  return DS_OK;
}

// A text of a key, which may be absent.
static ds_code line_get(ds_yaml *yaml, const yaml_node_t *map, const char *key,
                        const char **text, ds_error *err) {
  const yaml_node_t *node = ds_yaml_get(yaml, map, key);
  ds_str line;
  if (node == NULL)
    return DS_OK;
  yaml->where = key;
  TRY(line_read(yaml, node, &line, err));
  *text = line.data;
  return DS_OK;
}

// Where the type of `name` is kept: a shipped property has its type changed, any other is added.
static ds_expected *expected_place(ds_expected *expected, uint16_t *count, const char *name) {
  for (uint32_t i = 0; i < *count; i++) {
    if (strcmp(expected[i].name, name) == 0)
      return &expected[i];
  }
  return &expected[(*count)++];
}

static ds_code properties_read(ds_yaml *yaml, const yaml_node_t *map, ds_touchpoint *row,
                               ds_error *err) {
  const yaml_node_t *node = ds_yaml_get(yaml, map, "properties");
  if (node == NULL)
    return DS_OK;
  yaml->where = "properties";
  TRY(ds_yaml_map(yaml, node, NULL, err));
  if (ds_yaml_pairs(node) > PROPERTIES_MAX)
    return ds_yaml_fail(yaml, node, err, "more than %d properties", PROPERTIES_MAX);
  const size_t size = sizeof *row->expected;
  ds_expected *all = ds_arena_array(yaml->arena, row->expected_count + ds_yaml_pairs(node) + 1u,
                                    size);
  if (all == NULL)
    return ds_yaml_no_memory(yaml, err);
  if (row->expected_count > 0)
    memcpy(all, row->expected, row->expected_count * size);
  for (uint32_t i = 0; i < ds_yaml_pairs(node); i++) {
    ds_expected one = {.type = DS_TYPE_NULL};
    yaml_node_t *value;
    unsigned type = 0;
    ds_str name;
    TRY(ds_yaml_pair(yaml, node, i, &one.name, &value, err));
    TRY(ds_read_nfc(ds_str_of(one.name), yaml->arena, &name, err));
    one.name = name.data;
    TRY(word_read(yaml, value, &type_kind, &type, err));
    one.type = (ds_type)type;
    *expected_place(all, &row->expected_count, one.name) = one;
  }
  row->expected = all;
  return DS_OK;
}

// A new touchpoint must say its stage. When it is none of those that Doorstep ships, perhaps one of
// them was meant.
static ds_code stage_missing(ds_yaml *yaml, const yaml_node_t *map, const char *name,
                             ds_error *err) {
  const ds_touchpoint *same = ds_catalogue_find(NULL, ds_str_of(name));
  const char *nearest = ds_catalogue_nearest(NULL, ds_str_of(name));
  char shown[SHOWN_BYTES];
  ds_yaml_shown(ds_str_of(name), shown);
  if (same != NULL)
    return ds_yaml_fail(yaml, map, err, "`%s` is another name of `%s` so far: change that one, or "
                        "say a stage to make a touchpoint of its own", shown, same->name);
  if (nearest != NULL)
    return ds_yaml_fail(yaml, map, err, "the new touchpoint `%s` needs a stage; or did you mean "
                        "`%s`?", shown, nearest);
  return ds_yaml_fail(yaml, map, err, "the new touchpoint `%s` needs a stage", shown);
}

// Names only: what they mean is known when all rows and aliases are.
static ds_code answers_read(ds_yaml *yaml, entry *of, ds_error *err) {
  const yaml_node_t *list = ds_yaml_get(yaml, of->node, "answered_by");
  if (list == NULL)
    return DS_OK;
  yaml->where = "answered_by";
  if (list->type != YAML_SEQUENCE_NODE)
    return ds_yaml_fail(yaml, list, err, "a list is expected here: [subscription_renewed]");
  const uint32_t count = ds_yaml_items(list);
  if (count > DS_ANSWERS_MAX)
    return ds_yaml_fail(yaml, list, err, "more than %u touchpoints", DS_ANSWERS_MAX);
  of->answers = ds_arena_array(yaml->arena, count + 1, sizeof *of->answers);
  if (of->answers == NULL)
    return ds_yaml_no_memory(yaml, err);
  for (uint32_t i = 0; i < count; i++) {
    ds_str line;
    TRY(normal_read(yaml, ds_yaml_item(yaml, list, i), &line, &of->answers[i], err));
  }
  of->row.answers = of->answers;
  of->row.answers_count = (uint16_t)count;
  return DS_OK;
}

static ds_code touchpoint_read(ds_yaml *yaml, entry *of, ds_error *err) {
  static const char *const known[] = {"name", "stage", "owner", "actor", "channel", "meaning",
                                      "aliases", "properties", "answered_by", NULL};
  const yaml_node_t *node = of->node;
  ds_touchpoint *row = &of->row;
  const char *name = NULL;
  yaml->where = "touchpoints";
  TRY(ds_yaml_map(yaml, node, known, err));
  TRY(name_read(yaml, node, &name, err));
  const ds_touchpoint *shipped = ds_catalogue_find(NULL, ds_str_of(name));
  const bool is_new = shipped == NULL || strcmp(shipped->name, name) != 0;
  *row = is_new ? (ds_touchpoint){.name = name, .channel = "", .meaning = ""} : *shipped;
  yaml->where = "stage";
  if (is_new && ds_yaml_get(yaml, node, "stage") == NULL)
    return stage_missing(yaml, node, name, err);
  unsigned stage = row->stage;
  unsigned owner = row->owner;
  unsigned actor = row->actor;
  TRY(word_get(yaml, node, &stage_kind, &stage, err));
  TRY(word_get(yaml, node, &owner_kind, &owner, err));
  TRY(word_get(yaml, node, &actor_kind, &actor, err));
  row->stage = (ds_stage)stage;
  row->owner = (ds_owner)owner;
  row->actor = (ds_actor)actor;
  TRY(line_get(yaml, node, "channel", &row->channel, err));
  TRY(line_get(yaml, node, "meaning", &row->meaning, err));
  TRY(answers_read(yaml, of, err));
  return properties_read(yaml, node, row, err);
}

static ds_code twice_check(ds_yaml *yaml, const entry *entries, uint32_t last, ds_error *err) {
  for (uint32_t i = 0; i < last; i++) {
    char shown[SHOWN_BYTES];
    if (strcmp(entries[i].row.name, entries[last].row.name) != 0)
      continue;
    yaml->where = "name";
    return ds_yaml_fail(yaml, ds_yaml_get(yaml, entries[last].node, "name"), err,
                        "`%s` stands here already, on line %u",
                        ds_yaml_shown(ds_str_of(entries[i].row.name), shown),
                        ds_yaml_line(entries[i].node));
  }
  return DS_OK;
}

static ds_code rows_read(ds_yaml *yaml, const yaml_node_t *list, entry *entries, ds_error *err) {
  for (uint32_t i = 0; i < ds_yaml_items(list); i++) {
    entries[i].node = ds_yaml_item(yaml, list, i);
    TRY(touchpoint_read(yaml, &entries[i], err));
    TRY(twice_check(yaml, entries, i, err));
  }
  return DS_OK;
}

static ds_code alias_read(ds_yaml *yaml, const yaml_node_t *node, ds_overlay *overlay,
                          const entry *to, ds_error *err) {
  ds_str line;
  const char *alias;
  char shown[SHOWN_BYTES];
  char owner[SHOWN_BYTES];
  TRY(normal_read(yaml, node, &line, &alias, err));
  const ds_touchpoint *taken = ds_overlay_alias(overlay, alias, to->index);
  if (taken == NULL)
    return DS_OK;
  ds_yaml_shown(line, shown);
  ds_yaml_shown(ds_str_of(taken->name), owner);
  if (strcmp(taken->name, alias) == 0)
    return ds_yaml_fail(yaml, node, err, "`%s` is the touchpoint `%s` itself, so it cannot be "
                        "another name of `%s`", shown, owner, to->row.name);
  return ds_yaml_fail(yaml, node, err, "`%s` is an alias of `%s` already, so it cannot be one of "
                      "`%s`", shown, owner, to->row.name);
}

static ds_code aliases_read(ds_yaml *yaml, ds_overlay *overlay, const entry *to, ds_error *err) {
  const yaml_node_t *list = ds_yaml_get(yaml, to->node, "aliases");
  for (uint32_t i = 0; list != NULL && i < ds_yaml_items(list); i++)
    TRY(alias_read(yaml, ds_yaml_item(yaml, list, i), overlay, to, err));
  return DS_OK;
}

// Gives the answers of a row the names that events have.
static ds_code answers_settle(ds_yaml *yaml, const ds_catalogue *catalogue, const entry *of,
                              ds_error *err) {
  const yaml_node_t *list = ds_yaml_get(yaml, of->node, "answered_by");
  char shown[SHOWN_BYTES];
  yaml->where = "answered_by";
  for (uint32_t i = 0; of->answers != NULL && i < of->row.answers_count; i++) {
    const ds_str name = ds_str_of(of->answers[i]);
    const ds_touchpoint *known = ds_catalogue_find(catalogue, name);
    const char *nearest = ds_catalogue_nearest(catalogue, name);
    ds_yaml_shown(name, shown);
    if (known == NULL)
      return ds_yaml_fail(yaml, ds_yaml_item(yaml, list, i), err, "there is no touchpoint `%s`%s%s"
                          "%s", shown, nearest == NULL ? "" : "; did you mean `",
                          nearest == NULL ? "" : nearest, nearest == NULL ? "" : "`?");
    if (strcmp(known->name, of->row.name) == 0)
      return ds_yaml_fail(yaml, ds_yaml_item(yaml, list, i), err, "`%s` cannot answer itself",
                          shown);
    of->answers[i] = known->name;
  }
  return DS_OK;
}

static ds_code asks_count(ds_yaml *yaml, const entry *entries, uint32_t count, ds_error *err) {
  uint32_t asks = 0;
  for (uint32_t i = 0; i < count; i++) {
    asks += entries[i].row.answers_count > 0;
    yaml->where = "answered_by";
    if (asks > DS_SETTINGS_ASKS_MAX)
      return ds_yaml_fail(yaml, entries[i].node, err, "more than %u touchpoints that are answered",
                          DS_SETTINGS_ASKS_MAX);
  }
  return DS_OK;
}

// How many aliases there are in the file.
static ds_code aliases_count(ds_yaml *yaml, const entry *entries, uint32_t count,
                             uint32_t *ret_aliases, ds_error *err) {
  uint32_t aliases = 0;
  yaml->where = "aliases";
  for (uint32_t i = 0; i < count; i++) {
    const yaml_node_t *list = ds_yaml_get(yaml, entries[i].node, "aliases");
    if (list != NULL && list->type != YAML_SEQUENCE_NODE)
      return ds_yaml_fail(yaml, list, err, "a list is expected here: [Gift Wrapped, verpackt]");
    aliases += list == NULL ? 0 : ds_yaml_items(list);
    // An anchor can stand for the same long list many times.
    if (aliases > DS_SETTINGS_BYTES_MAX)
      return ds_yaml_fail(yaml, list, err, "more than %u aliases", DS_SETTINGS_BYTES_MAX);
  }
  *ret_aliases = aliases;
  return DS_OK;
}

static ds_code catalogue_read(ds_yaml *yaml, const yaml_node_t *list, ds_settings *settings,
                              ds_error *err) {
  uint32_t aliases = 0;
  static const ds_yaml_part part = {"touchpoints", "touchpoints", "name", DS_SETTINGS_ROWS_MAX,
                                    sizeof(entry)};
  void *rows;
  uint32_t count;
  TRY(ds_yaml_rows(yaml, list, &part, &rows, &count, err));
  entry *entries = rows;
  if (count == 0)
    return DS_OK;
  TRY(rows_read(yaml, list, entries, err));
  TRY(asks_count(yaml, entries, count, err));
  TRY(aliases_count(yaml, entries, count, &aliases, err));
  ds_overlay *overlay = ds_overlay_new(yaml->arena, count, aliases);
  if (overlay == NULL)
    return ds_yaml_no_memory(yaml, err);
  for (uint32_t i = 0; i < count; i++)
    entries[i].index = ds_overlay_put(overlay, &entries[i].row);
  for (uint32_t i = 0; i < count; i++)
    TRY(aliases_read(yaml, overlay, &entries[i], err));
  settings->catalogue = ds_overlay_catalogue(overlay);
  for (uint32_t i = 0; i < count; i++)
    TRY(answers_settle(yaml, settings->catalogue, &entries[i], err));
  return DS_OK;
}

static ds_code settings_take(ds_yaml *yaml, ds_io *io, ds_settings *settings, ds_error *err) {
  static const char *const known[] = {"time_zone", "touchpoints", "retention", "tracking",
                                      "questions", "boards", "annotations", "calendars",
                                      "carriers", "destinations", NULL};
  const yaml_node_t *root = ds_yaml_root(yaml);
  const ds_zone *zone = NULL;
  if (root == NULL || ds_yaml_is_null(root))
    return DS_OK;
  TRY(ds_yaml_map(yaml, root, known, err));
  const yaml_node_t *zone_node = ds_yaml_get(yaml, root, "time_zone");
  yaml->where = "time_zone";
  if (zone_node != NULL)
    TRY(ds_zone_read(yaml, zone_node, io, &settings->time_zone, &zone, err));
  TRY(catalogue_read(yaml, ds_yaml_get(yaml, root, "touchpoints"), settings, err));
  TRY(ds_annotations_read(yaml, ds_yaml_get(yaml, root, "annotations"), &settings->annotations,
                          &settings->annotations_count, err));
  TRY(ds_calendars_read(yaml, ds_yaml_get(yaml, root, "calendars"), io, &settings->calendars,
                        err));
  TRY(ds_tracking_read(yaml, ds_yaml_get(yaml, root, "tracking"), &settings->calendars,
                       &settings->tracking, err));
  TRY(ds_carriers_read(yaml, ds_yaml_get(yaml, root, "carriers"), io, &settings->calendars,
                       &settings->tracking, err));
  TRY(ds_places_read(yaml, ds_yaml_get(yaml, root, "destinations"), io, &settings->tracking, err));
  TRY(ds_retention_read(yaml, ds_yaml_get(yaml, root, "retention"), settings->catalogue,
                        &settings->retention, err));
  TRY(ds_boards_read(yaml, ds_yaml_get(yaml, root, "boards"), DS_BOARD_SETTINGS, &settings->boards,
                     err));
  return ds_saved_read(yaml, ds_yaml_get(yaml, root, "questions"), &settings->saved, err);
}

static ds_code too_large(ds_error *err) {
  return ds_fail(err, DS_LIMIT, FILE_NAME " is larger than %u KiB", DS_SETTINGS_BYTES_MAX >> 10);
}

ds_code ds_settings_parse(ds_io *io, ds_str text, ds_arena *arena, ds_settings *ret_settings,
                          ds_error *err) {
  ds_settings settings = {.time_zone = "UTC", .catalogue = ds_catalogue_shipped(),
                          .tracking = ds_tracking_defaults};
  ds_yaml yaml;
  if (text.size > DS_SETTINGS_BYTES_MAX)
    return too_large(err);
  TRY(ds_yaml_load(&yaml, text, FILE_NAME, arena, err));
  const ds_code code = settings_take(&yaml, io, &settings, err);
  ds_yaml_done(&yaml);
  if (code == DS_OK)
    *ret_settings = settings;
  return code;
}

static ds_code path_of(const char *folder, const char *name, char out[DS_PATH_BYTES_MAX],
                       ds_error *err) {
  const int size = snprintf(out, DS_PATH_BYTES_MAX, "%s/%s", folder, name);
  if (size < 0 || size >= (int)DS_PATH_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "the path of %s is too long", name);
  return DS_OK;
}

ds_code ds_settings_read(ds_io *io, const char *folder, ds_arena *arena,
                         ds_settings *ret_settings, ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  char *text = NULL;
  size_t size = 0;
  ds_error why = {.code = DS_OK};
  TRY(path_of(folder, FILE_NAME, path, err));
  const ds_code code = ds_io_read_file(io, path, DS_SETTINGS_BYTES_MAX, &text, &size, &why);
  if (code == DS_MISSING)
    return ds_settings_parse(io, (ds_str){"", 0}, arena, ret_settings, err);
  if (code != DS_OK)
    return code == DS_LIMIT ? too_large(err) : ds_fail(err, code, "%s", why.message);
  const ds_code parsed =
      ds_settings_parse(io, (ds_str){text, (uint32_t)size}, arena, ret_settings, err);
  free(text);
  return parsed;
}

ds_code ds_settings_segments(ds_io *io, const char *folder, const char *path, ds_arena *arena,
                             const ds_segment **ret_segments, uint32_t *ret_count,
                             ds_error *err) {
  char own[DS_PATH_BYTES_MAX];
  char *text = NULL;
  size_t size = 0;
  TRY(path_of(folder, SEGMENTS_NAME, own, err));
  const char *file = path != NULL ? path : own;
  file = ds_arena_text(arena, file, strlen(file));
  if (file == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for segments");
  ds_error why = {.code = DS_OK};
  ds_code code = ds_io_read_file(io, file, DS_SEGMENTS_BYTES_MAX, &text, &size, &why);
  if (code == DS_MISSING && path == NULL)
    return ds_segments_shipped(arena, ret_segments, ret_count, err);
  if (code == DS_LIMIT)
    return ds_fail(err, code, "%s is larger than %u KiB", file, DS_SEGMENTS_BYTES_MAX >> 10);
  if (code != DS_OK)
    return ds_fail(err, code == DS_MISSING ? DS_INPUT : code, "%s", why.message);
  code = ds_segments_with((ds_str){text, (uint32_t)size}, file, arena, ret_segments, ret_count,
                          err);
  free(text);
  return code;
}

static ds_code file_write(ds_io *io, const char *folder, const void *bytes, size_t size,
                          ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  ds_file *file;
  ds_error why = {.code = DS_OK};
  TRY(path_of(folder, FILE_NAME, path, err));
  ds_code code = io->ops->open(io, path, DS_OPEN_READ, &file, &why);
  if (code == DS_OK) {
    io->ops->close(io, file);
    return DS_OK;
  }
  // EXCLUSIVE: should somebody else write it at this moment, theirs stays.
  TRY(io->ops->open(io, path, DS_OPEN_WRITE | DS_OPEN_CREATE | DS_OPEN_EXCLUSIVE, &file, err));
  code = io->ops->write_at(io, file, 0, bytes, size, err);
  if (code == DS_OK)
    code = io->ops->sync(io, file, err);
  io->ops->close(io, file);
  // Half a file would be taken for the whole by whoever tries again.
  if (code != DS_OK)
    (void)io->ops->unlink(io, path, NULL);
  return code == DS_OK ? io->ops->sync_dir(io, folder, err) : code;
}

ds_code ds_settings_write_example(ds_io *io, const char *folder, ds_error *err) {
  const ds_embedded_file *example = &ds_embedded_settings[0];
  return file_write(io, folder, example->bytes, example->size, err);
}

ds_code ds_settings_write_zone(ds_io *io, const char *folder, const char *zone, ds_error *err) {
  char text[128];
  const int size = snprintf(text, sizeof text, "time_zone: %s\n", zone);
  if (size < 0 || size >= (int)sizeof text)
    return ds_fail(err, DS_INPUT, "the name of a time zone is too long");
  return file_write(io, folder, text, (size_t)size, err);
}
