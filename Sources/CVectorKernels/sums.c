#include "CVectorKernels.h"
#include "dispatch.h"

enum { LANES = 16 };

static inline double fold(const double *lanes) {
  double sum = 0;
  for (int i = 0; i < LANES; i++) sum += lanes[i];
  return sum;
}

MULTIVERSION
double cvk_sum_of_squares(const float *x, size_t count) {
  // Four sets of lanes hide the latency of the additions. The product of two floats is exact in Double.
  double a[LANES] = {0}, b[LANES] = {0}, c[LANES] = {0}, d[LANES] = {0};
  size_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES)
    for (int k = 0; k < LANES; k++) {
      double p = x[i + k], q = x[i + LANES + k], r = x[i + 2 * LANES + k], s = x[i + 3 * LANES + k];
      a[k] += p * p;
      b[k] += q * q;
      c[k] += r * r;
      d[k] += s * s;
    }
  for (int k = 0; i < count; i++, k = (k + 1) % LANES) a[k] += (double)x[i] * x[i];
  for (int k = 0; k < LANES; k++) a[k] = (a[k] + b[k]) + (c[k] + d[k]);
  return fold(a);
}

MULTIVERSION
void cvk_add(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

MULTIVERSION
void cvk_scale(float *y, float a, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] *= a;
}

MULTIVERSION
void cvk_pixels(float *restrict y, const uint8_t *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = (float)x[i] / 255.0f;
}
