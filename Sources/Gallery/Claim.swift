import GradientNorms
import Recording
import Reports
import ScalingStudy

/// A statement of the literature on gradient norms that runs of an experiment bear out or do not.
public struct Claim: Sendable {
  /// One word for the command line and the run directories.
  public let name: String
  public let statement: String
  /// Paper, year, arXiv number.
  public let source: String
  /// What is measured, and what figure the claim stands or falls with.
  public let expected: String
  /// The file in `Launch/experiments`.
  public let experiment: String
  public let runs: [PlannedRun]
  /// Measurements of a critical batch, with the experiment of the claim.
  public let studies: [PlannedStudy]
  /// About how long all of these take on two cores. ``isShort`` ones run without being asked for.
  public let seconds: Int
  let judge: @Sendable (Outcomes) throws -> Finding

  init(
    name: String, statement: String, source: String, expected: String, experiment: String,
    runs: [PlannedRun] = [], studies: [PlannedStudy] = [], seconds: Int,
    judge: @escaping @Sendable (Outcomes) throws -> Finding
  ) {
    (self.name, self.statement, self.source) = (name, statement, source)
    (self.expected, self.experiment) = (expected, experiment)
    (self.runs, self.studies, self.seconds, self.judge) = (runs, studies, seconds, judge)
  }

  public var isShort: Bool { seconds <= 90 }

  /// What the finished runs and studies say, in the order of ``runs`` and ``studies``.
  public func finding(_ runs: [FinishedRun], studies: [BatchStudy] = []) throws -> Finding {
    try judge(Outcomes(runs: runs, studies: studies))
  }
}

/// One run of a claim: the claim's experiment with some keys changed.
public struct PlannedRun: Sendable {
  public let name: String
  public let overrides: [String]
  /// For runs that need a certain number of ranks; nil for the command's.
  public let ranks: Int?
  /// A fault that the worker puts in, as its option `--inject` takes it; nil for none.
  public let fault: String?

  init(_ name: String, _ overrides: [String] = [], ranks: Int? = nil, fault: String? = nil) {
    self.name = name
    self.overrides = overrides
    self.ranks = ranks
    self.fault = fault
  }
}

/// One measurement of a critical batch: the claim's experiment with some keys changed.
public struct PlannedStudy: Sendable {
  public let name: String
  public let overrides: [String]
  /// Further options of `lockstep critical-batch`.
  public let options: [String]

  init(_ name: String, _ overrides: [String] = [], options: [String]) {
    self.name = name
    self.overrides = overrides
    self.options = options
  }
}

/// What a claim's runs have shown.
public struct Finding: Sendable {
  /// A head and a row a run.
  public let table: [[String]]
  /// The measured figures, in a sentence.
  public let measured: String
  public let holds: Bool

  init(table: [[String]], measured: String, holds: Bool) {
    self.table = table
    self.measured = measured
    self.holds = holds
  }
}

/// A claim's runs, by name, and its studies.
struct Outcomes {
  let runs: [FinishedRun]
  let studies: [BatchStudy]

  subscript(name: String) -> FinishedRun {
    guard let run = runs.first(where: { $0.name == name }) else {
      fatalError("the claim has no run \(name)")
    }
    return run
  }

  /// A table with a row a run: its name, what `cells` says of it, its verdict, and its norm as a
  /// picture, all on one scale.
  func table(_ head: [String], _ cells: (FinishedRun) -> [String]) -> [[String]] {
    let all: [Double] = runs.flatMap { run in
      (0..<32).map { part in run.norm(Double(part) / 32, Double(part + 1) / 32) }
    }
    let norms = all.filter { $0.isFinite && $0 > 0 }
    let range = (norms.min() ?? 1)...(norms.max() ?? 1)
    return [["run"] + head + ["verdict", "norm over the run (log scale)"]]
      + runs.map { [$0.name] + cells($0) + [$0.report.verdict.rawValue, $0.normPicture(range)] }
  }
}
