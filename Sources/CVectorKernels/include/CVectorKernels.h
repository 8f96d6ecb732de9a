// Loops over Float32 arrays that must run at the CPU's own vector width. Swift's vector code is compiled for one width;
// each function here is compiled for several and the loader picks (measured: sum of squares 0.07 ns an element against 0.14).
//
// Sums run in 16 Double lanes, folded in a fixed order, and no multiply is fused with an add (except where the product is exact),
// so every width gives the same bits.
#ifndef LOCKSTEP_VECTOR_KERNELS_H
#define LOCKSTEP_VECTOR_KERNELS_H
#include <stddef.h>
#include <stdint.h>

/// Sum of x[i]², in Double. Finite for every finite input; not finite if any input is not.
double cvk_sum_of_squares(const float *x, size_t count);
/// Σ|x[i]|, Σ x[i]·y[i], Σ(x[i] − y[i])², max|x[i]| and Σ(|x[i]|/unit)ᵖ, in Double; the unit is a power of two
double cvk_sum_of_absolutes(const float *x, size_t count);
double cvk_dot(const float *x, const float *y, size_t count);
double cvk_squared_distance(const float *x, const float *y, size_t count);
double cvk_largest_absolute(const float *x, size_t count);
double cvk_sum_of_powers(const float *x, size_t count, double p, double unit);
/// Limits every element to ±limit and returns the sum of the squares left.
double cvk_clamp(float *x, float limit, size_t count);
/// g += l2·w + l1·sign(w); returns ½·l2·Σw² + l1·Σ|w|.
double cvk_penalize(float *g, const float *w, float l1, float l2, size_t count);
/// y[i] = a·y[i] + b·x[i]
void cvk_combine(float *y, const float *x, float a, float b, size_t count);
/// 64 bits in which any changed bit of x shows with near certainty; not against intent.
uint64_t cvk_digest(const float *x, size_t count);
/// y[i] = x[i]; returns the sum of the squares, the same bits as cvk_sum_of_squares.
double cvk_copy_with_squares(float *y, const float *x, size_t count);
/// y[i] = x[0][i] + x[1][i] + … + x[sources-1][i], added in this order, for i from `start` on; y may be one of the sources. Returns the sum of
/// the squares, the same bits as cvk_sum_of_squares of the result.
double cvk_sum_with_squares(float *y, const float *const *x, size_t sources, size_t start, size_t count);
/// y[i] = a[i] + b[i]
void cvk_sum(float *y, const float *a, const float *b, size_t count);
/// y[i] += x[i]
void cvk_add(float *y, const float *x, size_t count);
/// y[i] *= a
void cvk_scale(float *y, float a, size_t count);
/// y[i] = x[i] / 255, the division PyTorch's ToTensor makes.
void cvk_pixels(float *y, const uint8_t *x, size_t count);

/// Squared norms that a parameter update yields on its way: of the change it made, and of the weights before it.
typedef struct { double update, weight; } cvk_update_norms;
/// w -= rate·(factor·g + decay·w)
cvk_update_norms cvk_sgd(float *w, const float *g, size_t count, float rate, float factor, float decay);
/// v = momentum·v + (factor·g + decay·w); w -= rate·v
cvk_update_norms cvk_momentum(float *w, const float *g, float *v, size_t count, float rate, float factor, float momentum, float decay);
/// PyTorch's AdamW: w -= rate·decay·w; m, v are moments of factor·g; w -= (rate/correction1)·m / (√v/√correction2 + epsilon).
/// The coefficients are Doubles because 1 - beta2 taken in Float is wrong in its fifth digit.
cvk_update_norms cvk_adamw(float *w, const float *g, float *m, float *v, size_t count, double rate, float factor, double beta1,
                           double beta2, double epsilon, double decay, double correction1, double correction2);

// Layers. `y` and `x` are row-major, rows × columns. Every function passes a NaN on.

/// y[i][j] = f(y[i][j] + bias[j]), f being the identity, max(0, z), tanh z, 1/(1 + e^-z).
void cvk_bias(float *y, const float *bias, size_t rows, size_t columns);
void cvk_bias_relu(float *y, const float *bias, size_t rows, size_t columns);
void cvk_bias_tanh(float *y, const float *bias, size_t rows, size_t columns);
void cvk_bias_sigmoid(float *y, const float *bias, size_t rows, size_t columns);
/// d[i] *= f'(z), from y[i] = f(z).
void cvk_relu_backward(float *d, const float *y, size_t count);
void cvk_tanh_backward(float *d, const float *y, size_t count);
void cvk_sigmoid_backward(float *d, const float *y, size_t count);
/// out[j] = Σᵢ x[i][j], added to out[j] if `accumulate`; summed in Double.
void cvk_column_sums(float *out, const float *x, size_t rows, size_t columns, int accumulate);
/// Returns Σ over the rows of weight·(log Σⱼ e^z[j] - z[label]), in Double; not finite if any z of a row that counts is not.
/// `weights` may be null: then each is 1. A row whose label is negative does not count: its gradient is 0.
/// `gradient`, if not null, gets scale·weight·(softmax(z) - onehot(label)), and may be `z`; `correct`, if not null, grows by the rows whose
/// first largest z is the label's. Every other label must lie in 0 ..< classes.
double cvk_cross_entropy(const float *z, const int32_t *labels, const double *weights, size_t rows, size_t classes, float scale,
                         float *gradient, size_t *correct);
/// p[i][j] = softmax of z[i], in Double; a row with a z that is not finite is NaN.
void cvk_softmax(double *p, const float *z, size_t rows, size_t classes);
/// LAMB's direction (You et al. 2019): m, v are moments of factor·g; g becomes (m/correction1) / (√(v/correction2) + epsilon) + decay·w. Returns its squares.
double cvk_lamb_direction(const float *w, float *g, float *m, float *v, size_t count, double factor, double beta1, double beta2, double epsilon,
                          double decay, double correction1, double correction2);

// Feature maps, [samples][channel blocks][height][width][block]; the block is 8 or 16 channels, and `planes` are samples times blocks.

/// out = max(0, the largest of each 2×2 of y), choice = which of the four it was, row by row; an odd last row or column is dropped.
void cvk_maxpool_relu(float *out, uint8_t *choice, const float *y, size_t planes, size_t height, size_t width, size_t block);
/// dy = ∂loss/∂y, from d = ∂loss/∂out and what the way forward left; bias = Σ dy of each channel, added to it if `accumulate`, summed in Double.
void cvk_maxpool_relu_backward(float *dy, float *bias, const float *d, const float *out, const uint8_t *choice, size_t samples,
                               size_t channels, size_t height, size_t width, size_t block, int accumulate);
/// Between feature maps and rows of [channels][pixels], one a sample. What pads the last block is not read, and written as zeros.
void cvk_unblock(float *rows, const float *maps, size_t samples, size_t channels, size_t pixels, size_t block);
void cvk_block(float *maps, const float *rows, size_t samples, size_t channels, size_t pixels, size_t block);

/// Makes `count` rows of `length` ≥ `count` values orthonormal, each in the span of itself and those before it (Gram and Schmidt, twice
/// over, which is enough for full precision: Giraud et al. 2005).
void cvk_orthonormalize(double *rows, size_t count, size_t length);

// Recurrent cells, one step of `rows` sequences. A step's sums z are products[row] + table[tokens[row]]: h·Wᵀ, and x·Wᵀ + b, which is a
// function of the token. `h`, `c` are rows × hidden.

/// h = tanh z
void cvk_elman(float *h, const float *products, const float *table, const int32_t *tokens, size_t rows, size_t hidden);
/// d = dh·(1 - h²) = ∂loss/∂z
void cvk_elman_backward(float *d, const float *dh, const float *h, size_t rows, size_t hidden);
/// PyTorch's nn.LSTM: i, f, o = sigmoid and g = tanh of the quarters i, f, g, o of z, left in `gates` (rows × 4·hidden), which held the
/// products; c = f·previous + i·g; squashed = tanh c; h = o·squashed.
void cvk_lstm(float *gates, const float *table, const int32_t *tokens, const float *previous, float *c, float *squashed, float *h, size_t rows,
              size_t hidden);
/// Leaves ∂loss/∂z in `gates`. `dc` is ∂loss/∂c by way of later steps, and becomes ∂loss/∂previous.
void cvk_lstm_backward(float *gates, const float *previous, const float *squashed, const float *dh, float *dc, size_t rows, size_t hidden);

// Tokens' rows of a table of `width` columns.

/// y[row] = table[tokens[row]] + positions[row % length]
void cvk_embed(float *y, const float *table, const float *positions, const int32_t *tokens, size_t rows, size_t length, size_t width);
/// table[tokens[row]] += x[row], row after row
void cvk_add_by_token(float *table, const float *x, const int32_t *tokens, size_t rows, size_t width);

// Transformer layers.

/// normal = (x - mean)/√(variance + 1e-5) of each row, y = normal·weight, inverse = 1/√(variance + 1e-5); sums in Double.
void cvk_layer_norm(float *y, float *normal, float *inverse, const float *x, const float *weight, size_t rows, size_t columns);
/// dx += ∂loss/∂x from d = ∂loss/∂y.
void cvk_layer_norm_backward(float *dx, const float *d, const float *normal, const float *inverse, const float *weight, size_t rows,
                             size_t columns);
/// out[j] = Σᵢ x[i][j]·y[i][j], added to out[j] if `accumulate`; summed in Double.
void cvk_column_products(float *out, const float *x, const float *y, size_t rows, size_t columns, int accumulate);
/// y = x·Φ(x), with Φ the normal distribution function (the GELU with erf, not tanh), and in the place of x its derivative, Φ(x) + x·φ(x).
void cvk_gelu(float *y, float *x, size_t count);
/// x[i] *= y[i]
void cvk_multiply(float *x, const float *y, size_t count);
/// Queries of which the backward pass of attention keeps the probabilities at a time.
enum { CVK_ATTENTION_TILE = 64 };
/// How many values the scratch of one head's attention has, forward and backward.
size_t cvk_attention_scratch(size_t length, size_t width);
/// Causal attention of one head: y[i] = Σ p[i][j]·v[j] over j ≤ i, p[i] being the softmax of scale·q[i]·k[j]. Each of q, k and v is `length` rows of
/// `width` numbers, `stride` apart, those of y `ystride`. `largest` and `inverse` get each row's largest score and 1/Σ e^(score - largest).
void cvk_attention(float *y, size_t ystride, float *largest, float *inverse, const float *q, const float *k, const float *v, size_t stride,
                   size_t length, size_t width, float scale, float *scratch);
/// ∂loss/∂q, k and v, `stride` apart like these, from dy = ∂loss/∂y and what cvk_attention has left. The probabilities are made again from the
/// scores, a tile of queries at a time (Dao et al. 2022).
void cvk_attention_backward(float *dq, float *dk, float *dv, const float *dy, const float *y, size_t ystride, const float *largest,
                            const float *inverse, const float *q, const float *k, const float *v, size_t stride, size_t length,
                            size_t width, float scale, float *scratch);

/// g += scale·(x - y)
void cvk_add_difference(float *g, const float *x, const float *y, float scale, size_t count);

// A variational autoencoder.

/// -log likelihood of pixels x in 0...1 under independent Bernoulli variables with logits z: Σ max(z, 0) - z·x + log(1 + e^-|z|), in Double.
/// `gradient`, if not null, gets scale·(σ(z) - x).
double cvk_bernoulli(const float *z, const float *x, size_t count, float scale, float *gradient);
/// z = mean + e^(log_variance/2)·noise; returns the divergence from N(0, 1), ½ Σ mean² + e^log_variance - 1 - log_variance, in Double.
double cvk_draw_latent(float *z, const float *mean, const float *log_variance, const float *noise, size_t count);
/// d, ∂loss/∂z, becomes ∂loss/∂mean, with scale times the divergence's part; so does d_log_variance.
void cvk_draw_latent_backward(float *d, float *d_log_variance, const float *mean, const float *log_variance, const float *noise, float scale,
                              size_t count);
#endif
