import Configuration
import Recording

/// How a run begins in a directory: a pure function of what was asked for and of what the directory
/// holds.
public enum StartDecision: Sendable, Equatable {
  /// At step 1; nothing of a run is there.
  case fresh
  /// At step 1, in place of what is there.
  case replace
  /// From the newest checkpoint that can be read.
  case resume
  /// At step 1, after the records of a start that never reached a checkpoint have been moved to
  /// `interrupted-N`.
  case setAside
  /// Not at all: the run has ended with all that it was to do.
  case complete
  /// Not at all; why, and what to do instead. Exit code 64.
  case refuse(String)

  /// What the command line says of a directory that holds something.
  public enum Request: Sendable { case new, resume, replace }

  /// What is known of a run's end, and of the keys with which it is to go on.
  public struct Past: Sendable, Equatable {
    /// Whether `report.json` is of a run that trained to its end, not of one that was stopped.
    public var isFinished = false
    /// Whether the records reach past a step at which a checkpoint was due.
    public var passedCheckpoint = false
    /// A changed key of model, data or order, as a sentence.
    public var refusal: String?
    /// A changed key by which training would go on past its end.
    public var continuation: String?

    public init() {}
  }

  public init(_ request: Request, _ state: RunDirectoryState, _ past: Past, path: String) {
    let ways = "--force replaces it, --output DIR puts the new run elsewhere"
    switch request {
    case .new:
      self =
        state.isTaken
        ? .refuse(
          "\(path) holds a run already: --resume continues it, --force replaces it, --output DIR runs elsewhere"
        ) : .fresh
    case .replace: self = state.isTaken ? .replace : .fresh
    case .resume:
      if !state.checkpoints.isEmpty {
        self = .resume
      } else if state.hasCheckpointFolder || past.passedCheckpoint {
        self = .refuse(
          "\(path): the run's checkpoints are gone, and without one it cannot go on: \(ways)")
      } else if past.isFinished && state.hasWeights {
        if let refusal = past.refusal {
          self = .refuse(refusal)
        } else if let continuation = past.continuation {
          self = .refuse(
            "\(path): the run has ended without a checkpoint, so it cannot go on (\(continuation)): \(ways)"
          )
        } else {
          self = .complete
        }
      } else if state.hasReport || state.hasWeights {
        self = .refuse(
          "\(path): the run has ended without a checkpoint, so it cannot go on: \(ways)")
      } else {
        self = state.records.isEmpty ? .fresh : .setAside
      }
    }
  }
}
