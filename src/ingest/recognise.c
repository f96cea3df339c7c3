// SPDX-License-Identifier: Apache-2.0
#include "ingest/recognise.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/names.h"
#include "ingest/personal.h"
#include "ingest/seen.h"
#include "model/identifier.h"

typedef enum role {
  ROLE_CUSTOMER, ROLE_TIME, ROLE_EVENT, ROLE_RECEIVED, ROLE_ID, ROLES_COUNT,
  ROLE_KEY, ROLE_PROPERTY, ROLE_PERSONAL, ROLE_EMPTY
} role;

// Names that mean a role, in lower case without separators, the strongest first. An XES log's case
// comes before a column "customer" that is one of its attributes.
static const char *const role_names[ROLES_COUNT][24] = {
    [ROLE_CUSTOMER] = {"doorstepsubject", "caseconceptname", "customeruniqueid", "customerid",
                       "customer", "userid", "accountid", "clientid", "personid", "memberid",
                       "contactid", "profileid", "distinctid", "anonymousid", "user", "account",
                       "client", "caseid", "case"},
    [ROLE_TIME] = {"timetimestamp", "time", "timestamp", "eventtime", "eventtimestamp",
                   "occurredat", "occurred", "happenedat", "createdat", "datetime", "ts",
                   "eventdate", "date", "originaltimestamp", "completetimestamp", "starttime"},
    [ROLE_EVENT] = {"conceptname", "event", "eventname", "touchpoint", "activity", "eventtype",
                    "activityname", "action", "type"},
    [ROLE_RECEIVED] = {"received", "receivedat", "ingestedat", "loadedat", "servertime"},
    [ROLE_ID] = {"eventid", "messageid", "insertid", "$insertid", "eventuuid", "uuid", "id"},
};

static const char *const role_words[ROLES_COUNT] = {
    [ROLE_CUSTOMER] = "customer", [ROLE_TIME] = "time", [ROLE_EVENT] = "event",
    [ROLE_RECEIVED] = "received", [ROLE_ID] = "event id",
};

// Objects whose ids are case keys when a column is called so.
static const char *const key_names[] = {
    "orderid", "parcelid", "shipmentid", "trackingnumber", "trackingid", "packageid", "ticketid",
    "conversationid", "subscriptionid", "returnid", "rmaid", "invoiceid", "cartid", "checkoutid",
    "reviewid", "deliveryid", "caseid", "caseconceptname",
};

typedef struct recogniser {
  const ds_input *input;
  const ds_import_options *options;
  const char *time_format;
  const char *id_scope;
  ds_space *space;
  ds_arena *arena;
  ds_plan *plan;
  ds_plan_event *event;
  uint32_t column[ROLES_COUNT]; // of the input, DS_NONE = none
  role *roles;                  // of each column
  bool links;                   // columns may be identifiers beside the customer's
  ds_taken_list taken;
} recogniser;

// Lower case without '_', '-', ' ', ':' and '.'; cut at 63.
static void fold(ds_str name, char out[64]) {
  size_t used = 0;
  for (uint32_t i = 0; i < name.size && used < 63; i++) {
    const char c = name.data[i];
    if (memchr("_- :.", c, 5) == NULL)
      out[used++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
  }
  out[used] = '\0';
}

// Whether the name says outright what the column is; then *name is what stands behind that.
static bool strip(ds_str *name, const char *prefix) {
  const uint32_t size = (uint32_t)strlen(prefix);
  if (name->size <= size || memcmp(name->data, prefix, size) != 0)
    return false;
  *name = (ds_str){name->data + size, name->size - size};
  return true;
}

// What a column is called after --map old=new.
static ds_str called(const recogniser *r, uint32_t column) {
  ds_str name = r->input->columns[column].name;
  (void)(strip(&name, DS_PREFIX_KEY) || strip(&name, DS_PREFIX_PROPERTY));
  for (uint32_t i = 0; i < r->options->renames_count; i++)
    if (ds_str_equal(name, ds_str_of(r->options->renames[i].name)))
      return ds_str_of(r->options->renames[i].value);
  return name;
}

// All columns' names for a message, cut when there are many.
static const char *columns_text(const recogniser *r, char out[256]) {
  size_t used = 0;
  for (uint32_t i = 0; i < r->input->columns_count; i++) {
    const ds_str name = r->input->columns[i].name;
    if (used + name.size + 8 > 256) {
      memcpy(out + used, ", …", 6);
      return out;
    }
    used += (size_t)snprintf(out + used, 256 - used, "%s%.*s", i == 0 ? "" : ", ", DS_STR(name));
  }
  return out;
}

static ds_code column_named(const recogniser *r, ds_str name, const char *option,
                            uint32_t *ret_column, ds_error *err) {
  for (uint32_t i = 0; i < r->input->columns_count; i++)
    if (ds_str_equal_nocase(r->input->columns[i].name, name) ||
        ds_str_equal_nocase(called(r, i), name)) {
      *ret_column = i;
      return DS_OK;
    }
  char text[256];
  return ds_fail(err, DS_INPUT, "%s: no column %.*s, which %s names (columns: %s)",
                 r->input->file->name, DS_STR(name), option, columns_text(r, text));
}

static bool is_prefixed(const recogniser *r, uint32_t column) {
  ds_str name = r->input->columns[column].name;
  return strip(&name, DS_PREFIX_KEY) || strip(&name, DS_PREFIX_PROPERTY);
}

static bool is_named(role want, const char *folded) {
  for (const char *const *known = role_names[want]; *known != NULL; known++)
    if (strcmp(folded, *known) == 0)
      return true;
  return false;
}

bool ds_recognise_is_role(ds_str name) {
  char folded[64];
  fold(name, folded);
  for (uint32_t want = 0; want < ROLES_COUNT; want++)
    if (is_named((role)want, folded))
      return true;
  return false;
}

bool ds_recognise_is_customer(ds_str name) {
  char folded[64];
  fold(name, folded);
  return is_named(ROLE_CUSTOMER, folded);
}

bool ds_recognise_is_key(ds_str name) {
  char folded[64];
  fold(name, folded);
  for (size_t k = 0; k < sizeof key_names / sizeof *key_names; k++)
    if (strcmp(folded, key_names[k]) == 0)
      return true;
  return false;
}

// An id that occurs twice is no event's id; taking it for one would drop events as duplicates.
static bool role_suits(const recogniser *r, role want, uint32_t column) {
  return want != ROLE_ID || (r->input->columns[column].distinct && r->input->sampled > 1);
}

static uint32_t role_by_name(const recogniser *r, role want) {
  for (const char *const *name = role_names[want]; *name != NULL; name++)
    for (uint32_t i = 0; i < r->input->columns_count; i++) {
      char folded[64];
      fold(called(r, i), folded);
      if (strcmp(folded, *name) == 0 && r->roles[i] == ROLE_PROPERTY && !is_prefixed(r, i) &&
          role_suits(r, want, i))
        return i;
    }
  return DS_NONE;
}

static bool is_time(const ds_input_column *column) {
  return column->type == DS_TYPE_TIME || column->type == DS_TYPE_DATE;
}

// The only column of times, whatever its name.
static uint32_t time_by_type(const recogniser *r) {
  uint32_t found = DS_NONE;
  for (uint32_t i = 0; i < r->input->columns_count; i++)
    if (is_time(&r->input->columns[i])) {
      if (found != DS_NONE)
        return DS_NONE;
      found = i;
    }
  return found;
}

static void role_set(recogniser *r, role want, uint32_t column) {
  r->column[want] = column;
  if (column != DS_NONE)
    r->roles[column] = want;
}

static ds_code roles_by_option(recogniser *r, ds_error *err) {
  const struct {
    role want;
    const char *name;
    const char *option;
  } given[] = {
      {ROLE_CUSTOMER, r->options->customer_column, "--customer"},
      {ROLE_TIME, r->options->time_column, "--time"},
      {ROLE_EVENT, r->options->event_column, "--event"},
  };
  for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
    uint32_t column = DS_NONE;
    if (given[i].name == NULL)
      continue;
    TRY(column_named(r, ds_str_of(given[i].name), given[i].option, &column, err));
    if (r->roles[column] < ROLES_COUNT)
      return ds_fail(err, DS_USAGE, "column %s is named by two options", given[i].name);
    role_set(r, given[i].want, column);
  }
  return DS_OK;
}

static ds_code wrong_delimiter(const recogniser *r, ds_error *err) {
  return ds_fail(err, DS_INPUT, "%s: only one column was found; say what separates the columns, "
                 "such as --delimiter ';'", r->input->file->name);
}

static ds_code role_missing(const recogniser *r, role want, ds_error *err) {
  char text[256];
  if (r->input->columns_count == 1 && r->input->file->kind == DS_SOURCE_TEXT)
    return wrong_delimiter(r, err);
  const char *what = want == ROLE_TIME    ? "no column holds times: say which with --time COLUMN"
                     : want == ROLE_EVENT ? "no column names the event: say which with --event "
                                            "COLUMN"
                                          : "no column names the customer: say which with "
                                            "--customer COLUMN";
  return ds_fail(err, DS_INPUT, "%s: %s (columns: %s)", r->input->file->name, what,
                 columns_text(r, text));
}

// The time column must hold times: a name alone is not believed.
static ds_code time_check(const recogniser *r, ds_error *err) {
  const ds_input_column *column = &r->input->columns[r->column[ROLE_TIME]];
  const char *file = r->input->file->name;
  if (r->time_format != NULL || column->mostly_time || column->type == DS_TYPE_NUMBER ||
      r->input->sampled == 0)
    return DS_OK;
  if (column->day_or_month)
    return ds_fail(err, DS_INPUT, "%s: day and month of column %.*s cannot be told apart: say "
                   "--option time_format=%%d/%%m/%%Y… or %%m/%%d/%%Y…", file,
                   DS_STR(column->name));
  if (is_time(column))
    return DS_OK;
  char text[256];
  if (column->type == DS_TYPE_NULL)
    return ds_fail(err, DS_INPUT, "%s: column %.*s, taken for the time, is empty: say another "
                   "with --time COLUMN (columns: %s)", file, DS_STR(column->name),
                   columns_text(r, text));
  return ds_fail(err, DS_INPUT, "%s: no column holds times: %.*s reads as %s; say which with "
                 "--time COLUMN, or how with --option time_format=… (columns: %s)", file,
                 DS_STR(column->name), ds_type_name(column->type), columns_text(r, text));
}

// A column whose name says time but whose values do not is passed over when another holds times.
static void time_find(recogniser *r) {
  if (r->column[ROLE_TIME] != DS_NONE)
    return;
  uint32_t column = role_by_name(r, ROLE_TIME);
  const uint32_t by_type = time_by_type(r);
  const bool good = column != DS_NONE && (is_time(&r->input->columns[column]) ||
                                          r->input->columns[column].mostly_time);
  if (!good && by_type != DS_NONE && r->roles[by_type] == ROLE_PROPERTY)
    column = by_type;
  role_set(r, ROLE_TIME, column);
}

// Whether a column holds orders, parcels or other objects that stand for an owner not yet known.
static bool has_object(const recogniser *r) {
  for (uint32_t i = 0; i < r->input->columns_count; i++)
    if (r->roles[i] == ROLE_PROPERTY && !is_prefixed(r, i) && ds_identifier_is_object(called(r, i)))
      return true;
  return false;
}

static ds_code roles_find(recogniser *r, ds_error *err) {
  for (uint32_t i = 0; i < ROLES_COUNT; i++)
    r->column[i] = DS_NONE;
  for (uint32_t i = 0; i < r->input->columns_count; i++)
    r->roles[i] = ROLE_PROPERTY;
  TRY(roles_by_option(r, err));
  time_find(r);
  static const role by_name[] = {ROLE_CUSTOMER, ROLE_EVENT, ROLE_RECEIVED, ROLE_ID};
  for (size_t i = 0; i < sizeof by_name / sizeof *by_name; i++)
    if (r->column[by_name[i]] == DS_NONE)
      role_set(r, by_name[i], role_by_name(r, by_name[i]));
  static const role needed[] = {ROLE_TIME, ROLE_CUSTOMER, ROLE_EVENT};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (r->column[needed[i]] == DS_NONE && !(needed[i] == ROLE_CUSTOMER && has_object(r)))
      return role_missing(r, needed[i], err);
  if (r->column[ROLE_CUSTOMER] == DS_NONE)
    return time_check(r, err);
  const ds_input_column *customer = &r->input->columns[r->column[ROLE_CUSTOMER]];
  if (customer->type == DS_TYPE_NULL && r->input->sampled > 0 &&
      r->input->file->kind != DS_SOURCE_PARQUET)
    return ds_fail(err, DS_INPUT, "%s: the customer column %.*s is empty: say another with "
                   "--customer COLUMN", r->input->file->name, DS_STR(customer->name));
  return time_check(r, err);
}

// Whether a column that has no role is a key or personal.
static role rest_find(const recogniser *r, uint32_t column) {
  ds_str name = r->input->columns[column].name;
  const bool key = strip(&name, DS_PREFIX_KEY);
  if (key || (!strip(&name, DS_PREFIX_PROPERTY) && ds_recognise_is_key(called(r, column))))
    return ROLE_KEY;
  return r->input->columns[column].personal ? ROLE_PERSONAL : ROLE_PROPERTY;
}

// Which of the remaining columns are keys, personal or empty.
static ds_code keys_find(recogniser *r, ds_error *err) {
  for (uint32_t i = 0; i < r->input->columns_count; i++)
    if (r->roles[i] == ROLE_PROPERTY)
      r->roles[i] = rest_find(r, i);
  const char *list = r->options->case_column;
  while (list != NULL && *list != '\0') {
    const size_t size = strcspn(list, ",");
    uint32_t column = DS_NONE;
    TRY(column_named(r, (ds_str){list, (uint32_t)size}, "--case", &column, err));
    if (r->roles[column] >= ROLES_COUNT)
      r->roles[column] = ROLE_KEY;
    else
      return ds_fail(err, DS_USAGE, "column %.*s cannot be the %s and a case key", (int)size, list,
                     role_words[r->roles[column]]);
    list += size + (list[size] == ',');
  }
  return DS_OK;
}

// The name of a key, property or kind of identifier: XES prefixes and signs that the journey
// language could not read become '_'.
static void tidy_name(ds_str name, char out[256]) {
  static const char org[] = "org:";
  if (name.size > 4 && memcmp(name.data, org, 4) == 0)
    name = (ds_str){name.data + 4, name.size - 4};
  size_t used = 0;
  for (uint32_t i = 0; i < name.size && used < 250; i++) {
    const unsigned char c = (unsigned char)name.data[i];
    const bool plain = c >= 0x80 || c == '_' || c == '.' || (c >= '0' && c <= '9') ||
                       ((c | 32) >= 'a' && (c | 32) <= 'z');
    out[used++] = plain ? (char)c : '_';
  }
  out[used] = '\0';
}

bool ds_recognise_keeps(ds_str name) {
  char tidy[256];
  tidy_name(name, tidy);
  return ds_str_equal(name, ds_str_of(tidy));
}

// "customer" and "customer_id" name the same kind of identifier.
void ds_recognise_kind(ds_str name, char out[256]) {
  static const char *const short_names[] = {"customer", "user", "account", "client", "case"};
  char folded[64];
  fold(name, folded);
  tidy_name(name, out);
  for (char *c = out; *c != '\0'; c++)
    *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c == '.' ? '_' : *c;
  for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++)
    if (strncmp(folded, short_names[i], strlen(short_names[i])) == 0 &&
        (strcmp(folded + strlen(short_names[i]), "") == 0 ||
         strcmp(folded + strlen(short_names[i]), "s") == 0 ||
         strcmp(folded + strlen(short_names[i]), "id") == 0))
      snprintf(out, 256, "%s_id", short_names[i]);
  if (strcmp(folded, "caseconceptname") == 0)
    snprintf(out, 256, "case_id");
}

static ds_code fetch(recogniser *r, uint32_t column, ds_use use, uint32_t *ret_column,
                     ds_error *err) {
  const ds_input_column *from = &r->input->columns[column];
  const bool text = r->input->file->kind == DS_SOURCE_TEXT || ds_source_is_log(r->input->file);
  const char *format = ds_source_is_log(r->input->file) ? NULL : from->time_format;
  if (r->time_format != NULL && column == r->column[ROLE_TIME])
    format = r->time_format;
  // Text is fetched as it is and read by the encoder, which knows zones and reasons.
  return ds_plan_column_add(r->plan, r->arena, from->name,
                            text ? ds_str_of("VARCHAR") : from->duck_type, use, format,
                            ret_column, err);
}

static ds_code taken_add(recogniser *r, uint32_t column, const char *as, ds_error *err) {
  const ds_input_column *from = &r->input->columns[column];
  ds_taken *row = &r->taken.rows[r->taken.count++];
  row->column = ds_arena_text(r->arena, from->name.data, from->name.size);
  row->as = ds_arena_text(r->arena, as, strlen(as));
  row->type = from->type == DS_TYPE_NULL ? "empty" : ds_type_name(from->type);
  return row->column == NULL || row->as == NULL
             ? ds_fail(err, DS_MEMORY, "out of memory planning an import")
             : DS_OK;
}

// The prefix of the customers' subjects; none when the column says the kind of each.
static ds_code kind_set(recogniser *r, const char *kind, ds_error *err) {
  char prefix[260];
  snprintf(prefix, sizeof prefix, "%s=", kind);
  const char *own = strcmp(kind, DS_NAME_SUBJECT) == 0 ? "" : prefix;
  r->event->kind = ds_arena_text(r->arena, own, strlen(own));
  return r->event->kind == NULL ? ds_fail(err, DS_MEMORY, "out of memory planning an import")
                                : DS_OK;
}

static int by_rank(const void *left, const void *right) {
  const ds_plan_identifier *a = left, *b = right;
  const uint32_t rank_a = ds_identifier_rank(ds_str_of(a->kind));
  const uint32_t rank_b = ds_identifier_rank(ds_str_of(b->kind));
  return (rank_a > rank_b) - (rank_a < rank_b);
}

static ds_code role_plan(recogniser *r, uint32_t column, ds_error *err) {
  ds_plan_event *event = r->event;
  char as[300];
  snprintf(as, sizeof as, "%s", role_words[r->roles[column]]);
  switch (r->roles[column]) {
  case ROLE_CUSTOMER:
    TRY(fetch(r, column, DS_USE_TEXT, &event->customer, err));
    event->personal = r->input->columns[column].personal;
    if (event->kind[0] == '\0')
      snprintf(as, sizeof as, "customer, with its kind");
    else
      snprintf(as, sizeof as, "customer (%.*s)%s", (int)strlen(event->kind) - 1, event->kind,
               event->personal ? ", personal: by a keyed hash" : "");
    break;
  case ROLE_TIME:
    TRY(fetch(r, column, DS_USE_TIME, &event->time, err));
    if (r->plan->columns[event->time].physical == DS_PHYSICAL_MICROS &&
        r->input->file->kind == DS_SOURCE_TEXT)
      snprintf(as, sizeof as, "time, read as %s", r->time_format != NULL
                   ? r->time_format : r->input->columns[column].time_format);
    break;
  case ROLE_EVENT:
    TRY(fetch(r, column, DS_USE_TEXT, &event->touchpoint, err));
    break;
  case ROLE_RECEIVED:
    TRY(fetch(r, column, DS_USE_TIME, &event->received, err));
    break;
  default:
    TRY(fetch(r, column, DS_USE_TEXT, &event->id, err));
    event->id_scope = r->id_scope;
  }
  return taken_add(r, column, as, err);
}

static ds_code key_plan(recogniser *r, uint32_t column, ds_str named, ds_error *err) {
  ds_plan_key *key = &r->event->keys[r->event->keys_count++];
  uint32_t code;
  TRY(ds_names_add(&r->space->keys, named, &code, err));
  key->name = (uint16_t)code;
  return fetch(r, column, DS_USE_TEXT, &key->column, err);
}

static ds_code property_plan(recogniser *r, uint32_t column, ds_str named, ds_error *err) {
  const ds_input_column *from = &r->input->columns[column];
  ds_plan_property *property = &r->event->properties[r->event->properties_count++];
  uint32_t code;
  TRY(ds_names_add(&r->space->properties, named, &code, err));
  *property = (ds_plan_property){
      .text = DS_NONE,
      .name = (uint16_t)code,
      .type = from->type == DS_TYPE_NULL ? DS_TYPE_STRING : from->type,
      .personal = r->roles[column] == ROLE_PERSONAL,
  };
  // Day or month, nobody knows: kept as the text it is.
  if (from->day_or_month)
    property->type = DS_TYPE_STRING;
  const ds_use use = from->day_or_month ? DS_USE_TEXT : DS_USE_VALUE;
  // What a form of times does not read is still a text.
  if (use == DS_USE_VALUE && from->time_format != NULL && !ds_source_is_log(r->input->file))
    TRY(fetch(r, column, DS_USE_TEXT, &property->text, err));
  return fetch(r, column, use, &property->column, err);
}

// Whether the column, a property, also holds a weaker identifier than the customer's column: its
// name says so in full.
static bool is_identifier(const recogniser *r, uint32_t column, char kind[256]) {
  char name[64], whole[64];
  if (!r->links || r->event->kind[0] == '\0' || r->event->others_count == DS_IDENTIFIERS_MAX ||
      is_prefixed(r, column))
    return false;
  ds_recognise_kind(called(r, column), kind);
  fold(called(r, column), name);
  fold(ds_str_of(kind), whole);
  const ds_str own = {r->event->kind, (uint32_t)strlen(r->event->kind) - 1}; // without its '='
  return ds_identifier_is_listed(ds_str_of(kind)) && strcmp(name, whole) == 0 &&
         ds_identifier_rank(ds_str_of(kind)) > ds_identifier_rank(own);
}

static ds_code identifier_plan(recogniser *r, uint32_t column, const char *kind, ds_error *err) {
  ds_plan_identifier *other = &r->event->others[r->event->others_count++];
  other->kind = ds_arena_text(r->arena, kind, strlen(kind));
  if (other->kind == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  return fetch(r, column, DS_USE_TEXT, &other->column, err);
}

static ds_code column_plan(recogniser *r, uint32_t column, ds_error *err) {
  char name[256];
  char as[300];
  if (r->roles[column] < ROLES_COUNT)
    return role_plan(r, column, err);
  char kind[256];
  ds_str own = r->input->columns[column].name;
  if (strip(&own, DS_PREFIX_PROPERTY))
    snprintf(name, sizeof name, "%.*s", DS_STR(called(r, column)));
  else
    tidy_name(called(r, column), name);
  if (r->roles[column] == ROLE_PROPERTY && is_identifier(r, column, kind)) {
    snprintf(as, sizeof as, "property %s, and identifier", name);
    TRY(identifier_plan(r, column, kind, err));
    TRY(property_plan(r, column, ds_str_of(name), err));
  } else if (r->roles[column] == ROLE_KEY) {
    if (strcmp(name, "case_concept_name") == 0) // of an XES log whose customers are others
      snprintf(name, sizeof name, "case_id");
    snprintf(as, sizeof as, "case key %s", name);
    TRY(key_plan(r, column, ds_str_of(name), err));
  } else {
    snprintf(as, sizeof as, r->roles[column] == ROLE_PERSONAL
                 ? "personal property %s" : "property %s", name);
    TRY(property_plan(r, column, ds_str_of(name), err));
  }
  return taken_add(r, column, as, err);
}

// The case of an XES log is its own case key too, so that --case case_id works; but keys lie in the
// store in clear.
static ds_code case_plan(recogniser *r, ds_error *err) {
  if (strcmp(r->event->kind, "case_id=") != 0 || r->event->personal)
    return DS_OK;
  return key_plan(r, r->column[ROLE_CUSTOMER], ds_str_of("case_id"), err);
}

ds_code ds_recognise(const ds_input *input, const ds_import_options *options,
                     const char *time_format, const char *id_scope, ds_space *space,
                     ds_arena *arena, ds_plan *plan, ds_taken_list *ret_taken, ds_error *err) {
  recogniser r = {.input = input, .options = options, .time_format = time_format,
                  .id_scope = id_scope, .space = space, .arena = arena, .plan = plan,
                  .event = &plan->events[0], .links = !ds_source_is_log(input->file)};
  const uint32_t room = (input->open ? DS_PLAN_COLUMNS_MAX : input->columns_count) + 1;
  r.roles = ds_arena_array(arena, room, sizeof *r.roles);
  r.taken.rows = ds_arena_array(arena, room, sizeof *r.taken.rows);
  *r.event = (ds_plan_event){.touchpoint = DS_NONE, .customer = DS_NONE, .time = DS_NONE,
                             .received = DS_NONE, .id = DS_NONE, .when = DS_NONE,
                             .kind = "", .id_scope = id_scope};
  r.event->keys = ds_arena_array(arena, room, sizeof *r.event->keys);
  r.event->properties = ds_arena_array(arena, room, sizeof *r.event->properties);
  r.event->others = ds_arena_array(arena, DS_IDENTIFIERS_MAX, sizeof *r.event->others);
  if (r.event->others == NULL || r.roles == NULL || r.taken.rows == NULL || r.event->keys == NULL ||
      r.event->properties == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  plan->name = input->file->name;
  plan->events_count = 1;
  TRY(roles_find(&r, err));
  TRY(keys_find(&r, err));
  // The customer's column first: which others are weaker is told by its kind.
  const uint32_t customer = r.column[ROLE_CUSTOMER];
  char kind[256];
  if (customer != DS_NONE) {
    ds_recognise_kind(called(&r, customer), kind);
    TRY(kind_set(&r, kind, err));
  }
  for (uint32_t i = 0; i < input->columns_count; i++)
    TRY(column_plan(&r, i, err));
  qsort(r.event->others, r.event->others_count, sizeof *r.event->others, by_rank);
  TRY(case_plan(&r, err));
  if (r.event->keys_count > DS_EVENT_KEYS_MAX)
    return ds_fail(err, DS_LIMIT, "%s: more than %u case keys", input->file->name,
                   DS_EVENT_KEYS_MAX);
  *ret_taken = r.taken;
  return DS_OK;
}

ds_code ds_recognise_more(const ds_source *file, const ds_input_column *column, bool key,
                          const ds_import_options *options, ds_space *space, ds_arena *arena,
                          ds_plan *plan, ds_taken_list *ret_taken, ds_error *err) {
  ds_input_column *copy = ds_arena_array(arena, 1, sizeof *copy);
  role *own = ds_arena_array(arena, 1, sizeof *own);
  ds_taken *taken = ds_arena_array(arena, 1, sizeof *taken);
  if (copy == NULL || own == NULL || taken == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  *copy = *column;
  copy->personal = ds_personal_name(column->name);
  const ds_input input = {.file = file, .columns = copy, .columns_count = 1};
  recogniser r = {.input = &input, .options = options, .space = space, .arena = arena,
                  .plan = plan, .event = &plan->events[0], .roles = own, .taken = {taken, 0}};
  for (uint32_t i = 0; i < ROLES_COUNT; i++)
    r.column[i] = DS_NONE;
  own[0] = key ? ROLE_KEY : rest_find(&r, 0);
  TRY(column_plan(&r, 0, err));
  *ret_taken = r.taken;
  return DS_OK;
}
