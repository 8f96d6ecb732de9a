#include <string.h>

#include "CVectorKernels.h"
#include "dispatch.h"
#include "exponential.h"

enum { LANES = 16 };

MULTIVERSION
void cvk_causal_softmax(float *restrict scores, float *restrict largest, float *restrict inverse, size_t first, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++, scores += columns) {
    size_t count = first + row + 1, end = (count + LANES - 1) / LANES * LANES;
    if (end > columns) end = columns;
    size_t whole = end / LANES * LANES;
    // Up to a whole vector, scores that are not seen count as the first one, and their exponentials as 0.
    for (size_t j = count; j < end; j++) scores[j] = scores[0];
    float top[LANES];
    for (int k = 0; k < LANES; k++) top[k] = scores[0];
    for (size_t j = 0; j < whole; j += LANES)
      for (int k = 0; k < LANES; k++) top[k] = scores[j + k] > top[k] ? scores[j + k] : top[k];
    for (size_t j = whole; j < end; j++) top[0] = scores[j] > top[0] ? scores[j] : top[0];
    for (int width = LANES / 2; width; width /= 2)
      for (int k = 0; k < width; k++) top[k] = top[k + width] > top[k] ? top[k + width] : top[k];
    float most = top[0];

    for (size_t j = 0; j < end; j++) scores[j] = exponentialf(scores[j] - most);
    memset(scores + count, 0, (columns - count) * sizeof *scores);
    double lanes[LANES] = {0};
    for (size_t j = 0; j < whole; j += LANES)
      for (int k = 0; k < LANES; k++) lanes[k] += scores[j + k];
    for (size_t j = whole; j < end; j++) lanes[j - whole] += scores[j];
    for (int width = LANES / 2; width; width /= 2)
      for (int k = 0; k < width; k++) lanes[k] += lanes[k + width];
    float factor = (float)(1.0 / lanes[0]);
    for (size_t j = 0; j < end; j++) scores[j] *= factor;
    largest[row] = most;
    inverse[row] = factor;
  }
}

MULTIVERSION
void cvk_causal_softmax_backward(float *restrict scores, float *restrict d, const float *restrict largest, const float *restrict inverse,
                                 const float *restrict mean, size_t first, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++, scores += columns, d += columns) {
    size_t count = first + row + 1;
    float most = largest[row], factor = inverse[row], m = mean[row];
    for (size_t j = 0; j < count; j++) {
      float p = exponentialf(scores[j] - most) * factor;
      scores[j] = p;
      d[j] = p * (d[j] - m);
    }
    memset(scores + count, 0, (columns - count) * sizeof *scores);
    memset(d + count, 0, (columns - count) * sizeof *d);
  }
}

MULTIVERSION
void cvk_row_products(float *restrict out, const float *restrict x, size_t xstride, const float *restrict y, size_t ystride, size_t rows,
                      size_t columns) {
  for (size_t row = 0; row < rows; row++, x += xstride, y += ystride) {
    double lanes[LANES] = {0};
    size_t whole = columns / LANES * LANES;
    for (size_t j = 0; j < whole; j += LANES)
      for (int k = 0; k < LANES; k++) lanes[k] += (double)x[j + k] * (double)y[j + k];
    for (size_t j = whole; j < columns; j++) lanes[j - whole] += (double)x[j] * (double)y[j];
    for (int width = LANES / 2; width; width /= 2)
      for (int k = 0; k < width; k++) lanes[k] += lanes[k + width];
    out[row] = (float)lanes[0];
  }
}
