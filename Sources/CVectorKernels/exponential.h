// exp in Double as straight-line code, so that loops over it vectorise (libm's is a call an element).
#include <stdint.h>
#include <string.h>

/// e^x with a relative error below 1e-14; x is limited to ±708, and NaN stays NaN.
static inline __attribute__((always_inline)) double exponential(double x) {
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
