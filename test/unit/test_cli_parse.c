// SPDX-License-Identifier: Apache-2.0
// The reader of the command line, over a table of its own: where options may stand, how values are
// read, and what is said about what cannot be read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/parse.c"

const ds_option cli_common_options[] = {
    {"store", DS_OPTION_TEXT, "DIR", "", "", ""},   {"output", DS_OPTION_TEXT, "FILE", "", "", ""},
    {"threads", DS_OPTION_COUNT, "N", "", "", ""},  {"memory", DS_OPTION_TEXT, "SIZE", "", "", ""},
    {"quiet", DS_OPTION_FLAG, "", "", "", ""},      {"force", DS_OPTION_FLAG, "", "", "", ""},
    {"json-errors", DS_OPTION_FLAG, "", "", "", ""}, {"help", DS_OPTION_FLAG, "", "", "", ""},
};
const uint32_t cli_common_options_count = sizeof cli_common_options / sizeof *cli_common_options;
const ds_option cli_question_options[] = {
    {"data", DS_OPTION_FILES, "FILE...", "", "", ""},
    {"sql", DS_OPTION_FLAG, "", "", "", ""},
};
const uint32_t cli_question_options_count = 2;
const ds_option cli_reading_options[] = {{"delimiter", DS_OPTION_TEXT, "CHAR", "", "", ""}};
const uint32_t cli_reading_options_count = 1;

static const ds_option pack_options[] = {
    {"map", DS_OPTION_TEXT, "OLD=NEW", "", "", ""},
    {"kind", DS_OPTION_CHOICE, "KIND", "box", "box|bag", ""},
};
const cli_command cli_commands[] = {
    {"pack", "in", "", "FILE...", 1, 2, "doorstep pack x", pack_options, 2, NULL, false},
    {"look", "in", "", "", 0, 0, "doorstep look", NULL, 0, NULL, false},
};
const uint32_t cli_commands_count = 2;

const cli_command *cli_command_find(const char *name) {
  for (uint32_t i = 0; i < cli_commands_count; i++) {
    if (strcmp(cli_commands[i].name, name) == 0)
      return &cli_commands[i];
  }
  return NULL;
}

// A run and its error, anew for each command line.
typedef struct bench {
  cli run;
  ds_error err;
} bench;

static ds_code parse(bench *on, char **argv) {
  int argc = 0;
  while (argv[argc] != NULL)
    argc++;
  ds_arena_done(&on->run.arena);
  memset(on, 0, sizeof *on);
  ds_arena_init(&on->run.arena, 1u << 20);
  return cli_parse(&on->run, argc, argv, &on->err);
}

#define PARSE(on, ...) parse(on, (char *[]){"doorstep", __VA_ARGS__, NULL})

static int set_up(void **state) {
  *state = calloc(1, sizeof(bench));
  return *state == NULL ? -1 : 0;
}

static int tear_down(void **state) {
  ds_arena_done(&((bench *)*state)->run.arena);
  free(*state);
  return 0;
}

static void test_places(void **state) {
  bench *on = (bench *)*state;
  assert_int_equal(PARSE(on, "--store", "s", "pack", "a", "--map=x=y", "b", "-o", "f", "-q",
                         "--map", "p=q"), DS_OK);
  assert_string_equal(on->run.command->name, "pack");
  assert_int_equal(on->run.arguments_count, 2);
  assert_string_equal(on->run.arguments[1], "b");
  assert_string_equal(cli_value(&on->run, "store"), "s");
  assert_string_equal(cli_value(&on->run, "output"), "f");
  assert_true(on->run.quiet);
  assert_false(on->run.force);
  assert_int_equal(cli_values(&on->run, "map"), 2);
  assert_string_equal(cli_value_at(&on->run, "map", 0), "x=y");
  assert_string_equal(cli_value(&on->run, "map"), "p=q");
  assert_null(cli_value_at(&on->run, "map", 2));
  // After "--" nothing is an option, and "-" never is.
  assert_int_equal(PARSE(on, "pack", "--", "--map", "-"), DS_OK);
  assert_string_equal(on->run.arguments[0], "--map");
  assert_int_equal(PARSE(on, "pack", "-ofile", "-"), DS_OK);
  assert_string_equal(cli_value(&on->run, "output"), "file");
}

static void test_nothing(void **state) {
  bench *on = (bench *)*state;
  assert_int_equal(parse(on, (char *[]){"doorstep", NULL}), DS_OK);
  assert_null(on->run.command);
  assert_true(on->run.threads >= 1);
  assert_int_equal(on->run.memory_bytes, 0);
  // Help is given whatever else is missing.
  assert_int_equal(PARSE(on, "pack", "--help"), DS_OK);
  assert_true(on->run.help);
}

static void test_question(void **state) {
  bench *on = (bench *)*state;
  assert_int_equal(PARSE(on, "process", "--case", "order_id", "--sql"), DS_OK);
  assert_null(on->run.command);
  assert_string_equal(on->run.question->name, "process");
  assert_string_equal(cli_value(&on->run, "case"), "order_id");
  assert_int_equal(PARSE(on, "process", "--range", "never"), DS_USAGE);
}

static void test_files(void **state) {
  bench *on = (bench *)*state;
  assert_int_equal(PARSE(on, "process", "--data", "a", "b", "-q", "--data=c", "--case", "k"),
                   DS_OK);
  assert_int_equal(on->run.files_count, 3);
  assert_string_equal(on->run.files[1], "b");
  assert_string_equal(on->run.files[2], "c");
  assert_string_equal(cli_value(&on->run, "case"), "k");
  assert_true(on->run.quiet);
  assert_int_equal(PARSE(on, "process", "--data", "--sql"), DS_USAGE);
  assert_int_equal(PARSE(on, "process", "--data="), DS_USAGE);
  assert_int_equal(PARSE(on, "look", "--data", "a"), DS_USAGE);
}

static void test_refusals(void **state) {
  static char *const cases[][6] = {
      {"doorstep", "pakc", NULL}, {"doorstep", "pack", NULL},
      {"doorstep", "pack", "a", "b", "c", NULL}, {"doorstep", "look", "a", NULL},
      {"doorstep", "look", "--mop", NULL}, {"doorstep", "pack", "a", "--map", NULL},
      {"doorstep", "pack", "a", "--kind", "tin", NULL}, {"doorstep", "look", "--quiet=1", NULL},
      {"doorstep", "look", "-z", NULL}, {"doorstep", "look", "--threads", "0", NULL},
      {"doorstep", "look", "--threads", "65", NULL}, {"doorstep", "look", "--memory", "1M", NULL},
      {"doorstep", "look", "--map", "a=b", NULL}, {"doorstep", "process", "x", NULL},
      {"doorstep", "look", "--store", NULL}, {"doorstep", "look", "-o", NULL},
  };
  bench *on = (bench *)*state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    if (parse(on, (char **)(uintptr_t)cases[i]) != DS_USAGE)
      fail_msg("case %zu was taken", i);
    assert_true(on->err.message[0] != '\0');
  }
  assert_int_equal(PARSE(on, "pakc"), DS_USAGE);
  assert_string_equal(on->err.message, "unknown command 'pakc'; did you mean 'pack'?");
  assert_int_equal(PARSE(on, "pack", "--mpa", "x"), DS_USAGE);
  assert_string_equal(on->err.message, "unknown option --mpa; did you mean --map?");
  // The form of errors is known even when what follows cannot be read.
  assert_int_equal(PARSE(on, "--nonsense", "--json-errors"), DS_USAGE);
  assert_true(on->run.json_errors);
}

static void test_too_many(void **state) {
  bench *on = (bench *)*state;
  char *argv[2 * CLI_VALUES_MAX + 8] = {"doorstep", "pack", "a"};
  for (size_t i = 0; i < CLI_VALUES_MAX + 1; i++)
    argv[3 + i] = "--map=a=b";
  assert_int_equal(parse(on, argv), DS_LIMIT);
}

static void test_numbers(void **state) {
  (void)state;
  uint64_t value = 0;
  assert_true(cli_read_count(ds_str_of("20k"), &value) && value == 20000);
  assert_true(cli_read_count(ds_str_of("3M"), &value) && value == 3000000);
  assert_true(cli_read_count(ds_str_of("0"), &value) && value == 0);
  assert_true(cli_read_bytes(ds_str_of("768M"), &value) && value == 768u << 20);
  assert_true(cli_read_bytes(ds_str_of("4GiB"), &value) && value == 4ull << 30);
  assert_true(cli_read_bytes(ds_str_of("100B"), &value) && value == 100);
  value = 7;
  assert_false(cli_read_count(ds_str_of(""), &value));
  assert_false(cli_read_count(ds_str_of("k"), &value));
  assert_false(cli_read_count(ds_str_of("-1"), &value));
  assert_false(cli_read_count(ds_str_of("1.5k"), &value));
  assert_false(cli_read_count(ds_str_of("99999999999999999g"), &value));
  assert_int_equal(value, 7);
}

#define CLI_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CLI_TEST(test_places),   CLI_TEST(test_nothing),  CLI_TEST(test_question),
      CLI_TEST(test_refusals), CLI_TEST(test_too_many), cmocka_unit_test(test_numbers),
      CLI_TEST(test_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
