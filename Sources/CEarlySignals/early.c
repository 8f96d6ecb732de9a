// Blocks the signals that a program takes in its own time, before any library is initialised: one that arrives while the program starts waits, and
// kills nothing. Programs that are started later get a clean mask from whatever starts them (ChildProcess, Open MPI's daemons).
#include "CEarlySignals.h"
#include <signal.h>
#include <stddef.h>

static void block_signals(int argc, char **argv, char **environment) {
  (void)argc, (void)argv, (void)environment;
  // The last two are errors of a write: they are reported where it is made.
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction before;
    // nohup has HUP ignored, and means it.
    if (numbers[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    sigaddset(&set, numbers[i]);
  }
  sigprocmask(SIG_BLOCK, &set, NULL);
}

// The first code of an executable: earlier than the constructors of its libraries, which take longer than all that comes before them.
__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **, char **) = block_signals;
