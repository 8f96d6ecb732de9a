static void cvk_embed(float *restrict y, const float *restrict table, const float *restrict positions, const int32_t *tokens,
                      size_t rows, size_t length, size_t width) {
  for (size_t row = 0; row < rows; row++, y += width) {
    const float *x = table + (size_t)tokens[row] * width, *p = positions + row % length * width;
    for (size_t j = 0; j < width; j++) y[j] = x[j] + p[j];
  }
}

static void cvk_add_by_token(float *restrict table, const float *restrict x, const int32_t *tokens, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, x += width) {
    float *y = table + (size_t)tokens[row] * width;
    for (size_t j = 0; j < width; j++) y[j] += x[j];
  }
}
