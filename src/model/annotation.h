// SPDX-License-Identifier: Apache-2.0
// A dated note that people wrote beside their data: a campaign, a strike. May use nothing.
#ifndef DS_MODEL_ANNOTATION_H
#define DS_MODEL_ANNOTATION_H

#include <stdint.h>

// A day without a zone, in days since 1970, and what was noted on it, one line.
typedef struct ds_annotation {
  int64_t day;
  const char *text;
} ds_annotation;

#endif
