#include "lanes.h"

// Macros, since vectors wider than the CPU's own cannot be handed to functions.
#define at(X) (*(const unaligned *)(X))
#define low_half(X) widened(X, 0)
#define high_half(X) widened(X, 8)
#define narrowed(LOW, HIGH)                                                                                                             \
  __builtin_shufflevector(__builtin_convertvector(LOW, floats8), __builtin_convertvector(HIGH, floats8), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,  \
                          10, 11, 12, 13, 14, 15)

static void cvk_layer_norm(float *restrict y, float *restrict normal, float *restrict inverse, const float *restrict x,
                           const float *restrict weight, size_t rows, size_t columns) {
  size_t whole = whole_lanes(columns);
  for (size_t row = 0; row < rows; row++, y += columns, normal += columns, x += columns) {
    halves lanes = {0};
    for (size_t j = 0; j < whole; j += LANES) {
      vec all = at(x + j);
      lanes.low += low_half(all);
      lanes.high += high_half(all);
    }
    double sum = folded(&lanes);
    for (size_t j = whole; j < columns; j++) sum += (double)x[j];
    double mean = sum / (double)columns;

    lanes = (halves){0};
    for (size_t j = 0; j < whole; j += LANES) {
      vec all = at(x + j);
      doubles8 low = low_half(all) - mean, high = high_half(all) - mean;
      lanes.low += low * low;
      lanes.high += high * high;
    }
    double squares = folded(&lanes);
    for (size_t j = whole; j < columns; j++) squares += ((double)x[j] - mean) * ((double)x[j] - mean);
    double scale = 1.0 / __builtin_sqrt(squares / (double)columns + 1e-5);
    inverse[row] = (float)scale;

    for (size_t j = 0; j < whole; j += LANES) {
      vec all = at(x + j), n = narrowed((low_half(all) - mean) * scale, (high_half(all) - mean) * scale);
      *(unaligned *)(normal + j) = n;
      *(unaligned *)(y + j) = n * at(weight + j);
    }
    for (size_t j = whole; j < columns; j++) {
      normal[j] = (float)(((double)x[j] - mean) * scale);
      y[j] = normal[j] * weight[j];
    }
  }
}

static void cvk_layer_norm_backward(float *restrict dx, const float *restrict d, const float *restrict normal, const float *restrict
                                    inverse, const float *restrict weight, size_t rows, size_t columns) {
  size_t whole = whole_lanes(columns);
  for (size_t row = 0; row < rows; row++, dx += columns, d += columns, normal += columns) {
    halves sums = {0}, products = {0};
    for (size_t j = 0; j < whole; j += LANES) {
      vec own = at(d + j) * at(weight + j), n = at(normal + j);
      doubles8 low = low_half(own), high = high_half(own);
      sums.low += low;
      sums.high += high;
      products.low += low * low_half(n);
      products.high += high * high_half(n);
    }
    double sum = folded(&sums), product = folded(&products);
    for (size_t j = whole; j < columns; j++) {
      double own = (double)(d[j] * weight[j]);
      sum += own;
      product += own * (double)normal[j];
    }
    float mean = (float)(sum / (double)columns), slope = (float)(product / (double)columns), scale = inverse[row];
    for (size_t j = 0; j < columns; j++) dx[j] += scale * ((d[j] * weight[j] - mean) - normal[j] * slope);
  }
}

// VECTORS·16 columns' sums of products: several vectors of a row at a time, since from row to row is a long way through memory.
#define COLUMN_SUMS(VECTORS)                                                                                                      \
  for (; base + (VECTORS) * LANES <= columns; base += (VECTORS) * LANES) {                                                        \
    halves sums[VECTORS] = {0};                                                                                                   \
    for (size_t row = 0; row < rows; row++)                                                                                       \
      for (size_t v = 0; v < (VECTORS); v++) {                                                                                    \
        size_t first = row * columns + base + v * LANES;                                                                          \
        add_products(&sums[v], x + first, y + first);                                                                             \
      }                                                                                                                           \
    for (size_t v = 0; v < (VECTORS); v++)                                                                                        \
      for (size_t k = 0; k < LANES; k++) {                                                                                        \
        size_t j = base + v * LANES + k;                                                                                          \
        out[j] = (float)((accumulate ? out[j] : 0.0) + (k < 8 ? sums[v].low[k] : sums[v].high[k - 8]));                           \
      }                                                                                                                           \
  }

static void cvk_column_products(float *restrict out, const float *restrict x, const float *restrict y, size_t rows, size_t columns,
                                int accumulate) {
  size_t base = 0;
  COLUMN_SUMS(4)
  COLUMN_SUMS(1)
  for (; base < columns; base++) {
    double sum = 0;
    for (size_t i = 0; i < rows; i++) sum += (double)x[i * columns + base] * (double)y[i * columns + base];
    out[base] = (float)((accumulate ? out[base] : 0.0) + sum);
  }
}
