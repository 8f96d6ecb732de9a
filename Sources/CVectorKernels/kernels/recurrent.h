#include "exponential.h"

static void cvk_elman(float *restrict h, const float *restrict products, const float *restrict table, const int32_t *tokens,
                      size_t rows, size_t hidden) {
  for (size_t row = 0; row < rows; row++, h += hidden, products += hidden) {
    const float *x = table + (size_t)tokens[row] * hidden;
    for (size_t j = 0; j < hidden; j++) h[j] = hyperbolic_tangentf(products[j] + x[j]);
  }
}

static void cvk_elman_backward(float *restrict d, const float *restrict dh, const float *restrict h, size_t rows, size_t hidden) {
  for (size_t i = 0; i < rows * hidden; i++) d[i] = dh[i] * (1.0f - h[i] * h[i]);
}

// One sequence's cells, as functions of their own: a parameter's `restrict` lets the compiler assume that the quarters of a row do not overlap.
static inline __attribute__((always_inline)) void cells(float *restrict i, float *restrict f, float *restrict g, float *restrict o,
                                                        const float *restrict x, const float *restrict previous, float *restrict c,
                                                        float *restrict squashed, float *restrict h, size_t hidden) {
  CONTRACTED
  for (size_t j = 0; j < hidden; j++) {
    float input = sigmoidf(i[j] + x[j]);
    float forget = sigmoidf(f[j] + x[hidden + j]);
    float candidate = hyperbolic_tangentf(g[j] + x[2 * hidden + j]);
    float output = sigmoidf(o[j] + x[3 * hidden + j]);
    float cell = forget * previous[j] + input * candidate;
    float t = hyperbolic_tangentf(cell);
    i[j] = input;
    f[j] = forget;
    g[j] = candidate;
    o[j] = output;
    c[j] = cell;
    squashed[j] = t;
    h[j] = output * t;
  }
}

static inline __attribute__((always_inline)) void cells_backward(float *restrict i, float *restrict f, float *restrict g,
                                                                 float *restrict o, const float *restrict previous,
                                                                 const float *restrict squashed, const float *restrict dh,
                                                                 float *restrict dc, size_t hidden) {
  CONTRACTED
  for (size_t j = 0; j < hidden; j++) {
    float input = i[j], forget = f[j], candidate = g[j], output = o[j], t = squashed[j];
    float d = dc[j] + dh[j] * output * (1.0f - t * t);
    i[j] = d * candidate * (input * (1.0f - input));
    f[j] = d * previous[j] * (forget * (1.0f - forget));
    g[j] = d * input * (1.0f - candidate * candidate);
    o[j] = dh[j] * t * (output * (1.0f - output));
    dc[j] = d * forget;
  }
}

static void cvk_lstm(float *gates, const float *table, const int32_t *tokens, const float *previous, float *c, float *squashed,
                     float *h, size_t rows, size_t hidden) {
  for (size_t row = 0; row < rows; row++, gates += 4 * hidden) {
    const float *x = table + (size_t)tokens[row] * 4 * hidden;
    size_t at = row * hidden;
    cells(gates, gates + hidden, gates + 2 * hidden, gates + 3 * hidden, x, previous + at, c + at, squashed + at, h + at, hidden);
  }
}

static void cvk_lstm_backward(float *gates, const float *previous, const float *squashed, const float *dh, float *dc, size_t rows, size_t hidden) {
  for (size_t row = 0; row < rows; row++, gates += 4 * hidden) {
    size_t at = row * hidden;
    cells_backward(gates, gates + hidden, gates + 2 * hidden, gates + 3 * hidden, previous + at, squashed + at, dh + at, dc + at, hidden);
  }
}
