#include <mpi.h>

#include "CMPIYield.h"
#include "CRankPrograms.h"

static long calls, bytes;

// MPI 3.1, section 14.2: a definition of MPI_X in the program takes the place of the library's, which stays reachable as PMPI_X.
int MPI_Allreduce(const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  int size = 0;
  MPI_Type_size(type, &size);
  calls += 1;
  bytes += (long)size * count;
  return cmpi_allreduce(in, out, count, type, op, comm);
}

long crp_allreduce_calls(void) { return calls; }
long crp_allreduce_bytes(void) { return bytes; }

int crp_allreduce_floats(float *values, int count) {
  return MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}
