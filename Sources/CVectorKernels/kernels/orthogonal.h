#include "lanes.h"

static inline __attribute__((always_inline)) double dot(const double *x, const double *y, size_t count) {
  double sum[LANES] = {0}, total = 0;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (int k = 0; k < LANES; k++) sum[k] += x[i + k] * y[i + k];
  for (; i < count; i++) total += x[i] * y[i];
  for (int k = 0; k < LANES; k++) total += sum[k];
  return total;
}

static void cvk_orthonormalize(double *rows, size_t count, size_t length) {
  for (size_t i = 0; i < count; i++) {
    double *row = rows + i * length;
    for (int pass = 0; pass < 2; pass++)
      for (size_t j = 0; j < i; j++) {
        const double *other = rows + j * length;
        double part = dot(row, other, length);
        for (size_t k = 0; k < length; k++) row[k] -= part * other[k];
      }
    double scale = 1 / sqrt(dot(row, row, length));
    for (size_t k = 0; k < length; k++) row[k] *= scale;
  }
}
