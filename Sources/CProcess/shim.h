// Calls of the system that Swift cannot make: prctl takes a variable number of arguments, memfd_create is declared for GNU programs alone.
#ifndef LOCKSTEP_PROCESS_SHIM_H
#define LOCKSTEP_PROCESS_SHIM_H
#include <signal.h>
#include <sys/prctl.h>

/// Has the kernel kill this process when the one that started it ends.
static inline int cprocess_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

/// A descriptor of an empty file in memory that no directory lists, closed on exec; -1 and errno where there is none to be had.
extern int memfd_create(const char *name, unsigned flags);
static inline int cprocess_memory_file(const char *name) { return memfd_create(name, 1); }
#endif
