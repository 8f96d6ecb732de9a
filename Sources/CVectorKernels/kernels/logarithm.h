#pragma once
// log in Double as straight-line code: libm's has variants chosen by the CPU, whose last bits differ.

/// The natural logarithm of a positive normal number, to about 3e-16: 2·artanh((m - 1)/(m + 1)) + e·ln 2 with m near 1.
static inline __attribute__((always_inline)) double logarithm(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  double exponent = (double)(int64_t)(bits >> 52) - 1023;
  bits = (bits & 0xfffffffffffffu) | 0x3ff0000000000000u;
  double mantissa;
  memcpy(&mantissa, &bits, sizeof mantissa);
  int halves = mantissa > 1.4142135623730951;
  mantissa = halves ? mantissa * 0.5 : mantissa;
  exponent = halves ? exponent + 1 : exponent;
  double z = (mantissa - 1) / (mantissa + 1), square = z * z;
  // |z| ≤ 0.1716, so the first term left out is below 1e-17.
  double series = 1.0 / 21;
  series = series * square + 1.0 / 19;
  series = series * square + 1.0 / 17;
  series = series * square + 1.0 / 15;
  series = series * square + 1.0 / 13;
  series = series * square + 1.0 / 11;
  series = series * square + 1.0 / 9;
  series = series * square + 1.0 / 7;
  series = series * square + 1.0 / 5;
  series = series * square + 1.0 / 3;
  series = series * square + 1.0;
  return 2 * z * series + exponent * 0.6931471805599453;
}
