import ArgumentParser
import Reports

/// `lockstep report DIR…`: one run's report as text, several side by side.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Shows the convergence report of one run, or several side by side.")

  @Argument(help: ArgumentHelp("Run directories.", valueName: "dir"))
  var directories: [String]

  @Flag(help: "Print JSON: the report, or for several runs an array of {directory, report}.")
  var json = false

  func run() throws {
    let runs = try directories.map { path in
      let directory = RunDirectory(path)
      guard directory.exists else { throw CommandFailure(.usage, "\(path): no such directory; give a run directory, such as runs/NAME") }
      guard directory.holdsReport else {
        throw CommandFailure(.data, "\(directory.report): no such file; the run has not ended, or ended without a report")
      }
      do throws(RunFileError) {
        return (path: path, report: try JSONFile.read(ConvergenceReport.self, from: directory.report))
      } catch {
        throw CommandFailure(.data, PlainText.line(error.description))
      }
    }
    if json {
      Screen.output.write(runs.count == 1 ? JSONText(of: runs[0].report, indented: true).string + "\n" : Self.array(runs))
    } else if runs.count == 1 {
      let text = ReportText(
        runs[0].report, name: Self.name(runs[0].path), directory: runs[0].path, colour: Screen.output.isTerminal)
      Screen.output.write(text.text)
    } else {
      Screen.output.write(ReportTable(runs.map { (Self.name($0.path), $0.report) }).text)
    }
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

  private static func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
