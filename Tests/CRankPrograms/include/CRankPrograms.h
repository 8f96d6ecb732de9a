// C code for rank programs: a count of MPI calls through MPI's profiling interface, allreduce
// called without the binding, and a count of allocations.
#ifndef LOCKSTEP_C_RANK_PROGRAMS_H
#define LOCKSTEP_C_RANK_PROGRAMS_H
#include <mpi.h>
#include <stddef.h>

/// Calls of MPI_Allreduce that this process has made, counted by a wrapper around PMPI_Allreduce.
long crp_allreduce_calls(void);
/// Bytes that those calls reduced.
long crp_allreduce_bytes(void);
/// One in-place MPI_Allreduce of floats over all ranks, straight from C.
int crp_allreduce_floats(float *values, int count);

typedef MPI_Comm crp_comm;
/// Calls of MPI_Comm_free and MPI_Comm_dup that this process has made outside of C.
long crp_comm_frees(void);
long crp_comm_copies(void);
/// MPI_COMM_NULL.
crp_comm crp_comm_null(void);
/// A communicator of C's own with the same ranks the other way round, whose errors end the job. Collective.
crp_comm crp_comm_reversed(crp_comm comm);
/// The intercommunicator between the two halves of `both`; `other_leader` is the first rank there of the other half. Collective.
crp_comm crp_intercomm(crp_comm both, crp_comm half, int other_leader);
/// Gives back what C made, uncounted. Collective.
void crp_comm_free(crp_comm comm);
/// The sum over the ranks, by MPI_Allreduce from C.
int crp_comm_sum(crp_comm comm, int value);
/// 1 where the communicator's error handler is MPI_ERRORS_ARE_FATAL.
int crp_comm_errors_are_fatal(crp_comm comm);

/// How often a thread asked for memory (malloc and its kin), for how many bytes in all, and for how many at a time at most; the same of what oneDNN and
/// MPI ask for in their calls; and how often the process touched a page that it did not have.
typedef struct { long calls, bytes, largest, foreign_calls, foreign_bytes, page_faults; } crp_allocations;
/// From now on counts the memory that this thread asks for; `with_stacks` records the callers.
void crp_count_allocations(int with_stacks);
/// Ends the count.
crp_allocations crp_counted_allocations(void);
/// The places that asked for the most bytes, on standard error.
void crp_print_allocation_stacks(int most);
#endif
