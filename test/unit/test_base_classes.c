// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/classes.h"

enum { CODES = 200, CLASSES = 300, WORDS = CODES / 64 + 1 };

static uint32_t random_of(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

// Against a look at each code: every length, tables of every size about the vectors' bounds.
static void test_bits_are_those_of_each_code(void **state) {
  (void)state;
  static const uint32_t sizes[] = {1, 2, 15, 16, 17, 31, 32, 33, 127, 128, 129, 256, 257, CLASSES};
  uint32_t seed = 1;
  for (uint32_t round = 0; round < sizeof sizes / sizeof *sizes * 40; round++) {
    const uint32_t classes = sizes[round % (sizeof sizes / sizeof *sizes)];
    const uint32_t count = random_of(&seed) % (CODES + 1), bits = random_of(&seed) % 8 + 1;
    uint8_t class_of[CLASSES];
    uint16_t codes[CODES];
    uint64_t room[8][WORDS], *to[8];
    for (uint32_t c = 0; c < classes; c++)
      class_of[c] = (uint8_t)random_of(&seed);
    for (uint32_t i = 0; i < count; i++)
      codes[i] = (uint16_t)(random_of(&seed) % classes);
    memset(room, 0xa5, sizeof room);
    for (uint32_t b = 0; b < 8; b++)
      to[b] = room[b];
    ds_class_bits(class_of, classes, codes, count, to, bits);
    for (uint32_t b = 0; b < 8; b++)
      for (uint32_t i = 0; i < WORDS * 64; i++) {
        const uint32_t bit = room[b][i / 64] >> (i % 64) & 1;
        if (b >= bits || i / 64 >= (count + 63) / 64)
          assert_int_equal(bit, 0xa5 >> (i % 8) & 1); // nothing else is written
        else
          assert_int_equal(bit, i < count ? class_of[codes[i]] >> b & 1 : 0);
      }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bits_are_those_of_each_code),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
