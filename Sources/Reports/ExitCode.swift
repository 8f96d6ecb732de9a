/// How `lockstep` and `lockstep-worker` end: the codes that scripts and schedulers read.
public enum ExitCode: Int32, Sendable, CaseIterable {
  /// The run ended, whatever its verdict.
  case done = 0
  /// Wrong options, or a bad experiment file.
  case usage = 64
  /// Bad data or a bad checkpoint.
  case data = 65
  /// A worker failed for good.
  case workerFailed = 70
  /// Stopped by a signal after a checkpoint; `--resume` goes on.
  case stopped = 75
  /// The MPI installation is missing or unusable.
  case mpiUnusable = 78
  /// Ended by HUP, INT, USR2 or TERM where nothing was to be saved: 128 + the signal's number.
  case hungUp = 129
  case interrupted = 130
  case askedToStop = 140
  case terminated = 143
}
