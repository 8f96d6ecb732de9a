#include "CVectorKernelTypes.h"
#include "exponential.h"
#include "lanes.h"

// A head's queries, keys and values are 16 to 256 rows of 8 to 128 numbers: at such sizes a general matrix product loses half its time to
// bringing operands into order, and knows nothing of the mask. Here operands are brought into order once a head, and products stop at the
// diagonal, rounded up to a tile. Measured on 64 rows of 32 numbers: 117 GFLOP/s, where oneDNN's sgemm reached 60 to 98; forward and backward
// take 17 µs, where the same by sgemm took 35.

enum { ROWS = 8, TILE = CVK_ATTENTION_TILE };

typedef float floats4 __attribute__((vector_size(16)));
typedef float floats2 __attribute__((vector_size(8)));

// ROWS × (VECTORS·16) elements of out = Σ a[i·rowstep + p·termstep]·b[p·bstride + j] over the terms p, kept in registers. An element's
// sum takes the same order at any width.
#define PRODUCT_TILE(NAME, VECTORS)                                                                                                    \
  static inline __attribute__((always_inline)) void NAME(float *restrict out, size_t outstride, const float *restrict a, size_t rowstep, \
                                                         size_t termstep, const float *restrict b, size_t bstride, size_t terms,        \
                                                         int accumulate) {                                                              \
    CONTRACTED                                                                                                                          \
    vec sum[ROWS][VECTORS];                                                                          \
    for (int i = 0; i < ROWS; i++)                                                                                                      \
      for (int v = 0; v < VECTORS; v++) sum[i][v] = accumulate ? *(const unaligned *)(out + i * outstride + v * LANES) : (vec){0};      \
    for (size_t p = 0; p < terms; p++, a += termstep, b += bstride) {                                                                   \
      vec x[VECTORS];                                                                                                                   \
      for (int v = 0; v < VECTORS; v++) x[v] = *(const unaligned *)(b + v * LANES);                                                     \
      for (int i = 0; i < ROWS; i++)                                                                                                    \
        for (int v = 0; v < VECTORS; v++) sum[i][v] += a[i * rowstep] * x[v];                                                           \
    }                                                                                                                                   \
    for (int i = 0; i < ROWS; i++)                                                                                                      \
      for (int v = 0; v < VECTORS; v++) *(unaligned *)(out + i * outstride + v * LANES) = sum[i][v];                                    \
  }
PRODUCT_TILE(narrow_tile, 1)
PRODUCT_TILE(wide_tile, 2)

// ROWS rows of a product; columns are a multiple of 16.
static inline __attribute__((always_inline)) void product(float *restrict out, size_t outstride, const float *restrict a, size_t rowstep,
                                                          size_t termstep, const float *restrict b, size_t bstride, size_t terms,
                                                          size_t columns, int accumulate) {
  size_t j = 0;
  for (; j + 2 * LANES <= columns; j += 2 * LANES)
    wide_tile(out + j, outstride, a, rowstep, termstep, b + j, bstride, terms, accumulate);
  if (j < columns) narrow_tile(out + j, outstride, a, rowstep, termstep, b + j, bstride, terms, accumulate);
}

static inline size_t rounded(size_t count) { return (count + LANES - 1) / LANES * LANES; }
static inline size_t lesser(size_t a, size_t b) { return a < b ? a : b; }

static inline __attribute__((always_inline)) void scale_row(float *restrict out, const float *restrict x, size_t width, float factor) {
  size_t whole = whole_lanes(width);
  for (size_t j = 0; j < whole; j += LANES) *(unaligned *)(out + j) = *(const unaligned *)(x + j) * factor;
  for (size_t j = whole; j < width; j++) out[j] = x[j] * factor;
}

// Rows of `width` numbers times a factor, with zeros behind them up to whole vectors.
static inline __attribute__((always_inline)) void pack(float *restrict out, const float *restrict x, size_t stride, size_t length, size_t width,
                                                       float factor) {
  size_t columns = rounded(width);
  for (size_t row = 0; row < length; row++, out += columns, x += stride) {
    scale_row(out, x, width, factor);
    for (size_t j = width; j < columns; j++) out[j] = 0;
  }
  memset(out, 0, (rounded(length) - length) * columns * sizeof *out);
}

// Exchanges the upper right and the lower left quarter of each block of 2·SIDE rows and lanes.
#define EXCHANGE(SIDE, UPPER, LOWER)                              \
  for (int row = 0; row < LANES; row++)                           \
    if (!(row & SIDE)) {                                          \
      vec a = block[row], b = block[row + SIDE];                  \
      block[row] = __builtin_shufflevector(a, b, UPPER);          \
      block[row + SIDE] = __builtin_shufflevector(a, b, LOWER);   \
    }
#define LIST(...) __VA_ARGS__

// Rows times a factor, transposed, sixteen by sixteen in registers; `room` holds them in whole vectors where they do not come so.
static inline __attribute__((always_inline)) void transpose(float *restrict out, const float *restrict x, size_t stride, size_t length,
                                                            size_t width, float factor, float *restrict room) {
  size_t rows = rounded(length), columns = rounded(width);
  if (rows != length || columns != width) {
    pack(room, x, stride, length, width, 1);
    x = room, stride = columns;
  }
  for (size_t top = 0; top < rows; top += LANES)
    for (size_t left = 0; left < columns; left += LANES) {
      vec block[LANES];
      for (int k = 0; k < LANES; k++) block[k] = *(const unaligned *)(x + (top + k) * stride + left) * factor;
      EXCHANGE(8, LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
      EXCHANGE(4, LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27), LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
      EXCHANGE(2, LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29), LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
      EXCHANGE(1, LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30), LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
      for (int k = 0; k < LANES; k++) *(unaligned *)(out + (left + k) * rows + top) = block[k];
    }
}

static inline __attribute__((always_inline)) void unpack(float *restrict out, size_t stride, const float *restrict packed, size_t length,
                                                         size_t width, float factor) {
  for (size_t row = 0; row < length; row++, out += stride, packed += rounded(width)) scale_row(out, packed, width, factor);
}

static inline __attribute__((always_inline)) float largest_of(const float *all) {
  vec lanes = *(const unaligned *)all;
  floats8 eight = __builtin_elementwise_max(__builtin_shufflevector(lanes, lanes, 0, 1, 2, 3, 4, 5, 6, 7),
                                            __builtin_shufflevector(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15));
  floats4 four = __builtin_elementwise_max(__builtin_shufflevector(eight, eight, 0, 1, 2, 3), __builtin_shufflevector(eight, eight, 4, 5, 6, 7));
  floats2 two = __builtin_elementwise_max(__builtin_shufflevector(four, four, 0, 1), __builtin_shufflevector(four, four, 2, 3));
  return two[0] > two[1] ? two[0] : two[1];
}

// Softmax of `count` rows' scores, in place: of the first first + row + 1, and 0 from there up to `end`, whole vectors. Rows from `count` on
// become 0.
//
// Phase by phase over all rows, since a row's own is one chain of dependences. The mask is a condition on whole vectors: to write single lanes and
// then to read a vector of them would cost more than the exponentials.
static inline __attribute__((always_inline)) void softmax(float *restrict scores, size_t stride, uint32_t first, uint32_t count, uint32_t end,
                                                          float *restrict largest, float *restrict inverse) {
  for (uint32_t row = 0; row < count; row++) {
    const float *s = scores + row * stride;
    float top[LANES];
    for (int k = 0; k < LANES; k++) top[k] = s[0];
    for (uint32_t j = 0; j < end; j += LANES)
      for (uint32_t k = 0; k < LANES; k++) {
        // What is not seen counts as the first score.
        float score = j + k <= first + row ? s[j + k] : s[0];
        top[k] = score > top[k] ? score : top[k];
      }
    largest[row] = largest_of(top);
  }
  for (uint32_t row = 0; row < count; row++) {
    float *s = scores + row * stride, most = largest[row];
    for (uint32_t j = 0; j < end; j++) {
      float e = exponentialf(s[j] - most);
      s[j] = j <= first + row ? e : 0;
    }
  }
  for (uint32_t row = 0; row < count; row++) {
    const float *s = scores + row * stride;
    halves sum = {0};
    for (uint32_t j = 0; j < end; j += LANES) {
      vec x = *(const unaligned *)(s + j);
      sum.low += widened(x, 0);
      sum.high += widened(x, 8);
    }
    inverse[row] = (float)(1.0 / folded(&sum));
  }
  for (uint32_t row = 0; row < ROWS; row++) {
    float *s = scores + row * stride;
    if (row < count) {
      for (uint32_t j = 0; j < end; j++) s[j] *= inverse[row];
    } else {
      for (uint32_t j = 0; j < end; j++) s[j] = 0;
    }
  }
}

static size_t cvk_attention_scratch(size_t length, size_t width) {
  return rounded(length) * (7 * rounded(width) + 2 * TILE) + ROWS * rounded(width);
}

// ROWS rows of a product, of which `count` rows of `width` columns are wanted. They go to their place at once where they fill it.
static inline __attribute__((always_inline)) void product_rows(float *restrict out, size_t stride, size_t count, size_t width,
                                                               const float *restrict a, size_t rowstep, const float *restrict b,
                                                               size_t terms, float *restrict room) {
  size_t columns = rounded(width);
  if (count == ROWS && width == columns) {
    product(out, stride, a, rowstep, 1, b, columns, terms, columns, 0);
  } else {
    product(room, columns, a, rowstep, 1, b, columns, terms, columns, 0);
    unpack(out, stride, room, count, width, 1);
  }
}

static void cvk_attention(float *y, size_t ystride, float *largest, float *inverse, const float *q, const float *k, const float *v,
                          size_t stride, size_t length, size_t width, float scale, float *scratch) {
  size_t rows = rounded(length), columns = rounded(width), area = rows * columns;
  float *queries = scratch, *values = queries + area, *keys = values + area, *scores = keys + area, *room = scores + ROWS * rows;
  // The values' place is free until the keys are transposed.
  transpose(keys, k, stride, length, width, scale, values);
  pack(values, v, stride, length, width, 1);
  size_t qstride = stride;
  if (length % ROWS) {
    pack(queries, q, stride, length, width, 1);
    q = queries, qstride = columns;
  }
  for (size_t first = 0; first < length; first += ROWS) {
    size_t count = lesser(ROWS, length - first), end = rounded(first + ROWS);
    product(scores, rows, q + first * qstride, qstride, 1, keys, rows, width, end, 0);
    softmax(scores, rows, (uint32_t)first, (uint32_t)count, (uint32_t)end, largest + first, inverse + first);
    product_rows(y + first * ystride, ystride, count, width, scores, rows, values, first + count, room);
  }
}

static void cvk_attention_backward(float *dq, float *dk, float *dv, const float *dy, const float *y, size_t ystride,
                                   const float *largest, const float *inverse, const float *q, const float *k, const float *v, size_t stride,
                                   size_t length, size_t width, float scale, float *scratch) {
  size_t rows = rounded(length), columns = rounded(width), area = rows * columns;
  float *queries = scratch, *keys = queries + area, *keysAcross = keys + area, *valuesAcross = keysAcross + area;
  float *outputs = valuesAcross + area, *keyGradients = outputs + area, *valueGradients = keyGradients + area;
  float *probabilities = valueGradients + area, *dScores = probabilities + TILE * rows, *room = dScores + TILE * rows;
  // The keys' place is free until both are transposed.
  transpose(valuesAcross, v, stride, length, width, 1, keys);
  transpose(keysAcross, k, stride, length, width, scale, keys);
  pack(keys, k, stride, length, width, scale);
  pack(queries, q, stride, length, width, 1);
  pack(outputs, dy, ystride, length, width, 1);
  memset(keyGradients, 0, 2 * area * sizeof *keyGradients);

  for (size_t tile = 0; tile < length; tile += TILE) {
    size_t tileRows = lesser(TILE, length - tile);
    for (size_t row = 0; row < tileRows; row += ROWS) {
      size_t first = tile + row, count = lesser(ROWS, length - first), end = rounded(first + ROWS);
      float *p = probabilities + row * rows, *d = dScores + row * rows;
      product(p, rows, queries + first * columns, columns, 1, keysAcross, rows, columns, end, 0);
      product(d, rows, outputs + first * columns, columns, 1, valuesAcross, rows, columns, end, 0);
      for (size_t i = 0; i < ROWS; i++, p += rows, d += rows) {
        uint32_t seen = i < count ? first + i + 1 : 0;
        if (seen) {
          float most = largest[first + i], factor = inverse[first + i];
          // Σ p·∂loss/∂p over the keys is the product of output and gradient.
          const float *a = dy + (first + i) * ystride, *b = y + (first + i) * ystride;
          halves sum = {0};
          size_t whole = whole_lanes(width);
          for (size_t j = 0; j < whole; j += LANES) add_products(&sum, a + j, b + j);
          double rest = 0;
          for (size_t j = whole; j < width; j++) rest += (double)a[j] * (double)b[j];
          float mean = (float)(folded(&sum) + rest);
          for (uint32_t j = 0; j < end; j++) {
            float probability = exponentialf(p[j] - most) * factor, slope = probability * (d[j] - mean);
            p[j] = j < seen ? probability : 0;
            d[j] = j < seen ? slope : 0;
          }
        } else {
          for (size_t j = 0; j < end; j++) p[j] = d[j] = 0;
        }
      }
      product_rows(dq + first * stride, stride, count, width, dScores + row * rows, rows, keys, first + count, room);
    }
    // A key is seen from its own row on.
    for (size_t key = 0; key < tile + tileRows; key += ROWS) {
      size_t from = key > tile ? key - tile : 0;
      float *p = probabilities + from * rows + key, *d = dScores + from * rows + key;
      product(valueGradients + key * columns, columns, p, 1, rows, outputs + (tile + from) * columns, columns, tileRows - from, columns, 1);
      product(keyGradients + key * columns, columns, d, 1, rows, queries + (tile + from) * columns, columns, tileRows - from, columns, 1);
    }
  }
  unpack(dk, stride, keyGradients, length, width, scale);
  unpack(dv, stride, valueGradients, length, width, 1);
}
