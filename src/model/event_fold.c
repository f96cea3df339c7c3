// SPDX-License-Identifier: Apache-2.0
#include "model/event_fold.h"

#include <assert.h>

enum { FLAGS_ROW = 3, FLAG_RECEIVED = 1, FLAG_ID = 2, FLAG_SAME = 4, FLAG_BARE = 8 };

static inline uint8_t *put_varint(uint8_t *to, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    *to++ = (uint8_t)(value | 0x80);
  *to++ = (uint8_t)value;
  return to;
}

static inline uint64_t take_varint(const uint8_t **at) {
  uint64_t value = 0;
  for (uint32_t shift = 0;; shift += 7) {
    const uint8_t byte = *(*at)++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80)
      return value;
  }
}

// A difference of two instants, which lie within DS_TIME_MAX_MS.
static inline uint8_t *put_difference(uint8_t *to, int64_t value) {
  return put_varint(to, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static inline int64_t take_difference(const uint8_t **at) {
  const uint64_t value = take_varint(at);
  return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static inline uint8_t *put(uint8_t *to, const void *data, size_t size) {
  memcpy(to, data, size);
  return to + size;
}

uint8_t *ds_fold_row(ds_fold *fold, const uint8_t *row, uint8_t *to) {
  ds_row head;
  const uint8_t *tail = ds_row_open(row, &head);
  const uint32_t tail_size = (uint32_t)(row + head.size - tail);
  const bool same = head.subject.size == fold->subject_size && fold->subject != NULL &&
                    memcmp(head.subject.data, fold->subject, fold->subject_size) == 0;
  const uint8_t flags = row[12];
  assert((flags & ~FLAGS_ROW) == 0);
  *to++ = (uint8_t)(flags | (same ? FLAG_SAME : 0) | (tail_size == 0 ? FLAG_BARE : 0));
  to = put_varint(to, head.touchpoint);
  to = put_varint(to, head.source);
  to = put_difference(to, head.time_ms - fold->time_ms);
  fold->time_ms = head.time_ms;
  if ((flags & FLAG_RECEIVED) != 0)
    to = put_difference(to, head.received_ms - head.time_ms);
  if ((flags & FLAG_ID) != 0)
    to = put(to, &head.id, 8);
  if (!same) {
    to = put_varint(to, head.subject.size);
    fold->subject = to;
    fold->subject_size = head.subject.size;
    to = put(to, head.subject.data, head.subject.size);
  }
  if (tail_size > 0) {
    to = put(to, row + 13, 3);
    to = put_varint(to, tail_size);
    to = put(to, tail, tail_size);
  }
  return to;
}

const uint8_t *ds_unfold_row(ds_fold *fold, const uint8_t *at, uint32_t import, uint64_t arrival,
                             uint8_t *to) {
  const uint8_t flags = *at++;
  const uint16_t touchpoint = (uint16_t)take_varint(&at);
  const uint16_t source = (uint16_t)take_varint(&at);
  fold->time_ms += take_difference(&at);
  uint8_t *end = put(to + 16, &fold->time_ms, 8);
  if ((flags & FLAG_RECEIVED) != 0) {
    const int64_t received_ms = fold->time_ms + take_difference(&at);
    end = put(end, &received_ms, 8);
  }
  if ((flags & FLAG_ID) != 0) {
    end = put(end, at, 8);
    at += 8;
  }
  end = put(end, &arrival, 8);
  if ((flags & FLAG_SAME) == 0) {
    fold->subject_size = (uint32_t)take_varint(&at);
    fold->subject = at;
    at += fold->subject_size;
  }
  const uint16_t subject_size = (uint16_t)fold->subject_size;
  end = put(end, &subject_size, 2);
  end = put(end, fold->subject, subject_size);
  memset(to + 13, 0, 3);
  if ((flags & FLAG_BARE) == 0) {
    memcpy(to + 13, at, 3);
    at += 3;
    const uint32_t tail_size = (uint32_t)take_varint(&at);
    end = put(end, at, tail_size);
    at += tail_size;
  }
  const uint32_t size = (uint32_t)(end - to);
  memcpy(to, &size, 4);
  memcpy(to + 4, &touchpoint, 2);
  memcpy(to + 6, &source, 2);
  memcpy(to + 8, &import, 4);
  to[12] = flags & FLAGS_ROW;
  return at;
}
