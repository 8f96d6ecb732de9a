// What rank programs need of C: a count of MPI calls through MPI's profiling interface, and allreduce called without the binding.
#ifndef LOCKSTEP_C_RANK_PROGRAMS_H
#define LOCKSTEP_C_RANK_PROGRAMS_H
#include <stddef.h>

/// Calls of MPI_Allreduce that this process has made, counted by a wrapper around PMPI_Allreduce.
long crp_allreduce_calls(void);
/// Bytes that those calls reduced.
long crp_allreduce_bytes(void);
/// One in-place MPI_Allreduce of floats over all ranks, straight from C.
int crp_allreduce_floats(float *values, int count);
#endif
