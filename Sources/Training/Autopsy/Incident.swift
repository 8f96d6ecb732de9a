import Recording

/// An alarm of a step and what caused it, the same on every rank.
public struct Incident: Sendable, Equatable {
  /// How a run ends for it.
  public enum Ending: Sendable {
    /// Weights and state are sound, and a checkpoint keeps them: a rank, or the sum, is not.
    case afterCheckpoint
    /// Weights or state are not: only an earlier checkpoint is worth going on from.
    case atOnce
  }

  public var record: IncidentRecord
  /// Nil where training goes on.
  public var ending: Ending?

  init(_ record: IncidentRecord, _ ending: Ending? = nil) {
    (self.record, self.ending) = (record, ending)
  }
}

extension IncidentRecord {
  /// What follows the sentence that a step is skipped; `hosts` are the ranks'.
  func clause(hosts: [String]) -> String {
    let place = rank.map { $0 < hosts.count ? " (rank \($0) on \(hosts[$0]))" : "" } ?? ""
    return "cause \(cause.rawValue): \(text)\(place)"
  }

  /// The sentence by itself.
  func sentence(hosts: [String]) -> String {
    "step \(step): \(kind.rawValue), \(clause(hosts: hosts))"
  }
}
