// SPDX-License-Identifier: Apache-2.0
// doorstep.yaml: what each key does to the catalogue, every error with its line, the limits, and
// the example that init writes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "ingest/append_line.h"
#include "ingest/settings.h"

#define HEAD "touchpoints:\n  - name: gift_wrapped\n    stage: fulfilment\n"

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

static ds_settings accept(ds_arena *arena, const char *text) {
  ds_settings settings;
  ds_error err = {.code = DS_OK};
  if (ds_settings_parse(ds_io_posix(), ds_str_of(text), arena, &settings, &err) != DS_OK)
    fail_msg("refused: %s", err.message);
  return settings;
}

static void refuse(ds_arena *arena, const char *text, ds_code code, uint32_t line,
                   const char *message) {
  ds_settings settings;
  ds_error err = {.code = DS_OK};
  assert_int_equal(ds_settings_parse(ds_io_posix(), ds_str_of(text), arena, &settings, &err),
                   code);
  assert_string_equal(err.message, message);
  assert_int_equal(err.line, line);
}

static const ds_touchpoint *find(const ds_settings *settings, const char *name) {
  return ds_catalogue_find(settings->catalogue, ds_str_of(name));
}

static const char *canonical(const ds_settings *settings, const char *name) {
  const ds_touchpoint *found = find(settings, name);
  return found == NULL ? "(none)" : found->name;
}

static void test_nothing_said(void **state) {
  static const char *const texts[] = {"", "\n\n", "# only a remark\n", "---\n", "touchpoints:\n",
                                      "touchpoints: []\n", "time_zone: UTC\n", "{}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const ds_settings settings = accept((ds_arena *)*state, texts[i]);
    assert_string_equal(settings.time_zone, "UTC");
    assert_string_equal(canonical(&settings, "Order Completed"), "order_placed");
    assert_string_equal(canonical(&settings, "gift_wrapped"), "(none)");
  }
}

static void test_time_zone(void **state) {
  const ds_settings settings = accept((ds_arena *)*state, "time_zone: America/Sao_Paulo\n");
  assert_string_equal(settings.time_zone, "America/Sao_Paulo");
}

static void test_new_touchpoint(void **state) {
  const ds_settings settings =
      accept((ds_arena *)*state, HEAD "    owner: warehouse\n    actor: company\n"
                                      "    channel: system\n    meaning: Wrapped as a gift\n"
                                      "    aliases: [Gift Wrapped, verpackt, Gift-Packed]\n"
                                      "    properties: {paper: string, cost: number}\n");
  const ds_touchpoint *row = find(&settings, "giftWrapped");
  assert_non_null(row);
  assert_string_equal(row->name, "gift_wrapped");
  assert_int_equal(row->stage, DS_STAGE_FULFILMENT);
  assert_int_equal(row->owner, DS_OWNER_WAREHOUSE);
  assert_int_equal(row->actor, DS_ACTOR_COMPANY);
  assert_string_equal(row->channel, "system");
  assert_string_equal(row->meaning, "Wrapped as a gift");
  assert_int_equal(row->expected_count, 2);
  assert_string_equal(row->expected[1].name, "cost");
  assert_int_equal(row->expected[1].type, DS_TYPE_NUMBER);
  assert_ptr_equal(find(&settings, "VERPACKT"), row);
  assert_ptr_equal(find(&settings, "gift packed"), row);
  assert_ptr_equal(find(&settings, "post_purchase_verpackt"), row);
  // The rest is as it was, and the shipped catalogue knows nothing of this.
  assert_string_equal(canonical(&settings, "Order Completed"), "order_placed");
  assert_string_equal(ds_catalogue_nearest(settings.catalogue, ds_str_of("gift_wraped")),
                      "gift_wrapped");
  assert_null(ds_catalogue_find(NULL, ds_str_of("gift_wrapped")));
  assert_null(ds_catalogue_nearest(NULL, ds_str_of("gift_wraped")));
}

static void test_every_shipped_name_still_leads_home(void **state) {
  const ds_settings settings = accept((ds_arena *)*state, HEAD "    aliases: [aaa, zzz, mmm]\n");
  for (uint32_t i = 0; i < ds_touchpoints_count; i++)
    assert_string_equal(canonical(&settings, ds_touchpoints[i].name), ds_touchpoints[i].name);
  assert_string_equal(canonical(&settings, "aaa"), "gift_wrapped");
  assert_string_equal(canonical(&settings, "mmm"), "gift_wrapped");
  assert_string_equal(canonical(&settings, "zzz"), "gift_wrapped");
}

static void test_least_touchpoint(void **state) {
  const ds_settings settings = accept((ds_arena *)*state, HEAD);
  const ds_touchpoint *row = find(&settings, "gift_wrapped");
  assert_int_equal(row->owner, DS_OWNER_NONE);
  assert_int_equal(row->actor, DS_ACTOR_NONE);
  assert_string_equal(row->channel, "");
  assert_string_equal(row->meaning, "");
  assert_int_equal(row->expected_count, 0);
}

// What is not said of a shipped touchpoint stays.
static void test_changed_touchpoint(void **state) {
  const ds_settings settings =
      accept((ds_arena *)*state, "touchpoints:\n  - name: order_packed\n    owner: support\n"
                                 "    aliases: [eingepackt]\n"
                                 "    properties: {lines_short: string, box: string}\n");
  const ds_touchpoint *shipped = ds_catalogue_find(NULL, ds_str_of("order_packed"));
  const ds_touchpoint *row = find(&settings, "order_packed");
  assert_ptr_equal(find(&settings, "eingepackt"), row);
  assert_int_equal(row->owner, DS_OWNER_SUPPORT);
  assert_int_equal(row->stage, shipped->stage);
  assert_string_equal(row->meaning, shipped->meaning);
  assert_int_equal(row->expected_count, shipped->expected_count + 1);
  for (uint32_t i = 0; i < shipped->expected_count; i++) {
    const bool changed = strcmp(row->expected[i].name, "lines_short") == 0;
    assert_string_equal(row->expected[i].name, shipped->expected[i].name);
    assert_int_equal(row->expected[i].type,
                     changed ? DS_TYPE_STRING : shipped->expected[i].type);
  }
  assert_int_equal(shipped->owner, DS_OWNER_WAREHOUSE);
}

// A shipped alias may be given to another touchpoint, or become one; in any order of the file.
static void test_shipped_aliases_move(void **state) {
  ds_settings settings = accept(
      (ds_arena *)*state, "touchpoints:\n  - {name: order_packed, aliases: [shipped]}\n");
  assert_string_equal(canonical(&settings, "Shipped"), "order_packed");
  settings = accept((ds_arena *)*state,
                    "touchpoints:\n  - {name: order_packed, aliases: [weg]}\n"
                    "  - {name: shipped, stage: transit, aliases: [verschickt]}\n");
  assert_string_equal(canonical(&settings, "Shipped"), "shipped");
  assert_string_equal(canonical(&settings, "verschickt"), "shipped");
  assert_string_equal(canonical(&settings, "weg"), "order_packed");
}

// Two spellings of one alias are one; a letter and a combining accent are the composed letter.
static void test_spellings(void **state) {
  const ds_settings settings = accept(
      (ds_arena *)*state, HEAD "    aliases: [Gift Packed, gift-packed, \"pre\\u0302t\"]\n");
  assert_string_equal(canonical(&settings, "pr\xC3\xAAt"), "gift_wrapped");
}

static void test_line_reader_uses_it(void **state) {
  const ds_settings settings = accept(
      (ds_arena *)*state, HEAD "    aliases: [verpackt]\n    properties: {cost: number}\n");
  static const char line[] = "{\"event\":\"Verpackt\",\"order_id\":1,\"cost\":\"2.5\"}";
  ds_space space;
  ds_space_init(&space);
  ds_line_reader *reader = ds_line_reader_new(&space, settings.catalogue);
  assert_non_null(reader);
  assert_null(ds_line_read(reader, line, sizeof line - 1));
  assert_string_equal(ds_names_text(&space.touchpoints, reader->event.touchpoint),
                      "gift_wrapped");
  assert_int_equal(reader->event.properties[0].value.type, DS_TYPE_NUMBER);
  ds_line_reader_free(reader);
  ds_space_done(&space);
}

static void test_errors_of_the_file(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  refuse(arena, "a: [\n", DS_INPUT, 2,
         "doorstep.yaml line 2: not YAML: did not find expected node content");
  refuse(arena, "# x\n# y\na: \xFF\n", DS_INPUT, 3,
         "doorstep.yaml line 3: not YAML: invalid leading UTF-8 octet");
  refuse(arena, "time_zone: UTC\n---\ntime_zone: UTC\n", DS_INPUT, 2,
         "doorstep.yaml line 2: a second document begins here; the file may hold only one");
  refuse(arena, "- a\n", DS_INPUT, 1,
         "doorstep.yaml line 1, the file: keys with values are expected here");
  refuse(arena, "\ntuochpoints: []\n", DS_INPUT, 2,
         "doorstep.yaml line 2, the file: no key is called tuochpoints: did you mean "
         "touchpoints?");
  refuse(arena, "\"a\\nb\": 1\n", DS_INPUT, 1,
         "doorstep.yaml line 1, the file: no key is called a?b");
  refuse(arena, "time_zone: UTC\ntime_zone: UTC\n", DS_INPUT, 2,
         "doorstep.yaml line 2, the file: this key stands here twice");
  refuse(arena, "[a, b]: 1\n", DS_INPUT, 1,
         "doorstep.yaml line 1, the file: a key must be a text");
}

static void test_errors_of_the_time_zone(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  refuse(arena, "time_zone:\n", DS_INPUT, 1, "doorstep.yaml line 1, time_zone: is empty");
  refuse(arena, "time_zone: [UTC]\n", DS_INPUT, 1,
         "doorstep.yaml line 1, time_zone: one text is expected here");
  refuse(arena, "time_zone: ../UTC\n", DS_INPUT, 1,
         "doorstep.yaml line 1, time_zone: this is no name of a time zone; names are like "
         "\"Europe/Berlin\" or \"UTC\"");
  refuse(arena, "time_zone: Europe/Berlyn\n", DS_INPUT, 1,
         "doorstep.yaml line 1, time_zone: there is no time zone \"Europe/Berlyn\" (did you mean "
         "\"Europe/Berlin\"?); names are like \"Europe/Berlin\" or \"UTC\"");
}

static void test_errors_of_names(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  refuse(arena, "touchpoints: {name: a}\n", DS_INPUT, 1,
         "doorstep.yaml line 1, touchpoints: a list of touchpoints is expected here, each "
         "\"- name: …\"");
  refuse(arena, "touchpoints:\n  - gift_wrapped\n", DS_INPUT, 2,
         "doorstep.yaml line 2, touchpoints: keys with values are expected here");
  refuse(arena, "touchpoints:\n  - name: x\n    stag: use\n", DS_INPUT, 3,
         "doorstep.yaml line 3, touchpoints: no key is called stag: did you mean stage?");
  refuse(arena, "touchpoints:\n  - stage: use\n", DS_INPUT, 2,
         "doorstep.yaml line 2, touchpoints: the key name is missing");
  refuse(arena, "touchpoints:\n  - name: Gift Wrapped\n    stage: use\n", DS_INPUT, 2,
         "doorstep.yaml line 2, name: a touchpoint is named in lower-case words joined by _: "
         "write `gift_wrapped`");
  refuse(arena, "touchpoints: [{name: post_purchase_x, stage: use}]\n", DS_INPUT, 1,
         "doorstep.yaml line 1, name: a touchpoint is named in lower-case words joined by _: "
         "write `x`");
  refuse(arena, "touchpoints: [{name: _, stage: use}]\n", DS_INPUT, 1,
         "doorstep.yaml line 1, name: a name needs letters or digits");
  refuse(arena, "touchpoints: [{name: \"a\\tb\", stage: use}]\n", DS_INPUT, 1,
         "doorstep.yaml line 1, name: holds a control character");
  refuse(arena, "touchpoints: [{name: \"a\\0b\", stage: use}]\n", DS_INPUT, 1,
         "doorstep.yaml line 1, name: holds a NUL character");
  refuse(arena, HEAD "  - name: order_placed\n  - name: gift_wrapped\n    stage: use\n", DS_INPUT,
         5, "doorstep.yaml line 5, name: `gift_wrapped` stands here already, on line 2");
  char text[400];
  snprintf(text, sizeof text, "touchpoints: [{name: %0256d, stage: use}]\n", 7);
  refuse(arena, text, DS_INPUT, 1, "doorstep.yaml line 1, name: is longer than 255 bytes");
}

static void test_errors_of_stages(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  refuse(arena, "touchpoints:\n  - name: gift_wrapped\n    owner: warehouse\n"
                "    stage: fulfillment\n", DS_INPUT, 4,
         "doorstep.yaml line 4, stage: there is no stage `fulfillment`; did you mean "
         "`fulfilment`?");
  refuse(arena, "touchpoints: [{name: x, stage: zzzzzz}]\n", DS_INPUT, 1,
         "doorstep.yaml line 1, stage: there is no stage `zzzzzz`; a stage is any, order, "
         "fulfilment, transit, last_mile, delivery, use, feedback, returns, loyalty");
  refuse(arena, "touchpoints: [{name: quite_new}]\n", DS_INPUT, 1,
         "doorstep.yaml line 1, stage: the new touchpoint `quite_new` needs a stage");
  refuse(arena, "touchpoints: [{name: order_placd}]\n", DS_INPUT, 1,
         "doorstep.yaml line 1, stage: the new touchpoint `order_placd` needs a stage; or did you "
         "mean `order_placed`?");
  refuse(arena, "touchpoints: [{name: shipped}]\n", DS_INPUT, 1,
         "doorstep.yaml line 1, stage: `shipped` is another name of `carrier_collected` so far: "
         "change that one, or say a stage to make a touchpoint of its own");
}

static void test_errors_of_words(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  refuse(arena, HEAD "    owner: carier desk\n", DS_INPUT, 4,
         "doorstep.yaml line 4, owner: there is no owner `carier desk`; did you mean "
         "`carrier_desk`?");
  refuse(arena, HEAD "    owner: zzzzzz\n", DS_INPUT, 4,
         "doorstep.yaml line 4, owner: there is no owner `zzzzzz`; an owner is ecommerce, "
         "warehouse, carrier_desk, support, marketing, finance, product");
  refuse(arena, HEAD "    actor: custmer\n", DS_INPUT, 4,
         "doorstep.yaml line 4, actor: there is no actor `custmer`; did you mean `customer`?");
  refuse(arena, HEAD "    actor: zzzzzz\n", DS_INPUT, 4,
         "doorstep.yaml line 4, actor: there is no actor `zzzzzz`; an actor is customer, company, "
         "carrier, system");
  refuse(arena, HEAD "    channel: [web]\n", DS_INPUT, 4,
         "doorstep.yaml line 4, channel: one text is expected here");
  refuse(arena, HEAD "    meaning:\n", DS_INPUT, 4, "doorstep.yaml line 4, meaning: is empty");
}

static void test_errors_of_properties(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  refuse(arena, HEAD "    properties: [paper]\n", DS_INPUT, 4,
         "doorstep.yaml line 4, properties: keys with values are expected here");
  refuse(arena, HEAD "    properties:\n      paper: strng\n", DS_INPUT, 5,
         "doorstep.yaml line 5, properties: there is no type `strng`; did you mean `string`?");
  refuse(arena, HEAD "    properties: {paper: null}\n", DS_INPUT, 4,
         "doorstep.yaml line 4, properties: there is no type `null`; a type is number, string, "
         "bool, time, date, duration");
  refuse(arena, HEAD "    properties: {paper: string, paper: number}\n", DS_INPUT, 4,
         "doorstep.yaml line 4, properties: this key stands here twice");
}

static void test_errors_of_aliases(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  refuse(arena, HEAD "    aliases: verpackt\n", DS_INPUT, 4,
         "doorstep.yaml line 4, aliases: a list is expected here: [Gift Wrapped, verpackt]");
  refuse(arena, HEAD "    aliases: [\"\"]\n", DS_INPUT, 4,
         "doorstep.yaml line 4, aliases: is empty");
  refuse(arena, HEAD "    aliases: [\" - \"]\n", DS_INPUT, 4,
         "doorstep.yaml line 4, aliases: a name needs letters or digits");
  refuse(arena, HEAD "    aliases:\n      - verpackt\n      - Delivered\n", DS_INPUT, 6,
         "doorstep.yaml line 6, aliases: `Delivered` is the touchpoint `delivered` itself, so it "
         "cannot be another name of `gift_wrapped`");
  // Also of a touchpoint that the file itself adds further down.
  refuse(arena, HEAD "    aliases: [box_closed]\n  - {name: box_closed, stage: use}\n", DS_INPUT, 4,
         "doorstep.yaml line 4, aliases: `box_closed` is the touchpoint `box_closed` itself, so "
         "it cannot be another name of `gift_wrapped`");
  refuse(arena, HEAD "    aliases: [verpackt]\n  - name: order_packed\n    aliases: [Verpackt]\n",
         DS_INPUT, 6,
         "doorstep.yaml line 6, aliases: `Verpackt` is an alias of `gift_wrapped` already, so it "
         "cannot be one of `order_packed`");
}

// A file of `count` touchpoints.
static const char *many(ds_buf *out, uint32_t count) {
  ds_buf_printf(out, "touchpoints:\n");
  for (uint32_t i = 0; i < count; i++)
    ds_buf_printf(out, "- {name: t%u, stage: use, aliases: [a%u]}\n", i, i);
  return ds_buf_cstr(out);
}

static void test_answers(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  const ds_settings settings =
      accept(arena, HEAD "    answered_by: [Order Delivered, unwrapped]\n"
                         "  - {name: unwrapped, stage: use}\n"
                         "  - {name: survey_sent, answered_by: []}\n");
  const ds_touchpoint *gift = ds_catalogue_find(settings.catalogue, ds_str_of("gift_wrapped"));
  assert_int_equal(gift->answers_count, 2);
  assert_string_equal(gift->answers[0], "delivered");
  assert_string_equal(gift->answers[1], "unwrapped");
  const ds_str survey = ds_str_of("survey_sent");
  assert_int_equal(ds_catalogue_find(settings.catalogue, survey)->answers_count, 0);
  assert_int_equal(ds_catalogue_find(NULL, survey)->answers_count, 3);
  refuse(arena, HEAD "    answered_by: delivered\n", DS_INPUT, 4,
         "doorstep.yaml line 4, answered_by: a list is expected here: [subscription_renewed]");
  refuse(arena, HEAD "    answered_by: [qqqqqqq]\n", DS_INPUT, 4,
         "doorstep.yaml line 4, answered_by: there is no touchpoint `qqqqqqq`");
  refuse(arena, HEAD "    answered_by: [delivered, delivred]\n", DS_INPUT, 4,
         "doorstep.yaml line 4, answered_by: there is no touchpoint `delivred`; did you mean "
         "`delivered`?");
  refuse(arena, HEAD "    answered_by: [Gift Wrapped]\n", DS_INPUT, 4,
         "doorstep.yaml line 4, answered_by: `gift_wrapped` cannot answer itself");
  refuse(arena, HEAD "    answered_by: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]\n",
         DS_INPUT, 4, "doorstep.yaml line 4, answered_by: more than 16 touchpoints");
  ds_buf text;
  ds_buf_init(&text, 1 << 20);
  ds_buf_text(&text, "touchpoints:\n");
  for (uint32_t i = 0; i <= DS_SETTINGS_ASKS_MAX; i++)
    ds_buf_printf(&text, "- {name: t%u, stage: use, answered_by: [delivered]}\n", i);
  refuse(arena, ds_buf_cstr(&text), DS_INPUT, 50,
         "doorstep.yaml line 50, answered_by: more than 48 touchpoints that are answered");
  ds_buf_done(&text);
}

static void test_limits(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  ds_buf text;
  ds_buf_init(&text, 1 << 20);
  const ds_settings settings = accept(arena, many(&text, DS_SETTINGS_ROWS_MAX));
  assert_string_equal(canonical(&settings, "a999"), "t999");
  assert_string_equal(canonical(&settings, "a0"), "t0");
  ds_buf_reset(&text);
  refuse(arena, many(&text, DS_SETTINGS_ROWS_MAX + 1), DS_INPUT, 2,
         "doorstep.yaml line 2, touchpoints: more than 1000 touchpoints");
  ds_buf_reset(&text);
  ds_buf_printf(&text, "%s    properties:\n", HEAD);
  for (int i = 0; i <= 100; i++)
    ds_buf_printf(&text, "      p%d: string\n", i);
  refuse(arena, ds_buf_cstr(&text), DS_INPUT, 5,
         "doorstep.yaml line 5, properties: more than 100 properties");
  ds_buf_reset(&text);
  while (text.size <= DS_SETTINGS_BYTES_MAX)
    ds_buf_printf(&text, "# %060d\n", 0);
  refuse(arena, ds_buf_cstr(&text), DS_LIMIT, 0, "doorstep.yaml is larger than 64 KiB");
  ds_buf_done(&text);
}

// An anchor makes a long list of a few bytes.
static void test_too_many_aliases(void **state) {
  ds_buf text;
  ds_buf_init(&text, 1 << 20);
  ds_buf_printf(&text, "touchpoints:\n- {name: t, stage: use, aliases: &a [x");
  for (int i = 0; i < 999; i++)
    ds_buf_printf(&text, ",x");
  ds_buf_printf(&text, "]}\n");
  for (int i = 0; i < 99; i++)
    ds_buf_printf(&text, "- {name: t%d, stage: use, aliases: *a}\n", i);
  refuse((ds_arena *)*state, ds_buf_cstr(&text), DS_INPUT, 2,
         "doorstep.yaml line 2, aliases: more than 65536 aliases");
  ds_buf_done(&text);
}

static void test_out_of_memory(void **state) {
  (void)state;
  for (size_t limit = 0; limit < 200; limit += 8) {
    ds_settings settings;
    ds_error err = {.code = DS_OK};
    ds_arena arena;
    ds_arena_init(&arena, limit);
    assert_int_equal(ds_settings_parse(ds_io_posix(), ds_str_of(HEAD "    aliases: [x]\n"), &arena,
                                       &settings, &err), DS_MEMORY);
    ds_arena_done(&arena);
  }
}

static void write_text(ds_io *io, const char *path, const char *text) {
  ds_file *file;
  assert_int_equal(io->ops->open(io, path, DS_OPEN_WRITE | DS_OPEN_CREATE, &file, NULL), DS_OK);
  assert_int_equal(io->ops->write_at(io, file, 0, text, strlen(text), NULL), DS_OK);
  io->ops->close(io, file);
}

static void test_read(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  ds_io_sim *sim = ds_io_sim_new(1);
  ds_io *io = ds_io_sim_io(sim);
  ds_settings settings;
  ds_error err = {.code = DS_OK};
  assert_int_equal(io->ops->mkdir(io, "s", &err), DS_OK);
  assert_int_equal(ds_settings_read(io, "s", arena, &settings, &err), DS_OK);
  assert_ptr_equal(settings.catalogue, ds_catalogue_shipped());
  write_text(io, "s/doorstep.yaml", HEAD);
  assert_int_equal(ds_settings_read(io, "s", arena, &settings, &err), DS_OK);
  assert_string_equal(canonical(&settings, "Gift Wrapped"), "gift_wrapped");
  char *large = (char *)malloc(DS_SETTINGS_BYTES_MAX + 2);
  assert_non_null(large);
  memset(large, '#', DS_SETTINGS_BYTES_MAX + 1);
  large[DS_SETTINGS_BYTES_MAX + 1] = '\0';
  write_text(io, "s/doorstep.yaml", large);
  free(large);
  assert_int_equal(ds_settings_read(io, "s", arena, &settings, &err), DS_LIMIT);
  assert_string_equal(err.message, "doorstep.yaml is larger than 64 KiB");
  ds_io_sim_free(sim);
}

// Takes the '# ' away from the lines of the example, as its first line says.
static char *uncommented(const char *text) {
  char *out = (char *)malloc(strlen(text) + 1);
  size_t size = 0;
  assert_non_null(out);
  for (const char *line = text; *line != '\0';) {
    const size_t length = strcspn(line, "\n");
    const size_t skipped = strncmp(line, "# ", 2) == 0 ? 2 : 0;
    memcpy(out + size, line + skipped, length - skipped);
    size += length - skipped;
    out[size++] = '\n';
    line += length + (line[length] == '\n');
  }
  out[size] = '\0';
  return out;
}

static void test_example(void **state) {
  ds_arena *arena = (ds_arena *)*state;
  ds_io_sim *sim = ds_io_sim_new(1);
  ds_io *io = ds_io_sim_io(sim);
  ds_settings settings;
  char *text = NULL;
  size_t size = 0;
  assert_int_equal(io->ops->mkdir(io, "s", NULL), DS_OK);
  assert_int_equal(io->ops->sync_dir(io, ".", NULL), DS_OK);
  assert_int_equal(ds_settings_write_example(io, "s", NULL), DS_OK);
  // It is durable, and as it stands it says nothing.
  ds_io_sim_power_loss(sim, DS_LOSS_ALL);
  assert_int_equal(ds_settings_read(io, "s", arena, &settings, NULL), DS_OK);
  assert_ptr_equal(settings.catalogue, ds_catalogue_shipped());
  assert_int_equal(ds_io_read_file(io, "s/doorstep.yaml", 1 << 16, &text, &size, NULL), DS_OK);
  char *bare = uncommented(text);
  settings = accept(arena, bare);
  assert_string_equal(settings.time_zone, "America/Sao_Paulo");
  assert_string_equal(canonical(&settings, "verpackt"), "gift_wrapped");
  assert_int_equal(find(&settings, "order_packed")->owner, DS_OWNER_SUPPORT);
  free(bare);
  free(text);
  ds_io_sim_free(sim);
}

// One that the disk had no room for is not left half written: another try makes it whole.
static void test_example_is_whole_or_not_there(void **state) {
  (void)state;
  enum { OPERATIONS = 3 }; // made, written, synced
  for (uint64_t k = 0; k < OPERATIONS; k++) {
    ds_io_sim *sim = ds_io_sim_new(k + 1);
    ds_io *io = ds_io_sim_io(sim);
    char *text = NULL;
    size_t size = 0;
    assert_int_equal(io->ops->mkdir(io, "s", NULL), DS_OK);
    ds_io_sim_fail_at(sim, k, DS_FULL, false);
    assert_int_equal(ds_settings_write_example(io, "s", NULL), DS_FULL);
    assert_int_equal(ds_io_read_file(io, "s/doorstep.yaml", 1 << 16, &text, &size, NULL),
                     DS_MISSING);
    assert_int_equal(ds_settings_write_example(io, "s", NULL), DS_OK);
    ds_io_sim_free(sim);
  }
}

static void test_example_overwrites_nothing(void **state) {
  ds_io_sim *sim = ds_io_sim_new(1);
  ds_io *io = ds_io_sim_io(sim);
  ds_settings settings;
  assert_int_equal(io->ops->mkdir(io, "s", NULL), DS_OK);
  write_text(io, "s/doorstep.yaml", HEAD);
  assert_int_equal(ds_settings_write_example(io, "s", NULL), DS_OK);
  assert_int_equal(ds_settings_read(io, "s", (ds_arena *)*state, &settings, NULL), DS_OK);
  assert_string_equal(canonical(&settings, "gift_wrapped"), "gift_wrapped");
  ds_io_sim_fail_at(sim, ds_io_sim_operations(sim), DS_FULL, true);
  assert_int_equal(ds_settings_write_example(io, "s", NULL), DS_OK);
  ds_io_sim_free(sim);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_nothing_said),
      TEST(test_time_zone),
      TEST(test_new_touchpoint),
      TEST(test_every_shipped_name_still_leads_home),
      TEST(test_least_touchpoint),
      TEST(test_changed_touchpoint),
      TEST(test_shipped_aliases_move),
      TEST(test_spellings),
      TEST(test_line_reader_uses_it),
      TEST(test_errors_of_the_file),
      TEST(test_errors_of_the_time_zone),
      TEST(test_errors_of_names),
      TEST(test_errors_of_stages),
      TEST(test_errors_of_words),
      TEST(test_errors_of_properties),
      TEST(test_errors_of_aliases),
      TEST(test_answers),
      TEST(test_limits),
      TEST(test_too_many_aliases),
      TEST(test_out_of_memory),
      TEST(test_read),
      TEST(test_example),
      TEST(test_example_is_whole_or_not_there),
      TEST(test_example_overwrites_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
