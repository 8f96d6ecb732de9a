// Calls of the system that Swift cannot make: prctl takes a variable number of arguments, memfd_create is declared for GNU programs alone.
#ifndef LOCKSTEP_PROCESS_SHIM_H
#define LOCKSTEP_PROCESS_SHIM_H
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>

/// Has the kernel kill this process when the one that started it ends.
static inline int cprocess_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

/// Takes that back.
static inline void cprocess_live_without_parent(void) { prctl(PR_SET_PDEATHSIG, 0); }

/// Names this process in lists of processes.
static inline int cprocess_set_name(const char *name) { return prctl(PR_SET_NAME, name); }

/// Closes all descriptors from `first` on in a process that is to be started.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);
static inline int cprocess_close_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

/// A descriptor of an empty file in memory that no directory lists, closed on exec; -1 and errno where there is none to be had.
extern int memfd_create(const char *name, unsigned flags);
static inline int cprocess_memory_file(const char *name) { return memfd_create(name, 1); }

/// A descriptor that can be read once this child has ended; -1 and errno where there is none to be had.
extern int pidfd_open(pid_t process, unsigned flags);
static inline int cprocess_descriptor(pid_t process) { return pidfd_open(process, 0); }

/// Makes a pipe whose ends no program inherits; -1 and errno where there is none to be had.
extern int pipe2(int *ends, int flags);
static inline int cprocess_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }
#endif
