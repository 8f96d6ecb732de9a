// One source, one object code for each vector width, chosen when the program is loaded.
#pragma STDC FP_CONTRACT OFF
#if defined(__x86_64__)
#define MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif
// At the start of a function whose multiplications and additions may be one instruction where the CPU has it: a third of the time of a polynomial,
// and its bits then depend on the CPU, as oneDNN's products do.
#define CONTRACTED _Pragma("clang fp contract(on)")
