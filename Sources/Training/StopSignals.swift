import Glibc
import Synchronization

/// What signals have asked of this rank since it last looked.
///
/// USR1 asks for a checkpoint, USR2 and TERM for a checkpoint and an end. A handler only raises a flag; the flags travel in the step's ledger, so
/// that all ranks act at the same step boundary, whichever rank the signal reached.
enum StopSignals {
  private static let stop = Atomic<Bool>(false)
  private static let checkpoint = Atomic<Bool>(false)

  static func install() {
    signal(SIGUSR1) { _ in StopSignals.checkpoint.store(true, ordering: .relaxed) }
    for number in [SIGUSR2, SIGTERM] { signal(number) { _ in StopSignals.stop.store(true, ordering: .relaxed) } }
  }

  static var wantsStop: Bool { stop.load(ordering: .relaxed) }

  /// Whether a checkpoint was asked for since the last call.
  static func takeCheckpointRequest() -> Bool { checkpoint.exchange(false, ordering: .relaxed) }
}
