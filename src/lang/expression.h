// SPDX-License-Identifier: Apache-2.0
// The journey language, levels 1 and 2 (docs/language.md): an event predicate (`value > 100 and
// carrier in ('DHL', 'UPS')`) and an event selector (`review_submitted[score <= 2]`). Both say
// which events are meant. Read once against a schema, with every error found then; evaluated over
// blocks into a bitmap; written as SQL. Three-valued logic: what is unknown is not met. May use
// base/, model/. An expression never changes and serves any number of threads.
#ifndef DS_LANG_EXPRESSION_H
#define DS_LANG_EXPRESSION_H

#include "base/arena.h"
#include "lang/schema.h"
#include "model/block.h"

typedef struct ds_expression ds_expression;

// Reads an event predicate, or an event selector. DS_EXPRESSION with the position and what to write
// instead, DS_LIMIT past 64 KiB or 200 levels. Lives in `arena`; the schema's space must outlive
// it.
DS_CHECKED ds_code ds_predicate_parse(ds_str text, const ds_schema *schema, ds_arena *arena,
                                      const ds_expression **ret_expression, ds_error *err);
DS_CHECKED ds_code ds_selector_parse(ds_str text, const ds_schema *schema, ds_arena *arena,
                                     const ds_expression **ret_expression, ds_error *err);

// Either, whichever the text is; when it is neither, the error of the one that was read further.
DS_CHECKED ds_code ds_expression_parse(ds_str text, const ds_schema *schema, ds_arena *arena,
                                       const ds_expression **ret_expression, ds_error *err);
bool ds_expression_is_selector(const ds_expression *expression);

// Whether events of a touchpoint (code of the space) can be meant at all; and whether the
// touchpoint alone decides, so that no event need be looked at.
bool ds_expression_can_mean(const ds_expression *expression, uint16_t touchpoint);
bool ds_expression_by_touchpoint(const ds_expression *expression);

// Which columns it reads, added to `columns` (arrays grow in `arena`; what is there keeps its
// place). A property is read in the types that the expression needs: when columns names properties
// already, their property_types must be set.
DS_CHECKED ds_code ds_expression_columns(const ds_expression *expression, ds_columns *columns,
                                         ds_arena *arena, ds_error *err);

// What one thread evaluates with.
typedef struct ds_evaluator ds_evaluator;

// For blocks decoded with `columns` (as ds_expression_columns left them; may go away afterwards).
// The caller frees; NULL is fine.
DS_CHECKED ds_code ds_evaluator_new(const ds_expression *expression, const ds_columns *columns,
                                    ds_evaluator **ret_evaluator, ds_error *err);
void ds_evaluator_free(ds_evaluator *evaluator);

// Sets bit e of `keep` (LSB first, (events + 63) / 64 words, all written) for each event that is
// meant.
DS_CHECKED ds_code ds_evaluator_run(ds_evaluator *evaluator, const ds_block *block, uint64_t *keep,
                                    ds_error *err);

// The same as a condition in SQL (DuckDB) over events(time TIMESTAMP, received TIMESTAMP, source,
// touchpoint, actor, stage, case keys VARCHAR[] or null, properties; durations in ms).
// DS_UNSUPPORTED "no SQL form: ..." for a property that has several types.
DS_CHECKED ds_code ds_expression_sql(const ds_expression *expression, ds_buf *out, ds_error *err);

// One name that an expression reads.
typedef struct ds_read_name {
  const char *kind; // "property", "case key", "field", "touchpoint"
  ds_str name;
  ds_type type;
} ds_read_name;

// The names that it reads, each once, then, when not every touchpoint can be meant, the touchpoints
// that can. Lives in `arena`.
DS_CHECKED ds_code ds_expression_reads(const ds_expression *expression, ds_arena *arena,
                                       const ds_read_name **ret_names, uint32_t *ret_count,
                                       ds_error *err);

// Marks the touchpoints (by code of the space) that it speaks of: in a selector, or by their name.
void ds_expression_named(const ds_expression *expression, uint8_t *named);

// The events of the touchpoints marked in `kept` (by code) that `where` means; NULL: all of them.
// In `arena`, where `where` must live too.
DS_CHECKED ds_code ds_expression_within(const ds_expression *where, const uint8_t *kept,
                                        const ds_schema *schema, ds_arena *arena,
                                        const ds_expression **ret_expression, ds_error *err);

// Whether events of this name are the system's own facts, which `any` leaves out.
bool ds_is_own_fact(ds_str touchpoint);

// A function of the language, for manuals and messages.
typedef struct ds_function_help {
  const char *name;
  const char *usage;
  const char *meaning;
} ds_function_help;

// The functions; `index` from 0 on, NULL name past the last.
ds_function_help ds_function_help_at(uint32_t index);

#endif
