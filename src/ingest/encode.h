// SPDX-License-Identifier: Apache-2.0
// Batches of rows -> events -> the stage, by a plan: reads times and numbers, finds codes of event
// names, seals what is personal, refuses what cannot be an event. Runs on one thread, takes no
// memory per row. May use base/, model/, ingest/{plan,sink,stage,quarantine,personal,seal}.
#ifndef DS_INGEST_ENCODE_H
#define DS_INGEST_ENCODE_H

#include "ingest/plan.h"
#include "ingest/quarantine.h"
#include "ingest/seen.h"
#include "ingest/sink.h"
#include "ingest/stage.h"
#include "model/catalogue.h"
#include "model/time.h"

// What came of the rows so far.
typedef struct ds_encode_stats {
  uint64_t rows;
  uint64_t events;           // staged
  uint64_t links;            // facts of identity staged beside them
  uint64_t provisional;      // events without a customer, known by an object of theirs
  uint64_t unreceived;       // of them, without a time of arrival: their own time stands for it
  uint64_t personal_dropped; // personal values inside of nested ones
  uint64_t ambiguous;        // local times that the zone has twice
  uint64_t missing;          // local times that the zone leaps over
} ds_encode_stats;

// `stage` may be NULL: everything is checked, nothing is kept. Pointers outlive the encoder.
typedef struct ds_encode_options {
  ds_stage_area *stage;
  ds_store *store; // whose vault seals; NULL = personal values are only counted
  ds_space *space;
  ds_quarantine *quarantine;
  const ds_catalogue *catalogue; // of event names; NULL = the shipped one
  const ds_zone *zone; // of times without one; NULL = UTC
  const char *time_unit; // of integer times: "s", "ms", "us"
  uint16_t source;     // code in the space
  int64_t now_ms;
  bool strict;
} ds_encode_options;

typedef struct ds_encoder ds_encoder;

// The caller frees; NULL is fine.
DS_CHECKED ds_code ds_encoder_new(const ds_encode_options *options, ds_encoder **ret_encoder,
                                  ds_error *err);
void ds_encoder_free(ds_encoder *encoder);

// The plan of the batches to come.
void ds_encoder_begin(ds_encoder *encoder, const ds_plan *plan);

// Takes one batch (a ds_sink_take; context is the encoder).
DS_CHECKED ds_code ds_encoder_take(void *encoder, const ds_batch *batch, ds_error *err);

// Stages an event that another reader made of the record in line `line` of the plan's file, with
// what reading it counted, and the identifiers that it carries. The event gets the import's
// numbers.
DS_CHECKED ds_code ds_encoder_event(ds_encoder *encoder, ds_event *event,
                                    const ds_identifier *identifiers, uint32_t identifiers_count,
                                    const ds_encode_stats *read, uint64_t line, ds_error *err);

// Sets aside such a record: `words`, which outlive the quarantine, say why, `column` where in it.
DS_CHECKED ds_code ds_encoder_refuse(ds_encoder *encoder, uint64_t line, uint32_t column,
                                     const char *words, ds_error *err);

// The milliseconds of a time unit: "s", "ms", "us".
double ds_encoder_unit_ms(const char *unit);

// Personal values sealed so far; none by no encoder.
uint64_t ds_encoder_sealed(const ds_encoder *encoder);

// The counts so far; valid as long as the encoder.
const ds_encode_stats *ds_encoder_stats(const ds_encoder *encoder);

// Events staged per touchpoint code, DS_TOUCHPOINTS_MAX entries.
const uint64_t *ds_encoder_touchpoints(const ds_encoder *encoder);

// The code under which an event name is stored: the canonical one's, when the catalogue knows it.
DS_CHECKED ds_code ds_encoder_touchpoint(ds_space *space, const ds_catalogue *catalogue,
                                         ds_str name, uint16_t *ret_code, ds_error *err);

#endif
