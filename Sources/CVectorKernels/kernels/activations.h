#include "exponential.h"
#include "lanes.h"

// A layer's product gets its bias and its activation in one pass. Each activation's derivative is a function of its result, so the
// backward pass needs no copy of what went in. Comparisons are written so that NaN comes out as NaN.
#define FORWARD(NAME, RESULT)                                                                        \
  static void NAME(float *restrict y, const float *restrict bias, size_t rows, size_t columns) {     \
    for (size_t i = 0; i < rows; i++, y += columns)                                                  \
      for (size_t j = 0; j < columns; j++) {                                                         \
        float z = y[j] + bias[j];                                                                    \
        y[j] = RESULT;                                                                               \
      }                                                                                              \
  }

// 1 - 2/(e^2z + 1) loses a small z's digits; below 2^-12 tanh z is z to the last bit of a float.
static inline __attribute__((always_inline)) float hyperbolic_tangent(float z) {
  double t = 1.0 - 2.0 / (exponential(2.0 * (double)z) + 1.0);
  return z < 0x1p-12f && z > -0x1p-12f ? z : (float)t;
}

FORWARD(cvk_bias, z)
// Not a plain 0: a sum of -∞ is to show as NaN.
FORWARD(cvk_bias_relu, z <= 0 ? z - z : z)
FORWARD(cvk_bias_tanh, hyperbolic_tangent(z))
FORWARD(cvk_bias_sigmoid, (float)(1.0 / (1.0 + exponential(-(double)z))))

#define BACKWARD(NAME, DERIVATIVE)                                                                   \
  static void NAME(float *restrict d, const float *restrict y, size_t count) {                       \
    for (size_t i = 0; i < count; i++) d[i] = DERIVATIVE;                                            \
  }

BACKWARD(cvk_relu_backward, y[i] <= 0 ? 0 : d[i])
BACKWARD(cvk_tanh_backward, d[i] * (1.0f - y[i] * y[i]))
BACKWARD(cvk_sigmoid_backward, d[i] * (y[i] * (1.0f - y[i])))

static void cvk_column_sums(float *restrict out, const float *restrict x, size_t rows, size_t columns, int accumulate) {
  size_t j = 0;
  for (; j + LANES <= columns; j += LANES) {
    double sum[LANES] = {0};
    for (size_t i = 0; i < rows; i++)
      for (int k = 0; k < LANES; k++) sum[k] += x[i * columns + j + k];
    for (int k = 0; k < LANES; k++) out[j + k] = (float)((accumulate ? out[j + k] : 0.0) + sum[k]);
  }
  for (; j < columns; j++) {
    double sum = 0;
    for (size_t i = 0; i < rows; i++) sum += x[i * columns + j];
    out[j] = (float)((accumulate ? out[j] : 0.0) + sum);
  }
}
