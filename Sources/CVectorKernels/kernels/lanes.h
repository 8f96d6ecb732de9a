#pragma once
// Sixteen numbers at a time, and their sums in Double.

enum { LANES = 16 };

typedef float vec __attribute__((vector_size(64)));
typedef float unaligned __attribute__((vector_size(64), aligned(4)));
typedef float floats8 __attribute__((vector_size(32)));
typedef double doubles8 __attribute__((vector_size(64)));
typedef double doubles4 __attribute__((vector_size(32)));
typedef struct { doubles8 low, high; } halves;

// How many of a row's numbers come in whole vectors.
static inline size_t whole_lanes(size_t columns) { return columns / LANES * LANES; }

// Eight of sixteen lanes, as Doubles.
#define widened(X, FIRST)                                                                                                                \
  __builtin_convertvector(                                                                                                               \
      __builtin_shufflevector(X, X, FIRST, FIRST + 1, FIRST + 2, FIRST + 3, FIRST + 4, FIRST + 5, FIRST + 6, FIRST + 7), doubles8)

// The lanes' sum, in halves; in registers, where the same loop over an array goes through memory four times.
static inline __attribute__((always_inline)) double folded(const halves *lanes) {
  doubles8 eight = lanes->low + lanes->high;
  doubles4 four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

// sum += x·y, sixteen numbers in Double.
static inline __attribute__((always_inline)) void add_products(halves *sum, const float *x, const float *y) {
  vec a = *(const unaligned *)x, b = *(const unaligned *)y;
  sum->low += widened(a, 0) * widened(b, 0);
  sum->high += widened(a, 8) * widened(b, 8);
}
