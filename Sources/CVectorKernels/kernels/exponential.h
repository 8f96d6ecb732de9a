#pragma once
// exp as straight-line code, so that loops over it vectorise (libm's is a call an element): in Double, and in Float at a quarter of the
// time, with the two functions that gates are made of.

/// e^x with a relative error below 1e-14; x is limited to ±708, and NaN stays NaN.
static inline __attribute__((always_inline)) double exponential(double x) {
  CONTRACTED
  x = x < -708.0 ? -708.0 : x;
  x = x > 708.0 ? 708.0 : x;
  // x = k·ln 2 + r. Adding 1.5·2^52 rounds to an integer and leaves it in the low bits.
  const double shifter = 0x1.8p52;
  double shifted = x * 0x1.71547652b82fep0 + shifter;
  double k = shifted - shifter;
  double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
  // Taylor's series: with |r| ≤ 0.347 the first term left out is below 7e-15.
  double p = 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

/// e^x with an error of about one unit in the last place; x is limited to ±87, and NaN stays NaN.
static inline __attribute__((always_inline)) float exponentialf(float x) {
  CONTRACTED
  x = x < -87.0f ? -87.0f : x;
  x = x > 87.0f ? 87.0f : x;
  const float shifter = 0x1.8p23f;
  float shifted = x * 0x1.715476p0f + shifter;
  float k = shifted - shifter;
  // The first part of ln 2 has so few digits that its product with k is exact.
  float r = (x - k * 0x1.62ep-1f) - k * 0x1.0bfbe8p-15f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = (p * r) * r + r;
  p = p + 1.0f;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

/// 1/(1 + e^-x)
static inline __attribute__((always_inline)) float sigmoidf(float x) { CONTRACTED return 1.0f / (1.0f + exponentialf(-x)); }

/// tanh x: an odd polynomial (Moshier's Cephes, tanhf) near zero, where 1 - 2/(e^2x + 1) would lose a small value's digits.
static inline __attribute__((always_inline)) float hyperbolic_tangentf(float x) {
  CONTRACTED
  float far = 1.0f - 2.0f / (exponentialf(2.0f * x) + 1.0f);
  float s = x * x;
  float p = -5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  float near = (p * s) * x + x;
  return x < 0.625f && x > -0.625f ? near : far;
}
