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
