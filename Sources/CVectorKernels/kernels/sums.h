#include "lanes.h"

static inline double fold(const double *lanes) {
  double sum = 0;
  for (int i = 0; i < LANES; i++) sum += lanes[i];
  return sum;
}

// Four sets of lanes hide the latency of the additions. The product of two floats is exact in Double.
#define SQUARES(EACH)                                                       \
  double a[LANES] = {0}, b[LANES] = {0}, c[LANES] = {0}, d[LANES] = {0};    \
  size_t i = 0;                                                             \
  for (; i + 4 * LANES <= count; i += 4 * LANES)                            \
    for (int k = 0; k < LANES; k++) {                                       \
      float p = x[i + k], q = x[i + LANES + k];                             \
      float r = x[i + 2 * LANES + k], s = x[i + 3 * LANES + k];             \
      EACH(i + k, p) EACH(i + LANES + k, q)                                 \
      EACH(i + 2 * LANES + k, r) EACH(i + 3 * LANES + k, s)                 \
      a[k] += (double)p * p;                                                \
      b[k] += (double)q * q;                                                \
      c[k] += (double)r * r;                                                \
      d[k] += (double)s * s;                                                \
    }                                                                       \
  for (int k = 0; i < count; i++, k = (k + 1) % LANES) {                    \
    EACH(i, x[i])                                                           \
    a[k] += (double)x[i] * x[i];                                            \
  }                                                                         \
  for (int k = 0; k < LANES; k++) a[k] = (a[k] + b[k]) + (c[k] + d[k]);     \
  return fold(a);

#define NOTHING(j, v)
static double cvk_sum_of_squares(const float *x, size_t count) { SQUARES(NOTHING) }

#define STORE(j, v) y[j] = v;
static double cvk_copy_with_squares(float *restrict y, const float *restrict x, size_t count) { SQUARES(STORE) }

static void cvk_sum(float *y, const float *a, const float *b, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

// Blocks of four sets of lanes are summed in registers, so that y may be a source; the squares run as above.
static double cvk_sum_with_squares(float *y, const float *const *x, size_t sources, size_t start, size_t count) {
  double a[LANES] = {0}, b[LANES] = {0}, c[LANES] = {0}, d[LANES] = {0};
  size_t i = start, end = start + count;
  for (; i + 4 * LANES <= end; i += 4 * LANES) {
    float p[LANES], q[LANES], r[LANES], s[LANES];
    const float *first = x[0] + i;
    for (int k = 0; k < LANES; k++) {
      p[k] = first[k];
      q[k] = first[LANES + k];
      r[k] = first[2 * LANES + k];
      s[k] = first[3 * LANES + k];
    }
    for (size_t n = 1; n < sources; n++) {
      const float *next = x[n] + i;
      for (int k = 0; k < LANES; k++) {
        p[k] += next[k];
        q[k] += next[LANES + k];
        r[k] += next[2 * LANES + k];
        s[k] += next[3 * LANES + k];
      }
    }
    for (int k = 0; k < LANES; k++) {
      y[i + k] = p[k];
      y[i + LANES + k] = q[k];
      y[i + 2 * LANES + k] = r[k];
      y[i + 3 * LANES + k] = s[k];
      a[k] += (double)p[k] * p[k];
      b[k] += (double)q[k] * q[k];
      c[k] += (double)r[k] * r[k];
      d[k] += (double)s[k] * s[k];
    }
  }
  for (int k = 0; i < end; i++, k = (k + 1) % LANES) {
    float sum = x[0][i];
    for (size_t n = 1; n < sources; n++) sum += x[n][i];
    y[i] = sum;
    a[k] += (double)sum * sum;
  }
  for (int k = 0; k < LANES; k++) a[k] = (a[k] + b[k]) + (c[k] + d[k]);
  return fold(a);
}

static void cvk_add(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

static void cvk_scale(float *y, float a, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] *= a;
}

static void cvk_pixels(float *restrict y, const uint8_t *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = (float)x[i] / 255.0f;
}

// Sums of four sets of 16 Double lanes, as above, of TERM(i).
#define SUM_IN_LANES(TERM)                                                  \
  double a[LANES] = {0}, b[LANES] = {0};                                    \
  size_t i = 0;                                                             \
  for (; i + 2 * LANES <= count; i += 2 * LANES)                            \
    for (int k = 0; k < LANES; k++) {                                       \
      a[k] += TERM(i + k);                                                  \
      b[k] += TERM(i + LANES + k);                                          \
    }                                                                       \
  for (int k = 0; i < count; i++, k = (k + 1) % LANES) a[k] += TERM(i);     \
  for (int k = 0; k < LANES; k++) a[k] += b[k];                             \
  return fold(a);

#define ABSOLUTE(j) (x[j] < 0 ? -(double)x[j] : (double)x[j])
static double cvk_sum_of_absolutes(const float *x, size_t count) { SUM_IN_LANES(ABSOLUTE) }

#define PRODUCT(j) ((double)x[j] * y[j])
static double cvk_dot(const float *x, const float *y, size_t count) { SUM_IN_LANES(PRODUCT) }

#define SQUARED_DIFFERENCE(j) (((double)x[j] - y[j]) * ((double)x[j] - y[j]))
static double cvk_squared_distance(const float *x, const float *y, size_t count) { SUM_IN_LANES(SQUARED_DIFFERENCE) }

static double cvk_largest_absolute(const float *x, size_t count) {
  float lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (int k = 0; k < LANES; k++) {
      float v = x[i + k] < 0 ? -x[i + k] : x[i + k];
      lanes[k] = v > lanes[k] ? v : lanes[k];
    }
  for (int k = 0; i < count; i++, k++) {
    float v = x[i] < 0 ? -x[i] : x[i];
    lanes[k] = v > lanes[k] ? v : lanes[k];
  }
  float largest = 0;
  for (int k = 0; k < LANES; k++) largest = lanes[k] > largest ? lanes[k] : largest;
  return largest;
}

static double cvk_clamp(float *x, float limit, size_t count) {
  for (size_t i = 0; i < count; i++) {
    // A NaN fails both comparisons and stays.
    float v = x[i] > limit ? limit : x[i];
    x[i] = v < -limit ? -limit : v;
  }
  return cvk_sum_of_squares(x, count);
}

static double cvk_penalize(float *restrict g, const float *restrict w, float l1, float l2, size_t count) {
  double squares[LANES] = {0}, absolutes[LANES] = {0};
  size_t i = 0;
  for (; i < count / LANES * LANES; i += LANES)
    for (int k = 0; k < LANES; k++) {
      float v = w[i + k];
      float sign = v > 0 ? 1.0f : v < 0 ? -1.0f : 0.0f;
      g[i + k] += l2 * v + l1 * sign;
      squares[k] += (double)v * v;
      absolutes[k] += (double)(v * sign);
    }
  for (int k = 0; i < count; i++, k++) {
    float v = w[i];
    float sign = v > 0 ? 1.0f : v < 0 ? -1.0f : 0.0f;
    g[i] += l2 * v + l1 * sign;
    squares[k] += (double)v * v;
    absolutes[k] += (double)(v * sign);
  }
  return 0.5 * (double)l2 * fold(squares) + (double)l1 * fold(absolutes);
}

static void cvk_combine(float *restrict y, const float *restrict x, float a, float b, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = a * y[i] + b * x[i];
}
