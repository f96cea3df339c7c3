// SPDX-License-Identifier: Apache-2.0
// The part file, byte by byte, and the structures that reader and writer share. Private to
// store/part*.c. May use base/, io/, model/, store/codec.h.
//
// All integers little-endian. Blocks hold whole journeys, at most DS_PART_BLOCKS_MAX a part.
//
//   0        head, 64 bytes: magic "DSPART1\n", u32 format version (2), u32 required-feature bits,
//            u64 part number, 32 zero bytes, u64 XXH3-64 of the 56 bytes before
//   64       chunks, column by column; those of one column follow one another in block order
//   F        footer: names (model/event.h, ds_space_encode), the kinds of its subjects in the same
//            form ("customer_id"; of more than DS_KINDS_LISTED_MAX the first and all of
//            objects), zeros up to a multiple of 8, u32 columns, u32 blocks, column
//            records, zone records, presence words, chunk records
//   end-32   trailer: u64 F, u64 footer size, u64 XXH3-64 of the footer, magic "DSPARTE\n"
//
// Column record, 8 bytes: u8 kind, u8 value type, u16 touchpoint, u16 name, u16 zero (codes of the
// footer's names).
// Zone record, 40 bytes: u32 journeys, u32 events, u32 first customer, u32 last customer, i64 first
// time, i64 last time (ms), u64 zero.
// Presence: per block (touchpoints + 63) / 64 words; bit t: touchpoint t occurs.
// Chunk record, 64 bytes, column-major: u64 offset, u32 size (0 = absent: the default holds), u32
// zero, u64 XXH3-64 of the bytes, 24 bytes nonce, 16 bytes tag (zero unless feature bit 0,
// encrypted chunks, is set).
//
// A chunk is a run of streams (store/codec.h). The columns, and their default when absent:
//
//   JOURNEY_EVENTS  INT per journey: number of events
//   CUSTOMER        INT per journey: customer - customer before - 1; 0 for the zone's first
//   START_S         INT per journey: floor(first time / 1000) - floor(zone's first time / 1000)
//   GAP_S           GAPS per event: whole seconds since the event before; 0 for a journey's first
//   MILLIS          MILLIS per event: time mod 1000; absent = all zero
//   TOUCHPOINT      CODE per event
//   RECEIVED        INT per event: zigzag(received - time); absent = received is the time
//   ARRIVAL, SOURCE, IMPORT, ID
//                   INT per event
//   SUBJECT_HASH    INT per journey: ds_subject_hash
//   SUBJECT_TEXT    TEXT per journey: "kind=text"
//   SUBJECT_OF      reserved (feature bit 1): CODE per event into the journey's several subjects
//   KEY_CODE(key)   u32 lists, u32 items; CODE per event: 0 none, i + 1 = value i of the journey,
//                   values + 1 = a list; CODE per list: its length; CODE per item: value index;
//                   absent = no event of the block has the key
//   KEY_HASH(key)   CODE per journey: number of values; INT per value: ds_key_hash
//   KEY_TEXT(key)   TEXT per value
//   PROPERTY(touchpoint, name, type)
//                   u32 values; when fewer than the touchpoint's events in the block, CODE per such
//                   event: 1 = present; then the values: NUMBER as u32 decimal scale s and INT of
//                   zigzag(value * 10^s) for s 0 or 2, of the double's bits for s 15; STRING and
//                   SEALED as TEXT; all else as INT of zigzag(value); absent = no value in the
//                   block
//   MASK, VARIANT, VAULT
//                   reserved: presence mask, variant number per journey, references to the vault
//
// P1 events are sorted by (customer, time, arrival); a customer stands in one block.
// P2 zones, journeys and customers of the footer equal the columns.
// P3 every byte is covered by a checksum: the head, each chunk, the footer.
// P4 a reader refuses required-feature bits it does not know, before it reads anything else.
#ifndef DS_STORE_PART_FORMAT_H
#define DS_STORE_PART_FORMAT_H

#include "base/limits.h"
#include "store/codec.h"
#include "store/part.h"

#define DS_PART_MAGIC "DSPART1\n"
#define DS_PART_END_MAGIC "DSPARTE\n"
#define DS_PART_VERSION 2u
#define DS_PART_FEATURES_KNOWN 0u
#define DS_PART_HEAD_BYTES 64u
#define DS_PART_TRAILER_BYTES 32u
#define DS_PART_COLUMNS_MAX (1u << 16)

// Stored numbers: never change.
typedef enum ds_column_kind {
  DS_COLUMN_JOURNEY_EVENTS = 1,
  DS_COLUMN_CUSTOMER = 2,
  DS_COLUMN_START_S = 3,
  DS_COLUMN_GAP_S = 4,
  DS_COLUMN_MILLIS = 5,
  DS_COLUMN_TOUCHPOINT = 6,
  DS_COLUMN_RECEIVED = 7,
  DS_COLUMN_ARRIVAL = 8,
  DS_COLUMN_SOURCE = 9,
  DS_COLUMN_IMPORT = 10,
  DS_COLUMN_ID = 11,
  DS_COLUMN_SUBJECT_HASH = 12,
  DS_COLUMN_SUBJECT_TEXT = 13,
  DS_COLUMN_SUBJECT_OF = 14,
  DS_COLUMN_KEY_CODE = 15,
  DS_COLUMN_KEY_HASH = 16,
  DS_COLUMN_KEY_TEXT = 17,
  DS_COLUMN_PROPERTY = 18,
  DS_COLUMN_MASK = 19,
  DS_COLUMN_VARIANT = 20,
  DS_COLUMN_VAULT = 21,
  DS_COLUMN_KINDS_COUNT
} ds_column_kind;

// The on-disk records.
typedef struct ds_column_record {
  uint8_t kind;
  uint8_t type;
  uint16_t touchpoint;
  uint16_t name;
  uint16_t zero;
} ds_column_record;

// Zone data of a block, on disk.
typedef struct ds_zone_record {
  uint32_t journeys;
  uint32_t events;
  uint32_t customer_first;
  uint32_t customer_last;
  int64_t time_min_ms;
  int64_t time_max_ms;
  uint64_t zero;
} ds_zone_record;

// Where a chunk lies and what it must hash to, on disk.
typedef struct ds_chunk_record {
  uint64_t offset;
  uint32_t size;
  uint32_t zero;
  uint64_t checksum;
  uint8_t nonce[24];
  uint8_t tag[16];
} ds_chunk_record;

_Static_assert(sizeof(ds_column_record) == 8, "column record");
_Static_assert(sizeof(ds_zone_record) == 40, "zone record");
_Static_assert(sizeof(ds_chunk_record) == 64, "chunk record");

// The number of a NUMBER column's decimal scale that means "the double's bits".
#define DS_SCALE_BITS 15u

// Signed <-> unsigned with small magnitudes kept small.
static inline uint64_t ds_zigzag(int64_t value) {
  return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}
static inline int64_t ds_unzigzag(uint64_t value) {
  return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

// floor(ms / 1000) and the rest 0..999, also before 1970.
static inline int64_t ds_floor_s(int64_t ms) {
  return ms / 1000 - (ms % 1000 < 0);
}

// An open part; part.h's ds_part.
struct ds_part {
  ds_io *io;
  ds_file *file;  // NULL: in memory
  uint8_t *image; // NULL: in a file
  bool is_shared; // file, image and names belong to another part (ds_part_choose)
  ds_part_info info;
  uint32_t version; // of its format
  ds_space space;
  ds_names kinds; // of the subjects
  uint32_t columns;
  const ds_column_record *column; // into footer
  const ds_chunk_record *chunk;   // columns x blocks, into footer
  const uint64_t *presence;       // blocks x presence_words
  uint32_t presence_words;
  ds_block_zone *zone;
  uint8_t *footer;
};

// The column of a kind, name and (for properties) touchpoint, or DS_NONE.
uint32_t ds_part_column(const ds_part *part, ds_column_kind kind, uint16_t name);

// The verified bytes of a chunk as a reader, in `buf` or in place; size 0 when the chunk is absent.
DS_CHECKED ds_code ds_part_chunk(const ds_part *part, uint32_t column, uint32_t block, ds_buf *buf,
                                 ds_reader *ret_reader, ds_error *err);

// "part 12, column gap_s, block 3" for messages; out holds 128 bytes.
const char *ds_part_where(const ds_part *part, uint32_t column, uint32_t block, char out[128]);

// The user's name of a column: "gap_s", "key order_id", "property order_placed.value"; 600 bytes.
const char *ds_part_column_name(const ds_part *part, uint32_t column, char out[600]);

#endif
