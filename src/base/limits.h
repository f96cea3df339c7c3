// SPDX-License-Identifier: Apache-2.0
// Every stated maximum of the program, in one place. Constants only; uses nothing.
#ifndef DS_BASE_LIMITS_H
#define DS_BASE_LIMITS_H

#define DS_BLOCK_EVENTS 65536u               // a block is closed at this many events
#define DS_CUSTOMER_EVENTS_MAX (1u << 20)    // an import sets more aside: "super customer"
#define DS_BLOCK_EVENTS_SPARSE 16384u        // the same in a part beside a much larger run
#define DS_BLOCK_EVENTS_MAX (1u << 27)       // appended events of one customer may be many
#define DS_PART_BLOCKS_MAX 64u               // about 4 M events a part
#define DS_PART_BYTES_SOFT (96u << 20)       // a part is closed at the first block past this
#define DS_SKIP_EVENTS 256u                  // one skip entry per this many events
#define DS_PARTITIONS 256u                   // hash partitions of the subjects
#define DS_PARTITION_SUBJECTS_MAX (1u << 24) // subjects one partition can number
#define DS_TOUCHPOINTS_MAX 4096u             // distinct touchpoint names in a store
#define DS_CATALOGUE_ROWS_MAX 2048u          // touchpoints, shipped and of a store's settings
#define DS_SETTINGS_BYTES_MAX (64u << 10)    // of doorstep.yaml
#define DS_SEGMENTS_BYTES_MAX (256u << 10)   // of segments.yaml
#define DS_LISTS_MAX 64u                     // lists of customers
#define DS_LIST_MEMBERS_MAX 5000000u         // identifiers of one that is uploaded
#define DS_LIST_BYTES_MAX (256u << 20)       // of its file
#define DS_SAVED_MAX 200u                    // questions in doorstep.yaml
#define DS_SAVED_NAME_BYTES_MAX 64u          // of the name of one, and of a board
#define DS_BOARDS_BYTES_MAX (1u << 20)       // of boards.yaml
#define DS_BOARDS_MAX 100u                   // in one file
#define DS_BOARD_TILES_MAX 40u               // of one board
#define DS_SETTINGS_ROWS_MAX 1000u           // touchpoints in doorstep.yaml
#define DS_CALENDARS_MAX 64u                 // in doorstep.yaml
#define DS_ASKS_MAX 64u                      // touchpoints that something answers: shipped <= 16
#define DS_SETTINGS_ASKS_MAX 48u             // of those, in doorstep.yaml
#define DS_ANSWERS_MAX 16u                   // touchpoints that answer one
#define DS_CARRIERS_MAX 200u                 // in doorstep.yaml; and of places of destination
#define DS_NAMES_MAX 65535u                  // distinct names of one kind (properties, keys, ...)
#define DS_KINDS_LISTED_MAX 4096u            // kinds of subjects that a part lists
#define DS_CUSTOMER_SUBJECTS_MAX 1000u       // identifiers joined to one customer
#define DS_NAME_BYTES_MAX 255u               // of a touchpoint, property or key name
#define DS_TEXT_BYTES_MAX (64u << 10)        // of one property value or identifier
#define DS_SEALED_BYTES_MAX ((64u << 10) + 64u) // of a sealed one: nonce, type and tag, too
#define DS_EVENT_BYTES_MAX (1u << 20)        // of one encoded event
#define DS_EVENT_PROPERTIES_MAX 1024u        // on one event
#define DS_EVENT_KEYS_MAX 64u                // case key values on one event
#define DS_BATCH_BYTES_MAX (64u << 20)       // of one log record
#define DS_LOG_BYTES_SEAL (64u << 20)        // a log is sealed into a part past this
#define DS_LOG_BYTES_LEFT (64u << 10)        // a writer that ends seals a log past this
#define DS_EXPRESSION_BYTES_MAX (64u << 10)  // of one expression
#define DS_THREADS_MAX 64u
#define DS_PATH_BYTES_MAX 4096u
#define DS_TIME_MIN_MS 631152000000LL        // 1990-01-01; earlier times are rejected
#define DS_TIME_SPAN_S UINT32_MAX            // between two events of one customer: 136 years

#endif
