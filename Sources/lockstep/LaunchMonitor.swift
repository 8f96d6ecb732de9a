import Glibc
import Processes

/// Watches an mpirun that may have nothing left to wait for: one that cannot start its ranks, or
/// has lost them or a host of theirs, sometimes never ends.
struct LaunchMonitor {
  let launcher: Int32
  /// Whether there may be ranks elsewhere, while those of this machine are not there yet or never
  /// will be. They end together.
  let hasOtherHosts: Bool

  /// Seconds without any rank after which mpirun is given up: before it has started one, and after.
  /// It takes 0.1 s for the first, 2 s for the other.
  private static let patience = (starting: 20, ending: 10)

  /// Returns once mpirun is given up, and whether it ever started a rank; nil when it ends by
  /// itself or this task is cancelled.
  func watch() async -> Bool? {
    var hadRanks = false
    var seconds = 0
    while let entry = ProcessEntry(launcher), entry.isAlive {
      let hasRanks = hasRanks
      hadRanks = hadRanks || hasRanks
      // A stopped mpirun is the user's doing.
      let mayWait = hasRanks || entry.isStopped || (hasOtherHosts && !hadRanks)
      seconds = mayWait ? 0 : seconds + 1
      if seconds >= (hadRanks ? Self.patience.ending : Self.patience.starting) { return hadRanks }
      guard (try? await Task.sleep(for: .seconds(1))) != nil else { return nil }
    }
    return nil
  }

  /// Whether mpirun has ranks on this host. Where it reaches other hosts, its connections to them
  /// are its children too, which may outlive all ranks; and where these hosts are namespaces of this
  /// machine, so are their ranks.
  private var hasRanks: Bool {
    let descendants = ProcessEntry.descendants(of: launcher)
    guard hasOtherHosts else { return !descendants.isEmpty }
    let own = Self.hostSpace(of: launcher)
    return descendants.contains {
      LaunchPlace.rank(of: $0.identifier) != nil && Self.hostSpace(of: $0.identifier) == own
    }
  }

  /// What distinguishes hosts that are namespaces of one machine.
  private static func hostSpace(of process: Int32) -> String? {
    SmallFiles.link("/proc/\(process)/ns/uts")
  }
}
