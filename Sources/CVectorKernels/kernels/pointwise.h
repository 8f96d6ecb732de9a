#include "exponential.h"
#include "logarithm.h"

// Functions of each value by itself; `hyperbolic_tangent` is that of activations.h.
#define EACH(NAME, RESULT)                                   \
  static void NAME(float *y, size_t count) {                 \
    for (size_t i = 0; i < count; i++) {                     \
      float z = y[i];                                        \
      y[i] = RESULT;                                         \
    }                                                        \
  }

EACH(cvk_relu, z <= 0 ? z - z : z)
EACH(cvk_tanh, hyperbolic_tangent(z))
EACH(cvk_sigmoid, (float)(1.0 / (1.0 + exponential(-(double)z))))

static void cvk_silu(float *restrict y, float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double z = x[i], s = 1.0 / (1.0 + exponential(-z));
    y[i] = (float)(z * s);
    x[i] = (float)(s * (1.0 + z * (1.0 - s)));
  }
}

static void cvk_softplus(float *restrict y, float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double z = x[i], e = exponential(z < 0 ? z : -z);
    y[i] = (float)((z > 0 ? z : z < 0 ? 0 : z) + logarithm(1.0 + e));
    x[i] = (float)(z < 0 ? e / (1.0 + e) : 1.0 / (1.0 + e));
  }
}

static void cvk_transpose(float *restrict y, const float *restrict x, size_t rows, size_t columns) {
  // A few rows at a time: their cache lines are used whole.
  enum { TILE = 16 };
  for (size_t first = 0; first < rows; first += TILE) {
    size_t last = first + TILE < rows ? first + TILE : rows;
    for (size_t j = 0; j < columns; j++)
      for (size_t i = first; i < last; i++) y[j * rows + i] = x[i * columns + j];
  }
}

static void cvk_gate(float *restrict y, const float *restrict x, const float *restrict u, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double z = x[i];
    y[i] = (float)(z / (1.0 + exponential(-z)) * u[i]);
  }
}

static void cvk_gate_backward(float *restrict dx, float *restrict du, const float *restrict d, const float *restrict x,
                              const float *restrict u, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double z = x[i], s = 1.0 / (1.0 + exponential(-z));
    du[i] = (float)(d[i] * (z * s));
    dx[i] = (float)((double)d[i] * u[i] * (s * (1.0 + z * (1.0 - s))));
  }
}

static void cvk_rotate(float *x, const float *restrict turns, size_t rows, size_t length, size_t stride, size_t heads, size_t width,
                       float sign) {
  size_t half = width / 2;
  for (size_t row = 0; row < rows; row++, x += stride) {
    const float *turn = turns + row % length * width;
    for (size_t h = 0; h < heads; h++)
      for (size_t j = 0; j < half; j++) {
        float *a = x + h * width + j, *b = a + half, c = turn[j], s = sign * turn[half + j], p = *a, q = *b;
        *a = p * c - q * s;
        *b = q * c + p * s;
      }
  }
}

static void cvk_softmax_rows(float *x, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++, x += columns) {
    float largest = x[0];
    for (size_t j = 1; j < columns; j++) largest = x[j] > largest ? x[j] : largest;
    double sum = 0;
    for (size_t j = 0; j < columns; j++) {
      x[j] = (float)exponential((double)x[j] - (double)largest);
      sum += x[j];
    }
    float inverse = (float)(1.0 / sum);
    for (size_t j = 0; j < columns; j++) x[j] *= inverse;
  }
}

static void cvk_softmax_rows_backward(float *restrict d, const float *restrict p, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++, d += columns, p += columns) {
    double product = 0;
    for (size_t j = 0; j < columns; j++) product += (double)d[j] * (double)p[j];
    for (size_t j = 0; j < columns; j++) d[j] = p[j] * (d[j] - (float)product);
  }
}
