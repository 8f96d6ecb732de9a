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

void cvk_unblock(float *restrict rows, const float *restrict maps, size_t samples, size_t channels, size_t pixels, size_t block) {
  size_t padded = (channels + block - 1) / block * block;
  for (size_t n = 0; n < samples; n++, maps += padded * pixels)
    for (size_t c = 0; c < channels; c++, rows += pixels) {
      const float *from = maps + c / block * block * pixels + c % block;
      for (size_t i = 0; i < pixels; i++) rows[i] = from[i * block];
    }
}

void cvk_block(float *restrict maps, const float *restrict rows, size_t samples, size_t channels, size_t pixels, size_t block) {
  size_t padded = (channels + block - 1) / block * block;
  for (size_t n = 0; n < samples; n++, maps += padded * pixels, rows += channels * pixels)
    for (size_t c = 0; c < padded; c++) {
      float *to = maps + c / block * block * pixels + c % block;
      const float *from = rows + c * pixels;
      for (size_t i = 0; i < pixels; i++) to[i * block] = c < channels ? from[i] : 0;
    }
}
