// A pointer to each kernel. One table for each set of instructions that kernels are compiled for.
#ifndef LOCKSTEP_KERNEL_TABLE_H
#define LOCKSTEP_KERNEL_TABLE_H
#include "CVectorKernelTypes.h"

#define KERNEL(result, name, parameters, arguments) result(*name) parameters;
typedef struct {
#include "Kernels.def"
} kernel_table;
#undef KERNEL

extern const kernel_table kernels_avx512, kernels_avx2, kernels_baseline;
#endif
