// x86-64-v3. The features, not the name: with it clang would also tune for the first CPUs that had them.
#if defined(__x86_64__)
#define INSTRUCTIONS "avx2,bmi,bmi2,crc32,cx16,f16c,fma,lzcnt,movbe,popcnt,sahf,xsave"
#define TABLE kernels_avx2
#include "instance.h"
#endif
