// SPDX-License-Identifier: Apache-2.0
// Damaged files of a vault: every byte, every length, tables that are not its own, rows of the
// wrong kind. Whatever is then done with it succeeds rightly or fails with one line, and nobody
// erased comes back (I13, V2; ../keys_damage.h). All bytes with DS_STRESS=1, else one in so many.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../keys_damage.h"
#include "long_run.h"
#include "store/sqlite_vfs.h"
#include "store_sweep.h"

static int set_up(void **state) {
  keys_image *image = calloc(1, sizeof *image);
  keys_make(image);
  *state = image;
  return 0;
}

static int tear_down(void **state) {
  keys_image_done(*state);
  free(*state);
  return 0;
}

static void a_sound_vault_is_as_told(void **state) {
  const keys_image *image = *state;
  assert_int_equal(keys_live(image, false), DS_OK);
}

static void a_changed_byte_brings_nobody_back(void **state) {
  const keys_image *image = *state;
  uint32_t refused = 0, taken = 0;
  for (uint32_t f = KEYS_DATABASE; f <= KEYS_MASTER; f++) {
    const uint64_t stride = f == KEYS_MASTER ? 1 : sweep_stride(67);
    for (size_t at = 0; at < image->size[f]; at += stride) {
      const char by = (char)(1u << at % 8 | 1u << at / 8 % 8);
      image->bytes[f][at] = (char)(image->bytes[f][at] ^ by);
      const ds_code code = keys_live(image, false);
      image->bytes[f][at] = (char)(image->bytes[f][at] ^ by);
      assert_true(code == DS_OK || code == DS_CORRUPT || code == DS_VERSION || code == DS_BUSY);
      refused += code != DS_OK;
      taken += code == DS_OK;
    }
  }
  assert_true(refused > 50 && taken > 0);
}

static void a_short_file_brings_nobody_back(void **state) {
  keys_image *image = *state;
  for (uint32_t f = KEYS_DATABASE; f <= KEYS_MASTER; f++) {
    const size_t size = image->size[f];
    const uint64_t step = f == KEYS_MASTER ? 3 : 512;
    for (size_t to = 0; to < size; to += long_run() ? 1 : step) {
      image->size[f] = to;
      const ds_code code = keys_live(image, false);
      // The last page may not be needed to open.
      assert_true(code == DS_CORRUPT ||
                  (code == DS_OK && f == KEYS_DATABASE && to > size - 4096));
    }
    image->size[f] = size;
  }
}

// Without one of the files, or beside another store.
static void a_strange_file_is_told(void **state) {
  keys_image *image = *state;
  for (uint32_t f = KEYS_DATABASE; f <= KEYS_MASTER; f++) {
    char *own = image->bytes[f];
    image->bytes[f] = NULL;
    assert_int_equal(keys_live(image, true), DS_MISSING);
    image->bytes[f] = own;
  }
  image->fingerprint ^= 1;
  assert_int_equal(keys_live(image, true), DS_CORRUPT);
  image->fingerprint ^= 1;
}

// SQL that somebody who knows the pages' checksums may have run, and what opening says.
static const struct {
  const char *sql;
  ds_code code;
} changes[] = {
    {"DROP TABLE secret", DS_CORRUPT},
    {"DROP TABLE family", DS_CORRUPT},
    {"DROP TABLE erased", DS_CORRUPT},
    {"DROP TABLE returned", DS_CORRUPT},
    {"DROP TABLE returned; PRAGMA user_version = 1", DS_CORRUPT},
    {"PRAGMA user_version = 0", DS_CORRUPT},
    {"PRAGMA user_version = 1", DS_CORRUPT},
    {"PRAGMA user_version = 3", DS_VERSION},
    {"PRAGMA user_version = -1", DS_CORRUPT},
    {"PRAGMA application_id = 1", DS_CORRUPT},
    {"PRAGMA application_id = -1", DS_CORRUPT},
    {"DELETE FROM secret", DS_CORRUPT},
    {"DELETE FROM erased", DS_CORRUPT},
    {"DELETE FROM returned", DS_CORRUPT},
    {"DELETE FROM family", DS_OK},
    {"DELETE FROM family WHERE level = 0", DS_OK},
    {"DELETE FROM family WHERE level = 7", DS_OK},
    {"UPDATE secret SET value = x''", DS_CORRUPT},
    {"UPDATE secret SET value = zeroblob(88)", DS_CORRUPT},
    {"UPDATE secret SET name = 'other'", DS_CORRUPT},
    {"UPDATE family SET keys = x''", DS_OK},
    {"UPDATE family SET keys = zeroblob(100000)", DS_OK},
    {"UPDATE family SET level = level + 1 WHERE level = 15", DS_OK},
    {"UPDATE family SET level = -level", DS_OK},
    {"UPDATE family SET path = path - 1", DS_OK},
    {"INSERT INTO family SELECT level + 99, path, keys FROM family", DS_OK},
    {"UPDATE erased SET hash = x''", DS_CORRUPT},
    {"UPDATE erased SET hash = zeroblob(17)", DS_CORRUPT},
    {"UPDATE erased SET hash = zeroblob(16)", DS_OK},
    {"UPDATE erased SET when_ms = -9223372036854775808", DS_OK},
    {"INSERT INTO erased VALUES (zeroblob(16), 1)", DS_CORRUPT},
    {"UPDATE returned SET hash = x'00'", DS_CORRUPT},
    {"UPDATE returned SET generation = 0", DS_CORRUPT},
    {"UPDATE returned SET generation = 2", DS_CORRUPT},
    {"UPDATE returned SET generation = 4294967297", DS_CORRUPT},
    {"UPDATE returned SET generation = -1", DS_CORRUPT},
    {"UPDATE returned SET erasures = 0", DS_CORRUPT},
    {"UPDATE returned SET erasures = 3", DS_CORRUPT},
    {"UPDATE returned SET erasures = -4294967295", DS_CORRUPT},
    {"UPDATE returned SET reason = CAST(zeroblob(70000) AS TEXT)", DS_OK},
    {"UPDATE returned SET reason = CAST(x'fffe0a00' AS TEXT)", DS_OK},
    {"DROP TABLE erased; CREATE TABLE erased(hash, when_ms); INSERT INTO erased VALUES (NULL, 1)",
     DS_CORRUPT},
    {"DROP TABLE erased; CREATE TABLE erased(hash, when_ms); INSERT INTO erased VALUES (7, 'x')",
     DS_CORRUPT},
    {"ALTER TABLE erased RENAME TO mine; CREATE VIEW erased AS WITH RECURSIVE c(x) AS (SELECT 1"
     " UNION ALL SELECT x + 1 FROM c) SELECT zeroblob(16) AS hash, x AS when_ms FROM c",
     DS_CORRUPT},
    {"CREATE TRIGGER t AFTER INSERT ON erased BEGIN DELETE FROM erased; END", DS_CORRUPT},
    {"CREATE TABLE more(x)", DS_CORRUPT},
    {"CREATE INDEX i ON erased(when_ms)", DS_CORRUPT},
    {"ALTER TABLE erased ADD COLUMN more INTEGER", DS_CORRUPT},
};

// Runs it over the image's database.
static void edit(keys_image *image, const char *sql) {
  ds_io_sim *sim = keys_put(image);
  ds_io *io = ds_io_sim_io(sim);
  ds_sqlite *database = NULL;
  char *message = NULL;
  assert_int_equal(ds_sqlite_open(io, keys_files[0], DS_SQLITE_WRITE_JOURNAL, &database, NULL),
                   DS_OK);
  if (sqlite3_exec(ds_sqlite_handle(database), sql, NULL, NULL, &message) != SQLITE_OK)
    fail_msg("%s: %s", sql, message);
  ds_sqlite_close(database);
  free(image->bytes[KEYS_DATABASE]);
  assert_int_equal(ds_io_read_file(io, keys_files[0], 1 << 24, &image->bytes[KEYS_DATABASE],
                                   &image->size[KEYS_DATABASE], NULL), DS_OK);
  ds_io_sim_free(sim);
}

static void wrong_tables_and_rows_are_told(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    keys_image image;
    keys_make(&image);
    edit(&image, changes[i].sql);
    const ds_code code = keys_live(&image, true);
    if (code != changes[i].code)
      print_error("%s: %s\n", changes[i].sql, ds_code_name(code));
    assert_int_equal(code, changes[i].code);
    keys_image_done(&image);
  }
}

static void count_line(void *context, const char *line) {
  (void)line;
  ++*(uint32_t *)context;
}

// What opening does not look at, checking does: no key of anybody erased is there, all else is.
static void checking_finds_what_opening_does_not(void **state) {
  static const char *const edits[] = {
      "DELETE FROM family", "UPDATE family SET keys = x''", "UPDATE family SET path = path - 1",
      "UPDATE erased SET hash = zeroblob(16)"};
  (void)state;
  for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
    keys_image image;
    ds_vault *vault = NULL;
    uint32_t lines = 0;
    keys_make(&image);
    edit(&image, edits[i]);
    ds_io_sim *sim = keys_put(&image);
    assert_int_equal(keys_open(sim, false, image.fingerprint, &vault), DS_OK);
    assert_int_equal(ds_vault_check(vault, count_line, &lines, NULL), DS_OK);
    assert_true(lines > 0);
    ds_vault_close(vault);
    ds_io_sim_free(sim);
    keys_image_done(&image);
  }
}

// What a reader is shown of somebody whose events are in the files still, beside damaged keys.
static void expect_nobody(store_world *world, uint32_t person, uint32_t *ret_shown) {
  ds_store *store = NULL;
  ds_error err = {.message = ""};
  world_content content = {.events = 0};
  ds_code code = keys_tried(world_open(world, false, &store, &err), &err);
  if (code == DS_OK)
    code = world_try_read(world, store, &content);
  assert_true(code == DS_OK || code == DS_CORRUPT || code == DS_VERSION || code == DS_BUSY ||
              code == DS_MISSING);
  for (uint32_t b = 0; b < world->batches; b++)
    assert_int_equal(content.people[b] >> person & 1, 0);
  *ret_shown += code == DS_OK && content.events > 0;
  ds_store_close(store);
}

static void put_keys(store_world *world, const char *bytes, size_t size) {
  const ds_code code =
      ds_io_replace_file(world->io, world->path, "store/keys.sqlite", bytes, size, NULL);
  assert_int_equal(code, DS_OK);
}

// A store whose files still hold the events of somebody erased shows them beside no damaged keys.
static void a_store_with_damaged_keys_hides_the_erased(void **state) {
  enum { PERSON = 3 };
  store_world *world = *state;
  ds_store *store = world_open_ok(world, true);
  char *bytes;
  size_t size;
  uint32_t shown = 0;
  for (uint32_t i = 0; i < 2; i++)
    assert_int_equal(world_append(world, store, 40), DS_OK);
  assert_int_equal(ds_store_seal(store, NULL), DS_OK);
  assert_int_equal(world_erase_keys(world, store, PERSON), DS_OK);
  ds_store_close(store);
  assert_int_equal(ds_io_read_file(world->io, "store/keys.sqlite", 1 << 24, &bytes, &size, NULL),
                   DS_OK);
  expect_nobody(world, PERSON, &shown);
  assert_int_equal(shown, 1);
  for (size_t at = 0; at < size; at += sweep_stride(97)) {
    bytes[at] = (char)(bytes[at] ^ 0x11);
    put_keys(world, bytes, size);
    expect_nobody(world, PERSON, &shown);
    bytes[at] = (char)(bytes[at] ^ 0x11);
  }
  for (size_t to = 0; to < size; to += 512) {
    put_keys(world, bytes, to);
    expect_nobody(world, PERSON, &shown);
  }
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_sound_vault_is_as_told, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_changed_byte_brings_nobody_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_short_file_brings_nobody_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_strange_file_is_told, set_up, tear_down),
      cmocka_unit_test(wrong_tables_and_rows_are_told),
      cmocka_unit_test(checking_finds_what_opening_does_not),
      cmocka_unit_test_setup_teardown(a_store_with_damaged_keys_hides_the_erased, world_set_up_sim,
                                      world_tear_down),
  };
  return cmocka_run_group_tests_name("damaged vaults", tests, NULL, NULL);
}
