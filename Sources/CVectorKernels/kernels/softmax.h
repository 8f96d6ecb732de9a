#include "exponential.h"

// The largest logit is subtracted first. 0·total is NaN where any logit is not finite, so that not even a -infinity passes for a
// probability of zero.
static void cvk_softmax(double *restrict p, const float *restrict z, size_t rows, size_t classes) {
  for (size_t row = 0; row < rows; row++, p += classes, z += classes) {
    double largest = z[0], total = 0, sum = 0;
    for (size_t j = 0; j < classes; j++) {
      largest = z[j] > largest ? z[j] : largest;
      total += z[j];
    }
    for (size_t j = 0; j < classes; j++) {
      p[j] = exponential(z[j] - largest);
      sum += p[j];
    }
    sum += 0.0 * total;
    for (size_t j = 0; j < classes; j++) p[j] /= sum;
  }
}
