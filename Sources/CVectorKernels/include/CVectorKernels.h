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
/// PyTorch's AdamW: w -= rate·decay·w; m, v are moments of factor·g; w -= (rate/correction1)·m / (√v/√correction2 + epsilon)
cvk_update_norms cvk_adamw(float *w, const float *g, float *m, float *v, size_t count, float rate, float factor, float beta1,
                           float beta2, float epsilon, float decay, double correction1, double correction2);
#endif
