#include <mpi.h>

#include "CRankPrograms.h"

static long frees, copies;

// MPI 3.1, section 14.2, as for MPI_Allreduce: what the binding does to communicators is counted.
int MPI_Comm_free(MPI_Comm *comm) {
  frees += 1;
  return PMPI_Comm_free(comm);
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *copy) {
  copies += 1;
  return PMPI_Comm_dup(comm, copy);
}

long crp_comm_frees(void) { return frees; }
long crp_comm_copies(void) { return copies; }

MPI_Comm crp_comm_null(void) { return MPI_COMM_NULL; }

MPI_Comm crp_comm_reversed(MPI_Comm comm) {
  MPI_Comm made;
  int rank;
  MPI_Comm_rank(comm, &rank);
  PMPI_Comm_split(comm, 0, -rank, &made);
  MPI_Comm_set_errhandler(made, MPI_ERRORS_ARE_FATAL);
  return made;
}

MPI_Comm crp_intercomm(MPI_Comm both, MPI_Comm half, int other_leader) {
  MPI_Comm made;
  MPI_Intercomm_create(half, 0, both, other_leader, 0, &made);
  return made;
}

void crp_comm_free(MPI_Comm comm) { PMPI_Comm_free(&comm); }

int crp_comm_sum(MPI_Comm comm, int value) {
  int sum = 0;
  PMPI_Allreduce(&value, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}

int crp_comm_errors_are_fatal(MPI_Comm comm) {
  MPI_Errhandler handler;
  MPI_Comm_get_errhandler(comm, &handler);
  int are = handler == MPI_ERRORS_ARE_FATAL;
  MPI_Errhandler_free(&handler);
  return are;
}
