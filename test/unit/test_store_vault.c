// SPDX-License-Identifier: Apache-2.0
// The vault: the tree of keys against a plain table of all leaves' keys; sealing, its limits and
// what must not open; erasing, rotating; sweeps on the simulated machine: power loss before and
// errors at every operation of a vault's life. `operation, policy` makes a case again; all of them
// run with DS_STRESS=1, else one in so many.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/limits.h"
#include "long_run.h"
#include "memory_faults.h"
#include "model/event.h"
#include "store/key_tree.h"
#include "store/vault.h"

enum { POLICIES = 4, FAMILIES_MAX = 4096 };

// A shelf in memory.
typedef struct shelf_row {
  uint32_t level;
  uint64_t path;
  ds_key_family family;
} shelf_row;
typedef struct memory_shelf {
  shelf_row row[FAMILIES_MAX];
  uint32_t count;
} memory_shelf;

static ds_code shelf_load(void *context, uint32_t level, uint64_t path, ds_key_family *ret_family,
                          bool *ret_there, ds_error *err) {
  (void)err;
  memory_shelf *shelf = context;
  *ret_there = false;
  for (uint32_t i = 0; i < shelf->count && !*ret_there; i++) {
    if (shelf->row[i].level != level || shelf->row[i].path != path)
      continue;
    *ret_family = shelf->row[i].family;
    *ret_there = true;
  }
  return DS_OK;
}

static ds_code shelf_save(void *context, uint32_t level, uint64_t path,
                          const ds_key_family *family, ds_error *err) {
  (void)err;
  memory_shelf *shelf = context;
  uint32_t i = 0;
  while (i < shelf->count && (shelf->row[i].level != level || shelf->row[i].path != path))
    i++;
  assert_true(i < FAMILIES_MAX);
  shelf->count += i == shelf->count;
  shelf->row[i] = (shelf_row){level, path, *family};
  return DS_OK;
}

static bool derive(const ds_key_shelf *shelf, ds_key_known *known, uint64_t leaf, uint8_t *key) {
  bool there = false;
  assert_int_equal(ds_key_tree_derive(shelf, known, leaf, key, &there, NULL), DS_OK);
  return there;
}

// Leaves that lie near and far from each other.
static uint64_t leaf_of(uint32_t i) {
  const uint64_t far = (uint64_t)i * 0x9E3779B97F4A7C15u;
  return i % 3 == 0 ? far : i % 3 == 1 ? i : 0xABCDEF0000000000u + ((uint64_t)i << (i % 40));
}

// K1-K3: after each puncture exactly the punctured leaves have no key, and no other key is new.
static void tree_loses_only_what_was_punctured(void **state) {
  (void)state;
  enum { LEAVES = 300, PUNCTURES = 60 };
  static uint8_t before[LEAVES][DS_TREE_KEY_BYTES];
  bool gone[LEAVES] = {false};
  memory_shelf *memory = calloc(1, sizeof *memory);
  ds_key_known *known = calloc(1, sizeof *known);
  ds_key_shelf shelf = {memory, shelf_load, shelf_save};
  ds_key_family first = {.present = UINT16_MAX};
  for (uint32_t i = 0; i < sizeof first.key; i++)
    ((uint8_t *)first.key)[i] = (uint8_t)(i * 7 + i / 256);
  assert_int_equal(shelf_save(memory, 0, 0, &first, NULL), DS_OK);
  for (uint32_t i = 0; i < LEAVES; i++) {
    assert_true(derive(&shelf, known, leaf_of(i), before[i]));
    for (uint32_t k = 0; k < i; k++)
      assert_true(leaf_of(k) == leaf_of(i) || memcmp(before[k], before[i], 32) != 0);
  }
  for (uint32_t round = 0; round < PUNCTURES; round++) {
    const uint32_t at = round * 37 % LEAVES;
    assert_int_equal(ds_key_tree_puncture(&shelf, leaf_of(at), NULL), DS_OK);
    for (uint32_t i = 0; i < LEAVES; i++)
      gone[i] = gone[i] || leaf_of(i) == leaf_of(at);
    memset(known, 0, sizeof *known);
    for (uint32_t i = 0; i < LEAVES; i++) {
      uint8_t key[DS_TREE_KEY_BYTES];
      assert_int_equal(derive(&shelf, i % 2 == 0 ? known : NULL, leaf_of(i), key), !gone[i]);
      if (!gone[i])
        assert_memory_equal(key, before[i], sizeof key);
    }
  }
  // The key of a punctured leaf, and of every node above it, is stored nowhere.
  for (uint32_t r = 0; r < memory->count; r++)
    for (uint32_t child = 0; child < DS_TREE_FAN; child++)
      for (uint32_t i = 0; i < LEAVES; i++)
        assert_true(!gone[i] || memcmp(memory->row[r].family.key[child], before[i], 32) != 0);
  free(known);
  free(memory);
}

// A machine with a store's directory.
typedef struct place {
  ds_io_sim *sim;
  ds_io *io;
  ds_arena arena;
  ds_buf out;
} place;

static void restart(place *own) {
  ds_io_sim_free(own->sim);
  own->sim = ds_io_sim_new(7);
  own->io = ds_io_sim_io(own->sim);
  assert_int_equal(own->io->ops->mkdir(own->io, "store", NULL), DS_OK);
  assert_int_equal(own->io->ops->sync_dir(own->io, "/", NULL), DS_OK);
}

static int set_up(void **state) {
  place *own = calloc(1, sizeof *own);
  ds_arena_init(&own->arena, 64 << 20);
  ds_buf_init(&own->out, 64 << 20);
  restart(own);
  *state = own;
  return 0;
}

static int tear_down(void **state) {
  place *own = *state;
  assert_int_equal(ds_io_sim_open_files(own->sim), 0); // I12
  ds_io_sim_free(own->sim);
  ds_arena_done(&own->arena);
  ds_buf_done(&own->out);
  free(own);
  return 0;
}

static ds_code try_open(place *own, bool write, uint64_t fingerprint, ds_vault **ret, ds_error *e) {
  const ds_vault_options options = {
      .io = own->io, .directory = "store", .fingerprint = fingerprint, .write = write};
  return ds_vault_open(&options, ret, e);
}

static ds_vault *open_ok(place *own, bool write, uint64_t fingerprint) {
  ds_vault *vault = NULL;
  ds_error err = {.message = ""};
  const ds_code code = try_open(own, write, fingerprint, &vault, &err);
  if (code != DS_OK)
    print_error("%s\n", err.message);
  assert_int_equal(code, DS_OK);
  return vault;
}

static ds_vault_place at(const char *subject, const char *touchpoint, const char *property) {
  return (ds_vault_place){ds_str_of(subject), ds_str_of(touchpoint), ds_str_of(property)};
}

// A copy of the sealed form in the arena.
static ds_value seal_ok(place *own, ds_vault *vault, ds_vault_place here, const ds_value *value) {
  ds_value sealed = {.type = DS_TYPE_NULL};
  assert_int_equal(ds_vault_seal(vault, &here, value, &own->out, &sealed, NULL), DS_OK);
  assert_int_equal(sealed.type, DS_TYPE_SEALED);
  sealed.text.data = ds_arena_text(&own->arena, sealed.text.data, sealed.text.size);
  return sealed;
}

static ds_value text(const char *words) {
  return (ds_value){.type = DS_TYPE_STRING, .text = ds_str_of(words)};
}

static void expect_opens(place *own, ds_vault *vault, ds_vault_place here, const ds_value *sealed,
                         const ds_value *value) {
  ds_value back = {.type = DS_TYPE_NULL};
  assert_int_equal(ds_vault_unseal(vault, &here, sealed, &own->arena, &back, NULL), DS_OK);
  assert_int_equal(back.type, value->type);
  if (value->type == DS_TYPE_STRING)
    assert_true(ds_str_equal(back.text, value->text));
  else
    assert_int_equal(back.i, value->i);
}

static ds_code opens(place *own, ds_vault *vault, ds_vault_place here, const ds_value *sealed) {
  ds_value back;
  return ds_vault_unseal(vault, &here, sealed, &own->arena, &back, NULL);
}

// V3, V4: every type comes back, at its place only, and only as it was written.
static void values_open_where_they_were_sealed(void **state) {
  place *own = *state;
  ds_vault *vault = open_ok(own, true, 0);
  const ds_vault_place here = at("customer_id=C1", "order_placed", "email");
  const ds_value number = {.type = DS_TYPE_NUMBER, .number = -0.1};
  const ds_value day = {.type = DS_TYPE_DATE, .i = -3000};
  const ds_value values[] = {text("alice@example.com"), text(""), text("\0b"), number, day,
                             {.type = DS_TYPE_BOOL, .i = 1}};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    const ds_value sealed = seal_ok(own, vault, here, &values[i]);
    expect_opens(own, vault, here, &sealed, &values[i]);
    assert_true(values[i].type != DS_TYPE_STRING ||
                sealed.text.size == values[i].text.size + DS_SEAL_BYTES);
    for (uint32_t byte = 0; byte < sealed.text.size; byte++) {
      char *bytes = (char *)sealed.text.data;
      bytes[byte] ^= 4;
      assert_int_equal(opens(own, vault, here, &sealed), DS_CORRUPT);
      bytes[byte] ^= 4;
    }
    ds_value cut = sealed;
    for (cut.text.size = 0; cut.text.size < sealed.text.size; cut.text.size++)
      assert_int_equal(opens(own, vault, here, &cut), DS_CORRUPT);
  }
  const ds_value alice = seal_ok(own, vault, here, &values[0]);
  const ds_value again = seal_ok(own, vault, here, &values[0]);
  assert_true(ds_str_equal(alice.text, again.text));
  const ds_vault_place others[] = {at("customer_id=C2", "order_placed", "email"),
                                   at("customer_id=C1", "order_placed", "name"),
                                   at("customer_id=C1", "order_place", "demail"),
                                   at("customer_id=C1", "delivered", "email")};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    assert_int_equal(opens(own, vault, others[i], &alice), DS_CORRUPT);
    const ds_value there = seal_ok(own, vault, others[i], &values[0]);
    assert_false(ds_str_equal(there.text, alice.text));
  }
  ds_vault_close(vault);
}

static void a_text_may_have_64_kib(void **state) {
  place *own = *state;
  ds_vault *vault = open_ok(own, true, 0);
  char *long_text = calloc(1, DS_TEXT_BYTES_MAX + 1);
  ds_value value = {.type = DS_TYPE_STRING, .text = {long_text, DS_TEXT_BYTES_MAX}};
  const ds_vault_place here = at("a=b", "t", "p");
  const ds_value sealed = seal_ok(own, vault, here, &value);
  expect_opens(own, vault, here, &sealed, &value);
  value.text.size++;
  ds_value none;
  assert_int_equal(ds_vault_seal(vault, &here, &value, &own->out, &none, NULL), DS_LIMIT);
  free(long_text);
  ds_vault_close(vault);
}

static void another_process_opens_the_same(void **state) {
  place *own = *state;
  ds_vault *vault = open_ok(own, true, 0);
  const ds_vault_place here = at("customer_id=C1", "order_placed", "email");
  const ds_value value = text("alice@example.com");
  const ds_value sealed = seal_ok(own, vault, here, &value);
  const uint64_t fingerprint = ds_vault_fingerprint(vault);
  char subject[DS_VAULT_SUBJECT_BYTES];
  char again[DS_VAULT_SUBJECT_BYTES];
  ds_vault_subject(vault, ds_str_of("email"), value.text, subject);
  assert_int_equal(strlen(subject), strlen("email=#") + 32);
  ds_vault_close(vault);
  const uint64_t operations = ds_io_sim_operations(own->sim);
  for (int write = 0; write < 2; write++) {
    vault = open_ok(own, write == 1, fingerprint);
    assert_int_equal(ds_vault_fingerprint(vault), fingerprint);
    expect_opens(own, vault, here, &sealed, &value);
    ds_vault_subject(vault, ds_str_of("email"), value.text, again);
    assert_string_equal(subject, again);
    ds_vault_subject(vault, ds_str_of("phone"), value.text, again);
    assert_string_not_equal(subject + 6, again + 6);
    ds_vault_close(vault);
  }
  assert_int_equal(ds_io_sim_operations(own->sim), operations); // it writes nothing
}

static void copy_file(place *own, const char *from, const char *to) {
  char *bytes;
  size_t size;
  assert_int_equal(ds_io_read_file(own->io, from, 1 << 24, &bytes, &size, NULL), DS_OK);
  assert_int_equal(ds_io_replace_file(own->io, "store", to, bytes, size, NULL), DS_OK);
  free(bytes);
}

static void expect_refused(place *own, uint64_t fingerprint, ds_code code, const char *words) {
  ds_error err = {.message = ""};
  ds_vault *vault = NULL;
  for (int write = 0; write < 2; write++) {
    assert_int_equal(try_open(own, write == 1, fingerprint, &vault, &err), code);
    if (strstr(err.message, words) == NULL)
      print_error("%s\n", err.message);
    assert_non_null(strstr(err.message, words));
  }
}

static void a_wrong_or_lost_key_is_told(void **state) {
  place *own = *state;
  ds_vault *vault = open_ok(own, true, 0);
  const uint64_t fingerprint = ds_vault_fingerprint(vault);
  ds_vault_close(vault);
  copy_file(own, "store/key", "store/kept");
  assert_int_equal(own->io->ops->unlink(own->io, "store/key", NULL), DS_OK);
  expect_refused(own, fingerprint, DS_MISSING, "the master key (key) is missing");
  expect_refused(own, 0, DS_MISSING, "the master key (key) is missing");
  assert_int_equal(ds_vault_make_key_file(own->io, "store/key", NULL), DS_OK);
  expect_refused(own, fingerprint, DS_CORRUPT, "does not open keys.sqlite");
  assert_int_not_equal(ds_vault_make_key_file(own->io, "store/key", NULL), DS_OK);
  assert_int_equal(ds_io_replace_file(own->io, "store", "store/key", "secret\n", 7, NULL), DS_OK);
  expect_refused(own, fingerprint, DS_CORRUPT, "key is not a key file");
  copy_file(own, "store/kept", "store/key");
  expect_refused(own, fingerprint ^ 1, DS_CORRUPT, "keys.sqlite is of another store");
  ds_vault_close(open_ok(own, false, fingerprint));
  assert_int_equal(own->io->ops->unlink(own->io, "store/keys.sqlite", NULL), DS_OK);
  expect_refused(own, fingerprint, DS_MISSING, "keys.sqlite is missing"); // never made anew
}

static void erase_ok(ds_vault *vault, const char *subject) {
  const ds_str one = ds_str_of(subject);
  assert_int_equal(ds_vault_erase(vault, &one, 1, 5, NULL), DS_OK);
}

// V2, for this process and the next; others keep theirs.
static void erased_subjects_lose_their_keys(void **state) {
  place *own = *state;
  enum { SUBJECTS = 40 };
  ds_vault *vault = open_ok(own, true, 0);
  const uint64_t fingerprint = ds_vault_fingerprint(vault);
  const ds_value value = text("alice@example.com");
  ds_value sealed[SUBJECTS];
  char name[SUBJECTS][16];
  for (uint32_t i = 0; i < SUBJECTS; i++) {
    snprintf(name[i], sizeof name[i], "user_id=%u", i);
    sealed[i] = seal_ok(own, vault, at(name[i], "t", "p"), &value);
  }
  for (uint32_t i = 0; i < SUBJECTS; i += 3)
    erase_ok(vault, name[i]);
  for (int round = 0; round < 2; round++) {
    ds_value none;
    assert_int_equal(ds_vault_erased_count(vault), (SUBJECTS + 2) / 3);
    for (uint32_t i = 0; i < SUBJECTS; i++) {
      const ds_vault_place here = at(name[i], "t", "p");
      assert_int_equal(ds_vault_is_erased(vault, here.subject), i % 3 == 0);
      assert_int_equal(opens(own, vault, here, &sealed[i]), i % 3 == 0 ? DS_NO : DS_OK);
      assert_int_equal(ds_vault_seal(vault, &here, &value, &own->out, &none, NULL),
                       i % 3 == 0 ? DS_NO : DS_OK);
    }
    ds_vault_close(vault);
    vault = open_ok(own, round == 0, fingerprint);
  }
  ds_vault_close(vault);
}

static void print_line(void *context, const char *line) {
  uint32_t *lines = context;
  print_error("%s\n", line);
  ++*lines;
}

static void rotation_leaves_the_old_key_behind(void **state) {
  place *own = *state;
  ds_vault *vault = open_ok(own, true, 0);
  const uint64_t fingerprint = ds_vault_fingerprint(vault);
  const ds_value value = text("+49 30 123456");
  const ds_vault_place here = at("user_id=7", "t", "phone");
  const ds_value sealed = seal_ok(own, vault, here, &value);
  erase_ok(vault, "user_id=8");
  copy_file(own, "store/key", "store/old");
  assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_OK);
  expect_opens(own, vault, here, &sealed, &value);
  ds_vault_close(vault);
  vault = open_ok(own, true, fingerprint);
  expect_opens(own, vault, here, &sealed, &value);
  uint32_t lines = 0;
  assert_int_equal(ds_vault_check(vault, print_line, &lines, NULL), DS_OK);
  assert_int_equal(lines, 0);
  assert_int_equal(ds_vault_make_key_file(own->io, "outside", NULL), DS_OK);
  assert_int_equal(ds_vault_rotate(vault, "outside", NULL), DS_OK);
  assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_USAGE);
  ds_vault_close(vault);
  expect_refused(own, fingerprint, DS_CORRUPT, "does not open keys.sqlite");
  copy_file(own, "store/old", "store/key");
  expect_refused(own, fingerprint, DS_CORRUPT, "does not open keys.sqlite");
  const ds_vault_options options = {.io = own->io, .directory = "store", .key_file = "outside",
                                    .fingerprint = fingerprint};
  assert_int_equal(ds_vault_open(&options, &vault, NULL), DS_OK);
  expect_opens(own, vault, here, &sealed, &value);
  ds_vault_close(vault);
}

// Another process changes the master key while this one reads: what it has not read yet opens by
// the new one, and nothing is called damaged.
static void a_rotation_is_no_damage_to_readers(void **state) {
  enum { SUBJECTS = 20 };
  place *own = *state;
  const ds_value value = text("alice@example.com");
  ds_value sealed[SUBJECTS];
  char name[SUBJECTS][16];
  uint32_t lines = 0;
  ds_vault *writer = open_ok(own, true, 0);
  for (uint32_t i = 0; i < SUBJECTS; i++) {
    snprintf(name[i], sizeof name[i], "user_id=%u", i);
    sealed[i] = seal_ok(own, writer, at(name[i], "t", "p"), &value);
  }
  for (uint32_t i = 0; i < SUBJECTS; i += 2) // so that there are many families to read
    erase_ok(writer, name[i]);
  ds_vault *reader = open_ok(own, false, ds_vault_fingerprint(writer));
  for (int round = 0; round < 3; round++) {
    assert_int_equal(ds_vault_rotate(writer, NULL, NULL), DS_OK);
    for (uint32_t i = 1; round < 2 && i < SUBJECTS; i += 2)
      expect_opens(own, reader, at(name[i], "t", "p"), &sealed[i], &value);
    assert_int_equal(ds_vault_check(reader, print_line, &lines, NULL), DS_OK);
    assert_int_equal(lines, 0);
  }
  ds_vault_close(reader);
  ds_vault_close(writer);
}

// What a writer that died or had no room has left half done, a reader cannot tidy up: it says who
// can, and not that somebody is at work.
static void a_change_cut_short_is_told(void **state) {
  enum { OPERATIONS_MAX = 200 };
  place *own = *state;
  const ds_str gone = ds_str_of("user_id=gone");
  uint32_t told = 0;
  ds_code code = DS_FULL;
  for (uint64_t k = 0; k < OPERATIONS_MAX && code != DS_OK; k++) {
    restart(own);
    ds_vault *vault = open_ok(own, true, 0);
    const uint64_t fingerprint = ds_vault_fingerprint(vault);
    ds_error err = {.message = ""};
    ds_io_sim_fail_at(own->sim, k, DS_FULL, true);
    code = ds_vault_erase(vault, &gone, 1, 5, NULL);
    ds_vault_close(vault);
    ds_io_sim_fail_at(own->sim, (uint64_t)1 << 60, DS_IO, false);
    const ds_code seen = try_open(own, false, fingerprint, &vault, &err);
    if (seen == DS_OK)
      ds_vault_close(vault);
    else
      assert_string_equal(err.message, "a change of keys.sqlite was cut short: the next command "
                                       "that writes, such as doorstep compact, puts it right");
    assert_true(seen == DS_OK || seen == DS_BUSY);
    told += seen == DS_BUSY;
    ds_vault_close(open_ok(own, true, fingerprint));
    ds_vault_close(open_ok(own, false, fingerprint));
  }
  assert_int_equal(code, DS_OK);
  assert_true(told > 0);
}

// Every flipped bit of keys.sqlite and key is told, or changes nothing.
static void flipped_bits_are_told(void **state) {
  place *own = *state;
  const ds_value value = text("alice@example.com");
  const ds_vault_place here = at("user_id=7", "t", "p");
  ds_vault *vault = open_ok(own, true, 0);
  const uint64_t fingerprint = ds_vault_fingerprint(vault);
  const ds_value sealed = seal_ok(own, vault, here, &value);
  erase_ok(vault, "user_id=8");
  ds_vault_close(vault);
  static const char *const files[] = {"store/keys.sqlite", "store/key"};
  for (size_t f = 0; f < 2; f++) {
    char *bytes;
    size_t size;
    assert_int_equal(ds_io_read_file(own->io, files[f], 1 << 24, &bytes, &size, NULL), DS_OK);
    free(bytes);
    for (uint64_t bit = f; bit < size * 8; bit += f == 0 ? 41 : 3) {
      assert_int_equal(ds_io_sim_flip(own->sim, files[f], bit, NULL), DS_OK);
      const ds_code code = try_open(own, false, fingerprint, &vault, NULL);
      if (code == DS_OK) {
        const ds_code opened = opens(own, vault, here, &sealed);
        assert_true(opened == DS_OK || opened == DS_CORRUPT);
        if (opened == DS_OK)
          expect_opens(own, vault, here, &sealed, &value);
        ds_vault_close(vault);
      }
      assert_true(code == DS_OK || code == DS_CORRUPT || code == DS_VERSION || code == DS_BUSY ||
                  code == DS_IO);
      assert_int_equal(ds_io_sim_flip(own->sim, files[f], bit, NULL), DS_OK);
    }
  }
}

static void readmit_ok(ds_vault *vault, const char *subject, const char *reason) {
  assert_int_equal(
      ds_vault_readmit(vault, ds_str_of(subject), 9, ds_str_of(reason), NULL), DS_OK);
}

// V5: each time with another key, which opens nothing of before; the others keep theirs. Whether
// somebody is to go depends on what the store has done since.
static void who_comes_back_has_another_key(void **state) {
  enum { TIMES = 3 };
  place *own = *state;
  const ds_vault_place here = at("user_id=8", "t", "p"), other = at("user_id=9", "t", "p");
  const ds_value value = text("alice@example.com");
  char reason[DS_REASON_BYTES_MAX + 2];
  ds_value sealed[TIMES + 1], none;
  ds_vault *vault = open_ok(own, true, 0);
  const uint64_t fingerprint = ds_vault_fingerprint(vault);
  const ds_value others = seal_ok(own, vault, other, &value);
  memset(reason, 'x', sizeof reason);
  const ds_str long_reason = {reason, DS_REASON_BYTES_MAX + 1};
  assert_int_equal(ds_vault_readmit(vault, here.subject, 9, ds_str_of("r"), NULL), DS_NO);
  sealed[0] = seal_ok(own, vault, here, &value);
  for (uint32_t i = 0; i < TIMES; i++) {
    erase_ok(vault, "user_id=8");
    assert_int_equal(ds_vault_seal(vault, &here, &value, &own->out, &none, NULL), DS_NO);
    assert_true(ds_vault_is_to_go(vault, here.subject, i + 1));
    assert_int_equal(ds_vault_readmit(vault, here.subject, 9, long_reason, NULL), DS_LIMIT);
    readmit_ok(vault, "user_id=8", i == 0 ? "asked for it" : "");
    assert_int_equal(ds_vault_readmit(vault, here.subject, 9, ds_str_of("r"), NULL), DS_NO);
    if (i == 1)
      assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_OK);
    sealed[i + 1] = seal_ok(own, vault, here, &value);
    ds_vault_close(vault);
    for (int write = 0; write < 2; write++) {
      uint32_t count = 0;
      vault = open_ok(own, write == 1, fingerprint);
      assert_int_equal(ds_vault_erased_count(vault), i + 1);
      assert_int_equal(ds_vault_count_erased(own->io, "store", &count, NULL), DS_OK);
      assert_int_equal(count, i + 1);
      assert_false(ds_vault_is_erased(vault, here.subject));
      assert_true(ds_vault_is_to_go(vault, here.subject, i));
      assert_false(ds_vault_is_to_go(vault, here.subject, i + 1));
      assert_false(ds_vault_is_to_go(vault, other.subject, 0));
      for (uint32_t k = 0; k <= i + 1; k++)
        assert_int_equal(opens(own, vault, here, &sealed[k]), k == i + 1 ? DS_OK : DS_CORRUPT);
      expect_opens(own, vault, other, &others, &value);
      if (write == 0)
        ds_vault_close(vault);
    }
  }
  ds_vault_close(vault);
}

// What a vault's life has shown to its user.
typedef struct life {
  uint64_t fingerprint; // 0: it was not yet named by a MANIFEST
  ds_value sealed[3];   // of kept, first, second
  bool erased[3];       // acknowledged
  bool tried[3];
  bool returned, returning; // the first
} life;

static const char *const names[3] = {"user_id=kept", "user_id=first", "user_id=second"};

static ds_code erase_one(life *seen, ds_vault *vault, uint32_t which) {
  const ds_str one = ds_str_of(names[which]);
  seen->tried[which] = true;
  TRY(ds_vault_erase(vault, &one, 1, 5, NULL));
  seen->erased[which] = true;
  return DS_OK;
}

// Takes the first in again.
static ds_code take_back(life *seen, ds_vault *vault) {
  seen->returning = true;
  TRY(ds_vault_readmit(vault, ds_str_of(names[1]), 9, ds_str_of("asked"), NULL));
  seen->returned = true;
  return DS_OK;
}

// Makes a vault, erases, rotates, erases, takes one back; in two processes. Stops at the first
// failure.
static ds_code run_life(place *own, life *seen) {
  const ds_value value = text("alice@example.com");
  ds_vault *vault;
  *seen = (life){0};
  TRY(try_open(own, true, 0, &vault, NULL));
  seen->fingerprint = ds_vault_fingerprint(vault);
  for (uint32_t i = 0; i < 3; i++)
    seen->sealed[i] = seal_ok(own, vault, at(names[i], "t", "p"), &value);
  ds_code code = erase_one(seen, vault, 1);
  ds_vault_close(vault);
  TRY(code);
  TRY(try_open(own, true, seen->fingerprint, &vault, NULL));
  code = ds_vault_rotate(vault, NULL, NULL);
  if (code == DS_OK)
    code = erase_one(seen, vault, 2);
  if (code == DS_OK)
    code = take_back(seen, vault);
  ds_vault_close(vault);
  return code;
}

// I5, I13: it opens; who was kept can be read, who was erased cannot, in this process and the next;
// who was taken in again is let in, and nothing of before opens.
static void expect_sound(place *own, const life *seen) {
  const ds_value value = text("alice@example.com");
  bool gone[3] = {false};
  for (int round = 0; round < 3; round++) {
    ds_vault *vault = open_ok(own, round < 2, seen->fingerprint);
    for (uint32_t i = 0; i < 3 && seen->fingerprint != 0; i++) {
      const ds_vault_place here = at(names[i], "t", "p");
      const ds_code code = opens(own, vault, here, &seen->sealed[i]);
      assert_int_equal(code == DS_NO, ds_vault_is_erased(vault, here.subject));
      const bool returned = code == DS_CORRUPT;
      assert_true(returned ? i == 1 && seen->returning
                           : code == DS_NO ? seen->tried[i] && !(i == 1 && seen->returned)
                                           : code == DS_OK && !seen->erased[i]);
      assert_true(!gone[i] || code != DS_OK);
      gone[i] = code != DS_OK;
      if (code == DS_OK)
        expect_opens(own, vault, here, &seen->sealed[i], &value);
    }
    uint32_t lines = 0;
    assert_int_equal(ds_vault_check(vault, print_line, &lines, NULL), DS_OK);
    assert_int_equal(lines, 0);
    if (round == 0 && seen->fingerprint != 0)
      assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_OK); // I7
    ds_vault_close(vault);
    if (seen->fingerprint == 0)
      return;
  }
}

static bool is_taken(uint64_t operation, uint32_t way, uint32_t usual) {
  return (operation + way) % long_run_stride(usual) == 0;
}

static void a_vault_survives_power_loss(void **state) {
  place *own = *state;
  life seen;
  assert_int_equal(run_life(own, &seen), DS_OK);
  const uint64_t operations = ds_io_sim_operations(own->sim);
  for (uint64_t k = 2; k < operations; k++) {
    for (uint32_t policy = 0; policy < POLICIES; policy++) {
      if (!is_taken(k, policy, 3))
        continue;
      restart(own);
      ds_io_sim_crash_at(own->sim, k - ds_io_sim_operations(own->sim));
      const ds_code code = run_life(own, &seen);
      if (code == DS_OK)
        print_error("operation %u, policy %u\n", (unsigned)k, policy);
      assert_int_not_equal(code, DS_OK);
      ds_io_sim_power_loss(own->sim, (ds_loss)policy);
      expect_sound(own, &seen);
      ds_arena_reset(&own->arena);
      ds_buf_reset(&own->out);
    }
  }
}

// An error at an operation, then another process; or power loss, then another process.
static void a_vault_survives_errors(void **state) {
  place *own = *state;
  life seen;
  assert_int_equal(run_life(own, &seen), DS_OK);
  const uint64_t operations = ds_io_sim_operations(own->sim);
  for (uint64_t k = 2; k < operations; k++) {
    for (uint32_t way = 0; way < 2 * (POLICIES + 2); way++) {
      if (!is_taken(k, way, 7))
        continue;
      restart(own);
      ds_io_sim_fail_at(own->sim, k - ds_io_sim_operations(own->sim),
                        way % 2 == 0 ? DS_IO : DS_FULL, false);
      const ds_code code = run_life(own, &seen);
      if (code != DS_OK && code != (way % 2 == 0 ? DS_IO : DS_FULL))
        fail_msg("operation %ju: %s", (uintmax_t)k, ds_code_name(code));
      if (way / 2 < POLICIES)
        ds_io_sim_power_loss(own->sim, (ds_loss)(way / 2));
      if (way / 2 > POLICIES) { // the next process changes nothing, but for what was cut short
        ds_vault_close(open_ok(own, true, seen.fingerprint));
        ds_io_sim_power_loss(own->sim, DS_LOSS_ALL);
      }
      expect_sound(own, &seen);
      if (way / 2 == POLICIES) { // what the next process made of it is on disk
        ds_io_sim_power_loss(own->sim, DS_LOSS_ALL);
        expect_sound(own, &seen);
      }
      ds_arena_reset(&own->arena);
      ds_buf_reset(&own->out);
    }
  }
}

// A vault whose making failed anywhere and was tried again is on disk once it has been opened, and
// so is a master key that was rotated after a rotation that failed: what of the first tries is in
// sight need never come there.
static void a_vault_made_at_the_second_try_is_on_disk(void **state) {
  place *own = *state;
  const ds_value value = text("alice@example.com");
  const ds_vault_place here = at("user_id=kept", "t", "p");
  ds_vault *vault = open_ok(own, true, 0);
  ds_vault_close(vault);
  const uint64_t operations = ds_io_sim_operations(own->sim);
  for (uint64_t k = 0; k < operations; k++) {
    restart(own);
    ds_io_sim_fail_at(own->sim, k, DS_IO, false);
    if (try_open(own, true, 0, &vault, NULL) == DS_OK)
      ds_vault_close(vault);
    ds_io_sim_fail_at(own->sim, (uint64_t)1 << 60, DS_IO, false);
    vault = open_ok(own, true, 0);
    const uint64_t fingerprint = ds_vault_fingerprint(vault);
    const ds_value sealed = seal_ok(own, vault, here, &value);
    ds_vault_close(vault);
    for (uint64_t r = 0; r < 2; r++) {
      ds_io_sim_power_loss(own->sim, DS_LOSS_ALL);
      vault = open_ok(own, true, fingerprint);
      expect_opens(own, vault, here, &sealed, &value);
      ds_io_sim_fail_at(own->sim, k % 5, DS_IO, false);
      const ds_code first = ds_vault_rotate(vault, NULL, NULL);
      ds_io_sim_fail_at(own->sim, (uint64_t)1 << 60, DS_IO, false);
      ds_vault_close(vault);
      vault = open_ok(own, true, fingerprint);
      assert_true(first == DS_OK || ds_vault_rotate(vault, NULL, NULL) == DS_OK);
      ds_vault_close(vault);
    }
  }
}

// Uses a handle whose change has failed in every way: it refuses to change, and reads or says that
// it cannot. It never calls sound keys damaged.
static void use_after_failure(place *own, ds_vault *vault, const ds_value *sealed) {
  const ds_value value = text("alice@example.com");
  const ds_str other = ds_str_of("user_id=other"), gone = ds_str_of("user_id=gone");
  const ds_vault_place new_one = {other, ds_str_of("t"), ds_str_of("p")};
  uint32_t lines = 0;
  ds_value none;
  assert_int_equal(ds_vault_erase(vault, &other, 1, 5, NULL), DS_READONLY);
  assert_int_equal(ds_vault_readmit(vault, gone, 5, other, NULL), DS_READONLY);
  assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_READONLY);
  assert_true(ds_vault_is_erased(vault, gone));
  const ds_code code = opens(own, vault, at(names[0], "t", "p"), sealed);
  assert_true(code == DS_OK || code == DS_IO);
  if (code == DS_OK)
    expect_opens(own, vault, at(names[0], "t", "p"), sealed, &value);
  assert_int_equal(ds_vault_seal(vault, &new_one, &value, &own->out, &none, NULL), code);
  assert_int_equal(ds_vault_check(vault, print_line, &lines, NULL), code);
  assert_int_equal(lines, 0);
}

// A rotation that fails at any operation leaves a handle that changes nothing more, so that it
// cannot throw the one key away that opens what is on disk.
static void a_failed_rotation_is_the_last_change_of_its_handle(void **state) {
  enum { OPERATIONS_MAX = 60 };
  place *own = *state;
  const ds_value value = text("alice@example.com");
  const ds_vault_place here = at(names[0], "t", "p");
  uint32_t failures = 0;
  for (uint64_t k = 0; k < OPERATIONS_MAX; k++) {
    for (uint32_t way = 0; way < 2 * (POLICIES + 1); way++) {
      restart(own);
      ds_vault *vault = open_ok(own, true, 0);
      const uint64_t fingerprint = ds_vault_fingerprint(vault);
      const ds_value sealed = seal_ok(own, vault, here, &value);
      erase_ok(vault, "user_id=gone");
      if (way % 2 == 0) { // the first change of another process, which settles before it
        ds_vault_close(vault);
        vault = open_ok(own, true, fingerprint);
      }
      ds_io_sim_fail_at(own->sim, k, DS_IO, false);
      const ds_code code = ds_vault_rotate(vault, NULL, NULL);
      ds_io_sim_fail_at(own->sim, (uint64_t)1 << 60, DS_IO, false);
      failures += code != DS_OK;
      if (code != DS_OK)
        use_after_failure(own, vault, &sealed);
      ds_vault_close(vault);
      if (way / 2 < POLICIES)
        ds_io_sim_power_loss(own->sim, (ds_loss)(way / 2));
      vault = open_ok(own, true, fingerprint);
      expect_opens(own, vault, here, &sealed, &value);
      assert_true(ds_vault_is_erased(vault, ds_str_of("user_id=gone")));
      assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_OK); // I7
      ds_vault_close(vault);
      ds_arena_reset(&own->arena);
      ds_buf_reset(&own->out);
      if (code == DS_OK && k > 0)
        k = OPERATIONS_MAX;
    }
  }
  assert_true(failures > 100);
}

// Opens the vault, to read, while memory fails: rightly, or for want of memory not at all. Returns
// whether any was refused.
static bool open_without_memory(place *own, uint64_t fingerprint, uint64_t n, bool persistent) {
  ds_vault *vault = NULL;
  ds_error err = {.message = ""};
  bool refused = false;
  memory_faults_arm(n, persistent);
  const ds_code code = try_open(own, false, fingerprint, &vault, &err);
  (void)memory_faults_disarm(&refused);
  if (code == DS_OK)
    ds_vault_close(vault);
  else if (code != DS_MEMORY)
    fail_msg("allocation %ju: %s: %s", (uintmax_t)n, ds_code_name(code), err.message);
  return refused;
}

// Where a rotation was cut short, a key that no memory is left to read is not called a wrong one.
// A usual run looks at its last operations, behind the commit.
static void a_key_that_cannot_be_read_is_not_called_wrong(void **state) {
  enum { LAST = 8, PERSISTENT = 16 };
  place *own = *state;
  ds_vault *vault = open_ok(own, true, 0);
  const uint64_t before = ds_io_sim_operations(own->sim);
  assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_OK);
  const uint64_t operations = ds_io_sim_operations(own->sim) - before;
  ds_vault_close(vault);
  for (uint64_t k = long_run() ? 0 : operations - LAST; k < operations; k++) {
    restart(own);
    vault = open_ok(own, true, 0);
    const uint64_t fingerprint = ds_vault_fingerprint(vault);
    ds_io_sim_fail_at(own->sim, k, DS_IO, true);
    assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_IO);
    ds_io_sim_fail_at(own->sim, (uint64_t)1 << 60, DS_IO, false);
    ds_vault_close(vault);
    // What only a writer may tidy up no reader opens.
    if (try_open(own, false, fingerprint, &vault, NULL) == DS_BUSY)
      continue;
    ds_vault_close(vault);
    for (uint64_t n = 0; open_without_memory(own, fingerprint, n, false); n++)
      if (long_run() || n % PERSISTENT == 0)
        (void)open_without_memory(own, fingerprint, n, true);
  }
}

// V1: who was taken in again by a commit that failed, and is in sight of the next process, has a
// key that stays, once something was sealed by it.
static void a_return_in_sight_is_on_disk_before_it_is_used(void **state) {
  enum { OPERATIONS = 30 };
  place *own = *state;
  const ds_value value = text("alice@example.com");
  const ds_vault_place here = at("user_id=8", "t", "p");
  uint32_t used = 0;
  for (uint64_t k = 0; k < OPERATIONS; k++) {
    restart(own);
    ds_vault *vault = open_ok(own, true, 0);
    const uint64_t fingerprint = ds_vault_fingerprint(vault);
    erase_ok(vault, "user_id=8");
    ds_io_sim_fail_at(own->sim, k, DS_IO, false);
    const ds_code code = ds_vault_readmit(vault, here.subject, 9, ds_str_of("asked"), NULL);
    ds_io_sim_fail_at(own->sim, (uint64_t)1 << 60, DS_IO, false);
    ds_vault_close(vault);
    vault = open_ok(own, true, fingerprint);
    if (!ds_vault_is_erased(vault, here.subject)) {
      const ds_value sealed = seal_ok(own, vault, here, &value);
      used += code != DS_OK;
      ds_vault_close(vault);
      ds_io_sim_power_loss(own->sim, DS_LOSS_ALL);
      vault = open_ok(own, true, fingerprint);
      expect_opens(own, vault, here, &sealed, &value);
    }
    ds_vault_close(vault);
  }
  assert_true(used > 0);
}

// A store's vault that was copied, then rotated, and has erased somebody since.
static uint64_t copied_and_gone_on(place *own, ds_value *ret_sealed) {
  const ds_value value = text("alice@example.com");
  ds_vault_copied has;
  restart(own);
  ds_arena_reset(&own->arena);
  ds_buf_reset(&own->out);
  ds_vault *vault = open_ok(own, true, 0);
  const uint64_t fingerprint = ds_vault_fingerprint(vault);
  *ret_sealed = seal_ok(own, vault, at(names[0], "t", "p"), &value);
  assert_int_equal(own->io->ops->mkdir(own->io, "copy", NULL), DS_OK);
  assert_int_equal(own->io->ops->sync_dir(own->io, "/", NULL), DS_OK);
  assert_int_equal(ds_vault_copy(own->io, "store", "copy", &has, NULL), DS_OK);
  assert_int_equal(has, DS_VAULT_COPIED_WHOLE);
  assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_OK);
  erase_ok(vault, names[1]);
  ds_vault_close(vault);
  return fingerprint;
}

// Whether the copy knows who was erased; its keys open what was sealed in any case.
static bool copy_is_new(place *own, uint64_t fingerprint, const ds_value *sealed) {
  const ds_vault_options options = {
      .io = own->io, .directory = "copy", .fingerprint = fingerprint};
  const ds_value value = text("alice@example.com");
  ds_vault *vault;
  ds_error err = {.message = ""};
  const ds_code code = ds_vault_open(&options, &vault, &err);
  if (code != DS_OK)
    print_error("%s\n", err.message);
  assert_int_equal(code, DS_OK);
  expect_opens(own, vault, at(names[0], "t", "p"), sealed, &value);
  const bool is_new = ds_vault_is_erased(vault, ds_str_of(names[1]));
  ds_vault_close(vault);
  return is_new;
}

// Copies with the `k`-th operation as the last, or failed; then the power is lost, or not.
static ds_code copy_cut_short(place *own, uint64_t k, uint32_t way) {
  ds_vault_copied has;
  if (way < POLICIES)
    ds_io_sim_crash_at(own->sim, k);
  else
    ds_io_sim_fail_at(own->sim, k, way % 2 == 0 ? DS_IO : DS_FULL, false);
  const ds_code code = ds_vault_copy(own->io, "store", "copy", &has, NULL);
  ds_io_sim_fail_at(own->sim, (uint64_t)1 << 60, DS_IO, false);
  if (way < POLICIES + 2)
    ds_io_sim_power_loss(own->sim, (ds_loss)(way % POLICIES));
  return code;
}

// I4: a copy over an older one, of before a rotation, is at each instant one of the two, with the
// key that opens it; and so is the next, over what was cut short.
static void a_copy_is_whole_at_each_instant(void **state) {
  place *own = *state;
  ds_value sealed;
  ds_vault_copied has;
  uint64_t fingerprint = copied_and_gone_on(own, &sealed);
  assert_false(copy_is_new(own, fingerprint, &sealed));
  const uint64_t before = ds_io_sim_operations(own->sim);
  assert_int_equal(ds_vault_copy(own->io, "store", "copy", &has, NULL), DS_OK);
  assert_true(copy_is_new(own, fingerprint, &sealed));
  const uint64_t operations = ds_io_sim_operations(own->sim) - before;
  assert_true(operations > 8);
  for (uint64_t k = 0; k <= operations; k++) {
    for (uint32_t way = 0; way < POLICIES + 4; way++) {
      if (!is_taken(k, way, 3))
        continue;
      fingerprint = copied_and_gone_on(own, &sealed);
      const bool done = copy_cut_short(own, k, way) == DS_OK;
      assert_true(!done || k >= operations);
      assert_true(copy_is_new(own, fingerprint, &sealed) || !done);
      ds_vault *vault = open_ok(own, true, fingerprint);
      assert_int_equal(ds_vault_rotate(vault, NULL, NULL), DS_OK);
      ds_vault_close(vault);
      (void)copy_cut_short(own, (k * 5 + way) % (operations + 2), way);
      (void)copy_is_new(own, fingerprint, &sealed);
      assert_int_equal(ds_vault_copy(own->io, "store", "copy", &has, NULL), DS_OK);
      ds_io_sim_power_loss(own->sim, DS_LOSS_ALL);
      assert_true(copy_is_new(own, fingerprint, &sealed));
    }
  }
}

int main(void) {
  memory_faults_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tree_loses_only_what_was_punctured),
      cmocka_unit_test_setup_teardown(values_open_where_they_were_sealed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_text_may_have_64_kib, set_up, tear_down),
      cmocka_unit_test_setup_teardown(another_process_opens_the_same, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_wrong_or_lost_key_is_told, set_up, tear_down),
      cmocka_unit_test_setup_teardown(erased_subjects_lose_their_keys, set_up, tear_down),
      cmocka_unit_test_setup_teardown(who_comes_back_has_another_key, set_up, tear_down),
      cmocka_unit_test_setup_teardown(rotation_leaves_the_old_key_behind, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_rotation_is_no_damage_to_readers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_change_cut_short_is_told, set_up, tear_down),
      cmocka_unit_test_setup_teardown(flipped_bits_are_told, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_vault_survives_power_loss, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_vault_survives_errors, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_return_in_sight_is_on_disk_before_it_is_used, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_vault_made_at_the_second_try_is_on_disk, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_failed_rotation_is_the_last_change_of_its_handle, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_key_that_cannot_be_read_is_not_called_wrong, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_copy_is_whole_at_each_instant, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
