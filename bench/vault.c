// SPDX-License-Identifier: Apache-2.0
// bench_vault: what sealing and opening one value costs, in nanoseconds. Prints "what<TAB>ns".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "store/vault.h"

enum { VALUES = 200000, ROUNDS = 5, TEXT_BYTES = 31 };

// Seals, or opens, a value each of subjects number i % people; the best of some rounds.
static double measure(ds_io *io, ds_vault *vault, uint32_t people, bool open) {
  double best = 0;
  ds_buf out;
  ds_arena arena;
  ds_buf_init(&out, (size_t)1 << 20);
  ds_arena_init(&arena, (size_t)1 << 20);
  for (int round = 0; round < ROUNDS; round++) {
    const int64_t start = io->ops->monotonic_ns(io);
    for (uint32_t i = 0; i < VALUES; i++) {
      char subject[32], text[TEXT_BYTES + 1];
      const uint32_t person = (uint32_t)round * VALUES + i % people;
      const ds_vault_place place = {
          {subject, (uint32_t)snprintf(subject, sizeof subject, "customer_id=C%u", person)},
          ds_str_of("order_placed"), ds_str_of("email")};
      ds_value value = {.type = DS_TYPE_STRING};
      value.text = (ds_str){
          text, (uint32_t)snprintf(text, sizeof text, "person%08u@example.com", person)};
      ds_value sealed, back;
      ds_buf_reset(&out);
      if (ds_vault_seal(vault, &place, &value, &out, &sealed, NULL) != DS_OK)
        exit(1);
      for (uint32_t k = 0; open && k < 4; k++) {
        ds_arena_reset(&arena);
        if (ds_vault_unseal(vault, &place, &sealed, &arena, &back, NULL) != DS_OK)
          exit(1);
      }
    }
    const double ns = (double)(io->ops->monotonic_ns(io) - start) / VALUES;
    best = round == 0 || ns < best ? ns : best;
  }
  ds_buf_done(&out);
  ds_arena_done(&arena);
  return best;
}

int main(int argc, char **argv) {
  ds_io *io = ds_io_posix();
  const ds_vault_options options = {
      .io = io, .directory = argc > 1 ? argv[1] : ".", .write = true};
  ds_vault *vault;
  ds_error err = {.message = ""};
  if (ds_vault_open(&options, &vault, &err) != DS_OK) {
    fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  const double known = measure(io, vault, 16, false);
  const double fresh = measure(io, vault, VALUES, false);
  const double opened = (measure(io, vault, 16, true) - known) / 4;
  printf("seal, a subject just met\t%.0f\nseal, a subject not met lately\t%.0f\n"
         "open, a subject just met\t%.0f\n", known, fresh, opened);
  ds_vault_close(vault);
  return 0;
}
