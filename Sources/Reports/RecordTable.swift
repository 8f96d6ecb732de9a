import FoundationEssentials
import Glibc
import Recording

/// A run's records as comma-separated values (RFC 4180): a line a record, a column a field, units
/// in the header.
///
/// A column is named by the field's path, such as `norm.layers.fc1.weight` or `seconds.total [s]`.
/// What a record lacks, or could not resolve, is an empty cell. Numbers stay as they are written.
/// Reads each file twice, in pieces, so that memory does not grow with the run.
public struct RecordTable {
  public enum Kind: String, Sendable, CaseIterable { case metrics, ranks, evaluations }

  private let kind: Kind
  private let runs: [(name: String, directory: RunDirectory)]
  private var columns: [String] = []
  /// Units by the field's path.
  private let units: [String: String]

  /// Finds the columns. Several runs get a first column `run` with their names.
  /// - Throws: a missing file, or the first line that is no record.
  public init(_ kind: Kind, of runs: [(name: String, directory: RunDirectory)]) throws(RunFileError)
  {
    (self.kind, self.runs) = (kind, runs)
    let declared =
      Metrics.ofRecord.map(\.declaration) + runs.flatMap(\.directory.declaredMetrics)
    units = Dictionary(declared.compactMap { metric in metric.unit.map { (metric.name, $0) } }) {
      first, _ in first
    }
    var columns: [String] = []
    var known: Set<String> = []
    for run in runs {
      try read(run.directory) { leaves in
        var previous: String?
        for leaf in leaves {
          if known.insert(leaf.path).inserted {
            // Where this record has it: a reason after its action, not after all that came before
            // it.
            let place = previous.flatMap { columns.lastIndex(of: $0) }.map { $0 + 1 } ?? 0
            columns.insert(leaf.path, at: place)
          }
          previous = leaf.path
        }
      }
    }
    self.columns = columns
  }

  /// Hands on the header and each row, with their line ends.
  public func write(_ line: (String) -> Void) throws(RunFileError) {
    guard !columns.isEmpty else { return }
    let hasName = runs.count > 1
    func row(_ cells: [String]) -> String {
      cells.map(PlainText.csvCell).joined(separator: ",") + "\n"
    }
    line(
      row(
        (hasName ? ["run"] : [])
          + columns.map { path in units[path].map { "\(path) [\($0)]" } ?? path }))
    let places = Dictionary(uniqueKeysWithValues: columns.enumerated().map { ($1, $0) })
    for run in runs {
      try read(run.directory) { leaves in
        var cells = [String](repeating: "", count: columns.count)
        for leaf in leaves {
          if let place = places[leaf.path] { cells[place] = Self.cell(leaf.text) }
        }
        line(row((hasName ? [run.name] : []) + cells))
      }
    }
  }

  private func read(_ directory: RunDirectory, each: ([JSONLeaves.Leaf]) -> Void)
    throws(RunFileError)
  {
    let path = "\(directory.path)/\(kind.rawValue).jsonl"
    if kind == .evaluations, access(path, F_OK) != 0 {
      return try readFinalEvaluation(directory, missing: path, each: each)
    }
    let what =
      switch kind {
      case .metrics: "a step"
      case .ranks: "a rank"
      case .evaluations: "an evaluation"
      }
    try readLines(path: path, every: 1, of: what) { line in
      // An object or array that is empty is no quantity.
      try JSONLeaves(line, name: path).leaves.filter {
        !$0.path.isEmpty && $0.text != "{}" && $0.text != "[]"
      }
    } each: {
      each($0)
    }
  }

  /// What a run without a file of evaluations has: that of its last weights, in `report.json`.
  private func readFinalEvaluation(
    _ directory: RunDirectory, missing path: String, each: ([JSONLeaves.Leaf]) -> Void
  ) throws(RunFileError) {
    guard directory.holdsReport else {
      throw RunFileError(
        "\(path): no such file, and no report.json with the evaluation of the last weights: the run has not ended"
      )
    }
    let report = try JSONFile.read(ConvergenceReport.self, from: directory.report)
    // A run that was stopped evaluated nothing.
    guard let loss = report.final.loss else { return }
    var json = JSONText()
    json.object {
      $0.field("step", report.steps)
      $0.field("epoch", report.epochs)
      $0.field("loss", loss)
      if let accuracy = report.final.accuracy { $0.field("accuracy", accuracy) }
      let average = report.final.average?.averageNumbers ?? []
      for other in report.final.others + average { $0.field(other.name, other.value) }
    }
    each(try JSONLeaves(json.bytes, name: directory.report).leaves)
  }

  /// A JSON value as a cell: nothing for null, a string without its quotes.
  private static func cell(_ text: String) -> String {
    if text == "null" { return "" }
    guard text.hasPrefix("\"") else { return text }
    return (try? JSONDecoder().decode(String.self, from: Data(text.utf8))) ?? text
  }
}
