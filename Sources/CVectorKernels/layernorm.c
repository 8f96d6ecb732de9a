#include "CVectorKernels.h"
#include "dispatch.h"

enum { LANES = 16 };

// Σ over a row of TERM, a function of j, in Double lanes that are folded in a fixed order.
#define ROW_SUM(RESULT, TERM)                                          \
  do {                                                                 \
    double lanes[LANES] = {0};                                         \
    size_t whole = columns / LANES * LANES;                            \
    for (size_t base = 0; base < whole; base += LANES)                 \
      for (int k = 0; k < LANES; k++) {                                \
        size_t j = base + k;                                           \
        lanes[k] += TERM;                                              \
      }                                                                \
    for (size_t j = whole; j < columns; j++) lanes[j - whole] += TERM; \
    for (int width = LANES / 2; width; width /= 2)                     \
      for (int k = 0; k < width; k++) lanes[k] += lanes[k + width];    \
    RESULT = lanes[0];                                                 \
  } while (0)

MULTIVERSION
void cvk_layer_norm(float *restrict y, float *restrict normal, float *restrict inverse, const float *restrict x, const float *restrict weight,
                    size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++, y += columns, normal += columns, x += columns) {
    double sum, squares;
    ROW_SUM(sum, (double)x[j]);
    double mean = sum / (double)columns;
    ROW_SUM(squares, ((double)x[j] - mean) * ((double)x[j] - mean));
    double scale = 1.0 / __builtin_sqrt(squares / (double)columns + 1e-5);
    inverse[row] = (float)scale;
    for (size_t j = 0; j < columns; j++) {
      float n = (float)(((double)x[j] - mean) * scale);
      normal[j] = n;
      y[j] = n * weight[j];
    }
  }
}

MULTIVERSION
void cvk_layer_norm_backward(float *restrict dx, const float *restrict d, const float *restrict normal, const float *restrict inverse,
                             const float *restrict weight, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++, dx += columns, d += columns, normal += columns) {
    double sum, product;
    ROW_SUM(sum, (double)(d[j] * weight[j]));
    ROW_SUM(product, (double)(d[j] * weight[j]) * (double)normal[j]);
    float mean = (float)(sum / (double)columns), slope = (float)(product / (double)columns), scale = inverse[row];
    for (size_t j = 0; j < columns; j++) dx[j] += scale * ((d[j] * weight[j] - mean) - normal[j] * slope);
  }
}

MULTIVERSION
void cvk_column_products(float *restrict out, const float *restrict x, const float *restrict y, size_t rows, size_t columns,
                         int accumulate) {
  size_t base = 0;
  for (; base + LANES <= columns; base += LANES) {
    double sum[LANES] = {0};
    for (size_t i = 0; i < rows; i++)
      for (int k = 0; k < LANES; k++) sum[k] += (double)x[i * columns + base + k] * (double)y[i * columns + base + k];
    for (int k = 0; k < LANES; k++) out[base + k] = (float)((accumulate ? out[base + k] : 0.0) + sum[k]);
  }
  for (; base < columns; base++) {
    double sum = 0;
    for (size_t i = 0; i < rows; i++) sum += (double)x[i * columns + base] * (double)y[i * columns + base];
    out[base] = (float)((accumulate ? out[base] : 0.0) + sum);
  }
}
