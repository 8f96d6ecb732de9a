// Waiting that leaves the core to others. Where a job has more ranks than cores, ranks that wait must yield: Open MPI does so when it is asked
// (mpi_yield_when_idle), MPICH and most of its descendants never. So with these the program's own MPI_Allreduce and its like take the place of the
// library's (MPI 3.1, section 14.2): they start the call that does not block, and test and yield until it is over. Until they are asked to, they hand
// the call on.
#ifndef LOCKSTEP_CMPI_YIELD_H
#define LOCKSTEP_CMPI_YIELD_H
#include <mpi.h>

/// From now on calls that wait yield: on all ranks or on none, since a call that blocks and one that does not never meet.
void cmpi_yield_while_waiting(void);

/// MPI_Allreduce as it then is, for a program that counts its calls.
int cmpi_allreduce(const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm);
#endif
