// SPDX-License-Identifier: Apache-2.0
// Boards: every error with its place, writing that reads back the same, and boards.yaml: power loss
// and errors at every operation of a save, two that save at once, backup and restore.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/settings.h"
#include "memory_faults.h"
#include "store/backup.h"
#include "store/definitions.h"
#include "store_sweep.h"

static int set_up(void **state) {
  ds_arena *arena = (ds_arena *)malloc(sizeof *arena);
  if (arena == NULL)
    return -1;
  ds_arena_init(arena, 64 << 20);
  *state = arena;
  return 0;
}

static int tear_down(void **state) {
  ds_arena_done((ds_arena *)*state);
  free(*state);
  return 0;
}

static void refuse(ds_arena *arena, const char *text, uint32_t line, const char *message) {
  ds_board_list list;
  ds_error err = {.message = ""};
  assert_int_equal(ds_boards_parse(ds_str_of(text), "boards.yaml", DS_BOARD_SAVED, arena, &list,
                                   &err), DS_INPUT);
  assert_string_equal(err.message, message);
  assert_int_equal(err.line, line);
}

static void test_errors(void **state) {
  ds_arena *arena = *state;
  refuse(arena, "board:\n", 1, "boards.yaml line 1, the file: no key is called board: did you mean "
                               "boards?");
  refuse(arena, "boards: a\n", 1, "boards.yaml line 1, boards: a list of boards is expected here, "
         "each \"- name: …\"");
  refuse(arena, "boards:\n- title: A\n", 2, "boards.yaml line 2, boards: the key name is missing");
  refuse(arena, "boards:\n- name: a b\n", 2, "boards.yaml line 2, name: `a b` is no name: letters, "
                                             "digits, - and _ make one, 64 at most");
  refuse(arena, "boards:\n- name: a\n- name: a\n", 3, "boards.yaml line 3, name: `a` stands here "
                                                      "already, on line 2");
  refuse(arena, "boards:\n- name: a\n  tilse: []\n", 3, "boards.yaml line 3, boards: no key is "
                                                       "called tilse: did you mean tiles?");
  refuse(arena, "boards:\n- name: a\n  tiles:\n  - titel: b\n", 4,
         "boards.yaml line 4, tiles: no key is called titel: did you mean title?");
  refuse(arena, "boards:\n- name: a\n  tiles:\n  - title: b\n", 4,
         "boards.yaml line 4, title: the key question is missing");
  refuse(arena, "boards:\n- name: a\n  tiles:\n  - {saved: b, options: {case: c}}\n", 4,
         "boards.yaml line 4, saved: a tile of a saved question has its words from there: take "
         "options away");
  refuse(arena, "boards:\n- name: a\n  title: \"b\\tc\"\n", 3,
         "boards.yaml line 3, title: holds a control character");
}

static void test_limits(void **state) {
  ds_buf text;
  ds_buf_init(&text, 4 << 20);
  ds_buf_text(&text, "boards:\n- name: a\n  tiles:\n");
  for (uint32_t i = 0; i <= DS_BOARD_TILES_MAX; i++)
    ds_buf_text(&text, "  - question: map\n");
  refuse(*state, ds_buf_cstr(&text), 4, "boards.yaml line 4, tiles: more than 40 tiles");
  ds_buf_reset(&text);
  ds_buf_text(&text, "boards:\n");
  for (uint32_t i = 0; i <= DS_BOARDS_MAX; i++)
    ds_buf_printf(&text, "- name: n%u\n", i);
  refuse(*state, ds_buf_cstr(&text), 2, "boards.yaml line 2, boards: more than 100 boards");
  // One long text that an anchor makes many of.
  ds_buf_reset(&text);
  ds_buf_text(&text, "boards:\n- name: a\n  tiles:\n  - {question: map, options: {where: &w \"");
  for (uint32_t i = 0; i < 200000; i++)
    ds_buf_text(&text, "x");
  ds_buf_text(&text, "\"}}\n");
  for (uint32_t i = 0; i < 10; i++)
    ds_buf_text(&text, "  - {question: map, options: {where: *w}}\n");
  refuse(*state, ds_buf_cstr(&text), 9, "boards.yaml line 9, where: the boards hold more than "
                                        "1024 KiB of text");
  ds_buf_done(&text);
}

static ds_board_list parse(ds_arena *arena, const char *text, ds_board_source source) {
  ds_board_list list;
  ds_error err = {.message = ""};
  if (ds_boards_parse(ds_str_of(text), "a text", source, arena, &list, &err) != DS_OK)
    fail_msg("refused: %s\n%s", err.message, text);
  return list;
}

static void expect_text(const char *a, const char *b) {
  assert_true((a == NULL) == (b == NULL));
  if (a != NULL)
    assert_string_equal(a, b);
}

static void expect_same(const ds_board_list *a, const ds_board_list *b) {
  assert_int_equal(a->count, b->count);
  for (uint32_t i = 0; i < a->count; i++) {
    const ds_board *x = &a->items[i], *y = &b->items[i];
    expect_text(x->name, y->name);
    expect_text(x->title, y->title);
    assert_int_equal(x->tiles_count, y->tiles_count);
    for (uint32_t t = 0; t < x->tiles_count; t++) {
      const ds_tile *p = &x->tiles[t], *q = &y->tiles[t];
      expect_text(p->title, q->title);
      expect_text(p->chart, q->chart);
      expect_text(p->words.name, q->words.name);
      expect_text(p->words.question, q->words.question);
      assert_int_equal(p->words.arguments_count, q->words.arguments_count);
      for (uint32_t k = 0; k < p->words.arguments_count; k++)
        expect_text(p->words.arguments[k], q->words.arguments[k]);
      assert_int_equal(p->words.options_count, q->words.options_count);
      for (uint32_t k = 0; k < p->words.options_count; k++) {
        expect_text(p->words.options[k].name, q->words.options[k].name);
        expect_text(p->words.options[k].text, q->words.options[k].text);
      }
    }
  }
}

// What is written reads back the same, alone and as a key of doorstep.yaml, whatever the texts are.
static void expect_round_trip(ds_arena *arena, const ds_board_list *list) {
  ds_buf text;
  ds_settings settings;
  ds_error err = {.message = ""};
  ds_buf_init(&text, 4 << 20);
  ds_boards_write(list->items, list->count, &text);
  const ds_board_list again = parse(arena, ds_buf_cstr(&text), DS_BOARD_SAVED);
  expect_same(list, &again);
  if (ds_settings_parse(ds_io_posix(), ds_str_of(ds_buf_cstr(&text)), arena, &settings, &err) !=
      DS_OK)
    fail_msg("doorstep.yaml does not take it: %s", err.message);
  expect_same(list, &settings.boards);
  ds_buf_done(&text);
}

static uint32_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

static const char *random_text(ds_arena *arena, uint64_t *state, bool one_line) {
  static const char *const pieces[] = {
      "a", "Z", "0", " ", "'", "\"", "\\", ": ", "#", "{", "]", "&", "*", "!", "|", ">", "%", "@",
      "`", "-", "?", ",", "~", "é", "中", "😀", "\xC2\x85", "\xE2\x80\xA8", "\xEF\xBB\xBF", "true",
      "null", "=", "\n", "\t", "\r", "\x01", "\x7F"};
  const uint32_t count = sizeof pieces / sizeof *pieces - (one_line ? 5 : 0);
  ds_buf text;
  ds_buf_init(&text, 4096);
  for (uint32_t size = 1 + next_random(state) % 6; size > 0; size--)
    ds_buf_text(&text, pieces[next_random(state) % count]);
  const char *kept = ds_arena_text(arena, ds_buf_cstr(&text), text.size);
  ds_buf_done(&text);
  assert_non_null(kept);
  return kept;
}

static void test_round_trips(void **state) {
  ds_arena *arena = *state;
  uint64_t random = 7;
  for (uint32_t round = 0; round < 300; round++) {
    ds_arena_reset(arena);
    const char *arguments[2] = {random_text(arena, &random, false),
                                random_text(arena, &random, false)};
    ds_option_value options[] = {{"case", random_text(arena, &random, false)},
                                 {"steps", random_text(arena, &random, false)},
                                 {"steps", random_text(arena, &random, false)}};
    const ds_tile tiles[] = {
        {.title = random_text(arena, &random, true),
         .chart = "table",
         .words = {.question = "map", .arguments = arguments, .arguments_count = 1 + round % 2,
                   .options = options, .options_count = 3}},
        {.words = {.name = "late"}},
        {.words = {.question = "quality"}},
    };
    const ds_board boards[] = {
        {.name = "a", .title = random_text(arena, &random, true), .tiles = tiles, .tiles_count = 3},
        {.name = "true", .tiles_count = 0},
    };
    const ds_board_list list = {boards, 2};
    expect_round_trip(arena, &list);
  }
}

static void test_shipped(void **state) {
  ds_board_list list;
  const ds_board_list none = {.count = 0};
  assert_int_equal(ds_boards_load(ds_io_posix(), "/nonexistent", &none, *state, &list, NULL),
                   DS_OK);
  assert_true(list.count >= 2);
  assert_non_null(ds_board_find(&list, "overview"));
  assert_non_null(ds_board_find(&list, "basic"));
  expect_round_trip(*state, &list);
}

// A board as a request brings it.
static void test_requests(void **state) {
  static const char json[] =
      "{\"name\": \"mine\", \"title\": \"Mine\", \"source\": \"saved\", \"tiles\": [{\"title\": "
      "\"\\u00e9 \\\"x\\\"\", \"question\": \"funnel\", \"options\": {\"steps\": [\"a\", \"b\"], "
      "\"within\": \"3d\", \"derive\": true}, \"chart\": null}]}";
  ds_board board;
  ds_error err = {.message = ""};
  assert_int_equal(ds_board_parse(ds_str_of(json), "mine", *state, &board, &err), DS_OK);
  assert_string_equal(board.title, "Mine");
  assert_string_equal(board.tiles[0].title, "é \"x\"");
  assert_int_equal(board.tiles[0].words.options_count, 4);
  assert_string_equal(board.tiles[0].words.options[1].text, "b");
  assert_null(board.tiles[0].chart);
  assert_int_equal(ds_board_parse(ds_str_of("{\"tiles\": []}"), "b", *state, &board, &err), DS_OK);
  assert_string_equal(board.name, "b");
  assert_int_equal(ds_board_parse(ds_str_of(json), "yours", *state, &board, &err), DS_INPUT);
  assert_string_equal(err.message, "the board line 1, name: the board is called `mine` here, and "
                                   "`yours` in the address");
  assert_int_equal(ds_board_parse(ds_str_of(""), "b", *state, &board, &err), DS_INPUT);
  assert_int_equal(ds_board_parse(ds_str_of("{}"), "a b", *state, &board, &err), DS_USAGE);
}

// --- boards.yaml

static const ds_tile one_tile[] = {{.words = {.question = "map"}}};

static ds_code save(const store_world *world, const char *name, ds_error *err) {
  const ds_board board = {.name = name, .title = "T", .tiles = one_tile, .tiles_count = 1};
  return ds_boards_save(world->io, world->path, &board, 1, err);
}

static ds_board_list saved_of(const store_world *world, const char *path, ds_arena *arena) {
  char *text = NULL;
  size_t size = 0;
  assert_int_equal(ds_definitions_read(world->io, path, DS_BOARDS_FILE, &text, &size, NULL), DS_OK);
  const ds_board_list list = parse(arena, text, DS_BOARD_SAVED);
  free(text);
  return list;
}

static void begin(store_world *world, uint64_t seed) {
  world_restart(world, seed);
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_append(world, store, 2), DS_OK);
  ds_store_close(store);
  assert_int_equal(save(world, "first", NULL), DS_OK);
}

// What the script below has been told is done.
typedef struct told {
  bool second, third, removed;
} told;

static told script(store_world *world) {
  told done = {.second = false};
  ds_store *store = NULL;
  done.second = save(world, "second", NULL) == DS_OK;
  if (world_open(world, true, &store, NULL) == DS_OK) {
    done.third = save(world, "third", NULL) == DS_OK;
    (void)world_append(world, store, 3);
    done.removed = ds_boards_remove(world->io, world->path, "first", NULL) == DS_OK;
  }
  ds_store_close(store);
  return done;
}

static ds_code look_for_rest(void *context, const char *name, ds_error *err) {
  (void)context, (void)err;
  assert_null(strstr(name, ".tmp"));
  return DS_OK;
}

// I2, I4, I8: what was told is there, the file is whole, nothing is left lying about; and it goes
// on.
static void expect_boards(store_world *world, ds_arena *arena, told done, bool in_order) {
  ds_arena_reset(arena);
  sweep_expect_recovery(world);
  const ds_board_list list = saved_of(world, world->path, arena);
  if (done.second)
    assert_non_null(ds_board_find(&list, "second"));
  if (done.third)
    assert_non_null(ds_board_find(&list, "third"));
  if (done.removed)
    assert_null(ds_board_find(&list, "first"));
  // Without an error in between, a later change is not there without an earlier one.
  if (in_order)
    assert_true(ds_board_find(&list, "first") != NULL || ds_board_find(&list, "third") != NULL);
  assert_int_equal(world->io->ops->list(world->io, world->path, look_for_rest, NULL, NULL), DS_OK);
  assert_int_equal(save(world, "last", NULL), DS_OK);
  ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
  const ds_board_list after = saved_of(world, world->path, arena);
  assert_int_equal(after.count, list.count + 1);
}

static uint64_t operations_of(store_world *world) {
  begin(world, 1);
  const uint64_t before = ds_io_sim_operations(world->sim);
  const told done = script(world);
  assert_true(done.second && done.third && done.removed);
  return ds_io_sim_operations(world->sim) - before;
}

static void test_power_loss(void **state) {
  store_world *world = *state;
  ds_arena arena;
  ds_arena_init(&arena, 64 << 20);
  const uint64_t operations = operations_of(world);
  assert_true(operations > 12);
  for (uint64_t k = 0; k <= operations * 4; k += sweep_stride(3)) {
    begin(world, k + 1);
    ds_io_sim_crash_at(world->sim, k / 4);
    const told done = script(world);
    ds_io_sim_power_loss(world->sim, (ds_loss)(k % 4));
    expect_boards(world, &arena, done, true);
  }
  ds_arena_done(&arena);
}

static void test_errors_everywhere(void **state) {
  store_world *world = *state;
  ds_arena arena;
  ds_arena_init(&arena, 64 << 20);
  const uint64_t operations = operations_of(world);
  for (uint64_t k = 0; k < operations * 4; k += sweep_stride(3)) {
    begin(world, k + 1);
    ds_io_sim_fail_at(world->sim, k / 4, k % 2 == 0 ? DS_IO : DS_FULL, false);
    const told done = script(world);
    ds_io_sim_fail_at(world->sim, SWEEP_NEVER, DS_IO, false);
    if (k % 4 < 2)
      ds_io_sim_power_loss(world->sim, DS_LOSS_ALL);
    expect_boards(world, &arena, done, false);
  }
  ds_arena_done(&arena);
}

static ds_code edit_within(void *context, ds_str old, ds_buf *out, ds_error *err) {
  (void)old, (void)out;
  return save(context, "inner", err);
}

// One change waits for the other, and says so when that does not end; a writer is in nobody's way.
static void test_one_after_the_other(void **state) {
  store_world *world = *state;
  ds_error err = {.message = ""};
  begin(world, 1);
  ds_store *writer = world_open_ok(world, true);
  assert_int_equal(save(world, "beside", &err), DS_OK);
  ds_store_close(writer);
  assert_int_equal(ds_definitions_change(world->io, world->path, DS_BOARDS_FILE, edit_within,
                                         world, &err),
                   DS_BUSY);
  assert_string_equal(err.message, "another process has been changing boards.yaml for some "
                                   "seconds: try again");
  assert_int_equal(save(world, "later", &err), DS_OK);
  assert_int_equal(ds_boards_remove(world->io, world->path, "none", &err), DS_MISSING);
  assert_string_equal(err.message, "no board called none was saved");
}

static ds_code edit_without_memory(void *context, ds_str old, ds_buf *out, ds_error *err) {
  (void)context, (void)old, (void)err;
  memory_faults_arm(0, true);
  ds_buf_text(out, "boards:");
  (void)memory_faults_disarm(NULL);
  return DS_OK;
}

static ds_code edit_too_much(void *context, ds_str old, ds_buf *out, ds_error *err) {
  (void)context, (void)old, (void)err;
  for (uint32_t i = 0; i <= DS_BOARDS_BYTES_MAX; i++)
    ds_buf_u8(out, ' ');
  return DS_OK;
}

// A text without room is told for what it is, and is not written.
static void test_no_room_is_told(void **state) {
  static const struct {
    ds_code (*edit)(void *context, ds_str old, ds_buf *out, ds_error *err);
    ds_code code;
    const char *words;
  } cases[] = {{edit_without_memory, DS_MEMORY, "out of memory for boards.yaml"},
               {edit_too_much, DS_LIMIT,
                "boards.yaml would be larger than 1024 KiB: remove something from it"}};
  store_world *world = *state;
  ds_error err = {.message = ""};
  begin(world, 1);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const uint64_t before = ds_io_sim_operations(world->sim);
    assert_int_equal(ds_definitions_change(world->io, world->path, DS_BOARDS_FILE, cases[i].edit,
                                           NULL, &err), cases[i].code);
    assert_string_equal(err.message, cases[i].words);
    assert_int_equal(ds_io_sim_operations(world->sim), before);
  }
}

static void test_backup(void **state) {
  store_world *world = *state;
  ds_arena arena;
  ds_arena_init(&arena, 64 << 20);
  ds_error err = {.message = ""};
  begin(world, 1);
  ds_backup_result result;
  ds_store *store = world_open_ok(world, false);
  assert_int_equal(ds_store_backup(store, "backup", false, false, NULL, &result, NULL), DS_OK);
  ds_store_close(store);
  assert_int_equal(ds_store_restore(world->io, "backup", "restored", NULL, NULL, &result, NULL),
                   DS_OK);
  const ds_board_list list = saved_of(world, "restored", &arena);
  assert_int_equal(list.count, 1);
  assert_string_equal(list.items[0].name, "first");
  store_world at = *world;
  snprintf(at.path, sizeof at.path, "backup");
  assert_int_equal(save(&at, "x", &err), DS_USAGE);
  assert_string_equal(err.message, "this is a backup: `doorstep restore` makes a store of it");
  ds_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_errors, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_round_trips, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_shipped, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_requests, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_power_loss, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_errors_everywhere, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_one_after_the_other, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_no_room_is_told, world_set_up_sim, world_tear_down),
      cmocka_unit_test_setup_teardown(test_backup, world_set_up_sim, world_tear_down),
  };
  return cmocka_run_group_tests_name("boards", tests, NULL, NULL);
}
