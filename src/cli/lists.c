// SPDX-License-Identifier: Apache-2.0
// lists: fixed lists of customers: shows them, saves who meets a condition, takes identifiers from
// a file, removes one.
#include <string.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "ingest/lists.h"

static ds_code no_memory(ds_error *err) { return ds_fail(err, DS_MEMORY, "out of memory"); }

static ds_code lists_show(cli *run, ds_error *err) {
  static const ds_column columns[] = {
      {"name", DS_CELL_TEXT, "", "as in segment('NAME')", false},
      {"members", DS_CELL_COUNT, "customers", "customers when it was saved", false},
      {"saved", DS_CELL_TIME, "", "known from then on, to --known-at", false},
      {"source", DS_CELL_TEXT, "", "the condition, or the file", false},
      {"detail", DS_CELL_TEXT, "", "the condition's instant, or what became of identifiers", false},
  };
  const ds_list_info *lists = NULL;
  uint32_t count = 0;
  ds_store *store = NULL;
  TRY(cli_open_store(run, false, false, &store, err));
  const ds_code code = ds_lists_read(store, &run->arena, &lists, &count, err);
  ds_store_close(store);
  TRY(code);
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return no_memory(err);
  ds_result_init(result, &run->arena, "lists");
  result->definition = "Lists are fixed groups of customers: doorstep segment NAME counts one, "
                       "segment('NAME') stands for it in conditions.";
  ds_table *table = ds_result_table(result, "lists", "Lists", columns, 5);
  if (table != NULL) {
    table->bar = "";
    table->beneath = "source";
  }
  for (uint32_t l = 0; table != NULL && l < count; l++) {
    ds_cell *cells = ds_table_row(result, table);
    if (cells == NULL)
      break;
    cells[0] = ds_cell_text(result, ds_str_of(lists[l].name));
    cells[1] = ds_cell_i64((int64_t)lists[l].members);
    cells[2] = ds_cell_i64(lists[l].when_ms);
    cells[3] = ds_cell_text(result, ds_str_of(lists[l].source));
    cells[4] = ds_cell_text(result, ds_str_of(lists[l].detail));
  }
  return table == NULL || run->arena.refused ? no_memory(err) : cli_show(run, result, err);
}

// Opens the store to write and checks the name.
static ds_code open_for(cli *run, const char *name, ds_store **ret_store, ds_error *err) {
  TRY(cli_open_store(run, true, false, ret_store, err));
  const ds_segment *segments = NULL;
  ds_settings settings;
  const char *names[DS_SEGMENTS_MAX];
  uint32_t count = 0;
  ds_io *io = ds_store_io(*ret_store);
  const char *path = ds_store_path(*ret_store);
  ds_code code = ds_settings_read(io, path, &run->arena, &settings, err);
  if (code == DS_OK)
    code = ds_settings_segments(io, path, NULL, &run->arena, &segments, &count, err);
  for (uint32_t s = 0; code == DS_OK && s < count; s++)
    names[s] = segments[s].name;
  if (code == DS_OK)
    code = ds_list_check(*ret_store, name, names, count, err);
  if (code != DS_OK) {
    ds_store_close(*ret_store);
    *ret_store = NULL;
  }
  return code;
}

static ds_code write_list(cli *run, const ds_customers *customers, uint64_t count,
                          ds_store *store, ds_list_info *list, ds_error *err) {
  cli_progress_start(run);
  const ds_code code = ds_list_save(store, customers, count, list, &run->progress, err);
  cli_progress_end(run);
  return code;
}

static void tell_saved(cli *run, const ds_list_info *list) {
  char members[32];
  cli_say(run, "%s: %s customer%s saved; doorstep segment %s counts them", list->name,
          ds_human_count(members, list->members), list->members == 1 ? "" : "s", list->name);
}

// A word without brackets is a segment's name.
static const char *condition_of(cli *run, const char *text, ds_error *err) {
  if (strchr(text, '(') != NULL)
    return text;
  ds_buf condition;
  ds_buf_init(&condition, DS_EXPRESSION_BYTES_MAX);
  ds_buf_text(&condition, "segment('");
  for (; *text != '\0'; text++)
    ds_buf_printf(&condition, "%s%c", *text == '\'' ? "'" : "", *text);
  ds_buf_text(&condition, "')");
  const ds_code code = ds_buf_check(&condition, "a condition", err);
  const char *kept = code == DS_OK ? ds_buf_keep(&condition, &run->arena) : NULL;
  ds_buf_done(&condition);
  if (code == DS_OK && kept == NULL)
    (void)no_memory(err);
  return kept;
}

static ds_code lists_save(cli *run, const char *name, const char *text, ds_error *err) {
  static const char *const taken[] = {"as-of", "known-at"};
  ds_option_value values[2];
  uint32_t options = 0;
  ds_request request;
  ds_customers customers;
  uint64_t count = 0;
  int64_t as_of_ms = 0;
  char instant[128], time[32];
  ds_store *store = NULL;
  for (uint32_t o = 0; o < 2; o++)
    if (cli_value(run, taken[o]) != NULL)
      values[options++] = (ds_option_value){taken[o], cli_value(run, taken[o])};
  const char *condition = condition_of(run, text, err);
  if (condition == NULL)
    return err == NULL ? DS_LIMIT : err->code;
  TRY(cli_open_ask(run, err));
  TRY(ds_ask_select(run->ask, values, options, &run->arena, &request, err));
  run->text = condition;
  TRY(ds_members_meeting(&request, condition, &customers, &count, &as_of_ms, err));
  run->text = NULL;
  TRY(open_for(run, name, &store, err));
  const char *known = cli_value(run, "known-at");
  (void)snprintf(instant, sizeof instant, "as of %s%s%.60s", ds_time_print(time, as_of_ms),
                 known == NULL ? "" : ", known at ", known == NULL ? "" : known);
  ds_list_info list = {.name = name, .source = condition, .detail = instant, .given = count};
  const ds_code code = write_list(run, &customers, count, store, &list, err);
  ds_store_close(store);
  if (code == DS_OK)
    tell_saved(run, &list);
  return code;
}

// Where the identifiers stand that nobody has.
static void tell_unknown(cli *run, const ds_list_read *read) {
  char unknown[32], lines[96] = "";
  size_t used = 0;
  for (uint32_t l = 0; l < 5 && l < read->unknown; l++)
    used += (size_t)snprintf(lines + used, sizeof lines - used, "%s%u", l == 0 ? "" : ", ",
                             read->unknown_lines[l]);
  if (read->unknown > 0)
    cli_say(run, "warning: nobody has %s of them, line%s %s%s",
            ds_human_count(unknown, read->unknown), read->unknown == 1 ? "" : "s", lines,
            read->unknown > 5 ? ", …" : "");
}

static ds_code lists_upload(cli *run, const char *name, const char *path, ds_error *err) {
  const ds_list_file file = {path, cli_value(run, "column"), cli_value(run, "kind")};
  const char *slash = strrchr(path, '/');
  ds_store *store = NULL;
  ds_list_read *read = (ds_list_read *)ds_arena_alloc(&run->arena, sizeof *read);
  if (read == NULL)
    return no_memory(err);
  TRY(open_for(run, name, &store, err));
  ds_code code = ds_list_file_read(store, &file, &run->arena, read, &run->progress, err);
  char given[32], repeated[32], unknown[32], detail[160];
  (void)snprintf(detail, sizeof detail, "%s identifiers, %s repeated, %s unknown",
                 ds_human_count(given, read->given), ds_human_count(repeated, read->repeated),
                 ds_human_count(unknown, read->unknown));
  ds_list_info list = {.name = name, .source = slash == NULL ? path : slash + 1,
                       .detail = detail, .given = read->given};
  if (code == DS_OK)
    code = write_list(run, &read->customers, read->customers_count, store, &list, err);
  ds_store_close(store);
  if (code == DS_OK) {
    cli_say(run, "%s", detail);
    tell_unknown(run, read);
    tell_saved(run, &list);
  }
  return code;
}

static ds_code lists_remove(cli *run, const char *name, const char *unused, ds_error *err) {
  (void)unused;
  ds_store *store = NULL;
  uint64_t members = 0;
  char count[32];
  TRY(cli_open_store(run, true, false, &store, err));
  const ds_code code = ds_list_remove(store, name, &members, err);
  ds_store_close(store);
  if (code == DS_OK)
    cli_say(run, "%s is removed: it had %s customer%s", name, ds_human_count(count, members),
            members == 1 ? "" : "s");
  return code;
}

ds_code cli_run_lists(cli *run, ds_error *err) {
  static const struct {
    const char *name;
    uint32_t words;
    const char *usage;
    ds_code (*run)(cli *run, const char *name, const char *word, ds_error *err);
  } actions[] = {
      {"save", 3, "lists save NAME CONDITION, as in lists save big-2024 'count(order_placed) >= 5'",
       lists_save},
      {"upload", 3, "lists upload NAME FILE, as in lists upload vip vip.csv", lists_upload},
      {"remove", 2, "lists remove NAME", lists_remove},
  };
  const char *names[3];
  if (run->arguments_count == 0)
    return lists_show(run, err);
  for (uint32_t i = 0; i < 3; i++) {
    names[i] = actions[i].name;
    if (strcmp(names[i], run->arguments[0]) != 0)
      continue;
    if (run->arguments_count != actions[i].words)
      return ds_fail(err, DS_USAGE, "write doorstep %s", actions[i].usage);
    return actions[i].run(run, run->arguments[1], actions[i].words > 2 ? run->arguments[2] : NULL,
                          err);
  }
  const char *near = ds_str_nearest(ds_str_of(run->arguments[0]), names, 3);
  return ds_fail(err, DS_USAGE, "lists takes save, upload or remove, not '%.100s'%s%s%s",
                 run->arguments[0], near == NULL ? "" : "; did you mean ",
                 near == NULL ? "" : near, near == NULL ? "" : "?");
}
