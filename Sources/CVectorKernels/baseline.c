// What every CPU of the kind that is compiled for has.
#define TABLE kernels_baseline
#include "instance.h"
