// All kernels, compiled for the instructions INSTRUCTIONS (or, if it is not defined, for those of every CPU of this kind) into the table TABLE.
#include <math.h>
#include <string.h>

#include "table.h"

#pragma STDC FP_CONTRACT OFF
// At the start of a function whose multiplications and additions may be one instruction where the CPU has it: a third of the time of a polynomial,
// and its bits then depend on the CPU, as oneDNN's products do.
#define CONTRACTED _Pragma("clang fp contract(on)")

#if defined(INSTRUCTIONS)
#pragma clang attribute push(__attribute__((target(INSTRUCTIONS))), apply_to = function)
#endif

#include "kernels/activations.h"
#include "kernels/attention.h"
#include "kernels/clusters.h"
#include "kernels/crossentropy.h"
#include "kernels/embedding.h"
#include "kernels/gelu.h"
#include "kernels/layernorm.h"
#include "kernels/likelihood.h"
#include "kernels/orthogonal.h"
#include "kernels/pointwise.h"
#include "kernels/recurrent.h"
#include "kernels/cells.h"
#include "kernels/softmax.h"
#include "kernels/sums.h"
#include "kernels/channels.h"
#include "kernels/updates.h"

#if defined(INSTRUCTIONS)
#pragma clang attribute pop
#endif

#define KERNEL(result, name, parameters, arguments) .name = name,
const kernel_table TABLE = {
#include "Kernels.def"
};
#undef KERNEL
