// SPDX-License-Identifier: Apache-2.0
// Comparing arrays of one type, included once for each: COMPARE_TYPE, and the names of the two
// functions. For evaluate.c only. 64 events give a word; where few of them have a value, those
// alone are looked at.

static inline __attribute__((always_inline)) void
COMPARE_BYTES(const COMPARE_TYPE *restrict x, const COMPARE_TYPE *restrict y, bool constant,
              uint32_t count, lang_kind kind, uint8_t *restrict met) {
  if (kind == LANG_EQUAL)
    for (uint32_t i = 0; i < count; i++)
      met[i] = x[i] == y[constant ? 0 : i];
  else if (kind == LANG_LESS)
    for (uint32_t i = 0; i < count; i++)
      met[i] = x[i] < y[constant ? 0 : i];
  else
    for (uint32_t i = 0; i < count; i++)
      met[i] = x[i] <= y[constant ? 0 : i];
}

static uint64_t COMPARE_WORD(const COMPARE_TYPE *x, const COMPARE_TYPE *y, bool x_constant,
                             bool y_constant, uint32_t count, lang_kind kind, uint64_t present) {
  uint64_t word = 0;
  if (x_constant || few(present)) {
    for (; present != 0; present &= present - 1) {
      const uint32_t bit = (uint32_t)__builtin_ctzll(present);
      const COMPARE_TYPE a = x[x_constant ? 0 : bit], b = y[y_constant ? 0 : bit];
      const bool met = kind == LANG_EQUAL ? a == b : kind == LANG_LESS ? a < b : a <= b;
      word |= (uint64_t)met << bit;
    }
    return word;
  }
  uint8_t met[64] = {0};
  if (y_constant)
    COMPARE_BYTES(x, y, true, count, kind, met);
  else
    COMPARE_BYTES(x, y, false, count, kind, met);
  return ds_bits_pack64(met) & present;
}

#undef COMPARE_TYPE
#undef COMPARE_BYTES
#undef COMPARE_WORD
