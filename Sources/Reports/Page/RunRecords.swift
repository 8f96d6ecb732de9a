import Glibc
import Recording

/// A run as its directory holds it, for reports: whatever of it is there and can be read.
public struct RunRecords: Sendable {
  public var name: String
  public var directory: String
  /// Nil where the run has not ended, or ended without one.
  public var report: ConvergenceReport?
  public var series: RunSeries
  /// The resolved experiment and the environment, as their files have them.
  public var experiment: String?
  public var environment: String?
  /// Alarms, and what caused them.
  public var incidents: [IncidentRecord] = []
  /// Why the run ended before its end.
  public var failure: String?
  /// What could not be read.
  public var notes: [String] = []

  /// Reads what the directory holds; `series` where it is in memory already. Of a `metrics.jsonl`
  /// of more bytes than `limit` only every so many steps are read, which the notes say.
  public init(
    _ directory: RunDirectory, series: RunSeries? = nil, failure: String? = nil, limit: Int = .max
  ) {
    self.directory = directory.path
    name = RunSettings.name(of: directory)
    self.failure = failure
    let metrics = series == nil ? directory.declaredMetrics : []
    self.series = series ?? RunSeries(metrics)
    do throws(RunFileError) {
      if directory.holdsReport {
        report = try JSONFile.read(ConvergenceReport.self, from: directory.report)
      }
    } catch {
      notes.append(error.description)
    }
    for (path, target) in [
      (directory.experiment, \RunRecords.experiment), (directory.environment, \.environment),
    ]
    where access(path, F_OK) == 0 {
      do throws(RunFileError) {
        self[keyPath: target] = String(decoding: try JSONFile.contents(of: path), as: UTF8.self)
      } catch {
        notes.append(error.description)
      }
    }
    defer {
      // Of a run that failed later than it reported, the report is of an earlier end.
      if failure != nil && report?.steps != self.series.lastStep { report = nil }
    }
    notes += Self.note(directory.incidents) { (path) throws(RunFileError) in
      var found: [IncidentRecord] = []
      try IncidentRecord.read(path: path) { found.append($0) }
      incidents = found
    }
    guard series == nil else { return }
    var status = stat()
    let every = stat(directory.metrics, &status) == 0 ? max(1, Int(status.st_size) / limit) : 1
    if every > 1 {
      notes.append(
        "Drawn is one step in \(every): lockstep report \(directory.path) --html FILE draws all.")
    }
    var read = RunSeries(metrics)
    notes += Self.note(directory.metrics) { (path) throws(RunFileError) in
      try StepRecord.read(path: path, every: every) { read.add($0) }
    }
    notes += Self.note(directory.evaluations) { (path) throws(RunFileError) in
      try EvaluationRecord.read(path: path) { read.add($0) }
    }
    notes += Self.note(directory.ranks) { (path) throws(RunFileError) in
      try RankRecord.read(path: path) { read.add($0) }
    }
    self.series = read
  }

  /// Reads a file as far as its first bad line, and notes that line.
  private static func note(_ path: String, _ body: (String) throws(RunFileError) -> Void)
    -> [String]
  {
    guard access(path, F_OK) == 0 else { return [] }
    do throws(RunFileError) {
      try body(path)
      return []
    } catch {
      return [error.description]
    }
  }

  public var settings: RunSettings { RunSettings(experiment ?? "") }
}
