// One source, one object code for each vector width, chosen when the program is loaded.
#pragma STDC FP_CONTRACT OFF
#if defined(__x86_64__)
#define MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif
