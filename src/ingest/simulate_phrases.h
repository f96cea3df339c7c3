// SPDX-License-Identifier: Apache-2.0
// Review texts from small tables of sentences, English and Portuguese: what is liked or not about
// delivery, product and service. A text is drawn as a number and written later. May use base/,
// ingest/simulate_dice.h.
#ifndef DS_INGEST_SIMULATE_PHRASES_H
#define DS_INGEST_SIMULATE_PHRASES_H

#include "ingest/simulate_dice.h"

// A text that fits the stars: about the delivery mostly when that came late, about the service when
// its response was slow, else about any of the three.
uint32_t ds_sim_draw_phrases(ds_dice *dice, bool portuguese, uint32_t stars, bool late, bool slow);

// Writes the text (at most DS_SIM_REVIEW_BYTES_MAX bytes, UTF-8, no quotation mark, no control
// character); returns its end.
char *ds_sim_put_phrases(char *at, uint32_t phrases);

#endif
