import Glibc

extension RunDirectory {
  /// Removes what a run writes before its first step, of a run that never made one.
  public func removeStart() {
    guard newestCheckpoint == nil, !holdsReport else { return }
    for path in [experiment, environment, metrics, ranks]
      + RunDirectory.eventFiles(in: path).map({ "\(path)/\($0)" })
    { unlink(path) }
    for name in RunDirectory.entries(of: logs) where name == "mpirun.log" || name.hasPrefix("rank-")
    { unlink("\(logs)/\(name)") }
    for directory in [logs, checkpoints] { rmdir(directory) }
  }
}
