// Functions that gain nothing from wider vectors; compiled once.
#include <math.h>

#include "CVectorKernels.h"

#pragma STDC FP_CONTRACT OFF

double cvk_sum_of_powers(const float *x, size_t count, double p, double unit) {
  double sum = 0, inverse = 1 / unit;
  for (size_t i = 0; i < count; i++) sum += pow((x[i] < 0 ? -(double)x[i] : (double)x[i]) * inverse, p);
  return sum;
}

uint64_t cvk_digest(const float *x, size_t count) {
  // Four chains of multiply and mix (the round of wyhash): every bit of every element reaches the result.
  const uint64_t prime = 0x9E3779B97F4A7C15u;
  uint64_t h[4] = {1, 2, 3, 4};
  const uint32_t *bits = (const uint32_t *)(const void *)x;
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int k = 0; k < 4; k++) {
      uint64_t pair = (uint64_t)bits[i + 2 * k] << 32 | bits[i + 2 * k + 1];
      h[k] = (h[k] ^ pair) * prime;
      h[k] ^= h[k] >> 29;
    }
  for (; i < count; i++) {
    h[0] = (h[0] ^ bits[i]) * prime;
    h[0] ^= h[0] >> 29;
  }
  uint64_t digest = count;
  for (int k = 0; k < 4; k++) {
    digest = (digest ^ h[k]) * prime;
    digest ^= digest >> 32;
  }
  return digest;
}
