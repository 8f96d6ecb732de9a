// prctl takes a variable number of arguments, which Swift cannot call.
#ifndef LOCKSTEP_PROCESS_SHIM_H
#define LOCKSTEP_PROCESS_SHIM_H
#include <signal.h>
#include <sys/prctl.h>

/// Has the kernel kill this process when the one that started it ends.
static inline int cprocess_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }
#endif
