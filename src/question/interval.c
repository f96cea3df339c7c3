// SPDX-License-Identifier: Apache-2.0
// See interval.h.
#include "question/interval.h"

#include <math.h>

void ds_rate_interval(uint64_t hits, uint64_t n, double *ret_low, double *ret_high) {
  const double z = 1.959963984540054, share = (double)hits / (double)n, m = (double)n;
  const double middle = share + z * z / (2 * m);
  const double reach = z * sqrt(share * (1 - share) / m + z * z / (4 * m * m));
  *ret_low = hits == 0 ? 0 : (middle - reach) / (1 + z * z / m);
  *ret_high = hits == n ? 1 : (middle + reach) / (1 + z * z / m);
}

double ds_mean_reach(uint64_t degrees) {
  const double p = 0.05, n = (double)degrees, half_pi = 1.5707963267948966;
  if (degrees == 1)
    return cos(p * half_pi) / sin(p * half_pi);
  if (degrees == 2)
    return sqrt(2 / (p * (2 - p)) - 2);
  const double a = 1 / (n - 0.5), b = 48 / (a * a);
  double c = ((20700 * a / b - 98) * a - 16) * a + 96.36;
  const double d = ((94.5 / (b + c) - 3) / b + 1) * sqrt(a * half_pi) * n;
  double y = pow(d * p, 2 / n);
  if (y > 0.05 + a) {
    const double x = -1.959963984540054;
    y = x * x;
    if (degrees < 5)
      c += 0.3 * (n - 4.5) * (x + 0.6);
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
    y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
    y = expm1(a * y * y);
  } else {
    y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) *
            (n + 1) / (n + 2) +
        1 / y;
  }
  return sqrt(n * y);
}
