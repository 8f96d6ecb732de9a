// oneDNN's C interface, and OpenMP's thread count, which oneDNN's CPU build obeys.
#include <dnnl.h>
void omp_set_num_threads(int count);
