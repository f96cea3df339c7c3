// SPDX-License-Identifier: Apache-2.0
// What a core dump of a process with an open vault would hold: no key and no personal value that
// was sealed. All mappings that are not kept out of dumps (VmFlags `dd` in /proc/self/smaps) are
// looked through, stack and heap and what was freed of them too. What is looked for lies in
// guarded memory itself, so that the search does not find its own needles.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "store/vault_state.h"

enum { PEOPLE = 300, TEXT_BYTES = 32, RANGES_MAX = 4096, NEEDLES_MAX = 1024, HEAD_BYTES = 8 };

typedef struct range {
  uintptr_t first, end;
} range;

// The mappings that a dump would hold.
static uint32_t dumped_ranges(range ranges[RANGES_MAX]) {
  FILE *maps = fopen("/proc/self/smaps", "r");
  char line[1024];
  uint32_t count = 0;
  range one = {0, 0};
  bool readable = false;
  assert_non_null(maps);
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long first, end;
    char how[8];
    if (sscanf(line, "%lx-%lx %7s", &first, &end, how) == 3) {
      one = (range){first, end};
      readable = how[0] == 'r' && strstr(line, "[v") == NULL; // the kernel's own pages
    } else if (strncmp(line, "VmFlags:", 8) == 0 && readable && strstr(line, " dd") == NULL) {
      assert_true(count < RANGES_MAX);
      ranges[count++] = one;
    }
  }
  (void)fclose(maps);
  return count;
}

// What is looked for: pointers into guarded memory, and bits of the heads that occur.
typedef struct needles {
  const uint8_t *at[NEEDLES_MAX];
  size_t size[NEEDLES_MAX];
  uint32_t count;
  uint8_t heads[1 << 16];
} needles;

static uint16_t head_of(uint64_t head) { return (uint16_t)(head * 0x9e3779b97f4a7c15u >> 48); }

static void look_for(needles *all, const void *at, size_t size) {
  uint64_t head;
  assert_true(all->count < NEEDLES_MAX && size >= HEAD_BYTES);
  memcpy(&head, at, sizeof head);
  all->heads[head_of(head)] = 1;
  all->at[all->count] = at;
  all->size[all->count++] = size;
}

// Whether one of them stands at `at`. Reads what sanitizers would not let it read.
__attribute__((no_sanitize("address", "undefined", "thread"))) static bool
stands(const needles *all, const uint8_t *at, const uint8_t *end) {
  for (uint32_t n = 0; n < all->count; n++) {
    size_t same = 0;
    while (same < all->size[n] && at + same < end && at[same] == all->at[n][same])
      same++;
    if (same == all->size[n])
      return true;
  }
  return false;
}

__attribute__((no_sanitize("address", "undefined", "thread"))) static uint32_t
count_in(const needles *all, const uint8_t *at, const uint8_t *end) {
  uint32_t found = 0;
  uint64_t head = 0; // the eight bytes from `at` on, in the order of a load
  for (uint32_t i = 0; i < HEAD_BYTES - 1 && at + i < end; i++)
    head |= (uint64_t)at[i] << (8 * (i + 1));
  for (; at + HEAD_BYTES <= end; at++) {
    head = head >> 8 | (uint64_t)at[HEAD_BYTES - 1] << 56;
    if (all->heads[head_of(head)] != 0)
      found += stands(all, at, end);
  }
  return found;
}

// How often a dump would hold one of them.
static uint32_t count_dumped(const needles *all) {
  static range ranges[RANGES_MAX];
  const uint32_t count = dumped_ranges(ranges);
  uint32_t found = 0;
  for (uint32_t r = 0; r < count; r++)
    found += count_in(all, (const uint8_t *)ranges[r].first, (const uint8_t *)ranges[r].end);
  return found;
}

// What is planted: in guarded memory.
typedef struct planted {
  char email[PEOPLE][TEXT_BYTES];
  char master[2 * VAULT_MASTER_BYTES]; // the key's file as text
} planted;

static ds_vault *open_vault(const char *directory) {
  const ds_vault_options options = {.io = ds_io_posix(), .directory = directory, .write = true};
  ds_vault *vault;
  assert_int_equal(ds_vault_open(&options, &vault, NULL), DS_OK);
  return vault;
}

static void seal_all(ds_vault *vault, planted *guarded) {
  ds_buf out;
  ds_buf_init(&out, 1 << 20);
  for (uint32_t i = 0; i < PEOPLE; i++) {
    char subject[32];
    const ds_vault_place place = {
        {subject, (uint32_t)snprintf(subject, sizeof subject, "customer_id=C%u", i)},
        ds_str_of("order_placed"), ds_str_of("email")};
    const int size = snprintf(guarded->email[i], TEXT_BYTES, "planted%u@example.com", i);
    const ds_value value = {.type = DS_TYPE_STRING, .text = {guarded->email[i], (uint32_t)size}};
    ds_value sealed;
    assert_int_equal(ds_vault_seal(vault, &place, &value, &out, &sealed, NULL), DS_OK);
    char hashed[DS_VAULT_SUBJECT_BYTES];
    ds_vault_subject(vault, ds_str_of("email"), value.text, hashed);
  }
  ds_buf_done(&out);
}

static void take_master(const char *directory, planted *guarded) {
  char path[256];
  (void)snprintf(path, sizeof path, "%s/key", directory);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  (void)setvbuf(file, NULL, _IONBF, 0);
  assert_int_equal(fseek(file, sizeof "doorstep-key-1 " - 1, SEEK_SET), 0);
  assert_int_equal(fread(guarded->master, 1, sizeof guarded->master, file),
                   sizeof guarded->master);
  (void)fclose(file);
}

static void look_for_secrets(needles *all, const ds_vault *vault, const planted *guarded) {
  const vault_guarded *own = vault->guarded;
  uint32_t subjects = 0;
  look_for(all, guarded->master, sizeof guarded->master);
  look_for(all, own->master, sizeof own->master);
  look_for(all, own->secrets.lookup, sizeof own->secrets.lookup);
  look_for(all, own->secrets.leaf, sizeof own->secrets.leaf);
  for (uint32_t i = 0; i < VAULT_KEYS; i++) {
    if (!own->keys[i].is_there)
      continue;
    subjects++;
    look_for(all, own->keys[i].value, sizeof own->keys->value);
    look_for(all, own->keys[i].nonce, sizeof own->keys->nonce);
  }
  assert_true(subjects > VAULT_KEYS / 4);
  for (uint32_t i = 0; i < PEOPLE; i++)
    look_for(all, guarded->email[i], strlen(guarded->email[i]));
}

static void a_dump_holds_no_key_and_nothing_sealed(void **state) {
  (void)state;
  if (access("/proc/self/smaps", R_OK) != 0) {
    print_message("skip dump: this system does not say what it would dump\n");
    skip();
  }
  char directory[] = "/tmp/doorstep.dump.XXXXXX", path[256];
  assert_non_null(mkdtemp(directory));
  ds_vault *vault = open_vault(directory);
  ds_vault_close(vault); // made, and then read
  vault = open_vault(directory);
  planted *guarded = sodium_malloc(sizeof *guarded);
  assert_non_null(guarded);
  memset(guarded, 0, sizeof *guarded);
  static needles some, all;
  // The search finds what does lie in common memory.
  char *marker = malloc(TEXT_BYTES);
  assert_non_null(marker);
  (void)snprintf(marker, TEXT_BYTES, "marker %d", getpid());
  (void)snprintf(guarded->email[0], TEXT_BYTES, "marker %d", getpid());
  look_for(&some, guarded->email[0], strlen(guarded->email[0]));
  assert_true(count_dumped(&some) >= 1);
  free(marker);
  seal_all(vault, guarded);
  take_master(directory, guarded);
  look_for_secrets(&all, vault, guarded);
  assert_int_equal(count_dumped(&all), 0);
  ds_vault_close(vault);
  sodium_free(guarded);
  static const char *const files[] = {"key", "keys.sqlite"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    (void)snprintf(path, sizeof path, "%s/%s", directory, files[i]);
    (void)unlink(path);
  }
  assert_int_equal(rmdir(directory), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_dump_holds_no_key_and_nothing_sealed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
