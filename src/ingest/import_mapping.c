// SPDX-License-Identifier: Apache-2.0
// A mapping's files become views by their logical names; each source's select is described by
// DuckDB, and every column that an event names is looked up in it.
#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/map.h"
#include "ingest/importer.h"
#include "ingest/personal.h"

// One source while its plan is made.
typedef struct source_plan {
  ds_importer *importer;
  const ds_mapping_source *source;
  ds_plan *plan;
  ds_duck_texts columns; // name, type of each column of the select
} source_plan;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory planning an import");
}

// An absent optional file: no rows, but the columns that the selects count on.
static void empty_sql(const ds_mapping_file *file, ds_buf *sql) {
  ds_buf_text(sql, "(select ");
  for (uint32_t i = 0; i < file->columns_count; i++) {
    ds_buf_printf(sql, "%snull::%s as ", i == 0 ? "" : ", ", file->columns[i].type);
    ds_sql_name(sql, ds_str_of(file->columns[i].name));
  }
  ds_buf_text(sql, " limit 0)");
}

// The types that the mapping says win over those that the sample says.
static ds_code types_override(const ds_importer *importer, const ds_mapping_file *file,
                              ds_input *input, ds_error *err) {
  for (uint32_t k = 0; k < file->columns_count; k++) {
    bool found = false;
    for (uint32_t i = 0; i < input->columns_count && !found; i++)
      if (ds_str_equal(input->columns[i].name, ds_str_of(file->columns[k].name))) {
        input->columns[i].duck_type = ds_str_of(file->columns[k].type);
        found = true;
      }
    if (!found)
      return ds_fail_at(err, DS_INPUT, file->line, 0, "%s has no column %s, which %s line %u "
                        "names", input->file->name, file->columns[k].name,
                        importer->mapping.file, file->line);
  }
  return DS_OK;
}

static ds_code view_make(ds_importer *importer, const ds_mapping_file *file, uint32_t number,
                         ds_error *err) {
  ds_buf sql;
  ds_buf_init(&sql, 4 << 20);
  ds_buf_text(&sql, "create view ");
  ds_sql_name(&sql, ds_str_of(file->name));
  ds_buf_text(&sql, " as select * from ");
  ds_code code = DS_OK;
  if (number == DS_NONE) {
    empty_sql(file, &sql);
  } else {
    ds_input input;
    if (ds_source_is_log(&importer->files[number]))
      code = ds_fail(err, DS_INPUT, "%s is an event log, which names its events itself: import it "
                     "without --mapping", importer->files[number].name);
    if (code == DS_OK)
      code = ds_input_look(importer->duck, importer->io, &importer->files[number],
                           &importer->plans, &input, err);
    if (code == DS_OK)
      code = types_override(importer, file, &input, err);
    if (code == DS_OK)
      ds_input_sql(input.file, input.columns, number, &sql);
  }
  if (code == DS_OK)
    code = ds_buf_check(&sql, "a query", err);
  if (code == DS_OK) {
    code = ds_duck_run(importer->duck, ds_buf_cstr(&sql), err);
    if (code != DS_OK)
      code = ds_fail_in(err, code == DS_MEMORY ? code : DS_INPUT, "%s line %u, files: %s",
                        importer->mapping.file, file->line, file->name);
  }
  ds_buf_done(&sql);
  return code;
}

// Replaces each ${name} by the option's value, which was found to be a word.
static ds_code select_expand(const source_plan *p, ds_buf *out, ds_error *err) {
  const char *at = p->source->select;
  for (;;) {
    const char *open = strstr(at, "${");
    if (open == NULL)
      break;
    const char *close = strchr(open, '}');
    if (close == NULL)
      return ds_fail(err, DS_INPUT, "%s line %u, select: ${ without }", p->importer->mapping.file,
                     p->source->line);
    const ds_str name = {open + 2, (uint32_t)(close - open - 2)};
    const char *value = ds_importer_option(p->importer, name);
    if (value == NULL)
      return ds_fail(err, DS_INPUT, "%s line %u, select: ${%.*s} is no option of this mapping",
                     p->importer->mapping.file, p->source->line, (int)(name.size % 64),
                     name.data);
    ds_buf_append(out, at, (size_t)(open - at));
    ds_buf_text(out, value);
    at = close + 1;
  }
  ds_buf_text(out, at);
  return DS_OK;
}

static ds_code source_describe(source_plan *p, ds_error *err) {
  ds_importer *importer = p->importer;
  ds_buf sql;
  ds_buf_init(&sql, 4 << 20);
  ds_buf_text(&sql, "(");
  ds_code code = select_expand(p, &sql, err);
  ds_buf_text(&sql, "\n)"); // behind a comment in its last line, too
  if (code == DS_OK)
    code = ds_buf_check(&sql, "a select", err);
  if (code == DS_OK) {
    p->plan->base = ds_arena_text(&importer->plans, (const char *)sql.data, sql.size);
    ds_buf_reset(&sql);
    if (p->plan->base == NULL)
      code = no_memory(err);
  }
  if (code == DS_OK) {
    ds_buf_printf(&sql, "select column_name, column_type from (describe select * from %s)",
                  p->plan->base);
    code = ds_buf_check(&sql, "a select", err);
  }
  if (code == DS_OK) {
    code = ds_duck_query(importer->duck, ds_buf_cstr(&sql), &importer->plans, &p->columns, err);
    if (code != DS_OK)
      code = ds_fail_in(err, code, "%s line %u, source %s", importer->mapping.file,
                        p->source->line, p->source->name);
  }
  ds_buf_done(&sql);
  return code;
}

static ds_code column_unknown(const source_plan *p, uint32_t line, const char *key,
                              const char *column, ds_error *err) {
  const char **names = ds_arena_array(&p->importer->plans, p->columns.rows + 1, sizeof *names);
  if (names == NULL)
    return no_memory(err);
  for (uint32_t i = 0; i < p->columns.rows; i++)
    names[i] = p->columns.cell[2 * i].data;
  const char *nearest = ds_str_nearest(ds_str_of(column), names, p->columns.rows);
  return ds_fail_at(err, DS_INPUT, line, 0, "%s line %u, %s: the select of source %s has no "
                    "column %s%s%s", p->importer->mapping.file, line, key, p->source->name, column,
                    nearest == NULL ? "" : ": did you mean ", nearest == NULL ? "" : nearest);
}

// The DuckDB type of a column of the select.
static ds_code type_find(const source_plan *p, uint32_t line, const char *key, const char *column,
                         ds_str *ret_type, ds_error *err) {
  for (uint32_t i = 0; i < p->columns.rows; i++)
    if (ds_str_equal(p->columns.cell[2 * i], ds_str_of(column))) {
      *ret_type = p->columns.cell[2 * i + 1];
      return DS_OK;
    }
  return column_unknown(p, line, key, column, err);
}

// Fetches a column for a use; NULL gives DS_NONE.
static ds_code fetch(source_plan *p, uint32_t line, const char *key, const char *column,
                     ds_use use, uint32_t *ret_column, ds_error *err) {
  ds_str type;
  *ret_column = DS_NONE;
  if (column == NULL)
    return DS_OK;
  TRY(type_find(p, line, key, column, &type, err));
  return ds_plan_column_add(p->plan, &p->importer->plans, ds_str_of(column), type, use, NULL,
                            ret_column, err);
}

static ds_type property_type(const ds_mapping_property *property, ds_str duck_type) {
  return property->type != DS_TYPE_NULL ? property->type
                                        : ds_plan_named_type(ds_str_of(property->name), duck_type);
}

static ds_code property_plan(source_plan *p, const ds_mapping_property *property,
                             ds_plan_event *event, ds_error *err) {
  ds_str duck_type;
  uint32_t code;
  if (property->class == DS_CLASS_DROP)
    return DS_OK;
  TRY(type_find(p, property->line, property->name, property->column, &duck_type, err));
  TRY(ds_names_add(&p->importer->space.properties, ds_str_of(property->name), &code, err));
  ds_plan_property *to = &event->properties[event->properties_count++];
  *to = (ds_plan_property){
      .text = DS_NONE,
      .name = (uint16_t)code,
      .type = property_type(property, duck_type),
      .plain = property->class == DS_CLASS_PLAIN,
      .personal = property->class == DS_CLASS_PERSONAL ||
                  (property->class == DS_CLASS_DEFAULT &&
                   (ds_personal_name(ds_str_of(property->name)) ||
                    ds_personal_name(ds_str_of(property->column)))),
  };
  const ds_use use = to->type == DS_TYPE_STRING ? DS_USE_TEXT : DS_USE_VALUE;
  return fetch(p, property->line, property->name, property->column, use, &to->column, err);
}

static ds_code key_plan(source_plan *p, const ds_mapping_key *key, ds_plan_event *event,
                        ds_error *err) {
  uint32_t code;
  TRY(ds_names_add(&p->importer->space.keys, ds_str_of(key->name), &code, err));
  ds_plan_key *to = &event->keys[event->keys_count++];
  to->name = (uint16_t)code;
  return fetch(p, key->line, key->name, key->column, DS_USE_TEXT, &to->column, err);
}

static ds_code other_plan(source_plan *p, const ds_mapping_key *other, ds_plan_event *event,
                          ds_error *err) {
  ds_plan_identifier *to = &event->others[event->others_count++];
  to->kind = other->name;
  return fetch(p, other->line, other->name, other->column, DS_USE_TEXT, &to->column, err);
}

// Every source and touchpoint of a mapping has ids of its own, because one row gives several
// events that share the id column.
static ds_code scope_make(const source_plan *p, const ds_mapping_event *from,
                          ds_plan_event *event, ds_error *err) {
  char scope[DS_NAME_BYTES_MAX * 4];
  snprintf(scope, sizeof scope, "%s/%s/%s", p->importer->source_name, p->source->name,
           from->touchpoint == NULL ? "" : from->touchpoint);
  event->id_scope = ds_arena_text(&p->importer->plans, scope, strlen(scope));
  snprintf(scope, sizeof scope, "%s=", from->kind == NULL ? "" : from->kind);
  event->kind = ds_arena_text(&p->importer->plans, scope, strlen(scope));
  event->personal = from->kind != NULL && ds_personal_name(ds_str_of(from->kind));
  return event->id_scope == NULL || event->kind == NULL ? no_memory(err) : DS_OK;
}

static ds_code event_plan(source_plan *p, const ds_mapping_event *from, ds_plan_event *event,
                          ds_error *err) {
  *event = (ds_plan_event){.optional = !from->time_required};
  event->keys = ds_arena_array(&p->importer->plans, from->keys_count + 1, sizeof *event->keys);
  event->properties = ds_arena_array(&p->importer->plans, from->properties_count + 1,
                                     sizeof *event->properties);
  event->others = ds_arena_array(&p->importer->plans, from->others_count + 1,
                                 sizeof *event->others);
  if (event->keys == NULL || event->properties == NULL || event->others == NULL)
    return no_memory(err);
  TRY(scope_make(p, from, event, err));
  TRY(fetch(p, from->line, "touchpoint", from->touchpoint_column, DS_USE_TEXT, &event->touchpoint,
            err));
  if (from->touchpoint != NULL)
    TRY(ds_encoder_touchpoint(&p->importer->space, p->importer->settings.catalogue,
                              ds_str_of(from->touchpoint), &event->touchpoint_code, err));
  TRY(fetch(p, from->line, "time", from->time, DS_USE_TIME, &event->time, err));
  TRY(fetch(p, from->line, "received", from->received, DS_USE_TIME, &event->received, err));
  TRY(fetch(p, from->line, "id", from->id, DS_USE_TEXT, &event->id, err));
  TRY(fetch(p, from->line, "customer", from->customer, DS_USE_TEXT, &event->customer, err));
  for (uint32_t i = 0; i < from->others_count; i++)
    TRY(other_plan(p, &from->others[i], event, err));
  TRY(ds_importer_when(p->importer, &p->columns, from, p->plan, &event->when, err));
  for (uint32_t i = 0; i < from->keys_count; i++)
    TRY(key_plan(p, &from->keys[i], event, err));
  for (uint32_t i = 0; i < from->properties_count; i++)
    TRY(property_plan(p, &from->properties[i], event, err));
  const ds_physical physical = p->plan->columns[event->time].physical;
  p->importer->times_number |= physical == DS_PHYSICAL_I64 || physical == DS_PHYSICAL_DOUBLE;
  p->importer->times_local |= physical == DS_PHYSICAL_MICROS || physical == DS_PHYSICAL_DATE;
  return DS_OK;
}

static ds_code source_make(ds_importer *importer, const ds_mapping_source *source,
                           ds_error *err) {
  source_plan p = {.importer = importer, .source = source};
  TRY(ds_importer_step(importer, DS_NONE, &p.plan, err));
  p.plan->name = source->name;
  TRY(source_describe(&p, err));
  for (uint32_t i = 0; i < source->events_count; i++)
    TRY(event_plan(&p, &source->events[i], &p.plan->events[p.plan->events_count++], err));
  return DS_OK;
}

// What each event takes from which column, for the report.
static ds_code taken_make(ds_importer *importer, ds_error *err) {
  uint32_t count = 0;
  for (uint32_t s = 0; s < importer->mapping.sources_count; s++)
    count += importer->mapping.sources[s].events_count;
  importer->taken.rows = ds_arena_array(&importer->plans, count, sizeof *importer->taken.rows);
  if (importer->taken.rows == NULL)
    return no_memory(err);
  for (uint32_t s = 0; s < importer->mapping.sources_count; s++)
    for (uint32_t e = 0; e < importer->mapping.sources[s].events_count; e++) {
      const ds_mapping_event *event = &importer->mapping.sources[s].events[e];
      char as[512];
      snprintf(as, sizeof as, "%s: %.200s by %.200s", importer->mapping.sources[s].name,
               event->touchpoint == NULL ? event->touchpoint_column : event->touchpoint,
               event->customer == NULL ? "its objects" : event->customer);
      ds_taken *row = &importer->taken.rows[importer->taken.count++];
      row->column = event->time;
      row->as = ds_arena_text(&importer->plans, as, strlen(as));
      row->type = "time";
      if (row->as == NULL)
        return no_memory(err);
    }
  return DS_OK;
}

ds_code ds_importer_plan_mapping(ds_importer *importer, ds_error *err) {
  const ds_mapping *mapping = &importer->mapping;
  uint32_t number = 0;
  for (uint32_t i = 0; i < mapping->files_count; i++) {
    const bool absent = mapping->files[i].file[0] == '\0';
    TRY(view_make(importer, &mapping->files[i], absent ? DS_NONE : number, err));
    number += !absent;
  }
  for (uint32_t i = 0; i < mapping->sources_count; i++)
    TRY(source_make(importer, &mapping->sources[i], err));
  return taken_make(importer, err);
}
