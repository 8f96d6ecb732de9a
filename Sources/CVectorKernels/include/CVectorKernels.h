// Loops over Float32 arrays that must run at the CPU's own vector width. Swift's vector code is compiled for one width; each function of
// Kernels.def is compiled for several, and one table of them is chosen before main (measured: sum of squares 0.07 ns an element against 0.14).
//
// Sums run in 16 Double lanes, folded in a fixed order, and no multiply is fused with an add (except where the product is exact, or where the
// kernel says CONTRACTED), so that every width gives the same bits.
#ifndef LOCKSTEP_VECTOR_KERNELS_H
#define LOCKSTEP_VECTOR_KERNELS_H
#include "CVectorKernelTypes.h"

#define KERNEL(result, name, parameters, arguments) result name parameters;
#include "Kernels.def"
#undef KERNEL

/// Σ(|x[i]|/unit)ᵖ, in Double; the unit is a power of two.
double cvk_sum_of_powers(const float *x, size_t count, double p, double unit);
/// 64 bits in which any changed bit of x shows with near certainty; not against intent.
uint64_t cvk_digest(const float *x, size_t count);
/// The instructions that the kernels use: "avx512" (x86-64-v4), "avx2" (x86-64-v3), "baseline" (any x86-64), or "portable" on other CPUs.
///
/// The best that the CPU has, or less if the environment variable LOCKSTEP_MAX_CPU names less when the program starts.
const char *cvk_instructions(void);
/// Who made the CPU: "amd", "intel" or "other".
const char *cvk_vendor(void);
/// Whether LOCKSTEP_MAX_CPU is set, and is none of these names; it then limits nothing.
int cvk_limit_is_unknown(void);
/// Uses these and no better from now on; not while a kernel runs on another thread. 0, and nothing is changed, where those in use are less.
int cvk_limit(const char *name);
#endif
