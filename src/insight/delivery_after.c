// SPDX-License-Identifier: Apache-2.0
// What a late day goes with: scores and repeat orders by how late orders were, and the straight
// line through them.
#include <math.h>

#include "insight/delivery.h"
#include "question/interval.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for deliveries: give more --memory");
}

static double value_of(ds_dd sum) { return sum.high + sum.low; }

static void put_mean(const delivery_asked *asked, const delivery_class *of, ds_cell *cell) {
  const double n = (double)of->scored, sum = value_of(of->score);
  cell[3] = ds_cell_i64((int64_t)of->scored);
  if (of->scored < 2 || of->scored < asked->min_n)
    return;
  const double variance = fmax(0, (value_of(of->score_square) - sum / n * sum) / (n - 1));
  const double reach = ds_mean_reach(of->scored - 1) * sqrt(variance / n);
  cell[0] = ds_cell_double(sum / n);
  cell[1] = ds_cell_double(sum / n - reach);
  cell[2] = ds_cell_double(sum / n + reach);
}

static ds_code put_classes(const delivery_found *found, ds_result *result, ds_error *err) {
  static const ds_column columns[] = {
      {"lateness", DS_CELL_TEXT, "", "calendar days between the promised day and the last parcel",
       false},
      {"orders", DS_CELL_COUNT, "orders", "orders of which all parcels arrived", false},
      {"score", DS_CELL_NUMBER, "", "mean score of these orders", false},
      {"score_low", DS_CELL_NUMBER, "", "lower end of its 95 % interval", false},
      {"score_high", DS_CELL_NUMBER, "", "upper end of its 95 % interval", false},
      {"score_n", DS_CELL_COUNT, "orders", "orders with a score", true},
      {"again_share", DS_CELL_SHARE, "", "share followed by another order soon enough", false},
      {"again_share_low", DS_CELL_SHARE, "", "lower end of its 95 % Wilson interval", true},
      {"again_share_high", DS_CELL_SHARE, "", "upper end of its 95 % Wilson interval", true},
      {"again", DS_CELL_COUNT, "orders", "orders so followed", true},
      {"again_n", DS_CELL_COUNT, "orders", "orders seen long enough to tell", true},
  };
  const delivery_asked *asked = found->asked;
  ds_table *table = ds_delivery_table(asked, result, "lateness", "What late goes with", columns,
                                      sizeof columns / sizeof *columns);
  if (table == NULL)
    return no_memory(err);
  table->bar = "orders";
  for (uint32_t by = 0; by < asked->bys; by++)
    for (uint32_t c = 0; c < DELIVERY_CLASSES; c++) {
      const delivery_class *of = &found->state->after[by].class[c];
      ds_cell *cell = of->orders == 0 ? NULL : ds_delivery_row(asked, by, result, table);
      if (of->orders == 0)
        continue;
      if (cell == NULL)
        return no_memory(err);
      cell[0] = ds_cell_text(result, ds_str_of(ds_delivery_class_names[c]));
      cell[1] = ds_cell_i64((int64_t)of->orders);
      put_mean(asked, of, &cell[2]);
      ds_delivery_put_share(asked, of->again, of->watched, &cell[6], &cell[7]);
      cell[9] = ds_cell_i64((int64_t)of->again);
      cell[10] = ds_cell_i64((int64_t)of->watched);
    }
  return DS_OK;
}

// The slope of the line of least squares and its interval; nothing of too few orders, or when all
// were as late.
static void put_line(const delivery_asked *asked, const delivery_line *line, ds_cell *cell) {
  const double n = (double)line->n, x = (double)line->x;
  const double sxx = (double)line->xx - x / n * x;
  if (line->n < 3 || line->n < asked->min_n || !(sxx > 0.5 / n))
    return;
  const double y = value_of(line->y);
  const double sxy = value_of(line->xy) - x / n * y, syy = value_of(line->yy) - y / n * y;
  const double slope = sxy / sxx;
  const double rest = fmax(0, syy - slope * sxy) / (n - 2);
  const double reach = ds_mean_reach(line->n - 2) * sqrt(rest / sxx);
  cell[0] = ds_cell_double(slope);
  cell[1] = ds_cell_double(slope - reach);
  cell[2] = ds_cell_double(slope + reach);
}

static ds_code put_lines(const delivery_found *found, ds_result *result, ds_error *err) {
  static const ds_column columns[] = {
      {"outcome", DS_CELL_TEXT, "", "the score of an order, or whether another followed (0 or 1)",
       false},
      {"n", DS_CELL_COUNT, "orders", "orders of which it is known", false},
      {"per_late_day", DS_CELL_NUMBER, "", "what a day late goes with, up to 7 days", false},
      {"per_late_day_low", DS_CELL_NUMBER, "", "lower end of its 95 % interval", false},
      {"per_late_day_high", DS_CELL_NUMBER, "", "upper end of its 95 % interval", false},
  };
  const delivery_asked *asked = found->asked;
  ds_table *table = ds_delivery_table(asked, result, "late_day", "What each day late goes with",
                                      columns, 5);
  if (table == NULL)
    return no_memory(err);
  table->bar = "";
  for (uint32_t by = 0; by < asked->bys; by++)
    for (uint32_t l = 0; l < DELIVERY_LINES; l++) {
      const delivery_line *line = &found->state->after[by].line[l];
      ds_cell *cell = line->n == 0 ? NULL : ds_delivery_row(asked, by, result, table);
      if (line->n == 0)
        continue;
      if (cell == NULL)
        return no_memory(err);
      cell[0] = ds_cell_text(result, ds_str_of(l == 0 ? asked->score_name : "another order"));
      cell[1] = ds_cell_i64((int64_t)line->n);
      put_line(asked, line, &cell[2]);
    }
  return DS_OK;
}

ds_code ds_delivery_put_after(const delivery_found *found, ds_result *result, ds_error *err) {
  TRY(put_classes(found, result, err));
  return put_lines(found, result, err);
}
