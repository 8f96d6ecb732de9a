static void cvk_add_difference(float *restrict g, const float *restrict x, const float *restrict y, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) g[i] += scale * (x[i] - y[i]);
}
