// SPDX-License-Identifier: Apache-2.0
// Results of the process question to render in tests.
#ifndef DS_TEST_RENDER_SAMPLE_H
#define DS_TEST_RENDER_SAMPLE_H

#include "render/render.h"

// A result under construction with its tables, and where it is rendered to.
typedef struct sample {
  ds_arena arena;
  ds_buf out;
  ds_result result;
  ds_table *nodes;
  ds_table *edges;
} sample;

// An empty result with both tables; three touchpoints with lines, an option and two notes.
void sample_init(sample *made);
void sample_small(sample *made);
void sample_done(sample *made);

// Adds a row; a negative median is null.
void sample_node(sample *made, const char *name, int64_t count, int64_t starts, int64_t ends);
void sample_edge(sample *made, const char *from, const char *to, int64_t count, double median_ms);

// Renders; the text is valid until the next call, "" on failure.
const char *sample_text(sample *made, const char *format, const ds_render_options *options,
                        ds_code *ret_code);

#endif
