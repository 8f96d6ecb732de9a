#define _GNU_SOURCE
#include <dlfcn.h>
#include <mpi.h>
#include <sched.h>

#include "CMPIYield.h"

static int yields = 0;

void cmpi_yield_while_waiting(void) { yields = 1; }

static int finish(MPI_Request *request, MPI_Status *status) {
  for (int done = 0;;) {
    int code = PMPI_Test(request, &done, status);
    if (code != MPI_SUCCESS || done) return code;
    sched_yield();
  }
}

// A call of the library's, or of a profiler's that was loaded before it; and the same started and finished.
#define WAITING(name, parameters, blocking, started)           \
  __attribute__((weak)) int MPI_##name parameters {            \
    static int(*next) parameters;                              \
    if (!yields) {                                             \
      if (!next) *(void **)&next = dlsym(RTLD_NEXT, "MPI_" #name); \
      return next ? next blocking : PMPI_##name blocking;      \
    }                                                          \
    MPI_Request request;                                       \
    int code = PMPI_I##started;                                \
    return code == MPI_SUCCESS ? finish(&request, MPI_STATUS_IGNORE) : code; \
  }

int cmpi_allreduce(const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  if (!yields) return PMPI_Allreduce(in, out, count, type, op, comm);
  MPI_Request request;
  int code = PMPI_Iallreduce(in, out, count, type, op, comm, &request);
  return code == MPI_SUCCESS ? finish(&request, MPI_STATUS_IGNORE) : code;
}

// Open MPI yields when it is asked to: there the library's calls stay.
#ifndef OPEN_MPI
WAITING(Allreduce, (const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm), (in, out, count, type, op, comm),
        allreduce(in, out, count, type, op, comm, &request))
WAITING(Barrier, (MPI_Comm comm), (comm), barrier(comm, &request))
WAITING(Bcast, (void *data, int count, MPI_Datatype type, int root, MPI_Comm comm), (data, count, type, root, comm),
        bcast(data, count, type, root, comm, &request))
WAITING(Reduce, (const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, int root, MPI_Comm comm), (in, out, count, type, op, root, comm),
        reduce(in, out, count, type, op, root, comm, &request))
WAITING(Allgather, (const void *in, int sent, MPI_Datatype from, void *out, int received, MPI_Datatype to, MPI_Comm comm),
        (in, sent, from, out, received, to, comm), allgather(in, sent, from, out, received, to, comm, &request))
WAITING(Allgatherv,
        (const void *in, int sent, MPI_Datatype from, void *out, const int *received, const int *places, MPI_Datatype to, MPI_Comm comm),
        (in, sent, from, out, received, places, to, comm), allgatherv(in, sent, from, out, received, places, to, comm, &request))
WAITING(Gather, (const void *in, int sent, MPI_Datatype from, void *out, int received, MPI_Datatype to, int root, MPI_Comm comm),
        (in, sent, from, out, received, to, root, comm), gather(in, sent, from, out, received, to, root, comm, &request))
WAITING(Gatherv,
        (const void *in, int sent, MPI_Datatype from, void *out, const int *received, const int *places, MPI_Datatype to, int root, MPI_Comm comm),
        (in, sent, from, out, received, places, to, root, comm), gatherv(in, sent, from, out, received, places, to, root, comm, &request))
WAITING(Scatter, (const void *in, int sent, MPI_Datatype from, void *out, int received, MPI_Datatype to, int root, MPI_Comm comm),
        (in, sent, from, out, received, to, root, comm), scatter(in, sent, from, out, received, to, root, comm, &request))
WAITING(Scatterv,
        (const void *in, const int *sent, const int *places, MPI_Datatype from, void *out, int received, MPI_Datatype to, int root, MPI_Comm comm),
        (in, sent, places, from, out, received, to, root, comm), scatterv(in, sent, places, from, out, received, to, root, comm, &request))
WAITING(Alltoall, (const void *in, int sent, MPI_Datatype from, void *out, int received, MPI_Datatype to, MPI_Comm comm),
        (in, sent, from, out, received, to, comm), alltoall(in, sent, from, out, received, to, comm, &request))
WAITING(Alltoallv,
        (const void *in, const int *sent, const int *starts, MPI_Datatype from, void *out, const int *received, const int *places, MPI_Datatype to,
         MPI_Comm comm),
        (in, sent, starts, from, out, received, places, to, comm),
        alltoallv(in, sent, starts, from, out, received, places, to, comm, &request))
WAITING(Reduce_scatter, (const void *in, void *out, const int *counts, MPI_Datatype type, MPI_Op op, MPI_Comm comm), (in, out, counts, type, op, comm),
        reduce_scatter(in, out, counts, type, op, comm, &request))
WAITING(Scan, (const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm), (in, out, count, type, op, comm),
        scan(in, out, count, type, op, comm, &request))
WAITING(Exscan, (const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm), (in, out, count, type, op, comm),
        exscan(in, out, count, type, op, comm, &request))
WAITING(Send, (const void *data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm), (data, count, type, to, tag, comm),
        send(data, count, type, to, tag, comm, &request))

__attribute__((weak)) int MPI_Wait(MPI_Request *request, MPI_Status *status) {
  return yields ? finish(request, status) : PMPI_Wait(request, status);
}

__attribute__((weak)) int MPI_Probe(int from, int tag, MPI_Comm comm, MPI_Status *status) {
  if (!yields) return PMPI_Probe(from, tag, comm, status);
  for (int found = 0;;) {
    int code = PMPI_Iprobe(from, tag, comm, &found, status);
    if (code != MPI_SUCCESS || found) return code;
    sched_yield();
  }
}

__attribute__((weak)) int MPI_Mprobe(int from, int tag, MPI_Comm comm, MPI_Message *message, MPI_Status *status) {
  if (!yields) return PMPI_Mprobe(from, tag, comm, message, status);
  for (int found = 0;;) {
    int code = PMPI_Improbe(from, tag, comm, &found, message, status);
    if (code != MPI_SUCCESS || found) return code;
    sched_yield();
  }
}
#endif
