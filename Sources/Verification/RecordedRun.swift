import Recording

/// All that a run recorded and that must not depend on the number of ranks, as one list of named
/// quantities.
public struct RecordedRun: Sendable, Equatable {
  /// One quantity of a step, or, where `step` is nil, of the run's end.
  public struct Quantity: Sendable, Equatable {
    public var step: Int?
    public var name: String
    public var text: String
  }

  public let ranks: Int
  public private(set) var quantities: [Quantity] = []

  /// What depends on the partition or the clock by nature.
  public static let leftOut =
    "times; which rank had the largest local norm, the outlier or a gradient that is not finite; ranks.jsonl"

  private static let leftOutOfSteps = [
    "seconds", "norm.max_local.rank", "norm.outlier.rank", "reason",
  ]
  private static let comparedOfReport = [
    "verdict", "reasons", "steps", "epochs", "samples", "final", "norm", "spike_score",
    "noise_scale", "weights_sha256",
  ]
  private static let leftOutOfState = [
    "sha256", "ranks", "history.skips", "history.resumedAt", "history.rankTotals",
  ]

  /// Reads a run from its files' bytes; `report` and `state` (of the last checkpoint) are nil where
  /// the run did not come to them.
  ///
  /// - `digests`: files that must be equal, by name, as digests.
  public init(
    ranks: Int, metrics: [UInt8], report: [UInt8]?, state: [UInt8]?,
    digests: [(name: String, digest: String)] = []
  ) throws(RunFileError) {
    self.ranks = ranks
    for line in metrics.split(separator: UInt8(ascii: "\n")) {
      let leaves = try JSONLeaves(
        Array(line), name: "metrics.jsonl on \(NumberFormat.counted(ranks, "rank"))"
      ).leaves
      let step = leaves.first { $0.path == "step" }.flatMap { Int($0.text) }
      add(leaves, step: step) { path in !Self.leftOutOfSteps.contains { Self.covers($0, path) } }
    }
    if let report {
      add(try JSONLeaves(report, name: "report.json").leaves, prefix: "report ") { path in
        Self.comparedOfReport.contains { Self.covers($0, path) }
      }
    }
    if let state {
      add(try JSONLeaves(state, name: "state.json").leaves, prefix: "checkpoint ") { path in
        !Self.leftOutOfState.contains { Self.covers($0, path) }
      }
    }
    quantities += digests.map { Quantity(step: nil, name: $0.name, text: $0.digest) }
  }

  /// What the evaluation scored besides the loss, by the name of its key; nil where there is none.
  var scoreName: String? {
    let prefix = "report final."
    let scores = quantities.filter {
      $0.step == nil && $0.name.hasPrefix(prefix) && $0.text != "null"
    }.map {
      String($0.name.dropFirst(prefix.count))
    }
    return scores.first { $0 != "loss" && $0 != "grad_norm" }
  }

  /// A quantity of the run's end, by name.
  public func final(_ name: String) -> String? {
    quantities.first { $0.step == nil && $0.name == name }?.text
  }

  private mutating func add(
    _ leaves: [JSONLeaves.Leaf], step: Int? = nil, prefix: String = "",
    where isCompared: (String) -> Bool
  ) {
    quantities += leaves.filter { isCompared($0.path) }.map {
      Quantity(step: step, name: prefix + $0.path, text: $0.text)
    }
  }

  /// Whether a path is `key`, or lies within it.
  private static func covers(_ key: String, _ path: String) -> Bool {
    path.hasPrefix(key)
      && (path.count == key.count
        || [".", "["].contains(path[path.index(path.startIndex, offsetBy: key.count)]))
  }
}
