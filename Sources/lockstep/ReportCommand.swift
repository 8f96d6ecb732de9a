import ArgumentParser
import Glibc
import Recording
import Reports
import TensorFiles

/// `lockstep report DIR…`: one run's report as text, several side by side.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Shows the convergence report of one run, or several side by side.",
    discussion: """
      Of a run that has not ended, or failed, it shows what was recorded, and so does --html.
      Exit codes: 0 done, 64 bad options, or a directory that holds no run, 65 records that are missing or cannot be read.

      Examples:
        lockstep report runs/fashion-mlp
        lockstep report runs/fashion-mlp runs/tighter --html compared.html
        lockstep report runs/fashion-mlp --what-if
        lockstep report runs/fashion-mlp --csv metrics > metrics.csv
      """)

  @Argument(help: ArgumentHelp("Run directories.", valueName: "dir"), completion: .directory)
  var directories: [String]

  @Flag(help: "Print JSON: the report, or for several runs an array of {directory, report}.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Print the records as comma-separated values, units in the header: a line a step, a rank and interval, or an evaluation; of a run without evaluations.jsonl that of its last weights.",
      valueName: RecordTable.Kind.allCases.map(\.rawValue).joined(separator: "|")),
    completion: .list(RecordTable.Kind.allCases.map(\.rawValue)))
  var csv: String?

  @Option(
    help: ArgumentHelp(
      "Write a page that needs no network: one run's, or several compared.", valueName: "file"))
  var html: String?

  @Flag(help: "Replace the page that --html names.")
  var force = false

  @Flag(
    help:
      "Show instead what other clip thresholds and rules would have done to the recorded norms of one run."
  )
  var whatIf = false

  func run() throws {
    if whatIf { return try tellCounterfactuals() }
    if let csv { return try writeTable(csv) }
    if let html { return try writePage(to: html) }
    if directories.count == 1, !json, let text = try unfinished(RunDirectory(directories[0])) {
      return Terminal.output.write(text)
    }
    let runs = try directories.map { path in
      let directory = RunDirectory(path)
      guard directory.exists else {
        throw CommandFailure(
          .usage, "\(path): no such directory; give a run directory, such as runs/NAME")
      }
      if !directory.holdsReport, let mistake = StudyDirectory(path: path).isNoRun { throw mistake }
      guard directory.holdsReport else {
        throw CommandFailure(
          .data,
          "\(directory.report): no such file; the run has not ended, or ended without a report")
      }
      do throws(RunFileError) {
        return (
          path: path, report: try JSONFile.read(ConvergenceReport.self, from: directory.report)
        )
      } catch {
        throw CommandFailure(.data, PlainText.sanitized(error.description))
      }
    }
    if json {
      Terminal.output.write(
        runs.count == 1
          ? JSONText(of: runs[0].report, indented: true).string + "\n" : Self.array(runs))
    } else if runs.count == 1 {
      let text = ReportText(
        runs[0].report, name: RunSettings.name(of: RunDirectory(runs[0].path)),
        place: RunDirectory(runs[0].path).placeToRead,
        style: Terminal.output.style)
      Terminal.output.write(text.text)
    } else {
      compare(runs.map(\.report))
    }
  }

  /// Reports side by side, what was set differently, and the curves.
  private func compare(_ reports: [ConvergenceReport]) {
    var records = directories.map { RunRecords(RunDirectory($0)) }
    let names = RunSettings.distinctNames(records.map { ($0.name, $0.directory) })
    for index in records.indices { records[index].name = names[index] }
    let style = Terminal.output.style
    Terminal.output.write(
      ReportTable(Array(zip(names, reports)), settings: records.map(\.settings)).text(style))
    Terminal.output.write(CurveText(records, width: style.width).text)
  }

  private func writeTable(_ name: String) throws {
    guard let kind = RecordTable.Kind(rawValue: name) else {
      let kinds = RecordTable.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw CommandFailure(
        .usage, "--csv \(PlainText.sanitized(name, limit: 40)): there are \(kinds)")
    }
    guard !json, html == nil else {
      throw CommandFailure(.usage, "--csv prints a table of its own: leave out --json and --html")
    }
    for directory in directories.map(RunDirectory.init) where !directory.exists {
      throw CommandFailure(
        .usage, "\(directory.path): no such directory; give a run directory, such as runs/NAME")
    }
    let runs = directories.map { (name: RunSettings.name(of: RunDirectory($0)), directory: $0) }
    do throws(RunFileError) {
      let names = RunSettings.distinctNames(runs)
      let table = try RecordTable(
        kind, of: zip(names, runs).map { (name: $0, directory: RunDirectory($1.directory)) })
      var text = ""
      try table.write { line in
        text += line
        guard text.utf8.count > 1 << 16 else { return }
        Terminal.output.write(text)
        text = ""
      }
      Terminal.output.write(text)
    } catch {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    }
  }

  /// What there is of a run without a report; nil where it has one, or holds nothing of a run.
  private func unfinished(_ directory: RunDirectory) throws -> String? {
    guard !directory.holdsReport, access(directory.metrics, R_OK) == 0 else { return nil }
    do throws(RunFileError) {
      return try UnfinishedText(directory, name: RunSettings.name(of: directory)).text
    } catch {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    }
  }

  /// Runs that have not ended have a page too: of what they have recorded.
  private func writePage(to path: String) throws {
    for directory in directories.map(RunDirectory.init) where !directory.isTaken {
      throw CommandFailure(
        .usage, "\(directory.path): no run there; give a run directory, such as runs/NAME")
    }
    for directory in directories {
      if let mistake = StudyDirectory(path: directory).isNoRun { throw mistake }
    }
    if !force && access(path, F_OK) == 0 {
      throw CommandFailure(.usage, "\(path) exists: --force replaces it")
    }
    let runs = directories.map { RunRecords(RunDirectory($0)) }
    do throws(RunFileError) {
      if runs.count == 1 {
        try RunPage(runs[0]).write(to: path)
      } else {
        try ComparisonPage(runs).write(to: path)
      }
    } catch {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    }
    for note in runs.flatMap(\.notes) {
      Terminal.error.write("lockstep: \(PlainText.sanitized(note))\n")
    }
  }

  private func tellCounterfactuals() throws {
    guard directories.count == 1 else {
      throw CommandFailure(.usage, "--what-if takes one run directory, not \(directories.count)")
    }
    let directory = RunDirectory(directories[0])
    guard directory.exists else {
      throw CommandFailure(
        .usage, "\(directory.path): no such directory; give a run directory, such as runs/NAME")
    }
    do throws(RunFileError) {
      let table = WhatIf(
        try RecordedNorms(path: directory.metrics, elements: Self.elements(of: directory)))
      Terminal.output.write(
        json
          ? JSONText(of: table, indented: true).string + "\n"
          : table.text(name: RunSettings.name(of: directory)))
    } catch {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    }
  }

  /// The elements of each tensor of a run's newest weights, by name; empty where there are none.
  private static func elements(of directory: RunDirectory) -> [String: Int] {
    let checkpoint = directory.newestCheckpoint.map {
      "\(directory.checkpoints)/\(RunDirectory.checkpointName($0))/model.safetensors"
    }
    for path in [directory.finalWeights, checkpoint].compactMap({ $0 }) {
      if let file = try? SafeTensors(path: path) {
        return Dictionary(file.tensors.map { ($0.name, $0.elementCount) }) { first, _ in first }
      }
    }
    return [:]
  }

  private static func array(_ runs: [(path: String, report: ConvergenceReport)]) -> String {
    var json = JSONText(indented: true)
    json.array(runs) { json, run in
      json.object {
        $0.field("directory", run.path)
        $0.field("report", run.report)
      }
    }
    return json.string + "\n"
  }
}
