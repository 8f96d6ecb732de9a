// Feature maps with the channels last: [samples][height][width][channels].

static void cvk_max_pool(float *restrict y, int32_t *restrict choice, const float *restrict x, size_t samples, size_t height,
                         size_t width, size_t channels, size_t size, size_t stride, size_t padding) {
  size_t rows = (height + 2 * padding - size) / stride + 1, columns = (width + 2 * padding - size) / stride + 1;
  for (size_t n = 0; n < samples; n++, x += height * width * channels)
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < columns; j++, y += channels, choice += channels) {
        int isFirst = 1;
        for (size_t a = 0; a < size; a++)
          for (size_t b = 0; b < size; b++) {
            // Unsigned: what lies before the image is past its end.
            size_t row = i * stride + a - padding, column = j * stride + b - padding;
            if (row >= height || column >= width) continue;
            int32_t pixel = (int32_t)(row * width + column);
            const float *v = x + (size_t)pixel * channels;
            if (isFirst)
              for (size_t c = 0; c < channels; c++) {
                y[c] = v[c];
                choice[c] = pixel;
              }
            else
              for (size_t c = 0; c < channels; c++) {
                // A NaN is taken, and stays.
                int is = !(v[c] <= y[c]) && y[c] == y[c];
                y[c] = is ? v[c] : y[c];
                choice[c] = is ? pixel : choice[c];
              }
            isFirst = 0;
          }
      }
}

static void cvk_max_pool_backward(float *restrict dx, const float *restrict d, const int32_t *restrict choice, size_t samples,
                                  size_t pixels, size_t results, size_t channels) {
  for (size_t n = 0; n < samples; n++, dx += pixels * channels)
    for (size_t i = 0; i < results; i++, d += channels, choice += channels)
      for (size_t c = 0; c < channels; c++) dx[(size_t)choice[c] * channels + c] += d[c];
}

static void cvk_average_pool(float *restrict y, const float *restrict x, size_t samples, size_t height, size_t width,
                             size_t channels, size_t size, size_t stride, size_t padding) {
  size_t rows = (height + 2 * padding - size) / stride + 1, columns = (width + 2 * padding - size) / stride + 1;
  float part = 1.0f / (float)(size * size);
  for (size_t n = 0; n < samples; n++, x += height * width * channels)
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < columns; j++, y += channels) {
        for (size_t c = 0; c < channels; c++) y[c] = 0;
        for (size_t a = 0; a < size; a++)
          for (size_t b = 0; b < size; b++) {
            size_t row = i * stride + a - padding, column = j * stride + b - padding;
            if (row >= height || column >= width) continue;
            const float *v = x + (row * width + column) * channels;
            for (size_t c = 0; c < channels; c++) y[c] += v[c];
          }
        for (size_t c = 0; c < channels; c++) y[c] *= part;
      }
}

static void cvk_average_pool_backward(float *restrict dx, const float *restrict d, size_t samples, size_t height, size_t width,
                                      size_t channels, size_t size, size_t stride, size_t padding) {
  size_t rows = (height + 2 * padding - size) / stride + 1, columns = (width + 2 * padding - size) / stride + 1;
  float part = 1.0f / (float)(size * size);
  for (size_t n = 0; n < samples; n++, dx += height * width * channels)
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < columns; j++, d += channels)
        for (size_t a = 0; a < size; a++)
          for (size_t b = 0; b < size; b++) {
            size_t row = i * stride + a - padding, column = j * stride + b - padding;
            if (row >= height || column >= width) continue;
            float *v = dx + (row * width + column) * channels;
            for (size_t c = 0; c < channels; c++) v[c] += part * d[c];
          }
}

static void cvk_row_means(float *restrict y, const float *restrict x, size_t samples, size_t rows, size_t columns) {
  for (size_t n = 0; n < samples; n++, x += rows * columns, y += columns) {
    cvk_column_sums(y, x, rows, columns, 0);
    for (size_t j = 0; j < columns; j++) y[j] /= (float)rows;
  }
}

static void cvk_row_means_backward(float *restrict dx, const float *restrict d, size_t samples, size_t rows, size_t columns) {
  for (size_t n = 0; n < samples; n++, d += columns)
    for (size_t i = 0; i < rows; i++, dx += columns)
      for (size_t j = 0; j < columns; j++) dx[j] = d[j] / (float)rows;
}

// A group's sum for each of its columns.
static inline void spread(double *restrict sums, size_t columns, size_t groups, double part) {
  size_t each = columns / groups;
  for (size_t g = 0; g < groups; g++) {
    double sum = 0;
    for (size_t c = g * each; c < (g + 1) * each; c++) sum += sums[c];
    for (size_t c = g * each; c < (g + 1) * each; c++) sums[c] = sum * part;
  }
}

static void cvk_group_norm(float *restrict y, float *restrict normal, float *restrict inverse, const float *restrict x,
                           const float *restrict weight, const float *restrict bias, size_t samples, size_t rows, size_t columns,
                           size_t groups, double *restrict scratch) {
  size_t each = columns / groups;
  double *mean = scratch, *square = scratch + columns, part = 1.0 / (double)(rows * each);
  for (size_t n = 0; n < samples; n++, inverse += groups) {
    for (size_t c = 0; c < columns; c++) mean[c] = square[c] = 0;
    for (size_t i = 0; i < rows; i++)
      for (size_t c = 0; c < columns; c++) mean[c] += (double)x[i * columns + c];
    spread(mean, columns, groups, part);
    // Squares of differences: those of x would cancel.
    for (size_t i = 0; i < rows; i++)
      for (size_t c = 0; c < columns; c++) {
        double v = (double)x[i * columns + c] - mean[c];
        square[c] += v * v;
      }
    spread(square, columns, groups, part);
    for (size_t c = 0; c < columns; c++) square[c] = 1.0 / __builtin_sqrt(square[c] + 1e-5);
    for (size_t g = 0; g < groups; g++) inverse[g] = (float)square[g * each];
    for (size_t i = 0; i < rows; i++, x += columns, y += columns, normal += columns)
      for (size_t c = 0; c < columns; c++) {
        float v = (float)(((double)x[c] - mean[c]) * square[c]);
        normal[c] = v;
        y[c] = v * weight[c] + bias[c];
      }
  }
}

static void cvk_group_norm_backward(float *restrict dx, const float *restrict d, const float *restrict normal,
                                    const float *restrict inverse, const float *restrict weight, size_t samples, size_t rows,
                                    size_t columns, size_t groups, double *restrict scratch) {
  size_t each = columns / groups;
  double *sum = scratch, *product = scratch + columns, part = 1.0 / (double)(rows * each);
  float *mean = (float *)(scratch + 2 * columns), *slope = mean + columns, *scale = slope + columns;
  for (size_t n = 0; n < samples; n++, inverse += groups) {
    for (size_t c = 0; c < columns; c++) sum[c] = product[c] = 0;
    for (size_t i = 0; i < rows; i++)
      for (size_t c = 0; c < columns; c++) {
        double own = (double)d[i * columns + c] * (double)weight[c];
        sum[c] += own;
        product[c] += own * (double)normal[i * columns + c];
      }
    spread(sum, columns, groups, part);
    spread(product, columns, groups, part);
    for (size_t c = 0; c < columns; c++) {
      mean[c] = (float)sum[c];
      slope[c] = (float)product[c];
      scale[c] = inverse[c / each];
    }
    for (size_t i = 0; i < rows; i++, dx += columns, d += columns, normal += columns)
      for (size_t c = 0; c < columns; c++) dx[c] = scale[c] * ((d[c] * weight[c] - mean[c]) - normal[c] * slope[c]);
  }
}

static void cvk_rms_norm(float *restrict y, float *restrict normal, float *restrict inverse, const float *restrict x,
                         const float *restrict weight, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++, x += columns, y += columns, normal += columns) {
    double s = 1.0 / __builtin_sqrt(cvk_sum_of_squares(x, columns) / (double)columns + 1e-5);
    inverse[i] = (float)s;
    for (size_t j = 0; j < columns; j++) {
      normal[j] = (float)((double)x[j] * s);
      y[j] = normal[j] * weight[j];
    }
  }
}

static void cvk_rms_norm_backward(float *restrict dx, const float *restrict d, const float *restrict normal,
                                  const float *restrict inverse, const float *restrict weight, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++, dx += columns, d += columns, normal += columns) {
    double product = 0;
    for (size_t j = 0; j < columns; j++) product += (double)(d[j] * weight[j]) * (double)normal[j];
    float slope = (float)(product / (double)columns), s = inverse[i];
    for (size_t j = 0; j < columns; j++) dx[j] = s * (d[j] * weight[j] - normal[j] * slope);
  }
}

static void cvk_batch_norm(float *restrict y, float *restrict normal, float *restrict inverse, float *restrict mean, float *restrict variance,
                           const float *restrict x, const float *restrict weight, const float *restrict bias, size_t rows, size_t columns,
                           double *restrict scratch) {
  // Differences to the first row: squares of x itself would cancel.
  double *shift = scratch, *square = scratch + columns;
  for (size_t c = 0; c < columns; c++) shift[c] = square[c] = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t c = 0; c < columns; c++) {
      double v = (double)x[i * columns + c] - (double)x[c];
      shift[c] += v;
      square[c] += v * v;
    }
  for (size_t c = 0; c < columns; c++) {
    double sum = shift[c] / (double)rows, squares = square[c] - sum * shift[c];
    squares = squares < 0 ? 0 : squares;
    shift[c] = sum + (double)x[c];
    square[c] = 1.0 / __builtin_sqrt(squares / (double)rows + 1e-5);
    mean[c] = (float)shift[c];
    variance[c] = (float)(squares / (double)(rows > 1 ? rows - 1 : 1));
    inverse[c] = (float)square[c];
  }
  for (size_t i = 0; i < rows; i++, x += columns, y += columns, normal += columns)
    for (size_t c = 0; c < columns; c++) {
      float v = (float)(((double)x[c] - shift[c]) * square[c]);
      normal[c] = v;
      y[c] = v * weight[c] + bias[c];
    }
}

static void cvk_batch_norm_backward(float *restrict dx, float *restrict weight_gradient, float *restrict bias_gradient,
                                    const float *restrict d, const float *restrict normal, const float *restrict inverse,
                                    const float *restrict weight, size_t rows, size_t columns, int accumulate, double *restrict scratch) {
  double *sum = scratch, *product = scratch + columns;
  float *mean = (float *)(scratch + 2 * columns), *slope = mean + columns;
  for (size_t c = 0; c < columns; c++) sum[c] = product[c] = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t c = 0; c < columns; c++) {
      double v = (double)d[i * columns + c];
      sum[c] += v;
      product[c] += v * (double)normal[i * columns + c];
    }
  for (size_t c = 0; c < columns; c++) {
    bias_gradient[c] = (float)((accumulate ? bias_gradient[c] : 0.0) + sum[c]);
    weight_gradient[c] = (float)((accumulate ? weight_gradient[c] : 0.0) + product[c]);
    mean[c] = (float)(sum[c] / (double)rows);
    slope[c] = (float)(product[c] / (double)rows);
  }
  if (!dx) return;
  for (size_t i = 0; i < rows; i++, dx += columns, d += columns, normal += columns)
    for (size_t c = 0; c < columns; c++) dx[c] = inverse[c] * weight[c] * ((d[c] - mean[c]) - normal[c] * slope[c]);
}

static void cvk_batch_norm_fixed(float *restrict y, const float *restrict x, const float *restrict mean, const float *restrict variance,
                                 const float *restrict weight, const float *restrict bias, size_t rows, size_t columns,
                                 double *restrict scratch) {
  double *factor = scratch, *offset = scratch + columns;
  for (size_t c = 0; c < columns; c++) {
    factor[c] = (double)weight[c] / __builtin_sqrt((double)variance[c] + 1e-5);
    offset[c] = (double)bias[c] - (double)mean[c] * factor[c];
  }
  for (size_t i = 0; i < rows; i++, x += columns, y += columns)
    for (size_t c = 0; c < columns; c++) y[c] = (float)((double)x[c] * factor[c] + offset[c]);
}
