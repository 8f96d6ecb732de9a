// oneDNN's C interface, and OpenMP's thread count, which oneDNN's CPU build obeys.
#include <dnnl.h>
void omp_set_num_threads(int count);
// What a compiler makes of `#pragma omp parallel`: `body(data)` on `count` threads of the pool that oneDNN's build of OpenMP has anyway.
void GOMP_parallel(void (*body)(void *), void *data, unsigned count, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
