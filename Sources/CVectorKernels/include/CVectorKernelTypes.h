// What kernels take and return that is no plain number or array.
#ifndef LOCKSTEP_VECTOR_KERNEL_TYPES_H
#define LOCKSTEP_VECTOR_KERNEL_TYPES_H
#include <stddef.h>
#include <stdint.h>

/// Squared norms that a parameter update yields on its way: of the change it made, and of the weights before it.
typedef struct { double update, weight; } cvk_update_norms;

/// Queries of which the backward pass of attention keeps the probabilities at a time.
enum { CVK_ATTENTION_TILE = 64 };
#endif
