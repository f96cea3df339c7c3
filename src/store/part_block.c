// SPDX-License-Identifier: Apache-2.0
// Decodes the columns of a block that every journey and event has. Times are stored as gaps,
// which are decoded tile by tile and only summed up when absolute times are wanted.
#include <assert.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "store/block_reader.h"

ds_block_reader *ds_block_reader_new(void) {
  ds_block_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL)
    return NULL;
  ds_varbyte_tables_init(&reader->tables);
  ds_buf_init(&reader->chunk, UINT32_MAX);
  ds_buf_init(&reader->chunk_too, UINT32_MAX);
  ds_arena_init(&reader->arena, (size_t)4 << 30);
  return reader;
}

void ds_block_reader_free(ds_block_reader *reader) {
  if (reader == NULL)
    return;
  ds_buf_done(&reader->chunk);
  ds_buf_done(&reader->chunk_too);
  ds_arena_done(&reader->arena);
  for (uint32_t p = 0; p < reader->values_count; p++)
    free(reader->values[p].data);
  free(reader->values);
  void *const all[] = {reader->ints,         reader->offset,  reader->customer, reader->start_s,
                       reader->time_ms,      reader->gap_ms,  reader->source,   reader->touchpoint,
                       reader->millis_first, reader->import,  reader->arrival,  reader->id,
                       reader->received_ms, reader->again};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
  free(reader);
}

ds_code ds_block_unsound(const ds_block_task *task, uint32_t column, ds_error *err) {
  char where[128];
  if (task->reader->arena.refused)
    return ds_fail(err, DS_MEMORY, "out of memory for a block of events");
  return ds_fail(err, DS_CORRUPT, "%s: the data does not decode; run `doorstep check`",
                 ds_part_where(task->part, column, task->block, where));
}

// Brings one array to `count` elements when it is wanted; false without memory.
static bool fit(void *array_of, uint32_t count, size_t element, bool wanted, bool grown) {
  void **array = array_of;
  if (!wanted || (*array != NULL && !grown))
    return true;
  free(*array);
  *array = malloc((size_t)count * element);
  return *array != NULL;
}

// Arrays for a block; false without memory, and then the next call makes all of them anew.
static bool make_room(ds_block_reader *r, const ds_block_zone *zone, uint32_t want) {
  const bool journeys = zone->journeys > r->journeys_capacity;
  const bool events = zone->events > r->events_capacity;
  const uint32_t j = journeys ? zone->journeys + zone->journeys / 4 : r->journeys_capacity;
  const uint32_t e = events ? zone->events + zone->events / 4 : r->events_capacity;
  r->journeys_capacity = j;
  r->events_capacity = e;
  if (events) {
    // An array that this plan does not want must not be believed large enough by a later one.
    void **const all[] = {(void **)&r->time_ms,  (void **)&r->gap_ms, (void **)&r->received_ms,
                          (void **)&r->touchpoint, (void **)&r->source, (void **)&r->import,
                          (void **)&r->arrival,  (void **)&r->id,     (void **)&r->ints,
                          (void **)&r->again};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
      free(*all[i]);
      *all[i] = NULL;
    }
  }
  const bool made =
      fit(&r->ints, e, 8, true, events) && fit(&r->offset, j + 1, 4, true, journeys) &&
      fit(&r->customer, j, 4, true, journeys) && fit(&r->start_s, j, 8, true, journeys) &&
      fit(&r->millis_first, j, 2, true, journeys) &&
      fit(&r->time_ms, e + 4, 8, (want & (DS_WANT_TIME | DS_WANT_TIME_LATER)) != 0, events) &&
      fit(&r->gap_ms, e, 8, (want & (DS_WANT_TIME | DS_WANT_TIME_LATER | DS_WANT_GAP)) != 0,
          events) &&
      fit(&r->again, e / 64 + 2, 8, (want & DS_WANT_TIME_LATER) != 0, events) &&
      fit(&r->touchpoint, e, 2, (want & DS_WANT_TOUCHPOINT) != 0, events) &&
      fit(&r->received_ms, e, 8, (want & DS_WANT_RECEIVED) != 0, events) &&
      fit(&r->arrival, e, 8, (want & DS_WANT_ARRIVAL) != 0, events) &&
      fit(&r->id, e, 8, (want & DS_WANT_ID) != 0, events) &&
      fit(&r->source, e, 2, (want & DS_WANT_SOURCE) != 0, events) &&
      fit(&r->import, e, 4, (want & DS_WANT_IMPORT) != 0, events);
  if (!made)
    r->journeys_capacity = r->events_capacity = 0;
  return made;
}

// The only stream of a column's chunk; DS_CORRUPT also when the column is missing.
static ds_code stream_of(const ds_block_task *t, ds_column_kind kind, ds_stream *ret_stream,
                         ds_error *err) {
  const uint32_t column = ds_part_column(t->part, kind, 0);
  if (column == DS_NONE)
    return ds_fail(err, DS_CORRUPT, "part %llu lacks a column that every part has (kind %d)",
                   (unsigned long long)t->part->info.number, (int)kind);
  ds_reader in;
  TRY(ds_part_chunk(t->part, column, t->block, &t->reader->chunk, &in, err));
  if (!ds_stream_next(&in, ret_stream) || in.at != in.end)
    return ds_block_unsound(t, column, err);
  return DS_OK;
}

// The same as integers.
static ds_code ints_of(const ds_block_task *t, ds_column_kind kind, uint32_t count, uint64_t *out,
                       ds_error *err) {
  ds_stream stream;
  TRY(stream_of(t, kind, &stream, err));
  if (!ds_decode_ints(&stream, count, out))
    return ds_block_unsound(t, ds_part_column(t->part, kind, 0), err);
  return DS_OK;
}

static ds_code read_customers(const ds_block_task *t, ds_error *err) {
  ds_block_reader *r = t->reader;
  const ds_block_zone *zone = &t->part->zone[t->block];
  TRY(ints_of(t, DS_COLUMN_CUSTOMER, zone->journeys, r->ints, err));
  uint64_t customer = zone->customer_first;
  for (uint32_t j = 0; j < zone->journeys; j++) {
    customer += j == 0 ? 0 : r->ints[j] + 1;
    if (customer > zone->customer_last || r->ints[j] > UINT32_MAX)
      return ds_block_unsound(t, ds_part_column(t->part, DS_COLUMN_CUSTOMER, 0), err);
    r->customer[j] = (uint32_t)customer;
  }
  return DS_OK;
}

static ds_code read_journeys(const ds_block_task *t, ds_error *err) {
  ds_block_reader *r = t->reader;
  const ds_block_zone *zone = &t->part->zone[t->block];
  TRY(ints_of(t, DS_COLUMN_JOURNEY_EVENTS, zone->journeys, r->ints, err));
  uint64_t events = 0;
  bool sound = true;
  for (uint32_t j = 0; j < zone->journeys; j++) {
    r->offset[j] = (uint32_t)events;
    sound = sound && r->ints[j] > 0 && r->ints[j] <= zone->events;
    events += r->ints[j];
  }
  r->offset[zone->journeys] = zone->events;
  if (!sound || events != zone->events)
    return ds_block_unsound(t, ds_part_column(t->part, DS_COLUMN_JOURNEY_EVENTS, 0), err);
  return (t->columns->want & DS_WANT_TIME_LATER) != 0 ? DS_OK : read_customers(t, err);
}

// gap_ms of a tile from second gaps and (unless NULL) milliseconds; `before` is the millisecond
// of the event before the tile. At journey starts the result is wrong here and zeroed by the
// caller.
static inline __attribute__((always_inline)) void
gaps_loop(const uint32_t *restrict seconds, const uint16_t *restrict millis, uint32_t count,
          int32_t before, int64_t *restrict out) {
  if (millis == NULL) {
    for (uint32_t i = 0; i < count; i++)
      out[i] = (int64_t)((uint64_t)seconds[i] * 1000u);
    return;
  }
  out[0] = (int64_t)((uint64_t)seconds[0] * 1000u) + millis[0] - before;
  for (uint32_t i = 1; i < count; i++)
    out[i] = (int64_t)((uint64_t)seconds[i] * 1000u) + (millis[i] - millis[i - 1]);
}

#if defined(__x86_64__)
// The same loop for the compiler to vectorise with wider registers.
__attribute__((target("avx2"))) static void gaps_wide(const uint32_t *seconds,
                                                      const uint16_t *millis, uint32_t count,
                                                      int32_t before, int64_t *out) {
  gaps_loop(seconds, millis, count, before, out);
}
#endif

static void gaps_to_ms(const uint32_t *seconds, const uint16_t *millis, uint32_t count,
                       int32_t before, int64_t *out) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    gaps_wide(seconds, millis, count, before, out);
    return;
  }
#endif
  gaps_loop(seconds, millis, count, before, out);
}

// Opens the chunks of the time columns; the millisecond stream has size 0 when all are zero.
static ds_code open_times(const ds_block_task *t, ds_stream *gaps, ds_stream *millis,
                          uint32_t *ret_column, ds_error *err) {
  const uint32_t column = ds_part_column(t->part, DS_COLUMN_GAP_S, 0);
  if (column == DS_NONE)
    return ds_fail(err, DS_CORRUPT, "part %llu has no times",
                   (unsigned long long)t->part->info.number);
  ds_reader in;
  TRY(ds_part_chunk(t->part, column, t->block, &t->reader->chunk, &in, err));
  if (!ds_stream_next(&in, gaps))
    return ds_block_unsound(t, column, err);
  *millis = (ds_stream){0};
  *ret_column = column;
  const uint32_t millis_column = ds_part_column(t->part, DS_COLUMN_MILLIS, 0);
  if (millis_column == DS_NONE)
    return DS_OK;
  TRY(ds_part_chunk(t->part, millis_column, t->block, &t->reader->chunk_too, &in, err));
  if (in.at != in.end && !ds_stream_next(&in, millis))
    return ds_block_unsound(t, millis_column, err);
  return DS_OK;
}

static ds_code read_gaps(const ds_block_task *t, ds_error *err) {
  ds_block_reader *r = t->reader;
  const ds_block_zone *zone = &t->part->zone[t->block];
  ds_stream gaps, millis;
  uint32_t column = 0;
  TRY(open_times(t, &gaps, &millis, &column, err));
  uint32_t seconds[DS_TILE_EVENTS];
  uint16_t rest[DS_TILE_EVENTS];
  int32_t before = 0;
  uint32_t journey = 0;
  for (uint32_t first = 0; first < zone->events; first += DS_TILE_EVENTS) {
    const uint32_t left = zone->events - first;
    const uint32_t n = left < DS_TILE_EVENTS ? left : DS_TILE_EVENTS;
    if (!ds_decode_gaps(&gaps, zone->events, first, n, &r->tables, seconds) ||
        (millis.data != NULL && !ds_decode_millis(&millis, zone->events, first, n, rest)))
      return ds_block_unsound(t, column, err);
    gaps_to_ms(seconds, millis.data != NULL ? rest : NULL, n, before, r->gap_ms + first);
    before = millis.data != NULL ? rest[n - 1] : 0;
    for (; journey < zone->journeys && r->offset[journey] < first + n; journey++) {
      r->gap_ms[r->offset[journey]] = 0;
      r->millis_first[journey] = millis.data != NULL ? rest[r->offset[journey] - first] : 0;
    }
  }
  return DS_OK;
}

// The times of a journey's events from their gaps; its first is start_s behind the zone's first.
static ds_code journey_times(const ds_block_task *t, uint32_t j, uint64_t start_s, ds_error *err) {
  ds_block_reader *r = t->reader;
  const ds_block_zone *zone = &t->part->zone[t->block];
  const int64_t base = ds_floor_s(zone->time_min_ms);
  if (start_s > (uint64_t)(ds_floor_s(zone->time_max_ms) - base))
    return ds_block_unsound(t, ds_part_column(t->part, DS_COLUMN_START_S, 0), err);
  // Unsigned: gaps of a forged block may add up to anything, and are compared below.
  uint64_t time = ((uint64_t)base + start_s) * 1000 + (uint64_t)r->millis_first[j];
  for (uint32_t e = r->offset[j]; e < r->offset[j + 1]; e++) {
    time += (uint64_t)r->gap_ms[e];
    r->time_ms[e] = (int64_t)time;
  }
  if ((int64_t)time > zone->time_max_ms)
    return ds_block_unsound(t, ds_part_column(t->part, DS_COLUMN_GAP_S, 0), err);
  return DS_OK;
}

#if defined(__x86_64__)
// Eight at a time: the sums of each half, the low half's onto the high one, the carry onto both.
// Only the last step waits for the eight before.
__attribute__((target("avx2"))) static uint32_t sums_wide(uint32_t *seconds, uint32_t count,
                                                          uint32_t sum) {
  const __m256i last_of_low = _mm256_setr_epi32(0, 0, 0, 0, 3, 3, 3, 3);
  const __m256i last = _mm256_set1_epi32(7);
  const __m256i zero = _mm256_setzero_si256();
  __m256i carry = _mm256_set1_epi32((int)sum);
  for (uint32_t i = 0; i < count; i += 8) {
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(seconds + i));
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 4));
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 8));
    const __m256i low = _mm256_permutevar8x32_epi32(x, last_of_low);
    x = _mm256_add_epi32(x, _mm256_blend_epi32(zero, low, 0xf0));
    _mm256_storeu_si256((__m256i *)(void *)(seconds + i), _mm256_add_epi32(x, carry));
    carry = _mm256_add_epi32(carry, _mm256_permutevar8x32_epi32(x, last));
  }
  return (uint32_t)_mm256_cvtsi256_si32(carry);
}
#endif

// Running sums of seconds, going on from `sum`.
static uint32_t sums_make(uint32_t *seconds, uint32_t count, uint32_t sum) {
  uint32_t i = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    i = count & ~7u;
    sum = sums_wide(seconds, i, sum);
  }
#endif
  for (; i < count; i++)
    seconds[i] = sum += seconds[i];
  return sum;
}

// What the events of a tile have: running sums of seconds, and milliseconds (NULL: none). Behind
// the last one the loops below may look at a few more.
typedef struct tile_times {
  uint32_t seconds[DS_TILE_EVENTS + 4];
  uint16_t rest[DS_TILE_EVENTS + 4];
  const uint16_t *millis;
} tile_times;

// The times of `count` events from `at` on of the tile: `origin_ms` at the sum `base`.
static inline void times_loop(const tile_times *tile, uint32_t at, uint32_t count, uint32_t base,
                              int64_t origin_ms, int64_t *out) {
  for (uint32_t i = 0; i < count; i++)
    out[i] = origin_ms + (int64_t)(tile->seconds[at + i] - base) * 1000 +
             (tile->millis == NULL ? 0 : tile->millis[at + i]);
}

#if defined(__x86_64__)
// The same, four at a time: up to three more are written, which come after these. Tells whether the
// seconds ascend for sure.
__attribute__((target("avx2"))) static bool times_wide(const tile_times *tile, uint32_t at,
                                                       uint32_t count, uint32_t base,
                                                       int64_t origin_ms, int64_t *out) {
  const __m256i origin = _mm256_set1_epi64x(origin_ms), thousand = _mm256_set1_epi64x(1000);
  const __m128i first = _mm_set1_epi32((int)base);
  __m128i last = _mm_setzero_si128(), moved = last;
  for (uint32_t i = 0; i < count; i += 4) {
    const __m128i *sums = (const __m128i *)(const void *)(tile->seconds + at + i);
    const __m128i since = _mm_sub_epi32(_mm_loadu_si128(sums), first);
    const __m128i before = _mm_alignr_epi8(since, last, 12);
    moved = _mm_or_si128(moved, _mm_xor_si128(_mm_min_epu32(since, before), before));
    last = since;
    const __m256i ms = _mm256_mul_epu32(_mm256_cvtepu32_epi64(since), thousand);
    __m256i time = _mm256_add_epi64(origin, ms);
    if (tile->millis != NULL) {
      const __m128i *rest = (const __m128i *)(const void *)(tile->millis + at + i);
      time = _mm256_add_epi64(time, _mm256_cvtepu16_epi64(_mm_loadl_epi64(rest)));
    }
    _mm256_storeu_si256((__m256i *)(void *)(out + i), time);
  }
  return _mm_testz_si128(moved, moved) != 0;
}
#endif

// Makes these times, of one journey; false when they do not ascend, as of a forged block.
static bool times_make(const tile_times *tile, uint32_t at, uint32_t count, uint32_t base,
                       int64_t origin_ms, int64_t *out) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    if (times_wide(tile, at, count, base, origin_ms, out))
      return true;
  } else
#endif
    times_loop(tile, at, count, base, origin_ms, out);
  bool ascend = true;
  for (uint32_t i = 1; i < count; i++)
    ascend = ascend && tile->seconds[at + i] - base >= tile->seconds[at + i - 1] - base;
  return ascend;
}

// Whether the block's time is so short that sums of seconds do not wrap within a journey.
static bool is_narrow(const ds_block_zone *zone) {
  return ds_floor_s(zone->time_max_ms) - ds_floor_s(zone->time_min_ms) <= UINT32_MAX;
}

// All times of a narrow block, without gaps in between: a tile's sums, then journey by journey, a
// journey that goes on in the next tile in pieces.
static ds_code read_times_narrow(const ds_block_task *t, ds_error *err) {
  ds_block_reader *r = t->reader;
  const ds_block_zone *zone = &t->part->zone[t->block];
  const int64_t zone_s = ds_floor_s(zone->time_min_ms);
  const uint64_t seconds_max = (uint64_t)(ds_floor_s(zone->time_max_ms) - zone_s);
  ds_stream gaps, millis;
  tile_times tile = {.millis = NULL};
  uint32_t column = 0, sum = 0, base = 0, j = 0;
  bool sound = true;
  TRY(ints_of(t, DS_COLUMN_START_S, zone->journeys, r->ints, err));
  TRY(open_times(t, &gaps, &millis, &column, err));
  tile.millis = millis.data == NULL ? NULL : tile.rest;
  for (uint32_t first = 0; first < zone->events; first += DS_TILE_EVENTS) {
    const uint32_t left = zone->events - first;
    const uint32_t n = left < DS_TILE_EVENTS ? left : DS_TILE_EVENTS, end = first + n;
    if (!ds_decode_gaps(&gaps, zone->events, first, n, &r->tables, tile.seconds) ||
        (millis.data != NULL && !ds_decode_millis(&millis, zone->events, first, n, tile.rest)))
      return ds_block_unsound(t, column, err);
    sum = sums_make(tile.seconds, n, sum);
    for (uint32_t at = first; at < end;) {
      const uint32_t last = r->offset[j + 1] < end ? r->offset[j + 1] : end;
      const bool begins = at == r->offset[j];
      const uint64_t start_s = r->ints[j] <= seconds_max ? r->ints[j] : 0;
      base = begins ? tile.seconds[at - first] : base;
      sound = sound && start_s == r->ints[j] &&
              times_make(&tile, at - first, last - at, base, (zone_s + (int64_t)start_s) * 1000,
                         r->time_ms + at) &&
              (begins || r->time_ms[at] >= r->time_ms[at - 1]) &&
              r->time_ms[last - 1] <= zone->time_max_ms;
      j += last == r->offset[j + 1];
      at = last;
    }
  }
  return sound ? DS_OK : ds_block_unsound(t, column, err);
}

static ds_code read_times(const ds_block_task *t, ds_error *err) {
  const uint32_t want = t->columns->want, journeys = t->part->zone[t->block].journeys;
  if ((want & DS_WANT_GAP) == 0 && is_narrow(&t->part->zone[t->block]))
    return read_times_narrow(t, err);
  TRY(read_gaps(t, err));
  if ((want & DS_WANT_TIME) == 0)
    return DS_OK;
  TRY(ints_of(t, DS_COLUMN_START_S, journeys, t->reader->ints, err));
  for (uint32_t j = 0; j < journeys; j++)
    TRY(journey_times(t, j, t->reader->ints[j], err));
  return DS_OK;
}

// Opens the time columns of the block last read.
static ds_code later_open(const ds_block_task *t, ds_error *err) {
  ds_block_reader *r = t->reader;
  ds_later_times *later = &r->later;
  const ds_block_zone *zone = &t->part->zone[t->block];
  TRY(ints_of(t, DS_COLUMN_START_S, zone->journeys, r->ints, err));
  const uint64_t seconds_max =
      (uint64_t)(ds_floor_s(zone->time_max_ms) - ds_floor_s(zone->time_min_ms));
  for (uint32_t j = 0; j < zone->journeys; j++) {
    if (r->ints[j] > seconds_max)
      return ds_block_unsound(t, ds_part_column(t->part, DS_COLUMN_START_S, 0), err);
    r->start_s[j] = (int64_t)r->ints[j];
  }
  TRY(open_times(t, &later->gaps, &later->millis, &later->column, err));
  later->seconds = (uint32_t *)(void *)r->gap_ms;
  later->rest = (uint16_t *)(void *)r->ints;
  later->opened = true;
  return DS_OK;
}

// Which of 64 events from `at` on share their instant with the event before: gaps are not summed up
// yet.
static uint64_t again_each(const uint32_t *gap, const uint16_t *millis, uint32_t at,
                           uint32_t count) {
  uint64_t word = 0;
  for (uint32_t i = 0; i < count; i++) {
    const bool same = millis == NULL || at + i == 0 || millis[at + i] == millis[at + i - 1];
    word |= (uint64_t)(gap[at + i] == 0 && same) << i;
  }
  return word;
}

#if defined(__x86_64__)
// Of sixteen events, as many bits of each as two bytes have.
__attribute__((target("avx2"))) static inline __m256i again_16(const uint32_t *gap,
                                                               const uint16_t *millis) {
  const __m256i *gaps = (const __m256i *)(const void *)gap;
  const __m256i zero = _mm256_setzero_si256();
  const __m256i low = _mm256_cmpeq_epi32(_mm256_loadu_si256(gaps), zero);
  const __m256i high = _mm256_cmpeq_epi32(_mm256_loadu_si256(gaps + 1), zero);
  const __m256i same = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
  if (millis == NULL)
    return same;
  const __m256i here = _mm256_loadu_si256((const __m256i *)(const void *)millis);
  const __m256i before = _mm256_loadu_si256((const __m256i *)(const void *)(millis - 1));
  return _mm256_and_si256(same, _mm256_cmpeq_epi16(here, before));
}

__attribute__((target("avx2"))) static uint64_t again_64(const uint32_t *gap,
                                                         const uint16_t *millis) {
  uint64_t word = 0;
  for (uint32_t half = 0; half < 2; half++) {
    const uint32_t at = half * 32;
    const __m256i low = again_16(gap + at, millis == NULL ? NULL : millis + at);
    const __m256i high = again_16(gap + at + 16, millis == NULL ? NULL : millis + at + 16);
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
    word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(bytes) << at;
  }
  return word;
}
#endif

static void again_make(const ds_later_times *later, uint32_t at, uint32_t count,
                       uint64_t *again) {
  const uint16_t *millis = later->millis.data == NULL ? NULL : later->rest;
  for (const uint32_t end = at + count; at < end; at += 64) {
    const uint32_t some = end - at < 64 ? end - at : 64;
#if defined(__x86_64__)
    if (some == 64 && at > 0 && __builtin_cpu_supports("avx2")) {
      again[at / 64] = again_64(later->seconds + at, millis == NULL ? NULL : millis + at);
      continue;
    }
#endif
    again[at / 64] = again_each(later->seconds, millis, at, some);
  }
}

// Decodes the runs that hold the events [first, end), which come behind all before.
static ds_code later_decode(const ds_block_task *t, uint32_t first, uint32_t end, ds_error *err) {
  ds_block_reader *r = t->reader;
  ds_later_times *later = &r->later;
  const uint32_t events = t->part->zone[t->block].events;
  const uint32_t begin = first / DS_SKIP_EVENTS;
  later->done = later->done > begin ? later->done : begin;
  for (; later->done * DS_SKIP_EVENTS < end; later->done++) {
    const uint32_t at = later->done * DS_SKIP_EVENTS, left = events - at;
    const uint32_t n = left < DS_SKIP_EVENTS ? left : DS_SKIP_EVENTS;
    if (!ds_decode_gaps(&later->gaps, events, at, n, &r->tables, later->seconds + at) ||
        (later->millis.data != NULL &&
         !ds_decode_millis(&later->millis, events, at, n, later->rest + at)))
      return ds_block_unsound(t, later->column, err);
    again_make(later, at, n, r->again);
    later->sum = sums_make(later->seconds + at, n, later->sum);
  }
  return DS_OK;
}

static ds_code later_stored(void *of, uint32_t first, uint32_t end, ds_stored_times *ret_times,
                            ds_error *err) {
  ds_block_reader *r = of;
  const ds_later_times *later = &r->later;
  const ds_block_zone *zone = &later->part->zone[later->block];
  if (!later->opened || later->done * DS_SKIP_EVENTS < r->offset[end]) {
    const ds_block_task task = {.part = later->part, .block = later->block, .reader = r};
    if (!later->opened)
      TRY(later_open(&task, err));
    TRY(later_decode(&task, r->offset[first], r->offset[end], err));
  }
  *ret_times = (ds_stored_times){ds_floor_s(zone->time_min_ms) * 1000, r->start_s, later->seconds,
                                 later->millis.data != NULL ? later->rest : NULL, r->again};
  return DS_OK;
}

static bool later_narrow(const void *of) {
  const ds_later_times *later = &((const ds_block_reader *)of)->later;
  return is_narrow(&later->part->zone[later->block]);
}

static ds_code later_fill(void *of, uint32_t journey, ds_error *err) {
  ds_block_reader *r = of;
  const ds_later_times *later = &r->later;
  const ds_block_zone *zone = &later->part->zone[later->block];
  const uint32_t first = r->offset[journey], end = r->offset[journey + 1];
  ds_stored_times times;
  TRY(later_stored(of, journey, journey + 1, &times, err));
  // Step by step: over many years sums wrap. Unsigned: those of a forged block may be anything.
  uint64_t second_ms = (uint64_t)(times.base_ms + times.start_s[journey] * 1000);
  for (uint32_t e = first; e < end; e++) {
    const uint32_t gap = e == first ? 0 : times.second[e] - times.second[e - 1];
    second_ms += (uint64_t)gap * 1000;
    r->time_ms[e] = (int64_t)(second_ms + (times.millis == NULL ? 0 : times.millis[e]));
  }
  if (r->time_ms[end - 1] <= zone->time_max_ms)
    return DS_OK;
  const ds_block_task task = {.part = later->part, .block = later->block, .reader = r};
  return ds_block_unsound(&task, later->column, err);
}

static const ds_later_ops later_ops = {later_fill, later_stored, later_narrow};

static ds_code read_touchpoints(const ds_block_task *t, ds_error *err) {
  const uint32_t column = ds_part_column(t->part, DS_COLUMN_TOUCHPOINT, 0);
  if (column == DS_NONE)
    return ds_fail(err, DS_CORRUPT, "part %llu has no touchpoints",
                   (unsigned long long)t->part->info.number);
  ds_reader in;
  ds_stream stream;
  TRY(ds_part_chunk(t->part, column, t->block, &t->reader->chunk, &in, err));
  if (!ds_stream_next(&in, &stream) || in.at != in.end ||
      !ds_decode_mapped(&stream, t->part->zone[t->block].events, t->place->touchpoint,
                        t->part->space.touchpoints.count, t->reader->touchpoint))
    return ds_block_unsound(t, column, err);
  return DS_OK;
}

static ds_code read_received(const ds_block_task *t, ds_error *err) {
  ds_block_reader *r = t->reader;
  const uint32_t events = t->part->zone[t->block].events;
  const uint32_t column = ds_part_column(t->part, DS_COLUMN_RECEIVED, 0);
  ds_reader in = ds_reader_of(NULL, 0);
  if (column != DS_NONE)
    TRY(ds_part_chunk(t->part, column, t->block, &r->chunk, &in, err));
  ds_stream stream;
  if (in.at == in.end) {
    memset(r->ints, 0, (size_t)events * 8);
  } else if (!ds_stream_next(&in, &stream) || !ds_decode_ints(&stream, events, r->ints)) {
    return ds_block_unsound(t, column, err);
  }
  for (uint32_t e = 0; e < events; e++)
    r->received_ms[e] = (int64_t)((uint64_t)r->time_ms[e] + (uint64_t)ds_unzigzag(r->ints[e]));
  return DS_OK;
}

// Small integer columns, checked to fit what the block holds them in.
static ds_code read_narrow(const ds_block_task *t, ds_column_kind kind, uint64_t limit,
                           ds_error *err) {
  ds_block_reader *r = t->reader;
  const uint32_t events = t->part->zone[t->block].events;
  TRY(ints_of(t, kind, events, r->ints, err));
  for (uint32_t e = 0; e < events; e++) {
    if (r->ints[e] >= limit)
      return ds_block_unsound(t, ds_part_column(t->part, kind, 0), err);
    if (kind == DS_COLUMN_SOURCE)
      r->source[e] = t->place->source[r->ints[e]];
    else
      r->import[e] = (uint32_t)r->ints[e];
  }
  return DS_OK;
}

static ds_code read_subjects(const ds_block_task *t, ds_error *err) {
  ds_block_reader *r = t->reader;
  const uint32_t journeys = t->part->zone[t->block].journeys;
  const uint32_t column = ds_part_column(t->part, DS_COLUMN_SUBJECT_TEXT, 0);
  t->out->subject = ds_arena_array(&r->arena, journeys, sizeof *t->out->subject);
  if (column == DS_NONE)
    return ds_fail(err, DS_CORRUPT, "a block has no subjects");
  if (t->out->subject == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the subjects of a block");
  ds_reader in;
  ds_stream stream;
  TRY(ds_part_chunk(t->part, column, t->block, &r->chunk, &in, err));
  if (!ds_stream_next(&in, &stream) ||
      !ds_decode_texts(&stream, journeys, &r->arena, t->out->subject))
    return ds_block_unsound(t, column, err);
  return DS_OK;
}

static ds_code read_events(const ds_block_task *t, ds_error *err) {
  const uint32_t want = t->columns->want, events = t->part->zone[t->block].events;
  if ((want & (DS_WANT_TIME | DS_WANT_GAP)) != 0)
    TRY(read_times(t, err));
  if ((want & DS_WANT_TOUCHPOINT) != 0)
    TRY(read_touchpoints(t, err));
  if ((want & DS_WANT_RECEIVED) != 0)
    TRY(read_received(t, err));
  if ((want & DS_WANT_ARRIVAL) != 0)
    TRY(ints_of(t, DS_COLUMN_ARRIVAL, events, t->reader->arrival, err));
  if ((want & DS_WANT_ID) != 0)
    TRY(ints_of(t, DS_COLUMN_ID, events, t->reader->id, err));
  if ((want & DS_WANT_SOURCE) != 0)
    TRY(read_narrow(t, DS_COLUMN_SOURCE, t->part->space.sources.count, err));
  if ((want & DS_WANT_IMPORT) != 0)
    TRY(read_narrow(t, DS_COLUMN_IMPORT, (uint64_t)UINT32_MAX + 1, err));
  if ((want & DS_WANT_SUBJECT) != 0)
    TRY(read_subjects(t, err));
  return DS_OK;
}

// Shows the reader's arrays through the block, only those that were wanted.
static void show(const ds_block_task *t) {
  const ds_block_reader *r = t->reader;
  const uint32_t want = t->columns->want;
  ds_block *out = t->out;
  out->offset = r->offset;
  out->customer = r->customer;
  out->time_ms = (want & (DS_WANT_TIME | DS_WANT_TIME_LATER)) != 0 ? r->time_ms : NULL;
  out->later = (want & DS_WANT_TIME_LATER) != 0 ? &later_ops : NULL;
  out->later_of = t->reader;
  out->gap_ms = (want & DS_WANT_GAP) != 0 ? r->gap_ms : NULL;
  out->touchpoint = (want & DS_WANT_TOUCHPOINT) != 0 ? r->touchpoint : NULL;
  out->received_ms = (want & DS_WANT_RECEIVED) != 0 ? r->received_ms : NULL;
  out->arrival = (want & DS_WANT_ARRIVAL) != 0 ? r->arrival : NULL;
  out->id = (want & DS_WANT_ID) != 0 ? r->id : NULL;
  out->source = (want & DS_WANT_SOURCE) != 0 ? r->source : NULL;
  out->import = (want & DS_WANT_IMPORT) != 0 ? r->import : NULL;
}

ds_code ds_part_read_block(const ds_place *place, uint32_t block, const ds_columns *columns,
                           ds_block_reader *reader, ds_block *ret_block, ds_error *err) {
  assert(block < place->part->info.blocks);
  // Received is stored relative to the time, a property within the events of its touchpoint.
  ds_columns wanted = *columns;
  if ((wanted.want & DS_WANT_RECEIVED) != 0)
    wanted.want |= DS_WANT_TIME;
  if (wanted.properties_count > 0)
    wanted.want |= DS_WANT_TOUCHPOINT;
  assert((wanted.want & (DS_WANT_TIME | DS_WANT_TIME_LATER)) !=
         (DS_WANT_TIME | DS_WANT_TIME_LATER));
  const ds_block_zone *zone = &place->part->zone[block];
  ds_arena_reset(&reader->arena);
  reader->events_of = NULL;
  reader->later = (ds_later_times){.part = place->part, .block = block};
  if (!make_room(reader, zone, wanted.want))
    return ds_fail(err, DS_MEMORY, "out of memory for a block of events");
  ds_block out = {.journeys = zone->journeys, .events = zone->events};
  const ds_block_task task = {place, place->part, block, &wanted, reader, &out};
  TRY(read_journeys(&task, err));
  TRY(read_events(&task, err));
  show(&task);
  TRY(ds_block_keys(&task, err));
  TRY(ds_block_properties(&task, err));
  *ret_block = out;
  return DS_OK;
}

static ds_code times_of(const ds_block_task *t, const uint32_t *journeys, uint32_t count,
                        ds_error *err) {
  if (t->out->gap_ms == NULL)
    TRY(read_gaps(t, err));
  TRY(ints_of(t, DS_COLUMN_START_S, t->out->journeys, t->reader->ints, err));
  for (uint32_t i = 0; i < count; i++)
    TRY(journey_times(t, journeys[i], t->reader->ints[journeys[i]], err));
  t->out->time_ms = t->reader->time_ms;
  return DS_OK;
}

static ds_code arrivals_of(const ds_block_task *t, const uint32_t *journeys, uint32_t count,
                           ds_error *err) {
  ds_stream stream;
  TRY(stream_of(t, DS_COLUMN_ARRIVAL, &stream, err));
  if (!ds_decode_ints_of(&stream, t->out->events, t->out->offset, journeys, count,
                         t->reader->arrival))
    return ds_block_unsound(t, ds_part_column(t->part, DS_COLUMN_ARRIVAL, 0), err);
  t->out->arrival = t->reader->arrival;
  return DS_OK;
}

ds_code ds_part_read_order(const ds_place *place, uint32_t number, const uint32_t *journeys,
                           uint32_t count, ds_block_reader *reader, ds_block *block,
                           ds_error *err) {
  const ds_columns columns = {.want = DS_WANT_TIME | DS_WANT_ARRIVAL};
  const ds_block_task task = {place, place->part, number, &columns, reader, block};
  if (block->time_ms != NULL && block->arrival != NULL)
    return DS_OK;
  assert(block->offset == reader->offset && count <= block->journeys);
  assert(block->journeys == place->part->zone[number].journeys);
  if (!make_room(reader, &place->part->zone[number], columns.want))
    return ds_fail(err, DS_MEMORY, "out of memory for a block of events");
  if (block->time_ms == NULL)
    TRY(times_of(&task, journeys, count, err));
  return block->arrival != NULL ? DS_OK : arrivals_of(&task, journeys, count, err);
}
