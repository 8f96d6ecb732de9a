// Recurrent cells whose sums have two parts: g, of the inputs with their bias, a row every `gap` numbers of a sample's time steps, and s, of the
// state, without a gap, to which the bias b is added. States h lie every `far` numbers.

static void cvk_elman_cell(const float *g, size_t gap, const float *s, const float *b, float *h, size_t far, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, g += gap, s += width, h += far)
    for (size_t j = 0; j < width; j++) h[j] = hyperbolic_tangentf(g[j] + (s[j] + b[j]));
}

static void cvk_elman_cell_backward(float *g, size_t gap, const float *d, const float *h, size_t far, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, g += gap, d += width, h += far)
    for (size_t j = 0; j < width; j++) g[j] = d[j] * (1.0f - h[j] * h[j]);
}

static void cvk_lstm_cell(float *g, size_t gap, const float *s, const float *b, const float *previous, float *c, float *squashed,
                          float *h, size_t far, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, g += gap, s += 4 * width, c += far, squashed += far, h += far) {
    for (size_t j = 0; j < width; j++) {
      float i = sigmoidf(g[j] + (s[j] + b[j])), f = sigmoidf(g[width + j] + (s[width + j] + b[width + j]));
      float n = hyperbolic_tangentf(g[2 * width + j] + (s[2 * width + j] + b[2 * width + j]));
      float o = sigmoidf(g[3 * width + j] + (s[3 * width + j] + b[3 * width + j]));
      c[j] = (previous ? f * previous[j] : 0) + i * n;
      squashed[j] = hyperbolic_tangentf(c[j]);
      h[j] = o * squashed[j];
      g[j] = i;
      g[width + j] = f;
      g[2 * width + j] = n;
      g[3 * width + j] = o;
    }
    if (previous) previous += far;
  }
}

static void cvk_lstm_cell_backward(float *g, size_t gap, const float *d, float *dc, const float *previous, const float *squashed,
                                   size_t far, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, g += gap, d += width, dc += width, squashed += far) {
    for (size_t j = 0; j < width; j++) {
      float i = g[j], f = g[width + j], n = g[2 * width + j], o = g[3 * width + j], q = squashed[j];
      float all = dc[j] + d[j] * o * (1.0f - q * q);
      g[j] = all * n * i * (1.0f - i);
      g[width + j] = previous ? all * previous[j] * f * (1.0f - f) : 0;
      g[2 * width + j] = all * i * (1.0f - n * n);
      g[3 * width + j] = d[j] * q * o * (1.0f - o);
      dc[j] = all * f;
    }
    if (previous) previous += far;
  }
}

static void cvk_gru_cell(float *g, size_t gap, const float *s, const float *b, const float *previous, float *inner, float *h, size_t far,
                         size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, g += gap, s += 3 * width, inner += far, h += far) {
    for (size_t j = 0; j < width; j++) {
      float r = sigmoidf(g[j] + (s[j] + b[j])), z = sigmoidf(g[width + j] + (s[width + j] + b[width + j]));
      float own = s[2 * width + j] + b[2 * width + j], n = hyperbolic_tangentf(g[2 * width + j] + r * own);
      inner[j] = own;
      h[j] = (1.0f - z) * n + (previous ? z * previous[j] : 0);
      g[j] = r;
      g[width + j] = z;
      g[2 * width + j] = n;
    }
    if (previous) previous += far;
  }
}

static void cvk_gru_cell_backward(float *g, float *ds, size_t gap, const float *d, float *dh, const float *previous, const float *inner,
                                  size_t far, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, g += gap, ds += gap, d += width, dh += width, inner += far) {
    for (size_t j = 0; j < width; j++) {
      float r = g[j], z = g[width + j], n = g[2 * width + j], own = previous ? previous[j] : 0;
      float dz = d[j] * (own - n) * z * (1.0f - z), dn = d[j] * (1.0f - z) * (1.0f - n * n);
      float dr = dn * inner[j] * r * (1.0f - r);
      dh[j] = d[j] * z;
      g[j] = ds[j] = dr;
      g[width + j] = ds[width + j] = dz;
      g[2 * width + j] = dn;
      ds[2 * width + j] = dn * r;
    }
    if (previous) previous += far;
  }
}
