#include "exponential.h"
#include "logarithm.h"
#include "lanes.h"

// max(z, 0) - z·x + log(1 + e^-|z|) for a logit z and a value x, a pixel say. The logarithms of a lane are one logarithm of a product: each factor lies
// between 1 and 2, so a thousand of them do not overflow, and a product loses no more digits than a sum.
static double cvk_bernoulli(const float *restrict z, const float *restrict x, size_t count, double scale, float *restrict gradient) {
  double linear[LANES] = {0}, total = 0;
  for (size_t start = 0; start < count; start += 512 * LANES) {
    size_t end = count - start < 512 * LANES ? count : start + 512 * LANES;
    double product[LANES];
    for (int k = 0; k < LANES; k++) product[k] = 1;
    for (size_t i = start; i < end; i += LANES) {
      size_t left = end - i < LANES ? end - i : LANES;
      double logit[LANES] = {0}, pixel[LANES] = {0}, slope[LANES];
      if (left == LANES)
        for (int k = 0; k < LANES; k++) logit[k] = z[i + k], pixel[k] = x[i + k];
      else
        for (size_t k = 0; k < left; k++) logit[k] = z[i + k], pixel[k] = x[i + k];
      for (int k = 0; k < LANES; k++) {
        double size = logit[k] < 0 ? -logit[k] : logit[k];
        double e = exponential(-size), sum = 1 + e;
        product[k] *= (size_t)k < left ? sum : 1;
        linear[k] += (logit[k] > 0 ? logit[k] : 0) - logit[k] * pixel[k];
        slope[k] = (logit[k] < 0 ? e : 1) / sum - pixel[k];
      }
      if (gradient)
        for (size_t k = 0; k < left; k++) gradient[i + k] = (float)(scale * slope[k]);
    }
    for (int k = 0; k < LANES; k++) total += logarithm(product[k]);
  }
  for (int k = 0; k < LANES; k++) total += linear[k];
  return total;
}

static double cvk_draw_latent(float *restrict z, const float *restrict mean, const float *restrict log_variance,
                              const float *restrict noise, size_t count) {
  double divergence = 0;
  for (size_t i = 0; i < count; i++) {
    double m = mean[i], l = log_variance[i];
    divergence += m * m + exponential(l) - 1 - l;
    z[i] = (float)(m + exponential(0.5 * l) * noise[i]);
  }
  return 0.5 * divergence;
}

static void cvk_draw_latent_backward(float *restrict d, float *restrict d_log_variance, const float *restrict mean,
                                     const float *restrict log_variance, const float *restrict noise, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double l = log_variance[i];
    d_log_variance[i] = (float)(0.5 * (d[i] * exponential(0.5 * l) * noise[i] + scale * (exponential(l) - 1)));
    d[i] = (float)(d[i] + (double)scale * mean[i]);
  }
}
