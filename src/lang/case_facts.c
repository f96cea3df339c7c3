// SPDX-License-Identifier: Apache-2.0
// The table of what can be asked of a case, and the loops that find it. A new form is one row.
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/sum.h"
#include "lang/case_pattern.h"
#include "lang/functions.h"

#define LENGTHS LANG_LENGTHS
#define ORDERED (LENGTHS | 1u << DS_TYPE_TIME | 1u << DS_TYPE_DATE)
#define VALUES (ORDERED | 1u << DS_TYPE_STRING | 1u << DS_TYPE_BOOL)
// As arithmetic has it (values.c).
#define INTEGER_MAX (2 * DS_TIME_MAX_MS)

static void set(lang_column *out, uint32_t c, bool present) {
  out->present[c / 64] |= (uint64_t)present << (c % 64);
}

static void set_all(const lang_line *line, lang_column *out) {
  memset(out->present, 0xff, (line->count + 63) / 64 * sizeof *out->present);
}

// Counted here because plain x86-64 has no instruction for it, and the library's is a call.
static inline uint32_t count_bits(uint64_t bits) {
  bits -= bits >> 1 & 0x5555555555555555u;
  bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
  return (uint32_t)(((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56);
}

static ds_code run_did(const lang_line *line, const lang_fact *fact, const lang_range *range,
                       lang_column *out, ds_error *err) {
  (void)err;
  const uint64_t *bits = line->bits[fact->selector];
  for (uint32_t c = 0; c < line->count; c++) {
    uint64_t any = 0;
    for (uint32_t at = range->low[c]; at < range->high[c]; at += 64)
      any |= lang_bits_at(bits, at, range->high[c] - at);
    out->i[c] = any != 0;
  }
  set_all(line, out);
  return DS_OK;
}

static ds_code run_count(const lang_line *line, const lang_fact *fact, const lang_range *range,
                         lang_column *out, ds_error *err) {
  (void)err;
  const uint64_t *bits = line->bits[fact->selector];
  for (uint32_t c = 0; c < line->count; c++) {
    uint32_t count = 0;
    for (uint32_t at = range->low[c]; at < range->high[c]; at += 64)
      count += count_bits(lang_bits_at(bits, at, range->high[c] - at));
    out->number[c] = count;
  }
  set_all(line, out);
  return DS_OK;
}

static ds_code run_first(const lang_line *line, const lang_fact *fact, const lang_range *range,
                         lang_column *out, ds_error *err) {
  (void)err;
  for (uint32_t c = 0; c < line->count; c++) {
    const uint32_t at = lang_bits_first(line->bits[fact->selector], range->low[c], range->high[c]);
    set(out, c, at != DS_NONE);
    out->i[c] = at == DS_NONE ? 0 : line->time_ms[at];
  }
  return DS_OK;
}

static ds_code run_last(const lang_line *line, const lang_fact *fact, const lang_range *range,
                        lang_column *out, ds_error *err) {
  (void)err;
  for (uint32_t c = 0; c < line->count; c++) {
    const uint32_t at = lang_bits_last(line->bits[fact->selector], range->low[c], range->high[c]);
    set(out, c, at != DS_NONE);
    out->i[c] = at == DS_NONE ? 0 : line->time_ms[at];
  }
  return DS_OK;
}

static ds_code run_since(const lang_line *line, const lang_fact *fact, const lang_range *range,
                         lang_column *out, ds_error *err) {
  TRY(run_last(line, fact, range, out, err));
  for (uint32_t c = 0; c < line->count; c++)
    out->i[c] = line->now_ms - out->i[c];
  return DS_OK;
}

static ds_code run_elapsed(const lang_line *line, const lang_fact *fact, const lang_range *range,
                           lang_column *out, ds_error *err) {
  (void)err;
  for (uint32_t c = 0; c < line->count; c++) {
    const uint32_t a = lang_bits_first(line->bits[fact->selector], range->low[c], range->high[c]);
    const uint32_t b = a == DS_NONE ? a
                                    : lang_bits_first(line->bits[fact->second], a + 1,
                                                      range->high[c]);
    set(out, c, b != DS_NONE);
    out->i[c] = b == DS_NONE ? 0 : line->time_ms[b] - line->time_ms[a];
  }
  return DS_OK;
}

static ds_code run_now(const lang_line *line, const lang_fact *fact, const lang_range *range,
                       lang_column *out, ds_error *err) {
  (void)fact;
  (void)range;
  (void)err;
  for (uint32_t c = 0; c < line->count; c++)
    out->i[c] = line->now_ms;
  set_all(line, out);
  return DS_OK;
}

static const ds_property_column *column_of(const lang_line *line, const lang_fact *fact) {
  if (fact->column == LANG_ABSENT)
    return NULL;
  const ds_property_column *column =
      &line->evaluator->block->property[line->evaluator->input[fact->column]];
  return column->type == DS_TYPE_NULL ? NULL : column;
}

static uint32_t event_at(const lang_line *line, uint32_t position) {
  return line->event == NULL ? position : line->event[position];
}

static bool has_value(const ds_property_column *column, uint32_t event) {
  return (column->present[event / 64] >> (event % 64) & 1) != 0;
}

static void put_value(const ds_property_column *column, uint32_t event, lang_column *out,
                      uint32_t c) {
  if (column->type == DS_TYPE_NUMBER)
    out->number[c] = column->number[event];
  else if (column->type == DS_TYPE_STRING)
    out->text[c] = column->text[event];
  else
    out->i[c] = column->i[event];
}

// The property of one event of each case.
static void take_values(const lang_line *line, const lang_fact *fact, const lang_range *range,
                        uint32_t (*which)(const uint64_t *, uint32_t, uint32_t),
                        lang_column *out) {
  const ds_property_column *column = column_of(line, fact);
  for (uint32_t c = 0; column != NULL && c < line->count; c++) {
    const uint32_t at = which(line->bits[fact->selector], range->low[c], range->high[c]);
    if (at == DS_NONE || !has_value(column, event_at(line, at)))
      continue;
    put_value(column, event_at(line, at), out, c);
    set(out, c, true);
  }
}

static ds_code run_first_value(const lang_line *line, const lang_fact *fact,
                               const lang_range *range, lang_column *out, ds_error *err) {
  (void)err;
  take_values(line, fact, range, lang_bits_first, out);
  return DS_OK;
}

static ds_code run_last_value(const lang_line *line, const lang_fact *fact,
                              const lang_range *range, lang_column *out, ds_error *err) {
  (void)err;
  take_values(line, fact, range, lang_bits_last, out);
  return DS_OK;
}

// Of the latest event that carries the property.
static ds_code run_trait(const lang_line *line, const lang_fact *fact, const lang_range *range,
                         lang_column *out, ds_error *err) {
  (void)err;
  const ds_property_column *column = column_of(line, fact);
  for (uint32_t c = 0; column != NULL && c < line->count; c++)
    for (uint32_t high = range->high[c]; high != DS_NONE && high > range->low[c];) {
      high = lang_bits_last(line->bits[fact->selector], range->low[c], high);
      if (high == DS_NONE || !has_value(column, event_at(line, high)))
        continue;
      put_value(column, event_at(line, high), out, c);
      set(out, c, true);
      break;
    }
  return DS_OK;
}

// --- forms of all values of a window: gathered in the scratch, then made into one

// Numbers of a case in `to`; durations and the like in the same place as integers.
static uint32_t gather(const lang_line *line, const lang_fact *fact, uint32_t low, uint32_t high,
                       void *to) {
  const ds_property_column *column = column_of(line, fact);
  const uint64_t *bits = line->bits[fact->selector];
  double *number = to;
  int64_t *integer = to;
  ds_str *text = to;
  uint32_t count = 0;
  for (; column != NULL && low < high; low += 64)
    for (uint64_t some = lang_bits_at(bits, low, high - low); some != 0; some &= some - 1) {
      const uint32_t event = event_at(line, low + (uint32_t)__builtin_ctzll(some));
      if (!has_value(column, event))
        continue;
      if (column->type == DS_TYPE_NUMBER)
        number[count++] = column->number[event];
      else if (column->type == DS_TYPE_STRING)
        text[count++] = column->text[event];
      else
        integer[count++] = column->i[event];
    }
  return count;
}

static int number_order(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int integer_order(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int text_order(const void *a, const void *b) {
  return ds_str_compare(*(const ds_str *)a, *(const ds_str *)b);
}

// One figure of `count` values, at least one; false: null.
typedef bool figure_of(double *values, uint32_t count, double *ret_figure);

static bool figure_sum(double *values, uint32_t count, double *ret_figure) {
  ds_number_sum sum = {0};
  for (uint32_t v = 0; v < count; v++)
    ds_number_sum_add(&sum, values[v]);
  const ds_dd total = ds_number_sum_value(&sum);
  *ret_figure = total.high + total.low;
  return true;
}

static bool figure_avg(double *values, uint32_t count, double *ret_figure) {
  figure_sum(values, count, ret_figure);
  *ret_figure /= count;
  return true;
}

static bool figure_min(double *values, uint32_t count, double *ret_figure) {
  *ret_figure = values[0];
  for (uint32_t v = 1; v < count; v++)
    *ret_figure = values[v] < *ret_figure ? values[v] : *ret_figure;
  return true;
}

static bool figure_max(double *values, uint32_t count, double *ret_figure) {
  *ret_figure = values[0];
  for (uint32_t v = 1; v < count; v++)
    *ret_figure = values[v] > *ret_figure ? values[v] : *ret_figure;
  return true;
}

static bool figure_median(double *values, uint32_t count, double *ret_figure) {
  qsort(values, count, sizeof *values, number_order);
  const double low = values[(count - 1) / 2], high = values[count / 2];
  *ret_figure = low + (high - low) / 2;
  return true;
}

// The sample's, about the mean.
static bool figure_stddev(double *values, uint32_t count, double *ret_figure) {
  double mean = 0, squares = 0;
  if (count < 2)
    return false;
  figure_avg(values, count, &mean);
  for (uint32_t v = 0; v < count; v++)
    squares += (values[v] - mean) * (values[v] - mean);
  *ret_figure = sqrt(squares / (count - 1));
  return true;
}

// Durations and instants lie far below 2^53 ms, so they are figured as numbers, and rounded.
static ds_code run_figure(const lang_line *line, const lang_fact *fact, const lang_range *range,
                          figure_of *of, lang_column *out) {
  double *values = (double *)(void *)line->evaluator->scratch, figure = 0;
  int64_t *integers = (int64_t *)(void *)line->evaluator->scratch;
  const bool number = fact->property_type == DS_TYPE_NUMBER;
  for (uint32_t c = 0; c < line->count; c++) {
    const uint32_t count = gather(line, fact, range->low[c], range->high[c], values);
    for (uint32_t v = 0; !number && v < count; v++)
      values[v] = (double)integers[v];
    if (count == 0 || !of(values, count, &figure) || !isfinite(figure) ||
        (!number && fabs(figure) > (double)INTEGER_MAX))
      continue;
    if (number)
      out->number[c] = figure;
    else
      out->i[c] = llround(figure);
    set(out, c, true);
  }
  return DS_OK;
}

#define FIGURE(name)                                                                       \
  static ds_code run_##name(const lang_line *line, const lang_fact *fact,                  \
                            const lang_range *range, lang_column *out, ds_error *err) {    \
    (void)err;                                                                             \
    return run_figure(line, fact, range, figure_##name, out);                              \
  }
FIGURE(sum)
FIGURE(avg)
FIGURE(min)
FIGURE(max)
FIGURE(median)
FIGURE(stddev)

static ds_code run_distinct(const lang_line *line, const lang_fact *fact, const lang_range *range,
                            lang_column *out, ds_error *err) {
  (void)err;
  void *values = line->evaluator->scratch;
  const double *number = values;
  const int64_t *integer = values;
  const ds_str *text = values;
  const ds_type type = fact->property_type;
  for (uint32_t c = 0; c < line->count; c++) {
    const uint32_t count = gather(line, fact, range->low[c], range->high[c], values);
    uint32_t distinct = count > 0;
    if (count > 1)
      qsort(values, count, type == DS_TYPE_STRING ? sizeof *text : sizeof *number,
            type == DS_TYPE_STRING   ? text_order
            : type == DS_TYPE_NUMBER ? number_order
                                     : integer_order);
    for (uint32_t v = 1; v < count; v++)
      distinct += type == DS_TYPE_STRING   ? !ds_str_equal(text[v - 1], text[v])
                  : type == DS_TYPE_NUMBER ? number[v - 1] != number[v]
                                           : integer[v - 1] != integer[v];
    out->number[c] = distinct;
  }
  set_all(line, out);
  return DS_OK;
}

// In how many of each journey's cases the rule is met.
static uint32_t cases_met(const lang_line *line, const lang_fact *fact, uint32_t c) {
  const lang_stage *stage = &line->evaluator->stage[fact->level];
  const uint64_t *yes = line->evaluator->answer[fact->rule].yes;
  uint32_t met = 0;
  const uint32_t end = stage->first_case[line->first + c + 1] - stage->first;
  for (uint32_t at = stage->first_case[line->first + c] - stage->first; at < end; at++)
    met += yes[at / 64] >> (at % 64) & 1;
  return met;
}

static ds_code run_any_case(const lang_line *line, const lang_fact *fact, const lang_range *range,
                            lang_column *out, ds_error *err) {
  (void)range;
  (void)err;
  for (uint32_t c = 0; c < line->count; c++)
    out->i[c] = cases_met(line, fact, c) > 0;
  set_all(line, out);
  return DS_OK;
}

static ds_code run_count_cases(const lang_line *line, const lang_fact *fact,
                               const lang_range *range, lang_column *out, ds_error *err) {
  (void)range;
  (void)err;
  for (uint32_t c = 0; c < line->count; c++)
    out->number[c] = cases_met(line, fact, c);
  set_all(line, out);
  return DS_OK;
}

// The journey of the block that case c of the line is, or belongs to.
static uint32_t journey_of(const lang_line *line, uint32_t c) {
  if (line->event == NULL)
    return line->first + c;
  const ds_block *block = line->evaluator->block;
  const uint32_t event = line->event[line->offset[line->first + c]];
  return ds_first_at_least(block->offset, 0, block->journeys, (uint64_t)event + 1) - 1;
}

static ds_code run_in_list(const lang_line *line, const lang_fact *fact, const lang_range *range,
                           lang_column *out, ds_error *err) {
  (void)range;
  (void)err;
  const uint32_t *customer = line->evaluator->block->customer;
  for (uint32_t c = 0; c < line->count; c++)
    out->i[c] = ds_customers_has(fact->list, customer[journey_of(line, c)]);
  set_all(line, out);
  return DS_OK;
}

#define S LANG_TAKES_SELECTOR
#define P LANG_TAKES_PROPERTY
#define FILTER " FILTER (WHERE %s)"
const lang_form ds_lang_forms[] = {
    {"did", "did(S [, window])", "whether there is such an event", S, true, false, 0, DS_TYPE_BOOL,
     run_did, "count(*)" FILTER " > 0", true},
    {"count", "count(S [, window])", "how many there are", S, true, false, 0, DS_TYPE_NUMBER,
     run_count, "count(*)" FILTER "::DOUBLE", true},
    {"first", "first(S [, window])", "the instant of the first, or null", S, true, false, 0,
     DS_TYPE_TIME, run_first, "min(time)" FILTER, false},
    {"first", "first(S.p [, window])", "the first one's property", P, true, false, VALUES,
     DS_TYPE_NULL, run_first_value, "first(%p ORDER BY time, arrival)" FILTER, true},
    {"last", "last(S [, window])", "the instant of the last, or null", S, true, false, 0,
     DS_TYPE_TIME, run_last, "max(time)" FILTER, false},
    {"last", "last(S.p [, window])", "the last one's property", P, true, false, VALUES,
     DS_TYPE_NULL, run_last_value, "last(%p ORDER BY time, arrival)" FILTER, true},
    {"since", "since(S)", "the time from the last to now, or null", S, false, true, 0,
     DS_TYPE_DURATION, run_since, "%n - epoch_ms(max(time)" FILTER ")", false},
    {"sum", "sum(S.p [, window])", "the sum of the property's values, or null", P, true, false,
     LENGTHS, DS_TYPE_NULL, run_sum, "sum(%p)" FILTER, true},
    {"avg", "avg(S.p [, window])", "their mean, or null", P, true, false, LENGTHS, DS_TYPE_NULL,
     run_avg, "avg(%p)" FILTER, true},
    {"min", "min(S.p [, window])", "the least of them, or null", P, true, false, ORDERED,
     DS_TYPE_NULL, run_min, "min(%p)" FILTER, true},
    {"max", "max(S.p [, window])", "the greatest of them, or null", P, true, false, ORDERED,
     DS_TYPE_NULL, run_max, "max(%p)" FILTER, true},
    {"median", "median(S.p [, window])", "their median, or null", P, true, false, LENGTHS,
     DS_TYPE_NULL, run_median, "median(%p)" FILTER, true},
    {"stddev", "stddev(S.p [, window])", "their standard deviation, the sample's; null below two",
     P, true, false, LENGTHS, DS_TYPE_NULL, run_stddev, "stddev_samp(%p)" FILTER, true},
    {"distinct", "distinct(S.p [, window])", "how many different values there are", P, true, false,
     VALUES, DS_TYPE_NUMBER, run_distinct, "count(DISTINCT %p)" FILTER "::DOUBLE", true},
    {"elapsed", "elapsed(A, B)", "the time from the first A to the next B, or null",
     LANG_TAKES_PAIR, false, false, 0, DS_TYPE_DURATION, run_elapsed, NULL, false},
    {"sequence", "sequence(PATTERN)", "whether the case holds the pattern", LANG_TAKES_PATTERN,
     false, false, 0, DS_TYPE_BOOL, ds_lang_pattern_run, NULL, false},
    {"any_case", "any_case(KEY, EXPR)", "whether EXPR is met by one of the customer's cases",
     LANG_TAKES_CASES, false, false, 0, DS_TYPE_BOOL, run_any_case, NULL, false},
    {"count_cases", "count_cases(KEY, EXPR)", "by how many of them it is", LANG_TAKES_CASES, false,
     false, 0, DS_TYPE_NUMBER, run_count_cases, NULL, false},
    {"segment", "segment('name')", "the segment's definition in its place", LANG_TAKES_NAMES,
     false, false, 0, DS_TYPE_BOOL, NULL, NULL, false},
    {"in_list", "in_list('name')", "whether the customer is in the list", LANG_TAKES_LIST, false,
     false, 0, DS_TYPE_BOOL, run_in_list, NULL, true},
    {"consent", "consent('purpose' [, 'channel'])",
     "whether the customer allows that use of data now", LANG_TAKES_CONSENT, false, false, 0,
     DS_TYPE_BOOL, NULL, NULL, false},
    {"customer", "customer.p", "the property of the latest event that has it", LANG_TAKES_NOTHING,
     false, false, VALUES, DS_TYPE_NULL, run_trait,
     "last(%p ORDER BY time, arrival) FILTER (WHERE %s AND %p IS NOT NULL)", true},
    {"now", "now", "the instant at which is asked", LANG_TAKES_NOTHING, false, true, 0,
     DS_TYPE_TIME, run_now, "make_timestamp(%n * 1000)", false},
};
const uint32_t ds_lang_forms_count = sizeof ds_lang_forms / sizeof *ds_lang_forms;

ds_function_help ds_case_form_help_at(uint32_t index) {
  if (index >= ds_lang_forms_count)
    return (ds_function_help){NULL, NULL, NULL};
  const lang_form *row = &ds_lang_forms[index];
  return (ds_function_help){row->name, row->usage, row->meaning};
}
