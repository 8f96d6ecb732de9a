import Glibc

/// What signals have asked of this rank since it last looked: USR1 for a checkpoint, USR2 and TERM for a checkpoint and an end.
///
/// The signals are blocked and looked for at each step; no handler ever runs. A handler would be unsafe: oneDNN 2.6's generated `sgemm` points the stack
/// register at a heap buffer for some shapes (32×784 by 784×16 for one), and the kernel would push the handler's frame over what lies below it
/// (measured: heap corrupted in 1 of 5 runs). What is found travels in the step's ledger, so that all ranks act at the same step boundary, whichever
/// rank a signal reached.
public enum StopSignals {
  private nonisolated(unsafe) static var stop = false

  /// Blocks the signals in this thread and all that it starts: the first thing a program does, before MPI has threads of its own.
  public static func hold() {
    var set = signals
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  private static var signals: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGUSR1, SIGUSR2, SIGTERM] { sigaddset(&set, number) }
    return set
  }

  /// Takes the signals that have come. A request to stop stands from then on; one for a checkpoint is told once. Only for the thread that trains.
  static func look() -> (stop: Bool, checkpoint: Bool) {
    var set = signals
    var now = timespec(tv_sec: 0, tv_nsec: 0)
    var checkpoint = false
    while true {
      switch sigtimedwait(&set, nil, &now) {
      case SIGUSR1: checkpoint = true
      case SIGUSR2, SIGTERM: stop = true
      case -1 where errno == EINTR: continue
      default: return (stop, checkpoint)
      }
    }
  }
}
