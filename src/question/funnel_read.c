// SPDX-License-Identifier: Apache-2.0
// The funnel's options: steps, what must not stand between, the window, the period.
#include <stdio.h>

#include "lang/lexer.h"
#include "question/common.h"
#include "question/funnel.h"
#include "scan/property_types.h"

const ds_option ds_funnel_options[] = {
    {"step", DS_OPTION_ARGUMENTS, "STEP STEP...", "", NULL,
     "the steps, 2 to 64 selectors: delivered, stage:returns, 'review_submitted[stars <= 2]'; one "
     "that ends in ? is optional"},
    {"within", DS_OPTION_TEXT, "DURATION", "14d", NULL,
     "from the first step to the last, as 14d or 12h 30m"},
    {"order", DS_OPTION_CHOICE, "HOW", "sequence", "sequence|strict|any",
     "sequence: other events may lie between the steps; strict: none; any: steps in any order"},
    {"ties", DS_OPTION_CHOICE, "HOW", "either", "either|arrival",
     "events of one instant: in the order that helps, or as they arrived"},
    {"without", DS_OPTION_TEXTS, "S:I-J", "", NULL,
     "no such event between steps I and J: support_ticket_opened:1-2; may be given again"},
    {"count", DS_OPTION_CHOICE, "WHAT", "cases", "cases|all",
     "the best chain of each case, or chain after chain"},
    {"same", DS_OPTION_NAME, "PROPERTY", "", NULL, "all events of a chain share its value"},
    {"value", DS_OPTION_NAME, "PROPERTY", "", NULL,
     "sum a number that the chains carry: value, or order_placed.value"},
    {"compare", DS_OPTION_CHOICE, "WITH", "none", "none|previous|year",
     "with --from and --to: beside it the period before, or the same dates a year before"},
    {"per", DS_OPTION_CHOICE, "PERIOD", "none", "none|day|week|month",
     "conversion over time, by when the first step was"},
    {"times", DS_OPTION_FLAG, "", "", NULL, "how the times to a step are spread"},
    {"min-n", DS_OPTION_COUNT, "N", "20", NULL, "no conversion of fewer"},
};
const uint32_t ds_funnel_options_count = sizeof ds_funnel_options / sizeof *ds_funnel_options;

static ds_str trimmed(ds_str text) {
  while (text.size > 0 && text.data[0] == ' ') {
    text.data++;
    text.size--;
  }
  while (text.size > 0 && text.data[text.size - 1] == ' ')
    text.size--;
  return text;
}

// A selector, or a touchpoint's name as it is.
static ds_code selector_read(const ds_request *request, const ds_schema *schema, ds_str text,
                             const ds_expression **ret_expression, ds_error *err) {
  if (ds_names_find(&schema->space->touchpoints, text) == DS_NONE)
    return ds_selector_parse(text, schema, request->arena, ret_expression, err);
  ds_buf quoted;
  ds_buf_init(&quoted, 1u << 17);
  ds_buf_text(&quoted, "'");
  for (uint32_t i = 0; i < text.size; i++)
    ds_buf_append(&quoted, text.data[i] == '\'' ? "''" : text.data + i,
                  text.data[i] == '\'' ? 2 : 1);
  ds_buf_text(&quoted, "'");
  // The expression keeps views of its text.
  const char *kept = ds_buf_keep(&quoted, request->arena);
  ds_buf_done(&quoted);
  if (kept == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the steps");
  return ds_selector_parse(ds_str_of(kept), schema, request->arena, ret_expression, err);
}

// Says in front of what is wrong where it stands.
static ds_code blame(ds_code code, const char *where, uint32_t line, ds_error *err) {
  if (code == DS_OK || err == NULL)
    return code;
  ds_error shown = *err;
  snprintf(err->message, sizeof err->message, "%s: %.400s", where, shown.message);
  err->line = shown.column > 0 ? line : 0;
  err->column = line > 0 ? shown.column : 0;
  return code;
}

// With --case, keys are gone once journeys are cases.
static ds_code check_keys(const ds_request *request, const ds_plan *plan,
                          const ds_expression *expression, ds_error *err) {
  const ds_read_name *names = NULL;
  uint32_t count = 0;
  if (!plan->has_case)
    return DS_OK;
  TRY(ds_expression_reads(expression, request->arena, &names, &count, err));
  for (uint32_t n = 0; n < count; n++)
    if (strcmp(names[n].kind, "case key") == 0)
      return ds_fail(err, DS_EXPRESSION, "it cannot ask for the case key %.*s together with "
                     "--case: use --where", DS_STR(names[n].name));
  return DS_OK;
}

// What a selector's events are: by touchpoint where that decides, else it is evaluated.
static void selector_add(funnel_context *context, const ds_expression *expression, uint64_t steps,
                         uint32_t without) {
  if (!ds_expression_by_touchpoint(expression)) {
    context->selector[context->selectors++] = (funnel_selector){expression, steps, without};
    return;
  }
  for (uint32_t t = 0; t < context->touchpoints; t++)
    if (ds_expression_can_mean(expression, (uint16_t)t)) {
      context->steps[t] |= steps;
      context->without[t] |= without;
    }
}

// What is being read.
typedef struct reading {
  const ds_request *request;
  const ds_plan *plan;
  ds_schema schema;
  funnel_context *context;
  uint8_t *named; // touchpoints that are spoken of
} reading;

static ds_code expression_read(const reading *in, ds_str text, uint64_t steps, uint32_t without,
                               ds_error *err) {
  const ds_expression *expression = NULL;
  // An empty store has no names to read by.
  if (in->request->snapshot->events == 0)
    return DS_OK;
  TRY(selector_read(in->request, &in->schema, text, &expression, err));
  TRY(check_keys(in->request, in->plan, expression, err));
  ds_expression_named(expression, in->named);
  selector_add(in->context, expression, steps, without);
  return DS_OK;
}

static ds_code step_read(const reading *in, ds_str text, ds_error *err) {
  funnel_context *context = in->context;
  funnel_rules *rules = &context->rules;
  const uint32_t step = rules->steps;
  char where[32];
  snprintf(where, sizeof where, "step %u", step + 1);
  text = trimmed(text);
  const bool name = ds_names_find(&in->schema.space->touchpoints, text) != DS_NONE;
  if (!name && text.size > 0 && text.data[text.size - 1] == '?') {
    if (step == 0)
      return ds_fail(err, DS_USAGE, "step 1 cannot be optional: a chain begins with it");
    if (rules->order == FUNNEL_ANY)
      return ds_fail(err, DS_USAGE, "%s cannot be optional with --order any: leave the ? out",
                     where);
    rules->optional |= 1ull << step;
    text.size--;
    text = trimmed(text);
  }
  const char *kept = ds_arena_text(in->request->arena, text.data, text.size);
  if (kept == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the steps");
  context->text[step] = kept;
  rules->steps++;
  return blame(expression_read(in, ds_str_of(kept), 1ull << step, 0, err), where, step + 1, err);
}

static ds_code steps_read(const reading *in, ds_error *err) {
  const char *text = ds_option_get(&in->request->options, "step");
  const char *example = "for example: doorstep funnel order_placed delivered review_submitted";
  funnel_rules *rules = &in->context->rules;
  if (text == NULL)
    return ds_fail(err, DS_USAGE, "a funnel needs steps; %s", example);
  for (const char *at = text; at != NULL;) {
    const char *end = strchr(at, '\n');
    const ds_str one = {at, (uint32_t)(end == NULL ? strlen(at) : (size_t)(end - at))};
    if (rules->steps == FUNNEL_STEPS_MAX)
      return ds_fail(err, DS_LIMIT, "a funnel has at most %d steps", FUNNEL_STEPS_MAX);
    TRY(step_read(in, one, err));
    at = end == NULL ? NULL : end + 1;
  }
  if (rules->steps < 2)
    return ds_fail(err, DS_USAGE, "a funnel of one step tells nothing: give at least 2; %s",
                   example);
  return DS_OK;
}

// "SELECTOR:I-J"
static ds_code without_read(const reading *in, const char *text, ds_error *err) {
  funnel_rules *rules = &in->context->rules;
  const char *colon = strrchr(text, ':');
  const char *dash = colon == NULL ? NULL : strchr(colon, '-');
  uint64_t first = 0, last = 0;
  if (rules->order == FUNNEL_ANY)
    return ds_fail(err, DS_USAGE, "--without names steps by number, which --order any does not "
                   "have");
  if (dash == NULL || !ds_str_to_u64((ds_str){colon + 1, (uint32_t)(dash - colon - 1)}, &first) ||
      !ds_str_to_u64(ds_str_of(dash + 1), &last))
    return ds_fail(err, DS_USAGE, "--without %.200s: write a selector and two steps, as "
                   "support_ticket_opened:1-2", text);
  if (first == 0 || first >= last || last > rules->steps)
    return ds_fail(err, DS_USAGE, "--without %.200s: there are steps 1 to %u, and the first must "
                   "come before the second", text, rules->steps);
  if ((rules->optional >> (first - 1) & 1) != 0 || (rules->optional >> (last - 1) & 1) != 0)
    return ds_fail(err, DS_USAGE, "--without %.200s: it cannot name an optional step", text);
  if (rules->withouts == FUNNEL_WITHOUTS_MAX)
    return ds_fail(err, DS_LIMIT, "a funnel has at most %d --without", FUNNEL_WITHOUTS_MAX);
  const uint32_t at = rules->withouts++;
  rules->without[at] = (funnel_without){(uint32_t)first - 1, (uint32_t)last - 1};
  const char *kept = ds_arena_text(in->request->arena, text, (size_t)(colon - text));
  if (kept == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for --without");
  return blame(expression_read(in, trimmed(ds_str_of(kept)), 0, 1u << at, err), "--without", 0,
               err);
}

static ds_code within_read(const ds_request *request, int64_t *ret_ms, ds_error *err) {
  const char *text = ds_option_get(&request->options, "within");
  ds_lexer lexer = ds_lexer_of(ds_str_of(text), request->arena);
  ds_token token;
  int64_t ms = 0;
  bool sound = true, any = false;
  for (;;) {
    sound = sound && ds_lexer_next(&lexer, &token, NULL) == DS_OK;
    if (!sound || token.kind == DS_TOKEN_END)
      break;
    sound = token.kind == DS_TOKEN_LITERAL && token.value.type == DS_TYPE_DURATION &&
            token.value.i >= 0 && token.value.i <= DS_TIME_MAX_MS - ms;
    ms += sound ? token.value.i : 0;
    any = true;
  }
  if (!sound || !any || ms == 0)
    return ds_fail(err, DS_USAGE, "--within %.100s: expected a duration longer than zero, as 14d "
                   "or 12h 30m", text);
  *ret_ms = ms;
  return DS_OK;
}

static bool chosen(const ds_request *request, const char *option, const char *what) {
  return strcmp(ds_option_get(&request->options, option), what) == 0;
}

// The period holds the first event of a chain, unless --range says otherwise.
static void period_read(ds_plan *plan, funnel_rules *rules) {
  if (plan->range != DS_RANGE_STARTED)
    return;
  rules->has_from = plan->has_from;
  rules->has_to = plan->has_to;
  rules->from_ms = plan->from_ms;
  rules->to_ms = plan->to_ms;
  plan->has_from = plan->has_to = false;
}

// The store's own facts are seen only when a step names them, and never stand between.
static ds_code facts_read(const reading *in, ds_plan *plan, ds_error *err) {
  const ds_names *names = &in->request->snapshot->space.touchpoints;
  TRY(ds_plan_leave_facts(in->request, in->named, plan, err));
  for (uint32_t t = 0; t < names->count; t++) {
    if (in->named[t] == 0 || !ds_is_own_fact(names->text[t]))
      continue;
    if (in->context->fact == NULL)
      in->context->fact =
          ds_arena_array(in->request->arena, names->count + 1u, sizeof *in->context->fact);
    if (in->context->fact == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the steps");
    in->context->fact[t] = true;
  }
  return DS_OK;
}

static ds_code withouts_read(const reading *in, ds_error *err) {
  const ds_option_set *options = &in->request->options;
  for (uint32_t i = 0; i < options->count; i++)
    if (strcmp(options->values[i].name, "without") == 0 && options->values[i].text != NULL)
      TRY(without_read(in, options->values[i].text, err));
  return DS_OK;
}

ds_code ds_funnel_read(const ds_request *request, ds_plan *plan, funnel_context *context,
                       ds_error *err) {
  static const char *const orders[] = {"sequence", "strict", "any"};
  const ds_option_set *options = &request->options;
  funnel_rules *rules = &context->rules;
  const uint32_t touchpoints = request->snapshot->space.touchpoints.count;
  reading in = {.request = request, .plan = plan, .context = context};
  context->touchpoints = touchpoints;
  context->steps = ds_arena_array(request->arena, touchpoints + 1u, sizeof *context->steps);
  context->without = ds_arena_array(request->arena, touchpoints + 1u, sizeof *context->without);
  in.named = ds_arena_array(request->arena, touchpoints + 1u, sizeof *in.named);
  if (context->steps == NULL || context->without == NULL || in.named == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the steps");
  while (!chosen(request, "order", orders[rules->order]))
    rules->order++;
  rules->arrival = chosen(request, "ties", "arrival");
  rules->all = chosen(request, "count", "all");
  TRY(ds_question_schema(request, &in.schema, err));
  TRY(ds_question_plan(request, plan, err));
  TRY(within_read(request, &rules->within_ms, err));
  TRY(steps_read(&in, err));
  TRY(withouts_read(&in, err));
  TRY(facts_read(&in, plan, err));
  period_read(plan, rules);
  const char *same = ds_option_get(options, "same"), *value = ds_option_get(options, "value");
  context->has_same = same != NULL && request->snapshot->events > 0;
  context->has_value = value != NULL && request->snapshot->events > 0;
  if (context->has_same)
    TRY(ds_property_add(request->snapshot, plan, "same", same, request->arena, &context->same,
                        err));
  if (context->has_same && context->same.touchpoint != DS_NONE)
    return ds_fail(err, DS_USAGE, "--same %s: name a property that the events of all steps carry",
                   same);
  if (context->has_value)
    TRY(ds_property_add_number(request->snapshot, plan, "value", value, request->arena,
                               &context->value, err));
  context->groups = 1;
  return DS_OK;
}

ds_code ds_funnel_columns(const ds_request *request, ds_plan *plan, funnel_context *context,
                          ds_error *err) {
  plan->columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  TRY(ds_property_types_set(request->snapshot, &plan->columns, request->arena, err));
  for (uint32_t s = 0; s < context->selectors; s++)
    TRY(ds_expression_columns(context->selector[s].expression, &plan->columns, request->arena,
                              err));
  context->columns = &plan->columns;
  return DS_OK;
}
