// Feature maps lie as [samples][channel blocks][height][width][block]; the block is a constant of each loop, so that it becomes vectors.

static inline __attribute__((always_inline)) void pool(float *restrict out, uint8_t *restrict choice, const float *restrict y, size_t planes,
                                                       size_t height, size_t width, size_t block) {
  size_t h = height / 2, w = width / 2;
  for (size_t plane = 0; plane < planes; plane++)
    for (size_t i = 0; i < h; i++) {
      const float *above = y + (plane * height + 2 * i) * width * block, *below = above + width * block;
      for (size_t j = 0; j < w; j++, above += 2 * block, below += 2 * block, out += block, choice += block)
        for (size_t k = 0; k < block; k++) {
          // A NaN is the largest; of equals the first.
          float largest = above[k];
          int which = 0;
          float next = above[block + k];
          int takes = (next > largest) | (next != next);
          largest = takes ? next : largest;
          which = takes ? 1 : which;
          next = below[k];
          takes = (next > largest) | (next != next);
          largest = takes ? next : largest;
          which = takes ? 2 : which;
          next = below[block + k];
          takes = (next > largest) | (next != next);
          largest = takes ? next : largest;
          which = takes ? 3 : which;
          // Not a plain 0: what is -∞ is to show as NaN.
          out[k] = largest <= 0 ? largest - largest : largest;
          choice[k] = (uint8_t)which;
        }
    }
}

static void cvk_maxpool_relu(float *out, uint8_t *choice, const float *y, size_t planes, size_t height, size_t width, size_t block) {
  if (block == 16) pool(out, choice, y, planes, height, width, 16);
  else pool(out, choice, y, planes, height, width, 8);
}

static inline __attribute__((always_inline)) void unpool(float *restrict dy, float *restrict bias, const float *restrict d,
                                                         const float *restrict out, const uint8_t *restrict choice, size_t samples,
                                                         size_t channels, size_t height, size_t width, size_t block, int accumulate) {
  size_t h = height / 2, w = width / 2, blocks = (channels + block - 1) / block;
  for (size_t b = 0; b < blocks; b++) {
    double sum[16] = {0};
    for (size_t n = 0; n < samples; n++) {
      size_t plane = n * blocks + b, at = plane * h * w * block;
      for (size_t i = 0; i < h; i++) {
        float *above = dy + (plane * height + 2 * i) * width * block, *below = above + width * block;
        for (size_t j = 0; j < w; j++, at += block, above += 2 * block, below += 2 * block)
          for (size_t k = 0; k < block; k++) {
            float g = out[at + k] <= 0 ? 0 : d[at + k];
            int which = choice[at + k];
            sum[k] += g;
            above[k] = which == 0 ? g : 0;
            above[block + k] = which == 1 ? g : 0;
            below[k] = which == 2 ? g : 0;
            below[block + k] = which == 3 ? g : 0;
          }
        // What pooling drops has no gradient.
        if (width % 2)
          for (size_t k = 0; k < block; k++) above[k] = below[k] = 0;
      }
      if (height % 2)
        for (size_t k = 0; k < width * block; k++) dy[(plane * height + height - 1) * width * block + k] = 0;
    }
    for (size_t k = 0; k < block && b * block + k < channels; k++)
      bias[b * block + k] = (float)((accumulate ? bias[b * block + k] : 0.0) + sum[k]);
  }
}

static void cvk_maxpool_relu_backward(float *dy, float *bias, const float *d, const float *out, const uint8_t *choice,
                                      size_t samples, size_t channels, size_t height, size_t width, size_t block, int accumulate) {
  if (block == 16) unpool(dy, bias, d, out, choice, samples, channels, height, width, 16, accumulate);
  else unpool(dy, bias, d, out, choice, samples, channels, height, width, 8, accumulate);
}
