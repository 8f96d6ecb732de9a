// x86-64-v4. The features, not the name: with it clang would keep to 256 bits, to suit the first CPUs that had them.
#if defined(__x86_64__)
#define INSTRUCTIONS "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,bmi,bmi2,crc32,cx16,f16c,fma,lzcnt,movbe,popcnt,sahf,xsave"
#define TABLE kernels_avx512
#include "instance.h"
#endif
