/// Whether and when failed workers are started again: up to a limit, ever later, and not without progress.
public struct RestartPolicy: Sendable, Equatable {
  public let limit: Int
  /// Starts after the first.
  public private(set) var restarts = 0
  private var furthest = 0
  private var failuresWithoutProgress = 0

  public init(limit: Int) { self.limit = limit }

  public enum Decision: Sendable, Equatable {
    /// Start again after this many seconds.
    case restart(after: Int)
    /// Why it ends here; empty when restarts were not asked for.
    case giveUp(reason: String)
  }

  /// What to do about a failure whose last known step is `step` (0 before the first).
  ///
  /// The second failure in a row that comes no further than an earlier one ends it: the fault lies in the run, not in chance.
  public mutating func failed(at step: Int) -> Decision {
    guard limit > 0 else { return .giveUp(reason: "") }
    failuresWithoutProgress = step > furthest ? 0 : failuresWithoutProgress + 1
    furthest = max(furthest, step)
    if failuresWithoutProgress >= 2 { return .giveUp(reason: "two failures without progress past step \(furthest)") }
    guard restarts < limit else { return .giveUp(reason: "all \(limit) restarts are used up") }
    restarts += 1
    return .restart(after: min(60, 1 << min(restarts - 1, 6)))
  }
}
