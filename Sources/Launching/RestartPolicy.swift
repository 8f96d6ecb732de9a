/// Whether and when failed workers are started again: up to a limit, ever later, and not without
/// progress.
public struct RestartPolicy: Sendable, Equatable {
  public let limit: Int
  /// Starts after the first.
  public private(set) var restarts = 0
  private var furthest = 0
  private var failuresWithoutProgress = 0
  private var lastExplanation: String?

  public init(limit: Int) { self.limit = limit }

  public enum Decision: Sendable, Equatable {
    /// Start again after this many seconds.
    case restart(after: Int)
    /// Why it ends here; empty when restarts were not asked for.
    case giveUp(reason: String)
  }

  /// What to do about a failure after `step` steps that were not skipped (0 before the first).
  ///
  /// The second failure in a row that comes no further than an earlier one ends it: the fault lies
  /// in the run, not in chance. Where a worker itself said why it failed, which is its
  /// `explanation`, and says the same again without progress, the first one does.
  public mutating func failed(at step: Int, explanation: String? = nil) -> Decision {
    guard limit > 0 else { return .giveUp(reason: "") }
    // Numbers differ: steps, norms.
    let words = explanation.map { $0.filter { !$0.isNumber } }
    defer { lastExplanation = words }
    if step <= furthest, let words, words == lastExplanation {
      return .giveUp(reason: "the workers failed as before, without progress past step \(furthest)")
    }
    failuresWithoutProgress = step > furthest ? 0 : failuresWithoutProgress + 1
    furthest = max(furthest, step)
    if failuresWithoutProgress >= 2 {
      return .giveUp(reason: "two failures without progress past step \(furthest)")
    }
    guard restarts < limit else { return .giveUp(reason: "all \(limit) restarts are used up") }
    restarts += 1
    return .restart(after: min(60, 1 << min(restarts - 1, 6)))
  }
}
