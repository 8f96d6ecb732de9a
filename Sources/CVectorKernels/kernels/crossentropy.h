#include "exponential.h"
#include "lanes.h"

// Takes up to 16 logits as Doubles; lanes past the end count as -infinity, whose exponential is too small to change a sum of at least 1.
static inline __attribute__((always_inline)) void load(double *lanes, const float *z, size_t left) {
  if (left >= LANES)
    for (int k = 0; k < LANES; k++) lanes[k] = z[k];
  else
    for (size_t k = 0; k < LANES; k++) lanes[k] = k < left ? z[k] : -INFINITY;
}

// Subtracting the largest logit keeps every exponential at or below 1. A non-finite logit makes `faults`, a sum of zeros, NaN, so
// that even a -infinity, whose exponential is a harmless 0, shows in the loss and in every element of the row's gradient.
static double cvk_cross_entropy(const float *z, const int32_t *labels, const double *weights, size_t rows, size_t classes,
                                double smoothing, float scale, float *gradient, size_t *correct) {
  // The probabilities asked for: of the label, less that of every class, and of every class.
  double of_label = 1.0 - smoothing, of_class = smoothing > 0 ? smoothing / (double)classes : 0.0, at_label = of_label + of_class;
  double loss = 0;
  size_t right = 0;
  for (size_t row = 0; row < rows; row++, z += classes) {
    if (labels[row] < 0) {
      if (gradient) memset(gradient, 0, classes * sizeof *gradient), gradient += classes;
      continue;
    }
    double weight = weights ? weights[row] : 1.0, factor = (double)scale * weight;
    float top[LANES], faults[LANES] = {0};
    size_t whole = classes / LANES * LANES;
    for (int k = 0; k < LANES; k++) top[k] = -INFINITY;
    for (size_t j = 0; j < whole; j += LANES)
      for (int k = 0; k < LANES; k++) {
        top[k] = z[j + k] > top[k] ? z[j + k] : top[k];
        faults[k] += 0.0f * z[j + k];
      }
    for (size_t j = whole; j < classes; j++) {
      top[j - whole] = z[j] > top[j - whole] ? z[j] : top[j - whole];
      faults[j - whole] += 0.0f * z[j];
    }
    for (int width = LANES / 2; width; width /= 2)
      for (int k = 0; k < width; k++) {
        top[k] = top[k + width] > top[k] ? top[k + width] : top[k];
        faults[k] += faults[k + width];
      }
    double largest = top[0], lanes[LANES], sum[LANES] = {0};
    for (size_t j = 0; j < classes; j += LANES) {
      load(lanes, z + j, classes - j);
      for (int k = 0; k < LANES; k++) sum[k] += exponential(lanes[k] - largest);
    }
    double exponentials = 0;
    for (int k = 0; k < LANES; k++) exponentials += sum[k];
    double logarithm = log(exponentials) + faults[0];
    double margin = (double)z[labels[row]] - largest;
    double entropy = logarithm - margin;
    if (smoothing > 0) {
      // log p[j] = (z[j] - largest) - logarithm, and the probabilities asked for add up to 1.
      double margins[LANES] = {0}, all = 0;
      for (size_t j = 0; j < whole; j += LANES)
        for (int k = 0; k < LANES; k++) margins[k] += (double)z[j + k] - largest;
      for (size_t j = whole; j < classes; j++) margins[j - whole] += (double)z[j] - largest;
      for (int k = 0; k < LANES; k++) all += margins[k];
      entropy = logarithm - of_label * margin - of_class * all;
    }
    loss += weight * entropy;

    if (correct && margin == 0 && isfinite(entropy)) {
      size_t first = 0;
      while ((double)z[first] != largest) first++;
      right += first == (size_t)labels[row];
    }
    if (gradient) {
      for (size_t j = 0; j < classes; j += LANES) {
        load(lanes, z + j, classes - j);
        size_t left = classes - j < LANES ? classes - j : LANES;
        for (int k = 0; k < LANES; k++) lanes[k] = exponential((lanes[k] - largest) - logarithm);
        for (size_t k = 0; k < left; k++)
          gradient[j + k] = (float)(factor * (lanes[k] - (j + k == (size_t)labels[row] ? at_label : of_class)));
      }
      gradient += classes;
    }
  }
  if (correct) *correct += right;
  return loss;
}
